#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Files that claim 1 GiB of CFI (sparse, so that they are small): read in bounded time and memory.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip "no python3"

# lie NAME SECTION HEX [HEX AT]: an ELF file whose section of 1 GiB begins with these bytes.
cat >"$tmp/lie.py" <<'PY'
import struct, sys
path, section, *pieces = sys.argv[1:]
SIZE, AT = 1 << 30, 0x2000
names = b"\0" + section.encode() + b"\0.shstrtab\0"
with open(path, "wb") as f:
    f.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 3, 62, 1, 0, 64, AT + SIZE, 0, 64, 56, 1, 64, 3, 2))
    f.write(struct.pack("<IIQQQQQQ", 1, 5, 0x1000, 0x400000, 0x400000, 0x1000, 0x100000, 0x1000))
    f.seek(0x1000)
    f.write(b"\x90" * 0x1000)
    for text, at in zip(pieces[::2], pieces[1::2]):
        f.seek(AT + int(at, 0))
        f.write(bytes.fromhex(text))
    f.seek(AT + SIZE)
    f.write(bytes(64))
    f.write(struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0x600000, AT, SIZE, 0, 0, 8, 0))
    f.write(struct.pack("<IIQQQQIIQQ", len(section) + 2, 3, 0, 0, AT + SIZE + 192, len(names), 0, 0, 1, 0))
    f.write(names)
PY
lie() {
	local name=$1
	shift
	python3 "$tmp/lie.py" "$tmp/$name" "$@" || fail "$name: not made"
}

# An entry without augmentation, of 24 bytes: cfa = rsp + 8, the return address at cfa - 8.
cie=14000000000000000100017810 # length, id, version, augmentation, alignments, column
cie=${cie}0c07089001000000000000
# FDEs of it, at 0x18: for the addresses 0x400000 up to 0x500000.
addresses=00004000000000000000100000000000

lie zeros .eh_frame 00 0
lie long_program .eh_frame "$cie" 0 "e0ffff3f1c000000$addresses" 0x18
lie beyond .eh_frame "$cie" 0 "f0ffffff1c000000$addresses" 0x18
lie long_64 .eh_frame "$cie" 0 "ffffffffffffffffffffff7f1c00000000000000$addresses" 0x18
lie long_cie .eh_frame "f0ffff3f00000000010001781000" 0
lie zeros_debug .debug_frame 00 0
lie advances .eh_frame "$cie" 0 "e0ffff3f1c000000$addresses$(printf '410e10%.0s' {1..4096})" 0x18

for name in zeros long_program beyond long_64 long_cie zeros_debug advances; do
	start=$(date +%s%N)
	# The file itself is 1 GiB of address space; what is left must be enough for all else.
	(ulimit -v 1700000; timeout 60 "$egret" cfi "$tmp/$name" >"$tmp/out" 2>"$tmp/err")
	status=$?
	took=$((($(date +%s%N) - start) / 1000000))
	echo "$name: $took ms, status $status, $(wc -l <"$tmp/out") lines, $(cat "$tmp/err")"
	check "$name: status" "$status" '<=' 1
	check "$name: ms" "$took" '<' 10000
	[ "$status" = 0 ] || check "$name: lines of error" "$(wc -l <"$tmp/err")" == 1
	rm -f "$tmp/$name"
	# Where there is something to be read all the same, it is; the program of 1 GiB is not run.
	case $name in
	long_program | advances) check "$name: rows" "$(grep -c '^0000000000400000-.*bad' "$tmp/out")" == 1 ;;
	esac
done
finish
