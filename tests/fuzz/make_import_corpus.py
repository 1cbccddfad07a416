#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""make_import_corpus.py DIR: the first inputs of import_fuzz, DIR/import. What is in tests/fuzz/corpus
was made by this."""
import gzip
import os
import struct
import sys

out = os.path.join(sys.argv[1], "import")
os.makedirs(out, exist_ok=True)


def seed(name, kind, body):
    with open(os.path.join(out, name), "wb") as file:
        file.write(bytes([kind]) + body)


# ---- perf.data: a cpu-clock event whose samples have chains, or registers and stack ----
IP, TID, TIME, CHAIN, CPU, PERIOD, REGS, STACK, IDENTIFIER = 1, 2, 4, 32, 128, 256, 4096, 8192, 65536


def record(kind, misc, body):
    body += bytes(-len(body) % 8)
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def attr(sample_type):
    flags = 1 << 10 | 1 << 18  # freq, sample_id_all
    return struct.pack("<IIQQQQQ", 1, 128, 0, 999, sample_type, 0, flags).ljust(80, b"\0") + \
        struct.pack("<QII", 0xff0fff, 64, 0) + bytes(32)


def trailer(time):
    return struct.pack("<IIQIIQ", 7, 7, time, 1, 0, 55)


def mapping(time, misc=2):
    path = b"/bin/a\0\0"
    return record(10, misc, struct.pack("<IIQQQIIQQII", 7, 7, 0x400000, 0x1000, 0, 8, 1, 99, 0, 5, 2) + path + trailer(time))


def sample(time, stack):
    body = struct.pack("<QQIIQIIQ", 55, 0x400010, 7, 7, time, 1, 0, 1001001)
    chain = [0xffffffffffffff80, 0xffffffff81000010, 0xfffffffffffffe00, 0x400010, 0x400020]
    body += struct.pack(f"<{len(chain) + 1}Q", len(chain), *chain)
    if stack:
        body += struct.pack("<Q", 2) + struct.pack("<20Q", *range(20))
        body += struct.pack("<Q", 64) + bytes(64) + struct.pack("<Q", 40)
    return record(9, 2, body)


def text(value):
    return struct.pack("<I", len(value) + 1) + value + b"\0"


def features():
    build_id = record(0, 1 << 15 | 2, struct.pack("<i", 7) + bytes(range(20)) + b"\x14\0\0\0" + b"/bin/a\0\0")
    events = struct.pack("<II", 1, 136) + attr(0) + struct.pack("<I", 1) + text(b"cpu-clock") + struct.pack("<Q", 55)
    return {2: build_id, 3: text(b"host"), 4: text(b"6.1"), 11: struct.pack("<I", 2) + text(b"perf") + text(b"record"), 12: events}


def perf_file(sample_type, records):
    data = b"".join(records)
    at = 104
    head_attr = attr(sample_type) + struct.pack("<QQ", at + 152, 8)
    body = head_attr + struct.pack("<Q", 55)
    data_at = at + len(body)
    parts = features()
    table_at = data_at + len(data)
    place = table_at + 16 * len(parts)
    table, tail = b"", b""
    for part in parts.values():
        table += struct.pack("<QQ", place + len(tail), len(part))
        tail += part
    bits = sum(1 << n for n in parts)
    header = b"PERFILE2" + struct.pack("<QQQQQQQQ", 104, 152, at, 152, data_at, len(data), 0, 0) + struct.pack("<4Q", bits, 0, 0, 0)
    return header + body + data + table + tail


base = IP | TID | TIME | CPU | PERIOD | CHAIN | IDENTIFIER
comm = record(3, 0x2000, struct.pack("<II", 7, 7) + b"name\0\0\0\0" + trailer(5))
fork = record(7, 0, struct.pack("<IIIIQ", 8, 7, 8, 7, 6) + trailer(6))
leave = record(4, 0, struct.pack("<IIIIQ", 8, 7, 8, 7, 9) + trailer(9))
lost = record(2, 0, struct.pack("<QQ", 55, 3) + trailer(8))
seed("perf-chains", 0, perf_file(base, [mapping(20), sample(30, False), comm, fork, leave, lost, record(68, 0, b"")]))
seed("perf-stacks", 0, perf_file(base | REGS | STACK, [mapping(20, 0x4002), sample(10, True), sample(30, True)]))
seed("perf-pipe", 0, b"PERFILE2" + struct.pack("<Q", 16) + record(64, 0, attr(base) + struct.pack("<Q", 55)) +
     record(80, 0, struct.pack("<Q", 3) + text(b"host")) + mapping(1) + sample(2, False))
# One literal block (RFC 8878): what records are compressed to.
plain = mapping(3) + sample(4, False)
frame = b"\x28\xb5\x2f\xfd\x00\x58" + struct.pack("<I", len(plain) << 3 | 1)[:3] + plain
seed("perf-zstd", 0, perf_file(base, [struct.pack("<IHH", 81, 0, 8 + len(frame)) + frame]))

# ---- text ----
seed("script", 1, b"# cmdline\nsh one 7/8 [001] 10.000123:    1001001 cpu-clock:u: \n\t    ffffffff8100 sys+0x1 ([kernel.kallsyms])\n"
     b"\t     1234 inner (inlined)\n  a.c:3\n\t     1234 outer (x)+0x10 (/bin/a b)\n  a.c:10\n\t        0 [unknown] ([unknown])\n\n"
     b"sh 7 11.5: cycles: 1234 f+0x2 (/bin/a)\nsh 7 12.5: sched:sched_switch: prev=1\n\n")
seed("folded", 2, b"sh-7/8;main;f;inl_[i];inl2_[i];sys_[k];js_[j] 3\nsh;[cut: hole];g 2\nsh 1\n")


# ---- pprof ----
def varint(n):
    digits = b""
    while n > 127:
        digits += bytes([n & 127 | 128])
        n >>= 7
    return digits + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


strings = [b"", b"samples", b"count", b"cpu", b"nanoseconds", b"main", b"a.c", b"/bin/a", b"abcd", b"pid", b"thread", b"t1"]
profile = field(1, field(1, 1) + field(2, 2)) + field(1, field(1, 3) + field(2, 4))
profile += field(2, field(1, varint(1) + varint(2)) + field(2, varint(3) + varint(30)) +
                 field(3, field(1, 9) + field(3, 7)) + field(3, field(1, 10) + field(2, 11)))
profile += field(3, field(1, 1) + field(2, 4096) + field(3, 8192) + field(5, 7) + field(6, 8))
profile += field(4, field(1, 1) + field(2, 1) + field(3, 4100) + field(4, field(1, 1) + field(2, 12)) + field(4, field(1, 1)))
profile += field(4, field(1, 2)) + field(5, field(1, 1) + field(2, 5) + field(4, 6))
profile += b"".join(field(6, s) for s in strings) + field(12, 10) + field(14, 3)
seed("pprof", 3, profile)
seed("pprof-gzip", 4, gzip.compress(profile, mtime=0))
