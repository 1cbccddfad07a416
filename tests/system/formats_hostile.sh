#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Names that programs may choose, through every reader and every format: markup, control characters, bytes that
# are no text, a name of a million characters. What is written stays well-formed, and says the same counts.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
"$here/formats_hostile.py" make "$tmp" || fail "no input"
for input in folded perf-script pprof; do
	"$egret" import -o "$tmp/$input.egret" "$tmp/hostile.$input" 2>"$tmp/says" || fail "$input is not read: $(cat "$tmp/says")"
	check "what import of $input says" "$(wc -l <"$tmp/says")" == 1
	for format in $("$egret" help export | sed -n '/^Formats:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'); do
		"$egret" export -i "$tmp/$input.egret" -f "$format" -o "$tmp/out.$format" 2>"$tmp/says" ||
			fail "$input as $format: $(cat "$tmp/says")"
		/usr/bin/timeout 60 "$here/formats_hostile.py" check "$format" "$tmp/out.$format" "$tmp/$input.count" ||
			fail "$input as $format"
	done
	# A terminal is shown nothing that it would take for orders.
	"$egret" report -i "$tmp/$input.egret" --stdio >"$tmp/report" 2>"$tmp/says" || fail "report of $input"
	"$egret" report -i "$tmp/$input.egret" --json >"$tmp/report.json" 2>/dev/null || fail "JSON report of $input"
	"$here/formats_hostile.py" check text "$tmp/report" - || fail "report of $input is no text"
	/usr/bin/python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/report.json" || fail "report of $input is no JSON"
done
finish
