#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The default engine is right at every instruction of a program that is single-stepped.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
truth=$root/${O:-build}/tests/system/unwind_truth
out=$("$truth" 2>&1)
status=$?
echo "$out"
last=$(tail -n 1 <<<"$out")
value() { sed -E "s/.*\b$1=([0-9]+).*/\1/" <<<"$last"; }
[[ $last == steps=* ]] || exit 1
[ $status = 0 ] && [ "$(value wrong)" = 0 ] || exit 1
[ "$(value checked)" -gt 20000 ] && [ "$(value signals)" = 2 ] && [ "$(value deepest)" -gt 20 ] &&
	[ "$(value without_cfi)" -lt 500 ]
