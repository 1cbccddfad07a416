/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* command.h - a subcommand: one file that ends in one of these. */
#ifndef EGRET_CMD_COMMAND_H
#define EGRET_CMD_COMMAND_H

#include "opt.h"

struct command {
	const char *name;
	const char *summary;  /* one line, in the list of commands */
	const char *usage;    /* what follows "egret NAME"; lines are alternatives */
	const char *about;    /* a paragraph of --help */
	const char *examples; /* lines of --help; may be NULL */
	const struct opt_group *groups;
	const void *defaults;	 /* the struct that options are parsed into, as it begins */
	size_t opts_size;	 /* of that struct */
	size_t words;		 /* offset of a struct opt_words there that is to be set; 0: none */
	bool takes_command;	 /* its operands are a command line: for completion */
	void (*more_help)(void); /* prints what only the running system knows; may be NULL */
	/* argv[0] .. argv[argc - 1] are the operands. Returns an exit status. */
	int (*run)(void *opts, int argc, char **argv);
};

extern const struct command command_flame, command_record, command_report, command_top,
	command_agent, command_fleet, command_annotate, command_export, command_script,
	command_diff, command_merge, command_import, command_replay, command_symbolize, command_cfi,
	command_cache, command_doctor, command_help, command_completion;

/* The groups of a command that has no options but --help. */
extern const struct opt_group command_no_options[];

/* The n-th command, NULL at the end; and the one of that name, NULL where there is none. */
const struct command *command_at(size_t n);
const struct command *command_find(const char *name);

/* The command that `name` may be a slip of, or NULL. */
const char *command_nearest(const char *name);

/* Writes the help of one command to standard output. */
void command_print_help(const struct command *command);
/* Writes the help of egret itself. */
void command_print_overview(void);

/* Says that a command takes no operands; for the commands that take none. */
int command_no_operands(const struct command *command, char **argv);

#endif
