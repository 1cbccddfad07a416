# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The CPU time of a process and of all that it ever forks, by a cgroup of version 2 of their own.

/proc has no time of a child that nobody waited for: of egret's parser, one for each question.
"""
import os
import time

MOUNTS = "/sys/fs/cgroup", "/sys/fs/cgroup/unified"


class CpuCgroup:
    """Where no cgroup can be made, path is None, and there are no seconds to be had."""

    def __init__(self, name):
        self.path = None
        for mount in MOUNTS:
            path = f"{mount}/{name}-{os.getpid()}"
            try:
                os.stat(f"{mount}/cgroup.controllers")
                os.mkdir(path)
                self.path = path
                return
            except OSError:
                continue

    def enter(self):
        """For subprocess.Popen(preexec_fn=)."""
        if self.path:
            with open(f"{self.path}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def seconds(self):
        with open(f"{self.path}/cpu.stat", encoding="ascii") as file:
            return int(dict(line.split() for line in file)["usage_usec"]) / 1e6

    def remove(self):
        """Its processes end: those of the parser when they see that egret has. What stays is no failure of a test."""
        for _ in range(50):
            try:
                if self.path:
                    os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.1)
