/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* label_key.h - a key of labels that somebody has typed. */
#ifndef EGRET_CMD_LABEL_KEY_H
#define EGRET_CMD_LABEL_KEY_H

#include <egret/egret.h>

/* STATUS_OK, or says that no thread with samples has such a label, and which there are. */
int label_key_check(const struct egret_profile *profile, const char *key, size_t len);

#endif
