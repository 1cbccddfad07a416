#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Every row that readelf makes of the CFI of real files, egret makes too. Largest files: tests/long.
set -u
here=$(cd "$(dirname "$0")" && pwd)
egret=${EGRET:-$here/../../${O:-build}/egret}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
command -v readelf >/dev/null || { echo "skipped: no readelf"; exit 77; }

libraries=$(ldconfig -p | awk '/x86-64/ && $1 ~ /^(libc\.so\.6|libstdc\+\+\.so\.6|libcrypto\.so.*)$/ { print $NF }')
files=("$(dirname "$egret")/tests/workloads/chain" /lib64/ld-linux-x86-64.so.2)
for f in $libraries "$(command -v git)" /usr/bin/python3 /usr/bin/perl; do
	[ -f "$f" ] && files+=("$f")
done
# Of another architecture: all of a libc, where there is one, and a program that has signed addresses.
for f in /usr/aarch64-linux-gnu/lib/libc.so.6 /usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1 \
	"$here/../fixtures/aarch64/stacks.elf"; do
	[ -f "$f" ] && files+=("$f")
done
if command -v rustc >/dev/null && echo 'fn main() { println!("{:?}", std::env::args()); }' >"$work/rust.rs" &&
	rustc -O -o "$work/rust" "$work/rust.rs" 2>/dev/null; then
	files+=("$work/rust")
fi
go=$(dirname "$egret")/tests/workloads/goroutine # .debug_frame only, and compressed
[ -f "$go" ] && files+=("$go")
"$here/cfi_readelf.py" "$egret" "${files[@]}" || exit 1
[ "${#files[@]}" -ge 4 ] || { echo "only ${#files[@]} files"; exit 1; }

# One function, and one address.
"$egret" cfi /lib64/ld-linux-x86-64.so.2 >"$work/all" || exit 1
line=$(grep -v '^#' "$work/all" | sed -n 5p)
start=${line%%-*}
"$egret" cfi /lib64/ld-linux-x86-64.so.2 "0x$start" >"$work/one" || exit 1
[ "$(grep -v '^#' "$work/one")" = "$line" ] || { echo "0x$start: $(cat "$work/one"), not $line"; exit 1; }
"$egret" cfi "$(dirname "$egret")/tests/workloads/chain" main >"$work/main" || exit 1
grep -qE '^[0-9a-f]{16}-[0-9a-f]{16} cfa=rsp\+8 ra=\*\(cfa-8\)' "$work/main" ||
	{ echo "rows of main: $(cat "$work/main")"; exit 1; }
for bad in "nosuchfunction" "0xfffffffff"; do
	"$egret" cfi /bin/sh "$bad" >"$work/out" 2>"$work/err" && { echo "cfi $bad: no error"; exit 1; }
	[ "$(wc -l <"$work/err")" = 1 ] || { echo "cfi $bad: $(cat "$work/err")"; exit 1; }
done
exit 0
