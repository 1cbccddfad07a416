#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Frames without a name, each with the reason that is true of it: egret report --why.
. "$(dirname "$0")/maps_lib.sh"
need_root

# why_of REASON FILE: frames that have no name for that reason, in a file of that name.
why_of() {
	"$egret" report --why -i "$tmp/data" |
		awk -v reason="$1" -v file="$2" '$7 == reason && $8 ~ "(^|/)" file "$" { gsub(",", "", $1); sum += $1 }
			END { print sum + 0 }'
}

# unnamed FILE: the same, for whatever reason.
unnamed() {
	"$egret" report --why -i "$tmp/data" |
		awk -v file="$1" '$3 == "%" && $8 ~ "(^|/)" file "$" { gsub(",", "", $1); sum += $1 }
			END { print sum + 0 }'
}

make_program "$tmp/prog" work_in_file
record -- "$tmp/prog" 300
check "frames of a program with symbols, without a name" "$(unnamed prog)" == 0

strip -o "$tmp/stripped" "$tmp/prog"
record -- "$tmp/stripped" 300
check "stripped" "$(why_of stripped stripped)" '>' 400
check "all of them are" "$(unnamed stripped)" == "$(why_of stripped stripped)"
"$egret" report --why -i "$tmp/data" | grep -q '^stripped: .*no debug file' || fail "no meaning"
"$egret" report --why --comm=nobody -i "$tmp/data" | grep -q '^# .*: 0 of 0 ' || fail "--comm"

record -- "$workloads/jit" 300 nomap
check "no perf map" "$(why_of no-perf-map '.jit.')" '>' 200
record -- "$workloads/jit" 300 othermap
check "a perf map without that code" "$(why_of not-in-perf-map '.jit.')" '>' 200

record -- "$workloads/jit" 300 theirmap
check "a perf map of another user" "$(why_of perf-map-refused '.jit.')" '>' 200
find /tmp -maxdepth 1 -name 'perf-*.map' -uid 12345 -delete

record --no-symbols -- "$tmp/prog" 200
check "not asked" "$(why_of not-asked prog)" '>' 200
"$egret" report --why -i "$tmp/data" | head -n 1 |
	grep -Eq '^# frames without a name: ([0-9,]+) of \1 \(100.0 %\)' || fail "not all are without a name"
finish
