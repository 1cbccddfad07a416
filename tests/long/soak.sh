#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# soak.sh: recordings that take long. Memory grows with distinct stacks and not with time; the
# accounting holds; nothing is lost; a recording stays small; and, with sanitizers, all of this
# while processes come and go on the whole machine.
# SOAK_SECONDS: of the first recording (600); the second takes a third. O: the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${O:-build}
seconds=${SOAK_SECONDS:-600}
[ "$(id -u)" = 0 ] || {
	echo "skipped: sampling needs root"
	exit 77
}
tmp=$(mktemp -d) || exit 1
pids=()
cleanup() {
	[ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
failures=0

fail() {
	echo "FAIL: $1"
	failures=$((failures + 1))
}

stat_of() { awk -v name="$1" '$1 == name { print $2 }' "$tmp/stats"; } # NAME

check_accounting() { # RECORDING LABEL
	"$build/egret" report -i "$1" --stats >"$tmp/stats" 2>"$tmp/err" || fail "$2: $(cat "$tmp/err")"
	[ "$(grep -c ' ok$' "$tmp/stats")" = 4 ] || fail "$2: the accounting: $(grep ' = ' "$tmp/stats")"
	[ "$(stat_of samples.dropped.ring-full)" = 0 ] || fail "$2: samples were dropped"
	[ "$(stat_of captures.dropped.ring-full)" = 0 ] || fail "$2: captures were dropped"
	[ "$(stat_of maps.lost)" = 0 ] || fail "$2: mappings were lost"
}

# ---- one process that works on the same things again and again -----------------------------------

/usr/bin/python3 -c '
import json, re, zlib
while True:
    text = json.dumps([{"key %d" % (i % 97): [i] * 7} for i in range(500)])
    json.loads(text); re.findall(r"\d+", text); zlib.compress(text.encode())' &
worker=$!
pids+=("$worker")
"$build/egret" record -q -F 4999 -p "$worker" -d "$seconds" -o "$tmp/worker.data" 2>"$tmp/log" &
recorder=$!
resident=()
for ((i = 1; i <= 6; i++)); do
	sleep $((seconds / 6 > 1 ? seconds / 6 - 1 : 1))
	resident+=("$(awk '/^RssAnon/ { print $2 }' "/proc/$recorder/status")")
done
wait "$recorder" || fail "the first recording: $(cat "$tmp/log")"
kill "$worker"
pids=()
echo "resident anonymous, kB, sixth by sixth: ${resident[*]}"
# From the middle on a stack that was not seen before is rare.
[ "${resident[5]}" -le $((resident[2] * 5 / 4)) ] || fail "memory grows with time"
check_accounting "$tmp/worker.data" "one process"
samples=$(stat_of samples.written)
[ "$samples" -gt $((seconds * 4999 / 4)) ] || fail "only $samples samples in $seconds s"
complete=$(stat_of unwind.root)
[ "$complete" -ge $((samples * 99 / 100)) ] || fail "only $complete of $samples stacks are complete"
bytes=$(stat -c %s "$tmp/worker.data")
echo "$samples samples, $((bytes / samples)) bytes each"
[ $((bytes / samples)) -le 100 ] || fail "$((bytes / samples)) bytes a sample"

# ---- the whole machine, with sanitizers ----------------------------------------------------------

san=${build%-san}-san
if [ -x "$san/egret" ]; then
	(while :; do
		gcc -O2 -Ilib -I. -Ilib/include -D_GNU_SOURCE -c lib/session/session.c -o "$tmp/x.o"
		git log --oneline 2>/dev/null | sort | xz -0 | xz -d >/dev/null
		for ((i = 0; i < 100; i++)); do /bin/true; done
	done) &
	pids=($!)
	"$san/egret" record -q -a -F 1999 -d $((seconds / 3)) -o "$tmp/all.data" 2>"$tmp/log" ||
		fail "with sanitizers: $(tail -n 40 "$tmp/log")"
	kill "${pids[@]}"
	pids=()
	check_accounting "$tmp/all.data" "the whole machine"
	[ "$(stat_of samples.written)" -gt $((seconds * 1999 / 6)) ] || fail "only $(stat_of samples.written) samples"
	"$build/egret" export --format=folded -i "$tmp/all.data" | awk '
		/^cc1;_start;.*;main;/ { compiler += $NF } END { exit compiler < 10 }' ||
		fail "no compiler, from its start to its leaf, in the recording of the whole machine"
fi

[ "$failures" = 0 ]
