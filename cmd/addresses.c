/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(struct egret_error *err, int errnum, const char *text, size_t len,
		unsigned long line)
{
	const char *dots = len > 40 ? "..." : "";

	if (line)
		snprintf(err->text, sizeof(err->text), "line %lu: '%.*s%s' is no address", line,
			 len > 40 ? 40 : (int)len, text, dots);
	else
		snprintf(err->text, sizeof(err->text),
			 "'%.*s%s' is no address: wants hexadecimal digits",
			 len > 40 ? 40 : (int)len, text, dots);
	return -errnum;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, size_t len, uint64_t *address)
{
	const char *end = text + len;
	uint64_t value = 0;

	if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	if (text == end)
		return false;
	for (; text < end; text++) {
		int d = digit(*text);

		if (d < 0 || value >> 60)
			return false;
		value = value << 4 | (unsigned int)d;
	}
	*address = value;
	return true;
}

int address_parse(const char *text, uint64_t *address, struct egret_error *err)
{
	return parse(text, strlen(text), address) ? 0 : fail(err, EINVAL, text, strlen(text), 0);
}

/* More bytes behind those that are there. 0, also at the end, or -errno. */
static int refill(struct addresses *in, struct egret_error *err)
{
	ssize_t n;

	memmove(in->text, in->text + in->at, in->len - in->at);
	in->len -= in->at;
	in->at = 0;
	do
		n = read(in->fd, in->text + in->len, sizeof(in->text) - in->len);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		n = -errno;
		snprintf(err->text, sizeof(err->text), "cannot read addresses: %s",
			 strerror((int)-n));
		return (int)n;
	}
	in->ended = !n;
	in->len += (size_t)n;
	return 0;
}

/* As isspace, whatever the locale. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct addresses *in)
{
	for (; in->at < in->len && is_blank(in->text[in->at]); in->at++)
		in->line += in->text[in->at] == '\n';
}

/* The length of the word that begins at `at`; 0: its end is not there yet, or there is none. */
static size_t next_word(struct addresses *in)
{
	size_t end;

	skip_blanks(in);
	for (end = in->at; end < in->len && !is_blank(in->text[end]); end++)
		;
	return end < in->len || in->ended || end - in->at == sizeof(in->text) ? end - in->at : 0;
}

int addresses_read(struct addresses *in, uint64_t *to, size_t max, struct egret_error *err)
{
	size_t n = 0, len;

	for (;;) {
		while (n < max && (len = next_word(in))) {
			const char *word = in->text + in->at;

			if (len == sizeof(in->text) ||
			    !parse(word, len, &to[n])) /* said when those before it are done */
				return n ? (int)n : fail(err, EINVAL, word, len, in->line + 1);
			in->at += len;
			n++;
		}
		if (n || in->ended)
			return (int)n;
		int ret = refill(in, err);

		if (ret)
			return ret;
	}
}
