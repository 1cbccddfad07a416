#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# --from and --to: what every command shows of a store, and what is said where there is nothing.
# Windows are brought to the disk one by one; that a disk can be slow is not what this is about.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
fill=$tools/store_fill
need "$fill"
export TZ=UTC
store=$tmp/store
# Two hours of windows of two minutes with a sample a second, on a day long past; a gap; one more hour.
day=1764057600 # 2025-11-25 08:00 UTC
"$fill" "$store" $((1 << 30)) $day 60 120 web 120 7 >"$tmp/stats" || fail "no store"
"$fill" "$store" $((1 << 30)) $((day + 10800)) 30 120 db 120 7 >"$tmp/stats" || fail "no store"
# A file that none of ours wrote is none of our business.
touch "$store/notes.txt"

samples() { "$egret" export --store="$store" "$@" 2>"$tmp/err" | awk '{ n += $NF } END { print n + 0 }'; }
check "all" "$(samples)" == 10800
check "a minute" "$(samples --from='2025-11-25 08:30' --to=08:31)" == 60
check "by seconds" "$(samples --from='2025-11-25 08:30:10' --to='2025-11-25 08:32:15')" == 125
check "by RFC 3339" "$(samples --from=2025-11-25T09:30:10+01:00 --to=2025-11-25T08:30:20Z)" == 10
check "since 1970" "$(samples --from=@$((day + 60)) --to=@$((day + 61)).5)" == 2
check "of another process" "$(samples --from='2025-11-25 09:00' --to=12:00 --comm=db)" == 3600
check "by function" "$(samples --from='2025-11-25 08:00' --to=09:00 --symbol=web_0)" == 540
check "seconds of it" "$(samples --from='2025-11-25 08:30' --time=0,9.5)" == 10
check "what was stored first" "$(samples --to='2025-11-25 08:00:30')" == 30
# In another time zone a time of day is another time.
check "in Berlin" "$(TZ=CET-1 samples --from='2025-11-25 09:30' --to=09:31)" == 60

# Gaps are named, once each, and what there is where there is nothing.
samples --from='2025-11-25 09:30' --to=11:30 >"$tmp/out"
[ "$(cat "$tmp/err")" = "egret: nothing was stored from 2025-11-25 10:00:00 to 2025-11-25 11:00:00" ] ||
	fail "the gap: $(cat "$tmp/err")"
samples --from='2025-11-25 07:59' --to=08:01 >"$tmp/out"
grep -q 'from 2025-11-25 07:59:00 to 2025-11-25 08:00:00$' "$tmp/err" || fail "the beginning: $(cat "$tmp/err")"
"$egret" report --store="$store" --from='2025-11-25 10:10' --to=10:20 2>"$tmp/err" >"$tmp/out" && fail "shown: nothing"
grep -q "nothing of that time: the store '$store' holds 2025-11-25 08:00:00 to 2025-11-25 12:00:00" "$tmp/err" ||
	fail "what there is: $(cat "$tmp/err")"
[ "$(wc -l <"$tmp/err")" = 1 ] || fail "lines: $(cat "$tmp/err")"
"$egret" report --store="$tmp/none" --from=-5m 2>"$tmp/err" >"$tmp/out" && fail "shown: no store"
grep -q "cannot read the store '$tmp/none'.*egret agent" "$tmp/err" || fail "no store: $(cat "$tmp/err")"
for wrong in 25:00 yesterdy 2025-02-30 '-5' ''; do
	"$egret" report --store="$store" --from="$wrong" 2>"$tmp/err" >"$tmp/out"
	status=$?
	check "status of --from=$wrong" $status == 2
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "lines: $(cat "$tmp/err")"
done
"$egret" report --store="$store" --from='2025-11-25 09:00' --to='2025-11-25 08:00' 2>"$tmp/err"
check "status of a range that ends before it begins" $? == 2

# All commands that show a recording.
range=(--store="$store" --from='2025-11-25 08:30' --to=08:35)
"$egret" report "${range[@]}" >"$tmp/out" || fail "no report"
grep -qE '300 samples|samples: 300|\b300\b' "$tmp/out" || fail "report: $(head -n 5 "$tmp/out")"
"$egret" script "${range[@]}" | grep -c '^web ' | grep -qx 300 || fail "script"
"$egret" export "${range[@]}" -o "$tmp/page.html" || fail "no page"
[ "$("$egret" flame "${range[@]}" --comm=web -o "$tmp/flame.html")" = "$tmp/flame.html" ] || fail "no path of a page"
cmp -s "$tmp/page.html" "$tmp/flame.html" || fail "another page"
"$egret" flame "${range[@]}" -a 2>"$tmp/err"
check "status of flame --from -a" $? == 2
"$egret" merge "${range[@]}" -o "$tmp/five" || fail "no merge"
"$egret" script -i "$tmp/five" | grep -c '^web ' | grep -qx 300 || fail "the merged recording"
"$egret" annotate "${range[@]}" web_0 2>&1 | grep -q 'filled' || fail "annotate"
# Of a recording that is named, it is that recording.
check "of a file" "$(samples -i "$tmp/five" --from='2025-11-25 08:31' --to=08:32)" == 60
"$egret" diff --store="$store" --before='2025-11-25 08:30,08:40' --after='2025-11-25 11:00,11:05' >"$tmp/diff" ||
	fail "no diff"
grep -q '^# before: 2025-11-25 08:30,08:40: 600 samples' "$tmp/diff" || fail "diff: $(cat "$tmp/diff")"
grep -q '^# after:  2025-11-25 11:00,11:05: 300 samples' "$tmp/diff" || fail "diff: $(cat "$tmp/diff")"
"$egret" diff --store="$store" --before='2025-11-25 08:30,08:35' "$tmp/five" | grep -c ': 300 samples' |
	grep -qx 2 || fail "a range and a file"
"$egret" diff --from=-5m "$tmp/five" "$tmp/five" 2>"$tmp/err"
check "status of diff --from" $? == 2

# A window by itself is a recording.
window=$(find "$store" -name '*.egret' | sort | tail -n 1)
"$egret" report -i "$window" | grep -q 'db_0' || fail "a window: $window"

# A day of busy windows is read in bounded memory: with times only where samples are asked for.
"$fill" "$tmp/day" $((1 << 30)) $day 144 600 busy 20000 300 >"$tmp/stats" || fail "no day"
peak() { /usr/bin/env python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"; }
check "MiB for a day, 2,880,000 samples" "$(peak "$egret" report --store="$tmp/day" --no-tree)" '<=' 48

# Another agent does not get the same directory; a full disk is survived.
(
	exec 9>>"$store/lock"
	flock -n 9 || exit 1
	"$fill" "$store" $((1 << 30)) $day 1 60 web 60 7 >"$tmp/out" 2>"$tmp/err"
)
grep -q "^the store '$store' is in use by another agent" "$tmp/err" || fail "two agents: $(cat "$tmp/err")"
if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=400k none "$tmp/small" 2>"$tmp/err"; then
	at_end+=("umount '$tmp/small'")
	head -c 150000 /dev/zero >"$tmp/small/others"
	"$fill" "$tmp/small/store" $((1 << 30)) $day 40 600 big 300 3000 >"$tmp/stats" 2>"$tmp/err" || fail "not survived"
	check "written" "$(stat_of egret_store_windows_written_total)" '>' 20
	check "windows that made way" "$(stat_of egret_store_windows_removed_total)" '>' 5
	head -c 400000 /dev/zero >"$tmp/small/more" 2>/dev/null
	rm -r "$tmp/small/store"/*.egret
	head -c 400000 /dev/zero >"$tmp/small/rest" 2>/dev/null
	"$fill" "$tmp/small/store" $((1 << 30)) $((day + 1000000)) 5 600 big 300 3000 >"$tmp/stats" 2>"$tmp/err"
	check "lost for want of space" "$(stat_of 'egret_store_windows_lost_total,reason="no-space"')" == 5
	[ "$(grep -c 'windows are lost' "$tmp/err")" = 1 ] || fail "not said once: $(cat "$tmp/err")"
	[ -z "$(find "$tmp/small/store" -name '*.part')" ] || fail "a part is left"
fi
finish
