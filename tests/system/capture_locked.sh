#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A stack has its missing pages brought in though another thread holds the lock of the address space
# nearly always, so that its mappings can seldom be asked for: the capture waits for the lock.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

record -F 2000 --stack-limit=1M -- "$workloads/locked"
n=$(stat_of samples.written)
check "samples" "$n" '>' 500
check "mappings that were locked" "$(stat_of captures.vma-busy)" '>' 50
check "pages that were missing" "$(stat_of captures.pages-in)" '>' 50
check "endings that blame the policy" "$(stat_of capture.fault-policy)" == 0
full=$(stat_of capture.ring-full) # of a busy machine: a stack is 256 KB
check "complete, per mille ($(endings))" \
	"$(permille "$(stat_of unwind.root)" $((n - full)))" '>=' 985
check "the sum of what ended otherwise" $((n - full - $(stat_of capture.whole))) == \
	$(($(stat_of capture.locked) + $(stat_of capture.pages-vanished)))
check_identity "locked"

# Nothing is waited for where nothing may be.
record -F 2000 --stack-limit=1M --fault=none -- "$workloads/locked"
check "pages brought in, none" "$(stat_of captures.pages-in)" == 0
check "cut short, none ($(endings))" "$(stat_of capture.not-resident)" '>' 0
check_identity "none"
finish
