#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# scripts/demo.sh [BUILD]: records Debian's clang, which has no frame pointers, as it compiles a C++
# file; prints its top functions, and leaves its flame graph as BUILD/demo.html.
set -eu
build=${1:-build}
egret=$build/egret
source=$(dirname "$0")/demo.cpp

echo "recording clang as it compiles $source"
"$egret" record -o "$build/demo.egret" -- \
	clang++ -std=c++17 -O2 -c "$source" -o "$build/demo.o"
echo
"$egret" report -i "$build/demo.egret" --no-tree -n 20 | cut -c1-110
"$egret" export -i "$build/demo.egret" -o "$build/demo.html"
echo
echo "the flame graph: $(realpath "$build/demo.html")"
