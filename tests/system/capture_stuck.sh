#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A page of a stack that somebody holds back (userfaultfd): under `safe` the thread is not kept
# waiting and its stack is cut with a name; under no policy does anybody else lose a sample.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work
rate=2000

# record_stuck NAME ARGS...: leaves how long the thread was held up in $held_up.
record_stuck() {
	local name=$1 got expected cpu_us switches chance
	shift

	# Something else on the machine may bring the page in once and for all (another profiler, a huge
	# page): then nothing was stuck, and the run says nothing. Not so where egret is to bring it in.
	for _ in 1 2 3 4; do
		record -F $rate --raw "$@"
		[ $? = 77 ] && skip "no userfaultfd here"
		[ "$name" = "any, answered" ] && break
		[ $(($(stat_of capture.fault-policy) + $(stat_of capture.fault-timeout))) -gt 0 ] && break
	done
	read -r held_up cpu_us switches <"$tmp/out"
	# The sibling: its samples against its CPU time. Interrupts that never came are not egret's loss;
	# and more may come than that, where the CPU time leaves out what a hypervisor stole. Each stay on
	# a CPU is a whole number of samples and a rest, which is one more or none (variance at most 1/4):
	# on a busy machine that is four times sqrt(stays) / 2.
	got=$(samples_of ';sibling(;| )')
	expected=$((cpu_us * rate / 1000000))
	chance=$(awk -v stays=$((switches + 1)) 'BEGIN { print int(2 * sqrt(stays)) }')
	check "samples of the sibling, $name ($got of $expected, $switches switches)" \
		$((got + $(stat_of witness.never-ran) + chance)) '>=' $((expected * 98 / 100))
	check "stacks of the sibling that are cut, $name" "$(samples_of '\[cut:.*;sibling')" == 0
	check "dropped, $name" "$(sum_of samples.dropped)" == 0
	check "dropped captures, $name" "$(sum_of captures.dropped)" == 0
	check_identity "$name"
}

# cut_short: captures of the recording with an ending, that got less than they wanted, but not nothing.
cut_short() {
	"$tools/raw_dump" "$tmp/data" | awk -v ending="ending=$1" '
		$1 == "capture" && index($0, ending) {
			split($0, wanted, "wanted="); split($0, got, "got=")
			n += wanted[2] + 0 > got[2] + 0 && got[2] + 0 > 0
		}
		END { print n + 0 }'
}

# The stack is complete all the same: no frame begins in the page that is missing.
thread='stuck;stuck_hollow;stuck_above;stuck_leaf '
for registered in part whole; do
	record_stuck "safe, $registered" -- "$workloads/stuck" $registered 2000
	check "held up, ms, $registered" "$held_up" '<' 1000
	n=$(samples_of ';stuck_leaf ')
	check "samples of the thread, $registered" "$n" '>' 500
	check "fault-policy, $registered ($(endings))" "$(stat_of capture.fault-policy)" '>=' \
		$((n * 95 / 100))
	check "captures cut short, $registered" "$(cut_short fault-policy)" '>=' $((n * 90 / 100))
	check "stacks of the thread, $registered" "$(samples_of ";$thread")" '>=' $((n * 95 / 100))
done

# Who has the page does not give it: under `any`, too, only the capture goes without.
record_stuck "any, stuck" --fault=any -- "$workloads/stuck" whole 2000
n=$(samples_of ';stuck_leaf ')
check "held up, ms, any, stuck" "$held_up" '<' 1000
check "fault-timeout, any, stuck ($(endings))" "$(stat_of capture.fault-timeout)" '>=' \
	$((n * 95 / 100))

# Who has the page gives it when asked. `safe` does not ask, `any` does.
record_stuck "safe, answered" -- "$workloads/stuck" whole 1000 answer
n=$(samples_of ';stuck_leaf ')
check "fault-policy, safe, answered ($(endings))" "$(stat_of capture.fault-policy)" '>=' \
	$((n * 95 / 100))
record_stuck "any, answered" --fault=any -- "$workloads/stuck" whole 1000 answer
check "fault-policy, any, answered ($(endings))" "$(stat_of capture.fault-policy)" == 0
# What was captured last may be asked for when the process is gone.
n=$(stat_of samples.written)
check "samples, any, answered" "$n" '>=' 500
check "whole captures, any, answered ($(endings))" "$(stat_of capture.whole)" '>=' $((n * 99 / 100))
check "complete stacks, any, answered ($(endings))" "$(stat_of unwind.root)" == "$n"
finish
