#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# One tiny workload, one round: the table of `make bench` has every column, and its numbers can be true.
# O: the build directory (build).
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$here" && realpath "${O:-build}")
skip() {
	echo "$1"
	exit 77
}
[ "$(id -u)" = 0 ] || skip "sampling the kernel needs root"
perf --version >/dev/null 2>&1 || skip "perf is not here: apt install linux-perf"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
make -C "$here" O="${O:-build}" "${O:-build}"/tests/bench/{launch,storm} >/dev/null || exit 1
ulimit -c 0

"$here/tests/bench/bench.py" --egret "$build/egret" --tools "$build/tests/bench" --out "$work" \
	--workloads python --rounds 1 --scale 0.4 --timeout 60 >"$work/printed" || exit 1
cmp "$work/printed" "$work/results.md" || exit 1
/usr/bin/python3 - "$work/results.json" "$work/results.md" <<'END'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as numbers, open(sys.argv[2], encoding="utf-8") as page:
    results, text = json.load(numbers), page.read()
table = [[c.strip() for c in line.strip("|\n").split("|")] for line in text.split("\n") if line[:1] == "|"]
header, rule, *rows = table
assert header == ["workload", "profiler", "slowdown", "its CPU", "samples", "coverage", "lost", "complete",
                  "profiler CPU", "a sample", "bytes a sample", "to the graph", "CPU to the graph"], header
assert [row[1] for row in rows] == ["egret", "perf"], rows
assert all(len(row) == len(header) and all(row[1:]) for row in rows), rows
for row in rows:
    assert 100 < int(row[4]) < 3000, row
machine = results["machine"]
assert all(str(machine[k]) in text for k in ("cpu", "kernel", "perf", "egret", "date")), machine
for r in results["rows"]:
    run = results["rounds"][r["workload"]][0]
    assert 0.15 < r["alone_cpu"] < 20, r
    assert 0.5 < r["wall_ratio"] < 20 and 0.5 < r["cpu_ratio"] < 3, r
    assert r["samples"] == run[r["profiler"]]["samples"], r
    assert 0 < r["profiler_cpu"] < 20 and r["profiler_cpu"] <= r["graph_cpu"], r
    assert 0 < r["graph"] < 60 and not r["graph_timed_out"], r
    assert r["lost"] >= 0, r
egret, perf = results["rows"]
assert 0.95 < egret["coverage"] < 1.05, egret
assert 0.8 < perf["coverage"] < 1.05, perf  # on a busy machine it loses some
assert egret["complete"] > 99 and perf["complete"] > 90, (egret, perf)
assert egret["bytes_per_sample"] < 200, egret  # names and all, in a short recording
assert 60000 < perf["bytes_per_sample"] < 140000, perf  # a 65,528-byte window each
END
status=$?
[ $status = 0 ] || cat "$work/results.md"

# The table of what it costs always, of one short round at one rate.
"$here/tests/bench/always_on.py" --egret "$build/egret" --tools "$build/tests/bench" --out "$work" \
	--rounds 1 --scale 0.02 --rates 499 >"$work/printed" 2>"$work/said" || { cat "$work/said"; exit 1; }
cmp "$work/printed" "$work/always-on.md" || exit 1
/usr/bin/python3 - "$work/always-on.json" "$work/always-on.md" <<'END' || { cat "$work/always-on.md"; status=1; }
import json
import sys

with open(sys.argv[1], encoding="utf-8") as numbers, open(sys.argv[2], encoding="utf-8") as page:
    results, text = json.load(numbers), page.read()
rows = {r["profiler"]: r for r in results["rows"]}
assert list(rows) == ["egret record -a", "egret agent", "perf record -a, fp", "perf record -a, dwarf"], rows
for name, r in rows.items():
    run = results["rounds"][0]["runs"][f"{name} 499"]
    assert f"| 499 Hz | {name} |" in text, name
    # What an agent or perf uses in so short a time may be less than a tick of the kernel's clock.
    assert 0 <= run["own"] < run["busy"] and run["load"] > 0.05 and run["bytes"] > 0, run
    assert abs(r["together"] - r["taken"] - r["own"]) < 1e-9, r
assert rows["egret record -a"]["own"] > 0, rows
assert rows["egret record -a"]["complete"] > 85, rows
assert rows["perf record -a, dwarf"]["written"] > 10 * rows["egret record -a"]["written"], rows
END
exit $status
