#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# report.sh BUILD-DIR: what a large recording takes to report: 10,000,000 samples with their times,
# 500,000 stacks, 200,000 addresses, made of a recording of the compiler (many_samples.c).
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

"$build/egret" record -q -F 1999 -o "$tmp/small" -- sh -c "
	for f in cmd/browse.c cmd/report.c cmd/annotation.c; do
		gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -Ilib/include -Ilib -I. -c \$f -o $tmp/object.o
	done"
"$build/tests/bench/many_samples" "$tmp/small" "$tmp/large"
wc -c <"$tmp/large" | awk '{ printf "%.1f MB\n", $1 / 1e6 }'
cat >"$tmp/usage" <<'END'
import resource, subprocess, sys, time
start = time.time()
subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, check=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%-36s %5.2f s, %5.2f s of CPU, %4d MB" % (sys.argv[1], time.time() - start,
      usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024))
END
usage() { python3 "$tmp/usage" "$@"; }
usage "report" "$build/egret" report --stdio -i "$tmp/large"
usage "report --sort=comm,dso" "$build/egret" report --stdio -i "$tmp/large" --sort=comm,dso
usage "report --time=25%,75%" "$build/egret" report --stdio -i "$tmp/large" --time=25%,75%
usage "export --format=pprof" "$build/egret" export -i "$tmp/large" --format=pprof -o "$tmp/out"
