#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Programs of the distribution, recorded with the default options: git, xz, and a pipeline.
. "$(dirname "$0")/programs_lib.sh"
need_root

# 1,200 commits to one file that grows, each of which git log -p has to compare.
/usr/bin/python3 - >"$tmp/import" <<-END
	lines = ["line %d of the first version" % i for i in range(4000)]
	for n in range(1200):
	    for k in range(40):
	        lines[(n * 7919 + k * 97) % len(lines)] = "line changed by %d: %d" % (n, k)
	    text = "\n".join(lines) + "\n"
	    print("commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 1\nx" % (1700000000 + n))
	    print("M 100644 inline file\ndata %d\n%s" % (len(text), text))
END
git init -q "$tmp/repository" || fail "no repository"
git -C "$tmp/repository" fast-import --quiet <"$tmp/import" || fail "nothing in the repository"
program "git log -p" 9900 git -C "$tmp/repository" --no-pager log -p --patience main
check "git at work, of 1,000" "$(share '^git;_start;__libc_start_main;__libc_start_call_main;\[git')" '>' 800

head -c 6000000 "$tmp/import" >"$tmp/text"
program "xz -9" 9900 xz -9 -k -f -T1 "$tmp/text"
check "xz at work, of 1,000" "$(share '^xz;_start;.*;lzma_code;')" '>' 800

# shellcheck disable=SC2016
# On one CPU: a virtual one that falls asleep between two of the processes does not count its time well.
program "pipeline" 9900 taskset -c 0 sh -c 'for i in 1 2 3 4 5 6 7 8 9; do cat "$1"; done | sort | gzip -6' sh "$tmp/text"
check "one process" "$(samples_of '^sort;')" '>' 50
check "and the other" "$(samples_of '^gzip;')" '>' 50
finish
