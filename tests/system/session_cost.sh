#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What a session says that its programs cost is what the kernel's own statistics say of those that it
# counts, and captures, which it does not count, cost what a copy costs.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$tools/session_cost"

"$workloads/busy" 2 60000 &
busy=$!
at_end+=("kill $busy 2>/dev/null")
"$tools/session_cost" >"$tmp/out" 2>"$tmp/err" || fail "session_cost: $(cat "$tmp/err")"
read -r programs kernel interrupts captures_ns captures within memory rings before < <(tr -dc '0-9 \n' <"$tmp/out")
check "interrupts, in thousandths of 999 Hz on all CPUs" $((interrupts * 1000000 / 999 / (within * $(nproc) / 1000000 + 1))) '>=' 500
check "time of programs, in thousandths of what the kernel says" $((programs * 1000 / (kernel + 1))) '<=' 1000
check "time of programs, in thousandths of what the kernel says" $((programs * 1000 / (kernel + 1))) '>=' 600
check "captures" "$captures" '>' $((interrupts / 10))
check "nanoseconds of a capture" $((captures_ns / (captures + 1))) '>=' 300
check "nanoseconds of a capture" $((captures_ns / (captures + 1))) '<=' 100000
check "bytes that the session knows" "$memory" '>' 100000
check "bytes that the session knows" "$memory" '<' 100000000
check "bytes of rings" "$rings" '>=' $(($(nproc) * (2 << 20)))
check "interrupts before the first" "$before" '<' 100
finish
