#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Unwind tables on disk (names are kept there as well, but not looked at here): used the next time, refused where they are not to be trusted, bounded.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

cache=$tmp/cache
export EGRET_CACHE=$cache
files() { find "$cache" -name '*.cfi' | wc -l; }
bytes() { find "$cache" -name '*.cfi' -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
# 0.2 s of python, often enough that each file is hit: tables of itself, libc, ld.so and others. Not of a shell that starts it.
python=$(PATH=/usr/bin:/bin command -v python3) || skip "no python3"
work=("$python" -S -c 'for i in range(600): sorted(str(j) for j in range(900))')
complete() { check "complete stacks ($(endings)): $1" "$(stat_of unwind.root)" == "$(stat_of samples.written)"; }

record -F 4999 --no-symbols -- "${work[@]}"
complete "without a cache"
kept=$(files)
check "files" "$kept" '>=' 3
check "misses" "$(stat_of cache.misses)" '>=' "$kept"
check "hits" "$(stat_of cache.hits)" == 0
check "written" "$(stat_of cache.written)" == "$kept"
[ "$(stat -c %a "$cache")" = 700 ] || fail "mode of the directory: $(stat -c %a "$cache")"
[ -z "$(find "$cache" -name '.new-*')" ] || fail "left behind: $(ls -A "$cache")"

# Of the files that samples are in, those that are on disk are hits. Some are hit seldom; python and libc are always.
hits() { # WHAT
	local before

	before=$(files)
	record -F 4999 --no-symbols -- "${work[@]}"
	check "hits: $1" "$(stat_of cache.hits)" '>=' 2
	check "misses that are new: $1" "$(stat_of cache.misses)" == $(($(files) - before))
	check "rejected: $1" "$(sum_of cache.rejected)" == 0
}
hits "from the cache"
complete "from the cache"

# What is damaged, or could be another user's work, is refused by its reason and made anew.
reject() { # REASON COMMAND
	find "$cache" -name '*.cfi' -exec sh -c "$2" sh {} \;
	record -F 4999 --no-symbols -- "${work[@]}"
	complete "$1"
	check "rejected-$1" "$(stat_of "cache.rejected-$1")" '>=' 2
	check "hits: $1" "$(stat_of cache.hits)" == 0
	check "rejected for other reasons than $1" "$(sum_of cache.rejected)" == "$(stat_of "cache.rejected-$1")"
}
# shellcheck disable=SC2016 # $1 is of the inner shell
{
	reject checksum 'printf X | dd of="$1" bs=1 seek=200 conv=notrunc status=none'
	reject owner 'chown 1:1 "$1"'
}

# A file that is cut short while egret has it harms nothing.
"$egret" record -q -F 4999 --no-symbols --stats -o "$tmp/data" -- sh -c '"$@"; for f in "$0"/*.cfi; do : >"$f"; done; "$@"' "$cache" \
	"${work[@]}" >"$tmp/out" 2>"$tmp/stats" || fail "files cut short: $(cat "$tmp/out" "$tmp/stats")"
complete "files cut short"

# Several at once. What no sample has hit since it was cut short is still there, and would be rejected later.
find "$cache" -name '*.cfi' -size -1k -delete
for i in 1 2 3; do
	"$egret" record -q -F 4999 --no-symbols -o "$tmp/data.$i" -- "${work[@]}" >/dev/null 2>"$tmp/err.$i" &
done
wait
for i in 1 2 3; do
	[ -s "$tmp/err.$i" ] && grep -v 'PMU\|stacks are read' "$tmp/err.$i" && fail "at once: see above"
done
hits "after several at once"

# The limit.
rm -rf "$cache"
record -F 4999 --no-symbols --cache-size=128K -- "${work[@]}"
check "bytes" "$(bytes)" '<=' 131072
check "evicted or too large" "$(($(stat_of cache.evicted) + $(stat_of cache.not-written)))" '>' 0
complete "a small cache"

# A directory that others may write to is not used, and that is said.
rm -rf "$cache"
mkdir "$cache" && chmod 777 "$cache"
record -F 4999 --no-symbols -- "${work[@]}"
"$egret" record -o "$tmp/data" -- true 2>"$tmp/err"
grep -q "nothing is cached: $cache: others may write to it" "$tmp/err" || fail "no notice: $(cat "$tmp/err")"
check "files" "$(files)" == 0
complete "a directory of all"

# Nothing is kept, or elsewhere.
rm -rf "$cache"
record --no-cache -- "${work[@]}"
[ ! -e "$cache" ] || fail "--no-cache: there is $cache"
record --cache-dir="$tmp/other" -- "${work[@]}"
[ ! -e "$cache" ] || fail "--cache-dir: there is $cache"
[ -n "$(ls "$tmp/other")" ] || fail "--cache-dir: nothing in $tmp/other"
EGRET_CACHE='' record -F 4999 --no-symbols -- "${work[@]}"
[ ! -e "$cache" ] || fail "empty EGRET_CACHE: there is $cache"
check "cache.hits is not told" "$(grep -c '^cache\.' "$tmp/stats")" == 0
finish
