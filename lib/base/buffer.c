/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void egret_buffer_deinit(struct egret_buffer *buf)
{
	free(buf->data);
	*buf = (struct egret_buffer){ 0 };
}

void egret_buffer_clear(struct egret_buffer *buf)
{
	buf->len = 0;
	buf->failed = false;
}

void *egret_buffer_reserve(struct egret_buffer *buf, size_t len)
{
	size_t capacity = buf->capacity ? buf->capacity : 256;
	uint8_t *data;

	if (buf->failed)
		return NULL;
	if (buf->capacity - buf->len >= len)
		return buf->data + buf->len;
	if (len > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4)
		goto fail;
	while (capacity - buf->len < len)
		capacity *= 2;
	data = realloc(buf->data, capacity);
	if (!data)
		goto fail;
	buf->data = data;
	buf->capacity = capacity;
	return buf->data + buf->len;
fail:
	buf->failed = true;
	return NULL;
}

void egret_buffer_add(struct egret_buffer *buf, const void *bytes, size_t len)
{
	void *to;

	if (!len)
		return;
	to = egret_buffer_reserve(buf, len);
	if (!to)
		return;
	memcpy(to, bytes, len);
	buf->len += len;
}

void egret_buffer_add_string(struct egret_buffer *buf, const char *string)
{
	egret_buffer_add(buf, string, strlen(string));
}

void egret_buffer_printf(struct egret_buffer *buf, const char *format, ...)
{
	va_list args, again;
	char *to;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	to = len < 0 ? NULL : egret_buffer_reserve(buf, (size_t)len + 1);
	if (to) {
		vsnprintf(to, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void egret_buffer_add_uleb(struct egret_buffer *buf, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;

	do {
		bytes[n] = value & 0x7f;
		value >>= 7;
		if (value)
			bytes[n] |= 0x80;
		n++;
	} while (value);
	egret_buffer_add(buf, bytes, n);
}

void egret_buffer_add_sleb(struct egret_buffer *buf, int64_t value)
{
	egret_buffer_add_uleb(buf, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

uint64_t egret_cursor_uleb(struct egret_cursor *c)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (c->p >= c->end)
			break;
		value |= (uint64_t)(*c->p & 0x7f) << shift;
		if (!(*c->p++ & 0x80))
			return value;
	}
	c->failed = true;
	return 0;
}

int64_t egret_cursor_sleb(struct egret_cursor *c)
{
	uint64_t value = egret_cursor_uleb(c);

	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

const void *egret_cursor_bytes(struct egret_cursor *c, size_t len)
{
	const void *bytes = c->p;

	if (c->failed || (size_t)(c->end - c->p) < len) {
		c->failed = true;
		return NULL;
	}
	c->p += len;
	return bytes;
}
