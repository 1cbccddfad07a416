#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [DIRECTORY] - applies the patches of series/ one after the other to the kernel that BASE names.
#
# Each has to apply with git am, to pass checkpatch --strict without a finding, and to build as it stands and without
# a warning: the whole kernel with the configuration `config`, the files that it touches with W=1, and these with the
# option off. DIRECTORY (default: ~/.cache/egret-check) holds the source, a git tree whose tag `base` is the source
# package, and the objects, about 6 GB; a second run compiles only what has changed. JOBS: how many compilers at once
# (default: all CPUs). WHOLE=no: only the files that the series touches, in minutes.
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
run() { # COMMAND...
	"$@" >"$dir/log" 2>&1 </dev/null || {
		tail -n 30 "$dir/log" >&2
		fail "failed: $*"
	}
}

# git, in the source.
tree() {
	git -C "$dir/linux" -c user.name=check -c user.email=check@example.org -c commit.gpgsign=false "$@"
}

unpack() {
	rm -rf "$dir"
	mkdir -p "$dir/linux"
	tar -C "$dir/linux" --strip-components=1 -xf "$tarball"
	run tree init -q
	run tree add -f -A
	run tree commit -q -m base
	run tree tag base
}

configure() { # SOURCE FRAGMENT...
	run make -C "$1" tinyconfig
	(cd "$1" && run scripts/kconfig/merge_config.sh -m .config "${@:2}")
	run make -C "$1" olddefconfig
}

build() { # SOURCE TARGET...
	run make -C "$1" -j"$jobs" LOCALVERSION= "${@:2}"
	# W=1 complains of the name of the trace system wherever a header has bare tracepoints only.
	! grep -v 'include/trace/stages/init.h.*trace_system_name' "$dir/log" | grep 'warning:' ||
		fail "the compiler or objtool warned"
}

# What the series changes and what it adds, as objects.
touched=(kernel/entry/common.o kernel/entry/kvm.o kernel/fork.o kernel/exit.o fs/exec.o)
added=(kernel/deferred_sample kernel/bpf/deferred_sample)

[ -f "$tarball" ] || fail "no $tarball: apt-get install linux-source-6.12"
sha256sum --quiet -c - <<<"$(sed -n 's/^sha256: *//p' "$here/BASE")  $tarball" ||
	fail "$tarball is not the one that BASE names"
tree rev-parse -q --verify base >/dev/null 2>&1 || unpack
tree am --abort >/dev/null 2>&1 || true
run tree checkout -q -f --detach base
[ -d "$dir/off" ] || run tree worktree add -f --detach "$dir/off" base
echo '# CONFIG_DEFERRED_SAMPLE is not set' >"$dir/off.config"

for patch in "$here"/series/0*.patch; do
	name=$(basename "$patch" .patch)
	case $name in 0000-*) continue ;; esac
	findings=$(cd "$dir/linux" && ./scripts/checkpatch.pl --strict --no-tree "$patch") || true
	grep -q 'total: 0 errors, 0 warnings, 0 checks' <<<"$findings" ||
		fail "checkpatch: $name"$'\n'"$findings"
	run tree am -q "$patch"
	configure "$dir/linux" "$here/config"
	grep -q '^CONFIG_DEFERRED_SAMPLE=y' "$dir/linux/.config" || fail "the option is not on"
	objects=("${touched[@]}")
	for file in "${added[@]}"; do
		[ ! -f "$dir/linux/$file.c" ] || objects+=("$file.o")
	done
	build "$dir/linux" W=1 "${objects[@]}"
	[ "${WHOLE:-yes}" = no ] || build "$dir/linux" vmlinux
	run git -C "$dir/off" checkout -q -f --detach "$(tree rev-parse HEAD)"
	configure "$dir/off" "$here/config" "$dir/off.config"
	build "$dir/off" "${touched[@]}"
	echo "ok $name"
done
