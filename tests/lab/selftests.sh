#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The kernel's own tests of the series (tools/testing/selftests/deferred_sample).
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need_hook
[ -x /selftests/deferred_sample_test ] || skip "no selftests here"
cd /selftests && ./deferred_sample_test >"$tmp/tap" 2>&1
check "status" $? == 0
check "tests passed" "$(grep -c '^ok ' "$tmp/tap")" '>' 5
check "tests failed: $(grep '^not ok ' "$tmp/tap")" "$(grep -c '^not ok ' "$tmp/tap")" == 0
[ "$failures" = 0 ] || cat "$tmp/tap"
finish
