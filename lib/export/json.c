/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/json.h"

#include <inttypes.h>

static void print_text(FILE *out, const char *text)
{
	putc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			putc('\\', out);
		if (*p < 0x20)
			fprintf(out, "\\u%04x", *p);
		else
			putc(*p, out);
	}
	putc('"', out);
}

static void begin(struct egret_json *json, const char *name)
{
	if (json->needs_comma)
		putc(',', json->out);
	json->needs_comma = true;
	if (!name)
		return;
	print_text(json->out, name);
	putc(':', json->out);
}

static void open_with(struct egret_json *json, const char *name, char bracket)
{
	begin(json, name);
	putc(bracket, json->out);
	json->needs_comma = false;
}

static void close_with(struct egret_json *json, char bracket)
{
	putc(bracket, json->out);
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
	print_text(json->out, text);
}

void egret_json_number(struct egret_json *json, const char *name, uint64_t number)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64, number);
}

void egret_json_millionths(struct egret_json *json, const char *name, uint64_t number)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64 ".%06" PRIu64, number / 1000000, number % 1000000);
}

void egret_json_bool(struct egret_json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->out);
}

void egret_json_null(struct egret_json *json, const char *name)
{
	begin(json, name);
	fputs("null", json->out);
}
