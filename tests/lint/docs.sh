#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What the documents name is there: targets of make, commands and options of egret, files.
# EGRET: the program to ask. O: the build directory (build).
set -u
cd "$(dirname "$0")/../.." || exit 1
egret=${EGRET:-${O:-build}/egret}
[ -x "$egret" ] || {
	echo "there is no $egret"
	exit 1
}
documents=(README.md ARCHITECTURE.md CONTRIBUTING.md NEWS.md)
failures=0 targets_seen=0 commands_seen=0 paths_seen=0

complain() {
	echo "$1"
	failures=$((failures + 1))
}

# Code of a document: its fenced blocks, and what stands in backquotes.
code() { # DOCUMENT
	awk '/^```/ { fenced = !fenced; next } fenced { sub(/ #.*/, ""); print; next }
		{ n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' "$1"
}

has_target() { grep -qE "^([a-z-]+ )*$1( [a-z-]+)*:" Makefile; }

for document in "${documents[@]}"; do
	while read -r target; do
		targets_seen=$((targets_seen + 1))
		has_target "$target" || complain "$document: make $target: the Makefile has no such target"
	done < <(code "$document" | grep -oE '(^|&& |; )make [a-z-]+($|[^a-z/-])' |
		grep -oE '[a-z-]+[^a-z]?$' | grep -oE '[a-z-]+' | sort -u)

	while read -r command rest; do
		commands_seen=$((commands_seen + 1))
		case $command in
		-*) continue ;;
		esac
		help=$("$egret" help "$command" 2>/dev/null) ||
			complain "$document: egret $command: there is no such command"
		rest=${rest%% -- *}
		while read -r option; do
			grep -qE -e "^ +(-[a-zA-Z], )?$option\b" <<<"$help" ||
				complain "$document: egret $command $option: there is no such option"
		done < <(grep -oE '(^| )(--[a-z-]+|-[A-Za-z]\b)' <<<"$rest")
	done < <(code "$document" | grep -oE '(^|/|&& )egret [a-z-]+.*' | sed -E 's/^.*egret ([a-z-]+)/\1/' | sort -u)

	while read -r path; do
		paths_seen=$((paths_seen + 1))
		[ -e "$path" ] || complain "$document: there is no $path"
	done < <({
		grep -oE '\]\([^)#]+' "$document" | sed 's/^](//' | grep -v '^[a-z]*:'
		code "$document" | grep -oE '^(bpf|cmd|lib|man|page|scripts|tests)/[A-Za-z0-9_./-]*$'
	} | grep -v 'NAME' | sort -u)
done

# That nothing is found wrong is only worth something where something was found.
if [ "$targets_seen" -lt 8 ] || [ "$commands_seen" -lt 8 ] || [ "$paths_seen" -lt 10 ]; then
	complain "only $targets_seen targets, $commands_seen commands, $paths_seen files were found"
fi

# The two commands that do all the set-up, and the one that CI runs.
for target in demo check; do
	grep -qE "^make $target( |$)" README.md || complain "README.md does not say make $target"
done
grep -q '^make check$' .ci/run || complain ".ci/run does not run make check"

[ "$failures" = 0 ]
