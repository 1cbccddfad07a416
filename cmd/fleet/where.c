/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/where.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/fail.h"

#define MAX_TEXT 65536
#define MAX_DEPTH 64

/* What stands at one place: a word, a quoted text, or a sign. */
struct token {
	const char *at;
	size_t len; /* 0: the end */
	bool is_word, is_quoted;
};

struct parser {
	const char *text;
	struct token token;
	char *value; /* of a word or a quoted text; on the heap, as long as text */
	unsigned int depth;
	bool has_alternatives; /* "or" or "not" somewhere: no condition must hold by itself */
	struct where *where;
	struct egret_error *err;
};

static int fail_at(struct parser *p, const char *what)
{
	size_t column = (size_t)(p->token.at - p->text) + 1;

	if (!p->token.len)
		return agent_fail(p->err, EINVAL, "--where ends where %s is wanted", what);
	return agent_fail(p->err, EINVAL, "--where: %s is wanted at character %zu, not '%.40s'",
			  what, column, p->token.at);
}

/* ---- words --------------------------------------------------------------------------------- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80 || (c && strchr("_./:@%+-*$^", c));
}

/* A text in quotes, whose end is sought. False: it has none. */
static bool take_quoted(struct parser *p)
{
	char quote = *p->token.at;
	const char *at = p->token.at + 1;
	size_t n = 0;

	for (; *at && *at != quote; at++) {
		if (*at == '\\' && at[1])
			at++;
		p->value[n++] = *at;
	}
	p->value[n] = '\0';
	p->token.len = (size_t)(at - p->token.at) + 1;
	return *at;
}

static int next(struct parser *p)
{
	const char *at = p->token.at + p->token.len;
	size_t len = 0;

	at += strspn(at, " \t\r\n");
	p->token = (struct token){ .at = at };
	if (*at == '\'' || *at == '"') {
		p->token.is_quoted = true;
		if (take_quoted(p))
			return 0;
		return agent_fail(p->err, EINVAL, "--where: the quote at character %zu has no end",
				  (size_t)(at - p->text) + 1);
	}
	while (is_word(at[len]))
		len++;
	p->token.is_word = len;
	memcpy(p->value, at, len);
	p->value[len] = '\0';
	if (!len && *at)
		len = !strncmp(at, "!=", 2) || !strncmp(at, "!~", 2) || !strncmp(at, "==", 2) ? 2
											      : 1;
	p->token.len = len;
	return 0;
}

static bool is_keyword(const struct parser *p, const char *word)
{
	return p->token.is_word && !strcasecmp(p->value, word);
}

static bool is_sign(const struct parser *p, const char *sign)
{
	return !p->token.is_word && !p->token.is_quoted && p->token.len == strlen(sign) &&
	       !strncmp(p->token.at, sign, p->token.len);
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* A value of the samples: a column, or a label of that key. */
static void add_operand(struct sql *sql, const char *key)
{
	static const char *const columns[][2] = {
		{ "service", "service" }, { "service.name", "service" }, { "host", "host" },
		{ "host.name", "host" },  { "process", "process" },	 { "thread", "thread" },
	};

	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		if (!strcmp(key, columns[i][0])) {
			sql_add(sql, "%s", columns[i][1]);
			return;
		}
	}
	sql_add(sql, "values[indexOf(keys, ");
	sql_string(sql, key);
	sql_add(sql, ")]");
}

static void add_test(struct sql *sql, const char *key, const char *value, bool is_pattern)
{
	if (!strcmp(key, "comm")) {
		sql_add(sql, "(");
		add_test(sql, "thread", value, is_pattern);
		sql_add(sql, " OR ");
		add_test(sql, "process", value, is_pattern);
		sql_add(sql, ")");
		return;
	}
	if (is_pattern)
		sql_add(sql, "match(");
	add_operand(sql, key);
	sql_add(sql, is_pattern ? ", " : " = ");
	sql_string(sql, value);
	if (is_pattern)
		sql_add(sql, ")");
}

static int want_value(struct parser *p)
{
	return p->token.is_word || p->token.is_quoted ? 0 : fail_at(p, "a value");
}

static int parse_list(struct parser *p, const char *key)
{
	struct sql *sql = &p->where->sql;
	int ret = is_sign(p, "(") ? next(p) : fail_at(p, "'('");

	p->has_alternatives = true;
	for (bool is_first = true; !ret; is_first = false) {
		ret = want_value(p);
		if (ret)
			break;
		if (!is_first)
			sql_add(sql, " OR ");
		add_test(sql, key, p->value, false);
		ret = next(p);
		if (ret || is_sign(p, ")"))
			return ret ? ret : next(p);
		ret = is_sign(p, ",") ? next(p) : fail_at(p, "',' or ')'");
	}
	return ret;
}

static void note_service(struct parser *p, const char *key)
{
	if (strcmp(key, "service") != 0 && strcmp(key, "service.name") != 0)
		return;
	free(p->where->service);
	p->where->service = strdup(p->value); /* NULL: a slower query */
}

static int parse_comparison(struct parser *p, const char *key)
{
	struct sql *sql = &p->where->sql;
	bool is_pattern = is_sign(p, "~") || is_sign(p, "!~");
	bool is_negative = is_sign(p, "!=") || is_sign(p, "!~");
	int ret;

	if (!is_pattern && !is_negative && !is_sign(p, "=") && !is_sign(p, "=="))
		return fail_at(p, "=, !=, ~, !~ or in");
	ret = next(p);
	if (!ret)
		ret = want_value(p);
	if (ret)
		return ret;
	if (is_negative)
		sql_add(sql, "NOT ");
	sql_add(sql, "(");
	add_test(sql, key, p->value, is_pattern);
	sql_add(sql, ")");
	if (!is_negative && !is_pattern)
		note_service(p, key);
	return next(p);
}

static int parse_with_key(struct parser *p, const char *key)
{
	struct sql *sql = &p->where->sql;
	bool is_negative;
	int ret = next(p);

	if (ret)
		return ret;
	is_negative = is_keyword(p, "not");
	if (!is_negative && !is_keyword(p, "in"))
		return parse_comparison(p, key);
	if (is_negative)
		ret = next(p);
	if (!ret && !is_keyword(p, "in"))
		ret = fail_at(p, "in");
	if (!ret)
		ret = next(p);
	sql_add(sql, is_negative ? "NOT (" : "(");
	if (!ret)
		ret = parse_list(p, key);
	sql_add(sql, ")");
	return ret;
}

static int parse_expression(struct parser *p);

static int parse_condition(struct parser *p)
{
	struct sql *sql = &p->where->sql;
	char *key;
	int ret;

	if (is_keyword(p, "not") || is_sign(p, "(")) {
		bool is_negative = !is_sign(p, "(");

		if (++p->depth > MAX_DEPTH)
			return agent_fail(p->err, EINVAL, "--where is nested too deeply");
		p->has_alternatives |= is_negative;
		sql_add(sql, is_negative ? "NOT (" : "(");
		ret = next(p);
		if (!ret)
			ret = is_negative ? parse_condition(p) : parse_expression(p);
		if (!ret && !is_negative)
			ret = is_sign(p, ")") ? next(p) : fail_at(p, "')'");
		sql_add(sql, ")");
		p->depth--;
		return ret;
	}
	if (want_value(p))
		return fail_at(p, "a key, such as service");
	key = strdup(p->value);
	ret = key ? parse_with_key(p, key) : -ENOMEM;
	free(key);
	return ret;
}

static int parse_conjunction(struct parser *p)
{
	int ret = parse_condition(p);

	while (!ret && is_keyword(p, "and")) {
		sql_add(&p->where->sql, " AND ");
		ret = next(p);
		if (!ret)
			ret = parse_condition(p);
	}
	return ret;
}

static int parse_expression(struct parser *p)
{
	int ret;

	/* AND binds closer in SQL too. */
	sql_add(&p->where->sql, "(");
	ret = parse_conjunction(p);
	while (!ret && is_keyword(p, "or")) {
		p->has_alternatives = true;
		sql_add(&p->where->sql, " OR ");
		ret = next(p);
		if (!ret)
			ret = parse_conjunction(p);
	}
	sql_add(&p->where->sql, ")");
	return ret;
}

int where_parse(struct where *where, const char *text, struct egret_error *err)
{
	size_t len = strlen(text);
	struct parser p = { .text = text, .token.at = text, .where = where, .err = err };
	int ret;

	*where = (struct where){ 0 };
	if (len > MAX_TEXT)
		return agent_fail(err, EINVAL, "--where is longer than %u bytes", MAX_TEXT);
	p.value = malloc(len + 1);
	if (!p.value)
		return agent_fail(err, ENOMEM, "out of memory");
	ret = next(&p);
	if (!ret)
		ret = parse_expression(&p);
	if (!ret && (p.token.len || *p.token.at))
		ret = fail_at(&p, "and, or, or the end");
	if (!ret && sql_failed(&where->sql))
		ret = agent_fail(err, ENOMEM, "out of memory");
	if (p.has_alternatives) {
		free(where->service);
		where->service = NULL;
	}
	free(p.value);
	return ret;
}

void where_deinit(struct where *where)
{
	sql_deinit(&where->sql);
	free(where->service);
	*where = (struct where){ 0 };
}
