/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * live_names.h - names that are in no file of a module, on this machine: /proc/kallsyms, and the
 * files that JITs write.
 *
 * The files of a process are opened when it is first seen to run code that it has made, and are
 * kept open: a process in a container takes its file system with it when it ends.
 */
#ifndef EGRET_SESSION_LIVE_NAMES_H
#define EGRET_SESSION_LIVE_NAMES_H

#include "session/names.h"

struct egret_live_names;
int egret_live_names_create(struct egret_live_names **out);
/* Reads kernel symbols from here, /proc/kallsyms as another may read it; fd is its own. */
void egret_live_names_give_kallsyms(struct egret_live_names *live, int fd);
void egret_live_names_destroy(struct egret_live_names *live);

/* Lives as long as live does. */
const struct egret_name_source *egret_live_name_source(const struct egret_live_names *live);

/* Closes the files of processes; those that are needed again are opened again. */
void egret_live_names_forget(struct egret_live_names *live);

#endif
