/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* help.c - egret help: the overview, and the help of each command from its tables. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "message.h"

static const struct opt nothing[] = { { 0 } };
const struct opt_group command_no_options[] = { { "Options", nothing, 0 }, { 0 } };

static void print_usage(const struct command *command)
{
	const char *lead = "Usage: ";

	for (const char *line = command->usage; *line;) {
		int len = (int)strcspn(line, "\n");

		printf("%segret %s%s%.*s\n", lead, command->name, len ? " " : "", len, line);
		lead = "       ";
		line += len;
		line += *line == '\n';
	}
	if (!*command->usage)
		printf("%segret %s\n", lead, command->name);
}

void command_print_help(const struct command *command)
{
	print_usage(command);
	printf("\n%s\n\n", command->about);
	opt_print_help(command->groups, stdout);
	if (command->more_help)
		command->more_help();
	if (command->examples)
		printf("Examples:\n%s\n", command->examples);
	if (strcmp(command->name, "help") && strcmp(command->name, "completion"))
		printf("The manual: man egret-%s\n", command->name);
}

void command_print_overview(void)
{
	printf("egret: a sampling CPU profiler with whole user stacks\n\n"
	       "Usage: egret COMMAND [OPTIONS] [ARGUMENTS]\n\n"
	       "Commands:\n");
	for (size_t i = 0; command_at(i); i++)
		printf("  %-12s%s\n", command_at(i)->name, command_at(i)->summary);
	printf("\nFirst steps:\n"
	       "  egret doctor                          what this kernel and these privileges "
	       "allow\n"
	       "  egret flame -- python3 job.py         record a program, leave its flame graph\n"
	       "  egret record -p 1234 -d 10            record a process that runs, for 10 "
	       "seconds\n"
	       "  egret report                          its functions and call tree\n"
	       "  egret export -o page.html             its flame graph\n"
	       "\n'egret help COMMAND' and 'man egret-COMMAND' tell more.\n");
}

static int run(void *opts, int argc, char **argv)
{
	const struct command *command;
	const char *near;

	if (!argc) {
		command_print_overview();
		return STATUS_OK;
	}
	if (argc > 1)
		return say_usage(NULL, "help takes one command, not '%s' too", argv[1]);
	command = command_find(argv[0]);
	if (command) {
		command_print_help(command);
		return STATUS_OK;
	}
	near = command_nearest(argv[0]);
	if (near)
		return say_usage(NULL, "no command '%s'; did you mean '%s'?", argv[0], near);
	return say_usage(NULL, "no command '%s'", argv[0]);
}

int command_no_operands(const struct command *command, char **argv)
{
	return say_usage(command->name, "'%s' takes no '%s'", command->name, argv[0]);
}

const struct command command_help = {
	.name = "help",
	.summary = "print this, or the help of a command",
	.usage = "[COMMAND]",
	.about = "Prints what egret can do, or the options of one command.",
	.groups = command_no_options,
	.run = run,
};
