#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How good are the user stacks of a profile? Reads `perf script` text, or folded lines of any tool.

A stack is complete when one of its three outermost user frames is where processes or threads begin
(_start, __libc_start_main, main, clone, start_thread, ...). A sample without user frames counts as
incomplete. The functions are known by name: libc6-dbg names start_thread and clone3.
"""

import argparse
import collections
import json
import re
import sys

ROOT = re.compile(
    r"_start|main|__libc_start_main.*|__libc_start_call_main"
    r"|_?_?clone3?|__GI___clone.*|start_thread|thread_start"
    r"|_dl_start(_user|_final)?|_IO_.*vfork|__libc_v?fork|__spawni_child|ret_from_fork.*"
    r"|rust_.*start|runtime\.(goexit|mstart|rt0_go).*")
UNKNOWN = re.compile(r"\[unknown\]|unknown|\?\?|0x[0-9a-f]+|\[missed.*")
DECORATION = re.compile(r"(@@?[A-Z].*|\+0x[0-9a-f]+.*|_\[[kji]\])$")
PERF_FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \(([^()]*(?:\([^()]*\))?[^()]*)\)\s*$")
OUTERMOST = 3
KERNEL_HALF = 1 << 63


def plain(name):
    return DECORATION.sub("", name).strip()


class Frame(collections.namedtuple("Frame", "name module")):
    """module: None where the input does not name it."""


class Score:
    def __init__(self, keep_incomplete):
        self.counts = collections.Counter()
        self.depths = collections.Counter()
        self.incomplete = []
        self.keep_incomplete = keep_incomplete

    def add(self, frames, samples):
        """frames: the user frames, leaf first."""
        count = self.counts
        count["samples"] += samples
        if not frames:
            count["no_user"] += samples
            return
        complete = any(ROOT.fullmatch(f.name) for f in frames[-OUTERMOST:])
        self.depths[len(frames)] += samples
        count["frames"] += samples * len(frames)
        count["complete"] += samples * complete
        count["short"] += samples * (len(frames) <= 2 and not complete)
        count["unknown_name"] += samples * sum(bool(UNKNOWN.fullmatch(f.name)) for f in frames)
        count["unknown_module"] += samples * sum(f.module in ("[unknown]", "//anon") for f in frames)
        if not complete and len(self.incomplete) < self.keep_incomplete:
            self.incomplete.append([f.name for f in frames])

    def median_depth(self):
        left = sum(self.depths.values()) / 2
        for depth in sorted(self.depths):
            left -= self.depths[depth]
            if left <= 0:
                return depth
        return 0

    def result(self):
        count = self.counts
        samples, frames = count["samples"] or 1, count["frames"] or 1
        with_user = count["samples"] - count["no_user"] or 1
        return {
            "samples": count["samples"],
            "nouser": count["no_user"],
            "complete_pct": round(100 * count["complete"] / samples, 2),
            "short_pct": round(100 * count["short"] / samples, 1),
            "unk_sym_pct": round(100 * count["unknown_name"] / frames, 1),
            "unk_dso_pct": round(100 * count["unknown_module"] / frames, 2),
            "mean_depth": round(count["frames"] / with_user, 1),
            "med_depth": self.median_depth(),
            "max_depth": max(self.depths, default=0),
        }


def read_folded(stream, leading, leaf_first):
    """Yields (user frames leaf first, samples). leading: frames that name the process."""
    for line in stream:
        stack, _, samples = line.rstrip().rpartition(" ")
        if not stack or not samples.isdigit():
            continue
        names = stack.split(";")[leading:]
        if not leaf_first:
            names.reverse()
        yield [Frame(plain(n), None) for n in names if not n.endswith("_[k]")], int(samples)


def perf_frame(line):
    """The user frame of a line of `perf script`; None for one of the kernel, or no frame at all."""
    match = PERF_FRAME.match(line)
    if not match:
        return None
    address, name, module = match.groups()
    if int(address, 16) >= KERNEL_HALF or module.startswith("[kernel"):
        return None
    return Frame(plain(name), module)


def read_perf_script(stream, comm):
    """Yields (user frames leaf first, 1). comm: only samples whose first line begins so."""
    frames = None
    for line in stream:
        if line[:1] in (" ", "\t") and line.strip():
            frame = perf_frame(line) if frames is not None else None
            if frame:
                frames.append(frame)
            continue
        if frames is not None:
            yield frames, 1
        starts = line.strip() and (not comm or line.startswith(comm)) and "PERF_RECORD_" not in line
        frames = [] if starts else None
    if frames is not None:
        yield frames, 1


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folded", action="store_true", help="lines of process;root;...;leaf count")
    parser.add_argument("--leaf-first", action="store_true", help="folded lines with the leaf first")
    parser.add_argument("--skip-comm-frame", type=int, default=1, metavar="N",
                        help="folded: drop the first N frames, the name of the process (1)")
    parser.add_argument("--comm", help="perf script: only samples of processes whose name begins so")
    parser.add_argument("--dump-incomplete", type=int, default=0, metavar="N",
                        help="print the first N stacks that are not complete")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("files", nargs="*", help="standard input where there is none")
    return parser.parse_args()


def main():
    args = options()
    score = Score(args.dump_incomplete)
    streams = [open(f, errors="replace") for f in args.files] or [sys.stdin]
    for stream in streams:
        stacks = (read_folded(stream, args.skip_comm_frame, args.leaf_first) if args.folded
                  else read_perf_script(stream, args.comm))
        for frames, samples in stacks:
            score.add(frames, samples)
    result = score.result()
    print(json.dumps(result) if args.json else " ".join(f"{k}={v}" for k, v in result.items()))
    for names in score.incomplete:
        print("  INC:", " < ".join(names[:12]), "... last:", " < ".join(names[-2:]))


if __name__ == "__main__":
    main()
