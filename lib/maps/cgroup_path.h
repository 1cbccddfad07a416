/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cgroup_path.h - where cgroups of version 2 are, and which one has a number. */
#ifndef EGRET_MAPS_CGROUP_PATH_H
#define EGRET_MAPS_CGROUP_PATH_H

#include <stddef.h>
#include <stdint.h>

/* Where cgroup2 is mounted, alone or (systemd's hybrid layout) beside version 1. */
#define EGRET_CGROUP_MOUNTS 2
extern const char *const egret_cgroup_mounts[EGRET_CGROUP_MOUNTS];

/* The first that is one of version 2, opened: a descriptor, the caller's; path (may be NULL): its
 * name. -ENOENT: none is. */
int egret_cgroup_open_mount(const char **path);

/*
 * The path below the mount of the cgroup with that id, as /proc/PID/cgroup has it ("/" for the
 * root). The id is the number of its directory's inode, and a file handle of cgroupfs (Linux:
 * fs/kernfs/mount.c, FILEID_KERNFS). 0; -ESTALE: it has been removed; -EPERM: that takes
 * CAP_DAC_READ_SEARCH; -ENOENT: no cgroup2 is mounted; -ENAMETOOLONG.
 */
int egret_cgroup_path(uint64_t id, char *to, size_t size);

#endif
