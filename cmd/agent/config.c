/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* config.c - the agent's configuration file. */
#include "agent/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt_value.h"

#define LINE_MAX_BYTES 199 /* as Debian builds libinih */
#define LINES_MAX 100000

struct config_text {
	struct config_text *next;
	char text[];
};

struct reading {
	struct config *config;
	struct settings *settings;
	FILE *file;
	unsigned int line;
	struct config_section *section; /* the last one, of those that are kept */
	int ret;
	struct egret_error *err;
};

static int vfail(const struct config *config, unsigned int line, struct egret_error *err,
		 const char *format, va_list args)
{
	int len = snprintf(err->text, sizeof(err->text), "%s:%u: ", config->path, line);

	if (len > 0 && (size_t)len < sizeof(err->text))
		vsnprintf(err->text + len, sizeof(err->text) - (size_t)len, format, args);
	return -EINVAL;
}

int config_fail(const struct config *config, unsigned int line, struct egret_error *err,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfail(config, line, err, format, args);
	va_end(args);
	return -EINVAL;
}

/* The first mistake is the one that is told. Returns what a handler of inih returns for one. */
static int wrong(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct reading *r, const char *format, ...)
{
	va_list args;

	if (r->ret)
		return 0;
	va_start(args, format);
	r->ret = vfail(r->config, r->line, r->err, format, args);
	va_end(args);
	return 0;
}

static const char *keep(struct reading *r, const char *text)
{
	size_t len = strlen(text);
	struct config_text *kept = malloc(sizeof(*kept) + len + 1);

	if (!kept) {
		wrong(r, "out of memory");
		return NULL;
	}
	memcpy(kept->text, text, len + 1);
	kept->next = r->config->texts;
	r->config->texts = kept;
	return kept->text;
}

/* ---- what the options say ------------------------------------------------------------------- */

static const struct {
	const char *section;
	const char *title; /* of the group of options */
} plain_sections[] = {
	{ "sampling", "Sampling" }, { "budget", "Budget" },	    { "http", "HTTP" },
	{ "store", "Store" },	    { "privileges", "Privileges" },
};
#define N_PLAIN (sizeof(plain_sections) / sizeof(*plain_sections))

static const struct opt_group *group_of(const char *section)
{
	for (size_t i = 0; i < N_PLAIN; i++) {
		if (strcmp(section, plain_sections[i].section))
			continue;
		for (const struct opt_group *g = settings_groups; g->title; g++)
			if (!strcmp(g->title, plain_sections[i].title))
				return g;
	}
	return NULL;
}

static const char *nth_key(size_t n, const void *group)
{
	return ((const struct opt_group *)group)->opts[n].name;
}

static bool may_repeat(const struct opt *opt)
{
	return opt->type == OPT_EVENTS || opt->type == OPT_STRINGS;
}

unsigned int config_line(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_said; i++)
		if (!strcmp(config->said[i].opt->name, name))
			return config->said[i].line;
	return 0;
}

static bool was_said(struct reading *r, const struct opt *opt)
{
	struct config *c = r->config;

	if (config_line(c, opt->name))
		return true;
	if (c->n_said < CONFIG_SAID_MAX) {
		c->said[c->n_said].opt = opt;
		c->said[c->n_said++].line = r->line;
	}
	return false;
}

static int set_flag(const char *text, bool *flag)
{
	static const char *const words[2][4] = { { "no", "false", "off", "0" },
						 { "yes", "true", "on", "1" } };

	for (int value = 0; value < 2; value++)
		for (int i = 0; i < 4; i++)
			if (!strcmp(text, words[value][i])) {
				*flag = value;
				return 0;
			}
	return -EINVAL;
}

static int set(struct reading *r, const struct opt *opt, const char *value)
{
	void *member = (char *)r->settings + opt->offset;
	const char *kept = keep(r, value);
	char wanted[200] = "yes or no";
	int ret;

	if (!kept)
		return 0;
	if (was_said(r, opt) && !may_repeat(opt))
		return wrong(r, "%s is said for the second time", opt->name);
	ret = opt->type == OPT_FLAG ? set_flag(kept, member) : opt_set(opt, kept, member);
	if (!ret)
		return 1;
	if (ret == -ENOMEM)
		return wrong(r, "out of memory");
	if (opt->type != OPT_FLAG)
		opt_describe_wanted(opt, wanted, sizeof(wanted));
	return wrong(r, "%s wants %s, not '%s'", opt->name, wanted, value);
}

static int plain(struct reading *r, const struct opt_group *group, const char *section,
		 const char *key, const char *value)
{
	const char *near;

	for (const struct opt *opt = group->opts; opt->name; opt++)
		if (!strcmp(opt->name, key))
			return set(r, opt, value);
	near = opt_nearest(key, nth_key, group);
	if (near)
		return wrong(r, "[%s] has no '%s'; is it '%s'?", section, key, near);
	return wrong(r, "[%s] has no '%s'", section, key);
}

/* ---- sections that are kept ----------------------------------------------------------------- */

static bool is_kept_kind(const char *kind, size_t len)
{
	static const char *const kinds[] = { "push", "relabel" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i]) == len && !strncmp(kind, kinds[i], len))
			return true;
	return false;
}

static struct config_section *add_section(struct reading *r, const char *kind, const char *name)
{
	struct config_section *s = calloc(1, sizeof(*s)), **at = &r->config->sections;

	if (!s || !kind || !name) {
		free(s);
		wrong(r, "out of memory");
		return NULL;
	}
	*s = (struct config_section){ .kind = kind, .name = name, .line = r->line };
	while (*at)
		at = &(*at)->next;
	*at = s;
	return s;
}

static struct config_section *find_section(struct reading *r, const char *kind, const char *name)
{
	for (struct config_section *s = r->config->sections; s; s = s->next)
		if (!strcmp(s->kind, kind) && !strcmp(s->name, name))
			return s;
	return NULL;
}

static int add_pair(struct reading *r, struct config_section *s, const char *key, const char *value)
{
	struct config_pair *pairs;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->pairs[i].key, key))
			return wrong(r, "%s is said for the second time", key);
	pairs = realloc(s->pairs, (s->n + 1) * sizeof(*pairs));
	if (!pairs)
		return wrong(r, "out of memory");
	s->pairs = pairs;
	pairs[s->n] = (struct config_pair){ keep(r, key), keep(r, value), r->line };
	if (!pairs[s->n].key || !pairs[s->n].value)
		return 0;
	s->n++;
	return 1;
}

/* [push "central"], also without quotes. */
static int kept(struct reading *r, const char *section, const char *key, const char *value)
{
	size_t len = strcspn(section, " \t\"");
	const char *name = section + len + strspn(section + len, " \t\"");
	char kind[16], text[100];
	struct config_section *s;

	if (!is_kept_kind(section, len))
		return wrong(r,
			     "there is no section [%s]; there are sampling, budget, http, store, "
			     "push \"NAME\" and relabel \"NAME\"",
			     section);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "\""), name);
	if (!*text)
		return wrong(r, "[%s] wants a name: [%s \"NAME\"]", section, section);
	snprintf(kind, sizeof(kind), "%.*s", (int)len, section);
	s = find_section(r, kind, text);
	if (!s)
		s = add_section(r, keep(r, kind), keep(r, text));
	return s ? add_pair(r, s, key, value) : 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int handle(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	const struct opt_group *group = group_of(section);

	if (r->ret)
		return 0;
	if (!*section)
		return wrong(r, "%s is in no section: [sampling], for example", key);
	return group ? plain(r, group, section, key, value) : kept(r, section, key, value);
}

/* libinih tells no line numbers while it reads, and splits lines that are too long: seen here. */
static char *read_line(char *to, int size, void *arg)
{
	struct reading *r = arg;
	char *line = r->ret ? NULL : fgets(to, size, r->file);
	size_t len = line ? strlen(line) : 0;

	if (!line)
		return NULL;
	r->line++;
	if (r->line > LINES_MAX)
		wrong(r, "more than %d lines", LINES_MAX);
	else if (len && line[len - 1] != '\n' && !feof(r->file))
		wrong(r, "a line of more than %d bytes, or with a NUL byte", LINE_MAX_BYTES);
	return r->ret ? NULL : line;
}

static int read_all(struct reading *r)
{
	int line = ini_parse_stream(read_line, r, handle, r);

	if (!r->ret && ferror(r->file)) {
		snprintf(r->err->text, sizeof(r->err->text), "%s: cannot be read", r->config->path);
		r->ret = -EIO;
	}
	if (!r->ret && line) {
		r->line = (unsigned int)line;
		wrong(r, "this is no [section] and no key = value");
	}
	return r->ret;
}

int config_read(const char *path, struct config *config, struct settings *settings,
		struct egret_error *err)
{
	struct reading r = { .config = config, .settings = settings, .err = err };
	int ret;

	*config = (struct config){ .path = strdup(path) };
	r.file = config->path ? fopen(path, "re") : NULL;
	if (!r.file) {
		ret = -errno;
		snprintf(err->text, sizeof(err->text), "%s: %s", path, strerror(errno));
	} else {
		ret = read_all(&r);
		fclose(r.file);
	}
	if (ret)
		config_deinit(config);
	return ret;
}

void config_deinit(struct config *config)
{
	struct config_section *s;
	struct config_text *t;

	while ((s = config->sections)) {
		config->sections = s->next;
		free(s->pairs);
		free(s);
	}
	while ((t = config->texts)) {
		config->texts = t->next;
		free(t);
	}
	free(config->path);
	*config = (struct config){ 0 };
}
