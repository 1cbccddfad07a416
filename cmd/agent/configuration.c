/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* configuration.c - the file and the command line together. */
#include "agent/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FREQUENCY_MAX 10000u
#define WINDOW_MIN_MS 1000u
#define WINDOW_MAX_MS 3600000u
#define MEMORY_MIN (16u << 20)
#define STORE_MIN (1u << 20)

static int range(struct egret_error *err, const char *what, const char *from_to)
{
	snprintf(err->text, sizeof(err->text), "%s wants to be %s", what, from_to);
	return -EINVAL;
}

static int check(const struct settings *s, struct egret_error *err)
{
	if (s->frequency > FREQUENCY_MAX)
		return range(err, "frequency", "1 to 10000 Hz");
	if (s->window_ms < WINDOW_MIN_MS || s->window_ms > WINDOW_MAX_MS)
		return range(err, "window", "from one second to one hour");
	if (s->max_cpu <= 0)
		return range(err, "max-cpu", "above 0");
	if (s->max_memory < MEMORY_MIN)
		return range(err, "max-memory", "16M at least");
	if (s->store_size < STORE_MIN)
		return range(err, "store-size", "1M at least");
	if (!s->tls_certificate != !s->tls_key)
		return range(err, "tls-certificate", "said together with tls-key");
	return 0;
}

/* Lists would be added up: what the command line has of them is all there is. */
static int parse_words(const struct opt_words *words, struct settings *settings,
		       struct egret_error *err)
{
	struct opt_strings events = settings->events;
	struct settings thrown_away = { .events = events };
	bool help = false;
	int ret;

	settings->events = (struct opt_strings){ 0 };
	ret = opt_parse(settings_groups, settings, words->argc, words->argv, &help, err);
	if (!settings->events.n)
		settings->events = events;
	else
		opt_deinit(settings_groups, &thrown_away);
	return ret;
}

int configuration_load(const struct settings *said, struct configuration *out,
		       struct egret_error *err)
{
	const struct opt_words words = said->words;
	int ret = 0;

	*out = (struct configuration){ .settings = settings_defaults };
	out->settings.state_dir = getenv("STATE_DIRECTORY");
	if (!out->settings.state_dir || !*out->settings.state_dir)
		out->settings.state_dir = "/var/lib/egret";
	out->settings.config = said->config;
	if (said->config)
		ret = config_read(said->config, &out->file, &out->settings, err);
	if (!ret)
		ret = parse_words(&words, &out->settings, err);
	out->settings.words = words;
	out->settings.config = said->config;
	if (ret >= 0)
		ret = check(&out->settings, err);
	if (ret)
		configuration_deinit(out);
	return ret;
}

void configuration_deinit(struct configuration *configuration)
{
	opt_deinit(settings_groups, &configuration->settings);
	config_deinit(&configuration->file);
}
