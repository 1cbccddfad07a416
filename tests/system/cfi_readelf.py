#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""cfi_readelf.py EGRET FILE...: holds the rows of `egret cfi` against those of readelf.

Each row that readelf --debug-dump=frames-interp prints is looked up at its first and its last byte.
Prints a line for each file with the number of rows, the first differences, and fails with any.
"""

import bisect
import re
import subprocess
import sys

# In the order of DWARF's numbers.
NAMES = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + [f"r{n}" for n in range(8, 16)] + ["ra"]
REGS = set(NAMES)
FDE = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)")
CIE = re.compile(r"^([0-9a-f]+) [0-9a-f]+ (?:00000000|ffffffff|ffffffffffffffff) CIE ")


class Rows:
    """The rows of egret cfi, by address."""

    def __init__(self, egret, path):
        out = subprocess.run([egret, "cfi", path], check=True, capture_output=True, text=True).stdout
        self.starts, self.ends, self.texts = [], [], []
        for line in out.splitlines():
            if line.startswith("#"):
                continue
            span, text = line.split(" ", 1)
            start, end = span.split("-")
            self.starts.append(int(start, 16))
            self.ends.append(int(end, 16))
            self.texts.append(text)
        assert self.starts == sorted(self.starts), "rows are not in order"

    def at(self, vaddr):
        i = bisect.bisect_right(self.starts, vaddr) - 1
        return self.texts[i] if i >= 0 and vaddr < self.ends[i] else "none"


def fields(text):
    """'cfa=rsp+8 ra=*(cfa-8)' as {'cfa': 'rsp+8', 'ra': 'c-8'}, in readelf's words."""
    result = {}
    for name, value in re.findall(r"(\w+)=((?:\*?expr\([^)]*\))|\S+)", text):
        at_cfa = re.fullmatch(r"\*\(cfa([+-]\d+)?\)", value)
        of_cfa = re.fullmatch(r"cfa([+-]\d+)?", value)
        if at_cfa:
            value = "c" + (at_cfa[1] or "+0")
        elif name == "cfa":
            value = "exp" if value.startswith(("*", "expr")) else value if re.search(r"[+-]", value) else value + "+0"
        elif of_cfa:
            value = "v" + (of_cfa[1] or "+0")
        elif value.startswith("*"):
            value = "exp"
        elif value.startswith("expr") or re.search(r"[+-]", value):
            value = "vexp"
        result[name] = value
    return result


def in_register(word):
    """readelf names a register that another one is kept in by its DWARF number."""
    number = re.fullmatch(r"r(\d+)", word)
    return NAMES[int(number[1])] if number and int(number[1]) < len(NAMES) else word


def agree(wanted, text):
    """wanted: column -> readelf's word."""
    got = fields(text)
    if wanted.get("ra") == "u":
        return text.startswith("ra=undefined")
    for name, word in wanted.items():
        mine = got.get(name)
        if name == "CFA":
            if got.get("cfa") != word:
                return False
        elif name not in REGS:
            continue
        elif word in ("u", "s"):
            # Not mentioned, or undone: what goes without saying; said to be lost: undefined.
            if mine not in (None, "undefined"):
                return False
        elif name == "rsp" and word == "v+0":
            if mine is not None:
                return False
        elif word != mine:
            return False
    return all(name == "cfa" or name == "ra" or name in wanted for name in got)


def readelf_rows(path):
    """(start, end, {column: word}) of each row; of all functions, also those with the CIE's alone."""
    # Its exit status is 1 where it has warned of something else in the file.
    out = subprocess.run(["readelf", "-W", "--debug-dump=frames-interp", path], check=False,
                         capture_output=True, text=True).stdout
    cies, functions, current, columns = {}, [], None, []
    for line in out.splitlines():
        cie, fde = CIE.match(line), FDE.match(line)
        if cie or fde:
            current = []
            if cie:
                cies[int(cie[1], 16)] = current
            else:
                functions.append((int(fde[2], 16), int(fde[3], 16), int(fde[1], 16), current))
        elif line.startswith("   LOC"):
            columns = line.split()[1:]
        elif line.startswith("Contents of"):
            current = None
        elif current is not None and re.match(r"^[0-9a-f]{16} ", line):
            words = [in_register(word) for word in re.sub(r" \(\w+\)", "", line).split()]
            current.append((int(words[0], 16), dict(zip(columns, words[1:]))))
    # The function that begins last at an address decides about it; of equals the first.
    functions.sort(key=lambda f: f[0])
    kept = []
    for f in functions:
        if f[1] > f[0] and not (kept and kept[-1][0] == f[0]):
            kept.append(f)
    for i, (start, end, cie, rows) in enumerate(kept):
        if i + 1 < len(kept):
            end = min(end, kept[i + 1][0])
        if not rows:
            rows = [(start, cies[cie][-1][1])] if cies.get(cie) else []
        for n, (at, words) in enumerate(rows):
            upto = min(end, rows[n + 1][0] if n + 1 < len(rows) else end)
            if at < upto:
                yield at, upto, words


def compare(egret, path):
    rows = Rows(egret, path)
    checked = wrong = 0
    for start, end, wanted in readelf_rows(path):
        checked += 1
        for vaddr in {start, end - 1}:
            text = rows.at(vaddr)
            if not agree(wanted, text):
                wrong += 1
                if wrong <= 5:
                    print(f"{path}: {vaddr:#x}: egret has '{text}', readelf {wanted}")
                break
    print(f"{path}: {checked} rows, {checked - wrong} equal")
    return wrong == 0 and checked > 0


def main():
    results = [compare(sys.argv[1], path) for path in sys.argv[2:]]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
