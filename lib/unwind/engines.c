/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <string.h>

#include "unwind/engines.h"

const struct egret_unwind_engine *const egret_unwind_engines[] = {
	&egret_engine_table,
	&egret_engine_libdw,
	&egret_engine_libunwind,
	NULL,
};

const struct egret_unwind_engine *egret_unwind_engine_find(const char *name)
{
	if (!name)
		return egret_unwind_engines[0];
	for (size_t i = 0; egret_unwind_engines[i]; i++)
		if (!strcmp(egret_unwind_engines[i]->name, name))
			return egret_unwind_engines[i];
	return NULL;
}
