/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "parser/program.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file that this code was loaded from. */
static bool find_us(char *path, size_t size)
{
	struct link_map *map = NULL;
	Dl_info info;
	ssize_t n;

	/* Of the program itself dladdr(3) knows only what it was called by; its map has no name. */
	if (dladdr1((void *)find_us, &info, (void **)&map, RTLD_DL_LINKMAP) && map &&
	    map->l_name[0])
		return snprintf(path, size, "%s", map->l_name) < (int)size;
	n = readlink("/proc/self/exe", path, size - 1);
	if (n <= 0)
		return false;
	path[n] = 0;
	return true;
}

bool egret_parser_find_program(char *path, size_t size)
{
	static const char *const places[] = { "", "egret/", "../lib/egret/" };
	char us[PATH_MAX], *slash;

	if (!find_us(us, sizeof(us)))
		return false;
	slash = strrchr(us, '/');
	if (!slash)
		return false;
	*slash = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, size, "%s/%segret-parser", us, places[i]) < (int)size &&
		    !access(path, X_OK))
			return true;
	return false;
}
