/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* by_label.h - stacks that stand below what a label of their process tells apart. */
#ifndef EGRET_EXPORT_BY_LABEL_H
#define EGRET_EXPORT_BY_LABEL_H

#include <egret/egret.h>

#include "base/buffer.h"

/* The text of the first frame: the value of the label, or "[no KEY]". */
void egret_by_label_add(struct egret_buffer *text, const struct egret_thread *thread,
			const char *key);

/* -EINVAL where no process of the profile has such a label: then it is misspelt. */
int egret_by_label_check(const struct egret_profile *profile, const char *key,
			 struct egret_error *err);

#endif
