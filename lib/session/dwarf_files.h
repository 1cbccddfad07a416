/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_files.h - the files that DWARF refers to, as they lie in the file system.
 *
 * .dwp beside the module or its debug file; .dwo where the compiler has put them, or beside the
 * module; dwz's where the debug file says, or below /usr/lib/debug. Names come from the module:
 * what is opened is a regular file, read as ELF, and of the build that was asked for.
 */
#ifndef EGRET_SESSION_DWARF_FILES_H
#define EGRET_SESSION_DWARF_FILES_H

#include "symbolize/dwarf_index.h"

/* The files that openers look beside. debug may be NULL. */
struct egret_dwarf_files {
	const struct egret_elf *elf, *debug;
};

/* files must live as long as what uses the openers. */
struct egret_dwarf_openers egret_dwarf_files_openers(struct egret_dwarf_files *files);

#endif
