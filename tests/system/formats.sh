#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# One recording in every format: the same samples, stacks and functions, as the tools read them for
# which the formats are made.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
command -v go >/dev/null || skip "no go, for go tool pprof"

export_as() {
	"$egret" export -i "$tmp/data" --format="$1" -o "$2" || fail "no $1"
}

# A program of many functions with its threads, files of its own and of libraries, and the kernel.
record -F 1999 -- sh -c "$workloads/threads 3 150 & perl -e 'push @a, sprintf(q(%d), \$_) for 1..150000;
	@a = sort @a'; wait"
samples=$(stat_of samples.written)
check "samples" "$samples" '>' 300
"$egret" export -i "$tmp/data" --by-thread -o "$tmp/all.folded" || fail "no folded lines"
export_as pprof "$tmp/all.pb.gz"
export_as perf-script "$tmp/all.script"
export_as speedscope "$tmp/all.speedscope.json"
export_as callgrind "$tmp/callgrind.out"
export_as svg "$tmp/all.svg"
export_as firefox "$tmp/all.firefox.json"
export_as perfetto "$tmp/all.perfetto"
export_as otlp "$tmp/all.otlp"
"$egret" report -i "$tmp/data" --json --sort=sym --percent-limit=0 >"$tmp/report.json" || fail "no report"
tests/system/formats.py "$tmp/all.folded" pprof "$tmp/all.pb.gz" perf-script "$tmp/all.script" \
	speedscope "$tmp/all.speedscope.json" callgrind "$tmp/callgrind.out" svg "$tmp/all.svg" \
	firefox "$tmp/all.firefox.json" perfetto "$tmp/all.perfetto" otlp "$tmp/all.otlp" report "$tmp/report.json" ||
	fail "not the same in all formats"

# ---- perf.data: perf report and perf script read it ----
if command -v perf >/dev/null; then
	export_as perf-data "$tmp/perf.data"
	"$egret" script -i "$tmp/data" --no-inline -F comm,pid,tid,time,ip,sym >"$tmp/addresses"
	tests/system/formats_perf.py "$tmp/perf.data" "$tmp/addresses" || fail "perf reads something else"
	# And egret itself: addresses of calls are in the same functions, at the same lines.
	"$egret" import -o "$tmp/back" "$tmp/perf.data" 2>/dev/null || fail "perf.data is not read back"
	for data in data back; do
		"$egret" export -i "$tmp/$data" --by-thread | grep -v '\[cut: ' | sed 's/+0x[0-9a-f]*//g' | sort >"$tmp/$data.lines"
	done
	# But for where an interrupt hit the kernel at the start of a function: the address is not one behind a call.
	same=$(comm -12 "$tmp/data.lines" "$tmp/back.lines" | wc -l)
	check "stacks that are read back, of 100" "$((100 * same / $(wc -l <"$tmp/data.lines")))" '>=' 98
fi

# ---- the rows of report, by keys of the sample ----
by_key() { # KEY TEXT: samples of its row
	"$egret" report -i "$tmp/data" --json --sort="$1" --percent-limit=0 |
		/usr/bin/python3 -c 'import json, sys
rows = json.load(sys.stdin)["events"][0]["rows"]
print(sum(r["samples"] for r in rows if not sys.argv[2] or str(r[sys.argv[1]]) == sys.argv[2]))' "$1" "$2"
}
check "samples of perl" "$(by_key comm perl)" == "$(grep -c '^perl ' "$tmp/all.script")"
check "samples of CPU 0" "$(by_key cpu 0)" == "$(grep -cE '^[^	].* \[000\] ' "$tmp/all.script")"
check "samples of all threads" "$(by_key tid '')" == "$samples"

# ---- pprof ----
pprof() {
	go tool pprof "$@" 2>/dev/null
}
id=$(readelf -n "$workloads/threads" | sed -n 's/.*Build ID: //p')
# One mapping for the file, with its name and build-id.
check "mappings of threads" "$(pprof -raw "$tmp/all.pb.gz" | sed -n '/^Mappings/,$p' |
	grep -c "/threads $id ")" == 1
pprof -tags -sample_index=samples "$tmp/all.pb.gz" >"$tmp/tags"
for tag in process pid thread tid cpu; do
	grep -qE "^ *$tag: Total $samples(\.0)? *$" "$tmp/tags" || fail "not all samples have a $tag: $(head -n 3 "$tmp/tags")"
done
# A process that has ended before it was looked at is nowhere.
in_cgroups=$(sed -nE 's/^ *cgroup: Total ([0-9]+).*/\1/p' "$tmp/tags")
check "samples with a cgroup, of 100" "$((100 * ${in_cgroups:-0} / samples))" '>=' 90
cgroup=$(sed -n 's/^0:://p' /proc/self/cgroup)
awk -v cgroup="${cgroup:-/}" '/^ *cgroup: / { on = 1 } on && $NF == cgroup { found = 1 } /^$/ { on = 0 } END { exit !found }' "$tmp/tags" ||
	fail "no sample in this cgroup, ${cgroup:-/}: $(grep -A 4 cgroup "$tmp/tags")"
pprof -top -sample_index=samples "$tmp/all.pb.gz" | grep -q "Total samples = $samples " ||
	fail "the total of go tool pprof -top"
pprof -top -unit=ns "$tmp/all.pb.gz" | grep -q '^Type: cpu' || fail "CPU time is not what is shown first"
# Against itself, nothing is left.
pprof -top -sample_index=samples -base "$tmp/all.pb.gz" "$tmp/all.pb.gz" | grep -q '^Showing nodes accounting for 0, ' ||
	fail "the difference to itself: $(pprof -top -base "$tmp/all.pb.gz" "$tmp/all.pb.gz" | head -n 8)"
finish
