#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# With a backend that defers, nothing reads user memory in the sampling interrupt: not the program by
# what it can call, not perf's core by what it is asked for, and no page fault is taken there.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

# calls BACKEND: what the loaded sampling program can call, into $tmp/calls.
calls() {
	"$egret" record -q --capture="$1" -d 10s -o "$tmp/data" -- "$workloads/chain" 10000 &
	local pid=$!

	for _ in $(seq 100); do
		"$tools/prog_calls" $pid egret_sample >"$tmp/calls" 2>"$tmp/calls.err" && break
		sleep 0.05
	done
	kill -INT $pid
	wait $pid
	[ -s "$tmp/calls" ] || fail "calls of $1: $(cat "$tmp/calls.err")"
	sort -u "$tmp/calls" -o "$tmp/calls"
}

# None of these reads user memory. bpf_get_stack is asked for the kernel stack (its flags are in
# bpf/sample.bpf.h, and no fault is taken, below); map updates copy from the program's own stack.
allowed='bpf_get_attach_cookie_(pe|trace|tracing)|bpf_get_stack_(pe|tp|raw_tp|task)
bpf_get_current_(task_btf|task|comm|pid_tgid)|bpf_get_smp_processor_id|bpf_get_numa_node_id
bpf_ktime_get_(ns|boot_ns)|bpf_probe_read_kernel(_str)?|bpf_task_pt_regs
(__)?[a-z_]*map_(lookup|update|delete)_elem|bpf_map_(lookup|update|delete)_elem
bpf_ringbuf_(output|query|reserve|submit|discard)|bpf_current_task_under_cgroup|__cgroup_[a-z_]*
bpf_task_work_schedule_resume(_impl)?|callback|bpf_perf_prog_read_value|bpf_snprintf'
calls task-work
grep -vxE -- "${allowed//$'\n'/|}" "$tmp/calls" >"$tmp/forbidden" &&
	fail "the sampling program calls $(tr '\n' ' ' <"$tmp/forbidden")"
check "asks for captures" "$(grep -c '^bpf_task_work_schedule_resume' "$tmp/calls")" == 1
check "takes kernel stacks" "$(grep -c '^bpf_get_stack_pe$' "$tmp/calls")" == 1

# The same look at a program that does read user memory there sees it.
calls inline
check "inline: reads user memory" "$(grep -c '^bpf_probe_read_user' "$tmp/calls")" '>=' 1

# PERF_SAMPLE_CALLCHAIN, _REGS_USER, _STACK_USER: perf's core would read user memory before the program.
"$tools/perf_attrs" "$tmp/attrs" "$egret" record -q -o "$tmp/data" -e cpu-clock -e sched:sched_switch \
	-- "$workloads/chain" 50 2>/dev/null
check "events" "$(grep -c . "$tmp/attrs")" '>=' 2
while read -r type config sample_type; do
	check "event $type:$config, sample_type 0x$sample_type" \
		$((0x$sample_type & (1 << 5 | 1 << 12 | 1 << 13))) == 0
done <"$tmp/attrs"

# faults BACKEND: user faults that the kernel took for a stack that is evicted over and over: in
# interrupts into $in_interrupt, in the thread itself into $in_task.
file=$build/tests/evicted.$$
# shellcheck disable=SC2016  # expanded when it is run
at_end+=('rm -f "$file"')
faults() {
	"$tools/fault_count" "$tools/fault_count.bpf.o" evicted "$egret" record -q --stats \
		--capture="$1" -o "$tmp/data" -- "$workloads/evicted" file "$file" \
		>"$tmp/out" 2>"$tmp/stats"
	case $? in
	0) ;;
	77) return 1 ;;
	*) fail "fault_count, $1: $(tail -n 1 "$tmp/stats")" ;;
	esac
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
	read -r in_interrupt in_task < <(tail -n 1 "$tmp/out")
}
if faults task-work; then
	check "faults in interrupts, task-work" "$in_interrupt" == 0
	check "faults in the thread, task-work" "$in_task" '>' 20
	check "pages brought in, task-work" "$(stat_of captures.pages-in)" '>' 20
	faults inline || fail "no count for inline"
	check "faults in interrupts, inline" "$in_interrupt" '>' 20
else
	echo "left out: faults: no stack is evicted here, or they cannot be counted"
fi
finish
