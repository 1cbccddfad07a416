/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The table of formats that are read. */
#include <string.h>

#include "import/import.h"

const struct egret_importer *const egret_importers[] = {
	&egret_importer_pprof,
	&egret_importer_perf_script,
	&egret_importer_folded,
	NULL,
};

const struct egret_importer *egret_importer_find(const char *name)
{
	for (size_t i = 0; egret_importers[i]; i++)
		if (!strcmp(egret_importers[i]->name, name))
			return egret_importers[i];
	return NULL;
}
