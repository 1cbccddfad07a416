#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# egret annotate: the samples of a function on its lines and instructions, as many as the report
# has; and one clear line where its code is not there.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

make_program() { # FILE CONSTANT
	cat >"$tmp/hot.c" <<-END
		#include <stdint.h>
		#include <stdlib.h>
		static inline __attribute__((always_inline)) uint32_t mix(uint32_t h, uint32_t v)
		{
			h = (h ^ v) * $2;
			h ^= h >> 15;
			h = h / 7 + (h | 3); /* slow, so that most samples are here */
			return h ^ h >> 11;
		}
		__attribute__((noinline, noclone)) uint32_t fold(const uint32_t *v, int n)
		{
			uint32_t h = 1;
			for (int i = 0; i < n; i++)
				h = mix(h, v[i]); /* the hot line */
			return h;
		}
		int main(void)
		{
			static uint32_t v[65536];
			for (int i = 0; i < 1500; i++)
				v[i] = fold(v, 65536);
			return v[0] == 1;
		}
	END
	cc -std=gnu11 -O2 -g -o "$1" "$tmp/hot.c"
}
make_program "$tmp/hot" 2654435761u || fail "no program"
record -F 1999 -- "$tmp/hot" || fail "no recording"
annotate() { "$egret" annotate -i "$tmp/data" "$@"; }

# The samples of the report are those of the header, of the lines and of the instructions.
annotate fold >"$tmp/fold" || fail "no annotation"
want=$(samples_of ';fold[^;]*(;mix_\[i\])? [0-9]+$')
check "samples of fold" "$want" '>' 100
source_lines=$(awk '/^code of/ { exit } /^ .* % / { gsub(",", "", $3); n += $3 } END { print n + 0 }' "$tmp/fold")
code_lines=$(awk '/^code of/ { on = 1 } on && /^ .* % / { gsub(",", "", $3); n += $3 } END { print n + 0 }' "$tmp/fold")
header=$(sed -n 's/^# samples:  \([0-9,]*\),.*/\1/p' "$tmp/fold" | tr -d ,)
check "samples in the header" "$header" == "$want"
check "samples on lines" "$source_lines" == "$want"
check "samples on instructions" "$code_lines" == "$want"
check "samples on the hot line" "$(awk '/the hot line/ && / % / { gsub(",", "", $3); print $3; exit }' "$tmp/fold")" '>' \
	$((want / 2))
grep -q 'inlined mix: hot.c:7 ' "$tmp/fold" || fail "what is inlined is not named"
grep -qE 'imull +\$0x9e3779b1, ' "$tmp/fold" || fail "no AT&T syntax"

# Addresses are those of objdump.
address=$(grep -oE '[0-9a-f]+  imull' "$tmp/fold" | head -n 1 | cut -d ' ' -f 1)
objdump -d "$tmp/hot" | grep -qE "^ +$address:.*imul" || fail "no imul at $address"

annotate -m hot -M intel --no-source main >"$tmp/main" || fail "no annotation of main"
grep -qE 'call +0x[0-9a-f]+  <fold>$' "$tmp/main" || fail "the call of fold has no name"
grep -q 'hot line' "$tmp/main" && fail "source in spite of --no-source"

# A function that is inlined everywhere has its instructions.
annotate mix >"$tmp/mix" || fail "no annotation of mix"
grep -q '^code of fold$' "$tmp/mix" || fail "mix is not in fold"
grep -qE ' (cmpq|jne|testl) ' "$tmp/mix" && fail "mix has instructions of fold's own"

# one_line PATTERN ARGS...: fails, prints nothing but one line.
one_line() {
	local pattern=$1

	shift
	if annotate "$@" >"$tmp/out" 2>"$tmp/err"; then
		fail "annotate $*: works"
	fi
	[ ! -s "$tmp/out" ] || fail "annotate $*: prints"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "annotate $*: $(cat "$tmp/err")"
	grep -qE "$pattern" "$tmp/err" || fail "annotate $*: says $(cat "$tmp/err")"
}
one_line "there is no function 'nothing'" nothing
one_line "there is no function 'fold' of libc" -m libc.so.6 fold

mv "$tmp/hot.c" "$tmp/hot.c.away"
annotate fold >"$tmp/without" || fail "no annotation without the source"
grep -q 'hot.c: No such file or directory; only its lines with samples' "$tmp/without" || fail "source that is gone"
make_program "$tmp/hot" 2654435763u
one_line 'is another file than the one that was sampled' fold
rm "$tmp/hot"
one_line 'the file that was sampled cannot be read: No such file' fold
kernel=$(grep -oE '[a-z_0-9]+_\[k\] [0-9]+$' "$tmp/folded" | head -n 1 | sed 's/_\[k\].*//')
[ -z "$kernel" ] || [ -e "/usr/lib/debug/boot/vmlinux-$(uname -r)" ] ||
	one_line 'there is no vmlinux of this kernel|in no file' "$kernel"

finish
