#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# init.sh - /init of the guest: runs a group of tests, and says on the second serial line what came out.
#
# lab.group=NAME on the kernel's command line: the tests are those of tests/lab/groups/NAME. The first serial
# line is the kernel's.
/bin/busybox --install -s /bin
export PATH=/usr/bin:/bin:/sbin HOME=/root TMPDIR=/tmp TERM=dumb TEST_TIMEOUT=900
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t tmpfs tmp /tmp
mount -t tmpfs shm /dev/shm
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up 2>/dev/null
# A disk of the host's, where there is a driver for it: files that can be evicted, and room to swap.
if [ -b /dev/vda ]; then
	mount -t ext4 /dev/vda /mnt && mkdir -p /mnt/tests && export LAB_DISK=/mnt
fi
exec >/dev/ttyS1 2>&1 </dev/null
stty -F /dev/ttyS1 -opost 2>/dev/null

group=$(sed -nE 's/.*lab\.group=([^ ]+).*/\1/p' /proc/cmdline)
echo "@boot $(uname -r)"
cd /egret || exit 1
# Words: names of tests, and variables for those behind them.
# shellcheck disable=SC2046
tests/run O=build $(sed 's/#.*//' "tests/lab/groups/$group")
echo "@end"
sync
poweroff -f
