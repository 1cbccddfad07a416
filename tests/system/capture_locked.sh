#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A stack whose missing pages cannot be asked for, because another thread holds the lock of the address
# space, ends with that reason and no other; and nobody waits for the lock.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

record -F 2000 --stack-limit=1M -- "$workloads/locked"
n=$(stat_of samples.written)
check "samples" "$n" '>' 300
check "mappings that were locked" "$(stat_of captures.vma-busy)" '>' 20
check "pages that were missing" "$(stat_of captures.pages-in)" '>' 20
check "stacks that are cut for it" "$(stat_of capture.locked)" '>' 0
check "endings that blame the policy" "$(stat_of capture.fault-policy)" == 0
full=$(stat_of capture.ring-full) # of a busy machine: a stack is 256 KB
check "the sum of what ended otherwise" $((n - full - $(stat_of capture.whole))) == \
	$(($(stat_of capture.locked) + $(stat_of capture.pages-vanished)))
check_identity "locked"
finish
