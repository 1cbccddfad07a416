/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * config.h - the agent's configuration file, egret-agent.conf(5): INI, as libinih reads it.
 *
 * Sections [sampling], [budget], [http] and [store] hold what the options of the same name say.
 * Those that there may be several of, [push "NAME"] and [relabel "NAME"], are kept as they are for
 * those who understand them.
 */
#ifndef EGRET_CMD_AGENT_CONFIG_H
#define EGRET_CMD_AGENT_CONFIG_H

#include "agent/settings.h"

struct config_pair {
	const char *key, *value;
	unsigned int line;
};

struct config_section {
	const char *kind, *name; /* "push", "central" */
	unsigned int line;
	struct config_pair *pairs;
	size_t n;
	struct config_section *next; /* in the order of the file */
};

#define CONFIG_SAID_MAX 64

struct config {
	char *path;
	struct {
		const struct opt *opt;
		unsigned int line;
	} said[CONFIG_SAID_MAX]; /* what options could say */
	size_t n_said;
	struct config_section *sections;
	struct config_text *texts; /* what values point to */
};

/*
 * Reads a file into settings, whose values then live as long as config; what is not said there
 * stays as it was. Errors, with "FILE:LINE: " before what is wrong: -ENOENT, -EACCES, ...; -EINVAL.
 * After one, config is empty; settings may be half filled.
 */
int config_read(const char *path, struct config *config, struct settings *settings,
		struct egret_error *err);
void config_deinit(struct config *config);

/* The line that says what --NAME would; 0: none does. */
unsigned int config_line(const struct config *config, const char *name);

/* "FILE:LINE: " and what is wrong, for those who understand a section. Returns -EINVAL. */
int config_fail(const struct config *config, unsigned int line, struct egret_error *err,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
