/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_pages.h - code that is in no file, read from the memory of its process, page by page.
 *
 * A page is read again when it is older than a tenth of a second: what makes code at run time also
 * puts other code in its place. One that cannot be read any more stays as it was.
 */
#ifndef EGRET_SESSION_CODE_PAGES_H
#define EGRET_SESSION_CODE_PAGES_H

#include "maps/processes.h"
#include "unwind/unwind.h"

#define EGRET_CODE_PAGE 4096u
#define EGRET_CODE_PAGES 1024u /* kept at most: 4 MiB */

#define EGRET_CODE_WAITS 64u

struct egret_code_page;

/* When the pages of a process are read again next; times are CLOCK_MONOTONIC nanoseconds. */
struct egret_code_wait {
	int pid;
	uint64_t next, wait;
};

/* Zero-initialise; egret_code_pages_deinit gives the memory back. */
struct egret_code_pages {
	struct egret_code_page *page[EGRET_CODE_PAGES];
	struct egret_code_wait wait[EGRET_CODE_WAITS]; /* by pid; one takes another's place */
	uint64_t reads;
	uint64_t epoch; /* moves where code was found to be another than it was */
};

void egret_code_pages_deinit(struct egret_code_pages *pages);

/*
 * The page at pc of a process. time: of the capture, CLOCK_MONOTONIC nanoseconds. False: it cannot
 * be read. *out is good until the next call.
 */
bool egret_code_pages_text(struct egret_code_pages *pages,
			   const struct egret_process_source *source, int pid, uint64_t pc,
			   uint64_t time, struct egret_text *out);

/*
 * Reads again what stacks of the last second were found with and is older than a fiftieth of it:
 * one is not whole, and other code may be in its place by now. Whether some was. Each time that
 * this was in vain it is twice as long until the next one, up to eight seconds: there are programs
 * of which no stack is found whole (translators that make code without frames), and they run all
 * the time.
 */
bool egret_code_pages_refresh(struct egret_code_pages *pages,
			      const struct egret_process_source *source, int pid, uint64_t time);
/* It was not in vain: a stack through such code is whole. */
void egret_code_pages_helped(struct egret_code_pages *pages, int pid);

/*
 * Whether looking at the code of a process has been in vain for so long that a stack does without:
 * until the next time that its pages are read again.
 */
bool egret_code_pages_vain(const struct egret_code_pages *pages, int pid, uint64_t time);

#endif
