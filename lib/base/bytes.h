/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bytes.h - the numbers that CFI and DWARF are made of, read from bytes that may end anywhere. */
#ifndef EGRET_BASE_BYTES_H
#define EGRET_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `failed` is set by a read beyond the end, which yields 0 and moves to the end. */
struct egret_bytes {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

static inline uint64_t egret_bytes_fail(struct egret_bytes *r)
{
	r->p = r->end;
	r->failed = true;
	return 0;
}

static inline size_t egret_bytes_left(const struct egret_bytes *r)
{
	return (size_t)(r->end - r->p);
}

static inline uint8_t egret_bytes_u8(struct egret_bytes *r)
{
	return r->p == r->end ? (uint8_t)egret_bytes_fail(r) : *r->p++;
}

static inline uint16_t egret_bytes_u16(struct egret_bytes *r)
{
	uint16_t value;

	if (egret_bytes_left(r) < sizeof(value))
		return (uint16_t)egret_bytes_fail(r);
	memcpy(&value, r->p, sizeof(value));
	r->p += sizeof(value);
	return value;
}

static inline uint32_t egret_bytes_u32(struct egret_bytes *r)
{
	uint32_t value;

	if (egret_bytes_left(r) < sizeof(value))
		return (uint32_t)egret_bytes_fail(r);
	memcpy(&value, r->p, sizeof(value));
	r->p += sizeof(value);
	return value;
}

static inline uint64_t egret_bytes_u64(struct egret_bytes *r)
{
	uint64_t value;

	if (egret_bytes_left(r) < sizeof(value))
		return egret_bytes_fail(r);
	memcpy(&value, r->p, sizeof(value));
	r->p += sizeof(value);
	return value;
}

/* LEB128 (DWARF 5, section 7.6). Bits beyond the 64th are dropped. *shift: bits that were read. */
static inline uint64_t egret_bytes_leb(struct egret_bytes *r, unsigned int *shift, uint8_t *last)
{
	uint64_t value = 0;

	*shift = 0;
	do {
		*last = egret_bytes_u8(r);
		if (*shift < 64)
			value |= (uint64_t)(*last & 0x7f) << *shift;
		*shift += 7;
	} while (*last & 0x80);
	return value;
}

static inline uint64_t egret_bytes_uleb(struct egret_bytes *r)
{
	unsigned int shift;
	uint8_t last;

	if (r->p != r->end && !(*r->p & 0x80))
		return *r->p++;
	return egret_bytes_leb(r, &shift, &last);
}

static inline int64_t egret_bytes_sleb(struct egret_bytes *r)
{
	unsigned int shift;
	uint8_t last;
	uint64_t value = egret_bytes_leb(r, &shift, &last);

	if (last & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return (int64_t)value;
}

/* NULL, and failed, where there are not that many. */
static inline const uint8_t *egret_bytes_take(struct egret_bytes *r, uint64_t len)
{
	const uint8_t *p = r->p;

	if (len > egret_bytes_left(r)) {
		egret_bytes_fail(r);
		return NULL;
	}
	r->p += len;
	return p;
}

/* The next bytes as bytes of their own: none, and failed, where there are not that many. */
static inline struct egret_bytes egret_bytes_part(struct egret_bytes *r, uint64_t len)
{
	const uint8_t *p = egret_bytes_take(r, len);

	return (struct egret_bytes){ p, p ? p + len : p, !p };
}

#endif
