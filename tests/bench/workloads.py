# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The programs that are profiled, and the input that each works on, made anew in a directory.

Distribution builds of programs that this project did not write, without frame pointers, each busy
for a second or two at scale 1; and a storm of short-lived processes.
"""

import os
import pathlib
import random
import shutil
import subprocess


class Workload:
    """argv: the command. comms: names of its processes, which tell them from others under `perf -a`."""

    def __init__(self, name, argv, comms=(), system_wide=False):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.comms = {"launch", *comms}
        self.system_wide = system_wide


CPP = """
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
"""

CPP_PART = """
struct Key{n} {{ int a; std::string b; bool operator<(const Key{n} &o) const {{ return std::tie(a, b) < std::tie(o.a, o.b); }} }};
using Value{n} = std::variant<int, std::string, std::vector<Key{n}>>;
int part{n}(const std::map<Key{n}, Value{n}> &m, std::unordered_map<std::string, std::shared_ptr<Key{n}>> &u)
{{
    std::set<Key{n}> keys;
    for (auto &entry : m) {{
        keys.insert(entry.first);
        std::visit([&](auto &x) {{
            if constexpr (std::is_same_v<std::decay_t<decltype(x)>, std::string>)
                u.emplace(x, std::make_shared<Key{n}>(entry.first));
        }}, entry.second);
    }}
    std::vector<Key{n}> sorted(keys.begin(), keys.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](auto &l, auto &r) {{ return r < l; }});
    return std::accumulate(sorted.begin(), sorted.end(), {n}, [](int s, auto &k) {{ return s + k.a; }});
}}
"""

PYTHON = """
def nodes(depth):
    return (None, None) if depth == 0 else (nodes(depth - 1), nodes(depth - 1))

def check(tree):
    left, right = tree
    return 1 if left is None else 1 + check(left) + check(right)

def words(count):
    table = {}
    for i in range(count):
        key = "w%d" % (i * i % 9973)
        table[key] = table.get(key, 0) + len(key)
    return sorted(table.items(), key=lambda item: (-item[1], item[0]))

for _ in range(@N@):
    check(nodes(13))
    words(30000)
"""

NODE = """
function tree(depth) { return depth ? { l: tree(depth - 1), r: tree(depth - 1) } : { l: null, r: null }; }
function check(t) { return t.l ? 1 + check(t.l) + check(t.r) : 1; }
function words(count) {
  const table = new Map();
  for (let i = 0; i < count; i++) {
    const key = 'w' + (i * i % 9973);
    table.set(key, (table.get(key) || 0) + key.length);
  }
  return [...table].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
for (let i = 0; i < @N@; i++) {
  check(tree(15));
  words(100000);
  JSON.parse(JSON.stringify(tree(12)));
}
"""

SQL = """
with recursive n(i) as (select 1 union all select i + 1 from n where i < @N@),
  rows as materialized (select i, (i * 7919) % 1009 as k, hex(i * 31) || 'row' as t from n)
select a.k, count(*), sum(length(a.t)), max(b.t), avg(b.i)
from rows a join rows b on b.i = (a.i * 13) % @N@ + 1
where a.t like '%3%' group by a.k order by 2 desc, 1 limit 10;
"""


def lines(rng, count):
    vocabulary = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(900)]
    return [" ".join(rng.choices(vocabulary, k=9)) for _ in range(count)]


def clang(directory, scale):
    compiler = shutil.which("clang++") or shutil.which("g++")
    if not compiler:
        return None
    source = directory / "generated.cpp"
    source.write_text(CPP + "".join(CPP_PART.format(n=n) for n in range(max(1, round(3 * scale)))))
    name = pathlib.Path(compiler).name
    return Workload(name, [compiler, "-std=c++17", "-O2", "-c", source, "-o", directory / "generated.o"])


def python(directory, scale):
    interpreter = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else shutil.which("python3")
    script = directory / "trees.py"
    script.write_text(PYTHON.replace("@N@", str(max(1, round(110 * scale)))))
    return Workload("python3", [interpreter, script])


def sqlite(directory, scale):
    if not shutil.which("sqlite3"):
        return None
    query = SQL.replace("@N@", str(max(1000, round(1000000 * scale))))
    return Workload("sqlite3", [shutil.which("sqlite3"), ":memory:", query])


def git_stream(rng, commits):
    """For git fast-import: a tree of files, of which each commit changes some lines."""
    files = {f"src/part{n}.txt": lines(rng, 700) for n in range(12)}
    for commit in range(commits):
        yield (f"commit refs/heads/main\ncommitter A U Thor <author@example.com> {1700000000 + commit} +0000\n"
               f"data 7\nchange\n\n").encode()
        for name in rng.sample(sorted(files), 2) if commit else sorted(files):
            body = files[name]
            for _ in range(20):
                at = rng.randrange(len(body))
                body[at:at + 1] = lines(rng, 1)
            data = "\n".join(body).encode()
            yield f"M 100644 inline {name}\ndata {len(data)}\n".encode() + data + b"\n"


def git(directory, scale):
    if not shutil.which("git"):
        return None
    repository = directory / "repository.git"
    subprocess.run(["git", "init", "-q", "--bare", repository], check=True)
    stream = b"".join(git_stream(random.Random(2), max(10, round(800 * scale))))
    subprocess.run(["git", "-C", repository, "fast-import", "--quiet"], input=stream, check=True)
    return Workload("git log -p", ["git", "-C", repository, "--no-pager", "log", "-p", "--stat", "main"])


def xz(directory, scale):
    if not shutil.which("xz"):
        return None
    text = directory / "text"
    text.write_text("\n".join(lines(random.Random(3), max(2000, round(60000 * scale)))))
    return Workload("xz", [shutil.which("xz"), "-6", "-T1", "-k", "-c", text])


def node(directory, scale):
    program = shutil.which("node") or shutil.which("nodejs")
    if not program:
        return None
    script = directory / "trees.js"
    script.write_text(NODE.replace("@N@", str(max(1, round(100 * scale)))))
    return Workload("node", [program, script])


def storm(directory, scale, tools):
    return Workload("vfork storm", [tools / "storm", max(20, round(2500 * scale)), "/bin/true"],
                    comms=("storm", "true"), system_wide=True)


MAKERS = {"clang": clang, "python": python, "sqlite": sqlite, "git": git, "xz": xz, "node": node}
NAMES = [*MAKERS, "storm"]


def make(name, directory, scale, tools):
    """The workload, or None where its program is not installed. tools: where storm was built."""
    directory = directory / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return storm(directory, scale, tools) if name == "storm" else MAKERS[name](directory, scale)
