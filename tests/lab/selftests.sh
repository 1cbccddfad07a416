#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The kernel's own tests of the series (tools/testing/selftests/deferred_sample).
# LAB_SKIPPED: the one that this kernel cannot run, and has to skip.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
[ -x /selftests/deferred_sample_test ] || skip "no selftests here"
# As often as the PMU does by itself: they want a number of them, however slow the kernel is.
slow=1
nmi_period 300000
cd /selftests && ./deferred_sample_test >"$tmp/tap" 2>&1
check "status" $? == 0
planned=$(sed -n 's/^1\.\.//p' "$tmp/tap")
check "tests planned" "${planned:-0}" '>' 20
passed=$(grep '^ok ' "$tmp/tap" | grep -vc '# SKIP') skipped=
if [ -n "${LAB_SKIPPED:-}" ]; then
	check "$LAB_SKIPPED, skipped" "$(grep -cE "^ok [0-9]+ ds\.$LAB_SKIPPED # SKIP" "$tmp/tap")" == 1
	skipped=" and $LAB_SKIPPED was skipped" planned=$((planned - 1))
fi
check "tests passed: $(grep -E '^not ok |# SKIP' "$tmp/tap")" "$passed" == "${planned:-0}"
figure "$passed of $planned tests passed$skipped"
# What those under load counted.
while IFS= read -r line; do
	figure "$line"
done < <(sed -nE 's/^# +RUN +ds\.(.*) \.\.\.$/\1/; t name; b counts
	:name; h; d
	:counts; s/^# (interrupts .*)/\1/; t both; d
	:both; G; s/(.*)\n(.*)/\2: \1/p' "$tmp/tap")
[ "$failures" = 0 ] || cat "$tmp/tap"
finish
