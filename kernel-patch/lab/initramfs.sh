#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# initramfs.sh BUILD OUTPUT [SELFTESTS]: an initramfs with egret, its tests, and what these run; and with the
# kernel's selftests that a directory holds.
#
# Programs are this machine's own, each with the libraries that ldd names, at the same paths; the rest is
# busybox. The tree of the tests is at /egret, as it is here.
set -euo pipefail
build=$1 output=$2 selftests=${3:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
stage=$(mktemp -d "${TMPDIR:-/tmp}/egret-initramfs-XXXXXX")
trap 'rm -rf "$stage"' EXIT

# install_program FILE [PATH]: with its libraries and its interpreter.
install_program() {
	local library

	install -D "$1" "$stage/${2:-$1}"
	while read -r library; do
		[ -e "$stage$library" ] || install -D "$library" "$stage$library"
	done < <(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+')
}

tool() {
	install_program "$(readlink -f "$(command -v "$1")")" "/usr/bin/$1"
}

mkdir -p "$stage"/{bin,dev,etc,mnt,proc,root,run,sys,tmp,var,egret}
install -D /bin/busybox "$stage/bin/busybox"
# The tests are written for these, not for what busybox makes of them.
for name in awk bash cat cut date dd dmesg env grep head mkswap mktemp mv nproc ps sed seq sleep sort \
	stat swapoff swapon tail taskset timeout tr uniq wc; do
	tool "$name"
done
if perf=$(command -v perf); then
	install_program "$perf" /usr/bin/perf
fi
install -D /usr/bin/true "$stage/usr/bin/true"

install_program "$build/egret" "/egret/build/egret"
for program in "$build"/tests/workloads/* "$build"/tests/system/* "$build"/tests/lab/*; do
	case $program in
	*.d) continue ;;
	*.bpf.o) install -D "$program" "$stage/egret/build/${program#"$build/"}" ;;
	*.o) continue ;;
	*) if [ -f "$program" ] && [ -x "$program" ]; then
		install_program "$program" "/egret/build/${program#"$build/"}"
	fi ;;
	esac
done
# Names for what libc does not export, as the tests expect them.
for library in /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2; do
	id=$(readelf -n "$(readlink -f "$library")" | awk '/Build ID:/ { print $3 }')
	debug=/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
	[ ! -f "$debug" ] || install -D "$debug" "$stage$debug"
done
install -D tests/run "$stage/egret/tests/run"
for script in tests/system/*.sh tests/lab/*.sh tests/lab/groups/*; do
	install -D "$script" "$stage/egret/$script"
done
if [ -s "$build/lab/host.folded" ]; then
	install "$build/lab/host.folded" "$stage/egret/host.folded"
fi
for file in ${selftests:+"$selftests"/*}; do
	install_program "$file" "/selftests/${file##*/}"
done
install kernel-patch/lab/init.sh "$stage/init"
echo 'root:x:0:0:root:/root:/bin/sh' >"$stage/etc/passwd"

(cd "$stage" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$output.tmp"
mv "$output.tmp" "$output"
