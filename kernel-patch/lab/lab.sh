#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# lab.sh BUILD lab|lab-debug|lab-mutants: builds kernels, boots them in QEMU with egret, and runs the tests of tests/lab/groups.
#
# A line a test, with the name of its boot in front; the last line has the counts. Logs are in BUILD/lab. A guest is
# one thread of QEMU's, so two run at once where there are two CPUs.
# LAB_BOOTS: only boots whose name matches this extended regular expression. LAB_CACHE: see kernel.sh.
set -u
build=$1 target=$2
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
out=$build/lab
mkdir -p "$out"
: >"$out/counts"

note() { # STATUS NAME WHY
	printf '%-5s %s\n' "$1" "$2${3:+: $3}"
	case $1 in
	ok) echo "1 0 0" ;;
	skip) echo "0 0 1" ;;
	*) echo "0 1 0" ;;
	esac >>"$out/counts"
}

wanted() {
	[[ $1 =~ ${LAB_BOOTS:-} ]]
}

# boot NAME KERNEL GROUP [OPTION...]: boot.py's lines, and its counts.
boot() {
	local name=$1 kernel=$2 group=$3 disk=$out/$1.disk counted=

	shift 3
	rm -f "$disk"
	truncate -s 256M "$disk"
	mkfs.ext4 -q -F "$disk" || return
	while IFS= read -r line; do
		case $line in
		@counts*) echo "${line#@counts }" >>"$out/counts" && counted=1 ;;
		*) printf '%s\n' "$line" ;;
		esac
	done < <("$here/boot.py" --name "$name" --kernel "$kernel" --initrd "$out/initramfs" --group "$group" \
		--disk "$disk" --out "$out" "$@" 2>&1 || true)
	[ -n "$counted" ] || note FAIL "$name" "boot.py said nothing"
	rm -f "$disk"
}

# begin COMMAND NAME...: in the background, as soon as there is a CPU for it.
begin() {
	wanted "$2" || return 0
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n
	done
	"$@" &
}

# stock NAME: of stock-VERSION.
stock() {
	local kernel

	kernel=$("$here/stock.sh" "${1#stock-}" 2>"$out/$1.err")
	case $? in
	# One CPU: QEMU 7.2 lets a CPU that spins keep another from running, and 6.1 spins until its second one runs.
	0) boot "$1" "$kernel" stock --cpus 1 ;;
	77) note skip "$1" "$kernel" ;;
	*) note FAIL "$1" "it could not be fetched: $(tail -n 1 "$out/$1.err")" ;;
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

# mutant NAME KERNEL TEST: of the series' selftests this one fails where the kernel is broken on purpose.
mutant() {
	local results=$out/$1.results

	"$here/boot.py" --name "$1" --kernel "$2" --initrd "$out/initramfs" --group selftests --out "$out" \
		--append "preempt=voluntary pti=on" >"$out/$1.log" 2>&1 || true
	if grep -qE "not ok [0-9]+ .*\<$3\>" "$results"; then
		note ok "$1" "$3 fails"
	else
		note FAIL "$1" "$3 does not fail; $results"
	fi
}

mutants() {
	local patch name

	for patch in "$here"/mutants/*.patch; do
		name=mutant-$(basename "$patch" .patch)
		if wanted "$name" && LAB_MUTANT=$patch patched lab; then
			begin mutant "$name" "$kernel" "$(sed -n 's/^Fails: //p' "$patch")"
			wait # the next one's kernel takes the place of this
		fi
	done
}

# What this machine's kernel says of a program that the guests record too (hook_stacks.sh), where it has task work.
stacks_of_host() {
	rm -f "$out/host.folded"
	"$build/egret" record -q --capture=task-work -o "$out/host.data" -- "$build/tests/workloads/chain" 500 \
		>"$out/host.log" 2>&1 || return 0
	"$build/egret" export --format=folded -i "$out/host.data" >"$out/host.folded"
}

trap 'trap "" TERM; kill 0; exit 1' INT TERM
stacks_of_host
if ! "$here/initramfs.sh" "$build" "$out/initramfs"; then
	note FAIL initramfs
elif [ "$target" = lab ]; then
	if { wanted voluntary || wanted full || wanted cost; } && patched lab; then
		begin boot voluntary "$kernel" hook --append "preempt=voluntary pti=on"
		begin boot full "$kernel" hook-full --append "preempt=full pti=off"
		begin boot cost "$kernel" cost --append "preempt=voluntary pti=off" --cpus 1 --icount shift=0,sleep=off
	fi
	begin stock stock-6.1
	begin stock stock-6.12
	wait
elif [ "$target" = lab-mutants ]; then
	mutants
else
	if { wanted voluntary-nopti || wanted full-pti; } && patched lab; then
		begin boot voluntary-nopti "$kernel" hook-short --append "preempt=voluntary pti=off"
		begin boot full-pti "$kernel" hook-short --append "preempt=full pti=on"
	fi
	if wanted cost-off && patched off; then
		begin boot cost-off "$kernel" cost-off --append "preempt=voluntary pti=off" --cpus 1 --icount shift=0,sleep=off
	fi
	if wanted debug && patched debug; then
		# It is too slow for the time that ACPI gives the method that says how PCI interrupts are routed.
		begin boot debug "$kernel" hook-debug --append "preempt=full pti=on pci=noacpi" --silence 3000
	fi
	if wanted rt && patched rt; then
		begin boot rt "$kernel" hook-rt --silence 1200
	fi
	wait
fi
awk '{ passed += $1; failed += $2; skipped += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }' "$out/counts"
