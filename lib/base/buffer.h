/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* buffer.h - bytes that grow, and the variable-length integers that recordings are made of. */
#ifndef EGRET_BASE_BUFFER_H
#define EGRET_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes that grow. Zero-initialise; egret_buffer_deinit gives the memory back. When memory runs out
 * `failed` is set, nothing more is added, and the owner looks at it once at the end.
 */
struct egret_buffer {
	uint8_t *data;
	size_t len;
	size_t capacity;
	bool failed;
};

void egret_buffer_deinit(struct egret_buffer *buf);
void egret_buffer_clear(struct egret_buffer *buf);
/* Room for len more bytes at data + buf->len, which the caller fills and adds to buf->len; NULL
 * without memory. */
void *egret_buffer_reserve(struct egret_buffer *buf, size_t len);
void egret_buffer_add(struct egret_buffer *buf, const void *bytes, size_t len);
void egret_buffer_add_string(struct egret_buffer *buf, const char *string); /* without its NUL */
void egret_buffer_printf(struct egret_buffer *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* LEB128, as in DWARF 5 section 7.6. */
void egret_buffer_add_uleb(struct egret_buffer *buf, uint64_t value);
/* Zigzag, then LEB128: small numbers of either sign are short. */
void egret_buffer_add_sleb(struct egret_buffer *buf, int64_t value);

/* Bytes that are read from the front. `failed` is set by a read beyond the end, which yields 0. */
struct egret_cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

static inline struct egret_cursor egret_cursor(const void *bytes, size_t len)
{
	return (struct egret_cursor){ bytes, (const uint8_t *)bytes + len, false };
}

uint64_t egret_cursor_uleb(struct egret_cursor *c);
int64_t egret_cursor_sleb(struct egret_cursor *c); /* zigzag, see egret_buffer_add_sleb */
const void *egret_cursor_bytes(struct egret_cursor *c, size_t len); /* NULL beyond the end */

#endif
