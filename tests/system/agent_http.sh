#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the agent answers over HTTP: profiles for go tool pprof and for a browser while real programs
# run, its numbers for Prometheus, and who may ask.
# shellcheck source=tests/system/agent_lib.sh
. "$(dirname "$0")/agent_lib.sh"
need_root
need "$workloads/busy"
command -v go >/dev/null || skip "there is no go here"
export PPROF_TMPDIR=$tmp

"$workloads/busy" 1 60000 &
at_end+=("kill $! 2>/dev/null")
start_agent --frequency=99 --max-cpu=50
check "a request of seconds before there is a window" "$(ask /readyz)" == 200

# Two at a time: each has all of its own seconds.
ask '/debug/pprof/profile?seconds=4' >"$tmp/status" &
asking=$!
go tool pprof -top "$url/debug/pprof/profile?seconds=2" >"$tmp/top" 2>"$tmp/err" || fail "go tool pprof: $(cat "$tmp/err")"
wait $asking
check "status" "$(cat "$tmp/status")" == 200
grep -qE ' (spin_ms|clock_gettime|__vdso_clock_gettime|busy)' "$tmp/top" || fail "what is busy is not in: $(cat "$tmp/top")"
total_ms() { go tool pprof -top -unit=ms "$1" 2>/dev/null | sed -nE 's/^Showing nodes.* of ([0-9.]+)ms total.*/\1/p' | cut -d. -f1; }
check "CPU time in four seconds, ms" "$(total_ms "$tmp/body")" '>' 3400
check "CPU time in two seconds, ms" "$(total_ms "$(ls "$tmp"/pprof.*.pb.gz)")" '>' 1700
check "CPU time in two seconds, ms" "$(total_ms "$(ls "$tmp"/pprof.*.pb.gz)")" '<' 5000

check "the page" "$(ask '/flamegraph?seconds=1')" == 200
grep -qi '<!doctype html' "$tmp/body" || fail "no page: $(head -c 200 "$tmp/body")"

# Its numbers.
check "metrics" "$(ask /metrics)" == 200
if command -v promtool >/dev/null; then
	promtool check metrics <"$tmp/body" >"$tmp/promtool" 2>&1 || fail "promtool: $(cat "$tmp/promtool")"
fi
check "interrupts" "$(metric egret_interrupts_total)" '>' 300
check "whole captures" "$(metric 'egret_capture_endings_total{ending="whole"}')" '>' 200
check "answers" "$(metric 'egret_http_responses_total{class="success"}')" '>=' 4

# Prometheus itself scrapes it.
if command -v prometheus >/dev/null; then
	printf 'global: {scrape_interval: 2s}\nscrape_configs: [{job_name: egret, static_configs: [{targets: ["%s"]}]}]\n' \
		"${url#http://}" >"$tmp/prometheus.yml"
	port=$((20000 + RANDOM % 10000))
	prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/prometheus" \
		--web.listen-address="127.0.0.1:$port" >"$tmp/prometheus.log" 2>&1 &
	prometheus=$!
	at_end+=("kill $prometheus 2>/dev/null")
	query() { curl -sS -m 5 "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" 2>/dev/null; }
	for _ in $(seq 60); do query 'egret_interrupts_total > 0' | grep -q '"value"' && break; sleep 0.2; done
	query 'up{job="egret"}' | grep -q '"value":\[[0-9.]*,"1"\]' || fail "prometheus: $(tail -n 3 "$tmp/prometheus.log")"
	query 'egret_capture_endings_total{ending="whole"}' | grep -q '"ending":"whole"' || fail "no captures in prometheus"
	kill $prometheus
	wait $prometheus 2>/dev/null
fi

# What is wrong is said in one line.
check "an unknown path" "$(ask /nothing)" == 404
check "another method" "$(ask /metrics -X POST -d x)" == 405
for seconds in 0 x -1 601 1e3; do
	check "seconds=$seconds" "$(ask "/debug/pprof/profile?seconds=$seconds")" == 400
	check "lines about it" "$(wc -l <"$tmp/body")" == 1
done
for _ in $(seq 20); do curl -sS -m 30 -o /dev/null -w '%{http_code}\n' "$url/debug/pprof/profile?seconds=3" & done >"$tmp/many"
sleep 1
check "health while many ask" "$(ask /healthz)" == 200
for _ in $(seq 100); do [ "$(wc -l <"$tmp/many")" = 20 ] && break; sleep 0.1; done
check "requests that waited" "$(grep -c 200 "$tmp/many")" == 16
check "requests that were too many" "$(grep -c 503 "$tmp/many")" == 4

# A client that goes is not waited for.
curl -sS -o /dev/null "$url/debug/pprof/profile?seconds=600" 2>/dev/null &
asking=$!
for _ in $(seq 50); do [ "$(metric egret_http_waiting_requests)" = 1 ] && break; sleep 0.1; done
check "waiting requests" "$(metric egret_http_waiting_requests)" == 1
kill $asking
for _ in $(seq 50); do [ "$(metric egret_http_waiting_requests)" = 0 ] && break; sleep 0.1; done
check "waiting requests, without their clients" "$(metric egret_http_waiting_requests)" == 0

# Clients that say nothing, or half of a request, or read nothing, hold up nobody.
python3 -c '
import socket, sys, time
held = []
for i in range(40):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall([b"", b"GET /metr", b"GET /flamegraph?seconds=1 HTTP/1.1\r\nHost: x\r\n\r\n"][i % 3])
    held.append(s)
time.sleep(60)' "${url##*:}" &
slow=$!
at_end+=("kill $slow 2>/dev/null")
sleep 1.5
before=$(metric egret_interrupts_total)
check "health beside slow clients" "$(ask /healthz)" == 200
sleep 1
check "interrupts in a second beside slow clients" "$(($(metric egret_interrupts_total) - before))" '>' 50
kill $slow
wait $slow 2>/dev/null

# The end: requests under way are answered with what there is.
ask '/debug/pprof/profile?seconds=100' >"$tmp/status" &
asking=$!
sleep 0.7
stop_agent TERM
check "exit status" "$status" == 0
wait $asking
check "the answer at the end" "$(cat "$tmp/status")" == 200

# Not open to the network without TLS and a token.
for options in "" "--token-file=$tmp/token"; do
	echo 0123456789abcdef0123 >"$tmp/token"; chmod 600 "$tmp/token"
	# shellcheck disable=SC2086
	timeout 10 "$egret" agent --state-dir="$tmp/state" --listen=0.0.0.0:0 $options 2>"$tmp/err"
	check "exit status of an open agent" $? == 1
	grep -q 'open to the network' "$tmp/err" || fail "an open agent: $(cat "$tmp/err")"
done
if command -v openssl >/dev/null; then
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$tmp/key" -out "$tmp/cert" 2>/dev/null
	start_agent --listen=0.0.0.0:0 --tls-certificate="$tmp/cert" --tls-key="$tmp/key" --token-file="$tmp/token"
	url=https://127.0.0.1:${url##*:}
	check "without a token" "$(ask /metrics -k)" == 401
	check "with another one" "$(ask /metrics -k -H 'Authorization: Bearer 0123456789abcdef0124')" == 401
	check "with it" "$(ask /metrics -k -H 'Authorization: Bearer 0123456789abcdef0123')" == 200
	stop_agent TERM
	chmod 644 "$tmp/token"
	timeout 10 "$egret" agent --listen=127.0.0.1:0 --token-file="$tmp/token" 2>"$tmp/err"
	grep -q 'chmod' "$tmp/err" || fail "a token that everybody may read: $(cat "$tmp/err")"
fi

# A unix socket: for its owner and group; one agent at a time; one that was left behind is no hindrance.
"$egret" agent --state-dir="$tmp/state" --listen="unix:$tmp/run/sock" 2>"$tmp/log" &
agent=$!
at_end+=("kill $agent 2>/dev/null")
for _ in $(seq 100); do [ -S "$tmp/run/sock" ] && grep -q answers "$tmp/log" && break; sleep 0.05; done
check "mode of the socket" "$(stat -c %a "$tmp/run/sock")" == 660
url=http://localhost
check "by the socket" "$(ask /healthz --unix-socket "$tmp/run/sock")" == 200
timeout 10 "$egret" agent --state-dir="$tmp/state2" --listen="unix:$tmp/run/sock" 2>"$tmp/err"
grep -q 'is another agent running' "$tmp/err" || fail "a second agent: $(cat "$tmp/err")"
stop_agent KILL 2>/dev/null
[ -S "$tmp/run/sock" ] || fail "SIGKILL leaves no socket?"
"$egret" agent --state-dir="$tmp/state" --listen="unix:$tmp/run/sock" 2>"$tmp/log" &
agent=$!
at_end+=("kill $agent 2>/dev/null")
for _ in $(seq 100); do grep -q answers "$tmp/log" && break; sleep 0.05; done
check "by the new socket" "$(ask /healthz --unix-socket "$tmp/run/sock")" == 200
stop_agent TERM
[ ! -e "$tmp/run/sock" ] || fail "the socket is still there"
finish
