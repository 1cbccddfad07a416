/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * relabel.h - the [relabel "NAME"] sections of the configuration: which threads are kept, and with
 * which labels.
 *
 * Rules are those of Prometheus and Pyroscope (relabel_config), in the order of the file:
 *
 *	source = KEY[, KEY...]    whose values, joined by ";", are compared
 *	regex = EXPRESSION        POSIX extended, all of the text: (.*)
 *	action = replace          target = KEY becomes replacement ($1), where the regex matches
 *	         keep, drop       the thread, only where it matches; where it does not
 *	         labeldrop, labelkeep   the labels whose keys match; all others
 *
 * Besides the labels, "process.name", "thread.name" and "process.pid" may be compared.
 */
#ifndef EGRET_CMD_AGENT_RELABEL_H
#define EGRET_CMD_AGENT_RELABEL_H

#include "agent/config.h"

struct relabel;

/*
 * The rules of a configuration; NULL where it has none. Errors, with their line: -EINVAL; -ENOMEM.
 */
int relabel_read(const struct config *config, struct relabel **out, struct egret_error *err);
/* NULL-safe. */
void relabel_destroy(struct relabel *relabel);

/*
 * What the rules make of a thread that has these labels: 0, and *labels and *n are those it gets,
 * by key, valid until the next call; 1: it is left out; -ENOMEM. An egret_relabel_fn; arg is the
 * struct relabel.
 */
int relabel_thread(const struct egret_thread *thread, const struct egret_label **labels, size_t *n,
		   void *arg);

#endif
