#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Two recordings compared, and put together: shares, counts and what is said to be noise.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

# A program of which two functions take so many milliseconds.
make_phases() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -fno-optimize-sibling-calls -Itests/workloads -x c - -o "$tmp/phases" <<-END
		#include "spin.h"
		#include <stdlib.h>
		FRAME int phase_a(int ms) { spin_ms(ms); return ms; }
		FRAME int phase_b(int ms) { spin_ms(ms); return ms; }
		int main(int argc, char **argv) { return phase_a(atoi(argv[1])) + phase_b(atoi(argv[2])) < 0; }
	END
}
make_phases || fail "no program"

one() { # NAME MS_A MS_B
	"$egret" record -q -F 1999 -o "$tmp/$1" -- "$tmp/phases" "$2" "$3" || fail "no recording"
}
samples_in() { # FILE FUNCTION
	"$egret" export -i "$1" | awk -v name=";$2(;| )" '$0 ~ name { n += $NF } END { print n + 0 }'
}
one before 150 150
one after 450 150
one again 150 150

# 50 and 50 % against 75 and 25 %.
"$egret" diff "$tmp/before" "$tmp/after" >"$tmp/diff" || fail "no diff"
delta() {
	awk -v f="  $1  " 'index($0, f) { print int($5) }' "$tmp/diff"
}
check "delta of phase_a ($(grep phase_a "$tmp/diff"))" "$(delta phase_a)" '>=' 19
check "delta of phase_b ($(grep phase_b "$tmp/diff"))" "$(delta phase_b)" '<=' -19
grep 'phase_a' "$tmp/diff" | grep -q '>99.99 %' || fail "phase_a is not sure"
head -n 2 "$tmp/diff" | grep -q "^# before: .*: $("$egret" report -i "$tmp/before" --stats |
	awk '$1 == "samples.written" { print $2 }') samples" || fail "the samples of before"
# The same again is noise.
"$egret" diff --confidence=99.9 "$tmp/before" "$tmp/again" >"$tmp/diff"
grep -q 'phase_' "$tmp/diff" && fail "a difference where there is none: $(cat "$tmp/diff")"
grep -q 'may be chance' "$tmp/diff" || fail "nothing is said of the noise"
# Folded lines have the samples of both.
# Of pprof: what pprof itself makes of the two, with -diff_base.
"$egret" diff --format=pprof -o "$tmp/diff.pb.gz" "$tmp/before" "$tmp/after" || fail "no pprof of the difference"
if command -v go >/dev/null; then
	top() { go tool pprof -top -sample_index=samples "$@" 2>/dev/null | sed '1,/^ *flat /d'; }
	"$egret" export -o "$tmp/before.pb.gz" -i "$tmp/before"
	"$egret" export -o "$tmp/after.pb.gz" -i "$tmp/after"
	top "$tmp/diff.pb.gz" >"$tmp/top"
	top -diff_base="$tmp/before.pb.gz" "$tmp/after.pb.gz" >"$tmp/wanted"
	grep -q 'phase_a' "$tmp/top" || fail "pprof does not show phase_a: $(cat "$tmp/top")"
	cmp -s "$tmp/top" "$tmp/wanted" || fail "pprof's difference: $(diff "$tmp/top" "$tmp/wanted" | head -n 10)"
fi

"$egret" diff --format=folded "$tmp/before" "$tmp/after" >"$tmp/both"
sums=$(awk '/;phase_a( |;)/ { a += $(NF - 1); b += $NF } END { print a, b }' "$tmp/both")
[ "$sums" = "$(samples_in "$tmp/before" phase_a) $(samples_in "$tmp/after" phase_a)" ] ||
	fail "folded: $sums"

# Together they are one recording, with all samples of both, times and all.
"$egret" merge -o "$tmp/whole" "$tmp/before" "$tmp/after" "$tmp/again" || fail "no merge"
for name in phase_a phase_b main; do
	check "samples of $name" "$(samples_in "$tmp/whole" $name)" == \
		$(($(samples_in "$tmp/before" $name) + $(samples_in "$tmp/after" $name) + \
			$(samples_in "$tmp/again" $name)))
done
"$egret" report -i "$tmp/whole" --stats | grep -c ' ok$' | grep -qx 4 || fail "the accounting does not add up"
times() {
	"$egret" script -i "$1" -F cpu,time | tr -d :
}
times "$tmp/whole" >"$tmp/times"
awk '{ t = $NF + 0 } t < last { exit 1 } { last = t }' "$tmp/times" ||
	fail "not in the order of time"
[ "$(sort "$tmp/times")" = "$( (times "$tmp/before"; times "$tmp/after"; times "$tmp/again") | sort)" ] ||
	fail "not the same times"

# What is no recording leaves nothing.
"$egret" merge -o "$tmp/none" "$tmp/before" tests/system/lib.sh 2>"$tmp/err" && fail "a script was merged"
[ "$(wc -l <"$tmp/err")" = 1 ] || fail "more than a line: $(cat "$tmp/err")"
[ ! -e "$tmp/none" ] || fail "something is left"
[ ! -e "$tmp/none.part" ] || fail "a part is left"
"$egret" diff "$tmp/before" 2>"$tmp/err"
[ $? = 2 ] || fail "one recording was compared"
finish
