/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* why.h - frames without a name, by reason. */
#ifndef EGRET_CMD_WHY_H
#define EGRET_CMD_WHY_H

#include <stdio.h>

#include <egret/egret.h>

/*
 * Prints how many frames of the recording have no name, and for each reason and file their share
 * and that of the samples which hold one; then what each reason means and what to do. 0 or -ENOMEM.
 */
int why_print(const struct egret_profile *profile, FILE *out);

#endif
