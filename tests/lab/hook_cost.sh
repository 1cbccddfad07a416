#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the hook costs a system call, in instructions: nothing to speak of while nobody asks.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
[ -x /selftests/syscall_insns ] || fail "syscall_insns was not built"
# A kernel without the option has no answer, and a system call of it is what the others are held against.
if ! grep -q ' deferred_sample_request$' /proc/kallsyms; then
	figure "instructions of a $(cd /selftests && ./syscall_insns "getppid(), option off:" | tr -s ' ')"
	finish
fi
(cd /selftests && ./syscall_insns) >"$tmp/insns" || fail "syscall_insns: $(cat "$tmp/insns")"
# insns_of WORDS: the number at the end of the line that begins so.
insns_of() {
	awk -v words="$1" 'index($0, words) == 1 { print $NF; found = 1 } END { exit !found }' "$tmp/insns"
}
disabled=$(insns_of "tracepoint disabled") idle=$(insns_of "enabled, no request")
refused=$(insns_of "disabled, kprobe program") answered=$(insns_of "enabled, kprobe program")
check "a getppid()" "${disabled:-0}" '>' 50
check "while nobody asks" $((idle - disabled)) '<=' 8
check "a request and its answer" $((answered - refused)) '<=' 2000
check "requests that were answered" "$(sed -n 's/requests \([0-9]*\), answers \1$/\1/p' "$tmp/insns")" '>' 1000
figure "instructions of a getppid(): $disabled, $((idle - disabled)) more while the tracepoint is enabled," \
	"$((answered - refused)) more for a request and its answer"
finish
