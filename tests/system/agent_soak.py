# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The agent for a long time, beside a fork storm, with backends that die and come back, killed with SIGKILL at random
moments and started again:

    agent_soak.py EGRET FORK_STORM --seconds=1800 --window=10 --frequency=19 --max-cpu=1 --plot=soak.html

What is held against what: the windows (by the names of the files that the backend "files" has; the store joins them),
each sample of the store by its time, thread and CPU, what the backends have decoded (push_receiver.py), what /proc says
of the agent, and its /metrics. A line for each
thing that is not so, exit status 1; else one line of figures."""
import argparse
import collections
import ctypes
import glob
import json
import os
import platform
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpu_cgroup import CpuCgroup  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TICK_S = os.sysconf("SC_CLK_TCK")
STARTUP_S = 5  # of each life: BPF programs are loaded, running processes read
failures = []


def need(condition, text):
    if not condition:
        failures.append(text)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


# ---- what a process takes -------------------------------------------------------------------------


def descendants(pid):
    found = [pid]
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        for child in read(task).split():
            found += descendants(int(child))
    return found


def cpu_seconds(cgroup, pids):
    """With the parser's processes, which nobody waits for, where a cgroup counts them."""
    if cgroup.path:
        return cgroup.seconds()
    total = 0
    for pid in pids:
        fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) if fields else 0
    return total / TICK_S


def anonymous_bytes(pids):
    return sum(int(kib) << 10 for pid in pids for kib in re.findall(r"RssAnon:\s+(\d+)", read(f"/proc/{pid}/status")))


class Maps:
    """The entries of the hash tables of a process's BPF programs, by bpf(2)."""

    NUMBER = {"x86_64": 321}[platform.machine()]
    GET_NEXT_KEY, GET_FD_BY_ID, HASH = 4, 14, 1

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, command, attributes):
        buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"))
        return self.libc.syscall(self.NUMBER, command, buffer, 128)

    def count(self, map_id, key_size):
        fd = self.call(self.GET_FD_BY_ID, struct.pack("=III", map_id, 0, 0))
        if fd < 0:
            return 0
        key, following = ctypes.create_string_buffer(key_size), ctypes.create_string_buffer(key_size)
        n, at = 0, 0
        while n < 100000 and not self.call(
            self.GET_NEXT_KEY, struct.pack("=IIQQ", fd, 0, at, ctypes.addressof(following))
        ):
            n += 1
            key.raw = following.raw
            at = ctypes.addressof(key)
        os.close(fd)
        return n

    def entries(self, pid):
        total = 0
        for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
            info = dict(re.findall(r"^(\w+):\s+(\S+)$", read(path), re.M))
            if info.get("map_type") == str(self.HASH):
                total += self.count(int(info["map_id"]), int(info["key_size"]))
        return total


# ---- what runs ------------------------------------------------------------------------------------


class Receiver:
    """A backend, which dies and comes back on the same port with what it had taken."""

    def __init__(self, name, directory):
        self.name, self.port = name, free_port()
        self.state = f"{directory}/{name}.json"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, f"{HERE}/push_receiver.py", self.state, f"--port={self.port}"],
            stdout=subprocess.DEVNULL, stderr=open(self.state + ".err", "ab"))

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def taken(self):
        with open(self.state, encoding="utf-8") as file:
            return json.load(file)


class Life:
    """From a start of the agent to its end; times are seconds since 1970."""

    def __init__(self, process):
        self.process = process
        self.began, self.ended, self.ready = time.time(), None, None
        self.rows = []


class Agent:
    def __init__(self, directory, receivers):
        self.directory, self.port, self.lives = directory, free_port(), []
        self.cgroup = CpuCgroup("egret-soak")
        self.config = f"{directory}/agent.conf"
        os.mkdir(f"{directory}/files")
        with open(self.config, "w", encoding="utf-8") as file:
            print(f"[sampling]\nfrequency = {options.frequency}\nwindow = {options.window}\n"
                  f"[budget]\nmax-cpu = {options.max_cpu}\nmax-memory = {options.max_memory}M\n"
                  f"[http]\nlisten = 127.0.0.1:{self.port}\n[store]\nstate-dir = {directory}/state\n"
                  f"[push \"files\"]\ntype = directory\npath = {directory}/files", file=file)
            for r in receivers:
                print(f"[push \"{r.name}\"]\ntype = {r.name}\nurl = http://127.0.0.1:{r.port}", file=file)

    def start(self):
        with open(f"{self.directory}/log", "ab") as log:
            process = subprocess.Popen([options.egret, "agent", "--config", self.config], stdout=log, stderr=log,
                                       preexec_fn=self.cgroup.enter)
        self.lives.append(Life(process))

    def end(self, signal_number):
        life = self.lives[-1]
        life.process.send_signal(signal_number)
        life.ended = time.time()
        life.process.wait()
        return life.process.returncode

    def metrics(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}


Row = collections.namedtuple("Row", "time cpu memory descriptors files entries rate waiting samples")


def descriptors(pids):
    """Open files of the processes; none of one that has ended meanwhile, as those of the parser do."""
    n = 0
    for pid in pids:
        try:
            n += len(os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return n


def look(agent, maps):
    """One row of what the agent takes now; None while it starts."""
    life = agent.lives[-1]
    metrics = agent.metrics()
    if not metrics:
        return
    life.ready = life.ready or time.time()
    pids = descendants(life.process.pid)
    waiting = sum(v for k, v in metrics.items() if k.startswith("egret_push_windows_waiting"))
    life.rows.append(Row(time.time(), cpu_seconds(agent.cgroup, pids), anonymous_bytes(pids),
                         descriptors(pids), metrics["egret_session_files"],
                         maps.entries(life.process.pid), metrics["egret_rate_hertz"], waiting,
                         metrics["egret_samples_written_total"]))


# ---- what happens ---------------------------------------------------------------------------------


def plan(rng):
    """Moments, in seconds from the beginning: (when, what, which)."""
    quarter = options.seconds / 4
    happens = []
    kills = max(2, options.seconds // 150)
    # The last quarter is left alone, so that a leak shows.
    for i in range(kills):
        happens.append((3 * quarter * (i + rng.uniform(0.4, 0.9)) / kills, "kill", 0))
    for i in range(max(2, options.seconds // 120)):
        at = 3 * quarter * rng.random()
        happens += [(at, "down", i % 2), (at + rng.uniform(0.05, 0.15) * options.seconds / 2, "up", i % 2)]
    happens.append((3 * quarter, "up", 0))
    happens.append((3 * quarter, "up", 1))
    return sorted(happens)


def run(agent, receivers, rng):
    maps, began, outages = Maps(), time.time(), []
    agenda = plan(rng)
    agent.start()
    while time.time() < began + options.seconds:
        while agenda and time.time() >= began + agenda[0][0]:
            _, what, which = agenda.pop(0)
            if what == "kill" and agent.lives[-1].ready:
                agent.end(signal.SIGKILL)
                agent.start()
            elif what == "down":
                receivers[which].stop()
                outages.append((time.time(), receivers[which].name, "down"))
            elif what == "up" and not receivers[which].process:
                receivers[which].start()
                outages.append((time.time(), receivers[which].name, "up"))
        code = agent.lives[-1].process.poll()
        if code is not None:
            raise SystemExit(f"the agent has ended by itself, with {code}:\n{read(agent.directory + '/log')[-2000:]}")
        look(agent, maps)
        time.sleep(min(5.0, options.seconds / 120))
    return outages


# ---- what must hold -------------------------------------------------------------------------------


def window_times(directory):
    """(from, to, first number, last number) of each window, by its name; seconds since 1970."""
    import datetime
    found = []
    for path in glob.glob(f"{directory}/files/*.pb.gz"):
        m = re.fullmatch(r".*_(\d+)(?:-(\d+))?_(\d+T\d+)\.(\d+)Z_(\d+T\d+)\.(\d+)Z\.pb\.gz", os.path.basename(path))
        if not m:
            need(False, f"a file with another name: {path}")
            continue
        at = [datetime.datetime.strptime(m[i] + "+0000", "%Y%m%dT%H%M%S%z").timestamp() + float("0." + m[i + 1])
              for i in (3, 5)]
        found.append((at[0], at[1], int(m[1]), int(m[2] or m[1])))
    return sorted(found)


def check_windows(windows, lives):
    """Time without a window is where the agent was killed, and no more than the window in flight."""
    kills = [life.ended for life in lives[:-1]]
    gaps = 0
    for before, after in zip(windows, windows[1:]):
        need(after[2] == before[3] + 1, f"numbers of windows: {before[3]}, then {after[2]}")
        # A sample is in the window in which its stack has come: that of a thread which slept, a later one.
        need(before[1] - after[0] < options.window, f"windows overlap by {before[1] - after[0]:.3f} s")
        if after[0] <= before[1]:
            continue
        gaps += 1
        of = [k for k in kills if before[1] - 0.5 <= k <= after[0]]
        need(of, f"{after[0] - before[1]:.3f} s without a window, and no kill: {before} {after}")
        if of:
            need(of[0] - before[1] < options.window + 2,
                 f"{of[0] - before[1]:.1f} s were lost at a kill: more than the window in flight")
    need(gaps <= len(kills), f"{gaps} gaps, {len(kills)} kills")
    return gaps


def check_samples(directory):
    """Each sample is in the store once."""
    out = subprocess.run([options.egret, "script", "--store", f"{directory}/state", "--from=-2d",
                          "-F", "pid,tid,cpu,time"], capture_output=True, text=True, check=True).stdout
    lines = [line for line in out.splitlines() if line.strip()]
    twice = len(lines) - len(set(lines))
    need(not twice, f"{twice} of {len(lines)} samples are in the store twice")
    return len(lines)


def check_backends(receivers, samples, kills):
    for r in receivers:
        taken = r.taken()
        need(taken["samples"] == samples, f"{r.name} has {taken['samples']} samples, the store {samples}")
        need(not taken["wrong"], f"{r.name} could not decode: {taken['wrong'][:3]}")
        need(taken["duplicates"] <= 40 * (kills + 1), f"{r.name} was sent {taken['duplicates']} profiles again")


def check_costs(lives):
    """CPU time of each life within the budget, whatever its minute; returns the worst share."""
    worst, cpus = 0, os.cpu_count()
    for life in lives:
        rows = [r for r in life.rows if r.time > life.began + STARTUP_S]
        for i, first in enumerate(rows):
            last = next((r for r in rows[i:] if r.time >= first.time + 60), rows[-1] if i == 0 else None)
            if last is None or last.time < first.time + 10:
                break
            worst = max(worst, 100 * (last.cpu - first.cpu) / (last.time - first.time) / cpus)
    need(worst <= options.max_cpu, f"{worst:.2f} % of the machine, the budget is {options.max_cpu} %")
    return worst


def check_leaks(life):
    """The last life: what it takes at its end against what it took before."""
    rows = [r for r in life.rows if r.time > life.began + STARTUP_S]
    if len(rows) < 9:
        need(False, f"{len(rows)} rows are too few to see a leak")
        return
    third = len(rows) // 3
    # What runs on the machine is learnt in the first minutes. Each file that is known is open, and there are as many
    # as other programs are started meanwhile, up to a limit: what else is open must not grow.
    memory = 6 << 20 if rows[-1].time - rows[0].time > 240 else 32 << 20
    others = lambda row: row.descriptors - row.files
    for name, value, slack in (("memory", lambda row: row.memory, memory), ("descriptors beside files", others, 16),
                               ("entries", lambda row: row.entries, 400)):
        early, late = (statistics.median(map(value, part)) for part in (rows[:third], rows[-third:]))
        need(late <= early * 1.15 + slack, f"{name}: {early:.0f} in the first third of the last life, then {late:.0f}")
    most = max(r.memory for r in rows)
    need(most <= options.max_memory << 20, f"{most >> 20} MiB of memory, the budget is {options.max_memory}")


# ---- the plot -------------------------------------------------------------------------------------


def plot(path, lives, outages, text):
    begin = lives[0].began
    end = lives[-1].ended
    width, height, parts = 1000, 90, []

    def x(moment):
        return 60 + (width - 70) * (moment - begin) / (end - begin)

    def series(title, unit, value, limit=None):
        points = [[(r.time, v) for r, v in ((r, value(life, i)) for i, r in enumerate(life.rows)) if v is not None]
                  for life in lives]
        top = max([v for part in points for _, v in part] + [limit or 0]) * 1.1 or 1
        base = 20 + len(parts) * (height + 30)
        out = [f'<text x="60" y="{base - 4}">{title}</text>',
               f'<rect x="60" y="{base}" width="{width - 70}" height="{height}" class="frame"/>',
               f'<text x="55" y="{base + 10}" text-anchor="end">{top:.3g} {unit}</text>']
        for part in points:
            line = " ".join(f"{x(t):.1f},{base + height * (1 - v / top):.1f}" for t, v in part)
            out.append(f'<polyline points="{line}"/>')
        if limit:
            y = base + height * (1 - limit / top)
            out.append(f'<line x1="60" x2="{width - 10}" y1="{y:.1f}" y2="{y:.1f}" class="limit"/>')
        for life in lives[:-1]:
            out.append(f'<line x1="{x(life.ended):.1f}" x2="{x(life.ended):.1f}" y1="{base}" y2="{base + height}" '
                       'class="kill"><title>SIGKILL</title></line>')
        for moment, name, what in outages:
            out.append(f'<line x1="{x(moment):.1f}" x2="{x(moment):.1f}" y1="{base}" y2="{base + height}" '
                       f'class="{what}"><title>{name} {what}</title></line>')
        parts.append("".join(out))

    def cpu(life, i):
        first = next((r for r in life.rows if r.time >= life.rows[i].time - 30), None)
        seconds = life.rows[i].time - first.time
        return 100 * (life.rows[i].cpu - first.cpu) / seconds / os.cpu_count() if seconds > 4 else None

    series("CPU time, mean of 30 s, of all CPUs", "%", cpu, options.max_cpu)
    series("anonymous memory", "MiB", lambda life, i: life.rows[i].memory / (1 << 20), options.max_memory)
    series("descriptors", "", lambda life, i: life.rows[i].descriptors)
    series("files known", "", lambda life, i: life.rows[i].files)
    series("entries of BPF hash tables", "", lambda life, i: life.rows[i].entries)
    series("rate", "Hz", lambda life, i: life.rows[i].rate)
    series("windows that wait for backends", "", lambda life, i: life.rows[i].waiting)
    with open(path, "w", encoding="utf-8") as file:
        file.write("<!doctype html><meta charset=utf-8><title>egret agent: soak</title><style>"
                   "body{font:14px sans-serif;margin:1em}svg{font:11px sans-serif}polyline{fill:none;stroke:#06c}"
                   ".frame{fill:none;stroke:#aaa}.limit{stroke:#c00;stroke-dasharray:4}.kill{stroke:#c00}"
                   f".down{{stroke:#c80}}.up{{stroke:#080}}</style><h1>egret agent: soak</h1><p>{text}<p>Red: SIGKILL of "
                   "the agent; orange and green: a backend goes and comes back; dashed: the budget."
                   f'<p><svg width="{width}" height="{20 + len(parts) * (height + 30)}">{"".join(parts)}</svg>')


# ---- all of it ------------------------------------------------------------------------------------


def wait_until_sent(agent, seconds):
    end = time.time() + seconds
    while time.time() < end:
        metrics = agent.metrics()
        waiting = [v for k, v in metrics.items() if k.startswith("egret_push_windows_waiting")]
        if waiting and not any(waiting):
            return metrics
        time.sleep(0.2)
    return agent.metrics()


def main():
    rng = random.Random(options.seed)
    storm = subprocess.Popen(["sh", "-c", 'while "$1" 300; do sleep 0.2; done', "sh", options.fork_storm])
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        receivers = [Receiver(name, directory) for name in ("pyroscope", "otlp")]
        agent = Agent(directory, receivers)
        try:
            outages = run(agent, receivers, rng)
            storm.kill()
            before = time.time()
            status = agent.end(signal.SIGTERM)
            ending = time.time() - before
            need(status == 0, f"exit status {status}")
            need(ending < 10, f"the end took {ending:.1f} s")
            # What the last window has left to send is sent by the next one that starts.
            lives = list(agent.lives)
            agent.start()
            metrics = wait_until_sent(agent, 60)
            agent.end(signal.SIGKILL)
            windows = window_times(directory)
            gaps = check_windows([w for w in windows if w[0] < lives[-1].ended], lives)
            samples = check_samples(directory)
            check_backends(receivers, samples, len(lives))
            dropped = sum(v for k, v in metrics.items() if k.startswith("egret_push_windows_dropped_total"))
            need(not dropped, f"{dropped:.0f} windows were not sent")
            worst = check_costs(lives)
            check_leaks(lives[-1])
            text = (f"{options.seconds} s at {options.frequency} Hz, {len(lives) - 1} times SIGKILL, {len(outages)} outages "
                    f"and returns of backends: {len(windows)} windows, {samples} samples, {gaps} gaps; at most "
                    f"{worst:.2f} % of the machine (budget {options.max_cpu:g} %), "
                    f"{max(r.memory for life in lives for r in life.rows) / (1 << 20):.0f} MiB")
            plot(options.plot, lives, outages, text)
            print(text)
            if failures:
                print(read(f"{directory}/log")[-3000:])
        finally:
            storm.kill()
            for life in agent.lives:
                life.process.kill()
                life.process.wait()
            for r in receivers:
                r.stop()
            agent.cgroup.remove()
    for text in failures:
        print("not so:", text)
    return bool(failures)


parser = argparse.ArgumentParser()
parser.add_argument("egret")
parser.add_argument("fork_storm")
parser.add_argument("--seconds", type=int, default=1800)
parser.add_argument("--window", type=float, default=10)
parser.add_argument("--frequency", type=int, default=19)
parser.add_argument("--max-cpu", type=float, default=0.5)
parser.add_argument("--max-memory", type=int, default=64)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--directory", default=None)
parser.add_argument("--plot", default="soak.html")
options = parser.parse_args()
sys.exit(main())
