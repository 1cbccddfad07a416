#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Programs that exist only in a file system of their own, that ran before the recording, and whose
# files are removed while they run, have their names: in mount and PID namespaces; in a chroot; and
# where egret is in the chroot too, and comes to a program when it is gone.
. "$(dirname "$0")/maps_lib.sh"
need_root
need "$(command -v unshare)" "unshare is not installed"
unshare --mount --pid --fork true 2>/dev/null || skip "no namespaces here"

make_program "$tmp/prog" work_in_container -static
mkdir -p "$tmp/root" "$tmp/plain/bin" "$tmp/jail"
mkfifo "$tmp/start"
cat >"$tmp/enter" <<END
mount -t tmpfs none "$tmp/root" && mkdir "$tmp/root/bin" && cp "$tmp/prog" "$tmp/root/bin/inner" &&
	exec chroot "$tmp/root" /bin/inner unlink wait 700
END

# recorded WHAT: the whole machine, from before a process that waits is told to go on.
recorded() {
	(
		sleep 2
		echo >&"$go"
	) &
	record -d 4 -a
	check "names: $1" "$(samples_of '^inner;.*;main;work_in_container(;.*_\[k\])? ')" '>' 200
	check "without a name: $1" "$("$egret" report --why -i "$tmp/data" | grep -c inner)" == 0
	exec {go}>&-
	wait
}

unshare --mount --pid --fork sh "$tmp/enter" <"$tmp/start" &
exec {go}>"$tmp/start"
recorded "namespaces"

cp "$tmp/prog" "$tmp/plain/bin/inner"
chroot "$tmp/plain" /bin/inner unlink wait 700 <"$tmp/start" &
exec {go}>"$tmp/start"
recorded "chroot"

# All of it in a chroot: the paths of its files are not those from the top of the file system.
cp "$tmp/prog" "$tmp/brief"
cat >"$tmp/in_jail" <<END
cd "$PWD" || exit 1
"$tmp/brief" wait 8 <"$tmp/start" &
exec 9>"$tmp/start"
(sleep 3 && echo >&9) 9>&9 &
"$egret" record -q -F 1999 -d 5 -a -o "$tmp/data" 9>&-
exec 9>&-
END
unshare --mount sh -c "mount --make-rprivate / && mount --rbind / '$tmp/jail' && exec chroot '$tmp/jail' sh '$tmp/in_jail'" \
	</dev/null >"$tmp/out" 2>&1 || fail "in the jail: $(tail -n 3 "$tmp/out")"
"$egret" export --format=folded -i "$tmp/data" >"$tmp/folded"
check "names: egret in a chroot" "$(samples_of '^brief;.*;main;work_in_container(;.*_\[k\])? ')" '>=' 6
check "without a name: egret in a chroot" "$("$egret" report --why -i "$tmp/data" | grep -c brief)" == 0
finish
