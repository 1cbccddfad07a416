#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A page of one thread's stack is held back by userfaultfd for 10 s: the thread is not kept waiting, and no
# other thread goes without a capture.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
nmi_period 2000000
for fault in safe any; do
	# A sample that comes before the page is held back brings it in, once and for all: then nothing is stuck.
	for _ in 1 2 3 4 5 6; do
		# shellcheck disable=SC2086  # words
		record --capture=hook --stack-limit=32K --fault=$fault $nmi -- "$workloads/stuck" whole 10000
		[ $? = 77 ] && skip "no userfaultfd here"
		[ $(($(stat_of capture.fault-policy) + $(stat_of capture.fault-timeout))) = 0 ] || break
	done
	read -r held_up _ <"$tmp/out"
	check "held up, ms, $fault" "$held_up" '<' 3000
	check "samples of the stuck thread, $fault" "$(samples_of ';stuck_leaf[; ]')" '>' $((200 / slow))
	check "its captures, cut with a name, $fault ($(endings))" \
		$(($(stat_of capture.fault-policy) + $(stat_of capture.fault-timeout))) '>' $((200 / slow))
	siblings=$(samples_of ';sibling[; ]')
	check "samples of the sibling, $fault" "$siblings" '>' $((200 / slow))
	check "of them, cut, $fault" "$(samples_of '\[cut:.*;sibling')" == 0
	check_captures "$fault"
done
finish
