#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Holds egret against perf, side by side: the same workloads at the same rate in the same run.

Writes a table to OUT/results.md, and every number of every run to OUT/results.json. Needs root.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

import profilers  # noqa: E402
import table  # noqa: E402
import workloads  # noqa: E402

ATTEMPTS = 4


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--egret", default="build/egret", type=pathlib.Path)
    parser.add_argument("--perf", default="perf")
    parser.add_argument("--tools", default="build/tests/bench", type=pathlib.Path,
                        help="where launch and storm were built")
    parser.add_argument("--out", default="build/bench", type=pathlib.Path)
    parser.add_argument("--workloads", default=",".join(workloads.NAMES), help="of %(default)s")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--scale", default=1.0, type=float, help="how long the workloads run; 1: 1-2 s")
    parser.add_argument("--rate", default=999, type=int, help="Hz")
    parser.add_argument("--timeout", default=120, type=int, help="seconds that any one step may take")
    args = parser.parse_args()
    unknown = set(args.workloads.split(",")) - set(workloads.NAMES)
    if unknown or args.rounds < 1:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}" if unknown else "--rounds is 1 or more")
    return args


def say(text):
    print(text, file=sys.stderr, flush=True)


def first_line(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[0]


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return names[0] if names else platform.machine()


def has_pmu():
    return any(os.path.exists(f"/sys/bus/event_source/devices/{name}") for name in ("cpu", "cpu_core"))


def machine(args, event):
    return {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "perf": first_line([args.perf, "--version"]),
        "egret": first_line([str(args.egret), "--version"]),
        "event": event or "cycles",
        "rate": args.rate,
        "rounds": args.rounds,
        "date": datetime.date.today().isoformat(),
        "load": os.getloadavg()[0],
    }


def attempt(setting, workload, name):
    """A run that ends in failure is tried again, and counted; None when there is no end to it.

    perf crashes where somebody else asks the kernel for build-ids at the same time.
    """
    for failures in range(ATTEMPTS):
        try:
            return {**profilers.PROFILERS[name](setting, workload), "failures": failures}
        except profilers.Failed as error:
            say(f"bench: {workload.name} under {name}: {error}")
    return None


def one_round(setting, workload, names, number):
    """Each profiler once, after a run alone; who is first changes from round to round."""
    runs = {"alone": profilers.alone(setting, workload)}
    for i in range(len(names)):
        name = names[(i + number) % len(names)]
        result = attempt(setting, workload, name)
        if result:
            runs[name] = result
    return runs


def measure(setting, workload, rounds):
    names = [n for n in profilers.PROFILERS if n != "perf -a" or workload.system_wide]
    profilers.alone(setting, workload)  # so that what it reads is in memory
    return [one_round(setting, workload, names, number) for number in range(rounds)]


def median(values):
    known = [v for v in values if v is not None]
    return statistics.median(known) if known else None


def summary(rounds, name, base, rate):
    """The numbers of a row: medians over the rounds, of ratios within a round."""

    def over(fn):
        return median([fn(r[name]) if r[name].get("samples", True) is not None else None for r in rounds])

    return {
        "wall_ratio": median([r[name]["wall"] / r["alone"]["wall"] for r in rounds]),
        "cpu_ratio": median([r[name]["workload_cpu"] / r["alone"]["workload_cpu"] for r in rounds]),
        "samples": over(lambda r: r["samples"]),
        "coverage": over(lambda r: r["samples"] / (r["workload_cpu"] * rate)),
        "lost": sum(r[name]["lost"] for r in rounds),
        "complete": over(lambda r: r["complete"]),
        "profiler_cpu": median([r[name]["profiler_cpu"] for r in rounds]),
        "cpu_per_sample": over(lambda r: max(0, r["profiler_cpu"] - base) / (r["samples"] or 1)),
        "bytes_per_sample": over(lambda r: r["bytes"] / (r["samples"] or 1)),
        "graph": median([r[name]["graph"] for r in rounds]),
        "graph_cpu": median([r[name]["graph_cpu"] for r in rounds]),
        "failures": sum(r[name]["failures"] for r in rounds),
        "graph_timed_out": any(r[name]["graph_timed_out"] for r in rounds),
    }


def base_costs(setting, rounds):
    """What recording a program that does nothing costs: start, end, and all that is between."""
    nothing = workloads.Workload("true", ["/bin/true"], comms=("true",), system_wide=True)
    runs = {name: [attempt(setting, nothing, name) for _ in range(rounds)] for name in profilers.PROFILERS}
    return {name: {of: median([r[key] for r in results if r]) or 0
                   for of, key in (("cpu", "profiler_cpu"), ("before", "before"))}
            for name, results in runs.items()}


def run_all(args, setting, base):
    rows, raw, missing = [], {}, []
    for name in args.workloads.split(","):
        workload = workloads.make(name, args.out / "work", args.scale, args.tools)
        if not workload:
            missing.append(name)
            continue
        say(f"bench: {workload.name}")
        rounds = raw[workload.name] = measure(setting, workload, args.rounds)
        cpu = median([r["alone"]["workload_cpu"] for r in rounds])
        for profiler in profilers.PROFILERS:
            done = [r for r in rounds if profiler in r]
            if done:
                numbers = summary(done, profiler, base[profiler]["cpu"], args.rate)
                rows.append({"workload": workload.name, "alone_cpu": cpu, "profiler": profiler, **numbers})
    return rows, raw, missing


def main():
    args = options()
    for program in (args.perf, args.egret, args.tools / "launch", args.tools / "storm"):
        if not shutil.which(program):
            sys.exit(f"bench: {program} is not here (perf: apt install linux-perf; the rest: make bench)")
    if os.geteuid():
        sys.exit("bench: perf and egret sample the kernel too here: run it as root")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    event = None if has_pmu() else "cpu-clock"
    args.out.mkdir(parents=True, exist_ok=True)
    setting = profilers.Setting(args.egret, args.perf, args.tools, args.out, args.rate, event, args.timeout)
    about = machine(args, event)
    base = base_costs(setting, args.rounds)
    rows, raw, missing = run_all(args, setting, base)
    about["load"] = max(about["load"], os.getloadavg()[0])
    text = table.render(about, base, rows, missing, args.timeout)
    result = {"machine": about, "base": base, "rows": rows, "rounds": raw, "missing": missing}
    (args.out / "results.md").write_text(text)
    (args.out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    shutil.rmtree(args.out / "work", ignore_errors=True)
    print(text, end="")


if __name__ == "__main__":
    try:
        main()
    except profilers.Failed as error:
        sys.exit(f"bench: {error}")
