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
	usr/include/egret/egret.h usr/include/egret/grant.h usr/lib/x86_64-linux-gnu/libegret.so.0 usr/share/doc/libegret-dev/examples/daemon.c; do
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

# In a Debian that has nothing else, what the packages say that they need is all: the agent's user is made, a command is
# recorded, the agent stores as that user, and nothing is left after a purge.
[ "$(id -u)" = 0 ] || finish
bare=$tmp/bare
in_bare() { DEBIAN_FRONTEND=noninteractive chroot "$bare" "$@" </dev/null; }
debootstrap --variant=minbase --include=systemd "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$bare" >"$tmp/log" 2>&1 || {
	tail -n 5 "$tmp/log"
	fail "debootstrap"
	finish
}
at_end+=('umount "$bare/proc" "$bare/sys" 2>/dev/null')
mount --bind /proc "$bare/proc" || fail "no /proc there"
mount --bind /sys "$bare/sys" || fail "no /sys there"
cp "$debs/egret_${version}_amd64.deb" "$debs/libegret0_${version}_amd64.deb" "$bare/tmp"
in_bare sh -c 'apt-get install -y --no-install-recommends /tmp/*.deb' >"$tmp/log" 2>&1 || fail "apt: $(tail -n 5 "$tmp/log")"
in_bare id egret >/dev/null || fail "the agent has no user"
in_bare egret record -q -o /tmp/data -- sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done' || fail "egret does not record there"
check "samples there" "$(in_bare egret export --format=folded -i /tmp/data -o - | awk '{ n += $NF } END { print n + 0 }')" '>' 50
in_bare install -d -o egret -g egret /var/lib/egret /run/egret
in_bare timeout -s TERM 15 egret agent --user=egret --window=2 --listen unix:/run/egret/agent.sock >"$tmp/log" 2>&1
grep -q 'ends after [1-9][0-9]* windows' "$tmp/log" || fail "the agent there: $(cat "$tmp/log")"
[ -z "$(find "$bare/var/lib/egret" -name '*.egret' ! -user "$(in_bare id -u egret)")" ] || fail "windows are another user's"
in_bare egret report --from=-1m --no-tree >"$tmp/report" 2>&1 || fail "its store: $(cat "$tmp/report")"
in_bare apt-get purge -y egret >"$tmp/log" 2>&1 || fail "purge: $(tail -n 5 "$tmp/log")"
[ ! -e "$bare/etc/egret" ] || fail "a purge leaves /etc/egret"
finish
