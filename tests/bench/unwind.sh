#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# unwind.sh BUILD [RECORDING]: nanoseconds and instructions a frame, of each engine, on the stacks of
# one recording made with --raw: of clang or g++ at work, unless there is one.
set -eu
build=$1 raw=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$raw" ]; then
	raw=$work/raw
	printf '#include <%s>\n' algorithm functional iostream map regex string unordered_map variant vector >"$work/a.cpp"
	echo 'int main() { std::regex r("a+b"); std::map<int, std::string> m; return std::regex_search(m[0], r); }' >>"$work/a.cpp"
	compiler=$(command -v clang++ || command -v g++)
	"$build/egret" record -q --raw -F 1999 -o "$raw" -- "$compiler" -O2 -c "$work/a.cpp" -o "$work/a.o"
fi
"$build/tests/bench/unwind_bench" "$raw"
# The largest library that there is, which no stack should wait long for. A copy, so that nobody else
# has its pages in use, and they can be read from the disk again.
largest=$(find /usr/lib -name 'libLLVM*.so*' -type f -printf '%s %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d' ' -f2-)
if [ -n "$largest" ]; then
	cp "$largest" "$work/${largest##*/}"
	chmod 644 "$work/${largest##*/}"
	"$build/tests/bench/first_stack" "$work/${largest##*/}" "$work/cache"
fi
command -v valgrind >/dev/null || { echo "(no valgrind: instructions are not counted)"; exit 0; }
for engine in table libdw libunwind; do
	frames=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=measured_pass \
		"$build/tests/bench/unwind_bench" "$raw" $engine 2>/dev/null | sed -nE 's/.* ([0-9]+) frames/\1/p')
	awk -v frames="$frames" -v engine=$engine '/^(summary|totals):/ {
		printf "%s: %.1f instructions a frame, warm\n", engine, $2 / frames; exit }' "$work/out"
done
