#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A stack whose pages were evicted (of a file, to swap) is whole; with --fault=none it is cut, and
# says so.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

# check_evicted NAME ARGS...: of a workload that evicts its stack 50 times in 500 ms.
check_evicted() {
	local name=$1 n cut
	shift

	record -- "$workloads/evicted" "$@"
	[ $? = 77 ] && echo "left out: $name: $(cat "$tmp/out")" && return
	check_complete "$name" 300
	check "stacks, $name" "$(samples_of ';deep;(f;){20}leaf ')" '>' 200
	check "pages brought in, $name" "$(stat_of captures.pages-in)" '>' 10
	check "repeated copies, $name" "$(stat_of captures.retries)" '>' 10
	check_identity "$name"

	record --fault=none -- "$workloads/evicted" "$@"
	n=$(stat_of samples.written)
	cut=$(stat_of capture.not-resident)
	check "not-resident, per mille, $name, none" "$(permille "$cut" "$n")" '>' 700
	check "cut, and the stack says so, $name, none" \
		"$(samples_of '^evicted;\[cut: not-resident\];.*leaf ')" '>' $((n * 7 / 10))
	check "pages brought in, $name, none" "$(stat_of captures.pages-in)" == 0
	check_identity "$name, none"
	tested=1
}

tested=0
# Not in $tmp, which may be in memory.
file=$build/tests/evicted.$$
# shellcheck disable=SC2016  # expanded when it is run
at_end+=('rm -f "$file"')
case $(stat -f -c %T "$build") in
tmpfs | overlay*) ;;
*) check_evicted "a file's stack" file "$file" ;;
esac

swap=$build/tests/swap.$$
# shellcheck disable=SC2016  # expanded when it is run
at_end+=('swapoff "$swap" 2>/dev/null; rm -f "$swap"')
if dd if=/dev/zero of="$swap" bs=1M count=32 status=none && chmod 600 "$swap" &&
	mkswap -q "$swap" >/dev/null 2>&1 && swapon "$swap" 2>"$tmp/swapon"; then
	check_evicted "a stack in swap" swap
else
	echo "left out: swap: $(cat "$tmp/swapon" 2>/dev/null)"
fi
[ $tested = 1 ] || [ "$failures" != 0 ] || skip "nothing could be evicted here"
finish
