# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# programs_lib.sh - what the tests that record programs of the distribution share.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/maps_lib.sh"
export CCACHE_DISABLE=1 # a compiler that has nothing to do is no program to record

# share PATTERN: samples whose folded line matches, of 1,000.
share() {
	permille "$(samples_of "$1")" "$(stat_of samples.written)"
}

# program WHAT COMPLETE CMD...: recorded with the default options, its samples are within 1 % of CPU
# time x rate, more than COMPLETE in 10,000 of its stacks are complete, and a sample costs less than
# 100 bytes.
program() {
	local what=$1 complete=$2

	shift 2
	cover "$what" 100 999 "$@"
	check "samples: $what" "$(stat_of samples.written)" '>' 200
	check "complete stacks of 10,000: $what ($(endings))" "$(complete_of)" '>' "$complete"
	check "bytes a sample: $what" "$(bytes_per_sample)" '<' 100
	check_identity "$what"
}
