#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# node: code made at run time, unwound by frame pointers, and named by the perf map.
. "$(dirname "$0")/programs_lib.sh"
need_root
node=$(command -v node) || skip "node is not installed"

cat >"$tmp/work.js" <<-END
	function innerOfLoop(n) {
	    let s = 0;
	    for (let i = 0; i < n; i++)
	        s = (s * 31 + i) % 1000003;
	    return s;
	}
	function middleOfStack(n) {
	    const rows = [];
	    for (let i = 0; i < 200; i++)
	        rows.push({ id: i, text: "row " + i, sum: innerOfLoop(n + i) });
	    return JSON.stringify(rows.sort((a, b) => a.sum - b.sum)).length;
	}
	const end = process.cpuUsage().user + 1200000;
	let total = 0;
	while (process.cpuUsage().user < end)
	    total += middleOfStack(5000);
	console.log("map /tmp/perf-" + process.pid + ".map");
END
program "node" 9500 "$node" --perf-basic-prof --logfile="$tmp/v8.log" --no-logfile-per-isolate "$tmp/work.js"
map=$(sed -n 's/^map //p' "$tmp/out")
[ -z "$map" ] || rm -f "$map"
check "a function, inlined into its caller or not" \
	"$(samples_of ';[^;]*middleOfStack[^;]*_\[j\]')" '>' 500
check "the loop" "$(samples_of '(innerOfLoop|middleOfStack)[^;]*_\[j\](;.*_\[k\])? ')" '>' 400
check "code made at run time without a name, of 100" \
	$(($(samples_of '\[jit\+') * 100 / ($(stat_of samples.written) + 1))) '<' 3
finish
