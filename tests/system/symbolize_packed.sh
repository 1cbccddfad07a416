#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# DWARF that is compressed (zlib, zstd), and split DWARF in packages of which nothing else is left, as
# Debian's tools make them: at every fourth byte of code the functions and lines that addr2line tells of
# the same code with its DWARF in one piece; llvm-symbolizer of clang's, where addr2line gives what is
# inlined the name of the function around it.
. "$(dirname "$0")/lib.sh"
sources=$PWD/tests/system/symbolize
files=("$sources/program.c" "$sources/queue.c" "$sources/evaluate.c")

# Addresses in functions that the sources have.
addresses() {
	nm -S --defined-only "$1" | awk 'NF == 4 && $3 ~ /[tT]/ { print $1, $2 }' | while read -r start size; do
		for ((at = 0; at < 0x$size; at += 4)); do
			printf '0x%x\n' $((0x$start + at))
		done
	done
}

theirs() { # address, then function and file:line of each frame
	$oracle "$1" <"$tmp/addresses" | sed -E 's/ \(discriminator [0-9]+\)//; s/:\?$/:0/' | awk '
		/^0x/ { if (NR > 1) print ""; printf "0x%s", substr($0, match($0, /[1-9a-f]/)); next }
		{ sub(".*/", ""); printf " %s", $0 } END { print "" }'
}

ours() {
	"$egret" symbolize --no-cache -e "$1" <"$tmp/addresses" | awk -F '\t' '
		$1 != "" { if (NR > 1) print ""; printf "%s", $1 }
		{ sub(".*/", "", $3); printf " %s %s", $2, $3 } END { print "" }'
}

same() { # WHAT FILE WHOLE
	addresses "$3" >"$tmp/addresses"
	theirs "$3" | grep -vF '??' >"$tmp/theirs"
	check "$1: addresses" "$(wc -l <"$tmp/theirs")" '>' 100
	check "$1: addresses in inlined functions" "$(awk 'NF > 3' "$tmp/theirs" | wc -l)" '>' 20
	ours "$2" | grep -Ff <(cut -d' ' -f1 "$tmp/theirs" | sed 's/$/ /') >"$tmp/ours"
	diff "$tmp/theirs" "$tmp/ours" >"$tmp/diff" || { head -n 6 "$tmp/diff"; fail "$1: not what $oracle says"; }
}

# The first word of a compressed section says how.
compression() {
	readelf -x .debug_info "$1" | awk '/^  0x/ { print substr($2, 2, 1); exit }'
}

oracle="addr2line -a -i -f -C -e"
gcc -O2 -g -gdwarf-5 -o "$tmp/whole" "${files[@]}" || exit 1
for how in zlib zstd; do
	objcopy --compress-debug-sections=$how "$tmp/whole" "$tmp/$how" || { fail "objcopy has no $how"; continue; }
	same $how "$tmp/$how" "$tmp/whole"
done
check "type of compression of zlib" "$(compression "$tmp/zlib")" == 1
check "type of compression of zstd" "$(compression "$tmp/zstd")" == 2

package() { # COMPILER VERSION PACKAGER
	mkdir "$tmp/$1" && cd "$tmp/$1" || exit 1
	"$1" -O2 -g "-gdwarf-$2" -c "${files[@]}" && "$1" -o whole ./*.o && rm ./*.o &&
		"$1" -O2 -g "-gdwarf-$2" -gsplit-dwarf -c "${files[@]}" && "$1" -o split ./*.o &&
		timeout 20 "$3" -e split -o split.dwp
	local status=$?

	rm -f ./*.dwo ./*.o
	cd "$OLDPWD" || exit 1
	return $status
}
for how in "gcc 4 dwp" "clang 5 llvm-dwp"; do
	read -r compiler version packager <<<"$how"
	command -v "$packager" >/dev/null || { fail "there is no $packager"; continue; }
	package "$compiler" "$version" "$packager" >"$tmp/log" 2>&1 || { cat "$tmp/log"; fail "$packager"; continue; }
	[ "$compiler" = gcc ] || oracle="llvm-symbolizer -a -i -f --output-style=GNU -e"
	same "a package of $packager" "$tmp/$compiler/split" "$tmp/$compiler/whole"
	rm "$tmp/$compiler/split.dwp"
	check "inlined functions without the package" "$(ours "$tmp/$compiler/split" | awk 'NF > 3' | wc -l)" == 0
done
finish
