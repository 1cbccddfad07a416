# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh - what system tests share: recording, and what came out of it as numbers and stacks.
#
# A test sources this, checks, and ends with `finish`. $tmp is its own directory, removed at the end.
# O: the build directory (build).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${O:-build}
# shellcheck disable=SC2034  # for the tests
egret=$build/egret workloads=$build/tests/workloads tools=$build/tests/system
tmp=$(mktemp -d "${TMPDIR:-/tmp}/egret-test-XXXXXX") || exit 1
failures=0
at_end=()

cleanup() {
	local command

	for command in ${at_end[@]+"${at_end[@]}"}; do
		eval "$command"
	done
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	printf '%s:%s: %s\n' "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" "$*"
	failures=$((failures + 1))
}

finish() {
	[ "$failures" = 0 ] && exit 0
	echo "--- the last recording:"
	grep -v '^$' "$tmp/stats" 2>/dev/null
	grep -F '[cut:' "$tmp/folded" 2>/dev/null | cut -c 1-400 | head -n 10
	[ ! -s "$tmp/folded" ] || grep -vF '[cut:' "$tmp/folded" | cut -c 1-400 | head -n 20
	exit 1
}

# check WHAT A OP B: whole numbers, and one of == > >= < <=.
check() {
	local -A op=(['==']=-eq ['>']=-gt ['>=']=-ge ['<']=-lt ['<=']=-le)

	if ! test "$2" "${op[$3]}" "$4"; then
		printf '%s:%s: %s: not true: %s %s %s\n' "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" "$1" "$2" \
			"$3" "$4"
		failures=$((failures + 1))
	fi
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# The backend that reads stacks on the way back to user mode, which most rules are about.
need_task_work() {
	need_root
	"$egret" record -q --capture=task-work -o "$tmp/probe" -- true >"$tmp/probe.err" 2>&1 ||
		skip "no backend task-work here: $(head -n 1 "$tmp/probe.err")"
}

need() {
	[ -x "$1" ] || skip "${2:-$1 was not built}"
}

# record ARGS...: a recording in $tmp/data, its accounting in $tmp/stats, its stacks in $tmp/folded;
# the exit status is the command's. What the command prints is in $tmp/out.
record() {
	local status

	: >"$tmp/folded"
	"$egret" record -q --stats -o "$tmp/data" "$@" >"$tmp/out" 2>"$tmp/stats"
	status=$?
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded" ||
		fail "record $*: nothing to export: $(tail -n 3 "$tmp/stats")"
	return $status
}

# stat_of NAME: a number of the accounting; one that is not there is 0.
stat_of() {
	awk -v name="$1" '$1 == name { value = $2 } END { print value + 0 }' "$tmp/stats"
}

# sum_of PREFIX: the sum of all numbers whose names begin so.
sum_of() {
	awk -v prefix="$1" 'index($1, prefix) == 1 && $2 ~ /^[0-9]+$/ { sum += $2 }
		END { print sum + 0 }' "$tmp/stats"
}

# endings: "capture.whole=12 capture.exited=1 ...", those that are not 0.
endings() {
	awk '$1 ~ /^(capture|unwind)\./ && $2 > 0 { printf "%s=%s ", $1, $2 }' "$tmp/stats"
}

# samples_of PATTERN: samples whose folded line matches an extended regular expression.
samples_of() {
	grep -E -- "$1" "$tmp/folded" | awk '{ sum += $NF } END { print sum + 0 }'
}

# permille PART WHOLE: in tenths of a percent, rounded down; 0 of 0 is 0.
permille() {
	[ "$2" -gt 0 ] && echo $(($1 * 1000 / $2)) || echo 0
}

bytes_per_capture() {
	local n

	n=$(stat_of captures.done)
	[ "$n" -gt 0 ] && echo $(($(stat_of captures.bytes) / n)) || echo 0
}

# All equations of the accounting hold, and there are four.
check_identity() {
	local ok wrong

	ok=$(grep -c ' = .* ok$' "$tmp/stats")
	wrong=$(grep ' + .* = ' "$tmp/stats" | grep -vc ' ok$')
	check "equations that hold: $1" "$ok" == 4
	check "equations that do not hold: $1" "$wrong" == 0
	check "pending: $1" "$(stat_of capture.pending)" == 0
}

# Every sample has a whole capture and a complete stack. $2: how many samples there must be at least.
check_complete() {
	local n

	n=$(stat_of samples.written)
	check "samples: $1" "$n" '>=' "$2"
	check "whole captures ($(endings)): $1" "$(stat_of capture.whole)" == "$n"
	check "complete stacks ($(endings)): $1" "$(stat_of unwind.root)" == "$n"
	[ "$(stat_of unwind.root)" = "$n" ] || grep -F '[cut:' "$tmp/folded" | cut -c 1-600 | head -n 5
}
