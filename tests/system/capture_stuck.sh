#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A page of a stack that somebody holds back (userfaultfd): under `safe` the thread is not kept
# waiting and its stack is cut with a name; under no policy does anybody else lose a sample.
. "$(dirname "$0")/lib.sh"
need_root
need_task_work
rate=2000

# record_stuck NAME ARGS...: leaves how long the thread was held up in $held_up.
record_stuck() {
	local name=$1 got expected
	shift

	record -F $rate --raw "$@"
	[ $? = 77 ] && skip "no userfaultfd here"
	read -r held_up cpu_us <"$tmp/out"
	# The sibling: its samples against its CPU time. Interrupts that never came are not egret's loss.
	got=$(samples_of ';sibling(;| )')
	expected=$((cpu_us * rate / 1000000))
	check "samples of the sibling, $name ($got of $expected)" \
		$((got + $(stat_of witness.never-ran))) '>=' $((expected * 98 / 100))
	check "samples of the sibling, $name ($got of $expected)" "$got" '<=' $((expected * 102 / 100))
	check "stacks of the sibling that are cut, $name" "$(samples_of '\[cut:.*;sibling')" == 0
	check "dropped, $name" "$(sum_of samples.dropped)" == 0
	check "dropped captures, $name" "$(sum_of captures.dropped)" == 0
	check_identity "$name"
}

for registered in part whole; do
	record_stuck "safe, $registered" -- "$workloads/stuck" $registered 2000
	check "held up, ms, $registered" "$held_up" '<' 1000
	n=$(samples_of ';stuck_leaf ')
	check "samples of the thread, $registered" "$n" '>' 500
	check "fault-policy, per mille, $registered ($(endings))" \
		"$(permille "$(samples_of '\[cut: fault-policy\];.*stuck_above;stuck_leaf ')" "$n")" '>=' 950
	short=$("$tools/raw_dump" "$tmp/data" | awk '/^capture.*ending=fault-policy/ {
		for (i = 1; i <= NF; i++) { split($i, f, "="); v[f[1]] = f[2] }
		short += v["wanted"] > v["got"] && v["got"] > 0 } END { print short + 0 }')
	check "bytes wanted above bytes got, $registered" "$short" '>=' "$(stat_of capture.fault-policy)"
done

# `any` waits: the thread stands still, and nobody else.
record_stuck any --fault=any -- "$workloads/stuck" whole 2000
check "held up, ms, any" "$held_up" '>' 1500
check "stacks of the thread, any" "$(samples_of '\[cut:.*stuck_leaf')" == 0
finish
