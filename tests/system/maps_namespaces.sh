#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A process in other mount and PID namespaces, whose files are only there: its functions and the code
# it made, named in the perf map of its own /tmp under its own number, have their names.
. "$(dirname "$0")/maps_lib.sh"
need_root
need "$(command -v unshare)" "unshare is not installed"
unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces here"

make_program "$tmp/prog" work_in_namespace -static
mkdir "$tmp/root"
cat >"$tmp/enter" <<END
mount -t tmpfs none "$tmp/root" || exit 1
mkdir "$tmp/root/bin" "$tmp/root/tmp" "$tmp/root/lib64"
cp "\$1" "$tmp/root/bin/inner"
for lib in \$(ldd "\$1" 2>/dev/null | grep -o '/[^ ]*'); do
	mkdir -p "$tmp/root\${lib%/*}"
	cp -L "\$lib" "$tmp/root\$lib"
done
exec chroot "$tmp/root" /bin/inner "\$2"
END

# inner PROGRAM MS: records it as process 1 of a PID namespace, in a file system of its own.
inner() {
	record -- unshare --mount --pid --fork sh "$tmp/enter" "$1" "$2"
	[ ! -e "$tmp/root/bin" ] || fail "the program is in this namespace too"
}

inner "$tmp/prog" 500
check "static program" "$(samples_of '^inner;.*;main;work_in_namespace(;.*_\[k\])? ')" '>' 470
check_identity "static program"

[ ! -e /tmp/perf-1.map ] || skip "there is a /tmp/perf-1.map"
inner "$workloads/jit" 2500
check "code made at run time" "$(samples_of '^inner;.*;main;run;jit_work_\[j\](;.*_\[k\])? ')" '>' 2300
check "code without a name" "$(samples_of '\[jit\+')" == 0
[ ! -e /tmp/perf-1.map ] || fail "the perf map is in this namespace"
finish
