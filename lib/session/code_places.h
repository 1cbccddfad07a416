/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* code_places.h - addresses in the files of several modules, indexed before they are asked for. */
#ifndef EGRET_SESSION_CODE_PLACES_H
#define EGRET_SESSION_CODE_PLACES_H

#include "session/code_names.h"

struct egret_code_place {
	struct egret_code_names *code;
	uint64_t vaddr;
};

/*
 * Indexes what is at the places, which are sorted: those of a file together, and as many files at a
 * time as there are threads (0 and 1: none beside the caller's). What there is no memory for is
 * indexed when it is asked for.
 */
void egret_code_places_prepare(struct egret_code_place *places, size_t n, unsigned int threads);

/* Has the symbols at the places at hand, which are sorted: egret_code_names_prepare_symbols. */
void egret_code_places_prepare_symbols(struct egret_code_place *places, size_t n);

#endif
