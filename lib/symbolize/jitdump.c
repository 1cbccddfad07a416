/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Codes are kept in the order of their records, which is that of time. A second order, by address,
 * is made anew when an address is asked for and codes have come since.
 */
#include "symbolize/jitdump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/index.h"

#define MAGIC 0x4a695444u /* "JiTD" */
#define FLAG_ARCH_TIMESTAMP 1u

#define PREFIX_SIZE 16	       /* id, total size, timestamp */
#define RECORD_MAX (64u << 20) /* bytes; methods have kilobytes */
#define CODES_MAX (4u << 20)
#define TEXTS_MAX (1u << 30)
#define NONE UINT32_MAX
/* Codes at one address that are looked at: one that was used more often is a file that lies. */
#define WALK_MAX 4096

enum record_id { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO, CODE_CLOSE, CODE_UNWINDING_INFO };

struct code {
	uint64_t start, end;
	uint64_t time;	/* since when; 0: the file's clock is not ours */
	uint64_t until; /* moved away then; UINT64_MAX: it has not */
	uint32_t name;	/* offset in texts */
	uint32_t lines, n_lines;
	uint32_t original; /* of a move: where it was, for its lines; else itself */
	uint64_t index;	   /* the JIT's own number */
};

struct line {
	uint64_t addr;
	uint32_t file; /* offset in texts */
	uint32_t line;
};

/* A code in the order of addresses. */
struct place {
	uint32_t code;
	uint32_t up; /* the place before it that ends later, the nearest one; NONE */
};

struct egret_jitdump {
	bool has_header, clocked;
	bool broken;		  /* what follows cannot be read */
	struct egret_buffer rest; /* of a record that has not ended */
	struct egret_buffer texts;
	struct code *codes;
	size_t n_codes, codes_capacity;
	struct line *lines;
	size_t n_lines, lines_capacity;
	/* CODE_DEBUG_INFO comes before its CODE_LOAD. */
	uint64_t debug_addr;
	uint32_t debug_lines, n_debug_lines;
	struct egret_index by_index;
	struct place *places;
	size_t n_places;
};

int egret_jitdump_create(struct egret_jitdump **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void egret_jitdump_destroy(struct egret_jitdump *dump)
{
	if (!dump)
		return;
	egret_buffer_deinit(&dump->rest);
	egret_buffer_deinit(&dump->texts);
	egret_index_deinit(&dump->by_index);
	free(dump->codes);
	free(dump->lines);
	free(dump->places);
	free(dump);
}

/* ---- records ------------------------------------------------------------------------------ */

bool egret_jitdump_header(const void *bytes, size_t len, uint32_t *pid, bool *clocked)
{
	struct egret_bytes r = { bytes, (const uint8_t *)bytes + len, false };
	uint32_t size;
	uint64_t flags;

	if (len < EGRET_JITDUMP_HEADER_SIZE || egret_bytes_u32(&r) != MAGIC)
		return false;
	egret_bytes_u32(&r); /* version: records say how long they are */
	size = egret_bytes_u32(&r);
	egret_bytes_u32(&r); /* machine */
	egret_bytes_u32(&r);
	*pid = egret_bytes_u32(&r);
	egret_bytes_u64(&r); /* when the file was made */
	flags = egret_bytes_u64(&r);
	*clocked = !(flags & FLAG_ARCH_TIMESTAMP);
	return size == EGRET_JITDUMP_HEADER_SIZE;
}

static void *room(void *items, size_t n, size_t *capacity, size_t item_size)
{
	size_t larger = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (n < *capacity)
		return items;
	grown = reallocarray(items, larger, item_size);
	if (grown)
		*capacity = larger;
	return grown;
}

/* Takes a text that ends with a NUL within the record. NONE: it does not, or no memory. */
static uint32_t take_text(struct egret_jitdump *dump, struct egret_bytes *r)
{
	const uint8_t *nul = memchr(r->p, 0, egret_bytes_left(r));
	uint32_t at = (uint32_t)dump->texts.len;

	if (!nul || dump->texts.len > TEXTS_MAX)
		return NONE;
	egret_buffer_add(&dump->texts, r->p, (size_t)(nul + 1 - r->p));
	r->p = nul + 1;
	return dump->texts.failed ? NONE : at;
}

static bool same_index(const void *owner, uint32_t number, const void *key)
{
	return ((const struct egret_jitdump *)owner)->codes[number].index == *(const uint64_t *)key;
}

static uint32_t find_index(const struct egret_jitdump *dump, uint64_t index)
{
	return egret_index_find(&dump->by_index, egret_hash64(index), &index, same_index, dump);
}

static int add_code(struct egret_jitdump *dump, const struct code *code)
{
	uint32_t known = find_index(dump, code->index);
	struct code *codes;

	if (dump->n_codes >= CODES_MAX)
		return -E2BIG;
	codes = room(dump->codes, dump->n_codes, &dump->codes_capacity, sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	dump->codes = codes;
	codes[dump->n_codes] = *code;
	/* A number leads to where its code is now. */
	if (known != EGRET_INDEX_NONE)
		egret_index_remove(&dump->by_index, egret_hash64(code->index), known);
	if (egret_index_add(&dump->by_index, egret_hash64(code->index), (uint32_t)dump->n_codes))
		return -ENOMEM;
	dump->n_codes++;
	return 0;
}

static int take_load(struct egret_jitdump *dump, uint64_t time, struct egret_bytes *r)
{
	struct code code = { .time = time, .until = UINT64_MAX };
	uint64_t size;

	egret_bytes_u32(r); /* pid */
	egret_bytes_u32(r); /* tid */
	egret_bytes_u64(r); /* vma */
	code.start = egret_bytes_u64(r);
	size = egret_bytes_u64(r);
	code.index = egret_bytes_u64(r);
	if (r->failed || !size || size > UINT64_MAX - code.start)
		return r->failed ? -EBADMSG : 0;
	code.end = code.start + size;
	code.name = take_text(dump, r);
	if (code.name == NONE)
		return -EBADMSG;
	code.original = (uint32_t)dump->n_codes;
	if (dump->n_debug_lines && dump->debug_addr == code.start) {
		code.lines = dump->debug_lines;
		code.n_lines = dump->n_debug_lines;
	}
	dump->n_debug_lines = 0;
	return add_code(dump, &code);
}

static int take_move(struct egret_jitdump *dump, uint64_t time, struct egret_bytes *r)
{
	uint64_t size, to;
	uint32_t number;
	struct code code;

	egret_bytes_u32(r); /* pid */
	egret_bytes_u32(r); /* tid */
	egret_bytes_u64(r); /* vma */
	egret_bytes_u64(r); /* old address */
	to = egret_bytes_u64(r);
	size = egret_bytes_u64(r);
	number = find_index(dump, egret_bytes_u64(r));
	if (r->failed)
		return -EBADMSG;
	if (number == EGRET_INDEX_NONE || !size || size > UINT64_MAX - to)
		return 0;
	dump->codes[number].until = time;
	code = dump->codes[number];
	code.start = to;
	code.end = to + size;
	code.time = time;
	code.until = UINT64_MAX;
	return add_code(dump, &code);
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int take_debug_info(struct egret_jitdump *dump, struct egret_bytes *r)
{
	uint32_t last_file = NONE;
	uint64_t n;

	dump->debug_addr = egret_bytes_u64(r);
	n = egret_bytes_u64(r);
	dump->debug_lines = (uint32_t)dump->n_lines;
	dump->n_debug_lines = 0;
	for (; n && !r->failed && egret_bytes_left(r); n--) {
		struct line *lines, line;

		line.addr = egret_bytes_u64(r);
		line.line = egret_bytes_u32(r);
		egret_bytes_u32(r); /* discriminator */
		/* The name of the entry before is written as ff 00. */
		if (egret_bytes_left(r) >= 2 && r->p[0] == 0xff && !r->p[1] && last_file != NONE) {
			line.file = last_file;
			r->p += 2;
		} else {
			line.file = take_text(dump, r);
		}
		if (r->failed || line.file == NONE || dump->n_lines >= NONE - 1)
			return -EBADMSG;
		last_file = line.file;
		lines = room(dump->lines, dump->n_lines, &dump->lines_capacity, sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		dump->lines = lines;
		lines[dump->n_lines++] = line;
		dump->n_debug_lines++;
	}
	if (dump->n_debug_lines)
		qsort(dump->lines + dump->debug_lines, dump->n_debug_lines, sizeof(*dump->lines),
		      compare_lines);
	return 0;
}

static int take_record(struct egret_jitdump *dump, const uint8_t *bytes, size_t len)
{
	struct egret_bytes r = { bytes, bytes + len, false };
	uint32_t id = egret_bytes_u32(&r);
	uint64_t time;

	egret_bytes_u32(&r);
	time = egret_bytes_u64(&r);
	if (!dump->clocked)
		time = 0;
	switch (id) {
	case CODE_LOAD:
		return take_load(dump, time, &r);
	case CODE_MOVE:
		return take_move(dump, time, &r);
	case CODE_DEBUG_INFO:
		return take_debug_info(dump, &r);
	default:
		return 0;
	}
}

/* How long what begins here is: the header, or a record. 0: more is needed; -EBADMSG. */
static int64_t length_at(const struct egret_jitdump *dump, const uint8_t *bytes, size_t len)
{
	uint32_t size;

	if (!dump->has_header)
		return len < EGRET_JITDUMP_HEADER_SIZE ? 0 : EGRET_JITDUMP_HEADER_SIZE;
	if (len < PREFIX_SIZE)
		return 0;
	memcpy(&size, bytes + 4, sizeof(size));
	if (size < PREFIX_SIZE || size > RECORD_MAX)
		return -EBADMSG;
	return size <= len ? size : 0;
}

/* Takes what is whole. Returns how many bytes that was, or -errno. */
static int64_t take_all(struct egret_jitdump *dump, const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	uint32_t pid;

	for (;;) {
		int64_t size = length_at(dump, bytes + at, len - at);
		int ret = 0;

		if (size <= 0)
			return size ? size : (int64_t)at;
		if (dump->has_header)
			ret = take_record(dump, bytes + at, (size_t)size);
		else if (egret_jitdump_header(bytes + at, (size_t)size, &pid, &dump->clocked))
			dump->has_header = true;
		else
			ret = -EBADMSG;
		if (ret)
			return ret;
		at += (size_t)size;
	}
}

int egret_jitdump_feed(struct egret_jitdump *dump, const void *bytes, size_t len)
{
	struct egret_buffer *rest = &dump->rest;
	int64_t taken;

	if (dump->broken)
		return -EBADMSG;
	egret_buffer_add(rest, bytes, len);
	if (rest->failed)
		return -ENOMEM;
	taken = take_all(dump, rest->data, rest->len);
	if (taken < 0) {
		dump->broken = true;
		egret_buffer_deinit(rest);
		return (int)taken;
	}
	if (taken && rest->len > (size_t)taken)
		memmove(rest->data, rest->data + taken, rest->len - (size_t)taken);
	rest->len -= (size_t)taken;
	return 0;
}

/* ---- looking up --------------------------------------------------------------------------- */

/* By start; of those that start together, in the order of time. */
static int compare_places(const void *a, const void *b, void *arg)
{
	const struct code *codes = arg;
	uint32_t x = ((const struct place *)a)->code, y = ((const struct place *)b)->code;

	if (codes[x].start != codes[y].start)
		return codes[x].start < codes[y].start ? -1 : 1;
	return (x > y) - (x < y);
}

static bool order(struct egret_jitdump *dump)
{
	struct place *places = dump->places;

	if (dump->n_places == dump->n_codes)
		return true;
	places = reallocarray(places, dump->n_codes, sizeof(*places));
	if (!places)
		return false;
	dump->places = places;
	for (size_t i = dump->n_places; i < dump->n_codes; i++)
		places[i].code = (uint32_t)i;
	dump->n_places = dump->n_codes;
	qsort_r(places, dump->n_places, sizeof(*places), compare_places, dump->codes);
	for (uint32_t i = 0; i < dump->n_places; i++) {
		uint64_t end = dump->codes[places[i].code].end;
		uint32_t up = i ? i - 1 : NONE;

		while (up != NONE && dump->codes[places[up].code].end <= end)
			up = places[up].up;
		places[i].up = up;
	}
	return true;
}

/* The codes that hold an address, the one with the largest start first. */
struct walk {
	const struct egret_jitdump *dump;
	uint64_t addr;
	uint32_t next; /* place */
	unsigned int steps;
};

static struct walk walk_at(const struct egret_jitdump *dump, uint64_t addr)
{
	size_t lo = 0, hi = dump->n_places;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dump->codes[dump->places[mid].code].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (struct walk){ dump, addr, lo ? (uint32_t)lo - 1 : NONE, 0 };
}

static uint32_t walk_next(struct walk *w)
{
	while (w->next != NONE && w->steps++ < WALK_MAX) {
		const struct place *place = &w->dump->places[w->next];

		if (w->dump->codes[place->code].end > w->addr) {
			w->next = w->next ? w->next - 1 : NONE;
			return place->code;
		}
		w->next = place->up;
	}
	return NONE;
}

static void describe(const struct egret_jitdump *dump, uint32_t number, uint64_t addr,
		     struct egret_jit_code *out)
{
	const struct code *code = &dump->codes[number];
	const char *texts = (const char *)dump->texts.data;
	const struct line *lines;
	uint32_t lo = 0, hi = code->n_lines;

	*out = (struct egret_jit_code){ .name = texts + code->name };
	if (!hi)
		return;
	lines = dump->lines + code->lines;
	/* Lines are at the addresses where the code was loaded. */
	addr = addr - code->start + dump->codes[code->original].start;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (lines[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return;
	out->line = lines[lo - 1].line;
	out->file = texts[lines[lo - 1].file] ? texts + lines[lo - 1].file : NULL;
}

static bool has_moved(const struct code *code, uint64_t time)
{
	return code->until != UINT64_MAX && code->until <= time;
}

bool egret_jitdump_at(struct egret_jitdump *dump, uint64_t addr, uint64_t time,
		      struct egret_jit_code *out)
{
	uint32_t best = NONE, n = 0;
	struct walk w;

	if (!order(dump))
		return false;
	w = walk_at(dump, addr);
	/* Records are in the order of time: the largest number is the latest. */
	for (uint32_t i = walk_next(&w); i != NONE; i = walk_next(&w))
		if (dump->codes[i].time <= time && (best == NONE || i > best))
			best = i;
	if (best == NONE || has_moved(&dump->codes[best], time))
		return false;
	w = walk_at(dump, addr);
	for (uint32_t i = walk_next(&w); i != NONE; i = walk_next(&w))
		n += i < best;
	describe(dump, best, addr, out);
	out->generation = n;
	return true;
}

/* The smallest number above `above` of the codes that hold the address. */
static uint32_t next_code(const struct egret_jitdump *dump, uint64_t addr, uint32_t above)
{
	struct walk w = walk_at(dump, addr);
	uint32_t best = NONE;

	for (uint32_t i = walk_next(&w); i != NONE; i = walk_next(&w))
		if ((above == NONE || i > above) && i < best)
			best = i;
	return best;
}

bool egret_jitdump_of(struct egret_jitdump *dump, uint64_t addr, uint32_t generation,
		      struct egret_jit_code *out)
{
	uint32_t found = NONE, next;

	if (!order(dump))
		return false;
	for (uint32_t n = 0; n <= generation && n < 1024; n++) {
		next = next_code(dump, addr, found);
		if (next == NONE)
			break;
		found = next;
		out->generation = n;
	}
	if (found == NONE)
		return false;
	generation = out->generation;
	describe(dump, found, addr, out);
	out->generation = generation;
	return true;
}
