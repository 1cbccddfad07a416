#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# egret top, as text and on a terminal: what runs is on top, new samples come, and keys do what they
# say.
# shellcheck source=tests/system/terminal_lib.sh
. "$(dirname "$0")/terminal_lib.sh"
need_root
need "$workloads/busy"

# Text: as many tables as asked for, each with more samples, and the function that is busy in each.
"$workloads/busy" 1 60000 &
busy=$!
at_end+=('kill $busy 2>/dev/null')
"$egret" top -p $busy --batch -n 3 --delay=300ms -F 499 --limit=5 >"$tmp/text" 2>"$tmp/err" || fail "top: $(cat "$tmp/err")"
check "tables" "$(grep -c '^# .* samples, ' "$tmp/text")" == 3
check "tables with spin_ms or what it calls" "$(awk '$6 == "busy" && $3 > 95' "$tmp/text" | wc -l)" == 3
counts=$(sed -nE 's/^# [0-9:]+ +([0-9,]+) samples.*/\1/p' "$tmp/text" | tr -d ,)
[ "$(sort -n <<<"$counts")" = "$counts" ] || fail "samples: $counts"
check "samples of the first table" "$(head -n 1 <<<"$counts")" '>' 5
check "lines of a table" "$(awk '/^ +Self/ { n = 0 } NF { n++ } END { print n }' "$tmp/text")" '<=' 7

# A window of one picture: the numbers do not grow.
"$egret" top -p $busy --batch -n 4 --delay=300ms --window=300ms -F 499 >"$tmp/text" 2>/dev/null
most=$(sed -nE 's/^# [0-9:]+ +([0-9,]+) samples.*/\1/p' "$tmp/text" | tr -d , | sort -n | tail -n 1)
check "samples of a window" "$most" '<=' 300

# A target that ends, ends it.
"$workloads/busy" 1 500 &
"$egret" top -p $! --batch --delay=300ms >"$tmp/text" 2>/dev/null || fail "top of what ended"
grep -q busy "$tmp/text" || fail "nothing of what ended"

# On a terminal.
# High enough for what is below a function that is the last in the list.
run_on 100 60 "env TERM=xterm-256color LC_ALL=C.UTF-8 $egret top -p $busy -d 300ms -F 499 --accumulate"
sees '^egret top .* at 499 Hz: [0-9,]+ samples, [0-9]+ lost$'
sees '▸ (spin_ms|busy|clock_gettime|__vdso)'
samples() { screen | sed -nE '1s/.* Hz: ([0-9,]+) samples.*/\1/p' | tr -d ,; }
before=$(samples)
for _ in $(seq 100); do
	[ "$(samples)" -gt $((before + 100)) ] && break
	sleep 0.05
done
check "samples go on" "$(samples)" '>' $((before + 100))
press p
sees 'paused'
before=$(samples)
press / ; press -l busy ; press Enter Enter
sees 'callers'
check "samples while paused" "$(samples)" == "$before"
press p
sees 'all since the start'
sees 'callers' # what was expanded stays so
before=$(samples)
press z
for _ in $(seq 100); do
	[ "$(samples)" -lt "$before" ] && break
	sleep 0.05
done
check "samples after z" "$(samples)" '<' "$before"
press 3
sees " $busy +busy"
press Enter
sees "› process $busy busy"
kill $busy
wait $busy 2>/dev/null
sees 'what was sampled has ended'
press q
sees '^ENDED 0'
sees '^MODE icanon'

finish
