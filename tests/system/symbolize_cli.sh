#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# egret symbolize as its users meet it: what it prints, answers through a pipe, a process with a
# perf map, the kernel, files that vanish, and what it says to input that makes no sense.
. "$(dirname "$0")/lib.sh"

cat >"$tmp/program.cpp" <<'END'
#include <unistd.h>
namespace space { template <class T> __attribute__((noinline)) T twice(T x) { asm volatile(""); return x + x; } }
int main(int argc, char **argv) { if (argc > 1) pause(); return space::twice(argc); }
END
g++ -O1 -o "$tmp/program" "$tmp/program.cpp" || exit 1
address_of() { nm "$tmp/program" | awk -v name="$1" '$3 == name { print $1 }'; }
twice=$(address_of _ZN5space5twiceIiEET_S1_) main=$(address_of main)

symbolize() { "$egret" symbolize "$@" 2>"$tmp/err"; }
is() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
refuses() { # STATUS TEXT ARGS...: one line that has the text
	local want=$1 text=$2
	shift 2
	"$egret" symbolize "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	check "exit status of $*" $? == "$want"
	check "lines on standard error of $*" "$(wc -l <"$tmp/err")" == 1
	check "bytes on standard output of $*" "$(wc -c <"$tmp/out")" == 0
	grep -qF -e "$text" "$tmp/err" || fail "$*: says '$(cat "$tmp/err")', not '$text'"
}

# Names in three ways.
is full "$(symbolize -e "$tmp/program" "$twice" | cut -f2)" 'int space::twice<int>(int)'
is short "$(symbolize -e "$tmp/program" -C short "$twice" | cut -f2)" 'space::twice'
is no "$(symbolize -e "$tmp/program" --demangle=no "0x$twice" | cut -f2)" _ZN5space5twiceIiEET_S1_

# JSON that a parser takes, with nothing in it where nothing is known.
symbolize -e "$tmp/program" --json "$main" ffffffffffff >"$tmp/json"
python3 - "$tmp/json" <<'END' || fail "JSON: $(cat "$tmp/json")"
import json, sys
known, unknown = [json.loads(line) for line in open(sys.argv[1])]
assert known["frames"][-1]["function"] == "main", known
assert unknown == {"address": "0xffffffffffff", "module": known["module"], "offset": "0xffffffffffff",
                   "frames": [{}], "why": "the file has no bytes for that address"}, unknown
END

# A program that asks one by one is answered one by one.
mkfifo "$tmp/to" "$tmp/from"
symbolize -e "$tmp/program" <"$tmp/to" >"$tmp/from" &
asked=$!
exec 3>"$tmp/to" 4<"$tmp/from"
for i in 1 2 3; do
	echo "$main" >&3
	read -r -t 10 line <&4 || fail "no answer through the pipe"
	is "answer $i" "$(cut -f2 <<<"$line")" main
done
# The file may go in between.
rm "$tmp/program"
echo "$twice" >&3
read -r -t 10 line <&4
is "answer of a file that has vanished" "$(cut -f2 <<<"$line")" 'int space::twice<int>(int)'
exec 3>&-
wait $asked || fail "the end of the addresses is not the end"
exec 4<&-
g++ -O1 -o "$tmp/program" "$tmp/program.cpp" || exit 1

# A slip in a stream: what came before is answered, and the line is named.
printf '%s\n%s xyz\n%s\n' "$main" "$main" "$main" | symbolize -e "$tmp/program" >"$tmp/out"
check "exit status after a slip" $? == 1
check "answers before the slip" "$(wc -l <"$tmp/out")" == 2
grep -q "line 2: 'xyz' is no address" "$tmp/err" || fail "does not name the slip: $(cat "$tmp/err")"

# A process, and what it says of its own code; then it is gone.
"$tmp/program" wait &
pid=$!
at_end+=("kill $pid 2>/dev/null")
for _ in $(seq 100); do
	[ "$(cat "/proc/$pid/comm")" = program ] && break
	sleep 0.02
done
base=$(awk '/program$/ { split($1, range, "-"); print range[1]; exit }' "/proc/$pid/maps")
is "in a process" "$(symbolize -p $pid "$(printf '%x' $((0x$base + 0x$main)))" | cut -f2)" main
is "module" "$(symbolize -p $pid "$(printf '%x' $((0x$base + 0x$main)))" | cut -f4)" "$tmp/program"
kill $pid
wait $pid 2>/dev/null
refuses 1 "there is no process $pid" -p $pid 1

# Code that a JIT tells of in a jitdump, with its lines.
need "$workloads/jitdump"
"$workloads/jitdump" 20000 "$tmp" &
pid=$!
at_end+=("kill $pid 2>/dev/null")
for _ in $(seq 100); do
	grep -qa jit_first "$tmp/jit-$pid.dump" 2>/dev/null && break
	sleep 0.02
done
code=$(awk '$2 == "rwxp" && $6 == "" { split($1, range, "-"); print range[1]; exit }' "/proc/$pid/maps")
at_code() { printf '%x' $((0x$code + $1)); }
is "lines of a jitdump" "$(symbolize -p $pid "$(at_code 0)" "$(at_code 5)" "$(at_code 4096)" | cut -f2,3 | tr '\t\n' '  ')" \
	'jit_first /srv/first.js:10 jit_first /srv/first.js:11 jit_never ??:0 '
symbolize -p $pid --json "$(at_code 64)" | grep -qF '"frames":[{}],"why":' || fail "code that the jitdump does not tell"
kill $pid

if [ "$(id -u)" = 0 ]; then
	text=$(awk '$3 == "_text" || $3 == "_stext" { print $1; exit }' /proc/kallsyms)
	is "module of the kernel" "$(symbolize -k "$text" | cut -f4)" '[kernel.kallsyms]'
	name=$(symbolize -k "$text" | cut -f2)
	grep -qiE "^$text . $name\$" /proc/kallsyms || fail "the kernel has no $name at $text"
fi

echo 'not an ELF file' >"$tmp/text"
echo 'int x;' | gcc -c -x c - -o "$tmp/object.o"
head -c 700 "$tmp/program" >"$tmp/cut"
refuses 2 "'xyz' is no address" -e "$tmp/program" "$main" xyz
refuses 2 "and one" "$main"
refuses 2 "and one" -e "$tmp/program" -k "$main"
refuses 2 "and one" -p 1,2 "$main"
refuses 2 "goes with -e only" -k --file-offset "$main"
refuses 2 "medium" -e "$tmp/program" -C medium "$main"
refuses 1 "No such file" -e "$tmp/nowhere" "$main"
refuses 1 "ELF" -e "$tmp/text" "$main"
refuses 1 "not a regular file" -e "$tmp" "$main"
refuses 1 "is relocatable" -e "$tmp/object.o" 0
symbolize -e "$tmp/cut" "$main" >"$tmp/out" # says what it can, or that it cannot
check "exit status with a file that is cut" $? '<=' 1

finish
