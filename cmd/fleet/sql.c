/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sql_deinit(struct sql *sql)
{
	binary_deinit(&sql->text);
}

void sql_add(struct sql *sql, const char *format, ...)
{
	char *text;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		sql->text.failed = true;
		return;
	}
	binary_bytes(&sql->text, text, (size_t)len);
	free(text);
}

static bool is_harmless(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr(" _-+./:;,=@#()[]<>*!~^|&", c);
}

void sql_string_of(struct sql *sql, const char *text, size_t len)
{
	binary_bytes(&sql->text, "'", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c && is_harmless(c))
			binary_bytes(&sql->text, &c, 1);
		else
			sql_add(sql, "\\x%02X", c);
	}
	binary_bytes(&sql->text, "'", 1);
}

void sql_string(struct sql *sql, const char *text)
{
	sql_string_of(sql, text, strlen(text));
}

const char *sql_text(struct sql *sql)
{
	binary_bytes(&sql->text, "", 1);
	if (sql->text.failed)
		return "";
	sql->text.len--;
	return (const char *)sql->text.bytes;
}

bool sql_failed(const struct sql *sql)
{
	return sql->text.failed;
}

bool sql_is_name(const char *text)
{
	size_t len = strspn(text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len && !text[len] && !(text[0] >= '0' && text[0] <= '9');
}
