#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Labels of processes, from their environment to what pprof reads: of two programs each has its own, a
# child has its parent's and what is new after execve, a replay has those of the recording, a filter
# goes by them, and nothing else of the environment is anywhere.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need "$workloads/busy"
command -v go >/dev/null || skip "there is no go here"

cp "$workloads/busy" "$tmp/till"
cat >"$tmp/both" <<END
OTEL_SERVICE_NAME=shop OTEL_RESOURCE_ATTRIBUTES='team=a%2Cb,service.name=other' PASSWORD=hunter2hunter2 $tmp/till 1 900 &
OTEL_RESOURCE_ATTRIBUTES='service.name=cellar,team=wine' $workloads/busy 1 900 &
OTEL_RESOURCE_ATTRIBUTES='no list, at all' $workloads/busy 1 900 &
wait
END
"$egret" record -q --raw --labels --stats -F 499 -o "$tmp/data" -- sh "$tmp/both" >/dev/null 2>"$tmp/stats" || fail "record: $(tail -n 3 "$tmp/stats")"
"$egret" replay -i "$tmp/data" -o "$tmp/replayed" 2>"$tmp/err" || fail "replay: $(cat "$tmp/err")"

for file in data replayed; do
	"$egret" export -i "$tmp/$file" --format=pprof -o "$tmp/$file.pb.gz" 2>"$tmp/err" || fail "export: $(cat "$tmp/err")"
	go tool pprof -tags "$tmp/$file.pb.gz" >"$tmp/tags" 2>/dev/null
	tag() { # KEY VALUE: whether samples have it
		awk -v key="$1:" -v value="$2" '$1 == key { inside = 1; next } /^ *[a-z_.0-9]+: Total/ { inside = ($1 == key) } inside && $NF == value { found = 1 } END { exit !found }' "$tmp/tags"
	}
	for pair in service.name=shop service.name=cellar team=a,b team=wine process.executable.name=till process.executable.name=busy; do
		tag "${pair%%=*}" "${pair#*=}" || fail "$file: no sample has $pair: $(cat "$tmp/tags")"
	done
	tag service.name other && fail "$file: OTEL_SERVICE_NAME does not win"
	samples() { "$egret" export -i "$tmp/$file" --format=folded "$@" -o - 2>/dev/null | awk '{ n += $NF } END { print n + 0 }'; }
	all=$(samples) shop=$(samples --label service.name=shop) rest=$(samples --label 'service.name!=shop')
	check "$file: samples of the shop" "$shop" '>' 100
	check "$file: samples of it and of all others" $((shop + rest)) == "$all"
	check "$file: samples by a pattern" "$(samples --label 'service.name=[sc]*')" '>' $((shop + 100))
	"$egret" report -i "$tmp/$file" --sort=label:service.name --json --percent-limit=0 >"$tmp/rows.json" 2>/dev/null
	check "$file: samples of the shop among the rows" "$(python3 -c '
import json, sys
print(sum(r["samples"] for e in json.load(sys.stdin)["events"] for r in e["rows"] if r["label"] == "shop"))' <"$tmp/rows.json")" == "$shop"
	check "$file: samples of the shop below its frame" "$("$egret" export -i "$tmp/$file" --by-label=service.name -o - | awk -F';' '$1 == "shop" { sub(/.* /, ""); n += $0 } END { print n + 0 }')" == "$shop"
	"$egret" export -i "$tmp/$file" --format=svg --by-label=service.name -o "$tmp/$file.svg" 2>"$tmp/err" || fail "svg: $(cat "$tmp/err")"
	check "$file: samples of the shop in the picture" "$(grep -A1 '<title>shop$' "$tmp/$file.svg" | sed -nE 's/^([0-9,]+) samples.*/\1/p' | tr -d ,)" == "$shop"
	check "$file: samples of both conditions" "$(samples --label service.name=shop --label team=wine)" == 0
done
check "lists that are none" "$(sed -nE 's/^labels.refused +([0-9]+).*/\1/p' "$tmp/stats")" '>=' 1
"$egret" record -q --labels -F 499 -o "$tmp/words" -- sh "$tmp/both" 2>/dev/null
"$egret" export -i "$tmp/words" --format=pprof -o "$tmp/words.pb.gz"
"$egret" export -i "$tmp/words" --format=otlp -o "$tmp/words.otlp"
zcat "$tmp/words.pb.gz" | cat - "$tmp/words.otlp" >"$tmp/all"
grep -q hunter2 "$tmp/all" && fail "a secret of the environment is there"
grep -q cellar "$tmp/words.otlp" || fail "OTLP has no label"

# What is asked for by a label is recorded with labels.
"$egret" flame -q -F 499 --by-label=service.name -o "$tmp/page.html" --data="$tmp/flame" -- sh "$tmp/both" >/dev/null 2>"$tmp/err" || fail "flame: $(cat "$tmp/err")"
"$egret" export -i "$tmp/flame" --by-label=service.name -o - | grep -q '^cellar;busy;' || fail "flame --by-label has no labels"

# Processes that live for a millisecond have gone when their labels are read. The cgroup of each is known, and of those
# that have their parent's image the environment too.
for mount in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ -e "$mount/cgroup.controllers" ] && mkdir "$mount/egret-labels-$$" 2>/dev/null && cgroup=$mount/egret-labels-$$ && break
done
if [ -n "${cgroup:-}" ]; then
	at_end+=("sleep 0.1; rmdir $cgroup 2>/dev/null")
	cp "$workloads/fork_storm" "$tmp/storm"
	cp "$workloads/busy" "$tmp/brief"
	"$egret" record -q --raw --labels -F 1999 -o "$tmp/storm.data" -- sh -c "echo \$\$ >$cgroup/cgroup.procs
		OTEL_SERVICE_NAME=storm $tmp/storm 300
		for i in 1 2 3 4 5 6 7 8; do $tmp/brief 1 10; done" 2>"$tmp/err" || fail "record of a storm: $(cat "$tmp/err")"
	"$egret" replay -i "$tmp/storm.data" -o "$tmp/storm.replayed" 2>"$tmp/err" || fail "replay of a storm: $(cat "$tmp/err")"
	for file in storm.data storm.replayed; do
		samples() { "$egret" export -i "$tmp/$file" --format=folded "$@" -o - 2>/dev/null | awk '{ n += $NF } END { print n + 0 }'; }
		for name in storm brief; do
			check "$file: samples of $name" "$(samples --comm=$name)" '>' 80
			check "$file: samples of $name in another cgroup" "$(samples --comm=$name --label "process.linux.cgroup!=/${cgroup##*/}")" == 0
		done
		check "$file: samples of the storm without its environment" "$(samples --comm=storm --label service.name!=storm)" == 0
	done
fi

# Without --labels there are none.
"$egret" record -q -F 499 -o "$tmp/plain" -- sh "$tmp/both" 2>/dev/null
"$egret" report -i "$tmp/plain" --sort=label:service.name >"$tmp/out" 2>"$tmp/err" && fail "rows by a label that nobody has"
grep -qx 'egret: no process here has the label "service.name"; there are none (record with --labels)' "$tmp/err" ||
	fail "a label that nobody has: $(cat "$tmp/err")"
"$egret" report -i "$tmp/words" --sort=label:servce >"$tmp/out" 2>"$tmp/err" && fail "rows by a label that is none"
grep -q 'has the label "servce"; there are: .*service.name' "$tmp/err" || fail "a label that is none: $(cat "$tmp/err")"
[ -s "$tmp/out" ] && fail "rows by a label that is none: $(head -3 "$tmp/out")"
# A label is known where the first stacks of all do not have it.
"$egret" record -q --labels -F 499 -o "$tmp/later" -- sh -c "$workloads/busy 1 300; OTEL_SERVICE_NAME=shop $tmp/till 1 300" 2>/dev/null
"$egret" report -i "$tmp/later" --sort=label:service.name --json --percent-limit=0 >"$tmp/rows.json" 2>"$tmp/err" || fail "a label that came later: $(cat "$tmp/err")"
grep -q '"shop"' "$tmp/rows.json" || fail "no row of a label that came later: $(cat "$tmp/rows.json")"
"$egret" export -i "$tmp/plain" --format=pprof -o "$tmp/plain.pb.gz"
go tool pprof -tags "$tmp/plain.pb.gz" 2>/dev/null | grep -q 'service.name' && fail "labels that nobody asked for"
finish
