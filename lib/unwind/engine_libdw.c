/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * engine_libdw.c - CFI parsed by libdw, once per program counter, and stepped by our own stepper.
 *
 * libdw's own unwinder wants a process to attach to and costs about a microsecond a frame, mostly
 * for running the same CFI programs again. Here its parser is asked once; afterwards a frame costs
 * a hash probe and a read of the return address.
 */
#include <errno.h>
#include <stdlib.h>

#include "unwind/engines.h"
#include "unwind/row_finder.h"
#include "unwind/walk.h"

struct egret_unwinder {
	struct egret_row_finder finder;
};

struct egret_unwind_module {
	struct egret_row_module rows;
};

static int create(struct egret_unwinder **out, struct egret_error *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : egret_fail(err, ENOMEM, "no memory for the unwinder");
}

static void destroy(struct egret_unwinder *unwinder)
{
	if (!unwinder)
		return;
	egret_row_finder_deinit(&unwinder->finder);
	free(unwinder);
}

static int module_load(struct egret_unwinder *unwinder, const struct egret_elf *elf,
		       const struct egret_elf *debug, struct egret_unwind_module **out)
{
	struct egret_unwind_module *module = calloc(1, sizeof(*module));
	int ret;

	if (!module)
		return -ENOMEM;
	ret = egret_row_module_init(&module->rows, &unwinder->finder, elf, debug);
	if (ret) {
		free(module);
		return ret;
	}
	*out = module;
	return 0;
}

static void module_unload(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	if (!module)
		return;
	egret_row_module_deinit(&module->rows);
	free(module);
}

static enum egret_unwind_end step(struct egret_unwinder *unwinder,
				  struct egret_unwind_module *module, struct egret_place place,
				  struct egret_step_state *state, struct egret_walk_row *out)
{
	struct egret_row_ref ref;

	egret_row_find(&unwinder->finder, &module->rows, place, &ref);
	return egret_walk_step_row(state, &ref, out);
}

static struct egret_unwind_result unwind(struct egret_unwinder *unwinder,
					 const struct egret_unwind_request *request)
{
	return egret_walk(request, step, unwinder);
}

uint64_t egret_engine_libdw_lookups(const struct egret_unwinder *unwinder)
{
	return unwinder->finder.lookups;
}

const struct egret_unwind_engine egret_engine_libdw = {
	.name = "libdw",
	.text = "CFI parsed by elfutils, each row once",
	.create = create,
	.destroy = destroy,
	.module_load = module_load,
	.module_unload = module_unload,
	.unwind = unwind,
};
