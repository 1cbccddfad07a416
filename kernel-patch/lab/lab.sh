#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# lab.sh BUILD lab|lab-debug: builds kernels, boots them in QEMU with egret, and runs the tests of tests/lab/groups.
#
# A line a test, with the name of its boot in front; the last line has the counts. Logs are in BUILD/lab.
# LAB_BOOTS: only boots whose name matches this extended regular expression. LAB_CACHE: see kernel.sh.
set -u
build=$1 target=$2
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
out=$build/lab
passed=0 failed=0 skipped=0
mkdir -p "$out"

note() { # STATUS NAME WHY
	printf '%-5s %s\n' "$1" "$2${3:+: $3}"
	case $1 in
	ok) passed=$((passed + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

wanted() {
	[[ $1 =~ ${LAB_BOOTS:-} ]]
}

# boot NAME KERNEL GROUP [OPTION...]: boot.py's lines, and its counts.
boot() {
	local name=$1 kernel=$2 group=$3 line
	shift 3

	wanted "$name" || return 0
	rm -f "$out/disk"
	truncate -s 256M "$out/disk"
	mkfs.ext4 -q -F "$out/disk" || return
	while IFS= read -r line; do
		case $line in
		@counts*)
			read -r _ p f s <<<"$line"
			passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done < <("$here/boot.py" --name "$name" --kernel "$kernel" --initrd "$out/initramfs" --group "$group" \
		--disk "$out/disk" --out "$out" "$@" 2>&1 || true)
	[ -n "${p:-}" ] || note FAIL "$name" "boot.py said nothing"
	unset p
}

stock() {
	local kernel

	wanted "stock-$1" || return 0
	kernel=$("$here/stock.sh" "$1" 2>"$out/stock-$1.err")
	case $? in
	0) boot "stock-$1" "$kernel" stock ;;
	77) note skip "stock-$1" "$kernel" ;;
	*) note FAIL "stock-$1" "it could not be fetched: $(tail -n 1 "$out/stock-$1.err")" ;;
	esac
}

# patched FLAVOUR: its kernel's path in $kernel, and an initramfs with its selftests too.
patched() {
	local started=$SECONDS dir

	if ! compgen -G "$here/../series/*.patch" >/dev/null; then
		note skip "kernel $1" "there are no patches in kernel-patch/series"
		return 1
	fi
	if ! dir=$("$here/kernel.sh" "$1" 2>"$out/kernel-$1.err") ||
		! "$here/initramfs.sh" "$build" "$out/initramfs" "$dir/selftests" 2>>"$out/kernel-$1.err"; then
		note FAIL "kernel $1" "$(tail -n 1 "$out/kernel-$1.err")"
		sed 's/^/      | /' "$out/kernel-$1.err" | tail -n 40
		return 1
	fi
	kernel=$dir/bzImage
	note ok "kernel $1" "$((SECONDS - started)) s"
}

if ! "$here/initramfs.sh" "$build" "$out/initramfs"; then
	note FAIL initramfs
elif [ "$target" = lab ]; then
	stock 6.1
	stock 6.12
	if { wanted voluntary || wanted full; } && patched lab; then
		boot voluntary "$kernel" hook --append "preempt=voluntary pti=on"
		boot full "$kernel" hook-full --append "preempt=full pti=off"
	fi
else
	if wanted debug && patched debug; then
		boot debug "$kernel" hook --append "preempt=full" --timeout 3600 --silence 1200
	fi
	if wanted rt && patched rt; then
		boot rt "$kernel" hook --timeout 3600 --silence 1200
	fi
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
