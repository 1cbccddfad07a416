/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Demangled names without what is in brackets: parameters, template arguments of C++ and D, generic
 * arguments of Rust. Brackets that are part of a name stay: (anonymous namespace), operator(),
 * operator<, and <T as Trait>::method.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "symbolize/symbolize.h"

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* The length of "operator" and the sign behind it at p; 0 where there is none. before: p[-1]. */
static size_t operator_at(const char *p, char before)
{
	static const char *const signs[] = { "<=>", "<<=", ">>=", "->*", "()", "[]", "<<",
					     ">>",  "<=",  ">=",  "->",	 "<",  ">",  NULL };
	size_t word = sizeof("operator") - 1;

	if (is_name_char(before) || strncmp(p, "operator", word))
		return 0;
	for (const char *const *sign = signs; *sign; sign++)
		if (!strncmp(p + word, *sign, strlen(*sign)))
			return word + strlen(*sign);
	return 0;
}

/* Behind the bracket that closes the one at p; NULL where none does. */
static const char *behind_brackets(const char *p)
{
	size_t depth = 0;
	char before = ' ';

	while (*p) {
		size_t operator_len = operator_at(p, before);

		if (operator_len) {
			p += operator_len;
			before = p[-1];
			continue;
		}
		if (strchr("(<[{", *p))
			depth++;
		else if (strchr(")]}", *p) || (*p == '>' && before != '-'))
			depth--;
		before = *p++;
		if (!depth)
			return p;
	}
	return NULL;
}

/* The length of a qualifier of a member function at p; 0 where there is none. */
static size_t qualifier_at(const char *p)
{
	static const char *const qualifiers[] = { " const", " volatile", " &&", " &", NULL };

	for (const char *const *q = qualifiers; *q; q++) {
		size_t len = strlen(*q);

		if (!strncmp(p, *q, len) && !is_name_char(p[len]))
			return len;
	}
	return 0;
}

static const char *behind_qualifiers(const char *p)
{
	while (qualifier_at(p))
		p += qualifier_at(p);
	return p;
}

/*
 * Where to go on if arguments begin at p; p where none do. Takes "::" and "!" before them back.
 * is_operator: what is before p is the sign of an operator.
 */
static const char *behind_arguments(const char *p, bool is_operator, const char *begin, char **to)
{
	char before = *to > begin ? (*to)[-1] : ' ';
	const char *behind;

	if (*p != '<' && *p != '(')
		return p;
	if (*p == '<' && *to - begin > 2 && before == ':' && (*to)[-2] == ':') {
		behind = behind_brackets(p);
		*to -= behind ? 2 : 0;
		return behind ? behind : p;
	}
	if (!is_name_char(before) && !strchr(")]>}!", before) && !is_operator)
		return p;
	behind = behind_brackets(p);
	if (!behind)
		return p;
	if (before == '!')
		--*to;
	return *p == '(' ? behind_qualifiers(behind) : behind;
}

void egret_shorten_name(char *name)
{
	const char *p = name;
	char *to = name;
	bool is_operator = false;

	while (*p) {
		size_t operator_len = operator_at(p, to > name ? to[-1] : ' ');
		const char *behind;

		if (operator_len) {
			memmove(to, p, operator_len);
			p += operator_len;
			to += operator_len;
			/* operator<< <char>: so that it is not operator<<< */
			p += p[0] == ' ' && p[1] == '<';
			is_operator = true;
			continue;
		}
		behind = behind_arguments(p, is_operator, name, &to);
		is_operator = false;
		if (behind != p)
			p = behind;
		else
			*to++ = *p++;
	}
	*to = '\0';
}
