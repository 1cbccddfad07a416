# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the tests of the report page have in common: recordings, a browser, what is asked of a page.

O: the build directory (build).
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from webdriver import Browser, missing

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))

from webdriver import BACKSPACE, DOWN, ENTER, ESCAPE, RIGHT, Browser, missing  # noqa: E402

build = here.parent.parent / os.environ.get("O", "build")
generator = build / "tests/system/page_profiles"
work = tempfile.TemporaryDirectory(prefix="egret-page-")
PERIOD = 1001001  # nanoseconds, of page_profiles.c


def egret(*args):
    done = subprocess.run([build / "egret", *args], check=True, stdout=subprocess.PIPE)
    return done.stdout


def make(name):
    """The page, the folded stacks (of many: none) and the recording."""
    subprocess.run([generator, name, work.name], check=True)
    return [pathlib.Path(work.name, f"{name}.{kind}") for kind in ("html", "folded", "data")]


def report(recording, *args):
    """{(function, module): (self, total)} in samples, as egret report has them, without its marks
    of cut stacks."""
    (event,) = json.loads(egret("report", "--json", "--percent-limit=0", "-i", recording, *args))["events"]
    return {
        (row["sym"], row["dso"]): (row["self"] // PERIOD, row["total"] // PERIOD)
        for row in event["rows"]
        if not row["sym"].startswith("[cut:")
    }


def folded_stacks(path):
    """{line without its count: count}"""
    stacks = collections.Counter()
    for line in path.read_bytes().decode("utf-8", "replace").split("\n"):
        if line:
            stack, count = line.rsplit(" ", 1)
            stacks[stack] += int(count)
    return stacks


def as_folded(labels):
    """As lib/export/folded.c cleans names: what would end a frame or a line cannot stand in one."""
    return ";".join(re.sub(r"[\x00-\x1f\x7f]", "?", label.replace(";", ":")) for label in labels)


class PageTest(unittest.TestCase):
    maxDiff = 2000
    profile = "known"
    browser = None

    @classmethod
    def setUpClass(cls):
        cls.html, cls.folded, cls.data = make(cls.profile)
        if not PageTest.browser:
            PageTest.browser = Browser()
            unittest.addModuleCleanup(PageTest.browser.close)

    def setUp(self):
        self.browser.log()
        self.browser.requests()
        self.open()
        self.browser.run("localStorage.clear()")

    def tearDown(self):
        log = [
            e for e in self.browser.log() if "willReadFrequently" not in e["message"]
        ]  # of our own getImageData
        self.assertEqual(log, [], "the console is not empty")
        outside = [
            u for u in self.browser.requests() if not u.startswith(("file:", "data:", "chrome:"))
        ]
        self.assertEqual(outside, [], "requests left the page")

    # What the tests ask of the page.

    def open(self, fragment=""):
        self.browser.open("about:blank")
        self.browser.open(self.html.as_uri() + fragment)
        self.assertTrue(self.browser.wait("return Boolean(window.egret)"), "the page did not start")

    def set(self, **view):
        self.browser.run("egret.set(arguments[0])", view)

    def functions(self):
        """{(function, module): (self, total)} of the page, without its marks of cut stacks."""
        return {
            (row["name"], row["module"]): (row["self"], row["total"])
            for row in self.browser.run("return egret.functions()")
            if not row["name"].startswith("[cut:")
        }

    def tree(self, chart):
        return self.browser.run("return egret.tree(arguments[0])", chart)

    def fragment(self):
        """Of the address, once it is that of what is shown."""
        return self.browser.wait(
            "return egret.isSaved() && (location.hash || '#')"
        )

    def state(self):
        return self.browser.wait("const s = egret.state(); return s.moving ? null : s")

    def page_stacks(self):
        stacks = collections.Counter()
        for stack in self.browser.run("return egret.stacks()"):
            stacks[as_folded(stack["labels"])] += stack["weight"]
        return stacks

    def where(self, name, chart="main"):
        at = self.browser.run("return egret.where(arguments[0], arguments[1])", name, chart)
        self.assertIsNotNone(at, f"no frame {name}")
        return at

    def click_frame(self, name):
        at = self.where(name)
        self.browser.click(at["x"], at["y"])
        return self.state()

    def tooltip_of(self, name):
        at = self.where(name)
        self.browser.hover(at["x"], at["y"])
        text = self.browser.wait(
            "const t = document.getElementById('tooltip'); return t.hidden ? '' : t.innerText"
        )
        self.assertTrue(text, f"no tooltip over {name}")
        return text

    def text(self, css):
        return self.browser.run("return document.querySelector(arguments[0]).innerText", css)

    def select(self, css, value):
        self.browser.run(
            "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
            "s.dispatchEvent(new Event('change', {bubbles: true}))",
            css,
            value,
        )
        self.assertEqual(
            self.browser.run("return document.querySelector(arguments[0]).value", css), value
        )


def main():
    if missing():
        print(f"skipped: {missing()} is not installed")
        sys.exit(77)
    if not generator.exists():
        sys.exit(f"{generator} is not built: make {generator.relative_to(build.parent)}")
    unittest.main(verbosity=2)
