// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hook.bpf.c - the backend `hook`: kernels with the patches of kernel-patch/.
 *
 * The interrupt asks with bpf_deferred_sample_request(), which is safe in an NMI, and the kernel
 * calls the tracepoint `deferred_sample` when the thread is on its way back to user mode, or at an
 * execve or its exit, from which it does not come back to this image. There a program copies
 * without faulting. Where pages are missing it says so, and the kernel brings them in, holding
 * nothing and preemptible, and calls the tracepoint again: no program ever waits.
 */
#include "sample.bpf.h"
#include "thread_slots.bpf.h"
#include "threads.bpf.h"

/* include/trace/events/deferred_sample.h and kernel/entry of the patched kernel. */
enum deferred_sample_point {
	DEFERRED_SAMPLE_RETURN,
	DEFERRED_SAMPLE_GUEST,
	DEFERRED_SAMPLE_EXEC,
	DEFERRED_SAMPLE_EXIT,
	DEFERRED_SAMPLE_LOST, /* the memory that was to be read is gone */
};

struct deferred_sample {
	u64 cookie;
	enum deferred_sample_point point;
	u32 round; /* how often pages have been brought in for this one */
	int error; /* of the last round */
} __attribute__((preserve_access_index));

extern int bpf_deferred_sample_request(u64 *cookie) __ksym;
extern int bpf_deferred_sample_fault_in(struct deferred_sample *ds, u64 start, u64 len) __ksym;

/* ---- the request -------------------------------------------------------------------------- */

/* In the interrupt. Sets the sample's cookie, or the ending that says why there is none. */
static __always_inline void take_user_stack(struct egret_rec_sample *s, struct task_struct *task)
{
	struct thread_state *thread;
	u64 cookie = 0;
	int ret;

	s->ending = no_user_stack(task);
	if (s->ending != EGRET_CAPTURE_WHOLE)
		return;
	/* None where the table is full: the answer will say so. */
	thread = thread_of(task);
	ret = bpf_deferred_sample_request(&cookie);
	if (ret < 0) {
		s->ending = ret == -ESRCH ? EGRET_CAPTURE_EXITED : EGRET_CAPTURE_REQUEST_FAILED;
		return;
	}
	s->cookie = cookie;
	if (ret && (!thread || thread->cookie == cookie)) {
		s->flags |= EGRET_SAMPLE_SHARED;
		count(EGRET_COUNT_REQUESTS_SHARED);
		return;
	}
	/* New, or asked for by somebody else and not answered yet. */
	if (thread)
		note_request(thread, s, cookie);
	count(EGRET_COUNT_REQUESTS);
}

#define TRACEPOINT_SECTION "tp_btf" /* where the request can be made; raw_tp is not */
#include "programs.bpf.h"

/* ---- the capture -------------------------------------------------------------------------- */

/*
 * Copies what is in memory of a range behind *at, page by page; what is not is a hole. Returns
 * whether pages were missing: not how many, which the verifier would follow through all numbers.
 * The reservation ends a page behind the last byte, since a slice of it has a constant size.
 */
static __noinline bool copy_range(struct bpf_dynptr *ptr, struct egret_rec_capture *rec,
				  struct stack_range *range, u32 at)
{
	u64 addr = range->start, end = range->start + range->len, run = addr;
	struct bpf_iter_num it;
	bool missing = false;

	bpf_iter_num_new(&it, 0, range->len / PAGE_SIZE + 2);
	while (bpf_iter_num_next(&it)) {
		u64 next = (addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE, len;
		void *to;

		if (addr >= end)
			break;
		if (next > end)
			next = end;
		len = next - addr;
		barrier_var(len); /* the bound must be on the register that is used */
		to = bpf_dynptr_data(ptr, at, PAGE_SIZE);
		if (!to || len > PAGE_SIZE)
			break;
		if (bpf_probe_read_user(to, len, (void *)addr)) {
			if (addr > run)
				add_window(rec, run, addr - run);
			run = next;
			missing = true;
		} else {
			at += len;
		}
		addr = next;
	}
	bpf_iter_num_destroy(&it);
	if (addr > run)
		add_window(rec, run, addr - run);
	return missing;
}

enum copy_result { COPY_DONE, COPY_MISSING, COPY_NO_ROOM };

/*
 * One try to copy the planned ranges straight into the ring. missing_ending: how the capture ends
 * if pages are missing, or WHOLE: then it is not made.
 */
__attribute__((noinline)) int try_copy(struct capture *c, u8 missing_ending)
{
	u32 cpu = bpf_get_smp_processor_id(), total;
	void *ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	struct egret_rec_capture *rec;
	struct bpf_dynptr ptr;
	int result = COPY_NO_ROOM;
	bool missing;

	if (!c || !ring)
		return COPY_NO_ROOM;
	total = sizeof(*rec) + ROUND_UP(c->plan.range[0].len + c->plan.range[1].len, 8);
	if (bpf_ringbuf_reserve_dynptr(ring, total + PAGE_SIZE, 0, &ptr))
		goto discard;
	rec = bpf_dynptr_data(&ptr, 0, sizeof(*rec));
	if (!rec)
		goto discard;
	fill_record(rec, c, c->plan.ending);
	rec->rec.size = total;
	missing = copy_range(&ptr, rec, &c->plan.range[0], sizeof(*rec));
	if (c->plan.n > 1)
		missing |= copy_range(&ptr, rec, &c->plan.range[1], sizeof(*rec) + rec->got);
	if (missing && missing_ending == EGRET_CAPTURE_WHOLE) {
		result = COPY_MISSING;
		goto discard;
	}
	if (missing)
		rec->ending = missing_ending;
	count_add(EGRET_COUNT_CAPTURE_BYTES, rec->got);
	bpf_ringbuf_submit_dynptr(&ptr, wake_flag(ring, total, config.wake_captures));
	return COPY_DONE;
discard:
	bpf_ringbuf_discard_dynptr(&ptr, BPF_RB_NO_WAKEUP);
	return result;
}

/* The missing pages of a range: how many, the first two, and the end of the last. */
struct gap {
	u64 missing, first, second, end;
};

static __noinline int find_gap(struct stack_range *range, struct gap *gap)
{
	u64 addr = range->start, end = range->start + range->len;
	u64 missing = 0, first = 0, second = 0, last = 0;
	struct bpf_iter_num it;
	char byte;

	bpf_iter_num_new(&it, 0, range->len / PAGE_SIZE + 2);
	while (bpf_iter_num_next(&it)) {
		if (addr >= end)
			break;
		if (bpf_probe_read_user(&byte, 1, (void *)addr)) {
			missing++;
			second = first && !second ? addr : second;
			first = first ? first : addr;
			last = addr;
		}
		addr = (addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
	}
	bpf_iter_num_destroy(&it);
	last = (last & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
	*gap = (struct gap){ missing, first, second, last < end ? last : end };
	return 0;
}

/* Asks for what is missing of a range. 0: asked for; or why nothing is. */
static __noinline int ask_for(struct deferred_sample *ds, struct stack_range *range, u32 *missing)
{
	struct gap gap = {};
	u64 from;

	find_gap(range, &gap);
	*missing += gap.missing;
	from = gap.first;
	if (ds->round && ds->error) {
		/* The kernel stops at a page that it may not bring in: the next try is behind it.
		 */
		from = gap.second;
	}
	if (!from)
		return 1;
	return bpf_deferred_sample_fault_in(ds, from, gap.end - from);
}

/* Has the kernel bring in what is missing. WHOLE: it will, and call again; else the ending. */
static __always_inline u8 ask_for_pages(struct deferred_sample *ds, struct capture *c,
					struct thread_state *thread)
{
	u32 missing = 0;
	int err = 1, more = 1;

	if (config.fault == EGRET_FAULT_NONE)
		return EGRET_CAPTURE_NOT_RESIDENT;
	if (ds->round && ds->error && !thread->error)
		thread->error = ds->error;
	err = ask_for(ds, &c->plan.range[0], &missing);
	if (c->plan.n > 1)
		more = ask_for(ds, &c->plan.range[1], &missing);
	if (!ds->round)
		thread->missing = missing;
	if (!err || !more) {
		count(EGRET_COUNT_CAPTURE_RETRIES);
		return EGRET_CAPTURE_WHOLE;
	}
	c->pages_in = thread->missing - missing;
	if (thread->error == -EPERM)
		return EGRET_CAPTURE_FAULT_POLICY;
	if (thread->error == -EFAULT)
		return EGRET_CAPTURE_BAD_ADDRESS;
	return err == -ETIME ? EGRET_CAPTURE_PAGES_VANISHED : EGRET_CAPTURE_NOT_RESIDENT;
}

/* Returns whether a record with the stack has been written. */
static __always_inline bool read_stack(struct deferred_sample *ds, struct capture *c,
				       struct thread_state *thread)
{
	int result;
	u8 ending;

	if (ds->round)
		c->pages_in = thread->missing; /* less what is missing still, if anything is */
	result = try_copy(c, EGRET_CAPTURE_WHOLE);
	if (result == COPY_MISSING) {
		ending = ask_for_pages(ds, c, thread);
		if (ending == EGRET_CAPTURE_WHOLE)
			return false; /* later */
		result = try_copy(c, ending);
	}
	account_copy(c, result == COPY_DONE);
	return result == COPY_DONE;
}

/*
 * Whether there is something to answer: the thread's own request, once, or a cookie that the kernel
 * made in case it is needed. For a request of another session there is a record too: a sample of
 * this one may still come to share its cookie.
 */
static __always_inline bool begin_answer(struct deferred_sample *ds, struct capture *c,
					 struct thread_state *thread)
{
	/* In one step: an interrupt before it has asked, and one behind it shares. */
	bool asked = __sync_lock_test_and_set(&thread->cookie, ds->cookie) == ds->cookie;

	c->cookie = ds->cookie;
	if (ds->point == DEFERRED_SAMPLE_EXEC)
		c->flags = EGRET_CAPTURE_F_EXEC;
	if (ds->point == DEFERRED_SAMPLE_EXIT)
		c->flags = EGRET_CAPTURE_F_EXIT;
	if (!asked) {
		count(EGRET_COUNT_CAPTURES_FINAL); /* mostly at an exec or exit */
		thread->requested = 0;
		thread->ip = 0;
	}
	c->requested = thread->requested;
	if (ds->round)
		return true;
	if (asked && !claim(thread))
		return false; /* read from outside, while the thread slept */
	thread->missing = 0;
	thread->error = 0;
	return true;
}

static __always_inline void answer(struct deferred_sample *ds, struct pt_regs *regs,
				   struct task_struct *task)
{
	struct thread_state *thread = thread_of(task);
	struct capture c = {};
	u8 ending;

	if (!thread) {
		c.cookie = ds->cookie;
		emit_ended(&c, EGRET_CAPTURE_TABLE_FULL);
		return;
	}
	if (!begin_answer(ds, &c, thread))
		return;
	if (ds->point == DEFERRED_SAMPLE_LOST) {
		emit_ended(&c, EGRET_CAPTURE_EXITED);
		return;
	}
	ending = capture_begin(&c, task);
	if (ending == EGRET_CAPTURE_WHOLE && !ds->round && has_moved(thread, regs))
		ending = EGRET_CAPTURE_MOVED;
	if (ending != EGRET_CAPTURE_WHOLE) {
		emit_ended(&c, ending);
		return;
	}
	c.flags |= tell_if_new(task);
	if (read_stack(ds, &c, thread) && c.flags & EGRET_CAPTURE_F_UNTOLD)
		untold_is_known(task);
}

/* In the thread, on its way back, interrupts on, preemption off. */
SEC("tp_btf/deferred_sample")
int BPF_PROG(egret_deferred, struct deferred_sample *ds, struct pt_regs *regs)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stopwatch watch;

	if (!is_target(task) && !(ds->point == DEFERRED_SAMPLE_EXEC && will_be_target(task)))
		return 0;
	watch = begin_capture(task);
	answer(ds, regs, task);
	charge_capture(&watch, task);
	return 0;
}

#include "sleepers.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
