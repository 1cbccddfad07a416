#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A handler busy on an alternate signal stack: both stacks are read, and the frames go through the
# signal frame to the root.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

interrupted='work;(interrupted;){5}interrupted_leaf;[^[]*handler;handler_leaf '

for where in main thread; do
	record -- "$workloads/handler" $where
	check_complete "$where" 400
	check "captures of two stacks, $where" "$(stat_of captures.alt-stacks)" '>' 400
	check "stacks through the handler, $where" "$(samples_of ";$interrupted")" '>' 400
	check "bytes a capture, $where" "$(bytes_per_capture)" '<' 40000
	check_identity "$where"
done
check "of them from main" "$(samples_of ";main;$interrupted")" == 0

record -- "$workloads/handler" main
check "stacks down to main" "$(samples_of "^handler;_start;.*;main;$interrupted")" '>' 400

# Without an alternate stack there is one stack, and nothing to find.
record -- "$workloads/handler" plain
check_complete "plain" 400
check "captures of two stacks, plain" "$(stat_of captures.alt-stacks)" == 0
check "stacks through the handler, plain" "$(samples_of ";main;$interrupted")" '>' 400
finish
