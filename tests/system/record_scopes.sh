#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What is sampled of what runs: a process and what it forks, a thread, a cgroup and those below it, into
# which and out of which processes move; by egret's own events, and by those of a grant, with each backend.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_given"

backends="inline"
"$egret" record -q --capture=task-work -o "$tmp/probe" -- true 2>/dev/null && backends="inline task-work"
for name in inside below outside; do cp "$workloads/busy" "$tmp/$name"; done
begin() { # NAME THREADS: its process in $pid, its threads run
	"$tmp/$1" "$2" 600000 &
	pid=$!
	at_end+=("kill $pid 2>/dev/null")
	for _ in $(seq 200); do
		[ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt "$2" ] && return
		sleep 0.02
	done
	fail "$1 does not run"
}
begin inside 2 && inside=$pid
begin below 1 && below=$pid
begin outside 1 && outside=$pid
tid=$(find "/proc/$inside/task" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)

threads_of() { # NAME: different threads in the recording
	"$egret" script -i "$tmp/data" --comm="$1" -F pid,tid | sort -u | grep -c .
}
sampled() { # WHAT NAME...: these programs, and no other but those of $also
	local what=$1 name line pattern

	shift
	pattern="^($(
		IFS='|'
		echo "$*${also:+|$also}"
	))(;| )"
	check_identity "$what"
	for name; do check "samples of $name: $what" "$(samples_of "^$name(;| )")" '>' 20; done
	line=$(grep -vE "$pattern" "$tmp/folded" | head -n 1)
	[ -z "$line" ] || fail "$what: this is sampled too: $line"
}

for backend in $backends; do
	record --capture="$backend" -F 499 -d 0.5 -p "$inside"
	sampled "-p, $backend" inside
	check "threads of a process, $backend" "$(threads_of inside)" == 2
	record --capture="$backend" -F 499 -d 0.5 -p "$inside,$below"
	sampled "-p of two, $backend" inside below
	record --capture="$backend" -F 499 -d 0.5 -t "$tid"
	sampled "-t, $backend" inside
	check "one thread, $backend" "$("$egret" script -i "$tmp/data" -F tid | tr -d ' ' | sort -u)" == "$tid"
	record --capture="$backend" -F 499 -- sh -c "$tmp/below 1 200 & (exec $tmp/inside 1 200); wait"
	also="sh" sampled "what a command forks, $backend" inside below
done

# ---- cgroups ---------------------------------------------------------------------------------------

for mount in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ -e "$mount/cgroup.controllers" ] && mkdir "$mount/egret-test-$$" 2>/dev/null && cgroup=$mount/egret-test-$$ && break
done
[ -n "${cgroup:-}" ] || {
	[ "$failures" = 0 ] && skip "what is not of cgroups is as it should be; no cgroup of version 2 can be made here"
	finish
}
at_end+=("sleep 0.1; rmdir $cgroup/deeper $cgroup 2>/dev/null")
mkdir "$cgroup/deeper"
echo "$inside" >"$cgroup/cgroup.procs"
echo "$below" >"$cgroup/deeper/cgroup.procs"
for backend in $backends; do
	record --capture="$backend" -F 499 -d 0.5 --cgroup "$cgroup"
	sampled "--cgroup, $backend" inside below
	record --capture="$backend" -F 499 -d 0.5 --cgroup "${cgroup##*/}/deeper"
	sampled "one below, by its name, $backend" below
done
# A process that moves is sampled while it is there.
record -F 499 --cgroup "$cgroup/deeper" -- sh -c "
	sleep 1
	echo $outside >$cgroup/deeper/cgroup.procs
	echo $below >${cgroup%/*}/cgroup.procs
	sleep 1"
sampled "one moves in, one out" below outside
"$egret" script -i "$tmp/data" -F comm,time | awk '
	{ sub(":", "", $2); if (!first) first = $2 }
	$1 == "outside" && !came { came = $2 }
	$1 == "below" { left = $2 }
	END { print came - first, left - came }' >"$tmp/moved"
read -r came left <"$tmp/moved"
check "milliseconds before it came" "$(awk "BEGIN { print int(1000 * $came) }")" '>' 300
check "milliseconds that the other stayed" "$(awk "BEGIN { print int(1000 * $left) }")" '<' 300
usage=$("$egret" record -q -o "$tmp/none" --cgroup "$tmp" -d 0.1 2>&1)
grep -q 'is not a cgroup of version 2' <<<"$usage" || fail "a directory that is none: $usage"
[ -e "$tmp/none" ] && fail "it has left a file"

# ---- of a grant ------------------------------------------------------------------------------------

says() { # FILE WORD: waits for it
	for _ in $(seq 400); do
		grep -q "$2" "$1" && return
		sleep 0.02
	done
	fail "$2 was not said: $(cat "$1" "$tmp/err")"
}
given() { # BACKEND TARGET: $tmp/go is there when the session has begun
	rm -f "$tmp/socket" "$tmp/go"
	: >"$tmp/served"
	: >"$tmp/received"
	"$tools/session_given" serve "$tmp/socket" "$1" cpu-clock "$2" >"$tmp/served" 2>&1 &
	serving=$!
	says "$tmp/served" ready
	"$tools/session_given" receive "$tmp/socket" 120 "$tmp/data" >"$tmp/received" 2>"$tmp/err" &
	receiving=$!
	says "$tmp/received" runs
	: >"$tmp/go"
	wait $receiving || fail "$*: $(cat "$tmp/err" "$tmp/served")"
	wait $serving
	"$egret" report --stats -i "$tmp/data" >"$tmp/stats" 2>&1
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
}
echo "$below" >"$cgroup/deeper/cgroup.procs"
echo "$outside" >"${cgroup%/*}/cgroup.procs"
for backend in $backends; do
	given "$backend" "$cgroup"
	sampled "a grant of a cgroup, $backend" inside below
	given "$backend" "tid:$tid"
	sampled "a grant of a thread, $backend" inside
	check "one thread, $backend" "$("$egret" script -i "$tmp/data" -F tid | tr -d ' ' | sort -u)" == "$tid"
	# A process from its next execve on, which it does when the session has begun.
	rm -f "$tmp/go"
	# shellcheck disable=SC2016
	bash -c 'while [ ! -e "$1" ]; do :; done; exec "$0" 1 30000' "$tmp/inside" "$tmp/go" &
	execs=$!
	at_end+=("kill $execs 2>/dev/null")
	given "$backend" "exec:$execs"
	sampled "a grant from execve on, $backend" inside
	kill $execs
done
finish
