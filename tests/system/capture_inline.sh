#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The backend `inline`: whole stacks of ordinary programs, holes with their name, and the recording says
# which backend it was.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
"$egret" record -q --capture=inline -o "$tmp/probe" -- true >"$tmp/probe.err" 2>&1 ||
	skip "no backend inline here: $(head -n 1 "$tmp/probe.err")"

# backend: the one that the last recording names.
backend() {
	"$egret" report -i "$tmp/data" | grep -om 1 -E 'task-work|inline|hook'
}

for workload in chain kernel_bound "handler plain" "handler thread"; do
	# shellcheck disable=SC2086  # words
	record --capture=inline -- "$workloads/"$workload
	n=$(stat_of samples.written)
	check "samples, $workload" "$n" '>' 100
	check "complete, per mille, $workload ($(endings))" \
		"$(permille "$(stat_of unwind.root)" "$n")" '>=' 950
	check_identity "$workload"
	[ "$(backend)" = inline ] || fail "$workload: the recording names the backend '$(backend)'"
done
check "stacks, handler" "$(samples_of ';work;(interrupted;){5}interrupted_leaf;[^[]*handler;handler_leaf ')" \
	'>' 100

record --capture=inline -- "$workloads/chain"
check "stacks, chain" "$(samples_of ';main;outer;middle;leaf ')" '>' 100

# What is not in memory is a hole, with its name.
file=$build/tests/evicted.$$
# shellcheck disable=SC2016  # expanded when it is run
at_end+=('rm -f "$file"')
record --capture=inline -- "$workloads/evicted" file "$file"
if [ $? != 77 ]; then
	n=$(stat_of samples.written)
	check "not-resident ($(endings))" "$(stat_of capture.not-resident)" '>' $((n / 2))
	check "cut, and the stack says so" "$(samples_of '^evicted;\[cut: not-resident\];')" '>' $((n / 2))
	check "pages brought in" "$(stat_of captures.pages-in)" == 0
	check_identity "evicted"
fi

# A limit of 64 KiB by default.
record --capture=inline -- "$workloads/deep"
check "bytes a capture" "$(bytes_per_capture)" '<=' 65536
check "cut at the limit" "$(samples_of '^deep;\[cut: stack-limit\];(f;)+leaf')" '>' 100

# A backend that is not there: one line that says so.
"$egret" record --capture=sideways -o "$tmp/none" -- true >"$tmp/out" 2>&1 && fail "sideways: succeeded"
check "lines, sideways" "$(grep -c . "$tmp/out")" == 1
check "names, sideways" "$(grep -c "task-work.*inline.*sideways" "$tmp/out")" == 1
[ -e "$tmp/none" ] && fail "sideways: left a recording"
finish
