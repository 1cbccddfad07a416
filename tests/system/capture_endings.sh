#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Every sample ends with a stack or with a name for why there is none: threads that die, images that
# change, kernel threads, 32-bit programs.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

# only NAME...: no other capture ending than these has any sample.
only() {
	local other

	other=$(awk -v names=" $* " '$1 ~ /^capture\./ && $2 > 0 && $1 !~ /\*/ {
		sub(/^capture\./, "", $1)
		if (!index(names, " " $1 " "))
			printf "%s=%s ", $1, $2
	}' "$tmp/stats")
	[ -z "$other" ] || fail "endings other than $*: $other"
}

# Threads that die in the kernel: killed, with their process, alone.
record -F 5000 -- "$workloads/dying"
n=$(stat_of samples.written)
check "samples, dying" "$n" '>' 1500
# Threads that map and unmap hold the lock now and then.
only whole not-resident exited locked
check "complete, per mille, dying ($(endings))" "$(permille "$(stat_of unwind.root)" "$n")" '>=' 990
for function in child_killed child_large; do
	check "the end of $function" "$(samples_of ";main;$function;.*do_exit_\[k\]")" '>' 0
done
check "the end of filler" "$(samples_of ';filler;.*do_exit_\[k\]')" '>' 0
check_identity "dying"

# A sample in the middle of execve has the stack of the image that called it. Only the command's own
# execve becomes a target in the middle of it, with the new image: a moment, once.
record -F 5000 -- "$workloads/exec_storm" 300
n=$(stat_of samples.written)
in_exec=$(samples_of '_sys_execve(at)?_\[k\]')
first=$(samples_of '^exec_storm;_start;entry_SYSCALL_[^;]*;.*_sys_execve(at)?_\[k\];.*sched_process_exec')
check "samples, execve" "$in_exec" '>' 100
check "samples, execve, of the command's own" "$first" '<=' 2
check "samples, execve, of the old image" \
	"$(samples_of ';(main;before_exec;exec[a-z]*|workload_[a-z]*;.*exec[a-z]*);.*_sys_execve(at)?_\[k\]')" \
	== $((in_exec - first))
only whole not-resident locked
check "complete, per mille, execve ($(endings))" "$(permille "$(stat_of unwind.root)" "$n")" '>=' 995
check_identity "execve"

# A thread that is not the first takes the first one's place in execve, and its id.
record -- "$workloads/exec_thread" "$workloads/chain" 500
check "samples of the new image" "$(samples_of '^chain;.*;main;outer;middle;leaf ')" '>' 450
check "samples of the thread before" "$(samples_of ';other_thread ')" '>' 40
check_identity "execve of a thread"

# Kernel threads have no user stack, and so none that is cut.
"$egret" record -q --stats -a -d 2s -F 2000 -o "$tmp/data" 2>"$tmp/stats" &
recorder=$!
for _ in 1 2 3 4 5 6; do
	dd if=/dev/zero of="$build/tests/written.$$" bs=1M count=64 conv=fsync status=none
	sleep 0.2
done
rm -f "$build/tests/written.$$"
wait "$recorder"
"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
kernel_threads=$(stat_of capture.kernel-thread)
check "samples of kernel threads" "$kernel_threads" '>' 0
check "kernel threads cut" "$(samples_of '\[cut: kernel-thread')" == 0
# The kernel's own unwinder does not find its way out of an indirect thunk.
check "stacks of kernel threads" \
	"$(samples_of '^[^;]*;(ret_from_fork_asm_\[k\];ret_from_fork_\[k\];|__x86_indirect_thunk_[a-z0-9]+_\[k\] )')" \
	'>=' "$kernel_threads"
check_identity "-a"

if [ -x "$workloads/compat32" ] && "$workloads/compat32" 2>/dev/null; then
	record -- "$workloads/compat32"
	n=$(stat_of samples.written)
	check "samples, 32 bits" "$n" '>' 100
	check "compat, per mille ($(endings))" "$(permille "$(stat_of capture.compat)" "$n")" '>=' 970
	check "unwind endings, compat" "$(stat_of unwind.compat)" == "$(stat_of capture.compat)"
	check "32-bit stacks, named" "$(samples_of '^compat32;\[cut: compat\]')" == "$(stat_of capture.compat)"
	check_identity "32 bits"
else
	echo "left out: 32 bits: no such program can be built or run here"
fi
finish
