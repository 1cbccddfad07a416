#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# install_test.sh: what `make install` puts where, and that a program outside the tree profiles
# itself with it, shared and static. O: the build directory (build), already built.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${O:-build}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS
failures=0

fail() {
	echo "FAIL: $1"
	failures=$((failures + 1))
}

must() { # COMMAND...: what all that follows needs
	"$@" || {
		echo "FAIL: $*"
		exit 1
	}
}

stage=$dir/stage prefix=/opt/egret
must make -s -C "$root" O="$build" DESTDIR="$stage" PREFIX=$prefix install >/dev/null
version=$("$stage$prefix/bin/egret" --version | sed 's/^egret //')

# ---- what is there -------------------------------------------------------------------------------

for file in bin/egret include/egret/egret.h include/egret/grant.h lib/libegret.a lib/egret/egret-parser lib/libegret.so \
	"lib/libegret.so.${version%%.*}" "lib/libegret.so.$version" lib/pkgconfig/egret.pc \
	lib/systemd/system/egret-agent.service etc/egret/agent.conf share/bash-completion/completions/egret share/man/man1/egret.1 share/man/man3/libegret.3; do
	[ -s "$stage$prefix/$file" ] || fail "$file is not installed, or empty"
done
for page in "$root"/man/*; do
	section=${page##*.}
	cmp -s "$page" "$stage$prefix/share/man/man$section/$(basename "$page")" || fail "no $page"
done
for function in egret_session__open egret_profile__export_to egret_import; do # by the names of functions
	MANWIDTH=200 man -M "$stage$prefix/share/man" 3 $function 2>/dev/null | grep -q "int $function(" ||
		fail "man 3 $function shows no $function"
done
links=$(grep -l '^\.so' "$stage$prefix"/share/man/man3/* | wc -l)
[ "$links" -gt 50 ] || fail "only $links pages by the name of a function"
bash -c ". '$stage$prefix/share/bash-completion/completions/egret' && complete -p egret" |
	grep -q 'egret$' || fail "the completion completes nothing"
soname=$(readelf -d "$stage$prefix/lib/libegret.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
[ "$soname" = "libegret.so.${version%%.*}" ] || fail "the soname is '$soname'"

# The functions of the headers, and nothing else.
grep -ohE '\begret_[a-z_]+\(' "$root"/lib/include/egret/*.h | tr -d '(' | sort -u >"$dir/declared"
nm -D --defined-only "$stage$prefix/lib/libegret.so" |
	awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$dir/exported"
[ "$(wc -l <"$dir/declared")" -gt 30 ] || fail "only $(wc -l <"$dir/declared") functions found in the header"
diff "$dir/declared" "$dir/exported" >"$dir/diff" ||
	fail "the header (<) and the exports (>) differ: $(cat "$dir/diff")"

# The command line with the shared library, as packages have it.
must make -s -C "$root" O="$build" "$build/egret-shared" >/dev/null
[ "$(LD_LIBRARY_PATH=$stage$prefix/lib "$(cd "$root" && realpath "$build")/egret-shared" --version)" = "egret $version" ] ||
	fail "egret does not run with the shared library"

# ---- a program outside the tree ------------------------------------------------------------------

export PKG_CONFIG_PATH=$stage$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
[ "$(pkg-config --modversion egret)" = "$version" ] || fail "egret.pc is not of version $version"
cflags=$(pkg-config --cflags egret)
libs=$(pkg-config --libs egret)
static_libs=$(pkg-config --static --libs egret)
case $static_libs in
*-lbpf*) ;;
*) fail "pkg-config --static names no libbpf: $static_libs" ;;
esac
mkdir "$dir/outside" && cd "$dir/outside" || exit 1

printf '#include <egret/%s.h>\n' egret grant >header.c
cp header.c header.cpp
# shellcheck disable=SC2086
{
	gcc -std=c99 -Wall -Wextra -pedantic -Werror $cflags -c header.c || fail "the header in C99"
	g++ -std=c++11 -Wall -Wextra -pedantic -Werror $cflags -c header.cpp || fail "the header in C++11"
}

cp "$root/examples/self.c" embed.c # which profiles itself, three quarters of its work in much_work
# shellcheck disable=SC2086
{
	gcc -Wall -Wextra -Werror -O1 -g $cflags embed.c $libs -o shared || fail "linked with the shared library"
	gcc -Wall -Wextra -Werror -O1 -g $cflags embed.c -Wl,--as-needed \
		"$stage$prefix/lib/libegret.a" $static_libs -o static || fail "linked with the static library"
}
readelf -d shared | grep -q "NEEDED.*\[libegret.so.${version%%.*}\]" || fail "shared does not need libegret.so"
readelf -d shared | grep -q 'NEEDED.*libbpf' && fail "shared needs libbpf itself"
readelf -d static | grep -q 'NEEDED.*libegret' && fail "static needs libegret.so"

if [ "$(id -u)" = 0 ]; then
	for how in shared static; do
		LD_LIBRARY_PATH=$stage$prefix/lib ./$how >out 2>err || fail "$how: $(cat err)"
		[ -s err ] && fail "$how: the library has printed: $(cat err)"
		all=$(sed -n 's/ samples$//p' out)
		# What the library does in the same process is in the samples, too.
		busy=$(awk '$NF ~ /^(much|little)_work$/ { sub(/%/, "", $2); of[$NF] = $2 }
			END { print int(100 * of["much_work"] / (of["much_work"] + of["little_work"])) }' out)
		echo "$how: ${all:-0} samples, ${busy:-0} % of those of work below much_work"
		# 1.2 s of CPU time at 999 Hz, three quarters of it in much_work.
		[ "${all:-0}" -gt 600 ] || fail "$how: only ${all:-0} samples"
		if [ "${busy:-0}" -lt 70 ] || [ "$busy" -gt 80 ]; then
			fail "$how: much_work has $busy % of what it and little_work have: $(cat out)"
		fi
	done
	# The shared library finds the parser that was installed with it.
	LD_LIBRARY_PATH=$stage$prefix/lib "$(cd "$root" && realpath "$build")/egret-shared" record -q \
		--parser=process -o data -- sh -c 'readlink "/proc/$(pgrep -o -P $PPID -x egret-parser)/exe"' >out 2>err ||
		fail "record with the shared library: $(cat err)"
	[ "$(cat out)" = "$stage$prefix/lib/egret/egret-parser" ] || fail "its parser is '$(cat out)'"
fi

# ---- and gone again ------------------------------------------------------------------------------

must make -s -C "$root" O="$build" DESTDIR="$stage" PREFIX=$prefix uninstall >/dev/null
left=$(find "$stage" -type f -o -type l)
[ -z "$left" ] || fail "uninstall has left: $left"

[ $failures = 0 ] || exit 1
[ "$(id -u)" = 0 ] || {
	echo "installed and linked; sampling needs root"
	exit 77
}
