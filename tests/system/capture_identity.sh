#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Nothing is lost silently: the equations of the accounting hold, at 10 kHz nothing is lost at all, and
# the witness sees what the sampling program could not.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work
cpus=$(nproc)

record -- "$workloads/busy" "$cpus" 300
check "samples, busy" "$(stat_of samples.written)" '>=' $((cpus * 290))
check_complete "busy" $((cpus * 290))
check_identity "busy"

record -- "$workloads/fork_storm" 300
check "samples, fork storm" "$(stat_of samples.written)" '>' 290
check "samples of children" "$(samples_of ';main;storm;child ')" '>' 250
check "complete, per mille, fork storm ($(endings))" \
	"$(permille "$(stat_of unwind.root)" "$(stat_of samples.written)")" '>=' 990
check_identity "fork storm"

# With the default buffers, both CPUs busy in user mode and in the kernel.
for workload in busy kernel_bound; do
	record -F 10000 -- "$workloads/$workload" "$cpus" 700
	n=$(stat_of samples.written)
	check "samples, 10 kHz, $workload" "$n" '>' 5000
	check "dropped samples, 10 kHz, $workload" "$(sum_of samples.dropped)" == 0
	check "dropped captures, 10 kHz, $workload" "$(sum_of captures.dropped)" == 0
	check "lost, 10 kHz, $workload" "$(stat_of capture.lost)" == 0
	check "complete, per mille, 10 kHz, $workload ($(endings))" \
		"$(permille "$(stat_of unwind.root)" "$n")" '>=' 999
	check_identity "10 kHz, $workload"
done

# Stacks that are larger than the buffer: the samples are there, and say what became of their stacks.
record -F 5000 --buffer=64K -- "$workloads/deep"
n=$(stat_of samples.written)
check "ring-full ($(endings))" "$(stat_of capture.ring-full)" '>' $((n * 8 / 10))
check "cut, and the stack says so" "$(samples_of '^deep;\[cut: ring-full\]')" == \
	"$(stat_of capture.ring-full)"
check_identity "captures dropped"

# A map update keeps BPF programs from running in it: perf skips the sampling program, and no counter
# of its own could tell.
record -F 10000 -- "$workloads/busy" "$cpus" 500
quiet=$(permille "$(stat_of witness.never-ran)" "$(stat_of samples.written)")
record -F 10000 -- "$workloads/map_storm" "$cpus" 500
storm=$(permille "$(stat_of witness.never-ran)" "$(stat_of samples.written)")
check "never ran, per mille of the samples: map updates against $quiet without" "$storm" '>' \
	$((quiet * 2 + 100))
check_identity "map updates"
finish
