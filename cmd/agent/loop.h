/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * loop.h - the agent at work: one session, windows of it, requests, and the budget.
 */
#ifndef EGRET_CMD_AGENT_LOOP_H
#define EGRET_CMD_AGENT_LOOP_H

#include "agent/configuration.h"

/*
 * Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again, into the same place. Returns
 * an exit status.
 */
int loop_run(struct configuration *configuration);

#endif
