/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* record.c - egret record: samples into a file. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "message.h"
#include "recorder.h"

struct record_opts {
	struct sampling_opts sampling;
	const char *output;
	const char *switch_output;
};

static const char *const switch_choices[] = { "signal", "100M", "60s", NULL };

static const struct opt output_options[] = {
	{ "output", 'o', OPT_FILE, offsetof(struct record_opts, output), "FILE",
	  "Where to record (egret.data; an older one becomes egret.data.old); - is standard output",
	  NULL },
	{ "switch-output", 0, OPT_OPTIONAL, offsetof(struct record_opts, switch_output),
	  "signal|SIZE|TIME",
	  "Begin a new file, FILE.TIMESTAMP, at each SIGUSR2, or when this size (100M) or time "
	  "(60s) is reached",
	  switch_choices },
	{ 0 },
};

#define SAMPLING offsetof(struct record_opts, sampling)

static const struct opt_group groups[] = {
	{ "What to record", target_options, SAMPLING },
	{ "When to sample", event_options, SAMPLING },
	{ "How stacks are read", capture_options, SAMPLING },
	{ "Output", output_options, 0 },
	{ "More on the result", result_options, SAMPLING },
	{ "Names", name_options, SAMPLING },
	{ "The cache", cache_options, SAMPLING + offsetof(struct sampling_opts, cache) },
	{ 0 },
};

/* SIZE ends in B, K, M or G, and TIME in s, m, h or d, as with perf. M is megabytes, m minutes. */
static bool parse_switch(const char *text, struct recorder_file *file)
{
	char unit = *text ? text[strlen(text) - 1] : 0;

	if (!*text || !strcmp(text, "signal")) {
		file->switch_on = SWITCH_SIGNAL;
		return true;
	}
	if (unit == 's' || unit == 'm' || unit == 'h') {
		file->switch_on = SWITCH_TIME;
		return !opt_duration(text, 1000, &file->threshold) && file->threshold;
	}
	file->switch_on = SWITCH_SIZE;
	return strchr("BKMGT", unit) && !opt_size(text, &file->threshold) && file->threshold;
}

static int run(void *opts, int argc, char **argv)
{
	const struct record_opts *o = opts;
	struct recorder_file file = { .path = o->output, .say_next = true };
	struct recorder_result result;
	int status;

	if (!sampling_check("record", &o->sampling, argc))
		return STATUS_USAGE;
	if (o->switch_output && !parse_switch(o->switch_output, &file))
		return say_usage("record",
				 "--switch-output wants 'signal', a size such as 100M or a time "
				 "such as 60s, not '%s'",
				 o->switch_output);
	if (o->switch_output && !strcmp(o->output, "-"))
		return say_usage("record", "--switch-output needs files: give -o FILE");
	status = recorder_run(&o->sampling, &file, argc, argv, &result);
	return status ? status : result.workload_status;
}

static void print_events(void)
{
	int column = 0;

	printf("Events of this kernel, besides raw ones (r01c4) and tracepoints "
	       "(sched:sched_switch):");
	for (size_t i = 0; egret_event_name(i); i++) {
		int len = (int)strlen(egret_event_name(i));

		if (!column || column + 2 + len > 92) {
			printf("\n ");
			column = 1;
		}
		column += printf(" %s", egret_event_name(i));
	}
	printf("\n\n");
}

static const struct record_opts defaults = { .output = "egret.data" };

const struct command command_record = {
	.name = "record",
	.summary = "sample a program, a process or the system into a file",
	.usage = "[OPTIONS] [--] COMMAND [ARGUMENTS]\n"
		 "[OPTIONS] -p PID[,PID...] | -t TID[,TID...] | -a | --cgroup PATH",
	.about = "Samples a command and all that it starts, until it ends; or what -p, -t, -a or "
		 "--cgroup\n"
		 "name, until that ends, -d is over, or Ctrl-C. With these a COMMAND says how long "
		 "to record.\n"
		 "The exit status is that of the command.",
	.examples = "  egret record -- make -j2\n"
		    "  egret record -F 199 -p $(pidof mysqld) -d 30\n"
		    "  egret record -a -o busy.data -- sleep 10\n"
		    "  egret record -e cycles:u,sched:sched_switch -- ./server\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.takes_command = true,
	.more_help = print_events,
	.run = run,
};
