#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A grant: what root has opened, and a user without any capability runs a session on. Over a socket of
# either kind, inherited, and in a child of fork; who has opened it has ended by then. Stacks are whole
# and named, nothing is lost uncounted, and what is no grant is refused.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$(command -v setpriv)" "setpriv is not installed"
need "$workloads/busy"
need "$tools/session_given"
need_task_work

chmod 711 "$tmp"
cp "$workloads/busy" "$tmp/busy"
cp "$tools/session_given" "$tmp/given"
chmod 755 "$tmp/busy" "$tmp/given"
install -d -o 65534 "$tmp/theirs"
# Nothing that is privileged, and no memory of perf events: who opened them has mapped these first.
as_nobody=(prlimit --memlock=0 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all
	--bounding-set=-all --no-new-privs)
"${as_nobody[@]}" "$tmp/busy" 1 60000 >/dev/null 2>&1 &
at_end+=("kill $! 2>/dev/null")
busy=$!
while [ "$(cat "/proc/$busy/comm")" != busy ]; do sleep 0.02; done

serve() { # PATH BACKEND EVENT [PID]: until it listens
	rm -f "$1"
	: >"$tmp/served"
	"$tmp/given" serve "$@" >"$tmp/served" 2>&1 &
	broker=$!
	for _ in $(seq 100); do
		grep -q ready "$tmp/served" && return
		sleep 0.05
	done
	fail "nothing is served: $(cat "$tmp/served")"
}

looks_right() { # WHAT BACKEND: of the session that has said $tmp/said
	"$egret" report --stats -i "$tmp/theirs/data" >"$tmp/stats" 2>&1 || fail "$1: $(cat "$tmp/stats")"
	"$egret" export --format=folded -i "$tmp/theirs/data" >"$tmp/folded"
	grep -qx 'CapEff:.*0000000000000000' "$tmp/said" || fail "$1: it has capabilities: $(cat "$tmp/said")"
	grep -qxE 'Uid:(.65534){4}' "$tmp/said" || fail "$1: who is it: $(cat "$tmp/said")"
	[ "$(grep -c '^Cap.*00000000$' "$tmp/said")" = 5 ] || fail "$1: it has capabilities: $(cat "$tmp/said")"
	grep -qx "backend $2" "$tmp/said" || fail "$1: another backend: $(cat "$tmp/said")"
	[ "$(grep -vcE '^(Uid|Cap|runs|backend|ends)' "$tmp/said")" = 0 ] || fail "$1: $(cat "$tmp/said")"
	check_identity "$1"
	check "samples: $1" "$(samples_of '^busy;')" '>' 0
	check "named: $1" "$(samples_of '^busy;clone3;start_thread;busy[; ]')" '>=' $(($(samples_of '^busy;') * 9 / 10))
}

# ---- of a process of its own user: whole, complete, named ------------------------------------------

for backend in task-work inline; do
	serve "$tmp/stream" $backend cpu-clock $busy
	"${as_nobody[@]}" "$tmp/given" receive "$tmp/stream" 150 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" ||
		fail "$backend: $(cat "$tmp/err")"
	wait "$broker"
	check "it was sent" "$(grep -cxE 'ready|sent' "$tmp/served")" == 2
	check "and nothing else" "$(wc -l <"$tmp/served")" == 2
	looks_right "$backend" $backend
	check_complete "$backend" 150
	check "each has a capture of its own: $backend" "$(stat_of captures.requested)" '>=' \
		$(($(stat_of samples.written) * 9 / 10))
	check "of this process: $backend" "$(samples_of '^busy;')" == "$(stat_of samples.written)"
	grep -qx 'ends 1' "$tmp/said" || fail "$backend: it has ended"
done

# ---- the system: by the other ways -----------------------------------------------------------------

serve "$tmp/seqpacket" inline cpu-clock
"${as_nobody[@]}" "$tmp/given" receive "$tmp/seqpacket" 250 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" ||
	fail "packets: $(cat "$tmp/err")"
looks_right packets inline
"$tmp/given" hold task-work cpu-clock "${as_nobody[@]}" "$tmp/given" inherit 250 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" ||
	fail "inherited: $(cat "$tmp/err")"
looks_right inherited task-work
prlimit --memlock=0 "$tmp/given" fork task-work 250 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" || fail "forked: $(cat "$tmp/err")"
looks_right forked task-work
# root may read /proc/kallsyms, and so may who has its descriptor.
dd if=/dev/zero of=/dev/null bs=64k status=none &
at_end+=("kill $! 2>/dev/null")
serve "$tmp/stream" task-work cpu-clock
"${as_nobody[@]}" "$tmp/given" receive "$tmp/stream" 250 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" ||
	fail "the system: $(cat "$tmp/err")"
looks_right "the system" task-work
check "functions of the kernel" "$(samples_of '^dd;.*(do_syscall_64|ksys_read|vfs_read)_\[k\]')" '>' 0
# A tracepoint's program is attached by who has its descriptor, when the session starts.
serve "$tmp/stream" task-work sched:sched_switch $busy
"${as_nobody[@]}" "$tmp/given" receive "$tmp/stream" 5 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" ||
	fail "a tracepoint: $(cat "$tmp/err")"
"$egret" report --stats -i "$tmp/theirs/data" >"$tmp/stats" 2>&1
check_identity "a tracepoint"
check "hits of a tracepoint" "$(stat_of samples.written)" '>' 0

# A process that ends, ends the session.
"${as_nobody[@]}" "$tmp/busy" 1 60000 >/dev/null 2>&1 &
short=$!
serve "$tmp/stream" task-work cpu-clock $short
: >"$tmp/said"
"${as_nobody[@]}" "$tmp/given" receive "$tmp/stream" 100000 "$tmp/theirs/data" >"$tmp/said" 2>"$tmp/err" &
receiver=$!
for _ in $(seq 200); do
	grep -q runs "$tmp/said" && break
	sleep 0.05
done
kill $short
wait $receiver || fail "$(cat "$tmp/err")"
grep -qx 'ends 0' "$tmp/said" || fail "it goes on without its process: $(cat "$tmp/said")"

# ---- what is none ----------------------------------------------------------------------------------

serve "$tmp/stream" task-work cpu-clock
"${as_nobody[@]}" "$tmp/given" refuse "$tmp/stream" >"$tmp/said" 2>"$tmp/err" || fail "refuse: $(cat "$tmp/err")"
refused() { # CASE PATTERN
	local line

	line=$(sed -n "s/^$1: //p" "$tmp/said")
	grep -qE -- "$2" <<<"$line" || fail "$1: '$line' is not '$2'"
}
refused cut 'the grant is cut: [0-9]+ bytes came'
refused magic 'no grant of egret.s'
refused format 'both sides need the same'
refused version 'both sides need the same'
refused backend 'capture backend .* not known'
refused scope 'no grant of egret.s'
refused 'stack limit' 'no grant of egret.s'
refused id 'is not .* that the grant speaks of'
refused 'no id' 'no grant of egret.s'
refused 'one less' 'the grant is of [0-9]+ descriptors, and [0-9]+ came'
refused none 'the grant is of [0-9]+ descriptors, and 0 came'
refused closed '\(987\) is not the event of mappings of CPU 0 that'
refused negative '\(-1\) is not the ring of samples of CPU 0 that'
refused 'a pipe' 'is not the ring of samples of CPU 0 that'
refused 'a file' 'is not /proc/kallsyms that'
refused 'another ring' 'is not the ring of samples of CPU 0 that'
refused 'another event' 'is not the event of mappings of CPU 0 that'
refused 'a map for an event' 'is not the event of mappings of CPU 0 that'
refused 'socket: nothing, and gone' 'the other side has gone'
refused 'socket: one byte, and no more' 'timed out'
refused 'socket: zeros' 'no grant of egret.s'
refused 'socket: sizes' 'no grant of egret.s'
refused 'socket: the head only' 'the other side has gone'
refused 'socket: a descriptor too early' 'no grant of egret.s'
check "what was refused" "$(grep -cE '^[a-z :,]+: .+' "$tmp/said")" == 24
check "what was taken" "$(grep -cE 'TAKEN|NOTHING SAID' "$tmp/said")" == 0
grep -qxE 'prefixes [0-9]{3,} taken 0' "$tmp/said" || fail "parts of a grant were taken: $(grep prefixes "$tmp/said")"
check "descriptors that stayed" "$(grep -cx 'descriptors left 0' "$tmp/said")" == 2

# Who is not privileged opens nothing to give.
"${as_nobody[@]}" "$tmp/given" serve "$tmp/theirs/none" inline cpu-clock >"$tmp/said" 2>"$tmp/err" && fail "nobody opened a grant"
grep -qE '^open: not allowed .*CAP_(BPF|PERFMON)' "$tmp/err" || fail "nobody was told: $(cat "$tmp/err")"
finish
