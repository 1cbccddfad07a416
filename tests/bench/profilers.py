# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""One run of a workload alone, under egret, or under perf, and what it cost."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time

import fold

PERF_FIELDS = "comm,pid,tid,time,ip,sym,dso"
# What egret's --stats counts as lost. Of the sampling programs that never ran, some may have been
# those of other processes' samples: it is an upper bound.
EGRET_LOST = re.compile(r"witness\.never-ran|samples\.dropped\.|captures\.dropped\.|\w+\.no-memory")


class Failed(Exception):
    pass


class Finished:
    """A program that ran: when it ended (CLOCK_MONOTONIC), its and its children's CPU seconds."""

    def __init__(self, ended, cpu, stderr, timed_out):
        self.ended, self.cpu, self.stderr, self.timed_out = ended, cpu, stderr, timed_out


def run(argv, log, timeout, consume=None):
    """Runs argv in a process group of its own, which is killed after timeout seconds.

    log: where its standard error goes. consume: called with its standard output, a text stream.
    """
    expired = threading.Event()
    with open(log, "w+", errors="replace") as err:
        process = subprocess.Popen([str(a) for a in argv], stderr=err, text=True, errors="replace",
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   stdout=subprocess.PIPE if consume else subprocess.DEVNULL)

        def expire():
            expired.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(timeout, expire)
        timer.start()
        try:
            if consume:
                consume(process.stdout)
            _, status, usage = os.wait4(process.pid, 0)
            ended = time.monotonic()
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        stderr = err.read()
    if process.returncode and not expired.is_set():
        raise Failed(f"{argv[0]} {argv[1]} ended with {process.returncode}: {' '.join(stderr[-160:].split())}")
    return Finished(ended, usage.ru_utime + usage.ru_stime, stderr, expired.is_set())


class Setting:
    """What all runs of a benchmark share."""

    def __init__(self, egret, perf, tools, directory, rate, event, timeout):
        self.egret, self.perf, self.tools = egret, perf, tools
        self.directory, self.rate, self.event, self.timeout = directory, rate, event, timeout

    def path(self, name):
        return self.directory / name

    def command(self, workload):
        return [self.tools / "launch", self.path("report"), *workload.argv]

    def run(self, argv, consume=None):
        return run(argv, self.path("log"), self.timeout, consume)

    def record(self, argv, workload):
        """Runs a profiler (or nothing) with the workload: (result so far, Finished)."""
        self.path("report").unlink(missing_ok=True)
        began = time.monotonic()
        done = self.run([*argv, *self.command(workload)])
        if done.timed_out:
            raise Failed(f"{workload.name} was not done after {self.timeout} s")
        start, end, cpu = (int(n) for n in self.path("report").read_text().split())
        result = {
            "wall": (end - start) / 1e9,
            "workload_cpu": cpu / 1e6,
            "profiler_cpu": max(0, done.cpu - cpu / 1e6),
            "before": start / 1e9 - began,
            "end": end / 1e9,
        }
        return result, done

    def complete(self, folded):
        """Per cent of the samples whose user stack is complete."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stackq.py")
        text = subprocess.run([sys.executable, script, "--folded", "--json", folded], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        return float(re.search(r'"complete_pct": ([\d.]+)', text)[1])


def alone(setting, workload):
    return setting.record([], workload)[0]


def egret_stats(text):
    return {m[1]: int(m[2]) for m in re.finditer(r"^([a-z][\w.-]*)\s+(\d+)  \S", text, re.M)}


def egret(setting, workload):
    data, page, folded = setting.path("egret.data"), setting.path("egret.html"), setting.path("egret.folded")
    event = ["-e", setting.event] if setting.event else []
    result, done = setting.record([setting.egret, "record", "--stats", "-F", setting.rate, *event,
                                   "-o", data, "--"], workload)
    stats = egret_stats(done.stderr)
    export = setting.run([setting.egret, "export", "--format=flamegraph", "-i", data, "-o", page])
    result.update({
        "samples": stats["samples.written"],
        "lost": sum(n for name, n in stats.items() if EGRET_LOST.match(name)),
        "bytes": data.stat().st_size,
        "graph": export.ended - result["end"],
        "graph_cpu": result["profiler_cpu"] + export.cpu,
        "graph_timed_out": export.timed_out,
        "stats": stats,
    })
    setting.run([setting.egret, "export", "--format=folded", "-i", data, "-o", folded])
    result["complete"] = setting.complete(folded)
    return result


def perf_lost(setting, data):
    """Samples that the kernel says it had no room for; newer kernels count them per event."""
    text = []
    setting.run([setting.perf, "report", "--stats", "-i", data], consume=lambda out: text.append(out.read()))
    return max([0, *(int(n) for n in re.findall(r"LOST_SAMPLES events:\s+(\d+)", text[0]))])


def perf(setting, workload, system_wide=False):
    data, folded_path = setting.path("perf.data"), setting.path("perf.folded")
    data.unlink(missing_ok=True)
    event = ["-e", setting.event] if setting.event else []
    scope = ["-a"] if system_wide else []
    # -B -N: no build-ids are collected, and no files copied to ~/.debug: less work for perf.
    result, _ = setting.record([setting.perf, "record", "-B", "-N", "-F", setting.rate, *event, *scope,
                                "--call-graph", "dwarf,65528", "-o", data, "--"], workload)
    folded = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    script = setting.run([setting.perf, "script", "--no-inline", "--show-lost-events", "-F", PERF_FIELDS,
                          "-i", data],
                         lambda out: folded.append(fold.fold(out, workload.comms if system_wide else None)))
    folded[0].write(folded_path)
    written = time.monotonic()
    after = resource.getrusage(resource.RUSAGE_SELF)
    own_cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result.update({
        "samples": folded[0].samples,
        "lost": max(folded[0].lost, perf_lost(setting, data)),
        "bytes": data.stat().st_size,
        "graph": written - result["end"],
        "graph_cpu": result["profiler_cpu"] + script.cpu + own_cpu,
        "graph_timed_out": script.timed_out,
        "complete": setting.complete(folded_path),
    })
    if script.timed_out:  # then samples are what was read so far
        result.update(samples=None, complete=None)
    data.unlink()
    return result


def perf_system_wide(setting, workload):
    return perf(setting, workload, system_wide=True)


PROFILERS = {"egret": egret, "perf": perf, "perf -a": perf_system_wide}
