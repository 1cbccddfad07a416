#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Each command of egret-cookbook(7) does what it says: they are run in their order, as they stand, but
# for how long they record.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
page=$PWD/man/egret-cookbook.7
mkdir "$tmp/bin" "$tmp/here"
ln -s "$(realpath "$egret")" "$tmp/bin/egret"
PATH=$tmp/bin:$PATH
export EGRET_CACHE=$tmp/cache

# The program that the page speaks of, under both of its names.
make_program() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -g -fno-optimize-sibling-calls -Itests/workloads -x c - -o "$tmp/here/job" <<-'END'
		#include "spin.h"
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		FRAME int compress(int ms) { spin_ms(ms); return ms; }
		FRAME int handle_request(int ms)
		{
			volatile unsigned int sum = 0;
			size_t size = 1 << 20;
			char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, size);
			munmap(p, size);
			for (int i = 0; i < 10000000; i++)
				sum = sum * 31 + (unsigned int)i;
			return compress(ms) + (int)sum;
		}
		int main(int argc, char **argv)
		{
			int sum = 0;
			for (int i = 0; i < (argc > 1 ? atoi(argv[1]) : 2); i++)
				sum += handle_request(20);
			return sum == 1;
		}
	END
}
make_program || fail "no program"
cp "$tmp/here/job" "$tmp/here/server-$$"
cd "$tmp/here" || exit 1
"./server-$$" 100000 &
server=$!
at_end+=('kill $server 2>/dev/null')

# The lines of the examples: "# " and "$ " are prompts.
sed -n '/^\.EX/,/^\.EE/p' "$page" | sed -nE 's/\\-/-/g; s/^[#$] (egret .*)/\1/p' >"$tmp/commands"
check "commands of the page" "$(wc -l <"$tmp/commands")" '>' 30
n=0
while read -r command; do
	n=$((n + 1))
	shorter=$(sed -E "s/ -d 10/ -d 0.3/; s/\\\$\(pidof server\)/$server/; s/^(egret top .*)/\1 -n 2 -d 0.5/" <<<"$command")
	bash -c "$shorter" >"$tmp/out" 2>"$tmp/err" </dev/null ||
		case $command in
		*doctor*) ;; # its status says whether all is well
		*) fail "$command: status $?: $(tail -n 3 "$tmp/err")" ;;
		esac
	cp "$tmp/out" "$tmp/out.$n"
	# What it leaves in a file, or prints.
	file=$(grep -oE '(-o |>)[a-z.]+' <<<"$command" | sed -E 's/^(-o |>)//')
	case $command in
	*switch-output*) ls "$file".* >/dev/null || fail "$command: no file" ;;
	*'record '*) [ -s "${file:-egret.data}" ] || fail "$command: no ${file:-egret.data}" ;;
	*'cache add'*) egret cache list | grep -q file || fail "$command: nothing is kept" ;;
	*diff*html* | *export*-o* | *script* | *import* | *merge* | *flame*) [ -s "$file" ] || fail "$command: no $file" ;;
	*) [ -s "$tmp/out" ] || fail "$command: prints nothing" ;;
	esac
	case $command in
	*annotate* | *sort=total* | *'top '*) grep -q handle_request "$tmp/out" || fail "$command: no handle_request" ;;
	*focus*) grep -q ' compress \| spin_ms ' "$tmp/out" || fail "$command: no compress" ;;
	*ignore*) ! grep -q '  compress  ' "$tmp/out" || fail "$command: has compress" ;;
	*srcline*) grep -qE '(spin.h|<stdin>|stdin):[0-9]' "$tmp/out" || fail "$command: no lines" ;;
	*--stats) grep -q ' = .* ok$' "$tmp/out" || fail "$command: no equations" ;;
	esac
done <"$tmp/commands"
finish
