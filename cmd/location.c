/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "location.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "text.h"

/* ---- text --------------------------------------------------------------------------------- */

#define NUMBERS_MAX 64	     /* bytes of an address, or of a line's number, and what is around it */
#define WRITE_FROM (1 << 17) /* bytes */

void location_text_deinit(struct location_text *text)
{
	free(text->bytes);
}

/* Room for len more bytes. */
static bool has_room(struct location_text *text, size_t len)
{
	size_t capacity = text->capacity ? text->capacity : 4096;
	char *bytes;

	if (len <= text->capacity - text->len)
		return true;
	while (capacity - text->len < len)
		capacity *= 2;
	bytes = realloc(text->bytes, capacity);
	if (!bytes)
		return false;
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

/* The length of a name that can be printed as it is; 0 of one that cannot, or is empty. */
static size_t plain_length(const char *name)
{
	size_t len = 0;

	while (name[len] >= 0x20 && name[len] < 0x7f)
		len++;
	return name[len] ? 0 : len;
}

/* A name made safe, through a stream in memory: rare. */
static bool put_unsafe(struct location_text *text, const char *name)
{
	size_t most = strlen(name) + 1;
	bool is_put = has_room(text, most);
	FILE *to = is_put && most > 1 ? fmemopen(text->bytes + text->len, most, "w") : NULL;

	if (!to)
		return is_put && most == 1;
	text_print(to, name, INT_MAX);
	fclose(to);
	text->len += strlen(text->bytes + text->len);
	return true;
}

/*
 * Names are nearly all plain, and the same ones come again and again: letters are looked at once,
 * which is what most of the time went to.
 */
static bool put_name(struct location_text *text, const char *name)
{
	uintptr_t hash = (uintptr_t)name * 0x9e3779b97f4a7c15ull >> 51;
	struct location_name *slot = &text->names[hash];

	if (slot->name != name)
		*slot = (struct location_name){ name, plain_length(name) };
	if (!slot->len)
		return put_unsafe(text, name);
	if (!has_room(text, slot->len))
		return false;
	memcpy(text->bytes + text->len, name, slot->len);
	text->len += slot->len;
	return true;
}

static void put_char(struct location_text *text, char c)
{
	text->bytes[text->len++] = c;
}

static void put_decimal(struct location_text *text, uint32_t number)
{
	char digits[10];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	while (at < sizeof(digits))
		put_char(text, digits[at++]);
}

static void put_hex(struct location_text *text, uint64_t number)
{
	int digits = number ? (67 - __builtin_clzll(number)) / 4 : 1;

	put_char(text, '0');
	put_char(text, 'x');
	while (digits--)
		put_char(text, "0123456789abcdef"[number >> 4 * digits & 15]);
}

static bool put_frame(struct location_text *text, const struct egret_frame *frame, bool with_module)
{
	if (!has_room(text, NUMBERS_MAX))
		return false;
	put_char(text, '\t');
	if (!put_name(text, frame->name) || !has_room(text, NUMBERS_MAX))
		return false;
	put_char(text, '\t');
	if (!put_name(text, frame->file ? frame->file : "??") || !has_room(text, NUMBERS_MAX))
		return false;
	put_char(text, ':');
	put_decimal(text, frame->line);
	if (with_module) {
		put_char(text, '\t');
		if (!put_name(text, *frame->module ? frame->module : "??") ||
		    !has_room(text, NUMBERS_MAX))
			return false;
	}
	put_char(text, '\n');
	return true;
}

void location_text_flush(FILE *out, struct location_text *text)
{
	if (text->len)
		fwrite(text->bytes, 1, text->len, out);
	text->len = 0;
}

int location_print_text(FILE *out, const struct egret_location *location, bool with_module,
			struct location_text *text)
{
	if (text->len > WRITE_FROM)
		location_text_flush(out, text);
	if (!has_room(text, NUMBERS_MAX))
		return -ENOMEM;
	put_hex(text, location->address);
	for (size_t i = 0; i < location->n_frames; i++)
		if (!put_frame(text, &location->frames[i], with_module))
			return -ENOMEM;
	return 0;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static struct json_object *hex_object(uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, number);
	return json_object_new_string(text);
}

/* Owns value from here on; NULL is want of memory. */
static bool add(struct json_object *to, const char *key, struct json_object *value)
{
	if (value && !json_object_object_add(to, key, value))
		return true;
	json_object_put(value);
	return false;
}

static bool add_text(struct json_object *to, const char *key, const char *text)
{
	return !text || !*text || add(to, key, json_text(text));
}

static bool fill_frame(struct json_object *to, const struct egret_frame *frame)
{
	bool is_named = !(frame->flags & EGRET_FRAME_F_UNNAMED);

	return (!is_named || add_text(to, "function", frame->name)) &&
	       add_text(to, "file", frame->file) &&
	       (!frame->line || add(to, "line", json_object_new_int64(frame->line))) &&
	       (!(frame->flags & EGRET_FRAME_F_INLINED) ||
		add(to, "inlined", json_object_new_boolean(1)));
}

static bool fill_frames(struct json_object *frames, const struct egret_location *location)
{
	for (size_t i = 0; i < location->n_frames; i++) {
		struct json_object *frame = json_object_new_object();

		if (!frame || json_object_array_add(frames, frame)) {
			json_object_put(frame);
			return false;
		}
		if (!fill_frame(frame, &location->frames[i]))
			return false;
	}
	return true;
}

static bool fill(struct json_object *to, const struct egret_location *location)
{
	const struct egret_frame *last = &location->frames[location->n_frames - 1];

	return add(to, "address", hex_object(location->address)) &&
	       add_text(to, "module", last->module) &&
	       add(to, "offset", hex_object(last->offset)) &&
	       add(to, "frames", json_object_new_array()) &&
	       fill_frames(json_object_object_get(to, "frames"), location) &&
	       add_text(to, "why", location->why);
}

int location_print_json(FILE *out, const struct egret_location *location)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;

	if (object && fill(object, location))
		text = json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(object);
	return text ? 0 : -ENOMEM;
}
