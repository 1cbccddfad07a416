#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What other profilers have recorded, as recordings: perf.data of each kind against perf script itself, and
# the formats that egret writes, read back.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
command -v perf >/dev/null || skip "no perf"

import() { # FILE RECORDING [OPTION...]
	"$egret" import -o "$2" "${@:3}" "$1" 2>"$tmp/says" || fail "import of $1: $(cat "$tmp/says")"
}
# perf takes a wrong turn where another program asks for build-ids, unless it asks for them too.
perf_record() { # FILE OPTION... -- COMMAND
	perf record --buildid-mmap -q -e cpu-clock -F 1999 -o "$@" >/dev/null 2>"$tmp/perf" || skip "perf record: $(tail -n 1 "$tmp/perf")"
}
perf_script() {
	perf script --no-inline "$@" 2>/dev/null
}
heads() {
	grep -c '^[^[:space:]#]'
}

# ---- chains of frame pointers, of the kernel and of several processes: address by address ----
perf_record "$tmp/fp" -g -- sh -c 'perl -e "push @a, sprintf(q(%d), \$_) for 1..60000; @a = sort @a"
	ls -lR /usr/include >/dev/null'
import "$tmp/fp" "$tmp/fp.egret"
chains() { awk '/^\t/ { c = c " " $1; next } NF { if (c != "") print c; c = $1 } END { print c }' | sort; }
perf_script -i "$tmp/fp" -F tid,ip | chains >"$tmp/want"
"$egret" script -i "$tmp/fp.egret" --no-inline -F tid,ip | chains >"$tmp/have"
check "samples of perf record -g" "$(wc -l <"$tmp/have")" '>' 100
cmp -s "$tmp/want" "$tmp/have" || fail "chains differ: $(diff "$tmp/want" "$tmp/have" | head -n 4)"
# Names, threads, times and periods as perf script has them. Of the aliases of a function either may be shown.
lines() { sed -nE '/^\S/{s/ +/ /g;s/ $//;p};/ffffffff[0-9a-f]{8} /{s/^\s+//;p}' | sort; }
perf_script -i "$tmp/fp" -F comm,tid,time,period,event,ip,sym | lines >"$tmp/want"
"$egret" script -i "$tmp/fp.egret" --no-inline -F comm,tid,time,period,event,ip,sym | lines >"$tmp/have"
grep -q ' do_syscall_64$' "$tmp/have" || fail "no names of the kernel"
cmp -s <(grep -v ^ffffffff "$tmp/want") <(grep -v ^ffffffff "$tmp/have") ||
	fail "samples differ: $(diff "$tmp/want" "$tmp/have" | grep -v ffffffff | head -n 4)"
same=$(comm -12 <(grep ^ffffffff "$tmp/want") <(grep ^ffffffff "$tmp/have") | wc -l)
check "names of kernel frames that are the same, of 100" "$((100 * same / $(grep -c ^ffffffff "$tmp/want")))" '>=' 98
"$egret" report -i "$tmp/fp.egret" --stdio 2>/dev/null | grep -q '^# imported: ' || fail "report does not say that stacks are imported"

# ---- copies of the stack: unwound by egret ----
perf_record "$tmp/dwarf" --call-graph dwarf,16384 -- "$workloads/threads" 2 100
import "$tmp/dwarf" "$tmp/dwarf.egret"
"$egret" report -i "$tmp/dwarf.egret" --stats >"$tmp/stats" 2>/dev/null
stat() { awk -v key="$1" '$1 == key { gsub(",", "", $2); print $2 }' "$tmp/stats"; }
check "samples of perf record --call-graph dwarf" "$(stat samples.written)" == "$(perf_script -i "$tmp/dwarf" | heads)"
check "stacks that egret finds whole" "$((1000 * $(stat unwind.root) / $(stat samples.written)))" '>=' 950
"$egret" export -i "$tmp/dwarf.egret" | grep -q '^threads;clone3*;start_thread;worker;work;qsort_r;' ||
	fail "no stack from clone to qsort: $("$egret" export -i "$tmp/dwarf.egret" | head -n 3)"
import "$tmp/dwarf" "$tmp/libdw.egret" --unwinder=libdw
for data in dwarf libdw; do "$egret" export -i "$tmp/$data.egret" -o "$tmp/$data.folded"; done
cmp -s "$tmp/dwarf.folded" "$tmp/libdw.folded" || fail "unwinders differ: $(diff "$tmp/dwarf.folded" "$tmp/libdw.folded" | head -n 4)"

# ---- compressed, and through a pipe ----
perf_record "$tmp/z" -z -g -- "$workloads/threads" 1 50
perf record --buildid-mmap -q -e cpu-clock -F 1999 -g -o - -- "$workloads/threads" 1 50 >"$tmp/pipe" 2>/dev/null
for data in z pipe; do
	import "$tmp/$data" "$tmp/$data.egret"
	check "samples of $data" "$("$egret" script -i "$tmp/$data.egret" | heads)" == "$(perf_script -i "$tmp/$data" | heads)"
	"$egret" export -i "$tmp/$data.egret" | grep -q '^threads;.*qsort\|^threads;.*msort' || fail "no names in $data"
done
import - "$tmp/stdin.egret" <"$tmp/pipe"
cmp -s "$tmp/pipe.egret" "$tmp/stdin.egret" || fail "standard input is read otherwise than a file"

# ---- what egret writes, read back ----
perf_script -i "$tmp/fp" >"$tmp/fp.script"
import "$tmp/fp.script" "$tmp/fp.script.egret"
check "samples of perf script's text" "$("$egret" script -i "$tmp/fp.script.egret" | heads)" == "$(heads <"$tmp/fp.script")"
for data in fp dwarf; do
	"$egret" export -i "$tmp/$data.egret" --by-thread -o "$tmp/want"
	"$egret" export -i "$tmp/$data.egret" -f pprof -o "$tmp/pprof"
	"$egret" script -i "$tmp/$data.egret" >"$tmp/perf-script"
	cp "$tmp/want" "$tmp/folded"
	for format in folded perf-script pprof; do
		import "$tmp/$format" "$tmp/back"
		"$egret" export -i "$tmp/back" --by-thread -o "$tmp/have"
		sed -i 's/;\[\([^;]*\)+0x[0-9a-f]*\]/;[\1]/g' "$tmp/have" "$tmp/want" # an address may be that of the call
		cmp -s <(sort "$tmp/want") <(sort "$tmp/have") ||
			fail "$data as $format: $(diff <(sort "$tmp/want") <(sort "$tmp/have") | head -n 4 | cut -c1-300)"
	done
done

# ---- what is cut, damaged, or not read: one line, and no file ----
refused() { # FILE WHAT
	"$egret" import -o "$tmp/none" "$1" >"$tmp/says" 2>&1 && fail "$1 was imported"
	check "lines about $1" "$(wc -l <"$tmp/says")" == 1
	grep -q "$2" "$tmp/says" || fail "of $1 it says: $(cat "$tmp/says")"
	[ -e "$tmp/none" ] || [ -e "$tmp/none.part" ] && fail "$1 left something behind"
	return 0
}
for data in fp z pipe pprof perf-script folded; do
	size=$(wc -c <"$tmp/$data")
	for part in 20 "$((size / 3))" "$((size - 5))"; do
		# A text that is cut behind a line is a text.
		[ -n "$(head -c "$part" "$tmp/$data" | tail -c 1 | tr -d '\0')" ] || part=$((part - 1))
		head -c "$part" "$tmp/$data" >"$tmp/cut.$data"
		refused "$tmp/cut.$data" .
	done
done
{ printf 2ELIFREP; tail -c +9 "$tmp/fp"; } >"$tmp/swapped"
refused "$tmp/swapped" 'other byte order'
mkdir "$tmp/directory"
refused "$tmp/directory" 'a directory'
: >"$tmp/empty"
refused "$tmp/empty" 'empty'
finish
