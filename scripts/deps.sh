#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# scripts/deps.sh GROUP...: installs with apt what Debian packages of these groups are missing.
#
# Groups: build, demo, check, bench, lab, deb. Nothing is asked of apt, and no privileges are needed, when all of
# them are there.
set -eu

# What a build needs.
build='gcc make clang llvm libbpf-dev libelf-dev libdw-dev libunwind-dev libzydis-dev libiberty-dev libjson-c-dev
	zlib1g-dev liblzma-dev libdebuginfod-dev libprotobuf-c-dev libdeflate-dev libzstd-dev libxxhash-dev libncurses-dev libcapstone-dev
	libmicrohttpd-dev libcurl4-openssl-dev libinih-dev libsystemd-dev libcap-dev libseccomp-dev
	protobuf-c-compiler pkg-config'
# Names for functions of libc that are not exported.
demo='libc6-dbg'
# What the tests record, what they measure with, and what the lint runs.
check='binutils dwz g++ gdc gfortran git golang-go libc6-arm64-cross libc6-dbg linux-perf luajit man-db musl-tools nodejs openssl perl procps
	protobuf-compiler python3 python3-jsonschema python3-protobuf sqlite3 strace systemd tmux util-linux valgrind x264 xz-utils
	abigail-tools curl chromium chromium-driver clickhouse-server clickhouse-client prometheus rustc openjdk-17-jdk-headless
	clang-format cppcheck libclang-rt-dev shellcheck'
# What the lab builds a kernel with, and boots it in.
lab='bc bison busybox-static cpio e2fsprogs flex golang-go kmod libc6-dbg libelf-dev libssl-dev linux-perf
	linux-source-6.12 lz4 pahole patch perl python3 qemu-system-x86 util-linux xz-utils zstd'
# What the benchmark compares with.
bench='elfutils libc6-dbg linux-perf clang git g++ make nodejs python3 sqlite3 valgrind xz-utils'

# What `make deb` makes packages with.
deb='build-essential debhelper lintian debootstrap'

packages_of() {
	case $1 in
	build) echo "$build" ;;
	demo) echo "$demo" ;;
	check) echo "$check" ;;
	bench) echo "$bench" ;;
	lab) echo "$lab" ;;
	deb) echo "$deb" ;;
	*)
		echo "deps.sh: no group '$1'; there are build, demo, check, bench, lab and deb" >&2
		return 2
		;;
	esac
}

is_installed() {
	case $(dpkg-query -W -f='${db:Status-Abbrev}\n' "$1" 2>/dev/null) in
	?i*) return 0 ;;
	*) return 1 ;;
	esac
}

wanted=
for group in "$@"; do
	list=$(packages_of "$group")
	for package in $list; do
		wanted="$wanted $package"
	done
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: not a Debian system; what these packages hold must be there:$wanted" >&2
	exit 0
fi

missing=
for package in $wanted; do
	is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: packages are missing; as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quiet_apt() {
	apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		echo "deps.sh: apt-get $1 failed; its last lines are above" >&2
		exit 1
	}
}
quiet_apt update
# $missing is a list of words.
# shellcheck disable=SC2086
quiet_apt install -y --no-install-recommends $missing
