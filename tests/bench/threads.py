#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""threads.py BUILD [RECORDING]: what `egret replay --threads=N` takes, side by side.

The recording was made with --raw: of the compiler at work, unless there is one. Times are of the
whole replay, the best of some rounds in which all take their turn; instructions are those of all
threads from the first record to the last one (maps, unwinding, numbers of frames), and of those
that the threads have executed, counted by callgrind. Fails where recordings differ.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

THREADS = (0, 1, 2, 4)
ROUNDS = 7
SOURCE = "".join(f"#include <{h}>\n" for h in (
    "algorithm", "functional", "iostream", "map", "regex", "string", "unordered_map", "vector")) + \
    'int main() { std::regex r("a+b"); return std::regex_search("aab", r); }\n'


def record(egret, work):
    source, raw = os.path.join(work, "a.cpp"), os.path.join(work, "raw")
    with open(source, "w", encoding="ascii") as file:
        file.write(SOURCE)
    compiler = shutil.which("clang++") or shutil.which("g++")
    subprocess.run([egret, "record", "-q", "--raw", "-F", "3999", "-o", raw, "--", compiler, "-O2",
                    "-c", source, "-o", os.path.join(work, "a.o")], check=True)
    return raw


def replay(egret, raw, threads, output, wrapper=()):
    """Seconds, and seconds of CPU."""
    start = time.monotonic()
    process = subprocess.Popen([*wrapper, egret, "replay", "-i", raw, "-o", output,
                                f"--threads={threads}"], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"egret replay --threads={threads} has failed")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime


def instructions(egret, raw, threads, work):
    """Millions: of what is done with records, in all, and by the threads."""
    out = os.path.join(work, "callgrind")
    replay(egret, raw, threads, os.path.join(work, "output"),
           ("valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={out}"))
    text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out],
                          stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    count = {}
    for line in text.splitlines():
        found = re.match(r" *([0-9,]+) \([ 0-9.]+%\) +\S*:(egret_pipeline_record|egret_pipeline_end"
                         r"|work)( |$)", line)
        if found:
            number = int(found.group(1).replace(",", "")) / 1e6
            count[found.group(2)] = max(number, count.get(found.group(2), 0))
    by_threads = count.get("work", 0)
    return count["egret_pipeline_record"] + count.get("egret_pipeline_end", 0) + by_threads, by_threads


def main():
    egret = os.path.join(sys.argv[1], "egret")
    with tempfile.TemporaryDirectory() as work:
        raw = sys.argv[2] if len(sys.argv) > 2 else record(egret, work)
        outputs = {n: os.path.join(work, f"{n}.data") for n in THREADS}
        took = {n: [] for n in THREADS}
        for _ in range(ROUNDS):
            for n in THREADS:
                took[n].append(replay(egret, raw, n, outputs[n]))
        alone = min(t[0] for t in took[0])
        print("threads  seconds  to none  CPU seconds  instructions (M)  of them by threads")
        for n in THREADS:
            seconds, cpu = min(t[0] for t in took[n]), min(t[1] for t in took[n])
            counted = "-                   -"
            if shutil.which("valgrind"):
                counted = "%16.0f  %18.0f" % instructions(egret, raw, n, work)
            print(f"{n:7}  {seconds:7.3f}  {seconds / alone:7.2f}  {cpu:11.3f}  {counted}")
        with open(outputs[0], "rb") as file:
            first = file.read()
        for n in THREADS[1:]:
            with open(outputs[n], "rb") as file:
                if file.read() != first:
                    sys.exit(f"the recording made with {n} threads is another")


main()
