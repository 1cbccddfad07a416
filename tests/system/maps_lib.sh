# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# maps_lib.sh - what tests of names share beside lib.sh: programs made on the spot, and coverage.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# make_program FILE FUNCTION [FLAGS...]: busy in FUNCTION, called by main, for so many milliseconds as
# its argument says; after the word "wait" it first waits for a line on its input. "unlink" before
# that removes its file.
make_program() {
	local file=$1 function=$2

	shift 2
	cc -std=gnu11 -D_GNU_SOURCE -O2 -fno-optimize-sibling-calls -Itests/workloads -x c - -o "$file" "$@" <<-END || fail "no $file"
		#include "spin.h"
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		/* Symbols are no part of a build-id: programs that differ in them alone have the same. */
		__attribute__((used)) static const char name[] = "$function";
		FRAME int $function(unsigned int ms) { spin_ms(ms); return 0; }
		int main(int argc, char **argv)
		{
			unsigned int ms = 0;
			for (int i = 1; i < argc; i++) {
				if (!strcmp(argv[i], "wait")) {
					if (getchar() == EOF)
						return 1;
				} else if (!strcmp(argv[i], "unlink")) {
					unlink(argv[0]);
				} else {
					ms = (unsigned int)atoi(argv[i]);
				}
			}
			return $function(ms) + 0;
		}
	END
}

# make_library FILE FUNCTION: a shared library with void FUNCTION(unsigned int ms).
make_library() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -shared -Itests/workloads -x c - -o "$1" <<-END || fail "no $1"
		#include "spin.h"
		FRAME void $2(unsigned int ms) { spin_ms(ms); }
	END
}

# complete_of: per ten thousand of the samples that have a complete user stack.
complete_of() {
	/usr/bin/python3 tests/bench/stackq.py --folded --json "$tmp/folded" |
		sed 's/.*"complete_pct": \([0-9.]*\).*/\1/' | awk '{ print int($1 * 100) }'
}

# record_cpu HZ CMD...: records CMD; its CPU time, in microseconds, is in $cpu, and the samples
# for each 10,000 there should be are in $coverage.
record_cpu() {
	local hz=$1

	shift
	# shellcheck disable=SC2034  # for the tests
	record -F "$hz" -- "$workloads/cpu_time" "$tmp/cpu" "$@" || fail "$*: $(tail -n 3 "$tmp/out")"
	cpu=$(cat "$tmp/cpu")
	coverage=$(($(stat_of samples.written) * 10000 / (cpu * hz / 1000000 + 1)))
}

# cover WHAT PERMYRIAD HZ CMD...: samples are within so many in 10,000 of CPU time x rate, in the best
# of six tries: other work on the machine delays timers.
cover() {
	local what=$1 most=$2 off

	shift 2
	for _ in 1 2 3 4 5 6; do
		record_cpu "$@"
		off=$((coverage > 10000 ? coverage - 10000 : 10000 - coverage))
		((off > most)) || break
	done
	printf '%s: %d samples, coverage %d.%02d %%, complete %d in 10000, bytes a sample %d\n' "$what" \
		"$(stat_of samples.written)" $((coverage / 100)) $((coverage % 100)) "$(complete_of)" \
		"$(bytes_per_sample)"
	check "samples off CPU time x rate, in 10,000: $what" "$off" '<=' "$most"
}

bytes_per_sample() {
	echo $(($(stat -c %s "$tmp/data") / ($(stat_of samples.written) + 1)))
}
