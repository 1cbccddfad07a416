/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pipeline_final.c - captures at exit and execve, unwound when a sample asks for them. */
#include "session/pipeline_impl.h"

static void unwind_final(struct egret_pipeline *p, struct live_thread *t)
{
	struct egret_final_capture capture = egret_final_captures_take(&p->final, t->final);
	struct egret_on_way way = { .frames = p->now.frames };

	t->final = 0;
	if (!capture.rec)
		return;
	way.record = &capture.rec->rec;
	way.has_view = egret_capture_view_init(&way.view, capture.rec, capture.code);
	way.no_stack = capture.rec->ending;
	t->last = egret_pipeline_user_stack(p, &way);
	p->now.frames = way.frames;
	p->stats.frames = p->stacks.frames_unwound;
	egret_final_capture_deinit(&capture);
}

static void unwind_oldest_final(struct egret_pipeline *p, const struct egret_final_capture *oldest,
				uint64_t number)
{
	struct live_thread *t = egret_pipeline_find_thread(p, oldest->rec->tid,
							   oldest->rec->start_time);
	struct egret_final_capture unneeded;

	if (t && t->final == number) {
		unwind_final(p, t);
		return;
	}
	unneeded = egret_final_captures_take(&p->final, number);
	egret_final_capture_deinit(&unneeded);
}

void egret_pipeline_settle_final(struct egret_pipeline *p)
{
	const struct egret_final_capture *oldest;
	uint64_t number;

	while ((oldest = egret_final_captures_oldest(&p->final, 0, &number)))
		unwind_oldest_final(p, oldest, number);
}

/* Of a thread that takes this long to end samples will be told for longer. */
#define FINAL_FOR_NS 1000000000ull

static void make_room_for_final(struct egret_pipeline *p, const struct egret_rec *rec)
{
	const struct egret_final_capture *oldest;
	uint64_t number;

	while ((oldest = egret_final_captures_oldest(&p->final, rec->time, &number)) &&
	       (!egret_final_captures_fit(&p->final, rec->size) ||
		(!oldest->ended && oldest->rec->rec.time + FINAL_FOR_NS < rec->time)))
		unwind_oldest_final(p, oldest, number);
}

bool egret_pipeline_keep_final(struct egret_pipeline *p, struct live_thread *t,
			       const struct egret_on_way *w)
{
	const struct egret_rec_capture *rec = (const struct egret_rec_capture *)w->record;

	if (!(rec->flags & (EGRET_CAPTURE_F_EXIT | EGRET_CAPTURE_F_EXEC)) || !w->has_view ||
	    egret_pipeline_waits(p, rec->cookie) || egret_pipeline_waits(p, rec->also))
		return false;
	make_room_for_final(p, &rec->rec);
	t->final = egret_final_captures_add(&p->final, rec, w->code);
	return t->final;
}

void egret_pipeline_drop_final(struct egret_pipeline *p, struct live_thread *t)
{
	struct egret_final_capture unneeded = egret_final_captures_take(&p->final, t->final);

	egret_final_capture_deinit(&unneeded);
	t->final = 0;
}

const struct egret_user_stack *egret_pipeline_last_stack(struct egret_pipeline *p,
							 struct live_thread *t)
{
	t->last_used = true;
	if (t->final)
		unwind_final(p, t);
	return &t->last;
}
