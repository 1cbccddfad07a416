#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Which file a name is taken from: of deleted and replaced files, and of one library at two addresses.
. "$(dirname "$0")/maps_lib.sh"
need_root

# A program that removes its own file while it runs.
make_program "$tmp/prog" work_of_deleted
record -- "$tmp/prog" unlink 400
[ ! -e "$tmp/prog" ] || fail "the program is still there"
check "deleted while it runs" "$(samples_of '^prog;.*;main;work_of_deleted(;.*_\[k\])? ')" '>' 370

# One whose file is gone before the recording begins.
make_program "$tmp/prog" work_of_deleted_before
"$tmp/prog" unlink 20000 &
before=$!
for _ in $(seq 100); do
	[ -e "$tmp/prog" ] || break
	sleep 0.05
done
[ ! -e "$tmp/prog" ] || fail "the program is still there"
record -d 500ms -p $before
kill $before
wait
check "deleted before" "$(samples_of '^prog;.*;main;work_of_deleted_before(;.*_\[k\])? ')" '>' 50
check "nothing else" "$(samples_of 'prog\+0x|unknown')" == 0

# One that is in no file system at all, and is no code made at run time for that.
make_program "$tmp/prog" work_from_memory
record -- "$workloads/from_memory" "$tmp/prog" 400
check "from memory" "$(samples_of ';main;work_from_memory(;.*_\[k\])? ')" '>' 370

# Two programs of one path: the one that was there before, and the one that took its place.
make_program "$tmp/prog" work_of_old
make_program "$tmp/next" work_of_new
"$tmp/prog" 20000 &
old=$!
mv "$tmp/next" "$tmp/prog"
"$tmp/prog" 20000 &
new=$!
sleep 0.1
record -d 700ms -p $old,$new
check "the replaced one" "$(samples_of '^prog;.*;main;work_of_old(;.*_\[k\])? ')" '>' 50
check "the one in its place" "$(samples_of '^prog;.*;main;work_of_new(;.*_\[k\])? ')" '>' 50
record -d 500ms -p $old
check "the replaced one alone" "$(samples_of ';work_of_old(;.*_\[k\])? ')" '>' 50
check "names of the other file" "$(samples_of 'work_of_new')" == 0
kill $old $new
wait

# One library in two processes, at two addresses.
make_library "$tmp/libshared.so" shared_work
for name in one two; do
	cc -O2 -x c - -o "$tmp/$name" -L"$tmp" -lshared -Wl,-rpath,"$tmp" <<-END
		#include <stdio.h>
		void shared_work(unsigned int ms);
		int main(void)
		{
			printf("%p\n", (void *)shared_work);
			fflush(stdout);
			shared_work(400);
			return 0;
		}
	END
done
# shellcheck disable=SC2016
record -- sh -c '"$1/one" & "$1/two" & wait' sh "$tmp"
check "addresses of the library" "$(sort -u "$tmp/out" | wc -l)" == 2
for name in one two; do
	check "in $name" "$(samples_of "^$name;.*;main;shared_work(;.*_\[k\])? ")" '>' 370
done
finish
