/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session_meta.h - what a profile says of the recording: when, where, by what. */
#ifndef EGRET_SESSION_META_H
#define EGRET_SESSION_META_H

#include <time.h>

#include "capture/capture.h"
#include "profile/profile.h"

int64_t egret_clock_ns(clockid_t clock);

/* The clock of its samples, now. 0 or -ENOMEM. */
int egret_session_meta_clock(struct egret_profile *profile);

/* All of it, once. */
int egret_session_meta_set(struct egret_profile *profile, const struct egret_session_opts *opts,
			   const struct egret_capture *capture, struct egret_error *err);

#endif
