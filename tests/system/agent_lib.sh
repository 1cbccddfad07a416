# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# agent_lib.sh - an agent of a test's own: on a free port of loopback, its state below $tmp.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# start_agent OPTIONS...: its PID in $agent, where it is asked in $url, its log in $tmp/log.
start_agent() {
	: >"$tmp/log"
	"$egret" agent --state-dir="$tmp/state" --listen=127.0.0.1:0 "$@" 2>"$tmp/log" &
	agent=$!
	at_end+=("kill $agent 2>/dev/null; wait $agent 2>/dev/null")
	for _ in $(seq 200); do
		url=$(sed -nE 's/.*answers on ([0-9.:]+)$/http:\/\/\1/p' "$tmp/log")
		[ -n "$url" ] && return 0
		kill -0 "$agent" 2>/dev/null || break
		sleep 0.05
	done
	fail "the agent did not begin: $(cat "$tmp/log")"
	finish
}

# not_joined_for SECONDS: waits, where ten minutes of the clock end that soon, until they have: windows of such a stretch
# become one file then.
not_joined_for() {
	local left=$((600 - $(date +%s) % 600))

	[ "$left" -gt "$1" ] || sleep $((left + 1))
}

# stop_agent SIGNAL: its exit status is in $status.
stop_agent() {
	kill -"${1:-TERM}" "$agent"
	wait "$agent"
	status=$?
}

# ask PATH CURL_OPTIONS...: the body in $tmp/body, the status of HTTP printed.
ask() {
	local path=$1

	shift
	curl -sS -m 60 -o "$tmp/body" -w '%{http_code}' "$@" "$url$path" 2>&1
}

# metric NAME[{labels}]: its value, as a whole number.
metric() {
	curl -sS -m 10 "$url/metrics" | awk -v name="$1" '$1 == name { printf "%d\n", $2; found = 1 } END { if (!found) print -1 }'
}
