#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What takes over a second says so on a terminal, and nowhere else; Ctrl-C ends it at once, and no
# part of a file is left behind.
# shellcheck source=tests/system/terminal_lib.sh
. "$(dirname "$0")/terminal_lib.sh"
need_root
record -F 999 -- "$workloads/busy" 1 200 || fail "no recording"
"$egret" record -q --raw -o "$tmp/raw.data" -- "$workloads/busy" 1 50 || fail "no raw recording"
mkfifo "$tmp/fifo" || fail "no fifo"

# A reader that waits for its input: half of a recording has come, and the rest does not.
feed() { # FILE
	(
		exec 3>"$tmp/fifo"
		head -c 2000 "$1" >&3
		while [ ! -e "$tmp/feed" ]; do sleep 0.05; done
		tail -c +2001 "$1" >&3
	) &
	feeder=$!
}
at_end+=('touch $tmp/feed; kill $feeder 2>/dev/null')

rm -f "$tmp/feed"
feed "$tmp/data"
run_on 80 24 "env TERM=xterm $egret report --stdio --no-tree -i - <$tmp/fifo"
sees '^egret: reading - \.\.\.$'
touch "$tmp/feed"
sees '^ENDED 0'
shows_not 'reading'
sees '% .* busy$'
wait $feeder

for command in "export -o $tmp/out.svg -i $tmp/fifo" "merge -o $tmp/merged $tmp/data $tmp/fifo" \
	"replay -o $tmp/replayed -i $tmp/fifo"; do
	rm -f "$tmp/feed"
	feed "$tmp/raw.data"
	run_on 80 24 "env TERM=xterm $egret $command"
	sees "^egret: (reading|replaying) .*fifo \.\.\.$" || echo "of $command"
	press C-c
	sees 'ENDED 130$' || echo "of $command"
	touch "$tmp/feed"
	kill $feeder 2>/dev/null
	wait $feeder 2>/dev/null
done
left=$(find "$tmp" -name '*.part' -o -name out.svg -o -name merged -o -name replayed)
[ -z "$left" ] || fail "left behind: $left"

# Not in a file.
rm -f "$tmp/feed"
feed "$tmp/data"
"$egret" report --stdio -i - <"$tmp/fifo" >"$tmp/out" 2>"$tmp/err" &
pid=$!
sleep 1.5 # longer than it would take the line to come
touch "$tmp/feed"
wait $pid || fail "no report"
[ ! -s "$tmp/err" ] || fail "without a terminal: $(cat "$tmp/err")"

finish
