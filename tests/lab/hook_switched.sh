#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Recordings begin and end while NMIs arrive and while kprobes, the function tracer and static keys are
# switched: code is patched under the hook (int3), and its own key goes on and off.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
tracing=/sys/kernel/tracing
nmi_period 250000
echo 1 >$pmu/force # NMIs also while nobody samples

# Kprobes, the function tracer, and the static keys of tracepoints.
patch_code() {
	while [ ! -e "$tmp/stop" ]; do
		echo 'p:lab_getppid __x64_sys_getppid' >$tracing/kprobe_events
		echo 1 >$tracing/events/kprobes/lab_getppid/enable
		echo 1 >$tracing/events/sched/sched_switch/enable
		echo handle_mm_fault >$tracing/set_ftrace_filter
		echo function >$tracing/current_tracer
		sleep 0.1
		echo nop >$tracing/current_tracer
		echo 0 >$tracing/events/sched/sched_switch/enable
		echo 0 >$tracing/events/kprobes/lab_getppid/enable
		echo >$tracing/kprobe_events
		echo 1 >>"$tmp/patched"
		sleep 0.1
	done
}

"$lab/mixed_load" 600 &
load=$!
patch_code 2>"$tmp/patch.err" &
patching=$!
for n in 1 2 3; do
	# shellcheck disable=SC2086  # words
	record --capture=hook $nmi -a -d 0.3
	check "samples" "$(stat_of samples.written)" '>' $((20 / slow))
	check_captures "recording $n"
done
touch "$tmp/stop"
wait $patching
check "the load runs" "$(kill -0 $load && echo 1)" == 1
kill $load
wait $load 2>/dev/null
echo 0 >$pmu/force
check "code patched" "$(grep -c . "$tmp/patched")" '>=' 3
[ -s "$tmp/patch.err" ] && fail "patching: $(head -n 3 "$tmp/patch.err")"
finish
