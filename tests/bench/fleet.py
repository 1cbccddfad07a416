#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Loads simulated hosts into a ClickHouse server of its own, and asks it.

Programs are recorded (or taken from --recordings), and fleet_load makes HOSTS x MINUTES of windows
of them. Measured: rows a second in, bytes a sample (all tables, as system.parts has them), seconds
for what egret fleet shows of an hour of all hosts. Prints a table, which is in OUT/fleet.md too.
"""
import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request

WORKLOADS = {
    "compiler": "for f in cmd/*.c; do gcc -O2 -std=gnu11 -D_GNU_SOURCE -Ilib/include -Ilib -I. -Icmd -c $f -o /dev/null; done",
    "python": "python3 -c 'import json, re, ast, inspect, argparse\nfor i in range(60):\n t = inspect.getsource(argparse); "
              "ast.unparse(ast.parse(t)); json.loads(json.dumps([{str(k): [k, re.sub(\"[a-z]\", \"x\", t[:999])]} for k in range(999)]))'",
    "xz": "cat /usr/lib/x86_64-linux-gnu/libLLVM*.so* | head -c 9000000 | xz -6 -T1 >/dev/null",
    "gzip": "cat /usr/lib/x86_64-linux-gnu/libLLVM*.so* | head -c 99000000 | gzip >/dev/null",
    "sort": "seq 3000000 | rev | sort | md5sum",
    "git": "git log -p -n 300 --stat | wc",
    "perl": "perl -e 'my %h; for my $i (1 .. 3000000) { $h{$i % 50000} .= sprintf(\"%x\", $i); } print length(join q(,), sort values %h)'",
    "openssl": "openssl speed -seconds 1 -multi 1 rsa2048 ecdsap256 >/dev/null",
    "clang": "for f in cmd/*.c; do clang -O1 -fsyntax-only -std=gnu11 -D_GNU_SOURCE -Ilib/include -Ilib -I. -Icmd $f; done",
    "find": "for i in 1 2 3 4; do find /usr/share /usr/lib -type f -newer /etc/passwd | wc -l; done; tar cf - /usr/share/doc | wc -c",
}
CONFIG = """<yandex>
<logger><level>warning</level><log>{dir}/log</log><errorlog>{dir}/errors</errorlog></logger>
<http_port>{port}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{dir}/data/</path><tmp_path>{dir}/tmp/</tmp_path><mark_cache_size>268435456</mark_cache_size>
<users_config>{dir}/users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database></yandex>
"""
USERS = """<yandex><profiles><default></default></profiles><users><default><password></password>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>
"""


class Server:
    def __init__(self, where, port):
        self.url = f"http://127.0.0.1:{port}"
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(f"{where}/data")
        os.makedirs(f"{where}/tmp")
        with open(f"{where}/config.xml", "w") as f:
            f.write(CONFIG.format(dir=os.path.abspath(where), port=port, tcp=port + 1))
        with open(f"{where}/users.xml", "w") as f:
            f.write(USERS)
        self.process = subprocess.Popen(
            ["clickhouse-server", f"--config-file={where}/config.xml"],
            stdout=open(f"{where}/output", "w"), stderr=subprocess.STDOUT, start_new_session=True)
        for _ in range(300):
            try:
                self.ask("SELECT 1")
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("clickhouse-server did not start: " + where)

    def ask(self, query):
        request = urllib.request.Request(self.url, data=query.encode())
        return urllib.request.urlopen(request, timeout=600).read().decode().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def record(egret, out, seconds):
    os.makedirs(out, exist_ok=True)
    for name, command in WORKLOADS.items():
        path = f"{out}/{name}.data"
        if os.path.exists(path):
            continue
        subprocess.run([egret, "record", "-q", "-F", "999", "-o", path + ".new", "--", "timeout", str(seconds), "sh", "-c", command],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.rename(path + ".new", path)
    return sorted(f"{out}/{f}" for f in os.listdir(out) if f.endswith(".data"))


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(args, server, runs=5):
    """The best of some runs: its seconds; CPU seconds of the command and, of all runs' mean, of the server."""
    best = None
    server_before = cpu_of(server.process.pid)
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        took = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{args}: {done.stderr.decode()}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if best is None or took < best[0]:
            best = (took, cpu)
    return (*best, (cpu_of(server.process.pid) - server_before) / runs)


def number(n):
    return f"{int(n):,}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--egret", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--recordings", help="directory of *.data, in place of programs to record")
    parser.add_argument("--seconds", type=int, default=6, help="of each program that is recorded")
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--port", type=int, default=28123)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    recordings = record(args.egret, args.recordings or f"{args.out}/recordings", args.seconds)
    server = Server(f"{args.out}/clickhouse", args.port)
    try:
        measure(args, server, recordings)
    finally:
        server.stop()
        shutil.rmtree(f"{args.out}/clickhouse", ignore_errors=True)


def measure(args, server, recordings):
    begin = (int(time.time()) - 7200) // 3600 * 3600
    fleet = [args.egret, "fleet"]
    where = ["--url", server.url, "--from", f"@{begin}", "--to", f"@{begin + args.minutes * 60}"]
    subprocess.run(fleet + ["init", "--url", server.url], check=True)
    load = json.loads(subprocess.run([args.load, server.url, "egret", str(begin), str(args.hosts), str(args.minutes), "1",
                                      *recordings], check=True, stdout=subprocess.PIPE).stdout)
    parts = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'egret'"
    rows = [("hosts", number(args.hosts)), ("windows of 10 s", number(load["windows"])), ("samples", number(load["samples"])),
            ("rows of samples", number(load["rows"])),
            ("rows of samples a second in", number(load["rows"] / load["seconds"])),
            ("... of which the loader waited for the server", f"{100 * load['insert_seconds'] / load['seconds']:.0f} %"),
            ("bytes sent a sample", f"{load['bytes_sent'] / load['samples']:.1f}"),
            ("distinct stacks; frames; sets of labels", "; ".join(
                number(server.ask(f"SELECT uniqExact(id) FROM egret.{t}")) for t in ("stacks", "frames", "labels"))),
            ("bytes stored a sample, as loaded", f"{int(server.ask(parts)) / load['samples']:.2f}")]
    for table in ("samples", "stacks", "frames", "labels", "windows"):
        size = server.ask(parts + f" AND table = '{table}'")
        rows.append((f"... {table}", f"{int(size) / load['samples']:.2f}"))
    for table in ("stacks", "frames", "labels"):
        size = server.ask(parts.replace("sum(bytes_on_disk)", "sum(bytes_on_disk) / sum(rows)") + f" AND table = '{table}'")
        rows.append((f"bytes stored for one of the {table}", f"{float(size):.0f}"))
    for what, more in (("flamegraph of all hosts", ["flamegraph", "-o", f"{args.out}/fleet.html"]), ("top of all hosts", ["top"]),
                       ("top of one service", ["top", "-w", "service=python"]),
                       ("top of one host", ["top", "-w", "host=host-0007.example"]),
                       ("query --by service,host", ["query", "--by", "service,host"])):
        took, cpu, server_cpu = timed(fleet + [more[0]] + where + more[1:], server)
        rows.append((f"seconds: {what}", f"{took:.2f} (CPU: egret {cpu:.2f}, the server {server_cpu:.2f})"))
    rows.append(("load average of the machine meanwhile", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"))
    text = "| | |\n|---|--:|\n" + "".join(f"| {a} | {b} |\n" for a, b in rows)
    print(text, end="")
    with open(f"{args.out}/fleet.md", "w") as f:
        f.write(text)


main()
