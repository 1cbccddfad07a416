/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/json.h"

#include <string.h>

static void put(struct egret_json *json, const char *bytes, size_t len)
{
	if (json->buffer)
		egret_buffer_add(json->buffer, bytes, len);
	else
		fwrite(bytes, 1, len, json->out);
}

static void put_char(struct egret_json *json, char c)
{
	if (json->buffer)
		egret_buffer_add(json->buffer, &c, 1);
	else
		putc(c, json->out);
}

static void put_text(struct egret_json *json, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	put_char(json, '"');
	while (*text) {
		size_t plain = 0;
		unsigned char c;

		while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
		       text[plain] != '\\')
			plain++;
		put(json, text, plain);
		text += plain;
		if (!*text)
			break;
		c = (unsigned char)*text++;
		put(json, (const char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	put_char(json, '"');
}

/* Most of what is written is numbers: printf would take half of the time. */
static void put_decimal(struct egret_json *json, uint64_t number, int least_digits)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number || (int)(sizeof(digits) - at) < least_digits);
	put(json, digits + at, sizeof(digits) - at);
}

static void begin(struct egret_json *json, const char *name)
{
	if (json->needs_comma)
		put_char(json, ',');
	json->needs_comma = true;
	if (!name)
		return;
	put_text(json, name);
	put_char(json, ':');
}

static void open_with(struct egret_json *json, const char *name, char bracket)
{
	begin(json, name);
	put_char(json, bracket);
	json->needs_comma = false;
}

static void close_with(struct egret_json *json, char bracket)
{
	put_char(json, bracket);
	json->needs_comma = true;
}

void egret_json_open_object(struct egret_json *json, const char *name)
{
	open_with(json, name, '{');
}

void egret_json_close_object(struct egret_json *json)
{
	close_with(json, '}');
}

void egret_json_open_array(struct egret_json *json, const char *name)
{
	open_with(json, name, '[');
}

void egret_json_close_array(struct egret_json *json)
{
	close_with(json, ']');
}

void egret_json_text(struct egret_json *json, const char *name, const char *text)
{
	begin(json, name);
	put_text(json, text);
}

void egret_json_number(struct egret_json *json, const char *name, uint64_t number)
{
	begin(json, name);
	put_decimal(json, number, 1);
}

void egret_json_signed(struct egret_json *json, const char *name, int64_t number)
{
	begin(json, name);
	if (number < 0)
		put_char(json, '-');
	put_decimal(json, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 1);
}

void egret_json_millionths(struct egret_json *json, const char *name, uint64_t number)
{
	begin(json, name);
	put_decimal(json, number / 1000000, 1);
	put_char(json, '.');
	put_decimal(json, number % 1000000, 6);
}

void egret_json_bool(struct egret_json *json, const char *name, bool value)
{
	begin(json, name);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

void egret_json_null(struct egret_json *json, const char *name)
{
	begin(json, name);
	put(json, "null", 4);
}
