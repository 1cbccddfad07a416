/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* doctor.c - egret doctor: what this kernel and these privileges allow. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "message.h"
#include "text.h"

struct findings {
	unsigned int n_checks;
	unsigned int n_missing;
	unsigned int n_warnings;
};

static const char *status_name(enum egret_check_status status)
{
	switch (status) {
	case EGRET_CHECK_OK:
		return "OK";
	case EGRET_CHECK_WARN:
		return "WARN";
	default:
		return "MISSING";
	}
}

static int print_check(const struct egret_check *check, void *arg)
{
	struct findings *findings = arg;
	int columns;

	findings->n_checks++;
	findings->n_missing += check->status == EGRET_CHECK_MISSING;
	findings->n_warnings += check->status == EGRET_CHECK_WARN;
	printf("%-8s ", status_name(check->status));
	columns = text_print(stdout, check->name, INT_MAX);
	printf("%*s  ", columns < 28 ? 28 - columns : 0, "");
	text_print(stdout, check->detail ? check->detail : "", INT_MAX);
	printf("\n");
	if (check->fix && *check->fix) {
		printf("%9sfix: ", "");
		text_print(stdout, check->fix, INT_MAX);
		printf("\n");
	}
	return 0;
}

static int run(void *opts, int argc, char **argv)
{
	struct findings findings = { 0 };
	int ret;

	if (argc)
		return command_no_operands(&command_doctor, argv);
	ret = egret_doctor(print_check, &findings);
	if (ret < 0)
		return say_error("cannot look at this machine: %s", strerror(-ret));
	printf("\n");
	if (findings.n_missing) {
		printf("egret cannot record here: %u of %u checks failed.\n", findings.n_missing,
		       findings.n_checks);
		return STATUS_FAILED;
	}
	printf("egret can record here%s.\n",
	       findings.n_warnings ? ", with the restrictions above" : "");
	return STATUS_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "say what this kernel and these privileges allow, and how to mend it",
	.usage = "",
	.about = "Looks at each thing that recording needs of this kernel and these privileges: "
		 "OK, WARN\n"
		 "(it works, but not as well as it could) or MISSING, with what was found and what "
		 "to do.\n"
		 "The exit status is 1 when something is missing without which nothing can be "
		 "recorded.",
	.groups = command_no_options,
	.run = run,
};
