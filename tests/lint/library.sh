#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The library prints nothing, never exits and keeps no state of its own: by the symbols of its
# objects. O: the build directory (build).
set -u
cd "$(dirname "$0")/../.." || exit 1
archive=${O:-build}/libegret.a
[ -f "$archive" ] || {
	echo "there is no $archive"
	exit 1
}
failures=0

complain() {
	printf '%s:\n%s\n' "$1" "$2"
	failures=1
}

# nm -A: "libegret.a:member.o:value type name"
# thread.c: threads that the caller has asked for.
# late_pages.c: _exit ends the child that it forks to wait for a page that may never come.
# serve.c, sandbox.c: in the process that parses files, which is forked and never returns.
found=$(nm -A "$archive" | awk '$2 == "U" && $3 ~ /^(__)?(printf|vprintf|puts|putchar|perror|stdout|stderr|stdin|exit|_exit|_Exit|quick_exit|abort|errx?|warnx?|signal|sigaction|atexit|pthread_create)(_chk)?$/' |
	grep -vE ':(late_pages\.o:.* _exit|serve\.o:.* _exit|sandbox\.o:.* sigaction|thread\.o:.* pthread_create)$')
[ -z "$found" ] || complain 'prints, exits, or changes its process' "$found"

# Data that can be written. Constants with addresses in them (.data.rel.ro) are none.
found=$(objdump -t "$archive" | awk '/file format/ { member = $1 }
	$0 ~ /[ ]O \.(data|bss|tdata|tbss)(\.local)?(\.[a-zA-Z_]+\.?[0-9]*)?[ \t]/ && $0 !~ /\.data\.rel\.ro/ { print member $NF }')
[ -z "$found" ] || complain 'state that the library keeps' "$found"

[ $failures = 0 ]
