#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# make_dwarf_corpus.sh DIR: the first inputs of dwarf_fuzz, from a small program in all forms of
# DWARF. What is in tests/fuzz/corpus/dwarf was made by this, with gcc 12, clang 14 and dwz 0.15.
set -eu
out=${1:?wants a directory}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
sections=(info abbrev line str line_str addr ranges rnglists str_offsets aranges cu_index)

cat >"$work/p.c" <<'END'
int v;
static inline __attribute__((always_inline)) void inner(int i) { v += i; }
static inline __attribute__((always_inline)) void outer(int i) { if (i) inner(i); v--; }
__attribute__((cold, noinline)) void fails(void) { v = 7; }
void _start(void) { outer(v); if (v > 3) fails(); outer(v); }
END

# input NAME FLAGS ELF SUFFIX: the sections of a file as one input.
input() {
	local sizes='' section

	: >"$work/data"
	for section in "${sections[@]}"; do
		: >"$work/section"
		objcopy --decompress-debug-sections --dump-section ".debug_$section$4=$work/section" "$3" /dev/null 2>/dev/null || :
		sizes+=$(printf '\\x%02x\\x%02x' $(($(stat -c %s "$work/section") % 256)) $(($(stat -c %s "$work/section") / 256)))
		cat "$work/section" >>"$work/data"
	done
	{ printf '%b\0\0\0' "$2"; printf '%b' "$sizes"; cat "$work/data"; } >"$out/$1"
}

seed() { # NAME FLAGS COMPILER OPTIONS...
	local name=$1 flags=$2 compiler=$3
	shift 3
	(cd "$work" && "$compiler" "$@" -O2 -nostdlib -static -Wl,-Ttext=0x1000,--build-id=none -fno-asynchronous-unwind-tables \
		p.c -o p)
	input "$name" "$flags" "$work/p" ''
}
for version in 2 3 4 5; do
	seed "gcc-$version" '\0' gcc "-gdwarf-$version"
done
seed gcc-64 '\0' gcc -gdwarf-5 -gdwarf64
seed gcc-types '\0' gcc -gdwarf-4 -fdebug-types-section
seed gcc-alt '\2' gcc -gdwarf-5
seed clang-4 '\0' clang -gdwarf-4
seed clang-5 '\0' clang -gdwarf-5
for version in 4 5; do
	seed "gcc-skeleton-$version" '\1' gcc "-gdwarf-$version" -gsplit-dwarf
	input "gcc-dwo-$version" '\1' "$work"/*.dwo .dwo
	rm -f "$work"/*.dwo
done
