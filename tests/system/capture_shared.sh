#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Samples of one kernel entry share one capture, and each has the whole stack: kernel and user.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need_task_work

record --raw -F 10000 -- "$workloads/kernel_bound"
n=$(stat_of samples.written)
check_complete "kernel-bound" 4000
check "shared captures" "$(stat_of captures.shared)" '>' $((n * 8 / 10))
check "captures" "$(stat_of captures.done)" '<' $((n / 5))
check "requested and shared" $(($(stat_of captures.requested) + $(stat_of captures.shared))) == "$n"
check "one stack of user and kernel" \
	"$(samples_of ';main;fill;[^;]*read;([^;]*cancel[^;]*;)*entry_SYSCALL_64_after_hwframe_\[k\];.*read_zero_\[k\]')" \
	'>' $((n * 8 / 10))

# Told by the cookies too: many samples of one, and each of them answered once.
"$tools/raw_dump" "$tmp/data" >"$tmp/raw"
read -r samples cookies answers < <(awk '
	{ cookie = $3 }
	$1 == "sample" { samples++; if (!(cookie in asked)) { asked[cookie]; cookies++ } }
	$1 == "capture" && cookie in asked { answers++ }
	END { print samples, cookies, answers }' "$tmp/raw")
check "samples in the raw recording" "$samples" == "$n"
check "samples a cookie" "$samples" '>' $((cookies * 5))
check "answers" "$answers" '<=' "$cookies"
check_identity "kernel-bound"
finish
