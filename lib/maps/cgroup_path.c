/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/cgroup_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CGROUP2_MAGIC 0x63677270 /* linux/magic.h */
#define KERNFS_HANDLE 0xfe	 /* linux/exportfs.h: FILEID_KERNFS */

const char *const egret_cgroup_mounts[EGRET_CGROUP_MOUNTS] = { "/sys/fs/cgroup",
							       "/sys/fs/cgroup/unified" };

int egret_cgroup_open_mount(const char **path)
{
	for (size_t i = 0; i < EGRET_CGROUP_MOUNTS; i++) {
		int fd = open(egret_cgroup_mounts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_MAGIC) {
			if (path)
				*path = egret_cgroup_mounts[i];
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

int egret_cgroup_path(uint64_t id, char *to, size_t size)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} by = { .handle = { .handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE } };
	char link[64], path[4096];
	const char *mount;
	size_t prefix;
	ssize_t len;
	__close_ int root = egret_cgroup_open_mount(&mount);
	__close_ int fd = -1;

	if (root < 0)
		return root;
	memcpy(by.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(root, &by.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = 0;
	prefix = strlen(mount);
	if (strncmp(path, mount, prefix) || (path[prefix] && path[prefix] != '/'))
		return -ENOENT;
	if (!path[prefix])
		return snprintf(to, size, "/") < (int)size ? 0 : -ENAMETOOLONG;
	return snprintf(to, size, "%s", path + prefix) < (int)size ? 0 : -ENAMETOOLONG;
}
