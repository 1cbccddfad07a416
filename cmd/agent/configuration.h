/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* configuration.h - the file and the command line together, checked; the latter wins. */
#ifndef EGRET_CMD_AGENT_CONFIGURATION_H
#define EGRET_CMD_AGENT_CONFIGURATION_H

#include "agent/config.h"
#include "agent/push.h"
#include "agent/relabel.h"

struct configuration {
	struct settings settings;
	struct config file; /* empty where there is none */
			    /* settings.config, settings.words: as they were said */
	struct push_target *backends;
	size_t n_backends;
	struct relabel *relabel; /* NULL: there are no rules */
};

/*
 * said: what was parsed from the command line; it says where the file is. Errors as config_read.
 */
int configuration_load(const struct settings *said, struct configuration *out,
		       struct egret_error *err);
void configuration_deinit(struct configuration *configuration);

#endif
