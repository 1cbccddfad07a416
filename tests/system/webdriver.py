# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A headless Chromium, driven through chromedriver (W3C WebDriver) by the standard library alone."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]


def missing():
    """The name of what is not installed, or None."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return program
    return None


class Browser:
    """One browser with one page. Its log and its network requests are kept from the start."""

    def __init__(self, width=1400, height=900, dark=False):
        self.home = tempfile.mkdtemp(prefix="egret-chromium-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.base = f"http://127.0.0.1:{self._port()}"
        flags = FLAGS + [f"--window-size={width},{height}", f"--user-data-dir={self.home}"]
        options = {"args": flags, "binary": shutil.which("chromium")}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.base += f"/session/{session['sessionId']}"
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        self.resize(width, height)

    def _port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").split()[-1])
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=100) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def close(self):
        try:
            self._call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            shutil.rmtree(self.home, ignore_errors=True)

    def cdp(self, command, **params):
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def resize(self, width, height):
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of a JavaScript function body."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        """The same of one that calls its last argument with its value."""
        return self._call("POST", "/execute/async", {"script": script, "args": list(args)})

    def wait(self, script, *args, seconds=60):
        """Until the body returns something true, which is returned."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script, *args)
            if value or time.monotonic() > end:
                return value
            time.sleep(0.05)

    def _pointer(self, *actions):
        self._call(
            "POST",
            "/actions",
            {
                "actions": [
                    {
                        "type": "pointer",
                        "id": "mouse",
                        "parameters": {"pointerType": "mouse"},
                        "actions": list(actions),
                    }
                ]
            },
        )

    @staticmethod
    def _move(x, y):
        return {
            "type": "pointerMove",
            "duration": 0,
            "x": round(x),
            "y": round(y),
            "origin": "viewport",
        }

    def hover(self, x, y):
        self._pointer(self._move(x, y))

    def click(self, x, y):
        self._pointer(
            self._move(x, y),
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    def drag(self, x, y, to_x, to_y):
        self._pointer(
            self._move(x, y),
            {"type": "pointerDown", "button": 0},
            self._move((x + to_x) / 2, (y + to_y) / 2),
            self._move(to_x, to_y),
            {"type": "pointerUp", "button": 0},
        )

    def wheel(self, x, y, delta_x, delta_y):
        self._call(
            "POST",
            "/actions",
            {
                "actions": [
                    {
                        "type": "wheel",
                        "id": "wheel",
                        "actions": [
                            {
                                "type": "scroll",
                                "x": round(x),
                                "y": round(y),
                                "deltaX": delta_x,
                                "deltaY": delta_y,
                                "duration": 0,
                                "origin": "viewport",
                            }
                        ],
                    }
                ]
            },
        )

    def keys(self, text):
        """Real key strokes; WebDriver's code points for keys that are no characters."""
        strokes = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}
        )

    def click_on(self, css):
        box = self.run(
            "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [b.left + b.width / 2, b.top + b.height / 2]",
            css,
        )
        self.click(*box)

    def log(self):
        return self._call("POST", "/se/log", {"type": "browser"})

    def requests(self):
        """The URLs that the page asked for since the last call."""
        events = [
            json.loads(e["message"])["message"]
            for e in self._call("POST", "/se/log", {"type": "performance"})
        ]
        return [
            e["params"]["request"]["url"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
        ]

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self._call("GET", "/screenshot")))


ESCAPE, ENTER, BACKSPACE, DOWN, RIGHT = "\ue00c", "\ue007", "\ue003", "\ue015", "\ue014"
