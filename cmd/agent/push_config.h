/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_config.h - backends as the configuration names them: [push "NAME"]. */
#ifndef EGRET_CMD_AGENT_PUSH_CONFIG_H
#define EGRET_CMD_AGENT_PUSH_CONFIG_H

#include "agent/config.h"
#include "agent/push.h"

/*
 * Makes a list of the backends in config, in the order of the file; the list is the caller's to
 * free, its strings are those of config. Each is checked as push_check does, with the line before
 * what is wrong. Errors: -EINVAL, -ENOMEM.
 */
int push_config_read(const struct config *config, struct push_target **targets, size_t *n,
		     struct egret_error *err);

#endif
