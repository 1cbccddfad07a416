#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A thread that is asleep in the kernel when the recording stops is read then; one that is stopped has
# been read before.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

# start COMMAND...: in the background, stopped before its first instruction; its id in $pid.
start() {
	(
		kill -STOP "$BASHPID"
		exec "$@"
	) &
	pid=$!
	at_end+=("kill -KILL $pid 2>/dev/null; kill -CONT $pid 2>/dev/null; wait $pid 2>/dev/null")
	until [[ $(cat /proc/$pid/stat) == *") T "* ]]; do sleep 0.01; done
}

# Recorded as it falls asleep, and asleep at the end.
check_sleeper() {
	start "$workloads/sleeper"
	(
		sleep 1 # by then it is recorded
		kill -CONT "$pid"
	) &
	record -F 5000 -d 3s "$@" -p "$pid"
	check "samples" "$(stat_of samples.written)" '>' 20
	check_identity "sleeper $*"
}

check_sleeper
asleep=';thread_main;fall_asleep;[^;]*poll;([^;]*cancel[^;]*;)*entry_SYSCALL_64_after_hwframe_\[k\];.*sys_poll_\[k\]'
check "captures of sleepers" "$(stat_of captures.asleep)" '>' 0
check "stacks of sleepers" "$(samples_of "$asleep")" '>' 20
n=$(stat_of samples.written)
check "whole captures ($(endings))" "$(stat_of capture.whole)" == "$n"
# But for what a new thread does before it first comes to user mode.
born=$(samples_of '\[cut: truncated\];[^;]*;ret_from_fork_asm_\[k\]')
check "complete stacks ($(endings))" $(($(stat_of unwind.root) + born)) == "$n"

# Reading from outside may bring pages in, so --fault=none forbids it.
check_sleeper --fault=none
check "asleep-unreadable" "$(stat_of capture.asleep-unreadable)" '>' 20
check "sleepers, named as such" \
	"$(samples_of '^sleeper;\[cut: asleep-unreadable\];.*sys_poll_\[k\]')" '>' 20

# A busy thread that is stopped in the middle of a recording, and stays so.
start "$workloads/chain" 60000
(
	sleep 1
	kill -CONT "$pid"
	sleep 1
	kill -STOP "$pid"
) &
record -d 3s -p "$pid"
check_complete "stopped" 100
check "stacks of the stopped thread" "$(samples_of ';main;outer;middle;leaf ')" '>' 100
check_identity "stopped"
finish
