#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# store.sh BUILD_DIR [MINUTES | DIRECTORY]: what windows of this machine take on the disk, as they are written and
# when those of ten minutes were put together, and how long a store of 1 GiB then reaches back. The agent runs for
# MINUTES (25), at 19 Hz whatever that costs; or a store is looked at that is there already.
set -u
build=$1 minutes=${2:-25} store=${2:-}
if [ ! -d "$store" ]; then
	[ "$(id -u)" = 0 ] || { echo "store.sh: needs root" >&2; exit 1; }
	work=$(mktemp -d "${TMPDIR:-/tmp}/egret-bench-XXXXXX") || exit 1
	trap 'rm -rf "$work"' EXIT
	store=$work/store
	timeout $((60 * minutes)) "$build/egret" agent --state-dir="$store" --listen=unix:"$work/sock" --max-cpu=50 2>"$work/log"
	[ -d "$store" ] || { cat "$work/log" >&2; exit 1; }
fi
samples=$("$build/egret" export --store="$store" 2>/dev/null | awk '{ n += $NF } END { print n + 0 }')
# Blocks of 4 KiB, as the store counts them. The first and the last window are cut.
find "$store" -name '*.egret' -printf '%f %s\n' | sort | awk -v samples="$samples" '
	{
		split($1, part, "_"); n = split(part[1], number, "-")
		windows = n == 2 ? number[2] - number[1] + 1 : 1
		bytes = int(($2 + 4095) / 4096) * 4096
		count[n] += windows; sum[n] += bytes; files[n]++
	}
	function row(what, n) {
		if (count[n])
			printf "%-30s %6d windows in %5d files, %7.1f KiB a window, %6.0f hours a GiB\n", what, count[n], files[n],
				sum[n] / count[n] / 1024, 1073741824 / (sum[n] / count[n]) * 10 / 3600
	}
	END {
		row("as they are written:", 1)
		row("put together:", 2)
		printf "samples a window: %.0f\n", samples / (count[1] + count[2])
	}'
