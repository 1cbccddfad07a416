#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A session's filter, changed while it runs: by process, by the names of threads, by mode. What it
# leaves out is counted, and each notice was told when it arose.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_filter"

cp "$workloads/busy" "$tmp/other-busy"
"$workloads/busy" 1 60000 &
pid=$!
at_end+=("kill $pid 2>/dev/null")
"$tmp/other-busy" 1 60000 &
at_end+=("kill $! 2>/dev/null")
dd if=/dev/zero of=/dev/null bs=64k status=none &
at_end+=("kill $! 2>/dev/null")
"$tools/session_filter" $pid other-busy >"$tmp/out" 2>"$tmp/err" || fail "session_filter: $(cat "$tmp/err")"
count() { # FILTER WHAT
	awk -v filter="$1" -v what="$2" '$1 == filter { for (i = 2; i < NF; i += 2) if ($i == what) print $(i + 1) }' "$tmp/out"
}
for filter in all all-again; do
	for what in pid comm other user kernel; do
		check "$filter: samples of $what" "$(count $filter $what)" '>' 10
	done
done
check "only-pid: its samples" "$(count only-pid pid)" '>' 30
check "only-pid: samples of others" $(($(count only-pid comm) + $(count only-pid other))) == 0
check "not-comm: samples of that name" "$(count not-comm comm)" == 0
check "not-comm: samples of the process" "$(count not-comm pid)" '>' 30
check "not-comm: samples of others" "$(count not-comm other)" '>' 10
check "comm-in-user: samples of that name" "$(count comm-in-user comm)" '>' 30
check "comm-in-user: samples of others" $(($(count comm-in-user pid) + $(count comm-in-user other))) == 0
check "comm-in-user: in the kernel" "$(count comm-in-user kernel)" == 0
check "kernel: in the kernel" "$(count kernel kernel)" '>' 30
check "kernel: in user mode" "$(count kernel user)" == 0
check "what was left out" "$(awk '$1 == "filtered" { print $2 }' "$tmp/out")" '>' 300
grep -q 'keeps nothing was taken' "$tmp/out" && fail "a filter that keeps nothing was taken"
read -r notices told < <(sed -nE 's/notices ([0-9]+) told ([0-9]+)/\1 \2/p' "$tmp/out")
check "notices that were told" "$told" == "$notices"
finish
