/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/row_binary.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

void binary_deinit(struct row_buffer *rows)
{
	free(rows->bytes);
	*rows = (struct row_buffer){ 0 };
}

void binary_clear(struct row_buffer *rows)
{
	rows->len = rows->rows = 0;
	rows->failed = false;
}

static bool make_room(struct row_buffer *rows, size_t len)
{
	size_t room = rows->room ? rows->room : 4096;
	unsigned char *grown;

	while (room - rows->len < len)
		room *= 2;
	grown = realloc(rows->bytes, room);
	if (!grown)
		return false;
	rows->bytes = grown;
	rows->room = room;
	return true;
}

void binary_bytes(struct row_buffer *rows, const void *bytes, size_t len)
{
	if (rows->room - rows->len < len && !make_room(rows, len)) {
		rows->failed = true;
		return;
	}
	if (len)
		memcpy(rows->bytes + rows->len, bytes, len);
	rows->len += len;
}

void binary_u8(struct row_buffer *rows, uint8_t value)
{
	binary_bytes(rows, &value, sizeof(value));
}

void binary_u16(struct row_buffer *rows, uint16_t value)
{
	value = htole16(value);
	binary_bytes(rows, &value, sizeof(value));
}

void binary_u32(struct row_buffer *rows, uint32_t value)
{
	value = htole32(value);
	binary_bytes(rows, &value, sizeof(value));
}

void binary_u64(struct row_buffer *rows, uint64_t value)
{
	value = htole64(value);
	binary_bytes(rows, &value, sizeof(value));
}

void binary_length(struct row_buffer *rows, uint64_t n)
{
	unsigned char bytes[10];
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[len++] = (unsigned char)(n | 0x80);
	bytes[len++] = (unsigned char)n;
	binary_bytes(rows, bytes, len);
}

void binary_text(struct row_buffer *rows, const char *text)
{
	size_t len = strlen(text);

	binary_length(rows, len);
	binary_bytes(rows, text, len);
}

void binary_end(struct row_buffer *rows)
{
	rows->rows++;
}

/* ---- reading ------------------------------------------------------------------------------- */

bool binary_more(const struct row_reader *in)
{
	return !in->failed && in->at < in->end;
}

const void *binary_take(struct row_reader *in, size_t len)
{
	const unsigned char *at = in->at;

	if (in->failed || (size_t)(in->end - at) < len) {
		in->failed = true;
		return NULL;
	}
	in->at += len;
	return at;
}

uint8_t binary_take_u8(struct row_reader *in)
{
	const unsigned char *byte = binary_take(in, 1);

	return byte ? *byte : 0;
}

uint64_t binary_take_u64(struct row_reader *in)
{
	const void *bytes = binary_take(in, 8);
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

uint64_t binary_take_length(struct row_reader *in)
{
	uint64_t n = 0;

	for (unsigned int shift = 0; shift < 63; shift += 7) {
		uint8_t byte = binary_take_u8(in);

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (in->failed || !(byte & 0x80))
			return in->failed ? 0 : n;
	}
	in->failed = true;
	return 0;
}

const char *binary_take_text(struct row_reader *in, size_t *len)
{
	const char *text;

	*len = binary_take_length(in);
	text = binary_take(in, *len);
	if (!text)
		*len = 0;
	return text ? text : "";
}
