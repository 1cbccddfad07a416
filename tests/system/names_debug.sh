#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Names of stripped programs: from debug files below directories, beside the program, from debuginfod;
# and what is said where there are none, or only of another build.
. "$(dirname "$0")/maps_lib.sh"
need_root
need "$(command -v objcopy)" "objcopy is not installed"
export DEBUGINFOD_CACHE_PATH=$tmp/client EGRET_CACHE=$tmp/cache
unset DEBUGINFOD_URLS

why() {
	"$egret" report --why -i "$tmp/data" | awk -v file="/$1" 'index($8, file) { print $7 }' | sort -u | tr '\n' ' '
}

# named WHAT: almost all samples are in the function; unnamed WHAT REASON: they are not, for it.
named() {
	check "names: $1 ($(why prog))" "$(samples_of '^prog;.*;work_that_was_stripped(;.*_\[k\])? ')" '>' 180
}
unnamed() {
	check "no names: $1" "$(samples_of ';work_that_was_stripped')" == 0
	[ "$(why prog)" = "$2 " ] || fail "$1: the reason is $(why prog), not $2"
}

make_program "$tmp/full" work_that_was_stripped
id=$(readelf -n "$tmp/full" | sed -n 's/.*Build ID: //p')
tree=.build-id/${id:0:2}/${id:2}.debug
objcopy --only-keep-debug "$tmp/full" "$tmp/debug"
mkdir "$tmp/bin"
strip -o "$tmp/bin/prog" "$tmp/full"

record -- "$tmp/bin/prog" 250
unnamed "nothing is there" stripped

mkdir -p "$tmp/dir/${tree%/*}" "$tmp/wrong/${tree%/*}"
cp "$tmp/debug" "$tmp/dir/$tree"
record --debug-dir="$tmp/nowhere,$tmp/dir" -- "$tmp/bin/prog" 250
named "--debug-dir"
make_program "$tmp/another" work_of_another_build -O1
objcopy --only-keep-debug "$tmp/another" "$tmp/wrong/$tree"
record --debug-dir="$tmp/wrong" -- "$tmp/bin/prog" 250
unnamed "--debug-dir with another build" debug-other-build

mkdir "$tmp/bin/.debug"
cp "$tmp/debug" "$tmp/bin/.debug/prog.debug"
(cd "$tmp/bin/.debug" && objcopy --add-gnu-debuglink=prog.debug ../prog)
record -- "$tmp/bin/prog" 250
named ".gnu_debuglink"
rm -r "$tmp/bin/.debug"

# The program is removed while nobody has it: found by its build-id in the tree of files.
mkdir -p "$tmp/cache/files/.build-id/${id:0:2}"
chmod -R go-w "$tmp/cache"
cp "$tmp/debug" "$tmp/cache/files/$tree"
record -- "$tmp/bin/prog" 250
named "the store"
rm -r "$tmp/cache/files"

# ---- debuginfod: a server of ours, which says how often it was asked
cat >"$tmp/server.py" <<END
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open("$tmp/asked", "a").write(self.path + "\\\\n")
        if "$id" not in self.path:
            return self.send_error(404)
        body = open("$tmp/debug", "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        time.sleep(float(open("$tmp/delay").read()))
        self.wfile.write(body[half:])
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("$tmp/port", "w").write(str(server.server_port))
server.serve_forever()
END
echo 0 >"$tmp/delay"
: >"$tmp/asked"
/usr/bin/python3 "$tmp/server.py" 2>"$tmp/server.log" &
at_end+=("kill $! 2>/dev/null")
for _ in $(seq 100); do
	[ ! -s "$tmp/port" ] || break
	sleep 0.05
done
DEBUGINFOD_URLS=http://127.0.0.1:$(cat "$tmp/port")/
export DEBUGINFOD_URLS

record -- "$tmp/bin/prog" 250
unnamed "debuginfod is not asked by default" stripped
record --debuginfod=off -- "$tmp/bin/prog" 250
unnamed "debuginfod off" stripped
check "the server was asked" "$(wc -l <"$tmp/asked")" == 0

echo 5 >"$tmp/delay"
begin=$(date +%s%N)
record --debuginfod=on --debuginfod-timeout=1s -- "$tmp/bin/prog" 250
unnamed "debuginfod is too slow" debuginfod-failed
check "waited, ms" $((($(date +%s%N) - begin) / 1000000)) '<' 4500
check "the server was asked" "$(grep -c "$id" "$tmp/asked")" '>=' 1

rm -rf "$tmp/client"
echo 0 >"$tmp/delay"
record --debuginfod=on --debuginfod-size=1K -- "$tmp/bin/prog" 250
unnamed "debuginfod has too much" debuginfod-failed

rm -rf "$tmp/client"
record --raw --debuginfod=on -- "$tmp/bin/prog" 250
named "debuginfod"
"$egret" replay -i "$tmp/data" -o "$tmp/again" >/dev/null 2>&1 &&
	"$egret" export --format=folded -i "$tmp/again" >"$tmp/folded"
named "debuginfod, replayed"
: >"$tmp/asked"
record -- "$tmp/bin/prog" 250
named "what debuginfod has fetched before"
check "the server was asked again" "$(wc -l <"$tmp/asked")" == 0
# On a terminal one sees how far it is; and nothing stays of that.
rm -rf "$tmp/client"
echo 1.5 >"$tmp/delay"
rm -rf "$tmp/cache"
TERM=xterm /usr/bin/python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \
	"$egret" record --debuginfod=on -o "$tmp/data" -- "$tmp/bin/prog" 250 >"$tmp/terminal" </dev/null
tr '\r' '\n' <"$tmp/terminal" | grep -qE '^egret: [^ :]*: debuginfod, [0-9.]+ k?B' ||
	fail "no progress on a terminal: $(cat -v "$tmp/terminal")"
tr '\r' '\n' <"$tmp/terminal" | tail -n 2 | grep -q 'debuginfod' && fail "the line of progress stays"
"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
named "debuginfod, on a terminal"

unset DEBUGINFOD_URLS
"$egret" record --debuginfod=on -o "$tmp/data" -- true 2>&1 | grep -q 'DEBUGINFOD_URLS is not set' ||
	fail "nobody says that there are no servers"
finish
