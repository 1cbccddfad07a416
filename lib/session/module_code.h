/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* module_code.h - the file that a module of a profile was, as long as it is still there. */
#ifndef EGRET_SESSION_MODULE_CODE_H
#define EGRET_SESSION_MODULE_CODE_H

#include "elf/debug_find.h"
#include "profile/profile.h"

struct egret_module_code {
	struct egret_elf *elf; /* the caller's */
	uint64_t moved;	       /* of the kernel: bytes, added to what the file says */
	bool is_kernel;
};

/*
 * module: as in struct egret_frame. The file is taken from its path where it still has the build-id
 * that it had, else from where files are found by build-id. finder may be NULL.
 * Errors: -ENODATA: no such module in the profile; -ENOENT: the file has gone; -ESTALE: another
 * file is in its place; -ENOTSUP: its code is in no file (JIT, vdso, modules of the kernel); those
 * of open(2).
 */
int egret_module_code_open(const struct egret_profile *profile, const char *module,
			   const struct egret_debug_finder *finder, struct egret_module_code *out,
			   struct egret_error *err);

#endif
