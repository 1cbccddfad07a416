#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [DIRECTORY] - applies the patches of series/ one after the other to the kernel that BASE names.
#
# Each has to pass checkpatch --strict without a finding, and to build as it stands: the whole kernel with the
# configuration `config`, and what it touches with the option off. DIRECTORY (default: ~/.cache/egret-check) holds
# the source and the objects, about 4 GB; it is made anew. JOBS: how many compilers at once (default: all CPUs).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/egret-check}
jobs=${JOBS:-$(nproc)}
tarball=$(sed -n 's/^file: *//p' "$here/BASE")

fail() {
	echo "check.sh: $*" >&2
	exit 1
}

# Quiet, and the end of what it said when it fails.
run() { # LOG COMMAND...
	local log=$1

	shift
	"$@" >"$log" 2>&1 </dev/null || {
		tail -n 30 "$log" >&2
		fail "failed: $*"
	}
}

configure() { # OBJECTS [FRAGMENT]...
	local objects=$1

	mkdir -p "$objects"
	run "$dir/log" make -C "$dir/linux" O="$objects" tinyconfig
	run "$dir/log" "$dir/linux/scripts/kconfig/merge_config.sh" -m -O "$objects" \
		"$objects/.config" "${@:2}"
	run "$dir/log" make -C "$dir/linux" O="$objects" olddefconfig
}

build() { # OBJECTS TARGET...
	local objects=$1

	run "$dir/log" make -C "$dir/linux" O="$objects" -j"$jobs" "${@:2}"
	! grep -n 'warning:' "$dir/log" || fail "the compiler or objtool warned"
}

# What the series changes, as objects to build without the option.
touched=(kernel/entry/ kernel/fork.o kernel/exit.o fs/exec.o)

[ -f "$tarball" ] || fail "no $tarball: apt-get install linux-source-6.12"
sha256sum --quiet -c - <<<"$(sed -n 's/^sha256: *//p' "$here/BASE")  $tarball" ||
	fail "$tarball is not the one that BASE names"
rm -rf "$dir"
mkdir -p "$dir/linux"
echo '# CONFIG_DEFERRED_SAMPLE is not set' >"$dir/off.config"
tar -C "$dir/linux" --strip-components=1 -xf "$tarball"

for patch in "$here"/series/0*.patch; do
	name=$(basename "$patch" .patch)
	case $name in 0000-*) continue ;; esac
	findings=$(cd "$dir/linux" && ./scripts/checkpatch.pl --strict --no-tree "$patch") || true
	grep -q 'total: 0 errors, 0 warnings, 0 checks' <<<"$findings" ||
		fail "checkpatch: $name"$'\n'"$findings"
	patch -d "$dir/linux" -p1 -s --fuzz=0 --no-backup-if-mismatch <"$patch" ||
		fail "$name does not apply"
	configure "$dir/on" "$here/config"
	build "$dir/on" vmlinux
	grep -q '^CONFIG_DEFERRED_SAMPLE=y' "$dir/on/.config" || fail "the option is not on"
	configure "$dir/off" "$here/config" "$dir/off.config"
	build "$dir/off" "${touched[@]}"
	echo "ok $name"
done
