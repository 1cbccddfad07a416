#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A session beside programs that come and go, each another file: with a limit to its memory it does not
# grow, its parts add up, and names are as good after it has forgotten as before.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_forget"

# storm_beside MS LIMIT [parser]: the lines of session_forget in $tmp/out.
storm_beside() {
	python3 tests/system/program_storm.py "$workloads/busy" "$tmp" 100000 &
	local storm=$!

	"$tools/session_forget" $storm "$@" >"$tmp/out" 2>"$tmp/err" ||
		fail "session_forget: $(cat "$tmp/err")"
	kill $storm 2>/dev/null
	wait $storm 2>/dev/null
}

numbers() {
	tr -dc '0-9 \n' <"$tmp/out" | sed -n "$1p"
}

# As long as 250 programs take: five seconds, and more on a machine that is busy.
before=$(date +%s%N)
python3 tests/system/program_storm.py "$workloads/busy" "$tmp" 25
ms=$((($(date +%s%N) - before) / 100000))
[ $ms -ge 5000 ] || ms=5000
[ $ms -le 25000 ] || ms=25000

limit=$((1600 << 10))
storm_beside $ms $limit
cat "$tmp/out"
read -r rss1 _ fds1 maps1 memory1 trims1 < <(numbers 1)
read -r rss2 files2 fds2 maps2 memory2 trims2 < <(numbers 2)
read -r taken written ended interrupts of_which named stacks labelled mislabelled < <(numbers 3)
check "times that it has forgotten" "$trims2" '>' "$trims1"
check "memory that it knows of" "$memory1" '<=' $((limit * 2))
check "memory that it knows of" "$memory2" '<=' $((limit * 2))
# The names of the kernel, read anew beside the old ones, and large pages.
check "anonymous memory in KiB, and what it was at half time" "$rss2" '<=' $((rss1 + 24576))
# Those of the last half second and of the last parts; the rest have ended.
check "files that are mapped" "$files2" '<=' 80
check "descriptors" "$fds2" '<=' $((fds1 + 4))
check "elements of BPF maps" "$maps2" '<=' $((maps1 + 20))
check "samples" "$taken" '>' 300
check "samples of all parts" "$taken" == "$written"
check "samples that ended" "$ended" == "$written"
check "interrupts of all parts" "$interrupts" == "$of_which"
check "stacks of the second half with their name, per mille" $((named * 1000 / (stacks + 1))) '>=' 900
check "stacks of programs with their own label" "$labelled" '>' 100
check "stacks of programs with another's label" "$mislabelled" == 0
memory_bounded=$((memory2 * 5 / 4))
named_bounded=$((named * 1000 / (stacks + 1)))

storm_beside $ms 18446744073709551615
cat "$tmp/out"
read -r rss2 files2 fds2 maps2 memory2 trims2 < <(numbers 2)
read -r taken written ended interrupts of_which named stacks labelled mislabelled < <(numbers 3)
check "times that it has forgotten without a limit" "$trims2" == 0
check "memory without a limit" "$memory2" '>' "$memory_bounded"
check "samples of all parts without a limit" "$taken" == "$written"
check "named, per mille, as without a limit ($named of $stacks)" "$named_bounded" '>=' $((named * 1000 / (stacks + 1) - 50))

# With few descriptors, and what is read in another process: its files are open, and forgotten in time.
ulimit -S -n 200
storm_beside $ms $((1 << 30)) parser
cat "$tmp/out"
read -r _ _ fds2 _ _ trims2 < <(numbers 2)
read -r taken written _ _ _ named stacks labelled mislabelled < <(numbers 3)
check "times that it has forgotten with few descriptors" "$trims2" '>=' 1
check "descriptors of those that it may have" "$fds2" '<' 195
check "samples of all parts with few descriptors" "$taken" == "$written"
check "stacks of programs with another's label, with few descriptors" "$mislabelled" == 0
check "stacks with their name with few descriptors, per mille" $((named * 1000 / (stacks + 1))) '>=' 900
finish
