#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""formats_hostile.py make DIR: hostile.folded, hostile.perf-script and hostile.pprof, and how many samples are in them.
formats_hostile.py check FORMAT FILE COUNT: the file is well-formed, and has as many samples."""
import gzip
import html.parser
import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

sys.dont_write_bytecode = True
import formats  # noqa: E402
import formats_proto  # noqa: E402

NAMES = [
    b"</title></script><script>alert(1)</script>", b"<img src=x onerror=alert(1)>", b"]]>&lt;&amp;<!--", b"-->{{}}${x}",
    b"\x1b[31mred\x1b]0;title\x07\x1b[2J", b"tab\tbell\x07back\x08del\x7f", b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
    b"\xc2\x9b31m", "\u202eright to left\u2028\u2029".encode(), b'"quoted\\" \'single\' `back`', b"%s%n%x %d", b"fn=(1) evil",
    b"../../etc/passwd", b"= + - @ formula", b"(a) (b)", b"-1", b"x" * 1_000_000, "\u00e4".encode() * 40_000 + b"a", b"\r\nnew line",
    b"__proto__", b"constructor", b"+0x12", b"name +0x12", b"[cut: nothing]", b"[a+0x1]",
]


def varint(n):
    digits = b""
    while n > 127:
        digits += bytes([n & 127 | 128])
        n >>= 7
    return digits + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def write(directory, kind, body, count):
    with open(os.path.join(directory, f"hostile.{kind}"), "wb") as file:
        file.write(body)
    with open(os.path.join(directory, f"{kind}.count"), "w", encoding="ascii") as file:
        file.write(str(count))


def make(directory):
    one_line = [re.sub(rb"[\r\n]", b"", name) for name in NAMES]
    folded = b"".join(b"%s;main;%s;%s_[i];%s_[k] %d\n" % (n, n, n, n, i + 1) for i, n in enumerate(n.replace(b";", b"") for n in one_line))
    write(directory, "folded", folded, sum(range(1, len(one_line) + 1)))
    script = b""
    for i, n in enumerate(one_line):
        script += b"%s %d/%d [%03d] %d.%06d:     500000 cpu-clock: \n" % (n[:300], i + 1, i + 1, i % 3, 10 + i, i)
        script += b"\t%16x %s (%s)\n\t%16x %s (inlined)\n\t%16x main (/bin/x)\n  %s:7\n\n" % (i + 4096, n, n, i + 9000, n, i + 9000, n[:300])
    write(directory, "perf-script", script, len(one_line))
    strings = [b"", b"samples", b"count", b"cpu", b"nanoseconds", b"thread", *NAMES]
    pprof = field(1, field(1, 1) + field(2, 2)) + field(1, field(1, 3) + field(2, 4))
    for i in range(len(NAMES)):
        number = 6 + i
        pprof += field(2, field(1, varint(i + 1)) + field(2, varint(2) + varint(2000)) + field(3, field(1, 5) + field(2, number)))
        pprof += field(3, field(1, i + 1) + field(2, i << 20) + field(3, i + 1 << 20) + field(5, number) + field(6, number))
        pprof += field(4, field(1, i + 1) + field(2, i + 1) + field(3, (i << 20) + 9) + field(4, field(1, i + 1) + field(2, 5)))
        pprof += field(5, field(1, i + 1) + field(2, number) + field(4, number))
    pprof += b"".join(field(6, s) for s in strings) + field(13, 6) + field(14, 3)
    write(directory, "pprof", gzip.compress(pprof, 1), 2 * len(NAMES))


# ---- well-formed ----
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def text(path):
    """UTF-8 without control characters but tabs and ends of lines."""
    with open(path, "rb") as file:
        content = file.read().decode("utf-8")
    assert not CONTROLS.search(content), CONTROLS.search(content)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", content), "turns the text around"
    return content


class Page(html.parser.HTMLParser):
    """The tags of a page."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert tag not in ("img", "iframe"), tag
        assert not any(name.startswith("on") for name, _ in attrs), attrs


def page(path):
    with open(path, encoding="utf-8") as file:
        content = file.read()
    parser = Page()
    parser.feed(content)
    parser.close()
    assert "alert(1)" not in content and parser.tags.count("title") == 1 and parser.tags.count("script") >= 1


def folded(path):
    with open(path, "rb") as file:
        content = file.read()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", content)
    return sum(int(line.rsplit(b" ", 1)[1]) for line in content.splitlines())


def svg(path):
    assert all(e.tag.rsplit("}")[-1] in ("svg", "style", "rect", "g", "title", "text", "a", "defs", "desc", "line", "path", "tspan", "clipPath", "use")
               for e in ElementTree.parse(path).iter())


def pprof(path):
    out = subprocess.run(["go", "tool", "pprof", "-sample_index=samples", "-raw", path], check=True, capture_output=True).stdout
    rows = out.split(b"Samples:")[1].split(b"Locations\n")[0]
    return sum(int(n) for n in re.findall(rb"^ +(\d+) +\d+:", rows, re.M))


def perf_script(path):
    text(path)
    with open(path, encoding="utf-8") as file:
        return sum(1 for line in file if re.match(r"\S", line))


def speedscope(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    return sum(1 for p in data["profiles"] for s in p["samples"] if s)


def callgrind(path):
    text(path)
    out = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show=Samples", path], check=True,
                         capture_output=True, text=True).stdout
    return int(re.search(r"^ *([\d,]+) .*PROGRAM TOTALS", out, re.M)[1].replace(",", ""))


def perf_data(path):
    found = subprocess.run(["perf", "script", "--no-inline", "-F", "tid,ip", "-i", path], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-300:]
    return sum(1 for line in found.stdout.splitlines() if re.match(r" *\d+ *$", line))


def total(reader):
    return lambda path: sum(reader(path).values())


CHECKS = {
    "text": text, "html": page, "flamegraph": page, "folded": folded, "svg": svg, "pprof": pprof, "perf-script": perf_script,
    "speedscope": speedscope, "callgrind": callgrind, "perf-data": perf_data, "firefox": total(formats.firefox),
    "otlp": total(lambda path: formats_proto.otlp(path, "")), "perfetto": total(formats_proto.perfetto),
}


def check(kind, path, count):
    found = CHECKS[kind](path)
    if isinstance(found, int):
        with open(count, encoding="ascii") as file:
            want = int(file.read())
        assert found == want, f"{found} samples, not {want}"


if __name__ == "__main__":
    make(sys.argv[2]) if sys.argv[1] == "make" else check(*sys.argv[2:])
