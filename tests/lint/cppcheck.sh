#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# cppcheck without a finding, on the library, the command line and the tests.
set -u
cd "$(dirname "$0")/../.." || exit 1
# On glibc and x86-64, shifting a negative number right is defined by the compiler's manual.
# In tests, a program that has no memory may leak what it has.
# A va_list that va_start filled, and a string that snprintf did, are taken for uninitialised.
cppcheck --quiet -j "$(nproc)" --std=c11 --language=c --error-exitcode=1 --inline-suppr \
	--enable=warning,performance,portability --library=gnu --library=posix \
	-D_GNU_SOURCE -D__x86_64__ '-DLIBBPF_OPTS(type,name,...)=struct type name = {__VA_ARGS__}' \
	--suppress=missingIncludeSystem --suppress=shiftTooManyBitsSigned \
	--suppress=memleakOnRealloc:tests/* \
	-Ilib/include -Ilib -I. lib cmd tests
