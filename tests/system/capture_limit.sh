#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A stack of 1,000 frames and 600 KiB is whole with --stack-limit=1M, and named as cut without.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

thousand=$(printf 'f;%.0s' {1..1000})

record --stack-limit=1M -- "$workloads/deep"
check_complete "limit 1M" 500
check "whole stacks" "$(samples_of "^deep;[^\\[]*;main;${thousand}leaf ")" '>' 450
check "cut stacks" "$(samples_of '\[cut:')" == 0
check "bytes a capture" "$(bytes_per_capture)" '>' 600000
check_identity "limit 1M"

record -- "$workloads/deep"
n=$(stat_of samples.written)
cut=$(stat_of capture.stack-limit)
check "samples" "$n" '>' 500
check "cut at the limit, per mille" "$(permille "$cut" "$n")" '>' 900
check "cut, and the stack says so" "$(samples_of '^deep;\[cut: stack-limit\];f;f;f;')" == "$cut"
check "no other cut" "$(samples_of '\[cut:')" == "$cut"
check "bytes a capture" "$(bytes_per_capture)" '<=' 262144
check "bytes a capture" "$(bytes_per_capture)" '>' 200000
check_identity "limit 256K"
finish
