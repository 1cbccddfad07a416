#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Programs of the distribution, recorded with the default options: a compiler, an interpreter, a data
# base, and threads.
. "$(dirname "$0")/programs_lib.sh"
need_root

cat >"$tmp/large.cc" <<-END
	#include <algorithm>
	#include <iostream>
	#include <map>
	#include <regex>
	#include <string>
	#include <vector>
	int main(int argc, char **argv)
	{
		std::map<std::string, std::vector<int>> m;
		std::regex r("a+(b|c)*");
		for (int i = 0; i < argc; i++)
			if (std::regex_search(argv[i], r))
				m[argv[i]].push_back(i);
		for (auto &[k, v] : m)
			std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });
		std::cout << m.size();
	}
END
program "g++" 9900 g++ -std=c++17 -O1 -c "$tmp/large.cc" -o "$tmp/large.o"
check "the compiler proper, of 1,000" "$(share '^cc1plus;.*;main;')" '>' 800

cat >"$tmp/work.py" <<-END
	import json, re
	def fib(n):
	    return n if n < 2 else fib(n - 1) + fib(n - 2)
	fib(27)
	rows = [{"id": i, "name": "row %d" % i, "values": list(range(i % 20))} for i in range(60000)]
	for _ in range(4):
	    text = json.dumps(rows)
	    rows = json.loads(text)
	    re.findall(r"row (\d+)", text)
END
program "python3" 9900 /usr/bin/python3 "$tmp/work.py"
check "the interpreter, of 1,000" "$(share '^python3;_start;.*;Py_RunMain;.*;PyEval_EvalCode;')" '>' 800

if [ -x "$(command -v sqlite3)" ]; then
	program "sqlite3" 9900 sqlite3 "" "create table t(a integer, b text, c real);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 1500000)
		insert into t select i * 7919 % 100003, 'text ' || i, i / 3.0 from n;
		create index x on t(b);
		select count(*), sum(a), avg(c) from t where b like '%99%' group by a % 13 order by 2;"
	check "the engine, of 1,000" "$(share ';sqlite3_step;')" '>' 800
fi

program "threads" 9900 "$workloads/threads" 4 250
check "work in threads, of 1,000" "$(share '^threads;(__)?clone3;start_thread;worker;work')" '>' 800
finish
