#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Stacks whose pages are in swap, or evicted from the page cache, come out whole.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
[ -n "${LAB_DISK:-}" ] || skip "no disk here"
nmi_period 1000000

# check_evicted NAME ARGS...
check_evicted() {
	local name=$1 n
	shift

	# shellcheck disable=SC2086  # words
	record --capture=hook $nmi -- "$workloads/evicted" "$@"
	case $? in
	0 | 77) ;; # it looks for its pages after some of the samples have brought them in again
	*) fail "$name: $(cat "$tmp/out")" ;;
	esac
	n=$(samples_of ';leaf[; ]')
	check "samples, $name" "$n" '>' $((50 / slow))
	check "whole stacks, $name ($(endings))" "$(samples_of ';deep;(f;){20}leaf[; ]')" == "$n"
	check "pages brought in, $name" "$(stat_of captures.pages-in)" '>' $((100 / slow))
	check_captures "$name"
}

dd if=/dev/zero of="$LAB_DISK/swap" bs=1M count=64 status=none && chmod 600 "$LAB_DISK/swap"
mkswap -q "$LAB_DISK/swap" >/dev/null 2>&1
if swapon "$LAB_DISK/swap"; then
	# shellcheck disable=SC2016  # expanded when it is run
	at_end+=('swapoff "$LAB_DISK/swap"')
	check_evicted "swap" swap
else
	fail "no swap"
fi
check_evicted "a file" file "$LAB_DISK/stack"
finish
