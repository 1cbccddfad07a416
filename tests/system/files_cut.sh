#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A debug file that is truncated while egret has it mapped: the recording is made, names come from
# what is left, and the missing pages are told.
. "$(dirname "$0")/maps_lib.sh"
need_root
need "$(command -v objcopy)" "objcopy is not installed"
export EGRET_CACHE=$tmp/cache

make_program "$tmp/full" work_that_is_cut -g
id=$(readelf -n "$tmp/full" | sed -n 's/.*Build ID: //p')
tree=$tmp/debug/.build-id/${id:0:2}/${id:2}.debug
mkdir -p "${tree%/*}"
objcopy --only-keep-debug "$tmp/full" "$tree"
strip -o "$tmp/prog" "$tmp/full"

# Whole, it names the function, and nothing is said.
record --debug-dir="$tmp/debug" -- "$tmp/prog" 300
check "samples with a name" "$(samples_of ';work_that_is_cut')" '>' 200
grep -q 'cut short' "$tmp/stats" && fail "said of a whole file: $(grep egret: "$tmp/stats")"

# It is mapped at the first sample, and read for names and lines at the end.
(
	sleep 1.5
	truncate -s 4096 "$tree"
) &
record --no-cache --debug-dir="$tmp/debug" -- "$tmp/prog" 2500
wait
check "samples" "$(samples_of '^prog;')" '>' 1500
grep -q 'egret: a file was cut short while it was being read: [1-9][0-9,]* pages' "$tmp/stats" ||
	fail "nothing is said: $(grep egret: "$tmp/stats")"
check_identity "cut"
finish
