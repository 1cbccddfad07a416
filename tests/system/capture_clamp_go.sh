#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A goroutine's stack ends at its g.stack.hi, not where the arena of all goroutines does.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/goroutine" "needs Go to build tests/workloads/goroutine.go"
need_task_work

record --raw -- "$workloads/goroutine" 1000
check "samples" "$(stat_of samples.written)" '>' 150
check "bytes a capture" "$(bytes_per_capture)" '<' 4096
frames=$(printf 'main.frame;%.0s' {1..18})
check "stacks of 20 frames" "$(samples_of ";main\.main\.(func1;main\.work|gowrap1);${frames}main\.leaf")" '>' 140
check "complete stacks, per mille" "$(permille "$(stat_of unwind.root)" "$(stat_of samples.written)")" \
	'>=' 990
check_identity "goroutine"
finish
