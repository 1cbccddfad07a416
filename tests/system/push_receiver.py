# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A stand-in for Pyroscope (/ingest) and a collector of OpenTelemetry (/v1development/profiles), on loopback:

    push_receiver.py STATE [--port=N] [--plan=WHAT,...] [--token=T] [--user=U:P] [--tls=CERT,KEY] [--tenant=T]

It decodes every profile by Google's protobuf and by zlib, and keeps in the file STATE, as JSON, what it has taken:
requests, profiles, samples, value, duplicates, names, and what it found wrong. Requests are first treated as the plan
says, one each: ok, a status (503), 429:SECONDS (Retry-After), hang, cut (the connection, in the middle of the
request), lost (taken, but the answer is cut off), redirect, die (the process). "*" behind the last: for ever.
The first line of standard output is the port. What was taken survives a restart with the same STATE."""
import argparse
import base64
import collections
import gzip
import http.server
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

import formats_proto

pprof = formats_proto.load("pprof")
otlp = formats_proto.load("otlp_profiles_1_11_0")
lock = threading.Lock()


class Wrong(Exception):
    """The request is not what the backend takes."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


def take_pyroscope(request, body):
    """The profile of a request to /ingest: (id, name, samples, value)."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query, strict_parsing=True)
    need(set(query) >= {"name", "from", "until", "format"}, f"query: {query}")
    name = query["name"][0]
    parts = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\{([^{}]*)\})?", name)
    need(parts, f"name: {name}")
    for label in filter(None, (parts[2] or "").split(",")):
        need(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=[^=,{}]+", label), f"label: {label}")
    start, end = int(query["from"][0]), int(query["until"][0])
    need(query["format"] == ["pprof"] and "multipart" not in request.headers["Content-Type"], "not raw pprof")
    data = pprof.Profile.FromString(gzip.decompress(body))
    types = [data.string_table[t.type] for t in data.sample_type]
    need(types == ["samples", "cpu"], f"types: {types}")
    need(start <= data.time_nanos / 1e9 <= end, f"time: {start} {data.time_nanos} {end}")
    locations = {location.id for location in data.location}
    for sample in data.sample:
        need(locations.issuperset(sample.location_id), "a location that is not there")
    return (f"{name} {data.time_nanos}", name, sum(s.value[0] for s in data.sample), sum(s.value[1] for s in data.sample))


def take_otlp(request, body):
    """The profiles of a request to a collector."""
    need(request.headers["Content-Type"] == "application/x-protobuf", "type")
    need(request.headers["Content-Encoding"] == "gzip", "encoding")
    data = otlp.ProfilesData.FromString(gzip.decompress(body))
    d = data.dictionary
    found = collections.Counter()
    names = []
    ids = []
    for resource in data.resource_profiles:
        attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
        need("host.name" in attributes, f"resource: {attributes}")
        names.append(attributes.get("service.name", ""))
        for profile in (p for scope in resource.scope_profiles for p in scope.profiles):
            need(len(profile.profile_id) == 16, "no id")
            ids.append(profile.profile_id.hex())
            need(d.string_table[profile.sample_type.type_strindex] == "cpu", "type")
            end = profile.time_unix_nano + profile.duration_nano
            for sample in profile.samples:
                need(0 < sample.stack_index < len(d.stack_table), "stack")
                need(len(sample.values) == len(sample.timestamps_unix_nano), "values")
                need(all(profile.time_unix_nano <= t <= end for t in sample.timestamps_unix_nano), "times")
                found["samples"] += len(sample.values)
                found["value"] += sum(sample.values)
    return (" ".join(ids), " ".join(sorted(set(names))), found["samples"], found["value"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def is_known(self):
        authorization = self.headers.get("Authorization", "")
        if self.headers.get("X-Scope-OrgID") != options.tenant:
            return False
        if options.user:
            return authorization == "Basic " + base64.b64encode(options.user.encode()).decode()
        if options.token:
            return authorization == "Bearer " + options.token
        return not authorization

    def take(self):
        body = self.body()
        path = urllib.parse.urlsplit(self.path).path
        try:
            need(re.fullmatch(r"egret/\d+\.\d+\.\d+", self.headers["User-Agent"]), "user agent")
            if path == "/ingest":
                state.note(*take_pyroscope(self, body), len(body))
            elif path == "/v1development/profiles":
                state.note(*take_otlp(self, body), len(body))
            else:
                self.answer(404, b"not here\n")
                return False
        except Exception as error:  # whatever a decoder finds wrong is what this is for
            state.note_wrong(f"{path}: {error!r}")
            self.answer(400, str(error).encode()[:200])
            return False
        return True

    def do_POST(self):
        what = state.next_step()
        if what == "die":
            os._exit(0)
        if what == "cut":
            self.rfile.read(10)
            self.cut()
        elif what == "hang":
            time.sleep(30)
        elif what == "redirect":
            self.body()
            self.answer(307, Location="http://127.0.0.1:1/elsewhere")
        elif what.startswith("429:"):
            self.body()
            self.answer(429, b"slow down\n", Retry_After=what[4:])
        elif what != "ok" and what != "lost":
            self.body()
            self.answer(int(what), b"as planned\n")
        elif not self.is_known():
            self.body()
            self.answer(401, b"who are you\n")
        elif self.take():
            if what == "lost":
                self.cut()
            else:
                self.answer(200)


class State:
    """What was taken, in the file and in memory."""

    def __init__(self, path, plan):
        self.path = path
        self.plan = collections.deque(filter(None, plan.split(",")))
        self.taken = {"requests": 0, "attempts": 0, "duplicates": 0, "samples": 0, "value": 0, "bytes": 0, "ids": [],
                      "names": [], "wrong": [], "times": []}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.taken = json.load(file)

    def write(self):
        with open(self.path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.taken, file)
        os.rename(self.path + ".part", self.path)

    def next_step(self):
        with lock:
            self.taken["attempts"] += 1
            self.taken["times"].append(time.monotonic())
            self.write()
            if not self.plan:
                return "ok"
            if self.plan[0].endswith("*"):
                return self.plan[0][:-1]
            return self.plan.popleft()

    def note(self, identity, name, samples, value, size):
        with lock:
            self.taken["requests"] += 1
            if identity in self.taken["ids"]:
                self.taken["duplicates"] += 1
            else:
                self.taken["ids"].append(identity)
                self.taken["samples"] += samples
                self.taken["value"] += value
            self.taken["bytes"] += size
            if name not in self.taken["names"]:
                self.taken["names"].append(name)
            self.write()

    def note_wrong(self, text):
        with lock:
            self.taken["wrong"].append(text)
            self.write()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


parser = argparse.ArgumentParser()
parser.add_argument("state")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--plan", default="")
parser.add_argument("--token")
parser.add_argument("--user")
parser.add_argument("--tls")
parser.add_argument("--tenant")
options = parser.parse_args()
state = State(options.state, options.plan)
state.write()
server = Server(("127.0.0.1", options.port), Handler)
if options.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*options.tls.split(","))
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
