# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# recover_lib.sh - what the tests share that record code without CFI.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/programs_lib.sh"

# whole WHAT PERMYRIAD MINIMUM CMD...: of MINIMUM samples or more, at least so many in 10,000 have a
# complete stack.
whole() {
	local what=$1 least=$2 minimum=$3 n

	shift 3
	record -- "$@" || fail "$what: $(tail -n 3 "$tmp/out" "$tmp/stats")"
	n=$(stat_of samples.written)
	echo "$what: $n samples, $(($(stat_of unwind.root) * 10000 / (n + !n))) in 10000 complete, $(endings)"
	check "samples: $what" "$n" '>=' "$minimum"
	check "complete stacks of 10,000: $what ($(endings))" \
		$(($(stat_of unwind.root) * 10000 / (n + !n))) '>=' "$least"
	grep -F '[cut:' "$tmp/folded" | cut -c 1-300 | head -n 3
	check_identity "$what"
}

# all_go_through WHAT PATTERN ROOT: of the samples that match PATTERN, and are said to be complete, all
# have ROOT below it: no frame is missing or made up.
all_go_through() {
	local all right

	grep -vF '[cut:' "$tmp/folded" | grep -E -- "$2" >"$tmp/these"
	all=$(awk '{ sum += $NF } END { print sum + 0 }' "$tmp/these")
	right=$(grep -E -- "$3" "$tmp/these" | awk '{ sum += $NF } END { print sum + 0 }')
	echo "$1: $right of $all"
	check "$1: samples" "$all" '>' 20
	check "$1: through $3" "$right" == "$all"
	grep -vE -- "$3" "$tmp/these" | cut -c 1-600 | head -n 3
}
