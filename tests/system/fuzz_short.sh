#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Each fuzzer passes all of its corpus, and goes on for a few seconds. `make fuzz` takes longer.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${O:-build}
case $out in /*) ;; *) out=$root/$out ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return 0; }' >"$work/probe.c"
"${CLANG:-clang}" -fsanitize=fuzzer,address "$work/probe.c" -o "$work/probe" 2>/dev/null ||
	{ echo "skipped: clang has no fuzzer runtime (libclang-rt-dev)"; exit 77; }
found=0
for source in "$root"/tests/fuzz/*_fuzz.c; do
	name=$(basename "$source" _fuzz.c)
	corpus=$root/tests/fuzz/corpus/$name
	make -s -C "$root" O="$out" "$out/tests/fuzz/${name}_fuzz" || exit 1
	inputs=$(find "$corpus" -type f | wc -l)
	[ "$inputs" -gt 0 ] || { echo "$corpus: empty"; exit 1; }
	mkdir "$work/$name"
	if ! "$out/tests/fuzz/${name}_fuzz" -runs=0 -timeout=10 "$corpus" >"$work/log" 2>&1 ||
		! "$out/tests/fuzz/${name}_fuzz" -max_total_time=5 -max_len=4096 -timeout=10 \
			-artifact_prefix="$work/" "$work/$name" "$corpus" >>"$work/log" 2>&1; then
		tail -n 40 "$work/log"
		exit 1
	fi
	runs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$work/log" | tail -n 1)
	echo "$name: $inputs inputs, then $runs runs"
	[ "${runs:-0}" -gt 1000 ] || exit 1
	found=$((found + 1))
done
[ "$found" -gt 0 ]
