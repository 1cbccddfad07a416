#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Processes that were there before the recording, and are gone 5 ms after their first sample: their
# functions are named, from files that are removed soon after.
. "$(dirname "$0")/maps_lib.sh"
need_root
need_task_work

n=12
for ((i = 0; i < n; i++)); do
	make_program "$tmp/brief_$i" "brief_work_$i"
	mkfifo "$tmp/start_$i"
	"$tmp/brief_$i" wait 5 <"$tmp/start_$i" &
	exec {fd}>"$tmp/start_$i"
	fds+=("$fd")
done
# The command of a recording of the whole machine starts when the machine is being recorded.
# shellcheck disable=SC2016 # for the other shell
record -F 1999 -a -- bash -c '
	brief=$1
	shift
	for fd; do
		echo >&"$fd"
		sleep 0.05
	done
	sleep 0.2
	rm -f "$brief"_*' start_all "$tmp/brief" "${fds[@]}"
wait
for ((i = 0; i < n; i++)); do
	check "samples of brief_$i" "$(samples_of "^brief_$i;.*;main;brief_work_$i(;.*_\[k\])? ")" '>=' 4
	check "samples of brief_$i in unknown code" "$(samples_of "^brief_$i;.*\[(unknown|cut:|brief_)")" == 0
	check "names of others in brief_$i" "$(grep "^brief_$i;" "$tmp/folded" | grep -o 'brief_work_[0-9]*' |
		sort -u | wc -l)" == 1
done
check_identity "all"

# Processes that ran before and have hardly been sampled: what they fork, and is sampled as it ends, has their mappings.
cp "$workloads/parents" "$tmp/parent"
"$tmp/parent" 100 >"$tmp/said" &
parents=$!
at_end+=("kill $parents 2>/dev/null")
for _ in $(seq 200); do
	grep -q ready "$tmp/said" && break
	sleep 0.05
done
record -F 1999 -a -- sh -c "pkill -USR1 -P $parents; sleep 0.5"
all=$(samples_of "^parent[;_ ]")
check "samples of parents and their children" "$all" '>' 50
"$egret" report -i "$tmp/data" --comm=parent --stdio 2>/dev/null | sed '/^$/q' >"$tmp/head"
check "reasons for their stacks to be cut" "$(grep -c '^# cut:' "$tmp/head")" == 0
[ "$failures" = 0 ] || cat "$tmp/head"
finish
