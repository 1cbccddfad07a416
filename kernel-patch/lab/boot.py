#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
boot.py - boots a kernel with the tests' initramfs, and says what came of it.

Prints the lines of the tests as they come, each with the name of the boot, and at the end what the kernel's
log has to say. Ends with 0 when all tests passed and the log is clean.

The guest's clock counts its instructions (QEMU's -icount): its seconds, its time-outs, and how many interrupts come
while it does something do not depend on what else this machine does. A busy machine makes it take longer. It also
means that one thread of QEMU's runs all CPUs. With a thread for each, QEMU 7.2 may run an int3 of the kernel's that
has been patched away, and the kernel, any kernel, dies of that: text is patched whenever a recording begins.

A guest that hangs is ended, with a line that says so, when QEMU has used so much CPU time without a line from a test.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

COMPLAINT = re.compile(
    r"WARNING: |BUG: |\bOops\b|Kernel panic|general protection|INFO: (task|rcu)|rcu.*stall|possible recursive"
    r"|possible circular|inconsistent lock state|suspicious RCU|KASAN|UBSAN|KCSAN|kmemleak|soft lockup"
    r"|hard LOCKUP|scheduling while atomic|sleeping function called|unable to handle|Call Trace:"
    r"|refcount_t:|list_(add|del) corruption"
)
# A hypervisor that lends the CPU to others makes its guest say these; they are no finding.
HARMLESS = re.compile(r"clocksource: |hrtimer: interrupt took|perf: interrupt took too long|INFO: NMI handler")

# Seconds in which QEMU gets not one of CPU: its CPUs are halted, and nothing will wake them.
STANDSTILL = 600


class Tail:
    """The lines that a file gets, whole ones only."""

    def __init__(self, path):
        self.path, self.at, self.rest = path, 0, b""

    def lines(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.at)
                data = file.read()
        except FileNotFoundError:
            return []
        self.at += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in whole]


class Qmp:
    """The monitor of a QEMU, for one thing: non-maskable interrupts from outside."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name):
        self.file.write(json.dumps({"execute": name}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline() or '{"error": "closed"}')
            if "return" in answer or "error" in answer:
                return "return" in answer


def inject(path, times):
    """inject-nmi, so many times, with pauses of random length."""
    try:
        qmp = Qmp(path)
        for _ in range(times):
            qmp.command("inject-nmi")
            time.sleep(random.uniform(0, 0.004))
    except (OSError, ValueError):
        pass  # the guest has ended


def cpu_seconds(pid):
    """What a process has used, of all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def qemu_command(args, files):
    command = [
        "qemu-system-x86_64", "-M", "pc,hpet=off", "-nodefaults", "-no-reboot", "-display", "none",
        "-m", str(args.memory), "-smp", str(args.cpus), "-accel", "tcg,thread=single", "-icount", args.icount,
        # A string instruction counts once for each turn: let them take words, not bytes.
        "-cpu", "max,-erms,-fsrm",
        "-serial", "file:" + files["console"], "-serial", "file:" + files["results"],
        "-qmp", f"unix:{files['qmp']},server=on,wait=off",
        "-kernel", args.kernel, "-initrd", args.initrd,
        "-append", f"console=ttyS0 panic=-1 loglevel=5 no_timer_check lab.group={args.group} {args.append}",
    ]  # fmt: skip
    if args.disk:
        command += ["-drive", f"file={args.disk},format=raw,if=virtio,cache=unsafe"]
    return command


class Boot:
    def __init__(self, args):
        self.args = args
        os.makedirs(args.out, exist_ok=True)
        self.files = {
            name: os.path.join(args.out, f"{args.name}.{name}") for name in ("console", "results", "qmp")
        }
        for path in self.files.values():
            if os.path.exists(path):
                os.unlink(path)
        self.results, self.ended, self.counts, self.problem = Tail(self.files["results"]), False, None, None

    def say(self, status, name, why):
        print(f"{status:<5} {self.args.name}: {name}{': ' + why if why else ''}", flush=True)

    def take(self, line):
        """One line of the guest's."""
        match = re.match(r"(ok|FAIL|skip) +(?:tests/)?(\S+?):? (.*)$", line)
        if match:
            print(f"{match[1]:<5} {self.args.name}: {match[2]} {match[3]}", flush=True)
        elif line.startswith("@figure "):
            print(f"      {self.args.name}: {line[8:]}", flush=True)
        elif line.startswith("@inject-nmi "):
            threading.Thread(
                target=inject, args=(self.files["qmp"], int(line.split()[1])), daemon=True
            ).start()
        elif line == "@end":
            self.ended = True
        elif re.match(r"\d+ passed, \d+ failed, \d+ skipped$", line):
            self.counts = [int(n) for n in re.findall(r"\d+", line)]
        elif not line.startswith("@boot"):
            print(line, flush=True)

    def watch(self, qemu):
        used, moved, moved_at = 0.0, 0.0, time.monotonic()
        while qemu.poll() is None:
            now = cpu_seconds(qemu.pid)
            lines = self.results.lines()
            for line in lines:
                self.take(line)
            used = now if lines else used
            if now - moved > 1:
                moved, moved_at = now, time.monotonic()
            if now - used > self.args.silence:
                self.problem = f"no line from a test in {self.args.silence} s of QEMU's CPU time: it was ended"
            elif time.monotonic() - moved_at > STANDSTILL:
                self.problem = f"QEMU stood still for {STANDSTILL} s, and was ended"
            if self.problem:
                return
            time.sleep(0.1)
        for line in self.results.lines():
            self.take(line)

    def complaints(self):
        with open(self.files["console"], "rb") as file:
            log = file.read().decode(errors="replace").splitlines()
        return [i for i, line in enumerate(log) if COMPLAINT.search(line) and not HARMLESS.search(line)], log

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without QEMU
        with subprocess.Popen(qemu_command(self.args, self.files), stdin=subprocess.DEVNULL) as qemu:
            try:
                self.watch(qemu)
            finally:
                if qemu.poll() is None:
                    qemu.kill()
        passed, failed, skipped = self.counts or (0, 0, 0)
        found, log = self.complaints() if os.path.exists(self.files["console"]) else ([], [])
        if not self.problem and not self.ended:
            self.problem = f"the guest ended before its tests did; its log is {self.files['console']}"
        if self.problem:
            self.say("FAIL", "guest", self.problem)
            print("\n".join("      | " + line for line in log[-25:]), flush=True)
            failed += 1
        if found:
            self.say("FAIL", "kernel log", f"{len(found)} complaints; it is {self.files['console']}")
            first = max(found[0] - 2, 0)
            print("\n".join("      | " + line for line in log[first : first + 50]), flush=True)
            failed += 1
        elif not self.problem:
            self.say("ok", "kernel log", "")
            passed += 1
        print(f"@counts {passed} {failed} {skipped}", flush=True)
        return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True, help="of the boot, in front of each line")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--group", required=True, help="tests/lab/groups/GROUP has the tests")
    parser.add_argument("--append", default="", help="to the kernel's command line")
    parser.add_argument("--out", required=True, help="directory for logs")
    parser.add_argument("--disk", help="raw image, the guest's /dev/vda")
    parser.add_argument("--memory", type=int, default=2048, help="MiB")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--icount", default="shift=1,sleep=off", help="of QEMU: 2^shift ns an instruction")
    parser.add_argument("--silence", type=int, default=400, help="CPU time without a line from a test, seconds")
    return Boot(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
