#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A kernel of a distribution that offers no deferral: egret captures with `inline`, says so wherever
# somebody would look, and fails at nothing for what is missing.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

"$egret" doctor >"$tmp/doctor" || fail "doctor: egret cannot record here"
[[ $(doctor "capture backend inline") == "OK works, and is what \`auto\` takes" ]] ||
	fail "doctor, inline: $(doctor "capture backend inline")"
for missing in hook task-work; do
	[[ $(doctor "capture backend $missing") == "WARN this kernel "* ]] ||
		fail "doctor, $missing: $(doctor "capture backend $missing")"

	# What is asked for by name and is not there: one line, and no recording.
	"$egret" record --capture=$missing -o "$tmp/none" -- true >"$tmp/out" 2>&1 && fail "$missing: recorded"
	check "lines, $missing" "$(grep -c . "$tmp/out")" == 1
	[ -e "$tmp/none" ] && fail "$missing: left a recording"
done

# The notices, the head of the report, and the stacks.
"$egret" record -o "$tmp/data" -- "$workloads/chain" 300 >"$tmp/out" 2>"$tmp/notices"
check "status" $? == 0
check "notices: $(cat "$tmp/notices")" \
	"$(grep -cE "^egret: (capturing with 'inline': this kernel|stacks are read in the sampling interrupt)" \
		"$tmp/notices")" == 2
[ "$(backend)" = inline ] || fail "the recording names the backend '$(backend)'"
record -- "$workloads/chain" 500
n=$(stat_of samples.written)
check "samples" "$n" '>' 100
check "complete, per mille ($(endings))" "$(permille "$(stat_of unwind.root)" "$n")" '>=' 950
check "stacks" "$(samples_of ';main;outer;middle;leaf ')" '>' $((n * 8 / 10))
check "leaf of a hit in user mode" "$(stat_of captures.user-hits-equal)" == "$(stat_of captures.user-hits)"
check_identity "chain"

# In each way that there is to choose what is sampled.
record -a -- "$workloads/busy" 2 300
check "samples, -a" "$(samples_of '^busy;')" '>' 50
check_identity "-a"
"$workloads/chain" 60000 &
busy=$!
record -p $busy -d 0.5
check "samples, -p" "$(samples_of '^chain;')" '>' 50
record -t $busy -d 0.5
check "samples, -t" "$(samples_of '^chain;')" '>' 50
mkdir -p /sys/fs/cgroup/lab && echo $busy >/sys/fs/cgroup/lab/cgroup.procs
record --cgroup lab -d 0.5
check "samples, --cgroup" "$(samples_of '^chain;')" '>' 50
kill $busy
wait $busy 2>/dev/null
rmdir /sys/fs/cgroup/lab

# Events of other kinds.
record -e sched:sched_switch -c 1 -- bash -c 'for i in 1 2 3 4 5; do sleep 0.02; done'
check "samples, a tracepoint" "$(samples_of '^sleep;.*_start;.*nanosleep.*schedule')" '>=' 5
check_identity "a tracepoint"
record -e page-faults -c 1 -- bash -c "$workloads/chain 50; $workloads/chain 50"
check "samples, page faults" "$(stat_of samples.written)" '>' 50
record -e cpu-clock:u -- "$workloads/kernel_bound" 1 300
check "kernel frames, cpu-clock:u" "$(samples_of '_\[k\]')" == 0

# What a raw recording holds gives the same stacks again.
record --raw -- "$workloads/chain" 300
"$egret" replay -i "$tmp/data" -o "$tmp/again" 2>"$tmp/err" || fail "replay: $(cat "$tmp/err")"
n=$(samples_of ';main;outer;middle;leaf[; ]')
all=$(samples_of '')
"$egret" export --format=folded -i "$tmp/again" >"$tmp/folded" || fail "replay: nothing to export"
check "stacks, replay" "$(samples_of ';main;outer;middle;leaf[; ]')" == "$n"
check "samples, replay" "$(samples_of '')" == "$all"
finish
