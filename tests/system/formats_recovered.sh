#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Frames whose caller was found without CFI are marked in every format that has a place for it, and
# only they.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

cat >"$tmp/bare.c" <<'END'
#include <time.h>
void bare_spin(void);
/* No line says where its caller is. */
__asm__(".text\n.globl bare_spin\n.type bare_spin, @function\nbare_spin:\n"
	"push %rbx\nmov $200000, %ebx\n1: dec %ebx\njnz 1b\npop %rbx\nret\n.size bare_spin, . - bare_spin\n");
int main(void)
{
	while (clock() < CLOCKS_PER_SEC * 4 / 10)
		bare_spin();
	return 0;
}
END
gcc -O2 -fomit-frame-pointer "$tmp/bare.c" -o "$tmp/bare" || fail "gcc"
record -F 1999 -- "$tmp/bare"
is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
}
export_as() { # FORMAT FILE OPTIONS
	local format=$1 file=$2
	shift 2
	"$egret" export -i "$tmp/data" --format="$format" -o "$file" "$@" || fail "no $format"
}

# ---- folded: where it is asked for ----
export_as folded "$tmp/plain"
export_as folded "$tmp/marked" --mark-recovered
bare=$(samples_of ';bare_spin(;| )')
check "samples in code without CFI" "$bare" '>' 200
check "marks that nobody asked for" "$(grep -c '_\[r\]' "$tmp/plain")" == 0
is "lines without the marks" "$(sed 's/_\[r\]//' "$tmp/marked" | cmp - "$tmp/plain" && echo same)" same
is "what is marked" "$(grep -o '[^;]*_\[r\]' "$tmp/marked" | sort -u)" 'bare_spin_[r]'

# ---- perf script: a field ----
"$egret" script -i "$tmp/data" -F +how >"$tmp/script" || fail "no script"
check "samples with the mark" "$(grep -c ' \[recovered\]$' "$tmp/script")" == "$bare"
is "frames with the mark" "$(grep ' \[recovered\]$' "$tmp/script" | awk '{ print $2 }' | sort -u)" bare_spin
check "the field that nobody asked for" "$("$egret" script -i "$tmp/data" | grep -c recovered)" == 0

# ---- speedscope, svg ----
export_as speedscope "$tmp/speedscope.json"
is "frames of speedscope" "$(/usr/bin/python3 -c 'import json, sys
print(*[f["name"] for f in json.load(sys.stdin)["shared"]["frames"] if f.get("recovered")])' <"$tmp/speedscope.json")" bare_spin
export_as svg "$tmp/all.svg"
is "titles of svg" "$(/usr/bin/python3 -c 'import sys
from xml.etree import ElementTree
titles = [t.text.split("\n") for t in ElementTree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}title")]
print(*{t[0] for t in titles if "found without CFI" in t[-1]})' "$tmp/all.svg")" bare_spin

# ---- pprof: of a sample, how many ----
if command -v go >/dev/null; then
	export_as pprof "$tmp/cpu.pb.gz"
	go tool pprof -tags -sample_index=samples "$tmp/cpu.pb.gz" >"$tmp/tags" 2>/dev/null
	check "samples of pprof with such frames" \
		"$(sed -nE 's/^ *recovered: Total ([0-9]+).*/\1/p' "$tmp/tags")" == "$bare"
	check "how many of them" "$(sed -n '/recovered:/,/^$/p' "$tmp/tags" | sed -nE 's/.*\): ([0-9]+)$/\1/p')" == 1
fi
finish
