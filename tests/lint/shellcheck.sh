#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Shell scripts, which are found by their first line, without a finding.
set -u
cd "$(dirname "$0")/../.." || exit 1
mapfile -t scripts < <(find .ci scripts tests bench kernel-patch -type f -size -200k -print0 2>/dev/null |
	xargs -0 awk 'FNR == 1 { if (/^#!.*[\/ ](ba)?sh( |$)/) print FILENAME; nextfile }' | sort)
[ "${#scripts[@]}" -gt 5 ] || {
	echo "only ${#scripts[@]} scripts found"
	exit 1
}
# SC2016: what stands in single quotes to be evaluated later is meant to.
shellcheck -x -P SCRIPTDIR -e SC2016 "${scripts[@]}"
