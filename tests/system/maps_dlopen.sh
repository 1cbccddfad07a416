#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Libraries opened and closed 1,000 times, one after the other at the same address: each frame is in
# the library that was there at its time.
. "$(dirname "$0")/maps_lib.sh"
need_root

for k in {0..15}; do
	make_library "$tmp/$k.so" "work_$k"
done

# judge WHAT LEAST: what call_I calls is work_I, the kernel, or nothing.
judge() {
	local right wrong

	read -r right wrong < <(awk -v wrong_ones="$tmp/wrong" '{
		n = $NF
		sub(/ [0-9]+$/, "")
		if (!match($0, /;call_[0-9]+;/))
			next
		k = substr($0, RSTART + 6, RLENGTH - 7)
		split(substr($0, RSTART + RLENGTH), rest, ";")
		if (rest[1] == "work_" k)
			right += n
		else if (rest[1] !~ /_\[k\]$/) {
			wrong += n
			print > wrong_ones
		}
	} END { print right + 0, wrong + 0 }' "$tmp/folded")
	echo "$1: $right right, $wrong wrong"
	[ ! -s "$tmp/wrong" ] || head -n 3 "$tmp/wrong"
	check "frames in their own library: $1" "$right" '>' "$2"
	check "frames in another library: $1" "$wrong" == 0
	rm -f "$tmp/wrong"
}

record -F 1999 -- "$workloads/dlopen_storm" "$tmp" 1000 1
check "rounds at the address of the round before" "$(cat "$tmp/out")" '>' 900
judge "from the start" 1500
check "libraries seen" "$(grep -o ';work_[0-9]*' "$tmp/folded" | sort -u | wc -l)" == 16
check_identity "from the start"

# The same of a process that ran before: what it opens later is heard of.
"$workloads/dlopen_storm" "$tmp" 20000 1 >"$tmp/same" &
pid=$!
sleep 0.3
record -F 1999 -d 1 -p $pid
kill $pid 2>/dev/null
check "samples from the middle" "$(stat_of samples.written)" '>' 100
judge "from the middle" $(($(stat_of samples.written) * 6 / 10))
check_identity "from the middle"
finish
