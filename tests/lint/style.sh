#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What CONTRIBUTING.md asks of every source file and no formatter looks at.
set -u
cd "$(dirname "$0")/../.." || exit 1
max_file=900 max_function=120
failures=0

complain() {
	echo "$1"
	failures=$((failures + 1))
}

mapfile -t sources < <(find .ci Makefile bench bpf cmd debian examples kernel-patch lib page scripts tests -name node_modules -prune -o -type f \
	\( -name '*.[chS]' -o -name '*.sh' -o -name '*.py' -o -name '*.ts' -o -name '*.tsx' -o -name '*.mjs' -o -name '*.css' \
	-o -name Makefile -o -name '*.html' -o -perm -u+x \) ! -path lib/export/page/page.html -print 2>/dev/null | sort)
[ "${#sources[@]}" -gt 100 ] || complain "only ${#sources[@]} source files found"

# The licence of a file, in its first line, or its second where the first is for the kernel.
licence_of() { # FILE
	case $1 in
	bpf/abi.h | bpf/reasons.h) echo 'LGPL-2.1-only OR BSD-2-Clause' ;; # user space has them too
	bpf/* | *.bpf.[ch]) echo 'GPL-2.0-only OR BSD-2-Clause' ;;
	kernel-patch/*) echo 'GPL-2.0-only' ;;
	*) echo 'LGPL-2.1-only OR BSD-2-Clause' ;;
	esac
}

for file in "${sources[@]}"; do
	head=$(head -n 1 "$file")
	case $head in
	'#!'* | '<!'*) head=$(sed -n 2p "$file") ;;
	esac
	[[ $head == *"SPDX-License-Identifier: $(licence_of "$file")"* ]] ||
		complain "$file:1: not SPDX-License-Identifier: $(licence_of "$file")"
	lines=$(wc -l <"$file")
	[ "$lines" -le $max_file ] || complain "$file: $lines lines; over $max_file it wants a split"
	case $(basename "$file") in
	util* | misc* | helper*)
		complain "$file: a name that says nothing of what is in it"
		;;
	esac
done

mapfile -t c_files < <(printf '%s\n' "${sources[@]}" | grep '\.[ch]$' | grep -v '^bpf/vmlinux.h$')

# clang-format leaves comments and strings as long as they are.
while read -r finding; do
	complain "$finding"
done < <(awk '{
		line = $0
		for (width = 0; (tab = index(line, "\t")); line = substr(line, tab + 1))
			width += tab - 1 + 8 - (width + tab - 1) % 8
		if (width + length(line) > 100)
			printf "%s:%d: over 100 columns\n", FILENAME, FNR
	}' "${c_files[@]}")

# A definition at the left edge, up to its closing brace at the left edge.
long_functions() {
	awk -v max=$max_function '
		FNR == 1 { open = 0; name = "" }
		/^[a-zA-Z_][^;]*\(/ { name = $0; start = FNR }
		/^\{/ { open = FNR }
		/^\}/ {
			if (open && name && FNR - open > max)
				printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - open, name
			open = 0; name = ""
		}' "$@"
}
while read -r finding; do
	complain "$finding"
done < <(long_functions "${c_files[@]}")

# Work that was put off is written down elsewhere, not in the code.
later='\b(TO''DO|FIX''ME|XX''X|HA''CK)\b'
while read -r finding; do
	complain "$finding"
done < <(grep -nE "$later" "${sources[@]}" | cut -c1-120)

while read -r finding; do
	complain "$finding"
done < <(grep -nE '[[:space:]]+$' "${sources[@]}" | sed 's/$/<- white space at the end/' | cut -c1-120)

[ "$failures" = 0 ]
