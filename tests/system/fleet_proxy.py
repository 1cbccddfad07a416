#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""fleet_proxy.py MODE TARGET-URL PORT-FILE [PEM-FILE]: stands before a ClickHouse server, and fails as MODE says.

lost: of each statement that inserts samples, the first answer is lost after the server has done it.
500, 401: answers with that, in HTML, and asks nobody. With a PEM-FILE (key and certificate) it speaks TLS. Counts what it has lost in PORT-FILE.lost.
"""
import http.server
import os
import ssl
import sys
import urllib.error
import urllib.request

mode, target, port_file = sys.argv[1:4]
lost = set()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if mode != "lost":
            answer = b"<html>\n<b>it's not the database</b>\x1b[31m\n</html>\n"
            self.send_response(int(mode))
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type")}
        try:
            with urllib.request.urlopen(urllib.request.Request(target + self.path, data=body, headers=headers)) as r:
                status, answer = r.status, r.read()
        except urllib.error.HTTPError as e:
            status, answer = e.code, e.read()
        if "INSERT" in self.path and ".samples" in self.path and self.path not in lost:
            lost.add(self.path)
            with open(port_file + ".lost", "w") as f:
                f.write(str(len(lost)))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))


os.rename(port_file + ".new", port_file)
server.serve_forever()
