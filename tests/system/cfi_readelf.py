#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""cfi_readelf.py EGRET FILE...: holds the rows of `egret cfi` against those of readelf.

Each row that readelf --debug-dump=frames-interp prints is looked up at its first and its last byte,
and each expression that --debug-dump=frames prints at the place where it comes to hold. Prints a line
for each file with the number of rows and expressions, the first differences, and fails with any.
"""

import bisect
import re
import subprocess
import sys

# In the order of DWARF's numbers.
X86_64 = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + [f"r{n}" for n in range(8, 16)] + ["ra"]
AARCH64 = [f"x{n}" for n in range(30)] + ["ra", "sp"]
NAMES, REGS = X86_64, set(X86_64)
NOT_FOLLOWED = {"x18"}


def choose_names(path):
    """Those of the file's architecture."""
    global NAMES, REGS
    head = subprocess.run(["readelf", "-h", path], check=True, capture_output=True, text=True).stdout
    NAMES = AARCH64 if "AArch64" in head else X86_64
    REGS = set(NAMES) - NOT_FOLLOWED


FDE = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)")
CIE = re.compile(r"^([0-9a-f]+) [0-9a-f]+ (?:00000000|ffffffff|ffffffffffffffff) CIE ")


class Rows:
    """The rows of egret cfi, by address."""

    def __init__(self, egret, path):
        out = subprocess.run([egret, "cfi", path], check=True, capture_output=True, text=True).stdout
        rows, section = [], []
        for line in out.splitlines():
            if line.startswith("#"):  # each section begins with a line that names it
                section = []
                rows.append(section)
                continue
            span, text = line.split(" ", 1)
            start, end = span.split("-")
            section.append((int(start, 16), int(end, 16), text))
        for section in rows:
            assert section == sorted(section, key=lambda row: row[0]), "rows are not in order"
        # Functions are in one of the sections.
        rows = sorted((row for section in rows for row in section), key=lambda row: row[0])
        self.starts, self.ends, self.texts = ([row[i] for row in rows] for i in range(3))

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
    if text.startswith("ra=undefined"):
        return wanted.get("ra") == "u"
    if NAMES is AARCH64:
        # A return address that is still in its register is not mentioned there, as lost ones are.
        if re.fullmatch(r"x\d+", got.get("ra", "")):
            del got["ra"]
    elif wanted.get("ra") == "u":
        return False
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
        elif name in ("rsp", "sp") and word == "v+0":
            if mine is not None:
                return False
        elif word != mine:
            return False
    return all(name in ("cfa", "ra") or name in wanted or got[name] == "same" for name in got)


OPCODES = {0x06: "deref", 0x10: "constu", 0x11: "consts", 0x12: "dup", 0x1a: "and", 0x1c: "minus", 0x1f: "neg",
           0x22: "plus", 0x23: "plus_uconst", 0x24: "shl", 0x2a: "ge", 0x08: "const1u", 0x09: "const1s",
           0x0a: "const2u", 0x0b: "const2s", 0x0c: "const4u", 0x0d: "const4s", 0x1e: "mul", 0x21: "or"}
OPERANDS = {"constu": "u", "consts": "s", "plus_uconst": "u", "const1u": 1, "const1s": -1, "const2u": 2, "const2s": -2,
            "const4u": 4, "const4s": -4}


def leb(code, signed):
    value = shift = 0
    while True:
        byte = code.pop(0)
        value |= (byte & 0x7f) << shift
        shift += 7
        if not byte & 0x80:
            return value - (1 << shift) if signed and byte & 0x40 else value


def operations(code):
    """Bytes of an expression, as readelf prints them but for the names of registers."""
    code, ops = list(code), []
    while code:
        op = code.pop(0)
        if 0x30 <= op < 0x50:
            ops.append(f"lit{op - 0x30}")
        elif 0x70 <= op < 0x90:
            ops.append(f"breg{op - 0x70}: {leb(code, True)}")
        else:
            name = OPCODES.get(op, f"{op:#x}")
            kind = OPERANDS.get(name)
            if kind in ("u", "s"):
                name += f": {leb(code, kind == 's')}"
            elif kind:
                value = bytes(code.pop(0) for _ in range(abs(kind)))
                name += f": {int.from_bytes(value, 'little', signed=kind < 0)}"
            ops.append(name)
    return "; ".join(ops)


def column(name):
    return 16 if name == "ra" and NAMES is X86_64 else NAMES.index(name)


def as_expression(name, text):
    """What the row says of a register, as the operations of an expression: (is a value, operations)."""
    value = re.search(rf"(?:^| ){name}=(\*?expr\([^)]*\)|\S+)", text)
    if not value:
        return None
    value = value[1]
    at = value.startswith("*")
    value = value[1:].strip("()") if at and "expr" not in value else value.lstrip("*")
    if value.startswith("expr"):
        return not at, operations(bytes.fromhex(value[5:-1].replace(" ", "")))
    reg, offset = re.fullmatch(r"(\w+?)([+-]\d+)?", value).groups()
    if reg == "cfa":
        return None
    ops = f"breg{column(reg)}: {int(offset or 0)}"
    return not at, ops


def readelf_expressions(path):
    """(address, register, is a value, operations) of each expression in the program of an FDE."""
    out = subprocess.run(["readelf", "-W", "--debug-dump=frames", path], check=False, capture_output=True,
                         text=True).stdout
    at, found = None, {}
    for line in out.splitlines():
        fde = FDE.match(line)
        if fde or CIE.match(line):
            yield from ((where, *key, *value) for (where, *key), value in found.items())
            at, found = (int(fde[2], 16) if fde else None), {}
        moved = re.match(r"  DW_CFA_(?:MIPS_)?advance_loc\d?: \S+ to ([0-9a-f]+)", line)
        if moved:
            at = int(moved[1], 16)
        said = re.match(r"  DW_CFA_(def_cfa_expression|expression|val_expression):? ?(?:r(\d+) \(\w+\) )?\((.*)\)$", line)
        if not said or at is None or (said[2] and int(said[2]) >= len(NAMES)):
            continue
        ops = re.sub(r"DW_OP_| \(\w+\)(?=:)", "", said[3])
        name = "cfa" if said[1] == "def_cfa_expression" else NAMES[int(said[2])]
        if name not in NOT_FOLLOWED:
            found[at, name] = (said[1] != "expression", ops)
    yield from ((where, *key, *value) for (where, *key), value in found.items())


def compare_expressions(rows, path):
    checked = wrong = 0
    for vaddr, name, is_value, ops in readelf_expressions(path):
        checked += 1
        got = as_expression(name, rows.at(vaddr))
        # A CFA that is read from memory: its last operation is what the * stands for.
        if got and name == "cfa" and not got[0]:
            got = (True, got[1] + "; deref")
        if got != (is_value, ops):
            wrong += 1
            if wrong <= 5:
                print(f"{path}: {vaddr:#x}: {name}: egret has '{rows.at(vaddr)}', {got}, readelf {ops}")
    return checked, wrong


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
    choose_names(path)
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
    expressions, different = compare_expressions(rows, path)
    print(f"{path}: {checked} rows, {checked - wrong} equal; {expressions} expressions, {expressions - different} equal")
    return wrong == different == 0 and checked > 0


def main():
    results = [compare(sys.argv[1], path) for path in sys.argv[2:]]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
