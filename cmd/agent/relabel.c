/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* relabel.c - which threads are kept, and with which labels. */
#include "agent/relabel.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 10	  /* $0 to $9 */
#define SOURCES_MAX 8	  /* keys of one rule */
#define TEXT_MAX 4096	  /* what is compared, and a new value: the rest is cut off */
#define LABELS_MAX 64	  /* of a thread: what egret_profile__relabel takes */
#define NEW_LABELS_MAX 64 /* that rules may add to a thread */

enum action { REPLACE, KEEP, DROP, LABELDROP, LABELKEEP };
static const char *const actions[] = { "replace", "keep", "drop", "labeldrop", "labelkeep" };
#define N_ACTIONS (sizeof(actions) / sizeof(*actions))

struct rule {
	enum action action;
	char *sources[SOURCES_MAX];
	size_t n_sources;
	const char *target, *replacement; /* the configuration's, copied */
	regex_t regex;
	bool has_regex;
};

struct relabel {
	struct rule *rules;
	size_t n;
	struct egret_label *labels; /* of the thread at hand */
	size_t n_labels, capacity;
	char *values[NEW_LABELS_MAX]; /* that were made for it */
	size_t n_values;
};

static int no_memory(struct egret_error *err)
{
	snprintf(err->text, sizeof(err->text), "out of memory");
	return -ENOMEM;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int read_action(const struct config *config, const struct config_pair *pair,
		       struct rule *rule, struct egret_error *err)
{
	for (size_t i = 0; i < N_ACTIONS; i++)
		if (!strcmp(pair->value, actions[i])) {
			rule->action = (enum action)i;
			return 0;
		}
	return config_fail(config, pair->line, err,
			   "action wants replace, keep, drop, labeldrop or labelkeep, not '%s'",
			   pair->value);
}

static int read_sources(const struct config *config, const struct config_pair *pair,
			struct rule *rule, struct egret_error *err)
{
	const char *at = pair->value;

	while (*at) {
		size_t len;

		at += strspn(at, ", \t");
		len = strcspn(at, ", \t");
		if (!len)
			break;
		if (rule->n_sources == SOURCES_MAX)
			return config_fail(config, pair->line, err, "source has more than %d keys",
					   SOURCES_MAX);
		rule->sources[rule->n_sources] = strndup(at, len);
		if (!rule->sources[rule->n_sources++])
			return no_memory(err);
		at += len;
	}
	return rule->n_sources ? 0 : config_fail(config, pair->line, err, "source is empty");
}

/* All of the text has to match, as it has for Prometheus. */
static int compile(const struct config *config, unsigned int line, const char *text,
		   struct rule *rule, struct egret_error *err)
{
	char *anchored, why[200];
	int failed;

	if (asprintf(&anchored, "^(%s)$", text) < 0)
		return no_memory(err);
	failed = regcomp(&rule->regex, anchored, REG_EXTENDED);
	free(anchored);
	if (!failed) {
		rule->has_regex = true;
		return 0;
	}
	regerror(failed, &rule->regex, why, sizeof(why));
	return config_fail(config, line, err, "regex '%s': %s", text, why);
}

static int read_target(const struct config *config, const struct config_pair *pair,
		       struct rule *rule, struct egret_error *err)
{
	for (const char *p = pair->value; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/", *p))
			return config_fail(config, pair->line, err,
					   "target wants letters, digits, '.', '_', '-' and '/', "
					   "not '%s'",
					   pair->value);
	if (!*pair->value)
		return config_fail(config, pair->line, err, "target is empty");
	rule->target = strdup(pair->value);
	return rule->target ? 0 : no_memory(err);
}

static int read_pair(const struct config *config, const struct config_pair *pair, struct rule *rule,
		     struct egret_error *err)
{
	if (!strcmp(pair->key, "action"))
		return read_action(config, pair, rule, err);
	if (!strcmp(pair->key, "source"))
		return read_sources(config, pair, rule, err);
	if (!strcmp(pair->key, "regex"))
		return compile(config, pair->line, pair->value, rule, err);
	if (!strcmp(pair->key, "target"))
		return read_target(config, pair, rule, err);
	if (!strcmp(pair->key, "replacement")) {
		rule->replacement = strdup(pair->value);
		return rule->replacement ? 0 : no_memory(err);
	}
	return config_fail(config, pair->line, err,
			   "a [relabel] section has no '%s': there are source, regex, action, "
			   "target and replacement",
			   pair->key);
}

/* What belongs together. */
static int check(const struct config *config, const struct config_section *s,
		 const struct rule *rule, struct egret_error *err)
{
	const char *action = actions[rule->action];

	if (rule->action == REPLACE ? !rule->target : rule->target || rule->replacement)
		return config_fail(config, s->line, err,
				   rule->target || rule->replacement
					   ? "the action %s has no target and no replacement"
					   : "the action %s wants a target",
				   action);
	if (rule->action >= LABELDROP && (rule->n_sources || !rule->has_regex))
		return config_fail(config, s->line, err,
				   "the action %s wants a regex for keys, and no source", action);
	if ((rule->action == KEEP || rule->action == DROP) && !(rule->n_sources && rule->has_regex))
		return config_fail(config, s->line, err, "the action %s wants a source and a regex",
				   action);
	return 0;
}

static int read_rule(const struct config *config, const struct config_section *s, struct rule *rule,
		     struct egret_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->n && !ret; i++)
		ret = read_pair(config, &s->pairs[i], rule, err);
	if (!ret)
		ret = check(config, s, rule, err);
	if (!ret && !rule->has_regex)
		ret = compile(config, s->line, ".*", rule, err);
	if (!ret && rule->action == REPLACE && !rule->replacement) {
		rule->replacement = strdup("$1");
		ret = rule->replacement ? 0 : no_memory(err);
	}
	return ret;
}

int relabel_read(const struct config *config, struct relabel **out, struct egret_error *err)
{
	struct relabel *r;
	size_t n = 0;
	int ret = 0;

	*out = NULL;
	for (const struct config_section *s = config->sections; s; s = s->next)
		n += !strcmp(s->kind, "relabel");
	if (!n)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r)
		r->rules = calloc(n, sizeof(*r->rules));
	if (!r || !r->rules)
		ret = no_memory(err);
	for (const struct config_section *s = config->sections; s && !ret; s = s->next)
		if (!strcmp(s->kind, "relabel"))
			ret = read_rule(config, s, &r->rules[r->n++], err);
	if (ret)
		relabel_destroy(r);
	else
		*out = r;
	return ret;
}

static void forget_values(struct relabel *r)
{
	while (r->n_values)
		free(r->values[--r->n_values]);
}

void relabel_destroy(struct relabel *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->rules[i];

		for (size_t k = 0; k < rule->n_sources; k++)
			free(rule->sources[k]);
		free((char *)rule->target);
		free((char *)rule->replacement);
		if (rule->has_regex)
			regfree(&rule->regex);
	}
	forget_values(r);
	free(r->rules);
	free(r->labels);
	free(r);
}

/* ---- applying ------------------------------------------------------------------------------- */

/* Text of a bounded size; what is longer is cut off. */
struct text {
	char bytes[TEXT_MAX];
	size_t len;
};

static void add(struct text *text, const char *bytes, size_t len)
{
	if (len > sizeof(text->bytes) - 1 - text->len)
		len = sizeof(text->bytes) - 1 - text->len;
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = 0;
}

static struct egret_label *find(struct relabel *r, const char *key)
{
	for (size_t i = 0; i < r->n_labels; i++)
		if (!strcmp(r->labels[i].key, key))
			return &r->labels[i];
	return NULL;
}

static void add_value(struct relabel *r, const struct egret_thread *thread, const char *key,
		      struct text *text)
{
	const struct egret_label *label = find(r, key);
	const char *value = label ? label->value : "";
	char pid[16];

	if (!strcmp(key, "process.name")) {
		value = thread->process;
	} else if (!strcmp(key, "thread.name")) {
		value = thread->comm;
	} else if (!strcmp(key, "process.pid")) {
		snprintf(pid, sizeof(pid), "%d", thread->pid);
		value = pid;
	}
	add(text, value, strlen(value));
}

/* "$1", "${1}": group 1 of the expression; "$$": "$". Group 0 of regex is ours: all of it. */
static void expand(const char *replacement, const char *source, const regmatch_t *groups,
		   struct text *out)
{
	for (const char *p = replacement; *p; p++) {
		bool braced = p[0] == '$' && p[1] == '{' && isdigit((unsigned char)p[2]) &&
			      p[3] == '}';
		const char *digit = braced ? p + 2 : p + 1;

		if (*p != '$' || (!isdigit((unsigned char)*digit) && *digit != '$')) {
			add(out, p, 1);
			continue;
		}
		if (*digit == '$') {
			add(out, "$", 1);
		} else {
			/* Group 1 is the parentheses around the whole: $1 is group 2. */
			const regmatch_t *group = &groups[*digit == '0' ? 0 : *digit - '0' + 1];

			if (group->rm_so >= 0)
				add(out, source + group->rm_so,
				    (size_t)(group->rm_eo - group->rm_so));
		}
		p = braced ? p + 3 : p + 1;
	}
}

static void remove_label(struct relabel *r, struct egret_label *label)
{
	size_t at = (size_t)(label - r->labels);

	memmove(label, label + 1, (r->n_labels - at - 1) * sizeof(*label));
	r->n_labels--;
}

/* Sorted by key; there is room. An empty value is no label. */
static int put(struct relabel *r, const char *key, const char *value)
{
	struct egret_label *label = find(r, key);
	size_t at = 0;
	char *copy;

	if (!*value) {
		if (label)
			remove_label(r, label);
		return 0;
	}
	if (r->n_values == NEW_LABELS_MAX || (!label && r->n_labels >= LABELS_MAX))
		return 0;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	r->values[r->n_values++] = copy;
	if (label) {
		label->value = copy;
		return 0;
	}
	while (at < r->n_labels && strcmp(r->labels[at].key, key) < 0)
		at++;
	memmove(r->labels + at + 1, r->labels + at, (r->n_labels - at) * sizeof(*r->labels));
	r->labels[at] = (struct egret_label){ key, copy };
	r->n_labels++;
	return 0;
}

static void filter_labels(struct relabel *r, const struct rule *rule)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_labels; i++) {
		bool matches = !regexec(&rule->regex, r->labels[i].key, 0, NULL, 0);

		if (matches == (rule->action == LABELKEEP))
			r->labels[kept++] = r->labels[i];
	}
	r->n_labels = kept;
}

/* As relabel_thread. */
static int apply(struct relabel *r, const struct rule *rule, const struct egret_thread *thread)
{
	struct text source = { "", 0 }, value = { "", 0 };
	regmatch_t groups[GROUPS_MAX + 1];
	bool matches;

	if (rule->action >= LABELDROP) {
		filter_labels(r, rule);
		return 0;
	}
	for (size_t i = 0; i < rule->n_sources; i++) {
		if (i)
			add(&source, ";", 1);
		add_value(r, thread, rule->sources[i], &source);
	}
	matches = !regexec(&rule->regex, source.bytes, GROUPS_MAX + 1, groups, 0);
	if (rule->action != REPLACE)
		return matches == (rule->action == DROP);
	if (!matches)
		return 0;
	expand(rule->replacement, source.bytes, groups, &value);
	return put(r, rule->target, value.bytes);
}

static int copy_labels(struct relabel *r, const struct egret_label *labels, size_t n)
{
	struct egret_label *grown;

	if (n + NEW_LABELS_MAX > r->capacity) {
		grown = realloc(r->labels, (n + NEW_LABELS_MAX) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->labels = grown;
		r->capacity = n + NEW_LABELS_MAX;
	}
	if (n)
		memcpy(r->labels, labels, n * sizeof(*labels));
	r->n_labels = n;
	return 0;
}

int relabel_thread(const struct egret_thread *thread, const struct egret_label **labels, size_t *n,
		   void *arg)
{
	struct relabel *r = arg;
	int ret = copy_labels(r, *labels, *n);

	forget_values(r);
	for (size_t i = 0; i < r->n && !ret; i++)
		ret = apply(r, &r->rules[i], thread);
	*labels = r->labels;
	*n = r->n_labels;
	return ret;
}
