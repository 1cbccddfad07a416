# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
#
# lib.sh - what the lab's tests share, on top of what system tests do. They run in the guest.
# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"
lab=$build/tests/lab
pmu=/sys/kernel/debug/nmi_ipi
# Options of a recording that is sampled by real NMIs, at rates that are too much for the guest's slow CPUs in the
# long run: what it has not read yet is kept.
# shellcheck disable=SC2034  # for the tests
nmi="-e nmi_ipi// -c 1 --buffer=64M"

# A kernel that checks itself takes so many times as long for an NMI: LAB_SLOW times as few are sent, or it would do
# nothing else.
slow=${LAB_SLOW:-1}

# nmi_period NS: from one NMI to the next, of each CPU.
nmi_period() {
	echo $(($1 * slow)) >$pmu/period_ns
}

# tell_host LINE: boot.py reads the second serial line, and takes orders there.
tell_host() {
	[ ! -c /dev/ttyS1 ] || echo "$*" >/dev/ttyS1
}

# figure TEXT: for people, beside the line of the test.
figure() {
	tell_host "@figure $(basename "$0" .sh): $*"
}

# doctor NAME: status and detail of one of doctor's checks.
doctor() {
	awk -v name="$1" '{ status = $1; $1 = "" } index($0, " " name " ") == 1 {
		sub("^ " name " *", ""); print status " " $0 }' "$tmp/doctor"
}

# backend: the one that the last recording names.
backend() {
	"$egret" report -i "$tmp/data" | grep -om 1 -E 'task-work|inline|hook'
}

need_hook() {
	[ -d $pmu ] || skip "no test PMU here"
	# Sampling in each NMI of a storm: perf may not find that it takes too much.
	if [ "$(cat /proc/sys/kernel/perf_cpu_time_max_percent)" != 0 ]; then
		echo 1000000 >/proc/sys/kernel/perf_event_max_sample_rate
		echo 0 >/proc/sys/kernel/perf_cpu_time_max_percent
	fi
	echo 1 >$pmu/claim # NMIs of QEMU's, too, or the kernel would complain of them
}

# pmu_stat NAME: a counter of the test PMU, summed over the CPUs.
pmu_stat() {
	awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) sum += $(i + 1) }
		END { printf "%d\n", sum }' $pmu/stats
}

# watched ARGS...: a recording, as record() makes it, with what nmi_faults counts in $faults_in_nmi,
# $faults_elsewhere, $program_runs and $program_misses.
watched() {
	local status

	: >"$tmp/folded"
	"$lab/nmi_faults" "$lab/nmi_faults.bpf.o" "$egret" record -q --stats -o "$tmp/data" "$@" >"$tmp/out" \
		2>"$tmp/stats"
	status=$?
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded" || fail "watched $*: nothing to export"
	read_counts
	return $status
}

read_counts() {
	# shellcheck disable=SC2034  # for the tests
	IFS=' =' read -r _ faults_in_nmi _ faults_elsewhere _ program_runs _ program_misses \
		< <(grep '^nmi=' "$tmp/out")
	[ -n "${program_misses:-}" ] || fail "nmi_faults: $(tail -n 3 "$tmp/out")"
}

# Each sample has an ending, each request an answer, and each hit of user mode was captured where it was.
check_captures() {
	check_identity "$1"
	check "samples lost on the way: $1" "$(sum_of samples.dropped)" == 0
	check "captures lost on the way: $1" "$(sum_of captures.dropped)" == 0
	check "moved between NMI and capture: $1" "$(stat_of capture.moved)" == 0
	check "hits of user mode, captured elsewhere: $1" \
		$(($(stat_of captures.user-hits) - $(stat_of captures.user-hits-equal))) == 0
	for ending in lost stopped request-failed table-full ring-full; do
		check "$ending: $1" "$(stat_of capture.$ending)" == 0
	done
}
