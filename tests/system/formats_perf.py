#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""formats_perf.py PERF.DATA SCRIPT: what perf script and perf report make of a perf.data file of egret's is
what `egret script --no-inline` said.

perf looks for names itself: of the aliases of a function it may take another one, and what egret found at run
time only it does not find. An address in a call may be told as that of the call or behind it.
"""
import collections
import re
import subprocess
import sys


def samples(text):
    """[(comm, pid, tid, time), [(address, name)]], leaf first."""
    found = []
    for line in text.splitlines():
        head = re.fullmatch(r"(\S.*?) +(\d+)/(\d+) +(\d+\.\d+): *", line)
        frame = re.fullmatch(r"\t *([0-9a-f]+) (.*)", line)
        if head:
            found.append((head.groups(), []))
        elif frame:
            if not frame[2].startswith("[cut: "):
                found[-1][1].append((int(frame[1], 16), re.sub(r"\+0x[0-9a-f]+$", "", frame[2])))
        else:
            assert not line, line
    return found


def plain(name):
    """Without what aliases of a function differ by."""
    return re.sub(r"\.(part|constprop|isra|cold)\b.*|@.*", "", re.sub(r"^_*(GI_)?_*", "", name))


def perf(*args):
    return subprocess.run(["perf", *args], check=True, capture_output=True, text=True).stdout


def main():
    data, script = sys.argv[1:]
    have = samples(perf("script", "--no-inline", "-F", "comm,pid,tid,time,ip,sym", "-i", data))
    with open(script, encoding="utf-8") as file:
        want = samples(file.read())
    assert len(have) == len(want), (len(have), len(want))
    frames = same = 0
    for (head, stack), (want_head, want_stack) in zip(have, want):
        assert head == want_head, (head, want_head)
        assert len(stack) == len(want_stack), (head, stack, want_stack)
        for (address, name), (want_address, want_name) in zip(stack, want_stack):
            assert want_address - address in (0, 1), (head, hex(address), hex(want_address))
            frames += 1
            same += plain(name) == plain(want_name) or (name == "[unknown]" and want_name.startswith("["))
    assert same >= 0.97 * frames, f"{same} of {frames} names are the same"
    # Per function, as perf report counts.
    own = collections.Counter(plain(stack[0][1]) for _, stack in want if stack)
    report = collections.Counter()
    for line in perf("report", "--stdio", "--no-children", "-g", "none", "-F", "sample,sym", "-t", "\t", "-i", data).splitlines():
        row = re.fullmatch(r" *(\d+) *\t *\[[.k]\] (.*?) *", line)
        if row:
            report[plain(row[2])] += int(row[1])
    assert sum(report.values()) == len([1 for _, stack in want if stack]), (sum(report.values()), len(want))
    equal = sum(count for name, count in own.items() if report[name] == count)
    assert equal >= 0.9 * sum(own.values()), f"{equal} of {sum(own.values())} samples are in functions with equal counts"
    print(f"perf-data: {len(have)} samples, {frames} frames, {frames - same} other names")


if __name__ == "__main__":
    main()
