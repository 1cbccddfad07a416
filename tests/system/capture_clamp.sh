#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A capture ends where the stack does: what lies above it is not read, and never in a recording.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

# search STRING...: raw items of the last recording that hold one of them.
search() {
	"$tools/raw_dump" "$tmp/data" "$@"
}

# 64 MiB of other data touch a thread's stack: in the same mapping, and in the next.
for where in same next; do
	record --raw -- "$workloads/clamp" $where
	check_complete "clamp $where" 500
	check "bytes a capture, clamp $where" "$(bytes_per_capture)" '<' 16384
	check "captures with the stack's mark" "$(search EGRET-ON-THE-STACK)" '>' 400
	check "captures with what lies above" "$(search EGRET-ABOVE-THE-STACK)" == 0
	check "stacks, clamp $where" "$(samples_of ';thread_main;middle;leaf ')" '>' 400
done

# Above the main thread's stack lie the strings of the environment: secrets, and a lot of them.
secret=$(od -An -N 8 -tx8 /dev/urandom | tr -d ' ')
padding=$(head -c 100000 /dev/zero | tr '\0' "${secret:0:1}")
EGRET_TEST_SECRET=$secret EGRET_TEST_A=$padding EGRET_TEST_B=$padding EGRET_TEST_C=$padding \
	"$egret" record -q --stats --raw -o "$tmp/data" -- "$workloads/chain" 700 2>"$tmp/stats"
"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
check_complete "main thread" 500
check "captures with the stack's mark" "$(search EGRET-ON-THE-STACK)" '>' 400
check "raw items with the secret" "$(search "$secret" EGRET_TEST_SECRET "${padding:0:200}")" == 0
check "bytes a capture, main thread" "$(bytes_per_capture)" '<' 4096
finish
