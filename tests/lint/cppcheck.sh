#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# cppcheck without a finding, on the library and the command line. (The tests do on purpose what
# it warns of, and run under sanitizers.)
set -u
cd "$(dirname "$0")/../.." || exit 1
cppcheck --quiet -j "$(nproc)" --std=c11 --language=c --error-exitcode=1 \
	--enable=warning,performance,portability --library=gnu --library=posix \
	-D_GNU_SOURCE -D__x86_64__ '-DLIBBPF_OPTS(type,name,...)=struct type name = {__VA_ARGS__}' \
	--suppress=missingIncludeSystem --suppressions-list=tests/lint/cppcheck.txt \
	-Ilib/include -Ilib -I. lib cmd
