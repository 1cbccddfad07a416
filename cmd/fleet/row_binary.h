/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * row_binary.h - rows as ClickHouse's format RowBinary: values one after the other, little-endian;
 * texts and arrays begin with their length as LEB128.
 */
#ifndef EGRET_CMD_FLEET_ROW_BINARY_H
#define EGRET_CMD_FLEET_ROW_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. failed: there was no memory, and what was added since is missing. */
struct row_buffer {
	unsigned char *bytes;
	size_t len, room;
	size_t rows; /* counted by binary_end */
	bool failed;
};

void binary_deinit(struct row_buffer *rows);
/* Keeps the memory. */
void binary_clear(struct row_buffer *rows);

void binary_bytes(struct row_buffer *rows, const void *bytes, size_t len);
void binary_u8(struct row_buffer *rows, uint8_t value);
void binary_u16(struct row_buffer *rows, uint16_t value); /* also a Date: days since 1970 */
void binary_u32(struct row_buffer *rows, uint32_t value); /* also a DateTime */
void binary_u64(struct row_buffer *rows, uint64_t value);
void binary_length(struct row_buffer *rows, uint64_t n);
void binary_text(struct row_buffer *rows, const char *text);
void binary_end(struct row_buffer *rows);

/* Reading: every value is 0, "" or NULL once something was missing, and failed is set. */
struct row_reader {
	const unsigned char *at, *end;
	bool failed;
};

bool binary_more(const struct row_reader *in);
const void *binary_take(struct row_reader *in, size_t len);
uint8_t binary_take_u8(struct row_reader *in);
uint64_t binary_take_u64(struct row_reader *in);
uint64_t binary_take_length(struct row_reader *in);
/* Not NUL-terminated. */
const char *binary_take_text(struct row_reader *in, size_t *len);

#endif
