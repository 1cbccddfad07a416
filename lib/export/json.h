/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * json.h - JSON (RFC 8259) into a stream or a buffer, as it goes: libraries build the document
 * first, and a profile as one would be many times its size.
 */
#ifndef EGRET_EXPORT_JSON_H
#define EGRET_EXPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buffer.h"

struct egret_json {
	FILE *out;
	struct egret_buffer *buffer; /* instead of out, where it is not NULL */
	bool needs_comma;	     /* before the next value or member */
};

/* name: of the member, inside an object; NULL inside an array and at the top. Texts are UTF-8. */
void egret_json_open_object(struct egret_json *json, const char *name);
void egret_json_close_object(struct egret_json *json);
void egret_json_open_array(struct egret_json *json, const char *name);
void egret_json_close_array(struct egret_json *json);
void egret_json_text(struct egret_json *json, const char *name, const char *text);
void egret_json_number(struct egret_json *json, const char *name, uint64_t number);
void egret_json_signed(struct egret_json *json, const char *name, int64_t number);
/* Milliseconds, or another thousand-thousandth: number / 1000000 with all its digits. */
void egret_json_millionths(struct egret_json *json, const char *name, uint64_t number);
void egret_json_bool(struct egret_json *json, const char *name, bool value);
void egret_json_null(struct egret_json *json, const char *name);

#endif
