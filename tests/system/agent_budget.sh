#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the agent costs: it lowers its rate until it keeps to its budget, and says so; what it tells of its cost is what
# the kernel says.
# shellcheck source=tests/system/agent_lib.sh
. "$(dirname "$0")/agent_lib.sh"
need_root
need "$workloads/busy"

# CPU time of the agent and of what it has started and waited for, in milliseconds.
used_ms() { awk '{ sub(/.*\) /, ""); print int(($12 + $13 + $14 + $15) * 1000 / '"$(getconf CLK_TCK)"') }' "/proc/$agent/stat"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
fraction() { curl -sS -m 10 "$url/metrics" | awk -v name="$1" -v scale="$2" '$1 == name { printf "%d\n", $2 * scale }'; }

# Times that one of its threads went to sleep, by the scheduler's count: once a second where nothing fills its rings, for
# its samples. Other things that run on the machine may fill them. (Once a window it waits for the disk as well.)
sleeps() { cat /proc/"$agent"/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }
start_agent --window=60
sleep 2
# Until what runs is known: then there is nothing to wait for but time. Being asked wakes it, too.
for _ in 1 2 3 4; do
	asked=$(metric egret_parser_asked_total) before=$(sleeps)
	sleep 6
	slept=$(($(sleeps) - before)) asked=$(($(metric egret_parser_asked_total) - asked)) waited=$((slept - 2 * asked))
	[ $asked -gt 0 ] || break
done
if awk '{ exit $1 > 1 }' /proc/loadavg; then
	check "times woken up in 6 s of an idle machine" "$waited" '<=' 12
else
	check "times woken up in 6 s of a busy machine" "$waited" '<=' 120
fi
stop_agent TERM
echo "woken up $slept times in 6 s, $asked questions about files, load average $(cut -d ' ' -f 1 /proc/loadavg)"

# Programs with large tables that come by the hundred within one window are forgotten within it.
python=$(PATH=/usr/bin:/bin command -v python3) && python=$(readlink -f "$python")
mkdir "$tmp/programs"
start_agent --frequency=199 --max-cpu=50% --max-memory=48M --window=60
python3 tests/system/program_storm.py "$python" "$tmp/programs" 100 -c pass &
storm=$!
most=0
while kill -0 $storm 2>/dev/null; do
	now=$(awk '/^RssAnon/ { print $2 }' "/proc/$agent/status")
	[ "$now" -gt "$most" ] && most=$now
	sleep 0.2
done
check "times that it has forgotten within a window" "$(metric egret_session_trims_total)" '>=' 1
check "KiB at the most" "$most" '<=' $((48 << 10))
stop_agent TERM
echo "beside 100 programs: $most KiB at the most"

cpus=$(getconf _NPROCESSORS_ONLN)
for _ in $(seq "$cpus"); do
	"$workloads/busy" 1 60000 &
	at_end+=("kill $! 2>/dev/null")
done

# So many samples cost more than half a per cent of the machine.
start_agent --frequency=499 --max-cpu=0.5% --window=2
for _ in $(seq 120); do
	[ "$(metric egret_rate_lowered_total)" -gt 0 ] 2>/dev/null && break
	sleep 0.2
done
check "times the rate was lowered" "$(metric egret_rate_lowered_total)" '>' 0
rate=$(metric egret_rate_hertz)
check "the rate" "$rate" '<' 400
check "the rate" "$rate" '>' 0
check "the rate wanted" "$(metric egret_rate_wanted_hertz)" == 499
grep -qE "samples at [0-9]+ Hz from now on, not 499: 0.50 % of [0-9]+ CPUs are for it" "$tmp/log" || fail "$(cat "$tmp/log")"
sleep 1
before=$(used_ms) since=$(now_ms)
told_before=$(fraction 'egret_cpu_seconds_total{part="agent"}' 1000)
sleep 5
used=$(($(used_ms) - before)) elapsed=$(($(now_ms) - since))
told=$(($(fraction 'egret_cpu_seconds_total{part="agent"}' 1000) - told_before))
# Twice the budget: a program that starts is read once, whatever the rate, and this is no minute's mean. With many
# programs that start, on a machine that does other things, it says nothing.
if awk -v cpus="$cpus" '{ exit $1 > 3 * cpus }' /proc/loadavg; then
	check "ms of CPU time in $elapsed ms, at $rate Hz" "$used" '<=' $((elapsed * cpus * 10 / 1000))
fi
check "ms told" "$told" '>=' $((used - 30))
check "ms told" "$told" '<=' $((used * 2 + 60))
check "budget, thousandths of a CPU" "$(fraction egret_cpu_budget_cpus 1000)" == $((cpus * 5))
stop_agent TERM
check "exit status" "$status" == 0
echo "at $rate Hz, not 499: $used ms of CPU time in $elapsed ms"
finish
