#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A process that ran before has more mappings than the capture ring has room for: that is counted,
# and they are read from /proc instead, so that its functions have their names.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

mkfifo "$tmp/start"
"$workloads/mapped" 200 600 <"$tmp/start" >"$tmp/ready" &
mapped=$!
exec {fd}>"$tmp/start"
for _ in {1..50}; do
	[ -s "$tmp/ready" ] && break
	sleep 0.1
done
(
	sleep 0.7
	echo >&"$fd"
) &
record -F 1999 -d 2 -p $mapped --stack-limit=16K --buffer=64K
wait
check "mappings without room" "$(stat_of mappings.dropped.ring-full)" '>' 100
all=$(samples_of '^mapped;_start')
check "samples" "$all" '>' 600
check "samples with a name" "$(samples_of '^mapped;.*;main;mapped_work(;.*_\[k\])? ')" '>=' \
	$((all * 98 / 100))
check_identity "all"
finish
