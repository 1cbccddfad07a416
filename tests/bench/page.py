#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How long the report page takes in a headless Chromium, on 1,000,000 samples of 50,000 stacks.

Opening: from the beginning of the navigation. Frames: while the page moves, how long each took to
draw. CPU: of the renderer's process, all its threads, which a busy machine changes less. O: the
build directory (build).
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
root = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(root / "tests/system"))

from webdriver import Browser, missing  # noqa: E402

ROUNDS = 5

# Calls a function for each of 60 animation frames; the times that drawing took, in milliseconds.
FRAMES = """
const done = arguments[arguments.length - 1], times = [];
const step = %s;
let i = 0;
const frame = () => {
  const began = performance.now();
  step(i);
  // what was asked for is drawn in an animation frame of its own
  requestAnimationFrame(() => {
    times.push(performance.now() - began);
    if (++i < 60) requestAnimationFrame(frame); else done(times);
  });
};
requestAnimationFrame(frame);
"""

WHEEL = """(i) => document.getElementById('chart').dispatchEvent(new WheelEvent('wheel',
  {deltaY: i < 30 ? -60 : 60, clientX: 500, clientY: 300, ctrlKey: true, bubbles: true, cancelable: true}))"""
SCROLL = """(i) => document.getElementById('chart').dispatchEvent(new WheelEvent('wheel',
  {deltaY: i < 30 ? 40 : -40, bubbles: true, cancelable: true}))"""
HOVER = """(i) => { const c = document.getElementById('chart'), r = c.getBoundingClientRect();
  c.dispatchEvent(new MouseEvent('mousemove', {clientX: r.left + 20 * i, clientY: r.top + 100, bubbles: true})); }"""

# What a whole action takes, until it is drawn.
ACTION = """
const done = arguments[arguments.length - 1], began = performance.now();
%s;
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
"""
ACTIONS = {
    "a window of time": "egret.set({window: {from: 5e6, to: 15e6}})",
    "all the time again": "egret.set({window: null})",
    "a search": "egret.search('function_7')",
    "the search ended": "egret.search('')",
    "all functions": "egret.set({tab: 'functions'})",
    "callers and callees": "egret.set({fn: 3})",
    "a thread in time": "egret.set({tab: 'time'})",
}


def main():
    if missing():
        sys.exit(f"{missing()} is not installed")
    build = root / os.environ.get("O", "build")
    with tempfile.TemporaryDirectory(prefix="egret-bench-page-") as work:
        subprocess.run([build / "tests/system/page_profiles", "many", work], check=True)
        page = pathlib.Path(work, "many.html")
        browser = Browser()
        try:
            measure(browser, page)
        finally:
            browser.close()


class Renderer:
    """The processes of a browser that run pages."""

    def __init__(self, browser):
        self.mark = f"--user-data-dir={browser.home}".encode()

    def cpu(self):
        """Milliseconds until now."""
        ticks = 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if b"--type=renderer" in command and self.mark in command:
                    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                    ticks += int(fields[11]) + int(fields[12])
            except OSError:
                continue
        return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def row(what, times, cpu):
    print(f"{what:<24}{statistics.median(times):>9.1f} ms{max(times):>9.1f} ms{cpu:>9.0f} ms")


def measure(browser, page):
    load = os.getloadavg()[0]
    print(f"{page.stat().st_size / 1e6:.1f} MB, {ROUNDS} rounds, load average {load:.1f}\n")
    print(f"{'':<24}{'median':>12}{'worst':>12}{'CPU':>12}")
    renderer = Renderer(browser)
    opened, cpu = [], []
    for _ in range(ROUNDS):
        browser.open("about:blank")
        began = renderer.cpu()
        browser.open(page.as_uri())
        browser.wait("return Boolean(window.egret)")
        cpu.append(renderer.cpu() - began)
        opened.append(
            browser.run("return performance.getEntriesByName('egret:drawn')[0].startTime")
        )
    row("opened and drawn", opened, statistics.median(cpu))
    for what, step in (("zooming", WHEEL), ("scrolling", SCROLL), ("pointing", HOVER)):
        began = renderer.cpu()
        times = browser.run_async(FRAMES % step)
        row(f"a frame of {what}", times, (renderer.cpu() - began) / len(times))
    for what, action in ACTIONS.items():
        began = renderer.cpu()
        times = [browser.run_async(ACTION % action)]
        row(what, times, renderer.cpu() - began)


if __name__ == "__main__":
    main()
