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
finish
