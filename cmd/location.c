/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "location.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "json_text.h"
#include "text.h"

/* ---- text --------------------------------------------------------------------------------- */

/* Names are nearly all plain: they are not looked at letter by letter. */
static void put_name(FILE *out, const char *name)
{
	size_t len = 0;

	while (name[len] >= 0x20 && name[len] < 0x7f)
		len++;
	if (!name[len])
		fwrite_unlocked(name, 1, len, out);
	else
		text_print(out, name, INT_MAX);
}

/* What printf would do with %u, in a tenth of the time: there are millions of lines. */
static void put_decimal(FILE *out, uint32_t number)
{
	char digits[10];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	fwrite_unlocked(digits + at, 1, sizeof(digits) - at, out);
}

static void put_hex(FILE *out, uint64_t number)
{
	char digits[18];
	size_t at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[number & 15];
	while (number >>= 4);
	digits[--at] = 'x';
	digits[--at] = '0';
	fwrite_unlocked(digits + at, 1, sizeof(digits) - at, out);
}

void location_print_text(FILE *out, const struct egret_location *location, bool with_module)
{
	for (size_t i = 0; i < location->n_frames; i++) {
		const struct egret_frame *frame = &location->frames[i];

		if (!i)
			put_hex(out, location->address);
		putc_unlocked('\t', out);
		put_name(out, frame->name);
		putc_unlocked('\t', out);
		put_name(out, frame->file ? frame->file : "??");
		putc_unlocked(':', out);
		put_decimal(out, frame->line);
		if (with_module) {
			putc_unlocked('\t', out);
			put_name(out, *frame->module ? frame->module : "??");
		}
		putc_unlocked('\n', out);
	}
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
