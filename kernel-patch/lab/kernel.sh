#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# kernel.sh FLAVOUR: the patched kernel, built in the cache unless it is there; prints the path of a directory with
# its bzImage, and with the selftests of the series, and ../syscall_insns.c, in selftests/.
#
# FLAVOUR: lab, debug, rt or off: ../config, lab.config and FLAVOUR.config, later ones on top. The kernel is kept under a
# hash of all that it is made of: the source package, the patches, the configuration, the compiler. The tree in which
# it was built is kept too, so that a changed patch compiles no more than it changes.
# LAB_CACHE: the directory (default: ~/.cache/egret-lab). LAB_MUTANT: a patch on top of all, of mutants/.
set -euo pipefail
flavour=${1:-lab} name=${1:-lab}
here=$(cd "$(dirname "$0")" && pwd)
cache=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/egret-lab}
tarball=/usr/src/linux-source-6.12.tar.xz
patches=("$here"/../series/*[1-9]-*.patch "$here"/*.patch) # all but 0000-cover-letter
if [ -n "${LAB_MUTANT:-}" ]; then
	patches+=("$LAB_MUTANT")
	name=mutant
fi
configs=("$here/../config" "$here/lab.config")
[ "$flavour" = lab ] || configs+=("$here/$flavour.config")

key_of() {
	{
		sha256sum "$tarball" "${patches[@]}" "${configs[@]}" "$here/../syscall_insns.c" | cut -d ' ' -f 1
		gcc --version | head -n 1
		pahole --version
	} | sha256sum | cut -c 1-16
}

fail() {
	echo "kernel.sh: $*" >&2
	exit 1
}

# files_of PATCHES: the files that they change or make.
files_of() {
	sed -n 's,^+++ b/,,p' "$1" | sort -u
}

# copy_files LIST FROM TO: those that there are, with their times.
copy_files() {
	rm -rf "$3"
	mkdir -p "$3"
	(cd "$2" && while read -r file; do
		if [ -f "$file" ]; then
			cp -p --parents "$file" "$3"
		fi
	done) <"$1"
}

# The tree with these patches. Of an older one the files that were patched are put back as they were; what then
# comes out as it was keeps its time, so that only the rest is compiled.
prepare_tree() { # DIRECTORY
	local tree=$1 file

	if [ -f "$tree.files" ]; then
		copy_files "$tree.files" "$tree" "$tree.before"
		(cd "$tree" && xargs rm -f <"$tree.files")
		cp -a "$tree.orig/." "$tree/"
	else
		rm -rf "$tree" "$tree.before"
		mkdir -p "$tree"
		tar -C "$tree" --strip-components=1 -xf "$tarball"
	fi
	rm -f "$tree.files"
	cat "${patches[@]}" >"$tree.patches"
	files_of "$tree.patches" >"$tree.files.new"
	copy_files "$tree.files.new" "$tree" "$tree.orig"
	patch -d "$tree" -p1 -s -f --no-backup-if-mismatch <"$tree.patches" >&2 ||
		fail "the patches do not apply to $tarball"
	while read -r file; do
		! cmp -s "$tree.before/$file" "$tree/$file" || touch -r "$tree.before/$file" "$tree/$file"
	done <"$tree.files.new"
	mv "$tree.files.new" "$tree.files"
}

# What was asked for and is not there has been dropped by a dependency: the tests would test something else.
check_config() { # FILE
	local missing

	missing=$(awk 'match($0, /CONFIG_[A-Z0-9_]+/) { last[substr($0, RSTART, RLENGTH)] = $0 }
		END { for (name in last) if (last[name] ~ /^CONFIG_[A-Z0-9_]+=[^n]/) print last[name] }' \
		"${configs[@]}" | grep -vxFf "$1" | tr '\n' ' ') || true
	[ -z "$missing" ] || fail "the configuration lacks $missing"
}

build() { # TREE OUTPUT
	local tests=$1/tools/testing/selftests/deferred_sample make

	make=(make -C "$1" -s -j"$(nproc)" LOCALVERSION= KBUILD_BUILD_HOST=lab KBUILD_BUILD_USER=lab)

	"${make[@]}" tinyconfig &&
		(cd "$1" && scripts/kconfig/merge_config.sh -m -Q .config "${configs[@]}") &&
		"${make[@]}" olddefconfig && check_config "$1/.config" && "${make[@]}" bzImage &&
		make -C "$tests" OUTPUT="$2/selftests" &&
		gcc -O2 -I"$tests" "$here/../syscall_insns.c" -o "$2/selftests/syscall_insns" -lbpf -lelf -lz
}

[ -f "$tarball" ] || fail "no $tarball; install linux-source-6.12"
for file in "${patches[@]}"; do
	[ -f "$file" ] || fail "no $file"
done
mkdir -p "$cache"
exec 9>"$cache/lock-$flavour"
flock 9
output=$cache/$name-$(key_of)
if [ ! -d "$output" ]; then
	tree=$cache/linux-$flavour
	rm -rf "$cache/$name.new"
	mkdir -p "$cache/$name.new/selftests"
	prepare_tree "$tree"
	build "$tree" "$cache/$name.new" >"$cache/build-$name.log" 2>&1 ||
		{ tail -n 30 "$cache/build-$name.log" >&2 && fail "the kernel does not build: $cache/build-$name.log"; }
	cp "$tree/arch/x86/boot/bzImage" "$tree/.config" "$cache/$name.new"
	rm -rf "$cache/$name"-*
	mv "$cache/$name.new" "$output"
fi
echo "$output"
