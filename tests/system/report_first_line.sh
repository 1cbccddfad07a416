#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Whole recordings of a compiler, of node and of a program with inlined functions are shown at once: the
# first line of `egret report` comes within half a second, since names are in the recording.
. "$(dirname "$0")/maps_lib.sh"
need_root

# first_line: the least of several times, in milliseconds.
first_line() {
	local least=100000 begin line took

	for _ in 1 2 3 4 5; do
		begin=$(date +%s%N)
		read -r line < <("$egret" report -i "$tmp/data")
		took=$((($(date +%s%N) - begin) / 1000000))
		[ -n "$line" ] || took=100000
		[ "$took" -gt "$least" ] || least=$took
	done
	echo "$least"
}

cat >"$tmp/many.cpp" <<'END'
#include <functional>
#include <iostream>
#include <map>
#include <string>
int main(int argc, char **argv)
{
	std::map<std::string, std::function<int(int)>> map;
	map[argv[0]] = [](int x) { return x + 1; };
	std::cout << map[argv[0]](argc);
}
END
record -- g++ -O2 -c "$tmp/many.cpp" -o "$tmp/many.o"
check "samples of cc1plus" "$(samples_of '^cc1plus;')" '>' 300
check "cc1plus: first line, ms" "$(first_line)" '<' 500

g++ -O2 -g -o "$tmp/words" tests/system/symbolize/words.cpp tests/system/symbolize/longest.cpp || fail "no words"
record -F 2000 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do "$1" "$(cat tests/system/*.sh | head -c 100000)"; done' sh "$tmp/words"
check "frames that are inlined" "$(grep -c '_\[i\]' "$tmp/folded")" '>' 5
check "with inlined functions: first line, ms" "$(first_line)" '<' 500

if node=$(command -v node); then
	cat >"$tmp/work.js" <<-END
		let t = 0, o = {};
		while (process.cpuUsage().user < 600000) {
			o['k' + t % 5000] = JSON.stringify({ a: t++, b: [1, 2, t] });
			"abc def ghi".replace(/[a-z]+/g, (x) => x + t);
		}
	END
	record -- sh -c 'cd "$1" && echo $$ >pid && exec "$2" --perf-basic-prof work.js' sh "$tmp" "$node"
	rm -f "/tmp/perf-$(cat "$tmp/pid").map"
	check "samples of node" "$(samples_of '^node;')" '>' 300
	check "node: first line, ms" "$(first_line)" '<' 500
fi
finish
