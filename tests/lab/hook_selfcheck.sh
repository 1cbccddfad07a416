#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A program that checks itself (single steps, breakpoints, signals, sleeps, rseq) behaves as without sampling.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
nmi_period 250000
"$lab/selfcheck" >"$tmp/without" || fail "without sampling: $(grep expected "$tmp/without")"
# shellcheck disable=SC2086  # words
"$egret" record -q --stats --capture=hook $nmi -o "$tmp/data" -- "$lab/selfcheck" >"$tmp/with" 2>"$tmp/stats" ||
	fail "with sampling: $(grep expected "$tmp/with")"
cmp -s "$tmp/without" "$tmp/with" || fail "not the same: $(diff "$tmp/without" "$tmp/with")"
check "samples" "$(stat_of samples.written)" '>' $((500 / slow))
check "captures" "$(stat_of captures.done)" '>' $((300 / slow))
check_captures "selfcheck"
finish
