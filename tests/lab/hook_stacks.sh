#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The stacks of a fixed program: what `hook` records is what is written here, what perf records beside it, and what
# `task-work` has recorded of the same program on the machine that runs this guest (host.folded, of lab.sh).
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
nmi_period 500000
wanted='chain;_start;__libc_start_main[^;]*;__libc_start_call_main;main;outer;middle;leaf'
# shellcheck disable=SC2086  # words
record --capture=hook $nmi -- "$workloads/chain" 1000
n=$(samples_of ';leaf[; ]')
check "samples" "$n" '>' $((200 / slow))
check "stacks" "$(samples_of "^${wanted}[; ]")" == "$n"
check_captures "chain"
in_user_mode() {
	sed -n 's/;leaf [0-9]*$/;leaf/p' "$1" | sort -u
}
if [ -s host.folded ]; then
	check "stacks of the host" "$(in_user_mode host.folded | wc -l)" == 1
	[ "$(in_user_mode "$tmp/folded")" = "$(in_user_mode host.folded)" ] ||
		fail "here $(in_user_mode "$tmp/folded"), with task-work $(in_user_mode host.folded)"
	figure "the stack is that of task-work on the host"
else
	figure "no task-work on the host to compare with"
fi
command -v perf >/dev/null || fail "no perf here"
perf record -q -e nmi_ipi// -c 1 --call-graph dwarf -o "$tmp/perf.data" -- "$workloads/chain" 1000 2>"$tmp/perf.err" ||
	fail "perf: $(tail -n 3 "$tmp/perf.err")"
# Innermost first, of hits in user mode: names without offsets.
perf script --no-inline -i "$tmp/perf.data" -F ip,sym 2>/dev/null | awk '
	NF == 0 { if (stack ~ /(^|;)leaf$/) print "chain" stack; stack = ""; next }
	{ stack = ";" $2 stack }' | sort | uniq -c | sort -rn >"$tmp/perf.folded"
read -r perf_n perf_stack <"$tmp/perf.folded"
check "samples, perf" "${perf_n:-0}" '>=' 10
[[ ${perf_stack:-} =~ ^$wanted$ ]] || fail "perf says $perf_stack"
figure "the stack is that of perf, $perf_n of its samples"
finish
