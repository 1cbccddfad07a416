#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Several sessions of one process, by two threads: each has its own counts, and a child of fork that
# destroys its copies, or just exits, changes nothing.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$tools/session_several"

# Half of a second of CPU time in each second at most, and a hundred page faults in it.
python3 -c 'import mmap, time
end = time.time() + 30
while time.time() < end:
	at = time.process_time()
	while time.process_time() < at + 0.05: pass
	pages = mmap.mmap(-1, 40960)
	for page in range(10): pages[page * 4096] = 1
	pages.close()' &
busy=$!
at_end+=('kill $busy 2>/dev/null')
"$tools/session_several" $busy >"$tmp/out" 2>"$tmp/err" || fail "session_several: $(cat "$tmp/err")"
cat "$tmp/out"
read -r clock clock_pid pid_a clock_written clock_value < <(sed -n 1p "$tmp/out" | tr -dc '0-9 \n')
read -r faults pid_b faults_pid faults_written faults_value < <(sed -n 2p "$tmp/out" | tr -dc '0-9 \n')
read -r system pid_c system_pid system_written _ < <(sed -n 3p "$tmp/out" | tr -dc '0-9 \n')
[ "$clock_pid $pid_b $pid_c" = "$busy $busy $busy" ] || fail "lines of other processes"
check "samples of the process" "$clock" '>' 20
check "of which are of the process" "$pid_a" == "$clock"
check "samples, and what the program counted" "$clock" == "$clock_written"
check "nanoseconds a sample" $((clock_value / (clock + 1))) '<=' $((1000000000 / 499))
check "page faults" "$faults" '>' 20
check "page faults, of the process" "$faults_pid" == "$faults"
check "page faults, and what the program counted" "$faults" == "$faults_written"
check "page faults, each counts one" "$faults_value" == "$faults"
check "samples of the system" "$system" '>' "$clock"
check "samples of the system, and what the program counted" "$system" == "$system_written"
check "samples of the process that the system's session has, per mille of its own" $((system_pid * 1000 / (clock + 1))) '>=' 850
check "samples of the process that the system's session has, per mille of its own" $((system_pid * 1000 / (clock + 1))) '<=' 1150
finish
