#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The agent's configuration file: what is wrong is said with its line, SIGHUP reads it again without a gap, and what
# the service manager and the journal are told.
# shellcheck source=tests/system/agent_lib.sh
. "$(dirname "$0")/agent_lib.sh"
need_root
conf=$tmp/agent.conf

# The file that is installed: right as it is, and right with every default in it said.
check_config() { timeout 10 "$egret" agent --config="$1" --check-config >"$tmp/out" 2>&1; }
check_config cmd/agent/agent.conf || fail "the example: $(cat "$tmp/out")"
sed '/^# Where windows are sent/,$d; s/^[;#]\([a-z-]* = \)/\1/' cmd/agent/agent.conf >"$conf"
check "keys said" "$(grep -cE '^[a-z-]+ = ' "$conf")" '>=' 10
check_config "$conf" || fail "the example with all in it said: $(cat "$tmp/out")"
[ ! -e "$tmp/state" ] || fail "--check-config has made a store"

# Each option of the command line has its line in the example and its entry in the manual page.
for key in $("$egret" help agent | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE '[a-z]+(-[a-z]+)*$'); do
	case $key in config | check-config | help) continue ;; esac
	grep -qE "^[;#]$key = " cmd/agent/agent.conf || fail "the example lacks $key"
	grep -qF "${key//-/\\-} =" man/egret-agent.conf.5 || fail "egret-agent.conf.5 lacks $key"
done

# A mistake: one line, with where it is, and nothing is started.
printf '[sampling]\nfrequency = 49\n\n[budget]\nmax-cpu = lots\n' >"$conf"
check_config "$conf"
check "exit status of a mistake" $? == 1
check "lines about it" "$(wc -l <"$tmp/out")" == 1
grep -qF "$conf:5: max-cpu wants a number from 0 to 100, not 'lots'" "$tmp/out" || fail "$(cat "$tmp/out")"
timeout 10 "$egret" agent --config="$conf" --state-dir="$tmp/state" --listen=127.0.0.1:0 2>"$tmp/out"
check "exit status of an agent with a mistake" $? == 1
[ ! -e "$tmp/state" ] || fail "an agent with a mistake has begun"

# One that runs, under something that notes what a service manager would be told.
cat >"$tmp/notified.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    while True:
        print(s.recv(4096).decode().replace("\n", " "), file=out)
PY
python3 "$tmp/notified.py" "$tmp/notify" "$tmp/notified" &
at_end+=("kill $! 2>/dev/null")
for _ in $(seq 100); do [ -S "$tmp/notify" ] && break; sleep 0.05; done
said() { grep -c "$1" "$tmp/notified"; }
wait_for_log() {
	for _ in $(seq 100); do grep -qF "$1" "$tmp/log" && return; sleep 0.05; done
	fail "the log does not say '$1': $(cat "$tmp/log")"
}
printf '[sampling]\nfrequency = 49\nwindow = 1s\n[budget]\nmax-cpu = 90%%\n' >"$conf"
"$workloads/busy" 1 60000 &
at_end+=("kill $! 2>/dev/null")
cp "$workloads/busy" "$tmp/worker"
"$tmp/worker" 1 60000 & # of which there are samples on a machine that is idle otherwise
at_end+=("kill $! 2>/dev/null")
not_joined_for 30
NOTIFY_SOCKET=$tmp/notify WATCHDOG_USEC=4000000 JOURNAL_STREAM=8:1 start_agent --config="$conf"
check "frequency as configured" "$(metric egret_rate_hertz)" == 49
for _ in $(seq 40); do [ "$(said READY=1)" -gt 0 ] && break; sleep 0.05; done
check "READY" "$(said READY=1)" == 1
check "lines without a priority" "$(grep -cvE '^<[346]>' "$tmp/log")" == 0
sleep 2.2
printf '[sampling]\nfrequency = 25\nwindow = 2s\n[http]\nlisten = 127.0.0.1:1\n[budget]\nmax-cpu = 90%%\nmax-memory = 65M\n' >"$conf"
printf '[relabel "not busy"]\nsource = process.name\nregex = busy\naction = drop\n' >>"$conf"
printf '[relabel "all else"]\nsource = process.name\nregex = (.).*\ntarget = first.letter\n' >>"$conf"
kill -HUP "$agent"
wait_for_log "has read its configuration again"
check "another frequency" "$(metric egret_rate_hertz)" == 25
check "RELOADING" "$(said '^RELOADING=1 MONOTONIC_USEC=[0-9]')" == 1
check "READY again" "$(said READY=1)" == 2
# The command line says --listen, and wins: there is nothing to say about a restart.
check "what takes a restart" "$(grep -c 'takes a restart' "$tmp/log")" == 1
grep -q 'another max-memory takes a restart' "$tmp/log" || fail "a restart: $(cat "$tmp/log")"
printf '[sampling]\nfrequency = 5\nwindow = 0\n' >"$conf"
kill -HUP "$agent"
wait_for_log "goes on with the old configuration: $conf:3: window wants"
check "frequency after a mistake" "$(metric egret_rate_hertz)" == 25
sleep 4.2
check "WATCHDOG" "$(said WATCHDOG=1)" '>' 2

# The end: soon, told, and the last window is there; no time is missing between windows.
before=$(date +%s%N)
stop_agent TERM
check "exit status" "$status" == 0
check "the end takes, ms" $((($(date +%s%N) - before) / 1000000)) '<' 4000
check "STOPPING" "$(said STOPPING=1)" == 1
# Rules hold from the moment they are read: the second window is from before it, the last but one from after it.
windows=("$tmp"/state/*.egret)
processes() { "$egret" export --format=folded -o - -i "$1" | cut -d ';' -f 1 | sort -u; }
processes "${windows[1]}" | grep -qx busy || fail "busy is not in $(processes "${windows[1]}")"
after=${windows[${#windows[@]} - 2]}
processes "$after" | grep -qx busy && fail "busy is in a window, against the rule"
"$egret" export --format=pprof -o "$tmp/after.pb.gz" -i "$after"
gunzip -c "$tmp/after.pb.gz" | grep -qa 'first.letter' || fail "no label that a rule has made"
find "$tmp/state" -name '*.egret' -printf '%f\n' | sort | sed 's/\.egret$//' | tr _ ' ' >"$tmp/windows"
check "windows" "$(wc -l <"$tmp/windows")" '>=' 5
# A window begins where the one before it ended, or at a sample of that moment which had waited in a ring.
awk 'to != "" && $2 > to { print "a window begins at " $2 ", the one before it ends at " to } { to = $3 }' \
	"$tmp/windows" >"$tmp/gaps"
[ ! -s "$tmp/gaps" ] || fail "$(cat "$tmp/gaps" "$tmp/windows")"
# Windows of one second, then of two: at whole multiples, a moment later.
awk '{ split($3, t, "[T.Z]"); if (substr(t[3], 1, 1) > 3) late++ } END { exit NR - late < NR * 0.6 }' "$tmp/windows" ||
	fail "windows do not end at whole seconds: $(cat "$tmp/windows")"
finish
