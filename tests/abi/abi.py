#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The binary interface of libegret, as text that can be reviewed.

abi.py list LIBRARY HEADER...            prints it
abi.py check LIBRARY RECORDED HEADER...  holds it against what was recorded, and says what differs

LIBRARY has debug information, of which abidw (abigail-tools) makes a tree; of that only what a program
is compiled against is kept: functions with the types of their parameters, layouts, constants.
Names of parameters, order in the file and what a compiler says beside are not. (abidw takes const void for void.)
"""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ABIDW = ["abidw", "--load-all-types", "--drop-private-types", "--no-show-locs", "--no-corpus-path",
         "--no-comp-dir-path"]


class Types:
    """The types of a library, by abidw's ids, as C writes them."""

    def __init__(self, tree):
        self.by_id = {e.get("id"): e for e in tree.iter() if e.get("id")}

    def name(self, type_id, declared=""):
        e = self.by_id[type_id]
        how = getattr(self, "_" + e.tag.replace("-", "_"))
        return how(e, declared).strip()

    def _type_decl(self, e, declared):
        return f"{e.get('name')} {declared}"

    _typedef_decl = _type_decl

    def _class_decl(self, e, declared):
        return f"struct {e.get('name')} {declared}"

    def _union_decl(self, e, declared):
        return f"union {e.get('name')} {declared}"

    def _enum_decl(self, e, declared):
        return f"enum {e.get('name')} {declared}"

    def _qualified_type_def(self, e, declared):
        inner = self.by_id[e.get("type-id")]
        words = " ".join(word for word in ("const", "volatile", "restrict") if e.get(word) == "yes")
        if inner.tag == "pointer-type-def":
            return self._pointer_type_def(inner, f"{words} {declared}")
        return f"{words} {self.name(e.get('type-id'), declared)}"

    def _pointer_type_def(self, e, declared):
        inner = self.by_id[e.get("type-id")]
        if inner.tag in ("function-type", "array-type-def"):
            return self.name(e.get("type-id"), f"(*{declared})")
        return self.name(e.get("type-id"), f"*{declared}")

    def _array_type_def(self, e, declared):
        return self.name(e.get("type-id"), f"{declared}[{e.find('subrange').get('length')}]")

    def _function_type(self, e, declared):
        return f"{self.name(e.find('return').get('type-id'), declared)}({self.parameters(e)})"

    def parameters(self, e):
        return ", ".join("..." if p.get("is-variadic") == "yes" else self.name(p.get("type-id"))
                         for p in e.findall("parameter")) or "void"

    def size(self, type_id):
        """Bytes of a member's type, or None where abidw leaves it to who reads."""
        e = self.by_id[type_id]
        bits = e.get("size-in-bits")
        if bits and bits.isdigit():
            return int(bits) // 8
        if e.tag == "pointer-type-def":
            return 8
        if e.tag == "enum-decl":
            return self.size(e.find("underlying-type").get("type-id"))
        inner = e.get("type-id")
        return self.size(inner) if inner else None


def functions(tree, types):
    # Of some functions abidw keeps only the declaration, which names no symbol: the header's, like all others.
    declared = {e.get("name"): e for e in tree.iter("function-decl") if e.get("name").startswith("egret_")}
    for symbol in sorted(tree.find("elf-function-symbols"), key=lambda e: e.get("name")):
        e = declared.get(symbol.get("name"))
        if e is None:
            sys.exit(f"abi.py: no type of {symbol.get('name')} is known: was the library built with -g?")
        signature = f"{types.name(e.find('return').get('type-id'))} ({types.parameters(e)})"
        yield f"function {symbol.get('name')}@@{symbol.get('version')}: {signature}"


def struct(name, e, types):
    yield f"struct {name}: {int(e.get('size-in-bits')) // 8} bytes"
    for member in e.findall("data-member"):
        variable = member.find("var-decl")
        offset = int(member.get("layout-offset-in-bits")) // 8
        type_id = variable.get("type-id")
        yield f"struct {name} + {offset:3}, {types.size(type_id):3}: {types.name(type_id, variable.get('name'))}"


def callbacks(tree, types, names):
    for name in sorted(names):
        e = next(e for e in tree.iter("typedef-decl") if e.get("name") == name)
        yield f"typedef {types.name(e.get('type-id'), name)}"


def definitions(tree, tag, names):
    found = {}
    for e in tree.iter(tag):
        if e.get("name") in names and e.get("is-declaration-only") != "yes":
            found.setdefault(e.get("name"), e)
    missing = sorted(names - set(found))
    if missing:
        sys.exit(f"abi.py: the library has no {missing[0]}, which the header defines")
    return sorted(found.items())


def listing(library, headers):
    xml = subprocess.run([*ABIDW, "--headers-dir", headers[0].rsplit("/", 1)[0], library], check=True,
                         stdout=subprocess.PIPE).stdout
    tree = ElementTree.fromstring(xml)
    types = Types(tree)
    text = ""
    for header in headers:
        with open(header, encoding="utf-8") as file:
            text += file.read()
    lines = [f"soname {tree.get('soname')}", "", *functions(tree, types)]
    lines += ["", *callbacks(tree, types, re.findall(r"^typedef \w+ \(\*(egret_\w+)\)", text, re.M))]
    for name, e in definitions(tree, "class-decl", set(re.findall(r"^struct (egret_\w+) \{", text, re.M))):
        lines += ["", *struct(name, e, types)]
    for name, e in definitions(tree, "enum-decl", set(re.findall(r"^enum (egret_\w+) \{", text, re.M))):
        lines.append("")
        lines += [f"enum {name}: {v.get('name')} = {v.get('value')}" for v in e.findall("enumerator")]
    macros = re.findall(r"^#define (EGRET_(?!VERSION_)\w+)[ \t]+(\w+)", text, re.M)
    return lines + [""] + [f"macro {name} {value}" for name, value in macros]


def is_spare(line):
    return re.search(r"\breserved\w*(\[\d+\])?$", line)


def verdicts(recorded, now):
    """What programs that were built before will say to it, a sentence a difference."""
    gone = [line for line in recorded if line and line not in now]
    new = [line for line in now if line and line not in recorded]
    growing = {m[1] for m in (re.match(r"struct (\w+) \+   0, +8: size_t size$", line) for line in now) if m}
    for line in gone:
        kind, name = line.split()[:2]
        name = name.rstrip(":")
        if is_spare(line):
            continue
        if kind == "struct" and line.endswith(" bytes") and any(n.startswith(f"struct {name}: ") for n in new):
            if name not in growing:
                yield f"- {line}: another size, which only a struct may have that the library makes"
        else:
            yield f"- {line}: programs that use it break"
    for line in new:
        if not is_spare(line) and not line.endswith(" bytes"):
            yield f"+ {line}"


def check(library, path, headers):
    with open(path, encoding="utf-8") as file:
        recorded = [line for line in file.read().splitlines() if not line.startswith("#")]
    now = listing(library, headers)
    if recorded == now:
        return 0
    found = list(verdicts(recorded, now)) or ["the order, or what is spare, differs"]
    print(f"the binary interface is not that of {path}:", *found, sep="\n  ")
    print("if it is meant so: make abi, and commit what it records with the change")
    return 1


def main():
    if sys.argv[1:2] == ["list"] and len(sys.argv) >= 4:
        print("# The binary interface of libegret, recorded by `make abi`: see abi.py.")
        print(*listing(sys.argv[2], sys.argv[3:]), sep="\n")
        return 0
    if sys.argv[1:2] == ["check"] and len(sys.argv) >= 5:
        return check(sys.argv[2], sys.argv[3], sys.argv[4:])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
