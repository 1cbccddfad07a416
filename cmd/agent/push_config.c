/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_config.c - backends as the configuration names them. */
#include "agent/push_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fail.h"
#include "opt_value.h"

#define MEMBER(name) offsetof(struct push_target, name)

static const struct opt keys[] = {
	{ "type", 0, OPT_STRING, MEMBER(kind), NULL, NULL, NULL },
	{ "url", 0, OPT_STRING, MEMBER(url), NULL, NULL, NULL },
	{ "path", 0, OPT_STRING, MEMBER(url), NULL, NULL, NULL },
	{ "token-file", 0, OPT_STRING, MEMBER(token_file), NULL, NULL, NULL },
	{ "user", 0, OPT_STRING, MEMBER(user), NULL, NULL, NULL },
	{ "password-file", 0, OPT_STRING, MEMBER(password_file), NULL, NULL, NULL },
	{ "ca-file", 0, OPT_STRING, MEMBER(ca_file), NULL, NULL, NULL },
	{ "tenant", 0, OPT_STRING, MEMBER(tenant), NULL, NULL, NULL },
	{ "database", 0, OPT_STRING, MEMBER(database), NULL, NULL, NULL },
	{ "timeout", 0, OPT_DURATION, MEMBER(timeout_ms), NULL, NULL, NULL },
	{ 0 },
};

static const char *nth_key(size_t n, const void *arg)
{
	return keys[n].name;
}

static const struct opt *find_key(const char *name)
{
	for (const struct opt *key = keys; key->name; key++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}

static int no_key(const struct config *config, const struct config_section *section,
		  const struct config_pair *pair, struct egret_error *err)
{
	const char *near = opt_nearest(pair->key, nth_key, NULL);

	return config_fail(config, pair->line, err, "[push \"%s\"] has no '%s'%s%s%s",
			   section->name, pair->key, near ? "; is it '" : "", near ? near : "",
			   near ? "'?" : "");
}

static int set(const struct config *config, const struct config_section *section,
	       const struct config_pair *pair, struct push_target *target, struct egret_error *err)
{
	const struct opt *key = find_key(pair->key);
	char wanted[200];

	if (!key)
		return no_key(config, section, pair, err);
	if (!*pair->value)
		return config_fail(config, pair->line, err, "%s is empty", pair->key);
	if (!opt_set(key, pair->value, (char *)target + key->offset))
		return 0;
	opt_describe_wanted(key, wanted, sizeof(wanted));
	return config_fail(config, pair->line, err, "%s wants %s, not '%s'", pair->key, wanted,
			   pair->value);
}

static int no_kind(const struct config *config, const struct config_section *section,
		   struct egret_error *err)
{
	char kinds[100] = "";

	for (size_t i = 0, len = 0; push_kind_name(i) && len < sizeof(kinds); i++)
		len += (size_t)snprintf(kinds + len, sizeof(kinds) - len, "%s%s", i ? ", " : "",
					push_kind_name(i));
	return config_fail(config, section->line, err, "[push \"%s\"] needs a type: %s",
			   section->name, kinds);
}

static int read_section(const struct config *config, const struct config_section *section,
			struct push_target *target, struct egret_error *err)
{
	struct egret_error why = { "" };
	int ret = 0;

	*target = (struct push_target){ .name = section->name };
	for (size_t i = 0; i < section->n && !ret; i++)
		ret = set(config, section, &section->pairs[i], target, err);
	if (ret)
		return ret;
	if (!target->kind)
		return no_kind(config, section, err);
	if (push_check(target, &why))
		return config_fail(config, section->line, err, "[push \"%s\"]: %s", section->name,
				   why.text);
	return 0;
}

int push_config_read(const struct config *config, struct push_target **targets, size_t *n,
		     struct egret_error *err)
{
	int ret = 0;

	*n = 0;
	*targets = calloc(STORE_CURSORS, sizeof(**targets));
	if (!*targets)
		return agent_fail(err, ENOMEM, "out of memory");
	for (const struct config_section *s = config->sections; s && !ret; s = s->next) {
		if (strcmp(s->kind, "push"))
			continue;
		if (*n == STORE_CURSORS)
			ret = config_fail(config, s->line, err, "there are %d backends at most",
					  STORE_CURSORS);
		else
			ret = read_section(config, s, &(*targets)[(*n)++], err);
	}
	if (ret) {
		free(*targets);
		*targets = NULL;
		*n = 0;
	}
	return ret;
}
