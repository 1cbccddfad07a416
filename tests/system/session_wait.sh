#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Where nothing happens a session with a latency of a second wakes its user once a second; and where
# much happens nothing is lost with one of ten, though nobody looks before its descriptor says so.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_wait"

read_numbers() {
	read -r waits switches mappings samples lost < <(tr -dc '0-9 \n' <"$tmp/out")
}

sleep 60 &
asleep=$!
at_end+=('kill $asleep 2>/dev/null')
"$tools/session_wait" 5 1000 $asleep >"$tmp/out" || fail "session_wait"
read_numbers
# A ring of 128 KiB of mappings wakes, too: other processes of this machine may have that many.
check "waits in 5 s" "$waits" '<=' $((6 + mappings / 800))
check "switches in 5 s" "$switches" '<=' $((6 + mappings / 800))
check "waits in 5 s" "$waits" '>=' 5
check "samples of a process that sleeps" "$samples" == 0

"$workloads/busy" 1 60000 &
busy=$!
at_end+=("kill $busy 2>/dev/null")
python3 -c 'import mmap, time
end = time.time() + 20
while time.time() < end:
	for i in range(60): mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
	time.sleep(0.01)' &
storm=$!
at_end+=("kill $storm 2>/dev/null")
"$tools/session_wait" 6 10000 >"$tmp/out" || fail "session_wait"
read_numbers
check "mappings, more than the rings hold" "$mappings" '>' $((6000 * $(nproc)))
check "samples" "$samples" '>' 2000
check "lost" "$lost" == 0
finish
