#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What a recording of a compiler at work, with default options, costs egret: user space and kernel apart.

Prints a table, and OUT/cost.json has every number. Needs root. CPU time is exact (getrusage); how much of it is user
space is not, since kernels count that by ticks, which come when egret wakes up or never. So one more recording is
sampled itself, by a second egret and at another rate, and tells the shares.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys

sys.dont_write_bytecode = True

import profilers  # noqa: E402
import workloads  # noqa: E402

RATE = 4999  # Hz; of the sampling of egret itself


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--egret", default="build/egret", type=pathlib.Path)
    parser.add_argument("--tools", default="build/tests/bench", type=pathlib.Path, help="where launch was built")
    parser.add_argument("--out", default="build/bench", type=pathlib.Path)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--scale", default=4.0, type=float, help="size of the source; 1: 1.6 s of clang")
    return parser.parse_args()


def recording(setting, workload):
    """One recording: what it cost, and how whole it is."""
    result = profilers.egret(setting, workload)
    stats = result["stats"]
    return {
        "wall": result["wall"],
        "workload_cpu": result["workload_cpu"],
        "cpu": result["profiler_cpu"],
        "samples": stats["samples.written"],
        "frames": stats["frames"] / max(1, stats["captures.done"]),
        "bytes": stats["captures.bytes"] / max(1, stats["captures.done"]),
        "complete": 100 * stats["unwind.root"] / max(1, stats["samples.written"]),
    }


def user_share(setting, workload):
    """Of the CPU time of a recording, by sampling it."""
    data, folded = setting.path("self.data"), setting.path("self.folded")
    setting.run([setting.egret, "record", "-q", "-F", RATE, "-o", data, "--", setting.egret, "record", "-q", "-o",
                 setting.path("egret.data"), "--", *setting.command(workload)])
    setting.run([setting.egret, "export", "--format=folded", "--comm=egret", "-i", data, "-o", folded])
    user = total = 0
    for line in folded.read_text(errors="replace").splitlines():
        stack, count = line.rsplit(" ", 1)
        total += int(count)
        user += 0 if stack.endswith("_[k]") else int(count)
    return user / max(1, total), total


def nothing(setting):
    """CPU seconds of recording a program that does nothing: start and end."""
    true = workloads.Workload("true", ["/bin/true"])
    return statistics.median(profilers.egret(setting, true)["profiler_cpu"] for _ in range(3))


def render(result):
    runs = result["runs"]

    def mid(key):
        return statistics.median(r[key] for r in runs)

    cpu = statistics.median(r["cpu"] / r["workload_cpu"] for r in runs) * 100
    user = cpu * result["user_share"]
    text = f"{runs[0]['command']}, {mid('workload_cpu'):.1f} s of CPU time; medians of {len(runs)} recordings"
    text += f"; load average of the machine up to {result['load']:.1f}.\n\n"
    text += "| samples | frames | bytes of stack | complete | user space | kernel | of that, start and end |\n"
    text += "| ------: | -----: | -------------: | -------: | ---------: | -----: | ---------------------: |\n"
    text += (f"| {mid('samples'):.0f} | {mid('frames'):.1f} | {mid('bytes') / 1024:.1f} KiB | {mid('complete'):.2f} % "
             f"| {user:.2f} % | {cpu - user:.2f} % | {100 * result['nothing'] / mid('workload_cpu'):.2f} % |\n")
    return text


def main():
    args = options()
    if os.geteuid():
        sys.exit("cost: sampling the kernel needs root")
    args.out.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    event = None if any(os.path.exists(f"/sys/bus/event_source/devices/{n}") for n in ("cpu", "cpu_core")) else "cpu-clock"
    setting = profilers.Setting(args.egret, None, args.tools, args.out, 999, event, 300)
    workload = workloads.make("clang", args.out / "work", args.scale, args.tools)
    if not workload:
        sys.exit("cost: neither clang++ nor g++ is installed")
    recording(setting, workload)  # so that the cache has what recordings leave there
    runs = [{**recording(setting, workload), "command": f"{workload.name} -O2"} for _ in range(args.rounds)]
    share, samples = user_share(setting, workload)
    result = {"runs": runs, "user_share": share, "user_share_samples": samples, "nothing": nothing(setting),
              "load": os.getloadavg()[0]}
    (args.out / "cost.json").write_text(json.dumps(result, indent=1) + "\n")
    print(render(result), end="")


if __name__ == "__main__":
    try:
        main()
    except profilers.Failed as error:
        sys.exit(f"cost: {error}")
