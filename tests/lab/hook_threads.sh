#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Threads that have no stack for egret: each ends with its name. And a program that is traced is sampled, too.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
nmi_period 250000
"$egret" doctor >"$tmp/doctor" || fail "doctor: egret cannot record here"
[[ $(doctor "capture backend hook") == "OK works, and is what \`auto\` takes" ]] ||
	fail "doctor, hook: $(doctor "capture backend hook")"

# Workers of io_uring are threads of the program that never are in user mode.
# shellcheck disable=SC2086  # words
record $nmi -- "$lab/uring" 2000
[ $? = 77 ] && fail "no io_uring"
check "samples of workers ($(endings))" "$(stat_of capture.user-worker)" '>' $((100 / slow))
check "stacks of the program" "$(samples_of '^uring;.*;main;')" '>' $((10 / slow))
check_captures "io_uring"

# shellcheck disable=SC2086  # words
[ -x "$workloads/compat32" ] && {
	record $nmi -- "$workloads/compat32"
	check "samples of a 32-bit program ($(endings))" "$(stat_of capture.compat)" '>' $((100 / slow))
	check_captures "32-bit"
}

# Kernel threads, by the system.
# shellcheck disable=SC2086  # words
record $nmi -a -- "$lab/mixed_load" 3
check "samples of kernel threads ($(endings))" "$(stat_of capture.kernel-thread)" '>' 0
check_captures "system"

# More threads than there is room for: those that find none end so, and are counted. (Where each NMI takes long there
# never are so many at once.)
[ "$slow" != 1 ] || {
	# shellcheck disable=SC2086  # words
	record --max-threads=1 $nmi -- "$workloads/threads" 64 40
	check "samples without a place ($(endings))" "$(stat_of capture.table-full)" '>' 50
	check "of all, whole" "$(stat_of capture.whole)" '>' 50
	check "threads without a place" "$(stat_of threads.table-full)" '>' 30
	check_identity "table full"
}

# Handlers on their alternate stacks, execve from a thread, programs that die: none is confused.
for workload in "handler thread" "exec_thread $workloads/chain 300" "dying" vfork_storm "exec_storm 20"; do
	# shellcheck disable=SC2086  # words
	record $nmi -- "$workloads/"$workload
	check "samples, $workload" "$(stat_of samples.written)" '>' 5
	check_captures "$workload"
done
finish
