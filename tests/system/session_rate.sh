#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A session whose frequency is changed while it runs, and whose profile is taken every 50 ms: the
# numbers of samples follow the frequency, their values stay CPU time, and no sample is lost or twice.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_rate"

"$workloads/busy" 1 60000 &
busy=$!
at_end+=('kill $busy 2>/dev/null')
"$tools/session_rate" $busy >"$tmp/out" 2>"$tmp/err" || fail "session_rate: $(cat "$tmp/err")"
while read -r hz samples ms; do
	# What the program had of the CPU is what the values say; the machine may be busy with others.
	check "samples at $hz Hz, in thousandths of what $ms ms of CPU are" $((samples * 1000000 / (hz * ms + 1))) '>=' 930
	check "samples at $hz Hz, in thousandths of what $ms ms of CPU are" $((samples * 1000000 / (hz * ms + 1))) '<=' 1070
	check "milliseconds at $hz Hz" "$ms" '>' 300
	check "milliseconds at $hz Hz" "$ms" '<=' 1700
done < <(grep -v taken "$tmp/out")
read -r taken kept counted never < <(sed -nE 's/taken ([0-9]+), kept ([0-9]+), counted ([0-9]+), never ran ([0-9]+)/\1 \2 \3 \4/p' "$tmp/out")
check "samples that were taken" "$taken" == "$counted"
check "samples that were kept one by one" "$kept" == "$counted"
check "interrupts that never came, though the frequency was changed sixty times, in thousandths" $((never * 1000 / taken)) '<=' 50
check "parts" "$(grep -vc taken "$tmp/out")" == 3
finish
