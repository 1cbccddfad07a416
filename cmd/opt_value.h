/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* opt_value.h - what opt.c needs of opt_value.c: one option's value from its text. */
#ifndef EGRET_CMD_OPT_VALUE_H
#define EGRET_CMD_OPT_VALUE_H

#include "opt.h"

/* Stores the value that text says in the member; not for OPT_FLAG. 0, -EINVAL or -ENOMEM. */
int opt_set(const struct opt *opt, const char *text, void *member);

/* What the option wants, to complete the sentence "--name wants ...". */
void opt_describe_wanted(const struct opt *opt, char *text, size_t size);

/* Frees what opt_set has put into the member. */
void opt_clear(const struct opt *opt, void *member);

#endif
