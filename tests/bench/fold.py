# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Folds the text of `perf script -F comm,pid,tid,time,ip,sym,dso --show-lost-events`."""

import collections
import re

HEADER = re.compile(r"(.*?)\s+-?\d+/-?\d+\s+[\d.]+:\s*(.*)")
FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \(")
LOST = re.compile(r"PERF_RECORD_LOST(?:_SAMPLES)? lost (\d+)")
KERNEL_HALF = 1 << 63


class Folded:
    """stacks: {"process;root;...;leaf": samples}; lost: samples that perf says it lost."""

    def __init__(self):
        self.stacks = collections.Counter()
        self.lost = 0

    @property
    def samples(self):
        return sum(self.stacks.values())

    def add(self, comm, frames):
        if comm is not None:
            self.stacks[";".join([comm.replace(";", ":"), *reversed(frames)])] += 1

    def write(self, path):
        with open(path, "w", encoding="utf-8", errors="replace") as out:
            for stack in sorted(self.stacks):
                out.write(f"{stack} {self.stacks[stack]}\n")


def frame_name(line):
    match = FRAME.match(line)
    if not match:
        return None
    kernel = int(match[1], 16) >= KERNEL_HALF
    return match[2].replace(";", ":") + ("_[k]" if kernel else "")


def fold(lines, comms=None):
    """comms: names of the processes to keep; None keeps all."""
    folded, comm, frames = Folded(), None, []
    for line in lines:
        if line[:1] == "\t" or (line[:1] == " " and not HEADER.match(line)):
            name = frame_name(line)
            if name:
                frames.append(name)
            continue
        folded.add(comm, frames)
        comm, frames = None, []
        header = HEADER.match(line)
        if not header:
            continue
        lost = LOST.match(header[2])
        if lost:
            folded.lost += int(lost[1])
        elif comms is None or header[1].strip() in comms:
            comm = header[1].strip()
    folded.add(comm, frames)
    return folded
