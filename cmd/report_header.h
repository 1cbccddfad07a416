/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_header.h - what a recording is and how far it is to be trusted, as lines that begin with
 * '#'. */
#ifndef EGRET_CMD_REPORT_HEADER_H
#define EGRET_CMD_REPORT_HEADER_H

#include <stdio.h>

#include "aggregate.h"

/* Of the whole recording: command, machine, time, samples, complete and cut stacks, losses. */
void report_header(const struct egret_profile *profile, FILE *out);

/* Of one event's tables. */
void report_header_event(const struct egret_event *event, const struct aggregate *aggregate,
			 FILE *out);

#endif
