/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/code_pages.h"

#include <stdlib.h>
#include <string.h>

#define GOOD_FOR_NS 100000000ull
#define USED_NS 1000000000ull /* what is remembered of a pc may depend on pages beside its own */
#define REFRESH_NS 20000000ull
#define MAX_WAIT_NS 8000000000ull
#define VAIN_NS 640000000ull /* of waits: after five times in vain */

struct egret_code_page {
	int pid;
	bool is_there;
	uint64_t addr;
	uint64_t time; /* when it was read */
	uint64_t used; /* for a capture of this time, last */
	uint64_t hash; /* of what is in it */
	uint8_t bytes[EGRET_CODE_PAGE];
};

void egret_code_pages_deinit(struct egret_code_pages *pages)
{
	for (size_t i = 0; i < EGRET_CODE_PAGES; i++)
		free(pages->page[i]);
	*pages = (struct egret_code_pages){ 0 };
}

static void read_page(struct egret_code_pages *pages, const struct egret_process_source *source,
		      struct egret_code_page *page, uint64_t time)
{
	uint8_t bytes[EGRET_CODE_PAGE];

	page->time = time;
	pages->reads++;
	if (source->read_code(source->arg, page->pid, page->addr, bytes, sizeof(bytes)))
		return;
	if (page->is_there && memcmp(page->bytes, bytes, sizeof(bytes)))
		pages->epoch++;
	memcpy(page->bytes, bytes, sizeof(bytes));
	page->is_there = true;
	page->hash = egret_hash_bytes(bytes, sizeof(bytes)) ^ (uint64_t)page->pid;
}

/* The page of pid at addr, or the one in whose place it goes. NULL without memory. */
static struct egret_code_page *page_of(struct egret_code_pages *pages, int pid, uint64_t addr)
{
	uint64_t hash = egret_hash64(addr ^ (uint64_t)pid);
	struct egret_code_page **slot = &pages->page[hash % EGRET_CODE_PAGES];

	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	if (*slot && ((*slot)->pid != pid || (*slot)->addr != addr)) {
		(*slot)->pid = pid;
		(*slot)->addr = addr;
		(*slot)->is_there = false;
		(*slot)->time = 0;
		(*slot)->used = 0;
	}
	return *slot;
}

bool egret_code_pages_text(struct egret_code_pages *pages,
			   const struct egret_process_source *source, int pid, uint64_t pc,
			   uint64_t time, struct egret_text *out)
{
	uint64_t addr = pc - pc % EGRET_CODE_PAGE;
	struct egret_code_page *page;

	if (!source || !source->read_code)
		return false;
	page = page_of(pages, pid, addr);
	if (!page)
		return false;
	page->used = time;
	if (!page->time || time - page->time > GOOD_FOR_NS)
		read_page(pages, source, page, time);
	*out = (struct egret_text){
		.bytes = page->bytes,
		.start = addr,
		.end = addr + EGRET_CODE_PAGE,
		/* What holds for a pc may lie on other pages, so it is void when one of them has
		 * changed. Not one of the numbers of files, which are small. */
		.id = egret_hash64(page->hash + pages->epoch) | 1ull << 63,
	};
	return page->is_there;
}

static struct egret_code_wait *wait_of(struct egret_code_pages *pages, int pid)
{
	struct egret_code_wait *w = &pages->wait[egret_hash64((uint64_t)pid) % EGRET_CODE_WAITS];

	if (w->pid != pid)
		*w = (struct egret_code_wait){ .pid = pid, .wait = REFRESH_NS };
	return w;
}

bool egret_code_pages_refresh(struct egret_code_pages *pages,
			      const struct egret_process_source *source, int pid, uint64_t time)
{
	struct egret_code_wait *w = wait_of(pages, pid);
	uint64_t epoch = pages->epoch, reads = pages->reads;

	if (time < w->next)
		return false;
	for (size_t i = 0; i < EGRET_CODE_PAGES; i++) {
		struct egret_code_page *page = pages->page[i];

		if (page && page->pid == pid && time - page->used < USED_NS &&
		    time - page->time > REFRESH_NS)
			read_page(pages, source, page, time);
	}
	if (pages->reads != reads) {
		w->next = time + w->wait;
		w->wait = w->wait < MAX_WAIT_NS / 2 ? w->wait * 2 : MAX_WAIT_NS;
	}
	return pages->epoch != epoch;
}

void egret_code_pages_helped(struct egret_code_pages *pages, int pid)
{
	struct egret_code_wait *w = wait_of(pages, pid);

	w->wait = REFRESH_NS;
	w->next = 0;
}

bool egret_code_pages_vain(const struct egret_code_pages *pages, int pid, uint64_t time)
{
	const struct egret_code_wait *w =
		&pages->wait[egret_hash64((uint64_t)pid) % EGRET_CODE_WAITS];

	return w->pid == pid && w->wait >= VAIN_NS && time < w->next;
}
