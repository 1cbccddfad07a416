#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What sampling the whole machine all the time costs, at several rates: egret and perf on one mixed load.

The load is a fixed amount of work on each of two lanes. In each round it runs under each profiler at each rate, which has
begun before, has seen the same load once, and ends after; and alone before and after the profilers of one rate. Writes a
table to OUT/always-on.md, and every number to OUT/always-on.json. Needs root.
"""

import argparse
import json
import os
import pathlib
import resource
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import bench  # noqa: E402
import fold  # noqa: E402
import profilers  # noqa: E402
import table  # noqa: E402
import workloads  # noqa: E402
from cpu_cgroup import CpuCgroup  # noqa: E402

LANES = (("clang", "git", "python"), ("sqlite", "xz", "node", "storm"))
# Its processes: what else runs on the machine is sampled too, and is nobody's measure of unwinding.
COMMS = {"launch", "sh", "clang", "clang++", "git", "python3", "sqlite3", "xz", "node", "storm", "true"}
SETTLED = 1.0  # seconds after which a profiler's start is over
TICKS = os.sysconf("SC_CLK_TCK")


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--egret", default="build/egret", type=pathlib.Path)
    parser.add_argument("--perf", default="perf")
    parser.add_argument("--tools", default="build/tests/bench", type=pathlib.Path)
    parser.add_argument("--out", default="build/bench", type=pathlib.Path)
    parser.add_argument("--rates", default="19,99,999", help="Hz: %(default)s")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--scale", default=0.5, type=float, help="of the load; 1: about 5 s")
    parser.add_argument("--timeout", default=120, type=int)
    return parser.parse_args()


# ---- what is measured ----------------------------------------------------------------------------


def busy_seconds():
    """CPU time of all CPUs that were not idle: what a profiler of the machine samples."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = (int(n) for n in file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def cpu_seconds(cgroup, pid):
    """CPU time of a profiler with all that it forks; where there are no cgroups, of its threads alone, by the
    scheduler, which does not count in ticks."""
    if cgroup.path:
        return cgroup.seconds()
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return total / 1e9


def written(path):
    files = [path] if path.is_file() else path.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file())


class Load:
    def __init__(self, args):
        self.tools, self.out, self.timeout = args.tools, args.out, args.timeout
        self.lanes = []
        for lane in LANES:
            made = [workloads.make(name, args.out / "load", args.scale, args.tools) for name in lane]
            self.lanes.append("; ".join(shlex.join(w.argv) for w in made if w))

    def run(self):
        """CPU seconds of all of it."""
        reports = [self.out / f"lane{i}" for i in range(len(self.lanes))]
        running = [subprocess.Popen([self.tools / "launch", report, "sh", "-c", lane], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
                   for report, lane in zip(reports, self.lanes)]
        for lane in running:
            try:
                lane.wait(self.timeout)
            except subprocess.TimeoutExpired as late:
                for other in running:
                    os.killpg(other.pid, signal.SIGKILL)
                raise profilers.Failed(f"the load was not done after {self.timeout} s") from late
        return sum(int(report.read_text().split()[2]) for report in reports) / 1e6


# ---- the profilers -------------------------------------------------------------------------------


class Profiler:
    """argv: with {rate} and {data}. data: where it writes, in the directory of a run."""

    def __init__(self, name, argv, data, folded=None, listens=None):
        self.name, self.argv, self.data, self.folded, self.listens = name, argv, data, folded, listens


def egret_folded(args, data, to):
    subprocess.run([args.egret, "export", "--format=folded", "-i", data, "-o", to], check=True,
                   stderr=subprocess.DEVNULL)


def perf_folded(args, data, to):
    script = subprocess.Popen([args.perf, "script", "--no-inline", "-F", profilers.PERF_FIELDS, "-i", data],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    fold.fold(script.stdout).write(to)
    script.wait()


def all_profilers(args):
    event = [] if bench.has_pmu() else ["-e", "cpu-clock"]
    perf = [args.perf, "record", "-q", "-B", "-N", "-a", "-F", "{rate}", *event, "-o", "{data}"]
    return [
        Profiler("egret record -a", [args.egret, "record", "-q", "-a", "-F", "{rate}", *event, "-o", "{data}"],
                 "egret.data", egret_folded),
        Profiler("egret agent", [args.egret, "agent", "-F", "{rate}", *event, "--max-cpu=100", "--window=1",
                                 "--max-memory=1G", "--state-dir={data}", "--listen=unix:{data}.sock"],
                 "store", None, "store.sock"),
        Profiler("perf record -a, fp", [*perf, "--call-graph", "fp"], "perf.data", perf_folded),
        Profiler("perf record -a, dwarf", [*perf, "--call-graph", "dwarf"], "perf.data", perf_folded),
    ]


def wait_for(process, path):
    """Until it listens; a profiler that does not is given a moment."""
    end = time.monotonic() + 10
    while path and time.monotonic() < end and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as s:
            if s.connect_ex(str(path)) == 0:
                break
        time.sleep(0.05)
    time.sleep(SETTLED)
    if process.poll() is not None:
        raise profilers.Failed(f"{process.args[0]} has ended with {process.returncode}")


def stop(process):
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def under(args, load, profiler, rate, last):
    """One run of the load under a profiler."""
    directory = args.out / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    data = directory / profiler.data
    argv = [str(a).format(rate=rate, data=data) for a in profiler.argv]
    cgroup = CpuCgroup("egret-always-on")
    with open(directory / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=cgroup.enter)
        try:
            wait_for(process, profiler.listens and directory / profiler.listens)
            load.run()  # a profiler that is always on has seen these programs before
            time.sleep(SETTLED)
            before, size = (busy_seconds(), cpu_seconds(cgroup, process.pid)), written(data)
            cpu = load.run()
            after = busy_seconds(), cpu_seconds(cgroup, process.pid)
        finally:
            stop(process)
            cgroup.remove()
    busy, own = (a - b for a, b in zip(after, before))
    result = {"load": cpu, "own": own, "busy": busy - own, "bytes": written(data) - size}
    if last and profiler.folded:
        folded = directory / "folded"
        profiler.folded(args, data, folded)
        kept = [line for line in folded.read_text(errors="replace").splitlines(True) if line.split(";")[0] in COMMS]
        folded.write_text("".join(kept), errors="replace")
        result["complete"] = profilers.Setting(None, None, None, directory, 0, None, 0).complete(folded)
    shutil.rmtree(directory, ignore_errors=True)
    return result


def attempt(args, load, profiler, rate, last):
    for _ in range(bench.ATTEMPTS):
        try:
            run = under(args, load, profiler, rate, last)
            bench.say(f"  {profiler.name}: {run['load']:.3f} s of CPU time, own {run['own']:.3f} s")
            return run
        except profilers.Failed as error:
            bench.say(f"always on: {profiler.name}: {error}")
    return None


def one_round(args, load, kinds, number):
    """Runs by "PROFILER RATE", each with what the load took alone around them; and these alone."""
    runs, alone = {}, [load.run()]
    for rate in args.rates.split(","):
        bench.say(f"always on: round {number + 1} of {args.rounds}, {rate} Hz")
        block = {}
        for i in range(len(kinds)):
            profiler = kinds[(i + number) % len(kinds)]
            block[f"{profiler.name} {rate}"] = attempt(args, load, profiler, rate, number == args.rounds - 1)
        alone.append(load.run())
        for name, run in block.items():
            if run:
                runs[name] = {**run, "alone": (alone[-2] + alone[-1]) / 2}
    return {"runs": runs, "alone": alone}


# ---- the table -----------------------------------------------------------------------------------

NOTES = """
- Each profiler has seen the load once before it is measured, as one that is always on has: what it learns of new
  programs is not in these figures.
- **taken**: how much more CPU time the load took than alone right before and after; medians of {rounds} rounds, ± half
  of their interquartile range. The first row is the load alone against itself: what differs there is noise.
- **own**: CPU time of the profiler and all that it forks while the load ran, of the CPU time that was not idle, of
  which it had to take samples (its start and end are not in it). **together**: the sum, of each second that a CPU is
  busy.
- **complete**: user stacks of the load that reach where a process or thread begins (stackq.py), in the last round.
- **written**: bytes for each second that a CPU was busy, with what is written at the end (names).
- `egret agent` runs without its budget here (`--max-cpu=100`), which would lower the rate: by default it keeps to 19 Hz
  and 0.5 % of the machine. perf's dwarf is its default window of 8,192 bytes of stack, which it only copies:
  unwinding is left to `perf script`, and in no column.
"""


def middle(values):
    """The median, and half of the interquartile range, which says how far it can be believed."""
    values = list(values)
    if len(values) < 2:
        return statistics.median(values), 0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), (high - low) / 2


def row(rounds, profiler, rate):
    runs = [r["runs"][f"{profiler} {rate}"] for r in rounds if f"{profiler} {rate}" in r["runs"]]
    if not runs:
        return None
    taken, spread = middle(run["load"] / run["alone"] - 1 for run in runs)
    own, _ = middle(run["own"] / run["busy"] for run in runs)
    complete = [run["complete"] for run in runs if "complete" in run]
    return {"rate": int(rate), "profiler": profiler, "taken": taken, "spread": spread, "own": own,
            "together": taken + own, "complete": complete[-1] if complete else None,
            "written": statistics.median(run["bytes"] / run["busy"] for run in runs)}


def summary(args, rounds, kinds):
    noise = middle(after / before - 1 for r in rounds for before, after in zip(r["alone"], r["alone"][1:]))
    rows = [row(rounds, p.name, rate) for rate in args.rates.split(",") for p in kinds]
    return noise, [r for r in rows if r]


def render(about, alone, noise, rows):
    def percent(value):
        return f"{100 * value:+.2f} %"

    def taken(value, spread):
        return f"{percent(value)} ± {100 * spread:.2f}"

    lines = [f"{about['cpus']} x {about['cpu']}, Linux {about['kernel']}, {about['egret']} and {about['perf']}, "
             f"{about['event']}, {about['date']}, load of {alone:.1f} s of CPU time, load average of the machine up to "
             f"{about['load']:.1f}.", "",
             "| rate | profiler | taken | own | together | complete | written |",
             "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
             f"| - | none | {taken(*noise)} | - | - | - | - |"]
    for r in rows:
        complete = "-" if r["complete"] is None else f"{r['complete']:.1f} %"
        lines.append(f"| {r['rate']} Hz | {r['profiler']} | {taken(r['taken'], r['spread'])} | {percent(r['own'])} | "
                     f"{percent(r['together'])} | {complete} | {table.size(r['written'])} |")
    return "\n".join(lines) + "\n" + NOTES.format(rounds=about["rounds"])


def main():
    args = options()
    if os.geteuid():
        sys.exit("always on: sampling the whole machine needs root")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    args.out.mkdir(parents=True, exist_ok=True)
    os.environ["EGRET_CACHE"] = str(args.out / "cache")
    args.rate = args.rates
    about = bench.machine(args, None if bench.has_pmu() else "cpu-clock")
    load, kinds = Load(args), all_profilers(args)
    load.run()  # so that what it reads is in memory
    rounds = [one_round(args, load, kinds, number) for number in range(args.rounds)]
    about["load"] = max(about["load"], os.getloadavg()[0])
    noise, rows = summary(args, rounds, kinds)
    text = render(about, statistics.median(cpu for r in rounds for cpu in r["alone"]), noise, rows)
    (args.out / "always-on.md").write_text(text)
    (args.out / "always-on.json").write_text(json.dumps({"machine": about, "noise": noise, "rows": rows,
                                                         "rounds": rounds}, indent=1) + "\n")
    shutil.rmtree(args.out / "load", ignore_errors=True)
    print(text, end="")


if __name__ == "__main__":
    main()
