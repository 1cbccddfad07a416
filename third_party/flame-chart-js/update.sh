#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# update.sh [--check]: fetches the package with npm, checks its hash, and replaces (or only compares)
# the vendored file. For another version: change the three values here and those in README.
set -eu
version=3.3.0
tarball_sha256=53f16274e88f05d2272e2a2888f7107f0d6c89c0381ab6df3760c43e51f7b3d2
file_sha256=444544d2d2f7221d3a2ab2597e436b30bd84106a968699176ffd88718d7f4695

cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && npm pack --silent "flame-chart-js@$version" >/dev/null)
echo "$tarball_sha256  $tmp/flame-chart-js-$version.tgz" | sha256sum -c --quiet
tar -xzf "$tmp/flame-chart-js-$version.tgz" -C "$tmp" package/dist/index.min.js
echo "$file_sha256  $tmp/package/dist/index.min.js" | sha256sum -c --quiet

if [ "${1:-}" = --check ]; then
	cmp "$tmp/package/dist/index.min.js" flame-chart.min.js
	sha256sum -c --quiet SHA256SUMS
	echo "flame-chart.min.js is that of flame-chart-js $version"
else
	cp "$tmp/package/dist/index.min.js" flame-chart.min.js
	sha256sum flame-chart.min.js >SHA256SUMS
fi
