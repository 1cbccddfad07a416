/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/final_captures.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 2048u /* a power of two */
#define BYTES_MAX (2u << 20)
/* The end of a thread is told shortly before it is over: what is left of it may be preempted. */
#define ENDED_FOR_NS 250000000ull
/* It comes soon after its capture: that many others in between are looked at. */
#define NEAR 256u

static struct egret_final_capture *entry(const struct egret_final_captures *f, uint64_t number)
{
	return &f->ring[number % ENTRIES_MAX];
}

void egret_final_capture_deinit(struct egret_final_capture *capture)
{
	free(capture->rec);
	egret_code_map_put(capture->code);
	*capture = (struct egret_final_capture){ 0 };
}

void egret_final_captures_deinit(struct egret_final_captures *f)
{
	for (uint64_t i = f->first; i < f->end; i++)
		egret_final_capture_deinit(entry(f, i));
	free(f->ring);
	*f = (struct egret_final_captures){ 0 };
}

size_t egret_final_captures_memory(const struct egret_final_captures *f)
{
	return f->bytes + (f->ring ? ENTRIES_MAX * sizeof(*f->ring) : 0);
}

bool egret_final_captures_fit(const struct egret_final_captures *f, size_t size)
{
	return f->end - f->first < ENTRIES_MAX && f->bytes + size <= BYTES_MAX;
}

uint64_t egret_final_captures_add(struct egret_final_captures *f,
				  const struct egret_rec_capture *rec, struct egret_code_map *code)
{
	struct egret_rec_capture *copy;

	if (!f->ring) {
		f->ring = calloc(ENTRIES_MAX, sizeof(*f->ring));
		f->first = f->end = 1;
	}
	copy = f->ring ? malloc(rec->rec.size) : NULL;
	if (!copy)
		return 0;
	memcpy(copy, rec, rec->rec.size);
	f->bytes += rec->rec.size;
	*entry(f, f->end) = (struct egret_final_capture){ .rec = copy,
							  .code = egret_code_map_get(code) };
	return f->end++;
}

struct egret_final_capture egret_final_captures_take(struct egret_final_captures *f,
						     uint64_t number)
{
	struct egret_final_capture taken = { 0 };

	if (number < f->first || number >= f->end || !entry(f, number)->rec)
		return taken;
	taken = *entry(f, number);
	*entry(f, number) = (struct egret_final_capture){ 0 };
	f->bytes -= taken.rec->rec.size;
	return taken;
}

void egret_final_captures_ended(struct egret_final_captures *f, uint32_t tid, uint64_t time)
{
	for (uint64_t i = f->end; tid && i-- > f->first && f->end - i <= NEAR;) {
		struct egret_final_capture *capture = entry(f, i);

		if (capture->rec && capture->rec->tid == tid && !capture->ended) {
			capture->ended = time;
			return;
		}
	}
}

const struct egret_final_capture *egret_final_captures_oldest(struct egret_final_captures *f,
							      uint64_t time, uint64_t *number)
{
	for (; f->first < f->end; f->first++) {
		const struct egret_final_capture *oldest = entry(f, f->first);
		struct egret_final_capture gone;

		if (oldest->rec && !(oldest->ended && oldest->ended + ENDED_FOR_NS < time)) {
			*number = f->first;
			return oldest;
		}
		gone = egret_final_captures_take(f, f->first);
		egret_final_capture_deinit(&gone);
	}
	return NULL;
}
