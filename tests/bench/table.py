# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The results as text: an aligned table that is Markdown too."""


def percent(value, digits=1):
    return "?" if value is None else f"{100 * value:.{digits}f} %"


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def size(value):
    if value is None:
        return "?"
    return f"{value:.0f} B" if value < 10000 else f"{value / 1000:.1f} kB"


def count(value):
    return "?" if value is None else f"{value:.0f}"


def micro(value):
    return "?" if value is None else f"{value * 1e6:.0f} µs"


COLUMNS = [
    ("workload", lambda r, t: f"{r['workload']} ({r['alone_cpu']:.1f} s)"),
    ("profiler", lambda r, t: r["profiler"]),
    ("slowdown", lambda r, t: f"{100 * (r['wall_ratio'] - 1):+.1f} %"),
    ("its CPU", lambda r, t: f"{100 * (r['cpu_ratio'] - 1):+.1f} %"),
    ("samples", lambda r, t: count(r["samples"])),
    ("coverage", lambda r, t: percent(r["coverage"])),
    ("lost", lambda r, t: count(r["lost"])),
    ("complete", lambda r, t: "?" if r["complete"] is None else f"{r['complete']:.1f} %"),
    ("profiler CPU", lambda r, t: seconds(r["profiler_cpu"])),
    ("a sample", lambda r, t: micro(r["cpu_per_sample"])),
    ("bytes a sample", lambda r, t: size(r["bytes_per_sample"])),
    ("to the graph", lambda r, t: f"> {t} s" if r["graph_timed_out"] else seconds(r["graph"])),
    ("CPU to the graph", lambda r, t: ("> " if r["graph_timed_out"] else "") + seconds(r["graph_cpu"])),
]

NOTES = """\
- **slowdown**, **its CPU**: how much longer the workload took, and how much more CPU time it used, than
  alone in the same round; medians of {rounds} rounds. In brackets: its CPU time alone.
- **coverage**: samples against CPU time x rate. **lost**: what each says it lost, all rounds together.
- **complete**: user stacks that reach where a process or thread begins (stackq.py); a sample without is not.
- **profiler CPU**: user and system time of the recorder itself, its start and end included. Recording a
  program that does nothing costs egret {egret_cpu} of CPU and delays it by {egret_before} (BPF programs are
  loaded and verified), perf {perf_cpu} and {perf_before}. **a sample**: the rest, divided by the samples.
  egret unwinds while it records; perf saves stacks, and unwinds in `perf script`.
- **bytes a sample**: size of the recording, names and all, divided by the samples.
- **to the graph**: from the end of the workload to a flame graph: for egret, its page (`egret export`);
  for perf, text that is folded (`perf script --no-inline`, of which fold.py makes stacks while it runs).
  **CPU to the graph**: of all that is needed for it, the recording included.
"""


def aligned(header, rows):
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]

    def line(cells):
        padded = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(padded) + " |\n"

    rule = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return line(header) + line(rule) + "".join(line(r) for r in rows)


def render(about, base, rows, missing, timeout):
    cells = [[text(row, timeout) for _, text in COLUMNS] for row in rows]
    for i in range(len(cells) - 1, 0, -1):
        if cells[i][0] == cells[i - 1][0]:
            cells[i][0] = ""
    notes = NOTES.format(rounds=about["rounds"],
                         egret_cpu=seconds(base["egret"]["cpu"]), egret_before=seconds(base["egret"]["before"]),
                         perf_cpu=seconds(base["perf"]["cpu"]), perf_before=seconds(base["perf"]["before"]))
    head = (f"{about['cpus']} x {about['cpu']}, Linux {about['kernel']}, {about['egret']} and {about['perf']} "
            f"(`--call-graph dwarf,65528`), {about['event']} at {about['rate']} Hz, {about['date']}, "
            f"load average of the machine up to {about['load']:.1f}.\n")
    failed = [f"{r['profiler']} on {r['workload']}: {r['failures']}" for r in rows if r["failures"]]
    again = f"\nRuns that crashed or failed, and were done again: {', '.join(failed)}.\n" if failed else ""
    absent = f"\nNot measured, for want of their programs: {', '.join(missing)}.\n" if missing else ""
    return head + "\n" + aligned([name for name, _ in COLUMNS], cells) + "\n" + notes + again + absent
