/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* configuration.c - the file and the command line together. */
#include "agent/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/listen.h"
#include "agent/push_config.h"
#include "sampling.h"

#define WINDOW_MIN_MS 1000u
#define WINDOW_MAX_MS 3600000u
#define MEMORY_MIN (16u << 20)
#define STORE_MIN (1u << 20)

/* With the line of the file that says what --NAME would. */
static int wrong(const struct config *file, struct egret_error *err, const char *name,
		 const char *what)
{
	unsigned int line = config_line(file, name);

	if (line)
		return config_fail(file, line, err, "%s", what);
	snprintf(err->text, sizeof(err->text), "%s", what);
	return -EINVAL;
}

static int check_listen(const struct settings *s, const struct config *file,
			struct egret_error *err)
{
	struct egret_error why;
	bool is_open;

	if (listener_check(s->listen, &is_open, &why))
		return wrong(file, err, "listen", why.text);
	if (is_open && !(s->tls_certificate && s->token_file))
		return wrong(file, err, "listen",
			     "listen is open to the network: this takes TLS and a token "
			     "(tls-certificate, "
			     "tls-key and token-file)");
	return 0;
}

static int check(const struct settings *s, const struct config *file, struct egret_error *err)
{
	if (s->frequency > SAMPLING_FREQUENCY_MAX)
		return wrong(file, err, "frequency", "frequency wants to be 1 to 10000 Hz");
	if (s->window_ms < WINDOW_MIN_MS || s->window_ms > WINDOW_MAX_MS)
		return wrong(file, err, "window", "window wants to be from one second to one hour");
	if (s->max_cpu <= 0)
		return wrong(file, err, "max-cpu", "max-cpu wants to be above 0");
	if (s->max_memory < MEMORY_MIN)
		return wrong(file, err, "max-memory", "max-memory wants to be 16M at least");
	if (s->store_size < STORE_MIN)
		return wrong(file, err, "store-size", "store-size wants to be 1M at least");
	if (!s->tls_certificate != !s->tls_key)
		return wrong(file, err, s->tls_key ? "tls-key" : "tls-certificate",
			     "tls-certificate and tls-key want to be said together");
	return check_listen(s, file, err);
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
	struct egret_error of_file = { "" };
	int ret = 0;

	*out = (struct configuration){ .settings = settings_defaults };
	out->settings.state_dir = getenv("STATE_DIRECTORY");
	if (!out->settings.state_dir || !*out->settings.state_dir)
		out->settings.state_dir = "/var/lib/egret";
	out->settings.config = said->config;
	if (said->config)
		ret = config_read(said->config, &out->file, &out->settings, err);
	if (!ret)
		check(&out->settings, &out->file, &of_file);
	if (!ret)
		ret = parse_words(&words, &out->settings, err);
	out->settings.words = words;
	out->settings.config = said->config;
	if (ret >= 0) {
		ret = check(&out->settings, &(struct config){ 0 }, err);
		if (ret && *of_file.text) /* the command line has not mended it */
			*err = of_file;
	}
	if (!ret)
		ret = push_config_read(&out->file, &out->backends, &out->n_backends, err);
	if (!ret)
		ret = relabel_read(&out->file, &out->relabel, err);
	if (ret)
		configuration_deinit(out);
	return ret;
}

void configuration_deinit(struct configuration *configuration)
{
	opt_deinit(settings_groups, &configuration->settings);
	config_deinit(&configuration->file);
	free(configuration->backends);
	relabel_destroy(configuration->relabel);
}
