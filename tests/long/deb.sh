#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# `make deb` in a clean clone: packages without a complaint of lintian, in which egret runs, the agent's unit
# and configuration are where they should be, and against whose library the examples are built.
. "$(dirname "$0")/../system/lib.sh"
need "$(command -v dpkg-buildpackage)" "dpkg-buildpackage is not installed"
scripts/deps.sh build deb >/dev/null || skip "packages that make deb needs are missing"

git clone -q . "$tmp/clone" || exit 1
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$tmp/clone" deb >"$tmp/log" 2>&1 || {
	tail -n 20 "$tmp/log"
	exit 1
}
[ -z "$(git -C "$tmp/clone" status --porcelain)" ] || fail "make deb has left: $(git -C "$tmp/clone" status --porcelain)"
debs=$tmp/clone/build/deb version=$("$egret" --version | sed 's/^egret //')

complaints=$(lintian --allow-root --fail-on error,warning "$debs"/*.changes 2>&1) || fail "lintian: $complaints"
echo "lintian: ${complaints:-nothing}"

for package in egret libegret0 libegret-dev; do
	[ "$(dpkg-deb -f "$debs/${package}_${version}_amd64.deb" Version)" = "$version" ] || fail "$package is not of $version"
	dpkg -x "$debs/${package}_${version}_amd64.deb" "$tmp/root" || fail "$package cannot be unpacked"
done
lib=$tmp/root/usr/lib/x86_64-linux-gnu
for file in lib/systemd/system/egret-agent.service usr/lib/sysusers.d/egret.conf etc/egret/agent.conf \
	usr/share/bash-completion/completions/egret usr/share/man/man1/egret.1.gz usr/share/man/man3/libegret.3.gz \
	usr/include/egret/egret.h usr/lib/x86_64-linux-gnu/libegret.so.0 usr/share/doc/libegret-dev/examples/daemon.c; do
	[ -e "$tmp/root/$file" ] || fail "no $file in the packages"
done
MANWIDTH=200 man -M "$tmp/root/usr/share/man" 3 egret_session__open 2>/dev/null | grep -q 'int egret_session__open(' ||
	fail "man egret_session__open"
[ "$(LD_LIBRARY_PATH=$lib "$tmp/root/usr/bin/egret" --version)" = "egret $version" ] || fail "egret does not run"
LD_LIBRARY_PATH=$lib "$tmp/root/usr/bin/egret" agent --check-config --config "$tmp/root/etc/egret/agent.conf" ||
	fail "the configuration of the package is not right"
dpkg-deb -f "$debs/egret_${version}_amd64.deb" Depends | grep -q "libegret0 (= $version)" || fail "egret needs another library"

# The development package, as pkg-config finds it there.
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root
# shellcheck disable=SC2046
gcc -O1 -g $(pkg-config --cflags egret) examples/self.c $(pkg-config --libs egret) -o "$tmp/self" || fail "self.c is not built"
if [ "$(id -u)" = 0 ]; then
	LD_LIBRARY_PATH=$lib "$tmp/self" | grep -q ' much_work$' || fail "self does not see its work"
	LD_LIBRARY_PATH=$lib "$tmp/root/usr/bin/egret" record -q -o "$tmp/data" -- "$workloads/busy" 1 300 || fail "egret does not record"
	"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
	check "samples" "$(samples_of ';busy(;.*)? ')" '>' 200
fi
finish
