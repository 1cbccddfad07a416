/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* completion.c - egret completion: what a shell needs to complete egret's command line. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "message.h"

static void print_option_words(const struct opt *opt, void *arg)
{
	if (opt->letter)
		printf("-%c ", opt->letter);
	if (!*opt->name)
		return;
	printf("--%s%s ", opt->name, opt->type == OPT_FLAG || opt->type == OPT_OPTIONAL ? "" : "=");
}

/* How bash finds the values of an option: a line of the case statement over its names. */
static const char *generator(const struct opt *opt)
{
	switch (opt->type) {
	case OPT_FILE:
		return "compgen -f -- \"$1\"";
	case OPT_DIRECTORY:
		return "compgen -d -- \"$1\"";
	case OPT_PIDS:
		return "_egret_pids \"$1\"";
	case OPT_EVENTS:
		return "compgen -W \"$(egret completion events 2>/dev/null)\" -- \"$1\"";
	default:
		return NULL;
	}
}

static void print_choices(const struct opt *opt)
{
	printf("compgen -W \"");
	for (const char *const *choice = opt->choices; *choice; choice++)
		printf("%s%s", choice == opt->choices ? "" : " ", *choice);
	printf("\" -- \"$1\"");
}

static void print_value_case(const struct opt *opt, void *arg)
{
	const struct command *command = arg;

	if (opt->type == OPT_FLAG)
		return;
	printf("\t%s:--%s=", command->name, opt->name);
	if (opt->type != OPT_OPTIONAL)
		printf(" | %s:--%s", command->name, opt->name);
	if (opt->letter)
		printf(" | %s:-%c", command->name, opt->letter);
	printf(") ");
	if (opt->choices)
		print_choices(opt);
	else
		printf("%s", generator(opt) ? generator(opt) : ":");
	printf(" ;;\n");
}

static void print_words(void)
{
	printf("_egret_words() { # COMMAND: its options\n\tcase $1 in\n");
	for (size_t i = 0; command_at(i); i++) {
		printf("\t%s) echo \"", command_at(i)->name);
		opt_each(command_at(i)->groups, print_option_words, NULL);
		printf("\" ;;\n");
	}
	printf("\tesac\n}\n\n");
}

/* _egret_value fails for an option that takes no value of its own as the next word. */
static void print_values(void)
{
	printf("_egret_value() { # WORD COMMAND:OPTION: the values that begin with WORD\n"
	       "\tcase $2 in\n");
	for (size_t i = 0; command_at(i); i++)
		opt_each(command_at(i)->groups, print_value_case, (void *)command_at(i));
	printf("\t*) return 1 ;;\n\tesac\n\treturn 0\n}\n\n");
}

static void print_commands(void)
{
	printf("_egret_commands='");
	for (size_t i = 0; command_at(i); i++)
		printf("%s%s", i ? " " : "", command_at(i)->name);
	printf("'\n_egret_runs=' ");
	for (size_t i = 0; command_at(i); i++)
		if (command_at(i)->takes_command)
			printf("%s ", command_at(i)->name);
	printf("'\n\n");
}

static const char script[] =
	"_egret_pids() { # WORD: process ids\n"
	"\tcompgen -W \"$(cd /proc && printf '%s ' [0-9]*)\" -- \"$1\"\n"
	"}\n"
	"\n"
	"# The index of the word that begins the command to record; empty where none does yet.\n"
	"_egret_operand() { # COMMAND\n"
	"\tlocal i w\n"
	"\tfor ((i = 2; i <= COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t--) echo $((i + 1)); return ;;\n"
	"\t\t--*) # bash makes three words of --name=value\n"
	"\t\t\tif [[ ${COMP_WORDS[i + 1]-} == = ]]; then ((i += 2))\n"
	"\t\t\telif [[ $(_egret_words \"$1\") == *\" $w= \"* ]]; then ((i++)); fi ;;\n"
	"\t\t-?) _egret_value '' \"$1:$w\" >/dev/null && ((i++)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) echo \"$i\"; return ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_egret() {\n"
	"\tlocal command=${COMP_WORDS[1]-} current=${COMP_WORDS[COMP_CWORD]-}\n"
	"\tlocal previous=${COMP_WORDS[COMP_CWORD - 1]-} operand\n"
	"\tCOMPREPLY=()\n"
	"\tif ((COMP_CWORD == 1)); then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_egret_commands --help --version\" -- "
	"\"$current\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tif [[ $_egret_runs == *\" $command \"* ]]; then\n"
	"\t\toperand=$(_egret_operand \"$command\")\n"
	"\t\tif [[ $operand ]] && ((operand < COMP_CWORD)); then\n"
	"\t\t\tif declare -F _command_offset >/dev/null; then _command_offset \"$operand\"\n"
	"\t\t\telse mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); fi\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\t\tif [[ $operand == \"$COMP_CWORD\" ]]; then\n"
	"\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$current\")\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tif [[ $current == = ]]; then current='' previous=\"$previous=\"\n"
	"\telif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]-}=; fi\n"
	"\tif _egret_value '' \"$command:$previous\" >/dev/null; then\n"
	"\t\tmapfile -t COMPREPLY < <(_egret_value \"$current\" \"$command:$previous\")\n"
	"\telif [[ $command == help ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$_egret_commands\" -- \"$current\")\n"
	"\telif [[ $command == completion ]]; then\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W 'bash events' -- \"$current\")\n"
	"\telse\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_egret_words \"$command\")\" -- "
	"\"$current\")\n"
	"\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n"
	"complete -F _egret egret\n";

static int print_bash(void)
{
	printf("# bash completion for egret %s, made by 'egret completion bash'\n"
	       "# shellcheck shell=bash\n",
	       egret_version());
	print_commands();
	print_words();
	print_values();
	fputs(script, stdout);
	return STATUS_OK;
}

static int print_events(void)
{
	for (size_t i = 0; egret_event_name(i); i++)
		printf("%s\n", egret_event_name(i));
	return STATUS_OK;
}

static int run(void *opts, int argc, char **argv)
{
	if (argc == 1 && !strcmp(argv[0], "bash"))
		return print_bash();
	if (argc == 1 && !strcmp(argv[0], "events"))
		return print_events();
	return say_usage(command_completion.name, "'completion' wants 'bash' or 'events'");
}

const struct command command_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.usage = "bash\nevents",
	.about = "Prints the script that completes egret's command line in bash, or the names of "
		 "the\n"
		 "events that this kernel offers, one a line.",
	.examples = "  source <(egret completion bash)\n",
	.groups = command_no_options,
	.run = run,
};
