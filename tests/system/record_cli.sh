#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What record and flame promise about the command they run, the file they leave, and signals.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
need_root
egret=$(realpath "$egret")
cd "$tmp" || exit 1
cat >spin.sh <<'END'
i=0
while [ $i -lt "${1:-150000}" ]; do i=$((i + 1)); done
END

same() { # WHAT GOT WANT
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}
status_of() { # ARGUMENT...: the exit status of a recording of them
	"$egret" record "$@" >out 2>err
	echo $?
}
samples_in() { "$egret" report -i "$1" --no-tree 2>/dev/null | sed -n 's/^# samples: *//p' | tr -d ,; }
files() { echo * | tr ' ' '\n' | grep "^$1" | tr '\n' ' '; }

# The command's exit status is passed on; one that cannot be run leaves no file.
same "status of exit 7" "$(status_of -o a.data -- sh -c 'exit 7')" 7
same "status of kill -9" "$(status_of -o a.data -- sh -c 'kill -9 $$')" 137
rm -f a.data*
same "status of no command" "$(status_of -q -o a.data -- no-such-command)" 127
same "what it says" "$(grep -v 'no PMU' err)" \
	"egret: cannot run 'no-such-command': No such file or directory"
same "files left" "$(files a.data)" ""
same "status of no process" "$(status_of -o a.data -p 99999999)" 1
same "files left" "$(files a.data)" ""

# Nothing is sampled of the copy of egret that is to become the command.
for _ in 1 2 3; do
	"$egret" record -q -F max -o a.data -- sh spin.sh 10000 2>err || fail "sh: $(cat err)"
	check "samples of sh" "$(samples_in a.data)" '>' 0
	check "the highest rate, Hz" "$("$egret" report -i a.data | sed -nE 's/^# event .* at ([0-9]+) Hz.*/\1/p')" '<=' 10000
	"$egret" export -i a.data | grep -v '^sh;' >others && fail "this is sampled too: $(head -n 3 others)"
done
rm -f a.data*

# An older recording becomes .old; the part is gone when the recording is whole.
same "status" "$(status_of -o b.data -- sh spin.sh)" 0
first=$(cksum <b.data)
same "status" "$(status_of -o b.data -- sh spin.sh)" 0
same "files" "$(files b.data)" "b.data b.data.old "
same "the old recording" "$(cksum <b.data.old)" "$first"
check "samples" "$(samples_in b.data)" '>' 20
same "mode of the file" "$(stat -c %a b.data)" 600

# Standard output carries the recording, and what the command prints goes to standard error.
"$egret" record -o - -- sh -c 'echo from the command; . ./spin.sh' >c.data 2>err
check "samples through a pipe" "$(samples_in c.data)" '>' 20
grep -qx 'from the command' err || fail "what the command printed is not on standard error"
"$egret" record -o - -- sh spin.sh >/dev/full 2>err
same "status on a full disk" $? 1
grep -q '^egret: .*No space left on device' err || fail "a full disk is not named: $(cat err)"

# The command inherits no descriptor of egret's, and the signal mask that egret was started with.
"$egret" record -q -o c.data -- sh -c 'ls /proc/self/fd; grep SigBlk /proc/self/status' >with 2>err
sh -c 'ls /proc/self/fd; grep SigBlk /proc/self/status' >without
cmp -s with without || fail "the command inherits: $(diff without with | tr '\n' ' ')"

# endless FILE: a command that leaves FILE when it has been busy for a while, and goes on.
endless() {
	rm -f "$1"
	forever=(sh -c ". ./spin.sh; : >$1; exec sh spin.sh 100000000")
}
busy_for_a_while() { # FILE
	for ((tries = 0; tries < 300; tries++)); do
		[ -e "$1" ] && return
		sleep 0.1
	done
	fail "the command has not been busy in 30 s: $(cat err)"
}

# SIGINT ends a recording; the file is whole, and the command is ended too.
endless d.begun
"$egret" record -o d.data -- "${forever[@]}" 2>err &
pid=$!
busy_for_a_while d.begun
kill -INT $pid
wait $pid
same "status after SIGINT" $? 143
same "files" "$(files d.data)" "d.data "
check "samples until SIGINT" "$(samples_in d.data)" '>' 20
"$egret" report -i d.data 2>err >out
same "what report says of it" "$(cat err)" ""

# SIGKILL: the part is readable up to the last flush, and the next recording keeps it.
endless e.begun
"$egret" record -q -o e.data -- "${forever[@]}" 2>err &
pid=$!
busy_for_a_while e.begun
sleep 2.2
child=$(pgrep -P $pid)
kill -KILL $pid
wait $pid 2>/dev/null
kill "$child"
same "files after SIGKILL" "$(files e.data)" "e.data.part "
check "samples until the last flush" "$(samples_in e.data.part)" '>' 20
"$egret" report -i e.data.part >out 2>err
same "status of report" $? 0
grep -q 'mid-air' err || fail "report does not say that the recording is cut"
same "status of the next one" "$(status_of -q -o e.data -- sh spin.sh)" 0
same "files after the next one" "$(files e.data)" "e.data e.data.part.old "

# Only one recording at a time writes a file.
endless f.begun
"$egret" record -q -o f.data -d 4 -- "${forever[@]}" 2>err &
busy_for_a_while f.begun
same "status of the second one" "$(status_of -q -o f.data -- sh spin.sh)" 1
grep -q 'being written by another recording' err || fail "it does not say why: $(cat err)"
wait $!
check "samples of the first one" "$(samples_in f.data)" '>' 20

# -d ends the command; its status is 0 then, because that was asked for.
start=$SECONDS
same "status after -d" "$(status_of -q -o g.data -d 0.5 -- sh spin.sh 100000000)" 0
check "seconds it took" $((SECONDS - start)) '<' 10
# Far from what twice the time would bring, and from what a busy machine adds to the end.
check "samples in half a second" "$(samples_in g.data)" '<' 850
same "status with a delay" "$(status_of -q -o g.data -D 500 -d 0.5 -- sh spin.sh 100000000)" 0
check "samples after the delay" "$(samples_in g.data)" '<' 850
check "samples after the delay" "$(samples_in g.data)" '>' 50

# With -a, a command only says how long.
same "status of -a" "$(status_of -q -o h.data -a -- sh spin.sh)" 0
"$egret" export -i h.data | grep -q '^sh;' || fail "-a has not seen the command"

# A new file at each SIGUSR2, by size and by time; each is whole, and no sample is in two of them.
# shellcheck disable=SC2016  # $PPID is for the command's shell
same "status of --switch-output" \
	"$(status_of -o i.data --switch-output -- sh -c '. ./spin.sh; kill -USR2 $PPID; . ./spin.sh')" 0
same "files after one SIGUSR2" "$(files i.data | wc -w)" 2
sum=0
for f in i.data.*; do
	[[ $f =~ ^i\.data\.[0-9]{16}$ ]] || fail "the name is $f"
	check "samples of $f" "$(samples_in "$f")" '>' 20
	sum=$((sum + $(samples_in "$f")))
	"$egret" report -i "$f" 2>&1 >out | grep . && fail "$f is not whole"
done
same "samples of all files" "$sum" "$(sed -n 's/^egret: \([0-9,]*\) samples.*/\1/p' err | tr -d ,)"
same "status by time" "$(status_of -q -o j.data --switch-output=300ms -d 1 -- sh spin.sh 100000000)" 0
check "files by time" "$(files j.data | wc -w)" '>=' 3

# flame: the page's path, and nothing else of egret's, on standard output; the recording stays.
"$egret" flame -o page.html -- sh -c '. ./spin.sh; exit 3' >out 2>err
same "status of flame" $? 3
same "what flame prints" "$(cat out)" "$(realpath page.html)"
grep -qi '<html' page.html || fail "page.html is no page"
check "samples of flame's recording" "$(samples_in egret.data)" '>' 20
finish
