#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# man_options.sh: the manual pages and the tables of options agree. Each command has a page (those
# without options of their own may be told of in egret.1), each option of a command's --help is an
# entry of its page, and each entry of the page is an option. EGRET: the program to ask.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
egret=${EGRET:-$root/${O:-build}/egret}
[ -x "$egret" ] || { echo "there is no $egret"; exit 1; }
man=${MAN_DIR:-$root/man}
failures=0

fail() {
	echo "FAIL: $1"
	failures=$((failures + 1))
}

# The long names and letters of the entries of a page: lines after .TP, without fonts and escapes.
page_options() {
	awk '/^\.TP/ { entry = 1; next } entry { print; entry = 0 }' "$1" |
		sed -E 's/^\.(B|BR|I|IR|RB|BI|IB) //; s/\\f[BIRP]//g; s/\\-/-/g; s/["\\]//g; s/ *, */,/g' |
		grep -E '^-' | sed -E 's/,(-)/\n\1/g' | grep -oE '^--?[a-zA-Z][a-z-]*' | sort -u
}

help_options() {
	"$egret" help "$1" | grep -E '^  (-|    --)' |
		grep -oE '^  (-[a-zA-Z](, --[a-z-]+)?|    --[a-z-]+)' | tr -d ' ' | tr ',' '\n' | sort -u
}

pages_for_all=$(cat "$man"/egret.1) || exit 1
for c in $("$egret" help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p'); do
	grep -qE "^\.(BR|B) egret(\\\\-|-|\" \"| )$c" <<<"$pages_for_all" || fail "egret.1 does not name $c"
	page=$man/egret-$c.1
	if [ ! -f "$page" ]; then
		case $c in
		help | completion) continue ;;
		esac
		fail "there is no page egret-$c.1"
		continue
	fi
	[ "$(help_options "$c" | wc -l)" -ge 2 ] || fail "egret help $c lists no options"
	while read -r option; do
		fail "egret-$c.1 has no entry for $option"
	done < <(comm -23 <(help_options "$c") <(page_options "$page"))
	while read -r option; do
		fail "egret-$c.1 has an entry for $option, which egret $c does not know"
	done < <(comm -13 <(help_options "$c") <(page_options "$page"))
done

# Each function of the headers has its page, which declares it as the header does.
"$root/tests/lint/man_library.py" "$root"/lib/include/egret/*.h "$man"/*.3 || failures=$((failures + 1))

# Each reason why a frame has no name is in egret-symbols.7.
while read -r reason; do
	grep -q "^\.B ${reason//-/\\\\-}$" "$man/egret-symbols.7" || fail "egret-symbols.7 lacks $reason"
done < <(sed -nE 's/^\tX\([0-9]+, [A-Z_]+, "([a-z-]+)".*/\1/p' "$root/lib/symbolize/name_reasons.h")

# Pages that roff has no complaints about.
if command -v groff >/dev/null; then
	for page in "$man"/*.[1357]; do
		complaints=$(groff -mandoc -t -Tutf8 -ww -z "$page" 2>&1)
		[ -z "$complaints" ] || fail "$complaints"
	done
fi

[ $failures = 0 ] || exit 1
echo "manual pages and options agree"
