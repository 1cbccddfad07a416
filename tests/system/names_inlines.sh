#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Inlined functions and lines of a program with DWARF: in the recording, in what shows it, and from
# the cache once they were indexed.
. "$(dirname "$0")/lib.sh"
need_root

cat >"$tmp/inlined.c" <<'END'
#include <time.h>
static volatile unsigned long v;
static inline __attribute__((always_inline)) void innermost(void)
{
	for (int i = 0; i < 1000; i++)
		v = v * 3 + 1;
}
static inline __attribute__((always_inline)) void between(void)
{
	innermost();
}
__attribute__((noinline)) void outermost(void)
{
	between();
}
int main(void)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 2;

	while (clock() < end)
		for (int i = 0; i < 100; i++)
			outermost();
	return 0;
}
END
"${CC:-cc}" -O2 -g "$tmp/inlined.c" -o "$tmp/inlined" || exit 1

# share PATTERN FILE: percent of the samples of folded stacks that match.
share() {
	awk -v pattern="$1" '{ n += $NF } $0 ~ pattern { m += $NF } END { print n ? int(100 * m / n) : 0 }' "$2"
}

for run in cold cached; do
	"$egret" record -q --cache-dir="$tmp/cache" -o "$tmp/data" -- "$tmp/inlined" || fail "record"
	"$egret" export --format=folded -i "$tmp/data" -o "$tmp/folded"
	check "$run: stacks with all three" \
		"$(share 'main;outermost;between_.i.;innermost_.i.' "$tmp/folded")" '>=' 90
	"$egret" export --format=perf-script -i "$tmp/data" -o "$tmp/script"
	grep -q 'innermost.*inlined.c:6' "$tmp/script" || grep -q 'innermost.*(inlined)' "$tmp/script" ||
		fail "$run: no inlined frame as perf script has it"
	"$egret" report --stats -i "$tmp/data" >"$tmp/stats"
	echo "$run: $(grep -E 'cache\.(hits|written)' "$tmp/stats" | tr -s ' ' | tr '\n' ' ')"
done
find "$tmp/cache" -name '*.symbols' | grep -q . || fail "nothing of it is in the cache"

"$egret" export --format=folded --no-inline -i "$tmp/data" -o "$tmp/folded"
check "--no-inline: none is left" "$(grep -c 'innermost\|between' "$tmp/folded")" == 0
check "--no-inline: the function has them" "$(share 'main;outermost [0-9]+$' "$tmp/folded")" '>=' 90
"$egret" report --no-inline --no-tree -i "$tmp/data" | grep -Eq '^ *[0-9.]+ % .* outermost ' ||
	fail "report --no-inline"
"$egret" report --no-tree -i "$tmp/data" | grep -Eq '^ *[0-9.]+ % .* innermost ' || fail "report"
finish
