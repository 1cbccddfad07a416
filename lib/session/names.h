/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* names.h - names for the frames of a profile: once per distinct (module, offset). */
#ifndef EGRET_SESSION_NAMES_H
#define EGRET_SESSION_NAMES_H

#include "base/buffer.h"
#include "maps/modules.h"
#include "profile/profile.h"
#include "recording/recording.h"
#include "symbolize/name_reasons.h"

/* Where names come from that are in no file of a module: the live system, or a recording. */
struct egret_name_source {
	int (*read_kallsyms)(void *arg, struct egret_buffer *out);
	/* The perf map of a process; -EALREADY: has not grown beyond *size, which is brought up to
	 * date. */
	int (*read_perfmap)(void *arg, int pid, size_t *size, struct egret_buffer *out);
	void *arg;
};

extern const struct egret_name_source egret_name_source_live;

struct egret_names;

/* modules: where debug files are fetched from that take long. */
int egret_names_create(const struct egret_name_source *source,
		       const struct egret_module_source *modules, enum egret_demangle demangle,
		       struct egret_names **out);
void egret_names_destroy(struct egret_names *names);

/*
 * Names the frames of profile from the first that has not been looked at, and, where `again`, those
 * that found no name before; a frame without one is given its reason. module_of: the modules by
 * number of the profile, NULL for kernel, JIT and cut frames. Tells writer (may be NULL) of each.
 */
int egret_names_update(struct egret_names *names, struct egret_profile *profile,
		       struct egret_module *const *module_of, bool again,
		       struct egret_writer *writer, struct egret_error *err);

/* Whether kernel addresses are hidden (kernel.kptr_restrict); known after the first kernel frame.
 */
bool egret_names_kernel_hidden(const struct egret_names *names);

/* Why nothing is known of a module that has no elf. */
enum egret_name_reason egret_names_why_no_elf(const struct egret_module *module);

#endif
