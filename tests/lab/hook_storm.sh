#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A storm of NMIs over a mixed load: none of them takes a page fault while egret records through `hook`,
# nothing is lost or captured elsewhere than it was hit, and no program is skipped. Beside it, on the same
# load, the same count for `inline` and for perf.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
nmis_wanted=${LAB_NMIS:-100000}
seconds=${LAB_SECONDS:-12} nmis=0 user=0 entry=0 captures=0 samples=0 faults=0 misses=0 shared=0 user_hits=0
requested=0 final=0 ended=0 exited=0
nmi_period 200000

nmis_before=$(pmu_stat nmis) user_before=$(pmu_stat user) entry_before=$(pmu_stat entry)
for round in 1 2 3 4 5; do
	[ $nmis -lt "$nmis_wanted" ] || break
	# From outside, too.
	tell_host "@inject-nmi 2000"
	# shellcheck disable=SC2086  # words
	watched --capture=hook $nmi -- "$lab/mixed_load" $seconds
	check "status of the load" $? == 0
	check_captures "storm, round $round"
	nmis=$(($(pmu_stat nmis) - nmis_before))
	captures=$((captures + $(stat_of captures.done)))
	samples=$((samples + $(stat_of samples.written)))
	shared=$((shared + $(stat_of captures.shared)))
	requested=$((requested + $(stat_of captures.requested)))
	final=$((final + $(stat_of captures.final)))
	ended=$((ended + $(stat_of captures.ended)))
	exited=$((exited + $(stat_of capture.exited)))
	user_hits=$((user_hits + $(stat_of captures.user-hits)))
	faults=$((faults + faults_in_nmi))
	misses=$((misses + program_misses))
	check "page faults elsewhere" "$faults_elsewhere" '>' 1000
	check "runs of programs" "$program_runs" '>' $((1000 / slow))
	# The head and the end of $tmp/stats are of the last round; a failure ends the storm.
	[ "$failures" = 0 ] || break
done
user=$(($(pmu_stat user) - user_before)) entry=$(($(pmu_stat entry) - entry_before))
[ "$(backend)" = hook ] || fail "the recording names the backend '$(backend)'"
check "NMIs" $nmis '>=' "$nmis_wanted"
# A kernel that checks itself takes longer for its C code; neither user mode nor the entry code does.
check "NMIs in user mode, per mille" "$(permille $user $nmis)" '>=' $((100 / slow))
check "NMIs in entry text, per mille" "$(permille $entry $nmis)" '>=' $((20 / slow))
check "captures" $captures '>=' $((nmis_wanted / 10))
check "page faults in NMIs, hook" $faults == 0
check "programs skipped because one ran already" $misses == 0
check "samples that share a capture" $shared '>' 0
# Each sample asked, or shares what another asked for, or was refused: of a thread that had died. Each that asked, and
# each exec and exit that was answered in case somebody asks, is a capture, or has ended with a name.
refused=$((samples - requested - shared))
check "requests refused" $refused '>=' 0
check "requests refused, of threads that had not died" $refused '<=' $exited
check "captures, and requests that ended" $((captures + ended)) == $((requested + final))
check "complete, per mille ($(endings))" \
	"$(permille "$(stat_of unwind.root)" $(($(stat_of samples.written) - $(stat_of unwind.no-capture))))" '>=' 950

# The same load, read in the interrupt: what the others do.
# shellcheck disable=SC2086  # words
watched --capture=inline $nmi -- "$lab/mixed_load" 3
check_identity "inline"
inline_faults=$faults_in_nmi
check "page faults in NMIs, inline" "$inline_faults" '>' 0
perf_faults=none
command -v perf >/dev/null || fail "no perf here"
if command -v perf >/dev/null; then
	"$lab/nmi_faults" "$lab/nmi_faults.bpf.o" perf record -q -e nmi_ipi// -c 1 --call-graph dwarf -o "$tmp/perf.data" \
		-- "$lab/mixed_load" 3 >"$tmp/out" 2>"$tmp/perf.err" || fail "perf: $(tail -n 3 "$tmp/perf.err")"
	read_counts
	perf_faults=$faults_in_nmi
	check "page faults in NMIs, perf" "$perf_faults" '>' 0
fi
figure "$nmis NMIs, $user in user mode, $entry in entry text"
figure "$samples samples = $requested requests + $shared shared + $refused refused"
figure "$requested requests + $final at exec and exit = $captures captures + $ended ended with a name"
figure "$user_hits hits of user mode, all captured where they were; programs skipped: $misses"
figure "page faults in NMIs: hook $faults, inline $inline_faults, perf $perf_faults"
finish
