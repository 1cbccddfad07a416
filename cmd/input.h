/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* input.h - the recording that a command reads. */
#ifndef EGRET_CMD_INPUT_H
#define EGRET_CMD_INPUT_H

#include <egret/egret.h>

/* "egret.data". A path that is this very one was not given by the user. */
extern const char input_default[];
#define INPUT_DEFAULT input_default

/*
 * Opens a recording ("-": standard input); with_samples: for egret_profile__each_sample. NULL after
 * having said why not.
 */
struct egret_profile *input_open(const char *path, bool with_samples);

/* The index of the event of that name. 0, or an exit status after having said which there are. */
int input_find_event(const struct egret_profile *profile, const char *name, size_t *index);

#endif
