#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A stripped Go program has its functions, what is inlined into them, and lines: as its own runtime
# tells them, at each address.
. "$(dirname "$0")/maps_lib.sh"
need "$workloads/goframes" "goframes was not built: no Go"

# as_the_runtime_says WHAT PROGRAM: PROGRAM is stripped, and compared at all of its addresses.
as_the_runtime_says() {
	local what=$1 program=$2 n

	strip -o "$tmp/stripped" "$program"
	readelf -SW "$tmp/stripped" | grep -Eq '\.symtab|\.debug_info' && fail "$what: not stripped"
	"$tmp/stripped" >"$tmp/frames" || fail "$what does not run"
	sed -n 's/^pc //p' "$tmp/frames" >"$tmp/pcs"
	n=$(wc -l <"$tmp/pcs")
	check "addresses: $what" "$n" '>' 30
	check "functions inlined: $what" $(($(wc -l <"$tmp/frames") - 2 * n)) '>' 5
	grep -v '^pc ' "$tmp/frames" >"$tmp/want"
	"$egret" symbolize -e "$tmp/stripped" <"$tmp/pcs" | awk -F'\t' '{ print $2 " " $3 }' >"$tmp/got"
	diff "$tmp/want" "$tmp/got" >"$tmp/diff" || fail "$what: $(head -n 20 "$tmp/diff")"
}

as_the_runtime_says "stripped" "$workloads/goframes"
[ "$(id -u)" = 0 ] || finish
record -- "$tmp/stripped" 300
check "names of a stripped program" \
	"$(samples_of '^stripped;.*;runtime.main;(main.main;)?main.busyWork(;|$| )')" '>' 250
check "a call that was inlined" "$(samples_of ';main.busyWork;main.mix_\[i\](;.*_\[k\])? ')" '>' 50
check "frames without a name" "$("$egret" report --why -i "$tmp/data" | awk '$8 ~ /stripped$/' | wc -l)" == 0
finish
