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
# fuzz NAME: its corpus, then what comes of it.
fuzz() {
	local name=$1 corpus=$root/tests/fuzz/corpus/$1 inputs runs

	inputs=$(find "$corpus" -type f | wc -l)
	[ "$inputs" -gt 0 ] || { echo "$corpus: empty"; return 1; }
	mkdir "$work/$name"
	if ! "$out/tests/fuzz/${name}_fuzz" -runs=0 -timeout=10 "$corpus" >"$work/$name.log" 2>&1 ||
		! "$out/tests/fuzz/${name}_fuzz" -max_total_time=3 -max_len=4096 -timeout=10 \
			-artifact_prefix="$work/" "$work/$name" "$corpus" >>"$work/$name.log" 2>&1; then
		tail -n 40 "$work/$name.log"
		return 1
	fi
	runs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$work/$name.log" | tail -n 1)
	echo "$name: $inputs inputs, then $runs runs"
	[ "${runs:-0}" -gt 200 ]
}

mapfile -t names < <(find "$root/tests/fuzz" -name '*_fuzz.c' -printf '%f\n' | sed 's/_fuzz\.c$//' | sort)
[ "${#names[@]}" -gt 5 ] || { echo "only ${#names[@]} fuzzers"; exit 1; }
jobs=$(nproc)
for name in "${names[@]}"; do echo "$out/tests/fuzz/${name}_fuzz"; done |
	xargs make -s -j"$jobs" -C "$root" O="$out" || exit 1
export -f fuzz
export root out work
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'fuzz "$0"'
