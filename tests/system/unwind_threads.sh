#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Threads that unwind: a live recording of a busy program loses nothing, and replays of one recording
# are the same with any number of threads.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

# Stacks through code made at run time need the thread that looks at code.
for how in "threads 8 200" "jitdump 300 $tmp"; do
	# shellcheck disable=SC2086
	record --raw --threads=2 -F 1999 -- "$workloads"/$how || fail "no recording of $how"
	check_identity "$how"
	check "samples: $how" "$(stat_of samples.written)" '>=' 200
	check "complete stacks, per mille: $how" "$(permille "$(stat_of unwind.root)" "$(stat_of samples.written)")" '>=' 980
	for n in 0 1 4; do
		"$egret" replay -i "$tmp/data" -o "$tmp/replay.$n" --threads=$n 2>"$tmp/said.$n" ||
			fail "$how: no replay with $n threads: $(cat "$tmp/said.$n")"
	done
	for n in 1 4; do
		cmp "$tmp/replay.0" "$tmp/replay.$n" || fail "$how: the replay with $n threads is another"
	done
	[ -s "$tmp/replay.0" ] || fail "$how: the replay is empty"
done

# Bad values.
says() { # LINE ARGUMENT...
	local line=$1

	shift
	"$egret" replay -i "$tmp/data" -o "$tmp/none" "$@" 2>"$tmp/err" && fail "taken: $*"
	[ "$(cat "$tmp/err")" = "$line" ] || fail "$*: $(cat "$tmp/err")"
	[ ! -e "$tmp/none" ] || fail "$*: a file was left"
}
says "egret: 65 threads are too many: 64 at most" --threads=65
says "egret: the unwinder 'libdw' runs without threads only" --threads=1 --unwinder=libdw
says "egret: --threads wants a number, not 'many' (see 'egret help replay')" --threads=many

finish
