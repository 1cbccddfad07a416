/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * format.h - the bytes of a recording, as egret-data(5) tells them.
 *
 *   recording = file header, blocks
 *   block     = block header, payload (zlib)
 *   payload   = sections: type (uleb), length (uleb), records
 */
#ifndef EGRET_RECORDING_FORMAT_H
#define EGRET_RECORDING_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "recording/recording.h"

/* A byte above 127 and a CR LF: a transfer that takes it for text damages it visibly (as PNG does).
 */
#define EGRET_RECORDING_MAGIC                                                                      \
	"\x89"                                                                                     \
	"EGRET\r\n"
#define EGRET_RECORDING_MAJOR 1
#define EGRET_RECORDING_MINOR 3		/* 1: reasons; 2: cgroups; 3: labels */
#define EGRET_RECORDING_LITTLE_ENDIAN 1 /* byte order of the structs inside raw records */

/* magic[8], major u16, minor u16, byte order u8, 7 zeros, CRC-32 of the 20 bytes before. */
#define EGRET_FILE_HEADER_SIZE 24
/* magic u32, number u32, raw length u32, stored length u32, CRC-32 of the stored bytes u32, CRC-32
 * of the 20 bytes before u32. */
#define EGRET_BLOCK_HEADER_SIZE 24
#define EGRET_BLOCK_MAGIC 0x4b424745u /* "EGBK" */

#define EGRET_BLOCK_MAX (64u << 20)	/* bytes of a payload, before compression */
#define EGRET_BLOCK_TARGET (256u << 10) /* a block that has grown to this is written */

/*
 * In the order in which the writer puts them (but END is always the last): a section refers only to
 * those before it.
 */
enum egret_section_type {
	EGRET_SECTION_STRINGS = 1,
	EGRET_SECTION_MODULES = 2,
	EGRET_SECTION_FRAMES = 3,
	EGRET_SECTION_STACKS = 4,
	EGRET_SECTION_THREADS = 5,
	EGRET_SECTION_LINES = 6,
	EGRET_SECTION_EVENTS = 7,
	EGRET_SECTION_META = 8,
	EGRET_SECTION_STAT_NAMES = 9,
	EGRET_SECTION_STATS = 10,
	EGRET_SECTION_SAMPLES = 11,
	EGRET_SECTION_RAW = 12,
	EGRET_SECTION_END = 13,
	EGRET_SECTION_REASONS = 14,
	EGRET_SECTION_CGROUPS = 15,
	EGRET_SECTION_LABEL_SETS = 16,
	EGRET_SECTION_THREAD_LABELS = 17,
	EGRET_SECTION_NR,
};

/* Samples are written by column: what is alike is together, and zlib sees that. */
enum egret_column {
	EGRET_COLUMN_CPU,
	EGRET_COLUMN_TIME,
	EGRET_COLUMN_THREAD,
	EGRET_COLUMN_STACK,
	EGRET_COLUMN_EVENT,
	EGRET_COLUMN_VALUE,
	EGRET_COLUMN_ENDINGS,
	EGRET_COLUMN_BYTES,
	EGRET_COLUMN_NR,
};

#define EGRET_RECORDING_MAX_CPU 65535

/*
 * Numbers that only grow are mostly either new (a little above the largest so far) or old friends
 * (alike each time): `(n - largest) << 1 | 1` or `n << 1`. Both ends keep the largest.
 */
static inline uint64_t egret_code_number(uint32_t *largest, uint32_t n)
{
	uint64_t code = (uint64_t)n << 1;

	if (n > *largest) {
		code = (uint64_t)(n - *largest) << 1 | 1;
		*largest = n;
	}
	return code;
}

/* UINT64_MAX where the number cannot be. */
static inline uint64_t egret_decode_number(uint32_t *largest, uint64_t code)
{
	uint64_t n = code >> 1;

	if (n > UINT32_MAX)
		return UINT64_MAX;
	if (code & 1) {
		n += *largest;
		if (n > UINT32_MAX)
			return UINT64_MAX;
		*largest = (uint32_t)n;
	}
	return n;
}

/* What a sample is predicted from: the one before on its CPU, in its block. */
struct egret_cpu_state {
	uint32_t block; /* of which this state is; 0: none */
	uint32_t thread;
	uint64_t time;
	uint64_t delta;
};

/* What the samples before have left behind; the same at both ends. Zero-initialise. */
struct egret_sample_state {
	struct egret_cpu_state *cpus;
	size_t n_cpus;
	uint64_t *values; /* last value, by event */
	size_t n_values;
	uint32_t largest_stack;
	uint32_t block; /* from 1 on */
};

void egret_sample_state_deinit(struct egret_sample_state *state);
/* Adds a sample to the columns. 0 or -ENOMEM. */
int egret_sample_encode(struct egret_sample_state *state, struct egret_buffer *columns,
			const struct egret_sample_row *row);
/* Takes a sample from the columns; nothing in it is checked. 0, -ENOMEM, or -EBADMSG (no such CPU,
 * event or number can be, or the columns have ended). */
int egret_sample_decode(struct egret_sample_state *state, struct egret_cursor *columns,
			struct egret_sample_row *row);

static inline void egret_put16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static inline void egret_put32(uint8_t *to, uint32_t value)
{
	egret_put16(to, (uint16_t)value);
	egret_put16(to + 2, (uint16_t)(value >> 16));
}

static inline uint16_t egret_get16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t egret_get32(const uint8_t *from)
{
	return egret_get16(from) | (uint32_t)egret_get16(from + 2) << 16;
}

/* CRC-32 of ISO 3309 (zlib's). */
uint32_t egret_recording_crc(const void *bytes, size_t len);

#endif
