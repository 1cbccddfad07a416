#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The examples, built against the library as it is installed and run: the functions that were busy are in
# what they print and write, and the manual page shows the daemon as it is.
. "$(dirname "$0")/lib.sh"

stage=$tmp/stage prefix=/opt/egret
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
	make -s O="$build" DESTDIR="$stage" PREFIX=$prefix install >/dev/null || {
	echo "make install failed"
	exit 1
}
export PKG_CONFIG_PATH=$stage$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
export LD_LIBRARY_PATH=$stage$prefix/lib
cflags=$(pkg-config --cflags egret)
libs=$(pkg-config --libs egret)

for name in daemon self broker; do
	# shellcheck disable=SC2086
	gcc -std=gnu11 -Wall -Wextra -Werror -O1 -g $cflags examples/$name.c $libs -o "$tmp/$name" ||
		fail "$name.c against the installed library"
	readelf -d "$tmp/$name" | grep -q 'NEEDED.*\[libegret\.so\.' || fail "$name does not need libegret.so"
done

# The page has the code of the daemon, as roff: what man shows is what is in the file.
sed -n '/^#include/,$p' examples/daemon.c >"$tmp/code"
sed -n '/^\.\\" examples\/daemon.c$/,/^\.EE$/p' man/libegret.3 | sed '1d;/^\.E[EX]$/d' |
	sed -E 's/\\&//g; s/\\-/-/g; s/\\e/\\/g' >"$tmp/shown"
cmp -s "$tmp/code" "$tmp/shown" || fail "libegret.3 shows another daemon: $(diff "$tmp/code" "$tmp/shown" | head -n 8)"

need_root

# PERCENT_OF FUNCTION COLUMN FILE: what the line of a function says.
percent_of() { awk -v name="$1" -v column="$2" '$NF == name { sub(/[.%].*/, "", $column); print $column }' "$3"; }

# ---- a program that profiles itself: three times 300 ms of the one and 100 ms of the other -------

"$tmp/self" >"$tmp/self.out" 2>"$tmp/self.err" || fail "self: $(cat "$tmp/self.err")"
[ -s "$tmp/self.err" ] && fail "self has said: $(cat "$tmp/self.err")"
all=$(sed -n 's/ samples$//p' "$tmp/self.out")
check "samples of itself" "${all:-0}" '>' 600
much=$(percent_of much_work 2 "$tmp/self.out") little=$(percent_of little_work 2 "$tmp/self.out")
echo "self: ${all:-0} samples, ${much:-0} % below much_work, ${little:-0} % below little_work"
check "much_work" "${much:-0}" '>=' 65
check "much_work" "${much:-0}" '<=' 80
check "little_work" "${little:-0}" '>=' 18
check "main is in all of them" "$(percent_of main 2 "$tmp/self.out")" '>=' 95

# ---- the daemon, of a process, and of the system -------------------------------------------------

"$workloads/busy" 1 60000 &
busy=$!
at_end+=("kill $busy 2>/dev/null")

samples_in() { # FILE FUNCTION: samples in all, and those whose leaf it is
	"$egret" import -o "$tmp/imported" "$1" >"$tmp/import.err" 2>&1 || fail "$1: $(cat "$tmp/import.err")"
	"$egret" export --format=folded -i "$tmp/imported" |
		awk -v leaf=";$2\$" '{ n = $NF; sub(/ [0-9]+$/, ""); all += n } $0 ~ leaf { of += n } END { print all + 0, of + 0 }'
}

# CPU time that the workload has had, in ms: the machine may be busy with others.
busy_ms() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$busy/stat"; }

# had MS HZ SAMPLES WHAT: samples of what the workload had; some of it while the profiler began and ended,
# which takes long on a busy machine.
had() {
	check "$4" "$3" '>=' $(($1 * $2 / 10000))
	check "$4: no sample twice" "$3" '<=' $(($1 * $2 * 11 / 10000 + 5))
}

for pid in "$busy" ''; do
	mkdir -p "$tmp/out$pid"
	before=$(busy_ms) sum=0
	# shellcheck disable=SC2086
	"$tmp/daemon" "$tmp/out$pid" 3 $pid 2>"$tmp/daemon.err" || fail "daemon $pid: $(cat "$tmp/daemon.err")"
	after=$(busy_ms)
	for n in 1 2 3; do
		read -r all of < <(samples_in "$tmp/out$pid/$n.pb.gz" busy)
		echo "daemon${pid:+ of a process}, second $n: $of of $all samples in busy"
		check "second $n" "$of" '>' 0
		check "second $n: no more than there can be" "$of" '<=' 130
		[ -z "$pid" ] || check "second $n: little else" "$of" '>=' $((all * 8 / 10))
		sum=$((sum + of))
	done
	had $((after - before)) 99 $sum "daemon ${pid:-of the system}"
	[ ! -e "$tmp/out$pid/4.pb.gz" ] || fail "a fourth second"
done
"$tmp/daemon" "$tmp/nowhere" 1 "$busy" 2>"$tmp/daemon.err" && fail "daemon writes to a directory that is not there"
grep -q "^cannot write $tmp/nowhere/1.pb.gz: No such file or directory$" "$tmp/daemon.err" ||
	fail "daemon said: $(cat "$tmp/daemon.err")"

# ---- a broker, and a profiler without privileges -------------------------------------------------

for pid in "$busy" ''; do
	before=$(busy_ms)
	# shellcheck disable=SC2086
	"$tmp/broker" 2 $pid >"$tmp/folded" 2>"$tmp/broker.err" || fail "broker $pid: $(cat "$tmp/broker.err")"
	[ -s "$tmp/broker.err" ] && fail "broker has said: $(cat "$tmp/broker.err")"
	ours=$(samples_of '^busy;.*;busy ') all=$(samples_of '')
	echo "broker${pid:+ of a process}: $ours of $all samples in busy"
	had $(($(busy_ms) - before)) 99 "$ours" "broker ${pid:-of the system}"
	[ -z "$pid" ] || check "broker: little else" "$ours" '>=' $((all * 8 / 10))
done
"$tmp/broker" 1 4194304 >"$tmp/folded" 2>"$tmp/broker.err" && fail "a grant of a process that is not there"
grep -qx 'there is no process 4194304' "$tmp/broker.err" || fail "broker said: $(cat "$tmp/broker.err")"

# ---- Python --------------------------------------------------------------------------------------

if python3 -c 'import ctypes' 2>/dev/null; then
	for pid in "$busy" ''; do
		before=$(busy_ms)
		# shellcheck disable=SC2086
		examples/functions.py 1 $pid >"$tmp/python.out" 2>"$tmp/python.err" || fail "functions.py: $(cat "$tmp/python.err")"
		echo "functions.py: $(head -n 3 "$tmp/python.out" | tr '\n' ' ')"
		percent=$(percent_of busy 1 "$tmp/python.out") all=$(sed -n 's/ samples$//p' "$tmp/python.out")
		had $(($(busy_ms) - before)) 499 $((${all:-0} * ${percent:-0} / 100)) "functions.py ${pid:-of the system}"
		[ -z "$pid" ] || check "functions.py: little else" "${percent:-0}" '>=' 80
	done
	examples/functions.py 1 4194304 >"$tmp/python.out" 2>"$tmp/python.err" && fail "a process that is not there"
	grep -q 4194304 "$tmp/python.err" || fail "functions.py does not say which process: $(cat "$tmp/python.err")"
fi
kill "$busy" 2>/dev/null
finish
