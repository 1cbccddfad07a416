/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* opt.c - argument vectors against tables of options. */
#include "opt.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "opt_value.h"

#define LONGEST_WORD 40 /* longer words have no near one */

static const struct opt help_opt = { "help", 'h', OPT_FLAG, 0, NULL, "Print this help", NULL };

/* An option of a table, with where its value goes. */
struct found {
	const struct opt *opt; /* NULL: not found */
	void *member;
	bool negated; /* given as --no-NAME */
};

struct parser {
	const struct opt_group *groups;
	char *values;
	bool *help;
	struct egret_error *err;
};

static int fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->err->text, sizeof(p->err->text), format, args);
	va_end(args);
	return -EINVAL;
}

void opt_each(const struct opt_group *groups, opt_fn fn, void *arg)
{
	for (; groups->title; groups++)
		for (const struct opt *opt = groups->opts; opt->name; opt++)
			fn(opt, arg);
	fn(&help_opt, arg);
}

static bool is_prefix(const char *name, const char *text, size_t len)
{
	return !strncmp(name, text, len);
}

/* Whether text is the opposite of a flag: "no-tree" of "tree", "symbols" of "no-symbols". */
static bool is_negation(const struct opt *opt, const char *text, size_t len)
{
	if (opt->type != OPT_FLAG || opt == &help_opt)
		return false;
	if (!strncmp(opt->name, "no-", 3))
		return strlen(opt->name + 3) == len && is_prefix(opt->name + 3, text, len);
	return len > 3 && !strncmp(text, "no-", 3) && strlen(opt->name) == len - 3 &&
	       is_prefix(opt->name, text + 3, len - 3);
}

struct search {
	const char *text; /* long name without dashes, `len` bytes of it */
	size_t len;
	struct found exact, prefix, negation;
	unsigned int n_prefixes;
};

static void search_one(struct search *s, const struct opt *opt, void *member)
{
	if (!*opt->name)
		return;
	if (is_negation(opt, s->text, s->len))
		s->negation = (struct found){ opt, member, true };
	if (!is_prefix(opt->name, s->text, s->len))
		return;
	if (strlen(opt->name) == s->len)
		s->exact = (struct found){ opt, member, false };
	s->prefix = (struct found){ opt, member, false };
	s->n_prefixes++;
}

static struct search search_long(const struct parser *p, const char *text, size_t len)
{
	struct search s = { .text = text, .len = len };

	for (const struct opt_group *g = p->groups; g->title; g++)
		for (const struct opt *opt = g->opts; opt->name; opt++)
			search_one(&s, opt, p->values + g->offset + opt->offset);
	search_one(&s, &help_opt, p->help);
	return s;
}

static struct found find_letter(const struct parser *p, char letter)
{
	for (const struct opt_group *g = p->groups; g->title; g++)
		for (const struct opt *opt = g->opts; opt->name; opt++)
			if (opt->letter == letter)
				return (struct found){ opt, p->values + g->offset + opt->offset,
						       false };
	if (letter == help_opt.letter)
		return (struct found){ &help_opt, p->help, false };
	return (struct found){ 0 };
}

static int store(struct parser *p, const struct found *found, const char *text)
{
	char wanted[160];
	int ret;

	ret = opt_set(found->opt, text, found->member);
	if (ret == -ENOMEM) {
		fail(p, "out of memory");
		return ret;
	}
	if (!ret)
		return 0;
	opt_describe_wanted(found->opt, wanted, sizeof(wanted));
	return fail(p, "--%s wants %s, not '%s'", found->opt->name, wanted, text);
}

struct words {
	const struct opt_group *groups;
};

static const char *nth_name(size_t n, const void *arg)
{
	const struct words *words = arg;

	for (const struct opt_group *g = words->groups; g->title; g++)
		for (const struct opt *opt = g->opts; opt->name; opt++)
			if (!n--)
				return opt->name;
	return n ? NULL : help_opt.name;
}

static int unknown_long(struct parser *p, const char *text, size_t len)
{
	struct words words = { p->groups };
	char word[LONGEST_WORD + 1];
	const char *near = NULL;

	if (len <= LONGEST_WORD) {
		memcpy(word, text, len);
		word[len] = 0;
		near = opt_nearest(word, nth_name, &words);
	}
	if (near)
		return fail(p, "unknown option '--%.*s'; did you mean '--%s'?", (int)len, text,
			    near);
	return fail(p, "unknown option '--%.*s'", (int)len, text);
}

static int choose(struct parser *p, const struct search *s, struct found *found)
{
	if (s->exact.opt)
		*found = s->exact;
	else if (s->negation.opt)
		*found = s->negation;
	else if (s->n_prefixes == 1)
		*found = s->prefix;
	else if (s->n_prefixes > 1)
		return fail(p, "option '--%.*s' is ambiguous", (int)s->len, s->text);
	else
		return unknown_long(p, s->text, s->len);
	return 0;
}

/* One --NAME, --NAME=VALUE or --NAME VALUE. Returns how many further arguments it took, or -errno.
 */
static int parse_long(struct parser *p, const char *text, const char *next)
{
	size_t len = strcspn(text, "=");
	const char *value = text[len] ? text + len + 1 : NULL;
	struct search s = search_long(p, text, len);
	struct found found = { 0 };
	int ret;

	ret = choose(p, &s, &found);
	if (ret)
		return ret;
	if (found.opt->type == OPT_FLAG) {
		if (value)
			return fail(p, "--%s takes no value", found.opt->name);
		*(bool *)found.member = !found.negated;
		return 0;
	}
	if (value)
		return store(p, &found, value);
	if (found.opt->type == OPT_OPTIONAL)
		return store(p, &found, "");
	if (!next)
		return fail(p, "--%s wants a value: %s", found.opt->name, found.opt->arg);
	ret = store(p, &found, next);
	return ret ? ret : 1;
}

/* A bundle of letters: -ag, -F99, -F 99. Returns as parse_long. */
static int parse_letters(struct parser *p, const char *text, const char *next)
{
	int ret;

	for (; *text; text++) {
		struct found found = find_letter(p, *text);

		if (!found.opt)
			return isprint((unsigned char)*text)
				       ? fail(p, "unknown option '-%c'", *text)
				       : fail(p, "unknown option '-\\%o'", (unsigned char)*text);
		if (found.opt->type == OPT_FLAG) {
			*(bool *)found.member = true;
			continue;
		}
		if (text[1])
			return store(p, &found, text + 1);
		if (found.opt->type == OPT_OPTIONAL)
			return store(p, &found, "");
		if (!next)
			return fail(p, "-%c wants a value: %s", *text, found.opt->arg);
		ret = store(p, &found, next);
		return ret ? ret : 1;
	}
	return 0;
}

int opt_parse(const struct opt_group *groups, void *values, int argc, char **argv, bool *help,
	      struct egret_error *err)
{
	struct parser p = { groups, values, help, err };
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] && !*help) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		int taken;

		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (argv[i][1] == '-')
			taken = parse_long(&p, argv[i] + 2, next);
		else
			taken = parse_letters(&p, argv[i] + 1, next);
		if (taken < 0)
			return taken;
		i += 1 + taken;
	}
	return i;
}

void opt_deinit(const struct opt_group *groups, void *values)
{
	for (; groups->title; groups++)
		for (const struct opt *opt = groups->opts; opt->name; opt++)
			opt_clear(opt, (char *)values + groups->offset + opt->offset);
}

/* ---- near words --------------------------------------------------------------------------- */

/* How many letters must be changed, added, removed or swapped: the optimal string alignment. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int d[LONGEST_WORD + 1][LONGEST_WORD + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST_WORD || lb > LONGEST_WORD)
		return LONGEST_WORD;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			unsigned int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[la][lb];
}

/* The distance of a word that may have been written on: "frequency" is near "freq". */
static unsigned int distance_of_beginning(const char *word, const char *candidate)
{
	size_t len = strlen(candidate);
	char beginning[LONGEST_WORD + 1];

	if (len < 3 || len >= strlen(word) || len > LONGEST_WORD)
		return LONGEST_WORD;
	memcpy(beginning, word, len);
	beginning[len] = 0;
	return distance(beginning, candidate) + 1;
}

const char *opt_nearest(const char *word, opt_word_fn next, const void *arg)
{
	unsigned int least = (unsigned int)strlen(word) / 3 + 1;
	const char *nearest = NULL, *candidate;

	if (least > 3)
		least = 3;
	for (size_t n = 0; (candidate = next(n, arg)); n++) {
		unsigned int d = distance(word, candidate);

		if (distance_of_beginning(word, candidate) < d)
			d = distance_of_beginning(word, candidate);
		if (d >= strlen(word)) /* nothing of it would be left */
			continue;
		if (d < least || (d == least && !nearest)) {
			least = d;
			nearest = candidate;
		}
	}
	return nearest;
}

/* ---- help --------------------------------------------------------------------------------- */

#define HELP_COLUMN 28
#define HELP_WIDTH 92

/* Words of text, broken before column HELP_WIDTH; the first line begins where the cursor is. */
static void print_wrapped(const char *text, FILE *out)
{
	int column = HELP_COLUMN;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_opt(const struct opt *opt, FILE *out)
{
	int column;

	if (!*opt->name)
		column = fprintf(out, "  -%c", opt->letter);
	else if (opt->letter)
		column = fprintf(out, "  -%c, --%s", opt->letter, opt->name);
	else
		column = fprintf(out, "      --%s", opt->name);
	if (opt->type == OPT_OPTIONAL)
		column += fprintf(out, "[=%s]", opt->arg);
	else if (opt->arg)
		column += fprintf(out, "=%s", opt->arg);
	if (column > HELP_COLUMN - 2) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - column, "");
	print_wrapped(opt->help, out);
}

void opt_print_help(const struct opt_group *groups, FILE *out)
{
	for (; groups->title; groups++) {
		fprintf(out, "%s:\n", groups->title);
		for (const struct opt *opt = groups->opts; opt->name; opt++)
			print_opt(opt, out);
		if (!groups[1].title)
			print_opt(&help_opt, out);
		fputc('\n', out);
	}
}
