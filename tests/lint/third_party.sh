#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What others wrote is as they published it, and has its licence and its origin beside it.
set -u
cd "$(dirname "$0")/../../third_party" || exit 1
failures=0
for package in */; do
	for file in LICENSE README SHA256SUMS; do
		[ -s "$package$file" ] || {
			echo "third_party/$package$file is missing"
			failures=1
		}
	done
	(cd "$package" && sha256sum --quiet --strict -c SHA256SUMS) || failures=1
done
exit $failures
