#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The binary interface of the library is the one that was recorded (`make abi` records it anew), and all
# that bears the version bears the one of egret.h. O: the build directory (build).
set -u
cd "$(dirname "$0")/../.." || exit 1
header=lib/include/egret/egret.h map=lib/egret.map
headers=(lib/include/egret/*.h)
failures=0

complain() {
	echo "$1"
	failures=$((failures + 1))
}

part() { awk -v name="EGRET_VERSION_$1" '$1 == "#define" && $2 == name { print $3 }' "$header"; }

major=$(part MAJOR) minor=$(part MINOR) version=$major.$minor.$(part PATCH)
library=${O:-build}/libegret.so.$version
[ -f "$library" ] || {
	echo "there is no $library"
	exit 1
}
tests/abi/abi.py check "$library" tests/abi/libegret.abi "${headers[@]}" || failures=1

# ---- the version: in egret.h, and nowhere else by hand but where it is held against it -----------

soname=$(readelf -d "$library" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
[ "$soname" = "libegret.so.$major" ] || complain "$library: its soname is $soname, not libegret.so.$major"
[ "$("${O:-build}/egret" --version)" = "egret $version" ] || complain "egret --version is not $version"
grep -qx 'Version: @VERSION@' lib/egret.pc.in || complain "lib/egret.pc.in: its version is not the header's"
if [ -f debian/changelog ]; then
	packaged=$(sed -nE '1s/^egret \(([^)-]*)(-[^)]*)?\).*/\1/p' debian/changelog)
	[ "$packaged" = "$version" ] || complain "debian/changelog: its first entry is of $packaged, not $version"
	grep -qx "Package: libegret$major" debian/control || complain "debian/control: no package libegret$major"
fi

# What a build needs is what the package asks for; a compiler and make are there in any build.
needed=$(sed -n "/^build='/,/'\$/p" scripts/deps.sh | tr -d "'" | sed 's/^build=//' | tr -s ' \t' '\n' | grep -vxE 'gcc|make|' | sort)
asked=$(sed -n '/^Build-Depends:/,/^[A-Z][a-z-]*-[A-Z]/p' debian/control | grep -oE '^( +|Build-Depends: )[a-z0-9.+-]+' |
	sed 's/.* //' | grep -vx debhelper-compat | sort)
difference=$(diff <(echo "$needed") <(echo "$asked") | grep '^[<>]')
[ -z "$difference" ] || complain "scripts/deps.sh (<) and debian/control (>) differ in what a build needs:
$difference"

# Nodes are EGRET_MAJOR.MINOR, in order, each naming the one before, none newer than the library.
before=
while read -r node parent; do
	number=${node#EGRET_}
	[ "$parent" = "$before" ] || complain "$map: $node names '$parent', not '$before'"
	[ "$(printf '%s\n' "${before#EGRET_}" "$number" "$major.$minor" | sort -V -c 2>&1)" = '' ] ||
		complain "$map: $node is out of order, or newer than $version"
	before=$node
done < <(awk '/^[A-Z_]+[0-9.]+ \{/ { node = $1 } /^\}/ { sub(/^\} */, ""); sub(/;/, ""); print node, $0 }' "$map")
[ -n "$before" ] || complain "$map: no nodes found"

# Each function of the headers is in the map, once, by its name.
grep -ohE '\begret_[a-z_]+\(' "${headers[@]}" | tr -d '(' | sort -u >"${O:-build}/abi.declared"
grep -oE '^\s*egret_[a-z_*]+;' "$map" | tr -d '; \t' | sort >"${O:-build}/abi.mapped"
difference=$(diff "${O:-build}/abi.declared" "${O:-build}/abi.mapped" | grep '^[<>]')
[ -z "$difference" ] || complain "${headers[*]} (<) and $map (>) differ:
$difference"
rm -f "${O:-build}/abi.declared" "${O:-build}/abi.mapped"

[ "$failures" = 0 ]
