#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# egret symbolize against llvm-symbolizer and addr2line, on random addresses of programs of seven
# compilers with every way of storing debug information: the same function, inline chain and lines.
# What differs is explained in symbolize_expected.py, and counted. ADDRESSES: of each file (1000);
# SEED: another draw.
. "$(dirname "$0")/lib.sh"
. tests/system/symbolize_programs_lib.sh

for tool in llvm-symbolizer addr2line objdump readelf python3; do
	command -v $tool >/dev/null || skip "no $tool here"
done
build_programs "$PWD/tests/system/symbolize" "$tmp"
[ ${#missing[@]} = 0 ] || echo "not built here: ${missing[*]}"
check "files to ask about" ${#programs[@]} '>=' 10
python3 tests/system/symbolize_compare.py --egret "$egret" -n "${ADDRESSES:-1000}" \
	--seed "${SEED:-1}" "${programs[@]}" >"$tmp/report" || fail "differences that nobody explains"
cat "$tmp/report"
finish
