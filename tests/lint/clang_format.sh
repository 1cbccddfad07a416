#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Every C file of ours is as .clang-format says. CLANG_FORMAT=... where the right version has
# another name: versions differ in what they make of one and the same .clang-format.
set -u
cd "$(dirname "$0")/../.." || exit 1
version=14

for clang_format in "${CLANG_FORMAT:-clang-format-$version}" clang-format ''; do
	[ -n "$clang_format" ] || break
	case $("$clang_format" --version 2>/dev/null) in
	*"version $version."*) break ;;
	esac
done
if [ -z "$clang_format" ]; then
	echo "there is no clang-format $version, for which the tree is formatted"
	exit 77
fi

# bpf/vmlinux.h follows the kernel's own layout of its types.
mapfile -t files < <(find bpf cmd examples lib tests kernel-patch -name '*.[ch]' ! -path bpf/vmlinux.h 2>/dev/null | sort)
[ "${#files[@]}" -gt 50 ] || {
	echo "only ${#files[@]} C files found"
	exit 1
}
found=$(printf '%s\0' "${files[@]}" |
	xargs -0 -n 50 -P "$(nproc)" "$clang_format" --dry-run -Werror 2>&1)
status=$?
sed -nE "s/^([^ :]+):[0-9]+:[0-9]+: error: code should be.*/\1: run $clang_format -i on it/p" <<<"$found" | sort -u
if [ $status != 0 ] && [[ $found != *"code should be"* ]]; then
	echo "$found" | head -n 5
fi
exit $((status != 0))
