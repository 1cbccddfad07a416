/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* agent.c - egret agent: a machine that is always profiled. */
#include <stdio.h>

#include "agent/configuration.h"
#include "agent/loop.h"
#include "command.h"
#include "message.h"

static int run(void *opts, int argc, char **argv)
{
	const struct settings *said = opts;
	struct configuration configuration;
	struct egret_error err = { "" };
	int status;

	if (argc)
		return command_no_operands(&command_agent, argv);
	if (configuration_load(said, &configuration, &err))
		return say_failure(&err);
	if (said->check_config) {
		printf("%s is right\n", said->config ? said->config : "what is said here");
		status = STATUS_OK;
	} else {
		status = loop_run(&configuration);
	}
	configuration_deinit(&configuration);
	return status;
}

const struct command command_agent = {
	.name = "agent",
	.summary = "sample the machine always, at a cost that is bounded",
	.usage = "[--config FILE] [--listen HOST:PORT|unix:PATH] [OPTIONS]",
	.about = "Samples all of the machine, at a low rate, for as long as it runs. What is "
		 "sampled "
		 "is kept in windows\n"
		 "of ten seconds for report --from and export --from, sent on where that is "
		 "configured, "
		 "and can be\n"
		 "asked for over HTTP. It keeps to a budget of CPU time and memory.",
	.examples = "  egret agent --listen 127.0.0.1:7373\n"
		    "  go tool pprof http://127.0.0.1:7373/debug/pprof/profile?seconds=5\n"
		    "  egret agent --config /etc/egret/agent.conf --check-config\n",
	.groups = settings_groups,
	.defaults = &settings_defaults,
	.opts_size = sizeof(settings_defaults),
	.words = offsetof(struct settings, words),
	.run = run,
};
