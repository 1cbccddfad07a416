#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""formats.py FOLDED FORMAT FILE [FORMAT FILE ...]: each format says what the folded lines say.

FOLDED was exported with --by-thread. Each file is read back by the tool that people use it with, as far
as there is one. Compared are the samples of each stack of each thread, and self and total of each
function. Prints a
line per format; the exit status is 1 when one differs.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
from xml.etree import ElementTree

import jsonschema

sys.dont_write_bytecode = True
import formats_proto  # noqa: E402


def folded(path):
    """{(comm-pid/tid, root, ..., leaf): samples}"""
    stacks = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            stack, count = line.rstrip("\n").rsplit(" ", 1)
            frames = [re.sub(r"_\[[kji]\]$", "", f) for f in stack.split(";")]
            stacks[tuple(frames)] += int(count)
    return stacks


def thread(comm, pid, tid):
    return f"{comm.replace(';', ':')}-{pid}/{tid}"


def pprof(path):
    """`go tool pprof -traces`: a trace a paragraph, labels first, leaf first."""
    text = subprocess.run(
        ["go", "tool", "pprof", "-sample_index=samples", "-traces", path],
        check=True, capture_output=True, text=True).stdout
    stacks = collections.Counter()
    for paragraph in re.split(r"^-+\+-+\n", text, flags=re.M)[1:]:
        if not paragraph.strip():
            continue
        labels, frames, count = {}, [], 0
        for line in paragraph.splitlines():
            label = re.match(r" {0,9}(\w+):  (.*)$", line)
            value = re.match(r" *(\d+) {3}(.*)$", line)
            if label and not frames:
                labels[label[1]] = label[2]
            elif value and not frames:
                count = int(value[1])
                frames.append(value[2])
            elif line.startswith(" " * 13):
                frames.append(re.sub(r" \(inline\)$", "", line[13:]))
        frames = [re.sub(r" \(inline\)$", "", f) for f in frames if f]
        names = [name.replace(";", ":") for name in frames]
        stacks[(thread(labels["thread"], labels["pid"], labels["tid"]), *reversed(names))] += count
    return stacks


def perf_script(path):
    """As stackcollapse-perf.pl takes it: a head, frames from the leaf on, an empty line."""
    stacks = collections.Counter()
    head, frames = None, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if head is None:
                head = re.fullmatch(r"(\S.*?) (\d+)/(\d+) \[(\d+)\] +(\d+\.\d+): +(\d+) (\S+): ", line)
                assert head, line
            elif line:
                frame = re.fullmatch(r"\t *([0-9a-f]+) (.+) \((.+)\)", line)
                assert frame, line
                frames.append(frame[2].replace(";", ":"))
            else:
                stacks[(thread(head[1], head[2], head[3]), *reversed(frames))] += 1
                head, frames = None, []
    assert head is None
    return stacks


def speedscope(path):
    """By the schema: a sampled profile a thread; samples without frames are gaps."""
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    names = [frame["name"].replace(";", ":") for frame in data["shared"]["frames"]]
    stacks = collections.Counter()
    for profile in data["profiles"]:
        name, ids = profile["name"].rsplit(" ", 1)
        assert len(profile["samples"]) == len(profile["weights"])
        assert sum(profile["weights"]) <= profile["endValue"]
        for sample in profile["samples"]:
            if sample:
                frames = [names[i] for i in sample]
                stacks[(thread(name, *ids.split("/")), *(f for f in frames if f != "[no stack]"))] += 1
    return stacks


def annotated(path, *options):
    """{(function, file and module): cost} as callgrind_annotate has it; a function that is called by itself
    has a second entry, name'2."""
    text = subprocess.run(
        ["callgrind_annotate", "--threshold=100", "--auto=no", "--show=Samples", *options, path],
        check=True, capture_output=True, text=True).stdout
    costs = {}
    for line in text.splitlines():
        row = re.fullmatch(r" *([\d,]+) \([ \d.]+%\) +([^:]*):(.*) \[(.*)\]", line)
        if row and not row[3].endswith(" (process)"):
            costs[(row[3], row[2] + row[4])] = int(row[1].replace(",", ""))
    return costs


def callgrind(path):
    """{function: (self, total)}; total is None where several functions have the name."""
    own, total, modules = collections.Counter(), collections.Counter(), collections.Counter()
    for (name, _), cost in annotated(path).items():
        own[re.sub(r"'\d+$", "", name).replace(";", ":")] += cost
    for (name, _), cost in annotated(path, "--inclusive=yes").items():
        if not re.search(r"'\d+$", name):
            name = name.replace(";", ":")
            total[name] += cost
            modules[name] += 1
    return {name: (own[name], total[name] if modules[name] == 1 else None) for name in total}


def svg(path):
    """{function: (self, total)} from what is drawn: a frame lies upon the one that it is called by."""
    space = "{http://www.w3.org/2000/svg}"
    frames = []
    for group in ElementTree.parse(path).iter(space + "g"):
        rect = group.find(space + "rect")
        lines = group.find(space + "title").text.split("\n")
        samples = [line for line in lines[1:] if re.match(r"\d+ samples, ", line)][-1]
        frames.append((float(rect.get("y")), float(rect.get("x")), float(rect.get("width")),
                       lines[0].replace(";", ":"), int(samples.split()[0])))
    rows = collections.defaultdict(list)
    for y, x, width, name, samples in sorted(frames, reverse=True):
        rows[y].append((x, width, name, samples))
    own, total = collections.Counter(), collections.Counter()
    below = [((), 0.0, 1e9, None)]
    for depth, y in enumerate(sorted(rows, reverse=True)):
        row = []
        for x, width, name, samples in rows[y]:
            callers = [b for b in below if b[1] - 0.02 <= x and x + width <= b[1] + b[2] + 0.02]
            assert len(callers) == 1, (name, x, width, callers)
            path_below, leaf = callers[0][0], callers[0][3]
            if depth > 1:
                own[name] += samples
                if name not in path_below:
                    total[name] += samples
            if depth > 2:
                own[leaf] -= samples
            row.append(((*path_below, name) if depth > 1 else (), x, width, name))
        below = row
    return {name: (own[name], total[name]) for name in total}


def report(path):
    """{function: (self, total)} of `egret report --json --sort=sym`; all samples have one period."""
    with open(path, encoding="utf-8") as file:
        event = json.load(file)["events"][0]
    period = event["value"] / event["samples"]
    for row in event["rows"]:
        assert row["self"] == round(row["samples"] * period), row
    return {row["sym"].replace(";", ":"): (row["samples"], round(row["total"] / period))
            for row in event["rows"] if row["sym"] != "[unknown]"}


def table_columns(table):
    """All columns of a table are as long as it says."""
    for name, column in table.items():
        if isinstance(column, list):
            assert len(column) == table["length"], name
    return table


def firefox(path):
    """By the schema beside this; numbers that refer to something refer to what is there."""
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    with open(pathlib.Path(__file__).with_name("firefox_profile.schema.json"), encoding="utf-8") as file:
        jsonschema.Draft7Validator(json.load(file)).validate(data)
    strings = data["shared"]["stringArray"]
    files = [strings[i] for i in table_columns(data["shared"]["sources"])["filename"]]
    categories = [c["name"] for c in data["meta"]["categories"]]
    stacks = collections.Counter()
    for t in data["threads"]:
        stack, frame, func, resource, samples = (
            table_columns(t[name]) for name in ("stackTable", "frameTable", "funcTable", "resourceTable", "samples"))
        assert samples["time"] == sorted(samples["time"])
        assert all(lib is None or lib < len(data["libs"]) for lib in resource["lib"])
        assert all(source is None or files[source] for source in func["source"])
        for i in samples["stack"]:
            frames = []
            while i is not None:
                assert stack["prefix"][i] is None or stack["prefix"][i] < i
                f = stack["frame"][i]
                module = strings[resource["name"][func["resource"][frame["func"][f]]]]
                assert (categories[frame["category"][f]] == "Kernel") == (module == "[kernel.kallsyms]"), module
                frames.append(strings[func["name"][frame["func"][f]]].replace(";", ":"))
                i = stack["prefix"][i]
            stacks[(thread(t["name"], t["pid"], t["tid"]), *reversed(frames))] += 1
    return stacks


def proto(reader):
    """Of those in formats_proto.py."""
    def read(path):
        stacks = collections.Counter()
        for (name, pid, tid, *frames), count in reader(path).items():
            stacks[(thread(name, pid, tid), *(f.replace(";", ":") for f in frames))] += count
        return stacks
    return read


READERS = {"firefox": firefox, "otlp": proto(formats_proto.otlp), "perfetto": proto(formats_proto.perfetto),
           "report": report, "svg": svg, "callgrind": callgrind, "pprof": pprof, "perf-script": perf_script, "speedscope": speedscope}


def functions(stacks):
    """{function: (self, total)}"""
    own, total = collections.Counter(), collections.Counter()
    for (_, *frames), count in stacks.items():
        if frames:
            own[frames[-1]] += count
        for name in set(frames):
            total[name] += count
    return {name: (own[name], total[name]) for name in total}


def differences(want, got):
    if all(isinstance(key, str) for key in got):  # functions are all that there is
        pairs = [("function", functions(want), got)]
        for name, (own, total) in got.items():
            if total is None and name in pairs[0][1]:
                got[name] = (own, pairs[0][1][name][1])
    else:
        pairs = [("stack", want, got), ("function", functions(want), functions(got))]
    for what, a, b in pairs:
        for key in sorted(set(a) | set(b), key=str):
            if a.get(key) != b.get(key):
                yield f"{what} {key}: {a.get(key)} in folded, {b.get(key)} here"


def main():
    want = folded(sys.argv[1])
    failed = not want
    for name, path in zip(sys.argv[2::2], sys.argv[3::2]):
        got = READERS[name](path)
        wrong = list(differences(want, got))
        print(f"{name}: {len(got)} stacks or functions, {len(wrong)} differences")
        for line in wrong[:10]:
            print(f"    {line}")
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
