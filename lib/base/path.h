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

#endif
