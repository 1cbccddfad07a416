/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engines.h - the engines that there are. One line here, one in engines.c. */
#ifndef EGRET_UNWIND_ENGINES_H
#define EGRET_UNWIND_ENGINES_H

#include "unwind/unwind.h"

extern const struct egret_unwind_engine egret_engine_table;
extern const struct egret_unwind_engine egret_engine_libdw;
extern const struct egret_unwind_engine egret_engine_libunwind;

/* How many rows the table engine looked up in its tables: all others were in its cache. */
uint64_t egret_engine_table_lookups(const struct egret_unwinder *unwinder);
/* How many rows the libdw engine had to ask libdw for: all others were in its cache. */
uint64_t egret_engine_libdw_lookups(const struct egret_unwinder *unwinder);
/* How many frames libunwind left: all others it could not look up. */
uint64_t egret_engine_libunwind_steps(const struct egret_unwinder *unwinder);

#endif
