/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* settings.c - what the agent can be told. */
#include "agent/settings.h"

#define MEMBER(name) offsetof(struct settings, name)

static const char *const backends[] = { "auto", "hook", "task-work", "inline", NULL };

static const struct opt file_options[] = {
	{ "config", 'c', OPT_FILE, MEMBER(config), "FILE",
	  "What is below, from a file: egret-agent.conf(5)", NULL },
	{ "check-config", 0, OPT_FLAG, MEMBER(check_config), NULL,
	  "Only say whether the configuration is right", NULL },
	{ 0 },
};

static const struct opt sampling_options[] = {
	{ "frequency", 'F', OPT_U64, MEMBER(frequency), "HZ", "Samples a second and CPU (19)",
	  NULL },
	{ "window", 'w', OPT_DURATION, MEMBER(window_ms), "SECONDS",
	  "What is stored and sent at a time (10)", NULL },
	{ "event", 'e', OPT_EVENTS, MEMBER(events), "EVENT[,EVENT...]",
	  "What to sample by (cycles where there is a PMU, else cpu-clock)", NULL },
	{ "capture", 0, OPT_CHOICE, MEMBER(capture), "BACKEND",
	  "auto, hook, task-work or inline (auto)", backends },
	{ 0 },
};

static const struct opt budget_options[] = {
	{ "max-cpu", 0, OPT_PERCENT, MEMBER(max_cpu), "PERCENT",
	  "Of the machine's CPU time: the rate is lowered before more is used (0.5)", NULL },
	{ "max-memory", 0, OPT_SIZE, MEMBER(max_memory), "SIZE",
	  "What the agent may keep in memory (64M)", NULL },
	{ 0 },
};

static const struct opt http_options[] = {
	{ "listen", 'l', OPT_STRING, MEMBER(listen), "HOST:PORT|unix:PATH",
	  "Where it is asked (unix:/run/egret/agent.sock)", NULL },
	{ "tls-certificate", 0, OPT_FILE, MEMBER(tls_certificate), "FILE",
	  "Answer by TLS with this certificate (PEM)", NULL },
	{ "tls-key", 0, OPT_FILE, MEMBER(tls_key), "FILE", "Its key (PEM)", NULL },
	{ "token-file", 0, OPT_FILE, MEMBER(token_file), "FILE",
	  "Answer only who knows this file's first line: Authorization: Bearer ...", NULL },
	{ 0 },
};

static const struct opt store_options[] = {
	{ "state-dir", 0, OPT_DIRECTORY, MEMBER(state_dir), "DIR",
	  "Where windows are kept ($STATE_DIRECTORY, else /var/lib/egret)", NULL },
	{ "store-size", 0, OPT_SIZE, MEMBER(store_size), "SIZE",
	  "Space for windows; the oldest go first (1G)", NULL },
	{ 0 },
};

static const struct opt privileges_options[] = {
	{ "user", 0, OPT_STRING, MEMBER(user), "NAME",
	  "Become this user, whose the state directory is, once it samples", NULL },
	{ 0 },
};

const struct opt_group settings_groups[] = {
	{ "The configuration", file_options, 0 },
	{ "Sampling", sampling_options, 0 },
	{ "Budget", budget_options, 0 },
	{ "HTTP", http_options, 0 },
	{ "Store", store_options, 0 },
	{ "Privileges", privileges_options, 0 },
	{ 0 },
};

const struct settings settings_defaults = {
	.frequency = 19,
	.window_ms = 10000,
	.max_cpu = 0.5,
	.max_memory = 64u << 20,
	.listen = "unix:/run/egret/agent.sock",
	.store_size = 1ull << 30,
};
