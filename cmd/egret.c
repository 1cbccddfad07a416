/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* egret.c - the command line: a table of commands, and main. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "cut_files.h"
#include "message.h"

static const struct command *const commands[] = {
	&command_flame, &command_record,   &command_report, &command_top,	 &command_agent,
	&command_fleet, &command_annotate, &command_export, &command_script,	 &command_diff,
	&command_merge, &command_import,   &command_replay, &command_symbolize,	 &command_cfi,
	&command_cache, &command_doctor,   &command_help,   &command_completion,
};

const struct command *command_at(size_t n)
{
	return n < sizeof(commands) / sizeof(*commands) ? commands[n] : NULL;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; command_at(i); i++)
		if (!strcmp(command_at(i)->name, name))
			return command_at(i);
	return NULL;
}

static const char *nth_command(size_t n, const void *arg)
{
	return command_at(n) ? command_at(n)->name : NULL;
}

const char *command_nearest(const char *name)
{
	return opt_nearest(name, nth_command, NULL);
}

static int run_parsed(const struct command *command, void *opts, int argc, char **argv)
{
	struct egret_error err;
	bool help = false;
	int first;

	first = opt_parse(command->groups, opts, argc, argv, &help, &err);
	if (first < 0)
		return say_usage(command->name, "%s", err.text);
	if (help) {
		command_print_help(command);
		return STATUS_OK;
	}
	return command->run(opts, argc - first, argv + first);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	void *opts = malloc(command->opts_size + 1);
	int status;

	if (!opts)
		return say_error("out of memory");
	if (command->opts_size)
		memcpy(opts, command->defaults, command->opts_size);
	if (command->words)
		*(struct opt_words *)((char *)opts + command->words) = (struct opt_words){ argc,
											   argv };
	status = run_parsed(command, opts, argc, argv);
	opt_deinit(command->groups, opts);
	free(opts);
	return status;
}

static int unknown_command(const char *name)
{
	const char *near = command_nearest(name);

	if (near)
		return say_usage(NULL, "unknown command '%s'; did you mean '%s'?", name, near);
	return say_usage(NULL, "unknown command '%s'", name);
}

static int dispatch(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return say_usage(NULL, "no command given");
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("egret %s\n", egret_version());
		return STATUS_OK;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		command_print_overview();
		return STATUS_OK;
	}
	if (name[0] == '-')
		return say_usage(NULL, "unknown option '%s'; options follow the command", name);
	if (!command_find(name))
		return unknown_command(name);
	return run_command(command_find(name), argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status;

	/* Only what characters are: numbers keep their decimal point, which scripts read. */
	setlocale(LC_CTYPE, "");
	cut_files_survive();
	status = finish_stdout(dispatch(argc, argv));
	cut_files_report();
	return status;
}
