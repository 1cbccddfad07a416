#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# egret cache: files that were added name the frames of a stripped program, and are listed and removed.
. "$(dirname "$0")/maps_lib.sh"
need_root
export EGRET_CACHE=$tmp/cache

entries() { "$egret" cache list | grep -cv '^#'; }

check "entries of a cache that is not there" "$(entries)" == 0
make_program "$tmp/full" work_that_was_stripped
make_program "$tmp/other" work_of_another -O1
id=$(readelf -n "$tmp/full" | sed -n 's/.*Build ID: //p')
objcopy --only-keep-debug "$tmp/full" "$tmp/debug"
strip -o "$tmp/prog" "$tmp/full"
: >"$tmp/empty"

"$egret" cache add "$tmp/debug" "$tmp/other" "$tmp/debug" || fail "add"
check "entries" "$(entries)" == 2
"$egret" cache list | grep -Eq "^$id  debug-file " || fail "no debug file: $("$egret" cache list)"
check "programs" "$("$egret" cache list | grep -c '  file  ')" == 1
"$egret" cache add "$tmp/empty" "$tmp/nowhere" 2>"$tmp/err" && fail "added what is no ELF file"
check "complaints" "$(grep -c '^egret: ' "$tmp/err")" == 2
check "entries after that" "$(entries)" == 2
[ "$(stat -c %a "$tmp/cache/files/.build-id/${id:0:2}/${id:2}.debug")" = 600 ] || fail "others may read it"

record -- "$tmp/prog" 250
check "names" "$(samples_of ';work_that_was_stripped(;.*_\[k\])? ')" '>' 180
"$egret" cache list | grep -Eq '^[0-9a-f]+  cfi  ' || fail "no unwind tables in the list"

chmod o+w "$tmp/cache"
"$egret" cache add "$tmp/full" 2>"$tmp/err" && fail "added to a directory that others may write to"
grep -q 'others may write' "$tmp/err" || fail "$(cat "$tmp/err")"
chmod o-w "$tmp/cache"

"$egret" cache purge 2>/dev/null || fail "purge"
check "entries at the end" "$(entries)" == 0
check "files at the end" "$(find "$tmp/cache" -type f | wc -l)" == 0
record -- "$tmp/prog" 250
check "names at the end" "$(samples_of ';work_that_was_stripped')" == 0
"$egret" cache 2>/dev/null
check "status without a word" $? == 2
"$egret" cache list more 2>/dev/null
check "status of a word too many" $? == 2
finish
