#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Code made at run time that keeps no frame pointer: LuaJIT, HotSpot.
. "$(dirname "$0")/recover_lib.sh"
need_root
ran=0

if [ -x "$(command -v luajit)" ]; then
	cat >"$tmp/work.lua" <<-END
		local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
		local end_, sum = os.clock() + 0.6, 0
		while os.clock() < end_ do
			for i = 1, 100 do
				local t = {}
				for j = 1, 100 do t[j] = (j * 7919) % 101 .. "" end
				table.sort(t)
				sum = sum + #table.concat(t)
			end
			sum = sum + fib(20)
			for i = 1, 500000 do sum = sum + (i % 7) * 0.5 end
		end
		print(sum)
	END
	whole luajit 9500 150 luajit "$tmp/work.lua"
	# The trace is run on the frame of the interpreter, which lua_pcall called.
	all_go_through "LuaJIT's traces" ';\[jit\+' '^luajit;_start;__libc_start_main;__libc_start_call_main;.*;(lua_pcall|\[luajit\+0x[0-9a-f]*\]);\[jit\+[^;]*'
	ran=1
fi

if [ -x "$(command -v javac)" ]; then
	cat >"$tmp/Work.java" <<-END
		import java.util.*;
		public class Work {
			static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
			public static void main(String[] args) {
				long end = System.nanoTime() + 2000000000L, sum = 0;
				Map<String, Integer> map = new HashMap<>();
				while (System.nanoTime() < end) {
					sum += fib(20);
					for (int i = 0; i < 20000; i++)
						map.merge("k" + i % 997, i, Integer::sum);
					List<Integer> list = new ArrayList<>();
					for (int i = 0; i < 5000; i++)
						list.add(i * 7919 % 5003);
					list.sort((x, y) -> x - y);
					sum += list.get(7);
				}
				System.out.println(sum + map.size());
			}
		}
	END
	javac -d "$tmp" "$tmp/Work.java" || fail "javac"
	whole java 9500 100 java -cp "$tmp" Work
	all_go_through "HotSpot's code" '^java;.*\[jit\+' '^java;(__)?clone3?;start_thread;.*;\[jit\+'
	ran=1
fi
[ $ran = 1 ] || skip "neither luajit nor javac is installed"
finish
