#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# top.sh BUILD-DIR [SECONDS]: what egret top takes of a CPU, by its own resource usage: on a terminal
# of tmux, and as text. The machine should be idle: how much it was is printed too.
set -eu
egret=$1/egret seconds=${2:-30}
tmp=$(mktemp -d)
trap 'tmux -S "$tmp/tmux" kill-server 2>/dev/null || true; rm -rf "$tmp"' EXIT
busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

cat >"$tmp/usage" <<'END'
import os, resource, subprocess, sys
subprocess.run(sys.argv[2:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], "w").write("%.3f %.3f %d\n" % (usage.ru_utime, usage.ru_stime, usage.ru_maxrss))
END
report() { # WHAT START
	local cpus

	cpus=$(nproc)
	awk -v what="$1" -v s="$seconds" -v busy=$(($(busy) - $2)) -v hz="$(getconf CLK_TCK)" -v cpus="$cpus" '
		{ printf "%-12s %5.2f %% of one CPU (user %.2f s, system %.2f s in %d s), %.1f MB; all of the machine: %.0f %% of %d CPUs\n",
			what, 100 * ($1 + $2) / s, $1, $2, s, $3 / 1024, 100 * busy / hz / s / cpus, cpus }' "$tmp/used"
}

# Of a process that sleeps: what the pictures themselves cost, whatever else the machine does.
sleep 1000 &
sleeper=$!
python3 "$tmp/usage" "$tmp/first" "$egret" top -p $sleeper --batch -n 1 >"$tmp/text" 2>&1
python3 "$tmp/usage" "$tmp/used" "$egret" top -p $sleeper --batch -n $((seconds + 1)) >"$tmp/text" 2>&1
kill $sleeper
awk -v s="$seconds" 'NR == FNR { start = $1 + $2; next }
	{ printf "%-12s %5.2f %% of one CPU in %d s, after a start of %.2f s\n", "sleeper", 100 * ($1 + $2 - start) / s, s, start }' \
	"$tmp/first" "$tmp/used"

start=$(busy)
tmux -S "$tmp/tmux" -f /dev/null new-session -d -x 120 -y 40 \
	"python3 $tmp/usage $tmp/used $egret top -a; touch $tmp/done"
sleep "$seconds"
tmux -S "$tmp/tmux" send-keys q
while [ ! -e "$tmp/done" ]; do sleep 0.1; done
report "terminal" "$start"

start=$(busy)
python3 "$tmp/usage" "$tmp/used" "$egret" top -a --batch -n "$seconds" >"$tmp/text" 2>&1
report "text" "$start"
