/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * settings.h - what the agent is told, by its configuration file and by its options.
 *
 * One table of options serves both: `frequency = 19` in the section [sampling] of the file is
 * --frequency=19, is checked alike, and the command line wins.
 */
#ifndef EGRET_CMD_AGENT_SETTINGS_H
#define EGRET_CMD_AGENT_SETTINGS_H

#include "opt.h"

struct settings {
	const char *config; /* the file; NULL: none */
	bool check_config;
	struct opt_words words; /* the command line, which is read again after the file */
	/* [sampling] */
	uint64_t frequency; /* Hz, as wanted: the budget may lower it */
	uint64_t window_ms;
	struct opt_strings events;
	const char *capture;
	/* [budget] */
	double max_cpu;	     /* per cent of the machine */
	uint64_t max_memory; /* bytes, of the agent's own */
	/* [http] */
	const char *listen;
	const char *tls_certificate, *tls_key, *token_file;
	/* [store] */
	const char *state_dir;
	uint64_t store_size;
	const char *user; /* to become once it samples; NULL: who it was started as */
};

extern const struct opt_group settings_groups[];
extern const struct settings settings_defaults;

#endif
