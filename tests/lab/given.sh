#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A session of a process without privileges, on what another one has opened, with this kernel's backend.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
need "$tools/session_given"
which=inline
[ -d $pmu ] && which=hook
chmod 711 "$tmp"
mkdir "$tmp/theirs"
chmod 777 "$tmp/theirs"
"$tools/session_given" give $which 200 "$tmp/theirs/data" "$workloads/busy" >"$tmp/said" 2>"$tmp/err" ||
	fail "session_given: $(cat "$tmp/err")"
grep -qx "backend $which" "$tmp/said" || fail "another backend: $(cat "$tmp/said")"
grep -qx 'CapEff:.0000000000000000' "$tmp/said" || fail "it has capabilities: $(cat "$tmp/said")"
[ "$(grep -vcE '^(Uid|Cap|runs|backend|ends)' "$tmp/said")" = 0 ] || fail "$(cat "$tmp/said")"
"$egret" report --stats -i "$tmp/theirs/data" >"$tmp/stats" 2>&1
"$egret" export --format=folded -i "$tmp/theirs/data" >"$tmp/folded"
n=$(stat_of samples.written)
check "samples" "$n" '>=' 100
check "each has a capture of its own" "$(stat_of captures.requested)" '>=' $((n * 9 / 10))
check "complete, per mille ($(endings))" "$(permille "$(stat_of unwind.root)" "$n")" '>=' 950
check "stacks" "$(samples_of ';start_thread;busy[; ]')" '>' $((n * 8 / 10))
check_identity "given"
finish
