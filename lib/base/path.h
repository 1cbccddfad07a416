/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* path.h - what people call a file. */
#ifndef EGRET_BASE_PATH_H
#define EGRET_BASE_PATH_H

#include <string.h>

/* The last part of a path; all of it where it has none, or ends in a slash. */
static inline const char *egret_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Bytes of a path without the " (deleted)" that the kernel puts behind it, proc_pid_maps(5). */
static inline size_t egret_path_undeleted(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), tail = sizeof(deleted) - 1;

	return len > tail && !strcmp(path + len - tail, deleted) ? len - tail : len;
}

#endif
