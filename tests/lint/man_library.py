#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""man_library.py HEADER.h... PAGE...: each function of the headers is in the name, the synopsis (as the header
declares it) and the text of one page, and has its thread rules there; pages name no others."""

import re
import sys

failures = []


def plain(roff):
    """Text without fonts and escapes; of a line of alternating fonts the words are put together."""
    lines = []
    for line in roff.splitlines():
        m = re.match(r"\.(BI|IB|BR|RB|IR|RI|B|I) (.*)", line)
        if m and len(m[1]) == 2:
            line = "".join(quoted if quoted else word for quoted, word in re.findall(r'"([^"]*)"|([^" ]+)', m[2]))
        elif m:
            line = m[2]
        lines.append(re.sub(r"\\f[BIRP]", "", line).replace("\\-", "-").replace("\\&", ""))
    return "\n".join(lines)


def prototypes(text):
    found = {}
    for m in re.finditer(r"^[ \t]*((?:const )?(?:struct )?\w+ \*?)(egret_\w+)\(([^;{]*?)\);", text, re.M):
        found[m[2]] = re.sub(r"\s+", " ", f"{m[1]}{m[2]}({m[3]})")
    return found


def sections(roff):
    parts = re.split(r"^\.SH (.*)$", roff, flags=re.M)
    return {name.strip('"'): text for name, text in zip(parts[1::2], parts[2::2])}


def overview(pages):
    """libegret.3 names each page that has functions."""
    texts = {path.rsplit("/", 1)[-1]: open(path, encoding="utf-8").read() for path in pages}
    for name in sorted(set(texts) - {"libegret.3"}):
        if not re.search(rf"^\.BR {name[:-2]} \(3\)$", texts["libegret.3"], re.M):
            failures.append(f"libegret.3: its list of pages lacks {name[:-2]}(3)")


def main(headers, pages):
    declared = {}
    for header in headers:
        with open(header, encoding="utf-8") as file:
            declared |= prototypes(re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S))
    placed = {}
    for path in pages:
        with open(path, encoding="utf-8") as file:
            parts = sections(file.read())
        names = re.findall(r"\begret_\w+", parts["NAME"]) if "SYNOPSIS" in parts else []
        shown = prototypes(plain(parts.get("SYNOPSIS", "")))
        if not names:
            continue
        for name in names:
            if name in placed:
                failures.append(f"{path}: {name} has a page already: {placed[name]}")
            placed[name] = path
            if shown.get(name) != declared.get(name):
                failures.append(f"{path}: the header has '{declared.get(name)}', the synopsis '{shown.get(name)}'")
            if not re.search(rf"\b{name}\b", parts.get("DESCRIPTION", "")):
                failures.append(f"{path}: the description does not name {name}")
        failures.extend(f"{path}: {name} is in the synopsis and not in the name" for name in set(shown) - set(names))
        failures.extend(f"{path}: no section {part}" for part in ("DESCRIPTION", "THREADS") if part not in parts)
    overview(pages)
    failures.extend(f"no page of section 3 has {name} in its NAME" for name in sorted(set(declared) - set(placed)))
    if len(declared) < 50:
        failures.append(f"only {len(declared)} functions found in {headers}")
    for failure in failures:
        print("FAIL:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main([a for a in sys.argv[1:] if a.endswith(".h")], [a for a in sys.argv[1:] if not a.endswith(".h")]))
