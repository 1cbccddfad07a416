#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# stock.sh VERSION: Debian's cloud kernel of a version (6.1, 6.12) as it is; prints the path of its vmlinuz.
#
# The newest that apt knows is fetched into the cache, and unpacked, not installed. Exits with 77, and a line that
# says so, where apt knows none. LAB_CACHE: see kernel.sh.
set -euo pipefail
version=$1
cache=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/egret-lab}

package=$(apt-cache search --names-only "^linux-image-${version//./\\.}\\.[0-9].*-cloud-amd64\$" |
	cut -d ' ' -f 1 | sort -V | tail -n 1)
if [ -z "$package" ]; then
	echo "no package of a stock $version kernel here"
	exit 77
fi
dir=$cache/stock-$package
if [ ! -d "$dir" ]; then
	mkdir -p "$cache"
	fetched=$(mktemp -d "$cache/fetch-XXXXXX")
	trap 'rm -rf "$fetched"' EXIT
	# As root apt would hand the download to a user who may not write here.
	(cd "$fetched" && apt-get -qq -o APT::Sandbox::User=root download "$package") >&2
	dpkg-deb -x "$fetched"/*.deb "$fetched/tree" >&2
	rm -rf "$cache"/stock-linux-image-"$version".*
	mkdir "$dir.new"
	cp "$fetched"/tree/boot/vmlinuz-* "$dir.new/vmlinuz"
	mv "$dir.new" "$dir"
fi
echo "$dir/vmlinuz"
