#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Files of programs are read by a process that can do nothing else (--parser=process): egret's own process hands
# none of them to libelf, and stacks and names are what they are without. A file that its reader does not
# survive, that hangs it, or makes it lie, costs its own names; other programs beside it keep all of theirs.
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
need "$build/tests/system/parser_hostile"
need "$(command -v python3)" "python3 is not installed"

# ---- programs: one is good, the others are somebody's who wants to harm -----------------------------

# Each of another build, so that each is another file to egret; its last 32 bytes say what it does.
cat >"$tmp/make.py" <<'END'
import subprocess, sys
program, to, word = sys.argv[1:]
notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True).stdout
build_id = bytes.fromhex(notes.split("Build ID:")[1].split()[0])
data = open(program, "rb").read()
assert data.count(build_id) == 1
data = data.replace(build_id, word.encode().ljust(len(build_id), b"-")[:len(build_id)])
open(to, "wb").write(data + (b"EGRET " + word.encode()).ljust(32, b"\0"))
END
pids=()
for word in good crash early loop lie; do
	python3 "$tmp/make.py" "$workloads/busy" "$tmp/${word}_busy" $word || fail "$word could not be made"
	chmod 755 "$tmp/${word}_busy"
	"$tmp/${word}_busy" 1 60000 &
	pids+=($!)
done
at_end+=("kill ${pids[*]} 2>/dev/null")
sleep 0.2

# ---- beside them, the good one loses nothing ---------------------------------------------------------

"$build/tests/system/parser_hostile" 3000 "${pids[@]}" >"$tmp/folded" 2>"$tmp/stats" || fail "$(cat "$tmp/stats")"
for word in good crash early loop lie; do
	check "samples of ${word}_busy" "$(samples_of "^${word}_busy;")" '>=' 30
done
all=$(samples_of '^good_busy;')
check "permille of the good one's stacks with all names" \
	"$(permille "$(samples_of '^good_busy;clone3;start_thread;busy[; ]')" "$all")" '>=' 990
for word in crash early loop lie; do
	check "samples of ${word}_busy with a name" "$(samples_of "^${word}_busy;.*busy[; ]")" == 0
done
# The libraries of the hostile ones are others' files, and have their names.
check "samples with names of libc in crash_busy" "$(samples_of '^crash_busy;.*start_thread;')" '>=' 20
stat_of() { sed -n "s/^parser\.$1 //p" "$tmp/stats"; } # NAME
check "crashes" "$(stat_of crashed)" '>=' 3 # tables and names of one, the facts of the other
check "time-outs" "$(stat_of timeout)" '>=' 1
check "refused answers" "$(stat_of refused)" '>=' 1
check "questions" "$(stat_of asked)" == \
	$(($(stat_of answered) + $(stat_of crashed) + $(stat_of timeout) + $(stat_of refused)))
kill "${pids[@]}"

# ---- egret reads none of them -------------------------------------------------------------------------

# What is handed to libelf, by whom: what is confined can write nowhere, so each line is egret's own process.
cat >"$tmp/elf.c" <<'END'
#include <dlfcn.h>
#include <libelf.h>
#include <stdio.h>
Elf *elf_memory(char *image, size_t size)
{
	FILE *f = fopen(LOG, "a");
	if (f) {
		fprintf(f, "%zu bytes\n", size);
		fclose(f);
	}
	return ((Elf *(*)(char *, size_t))dlsym(RTLD_NEXT, "elf_memory"))(image, size);
}
END
cc -shared -fPIC -D_GNU_SOURCE -DLOG="\"$tmp/read\"" -o "$tmp/elf.so" "$tmp/elf.c" -ldl || fail "elf.so could not be made"
declare -A by_itself
for parser in none process; do
	: >"$tmp/read"
	LD_PRELOAD=$tmp/elf.so "$egret" record -q --no-cache --stats --parser=$parser -F 499 -o "$tmp/$parser.data" -- \
		env -u LD_PRELOAD "$tmp/good_busy" 1 1000 2>"$tmp/$parser.stats" || fail "$(cat "$tmp/$parser.stats")"
	by_itself[$parser]=$(wc -l <"$tmp/read")
	"$egret" export --format=folded -i "$tmp/$parser.data" >"$tmp/folded"
	all=$(samples_of '^good_busy;clone3')
	check "samples with --parser=$parser" "$all" '>=' 30
	check "permille of them with all names" "$(permille "$(samples_of '^good_busy;clone3;start_thread;busy[; ]')" "$all")" '>=' 990
	check "permille of samples whose stacks are complete" \
		"$(permille "$(sed -nE 's/^unwind\.root +([0-9]+).*/\1/p' "$tmp/$parser.stats")" \
			"$(sed -nE 's/^samples\.written +([0-9]+).*/\1/p' "$tmp/$parser.stats")")" '>=' 990
done
# Its own vdso, and root's vmlinux where there is one.
check "files that egret reads itself" "${by_itself[none]}" '>=' 5
check "files that egret reads itself, with a parser" "${by_itself[process]}" '<=' 2

# ---- which program it is ------------------------------------------------------------------------------

# parser_of EGRET: what the parser of a recording runs, while it is confined.
parser_of() {
	local recorder child

	"$1" record -q --no-cache --parser=process -o "$tmp/parser.data" -d 10 -p "${pids[0]}" 2>"$tmp/parser.log" &
	recorder=$!
	for _ in {1..50}; do
		sleep 0.1
		child=$(pgrep -P $recorder)
		[ -n "$child" ] && grep -q '^Seccomp:.*2' "/proc/$child/status" && break
	done
	readlink "/proc/$child/exe"
	kill -INT $recorder
	wait $recorder || cat "$tmp/parser.log" >&2
}
"$tmp/good_busy" 1 60000 &
pids=($!)
at_end+=("kill ${pids[*]} 2>/dev/null")
[ "$(parser_of "$egret")" = "$(realpath "$build/egret-parser")" ] ||
	fail "the parser is $(parser_of "$egret"), not egret-parser"
"$egret" doctor | grep -qx "OK  *parser of files  *$(realpath "$build/egret-parser")" ||
	fail "the doctor says: $("$egret" doctor | grep -A1 parser)"
# Without one, it is a copy of egret.
mkdir -p "$tmp/prefix/bin" "$tmp/prefix/lib/egret"
there=$tmp/prefix/bin/egret
cp "$egret" "$there"
[ "$(parser_of "$there")" = "$there" ] || fail "the parser is $(parser_of "$there"), not a copy"
"$there" doctor | grep -q '^WARN *parser of files *no egret-parser ' || fail "the doctor does not miss egret-parser"
# One of another version is none; as it is installed, it is found.
printf '#!/bin/sh\n/usr/bin/head -c 292 /dev/zero >&3\n' >"$tmp/prefix/lib/egret/egret-parser"
chmod 755 "$tmp/prefix/lib/egret/egret-parser"
[ "$(parser_of "$there")" = "$there" ] || fail "beside another version the parser is $(parser_of "$there"), not a copy"
"$there" doctor | grep -q '^WARN *parser of files *.* is of egret , and this is ' ||
	fail "the doctor takes another version: $("$there" doctor | grep -A1 parser)"
cp "$build/egret-parser" "$tmp/prefix/lib/egret/egret-parser"
[ "$(parser_of "$there")" = "$tmp/prefix/lib/egret/egret-parser" ] ||
	fail "installed, the parser is $(parser_of "$there")"
finish
