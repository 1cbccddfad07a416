#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""make_names_corpus.py DIR: the first inputs of names_fuzz, DIR/names. What is in tests/fuzz/corpus
was made by this, with gcc 12 and binutils 2.40."""
import os
import struct
import subprocess
import sys
import tempfile

out = os.path.join(sys.argv[1], "names")
os.makedirs(out, exist_ok=True)


def seed(name, kind, body, cut=0):
    with open(os.path.join(out, name), "wb") as file:
        file.write(bytes([kind, cut]) + body)


seed("perfmap", 0, b"1000 100 old\n1040 20 inner\n0x1050 0X100 across frame\n2000 10 first\n2000 10 second\n")
seed("kallsyms", 2, b"0000000000001000 T _stext\n0000000000001100 t vfs_read\n0000000000001100 W alias\n"
     b"0000000000002000 t nf_hook\t[nf_tables]\n0000000000003000 t bpf_prog_1\t[bpf]\n0000000000003100 D data\n")


def record(kind, time, body):
    return struct.pack("<IIQ", kind, 16 + len(body), time) + body


def load(time, at, size, index, name):
    return record(0, time, struct.pack("<IIQQQQ", 7, 7, at, at, size, index) + name + b"\0\x90\x90")


dump = struct.pack("<IIIIIIQQ", 0x4A695444, 1, 40, 62, 0, 7, 1, 0)
dump += load(100, 0x1000, 0x100, 1, b"first")
dump += record(2, 150, struct.pack("<QQ", 0x1000, 2) + struct.pack("<QII", 0x1000, 10, 0) + b"/a.js\0" +
               struct.pack("<QII", 0x1010, 11, 0) + b"\xff\0")
dump += load(200, 0x1000, 0x80, 2, b"second")
dump += record(1, 300, struct.pack("<IIQQQQQ", 7, 7, 0x2000, 0x1000, 0x2000, 0x80, 2))
dump += record(4, 300, struct.pack("<QQQ", 0, 0, 0)) + record(3, 400, b"")
seed("jitdump", 1, dump, 31)


def go(new):
    names, files = b"\0main.f\0main.g\0main.h\0", b"a.go\0b.go\0"
    pctab = bytes([0, 2, 0x20, 2, 0x20, 0, 22, 0x10, 5, 0x10, 3, 0x20, 0, 0, 0x10, 4, 0x10, 1, 0x20, 0])
    cutab = struct.pack("<III", 0, 0, 5)
    at = 72
    offsets = []
    for part in (names, cutab, files, pctab):
        offsets.append(at)
        at += len(part)
    words = [0x100, 1, 0, 0, 0, 1, 6, 3, 1] + ([1] if new else []) + [4 << 24]
    func = struct.pack("<%dI" % len(words), *words) + struct.pack("<7I", 0, 0, 13, *[0xFFFFFFFF] * 3, 0)
    head = struct.pack("<I4B8Q", 0xFFFFFFF1 if new else 0xFFFFFFF0, 0, 0, 1, 8, 1, 2, 0x401000,
                       offsets[0], offsets[1], offsets[2], offsets[3], at)
    table = head + names + cutab + files + pctab + struct.pack("<III", 0x100, 12, 0x140) + func
    if new:
        tree = struct.pack("<IIIIIIII", 0, 8, 8, 0, 0, 15, 0x28, 0)
    else:
        tree = struct.pack("<IIIIIIIIII", 0xFFFF, 0, 10, 8, 0, 0, 1, 5, 15, 0)
    body = table + tree
    return body, round(len(tree) * 255 / len(body))


for name, new in (("go119", False), ("go120", True)):
    body, cut = go(new)
    seed(name, 3, body, cut)

with tempfile.TemporaryDirectory() as work:
    source, elf = os.path.join(work, "a.c"), os.path.join(work, "a")
    with open(source, "w") as file:
        file.write("#include <stdio.h>\nstatic __attribute__((noinline)) int inner(int n) { return puts(\"\") + n; }\n"
                   "__attribute__((weak)) int weak(int n) { return inner(n) * 2; }\nint main(void) { return weak(3); }\n")
    subprocess.run(["gcc", "-O1", "-o", elf, source, "-Wl,-z,noseparate-code", "-Wl,--hash-style=gnu"], check=True)
    subprocess.run(["objcopy", "--only-keep-debug", elf, elf + ".debug"], check=True)
    subprocess.run(["strip", "-o", elf + ".stripped", elf], check=True)
    subprocess.run(["xz", "-k", elf + ".debug"], check=True)
    subprocess.run(["objcopy", "--add-gnu-debuglink=" + elf + ".debug", "--add-section",
                    ".gnu_debugdata=" + elf + ".debug.xz", elf + ".stripped", elf + ".both"], check=True)
    for name, path in (("elf", elf), ("elf_stripped", elf + ".both")):
        with open(path, "rb") as file:
            seed(name, 4, file.read())
