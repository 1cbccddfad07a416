#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""make_grant_corpus.py DIR: the first inputs of grant_fuzz (lib/capture/grant_table.h)."""

import pathlib
import struct
import sys

N_MAPS = 5


def grant(backend, events, cpus, n_links, sleepers=True, pids=(), scope=2):
    fds = [(kind, cpu, 0, 0, 100 * kind + cpu) for kind in (1, 2, 3) for cpu in cpus]
    perf = [i for i, (_, tracepoint, *_) in enumerate(events) if not tracepoint]
    fds += [(4, cpu, i, 0, 400 + 9 * cpu + i) for cpu in cpus for i in range(len(events))]
    fds += [(5, cpu, i, 0, 500 + 9 * cpu + i) for cpu in cpus for i in perf]
    fds += [(6, 0, i, 0, 600 + i) for i in range(N_MAPS)]
    fds += [(7, 0, i, 0, 700 + i) for i in range(n_links)]
    fds += [(8, 0, i, i % 2, 800 + i) for i in range(len(events) - len(perf))]
    fds += [(9, 0, 0, 0, 900)] if sleepers else []
    fds += [(10, 0, i, 0, pid) for i, pid in enumerate(pids)]
    fds += [(11, 0, 0, 0, 0)]
    fds += [(12, 0, 0, 0, 1200)] if sleepers else []
    body = b"".join(struct.pack("<128s64sQQII", *e, 0) for e in events)
    body += b"".join(struct.pack("<IIIIQ", *fd) for fd in fds)
    head = struct.pack("<8sII16s16sIIIIII", b"egretgrn", 1, 72 + len(body), b"0.1.0", backend, scope, 1, 262144, 1,
                       len(events), len(fds))
    return head + body


CLOCK = (b"cpu-clock", b"", 999, 0, 1)
CYCLES = (b"cycles:u", b"", 0, 1000000, 0)
SWITCH = (b"sched:sched_switch", b"sched_switch", 0, 1, 0)

directory = pathlib.Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for name, content in {
        "clock": grant(b"task-work", [CLOCK], [0], 5),
        "process": grant(b"inline", [CYCLES], [0, 1], 4, sleepers=False, pids=[77, 4242], scope=0),
        "tracepoints": grant(b"hook", [CLOCK, SWITCH, CYCLES, SWITCH], [0, 3, 4], 6),
}.items():
    (directory / name).write_bytes(content)
