#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The default engine is right at every instruction of a program that is single-stepped: with CFI
# always; without, where it is in hand-written assembly or was taken away, it is right or says that it
# does not know, and never wrong.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/${O:-build}
value() { sed -E "s/.*\b$1=([0-9]+).*/\1/" <<<"$last"; }

truth() { # WHICH: the share of stacks without CFI that were right, in 1,000, is $right
	local out status

	out=$("$build/tests/system/unwind_truth" "$build/tests/workloads/every_step" table "$@" 2>&1)
	status=$?
	echo "$out"
	last=$(tail -n 1 <<<"$out")
	[[ $last == steps=* ]] && [ $status = 0 ] && [ "$(value wrong)" = 0 ] || exit 1
	[ "$(value bare_wrong)" = 0 ] || exit 1
	right=$(($(value bare_right) * 1000 / $(value bare)))
	echo "without CFI: $right of 1,000 right, none wrong"
}

truth
[ "$(value checked)" -gt 20000 ] && [ "$(value signals)" = 2 ] && [ "$(value deepest)" -gt 20 ] || exit 1
[ "$(value bare)" -gt 600 ] && [ "$right" -gt 950 ] || exit 1
truth program
[ "$(value bare)" -gt 8000 ] && [ "$right" -gt 980 ]
