#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The bottoms of stacks that are no main function and no thread of glibc: coroutines, threads of a
# static program of musl, goroutines and the threads that run them.
. "$(dirname "$0")/recover_lib.sh"
need_root

whole coroutine 9950 200 "$workloads/coroutine" 500
all_go_through "makecontext" ';in_coroutine' '^coroutine;[^;]*libc[^;]*;run;in_coroutine|^coroutine;__start_context;run;in_coroutine'
if [ -x "$workloads/threads_musl" ]; then
	whole "threads of musl" 9950 200 "$workloads/threads_musl" 3 200
	all_go_through "threads of musl" ';worker;' '^threads_musl;__clone;start;worker;'
fi
if [ -x "$workloads/goroutine" ]; then
	whole goroutine 9700 60 "$workloads/goroutine" 1000
	all_go_through "goroutines" ';main\.frame' '^goroutine;runtime\.goexit(\.abi0)?;main\.main\.func1;'
fi
# Without its symbols and DWARF, which have all of its CFI: by the frame pointers that Go keeps.
if command -v go >/dev/null; then
	GO111MODULE=off go build -ldflags='-s -w' -o "$tmp/goroutine" tests/workloads/goroutine.go || fail "go"
	whole "goroutines, stripped" 9700 60 "$tmp/goroutine" 1000
	all_go_through "goroutines, stripped" ';main\.frame' '^goroutine;runtime\.goexit(\.abi0)?;main\.main\.func1;'
fi
# What ends a library: __do_global_dtors_aux is a part of crtbegin.o, which has no CFI.
if command -v g++ >/dev/null; then
	cat >"$tmp/library.cc" <<-END
		#include <time.h>
		struct spins { ~spins() { clock_t end = clock() + CLOCKS_PER_SEC / 5; while (clock() < end) for (volatile int i = 0; i < 10000; i++); } } spins;
		int one() { return 1; }
	END
	echo 'int one(); int main() { return one() - 1; }' >"$tmp/main.cc"
	g++ -O2 -shared -fPIC -o "$tmp/library.so" "$tmp/library.cc" || fail "g++"
	g++ -O2 -o "$tmp/ends" "$tmp/main.cc" "$tmp/library.so" || fail "g++"
	whole "destructors of a library" 9900 100 "$tmp/ends"
	all_go_through "destructors" ';spins::~spins' '^ends;_start;__libc_start_main;__libc_start_call_main;exit;__run_exit_handlers;_dl_fini;.*;__cxa_finalize;spins::~spins'
fi
finish
