#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The report page that is checked in is what page/ makes: by the sum of its sources that it bears, and,
# where npm can fetch the packages (pinned in page/package-lock.json), byte by byte. Then the types and
# the format of its sources are checked too. O: the build directory (build).
set -u
cd "$(dirname "$0")/../.." || exit 1
built=lib/export/page/page.html
work=$(realpath -m "${O:-build}")/page

# As page/build.mjs sums them.
sources=$(cd page && find src template.html build.mjs package.json package-lock.json -type f |
	LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1)
grep -q "sources $sources\$" "$built" || {
	echo "$built is not made of the present page/: make page"
	exit 1
}
# Where packages come from is the business of who installs them.
! grep -nE '"resolved"|registry=|https?://[^"]*registry' page/package-lock.json page/package.json page/.npmrc ||
	exit 1

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "skipped: node and npm are not installed; $built bears the sum of its sources"
	exit 77
fi
mkdir -p "$work"
if ! cmp -s page/package-lock.json "$work/node_modules/.of"; then
	cp page/package.json page/package-lock.json page/.npmrc "$work/"
	timeout 100 npm ci --prefix "$work" --silent --fetch-retries=1 --fetch-timeout=20000 >"$work/npm.log" 2>&1 || {
		echo "skipped: npm does not give the packages; $built bears the sum of its sources"
		exit 77
	}
	cp page/package-lock.json "$work/node_modules/.of"
fi
cp -r page/src page/template.html page/*.mjs page/*.json page/.npmrc page/.prettier* "$work/"
cd "$work" || exit 1
npx --no-install prettier --check . || exit 1
npx --no-install tsc --noEmit || exit 1
node build.mjs ../page.html && cmp ../page.html "$OLDPWD/$built" && echo "$built is what page/ makes"
