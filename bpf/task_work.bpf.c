// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * task_work.bpf.c - the backend `task-work`: stock kernels from 6.18.
 *
 * The interrupt asks for a capture with bpf_task_work_schedule_resume(), and a sleepable callback
 * makes it when the thread is on its way back to user mode. Two moments from which a thread does
 * not come back are served before they happen: its exit, and its change of image by execve. What is
 * sampled after them in the same kernel entry shares the capture made there.
 */
#include "sample.bpf.h"
#include "thread_hash.bpf.h"
#include "threads.bpf.h"

typedef int (*work_callback)(struct bpf_map *map, void *key, void *value);

/* 6.18 has the first form, later kernels the second (include/linux/bpf.h, kernel/bpf/helpers.c). */
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *tw,
					      void *map__map, work_callback callback,
					      void *aux__prog) __ksym __weak;
extern int bpf_task_work_schedule_resume(struct task_struct *task, struct bpf_task_work *tw,
					 void *map__map, work_callback callback) __ksym __weak;
extern int bpf_probe_read_user_dynptr(struct bpf_dynptr *dptr, u64 off, u64 size,
				      const void *unsafe_ptr__ign) __ksym;

#define ksym_exists(symbol) (!!(symbol))

/* ---- the capture -------------------------------------------------------------------------- */

enum copy_result { COPY_DONE, COPY_FAULT, COPY_NO_ROOM };

/* Copies what is in memory of [start, start + len) behind *at, page by page; what is not is a hole.
 */
static __noinline int copy_present(struct bpf_dynptr *ptr, struct egret_rec_capture *rec, u64 start,
				   u32 len, u32 at)
{
	u64 addr = start, end = start + len, run = start;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, len / PAGE_SIZE + 2);
	while (bpf_iter_num_next(&it)) {
		u64 next = (addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE;

		if (addr >= end)
			break;
		if (next > end)
			next = end;
		if (bpf_probe_read_user_dynptr(ptr, at, next - addr, (void *)addr)) {
			if (addr > run)
				add_window(rec, run, addr - run);
			run = next;
		} else {
			at += next - addr;
		}
		addr = next;
		forget_origin(addr);
		forget_origin(run);
		forget_origin(at);
	}
	bpf_iter_num_destroy(&it);
	if (addr > run)
		add_window(rec, run, addr - run);
	return 0;
}

static __always_inline enum copy_result
copy_whole(struct bpf_dynptr *ptr, struct egret_rec_capture *rec, struct stack_plan *plan)
{
	u32 at = sizeof(*rec);

	if (bpf_probe_read_user_dynptr(ptr, at, plan->range[0].len, (void *)plan->range[0].start))
		return COPY_FAULT;
	add_window(rec, plan->range[0].start, plan->range[0].len);
	if (plan->n < 2)
		return COPY_DONE;
	at += plan->range[0].len;
	if (bpf_probe_read_user_dynptr(ptr, at, plan->range[1].len, (void *)plan->range[1].start))
		return COPY_FAULT;
	add_window(rec, plan->range[1].start, plan->range[1].len);
	return COPY_DONE;
}

/*
 * One try to copy the planned ranges straight into the ring. Nothing faults and nothing preempts
 * while the reservation is held: a reservation that waits stalls the readers of all.
 */
__attribute__((noinline)) int try_copy(struct capture *c, bool partial, u8 ending)
{
	struct egret_rec_capture *rec;
	struct stack_plan *plan;
	struct bpf_dynptr ptr;
	int result = COPY_NO_ROOM;
	u32 total, cpu;
	void *ring;

	if (!c)
		return COPY_NO_ROOM;
	plan = &c->plan;
	total = sizeof(*rec) + ROUND_UP(plan->range[0].len + plan->range[1].len, 8);
	bpf_preempt_disable();
	cpu = bpf_get_smp_processor_id();
	ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	if (!ring)
		goto out;
	if (bpf_ringbuf_reserve_dynptr(ring, total, 0, &ptr))
		goto discard;
	rec = bpf_dynptr_data(&ptr, 0, sizeof(*rec));
	if (!rec)
		goto discard;
	fill_record(rec, c, ending);
	rec->rec.size = total;
	if (partial) {
		u32 got;

		copy_present(&ptr, rec, plan->range[0].start, plan->range[0].len, sizeof(*rec));
		got = rec->got;
		if (plan->n > 1)
			copy_present(&ptr, rec, plan->range[1].start, plan->range[1].len,
				     sizeof(*rec) + got);
		result = COPY_DONE;
	} else {
		result = copy_whole(&ptr, rec, plan);
	}
	if (result == COPY_DONE) {
		count_add(EGRET_COUNT_CAPTURE_BYTES, rec->got);
		bpf_ringbuf_submit_dynptr(&ptr, wake_flag(ring, total, config.wake_captures));
		goto out;
	}
discard:
	bpf_ringbuf_discard_dynptr(&ptr, BPF_RB_NO_WAKEUP);
out:
	bpf_preempt_enable();
	return result;
}

/*
 * WHOLE: the page at addr may be waited for; else the ending of a stack that has it. Asked page by
 * page: a range may span mappings. Global, for the verifier; what waits can't be, in a program that
 * doesn't sleep itself.
 */
__attribute__((noinline)) int may_wait_for(u64 addr)
{
	struct stack_range page = {};
	struct vma_facts vma;
	int err = find_vma(&vma, addr);

	if (err)
		return err == -EBUSY ? EGRET_CAPTURE_LOCKED : EGRET_CAPTURE_BAD_ADDRESS;
	page.magic = vma.magic;
	page.userfaultfd = vma.userfaultfd;
	return is_unsafe(&page) ? EGRET_CAPTURE_FAULT_POLICY : EGRET_CAPTURE_WHOLE;
}

/* Brings in the missing pages of a range. Returns WHOLE, or why some are still missing. */
static __noinline u8 touch_range(struct stack_range *range, u32 *pages_in)
{
	u64 addr = range->start, end = range->start + range->len;
	struct bpf_iter_num it;
	u8 ending = EGRET_CAPTURE_WHOLE;
	char byte;

	bpf_iter_num_new(&it, 0, range->len / PAGE_SIZE + 2);
	while (bpf_iter_num_next(&it)) {
		if (addr >= end)
			break;
		if (bpf_probe_read_user(&byte, 1, (void *)addr)) {
			u8 page = may_wait_for(addr);

			if (page != EGRET_CAPTURE_WHOLE)
				ending = page;
			else if (bpf_copy_from_user(&byte, 1, (void *)addr))
				ending = EGRET_CAPTURE_BAD_ADDRESS;
			else
				*pages_in += 1;
		}
		addr = (addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
	}
	bpf_iter_num_destroy(&it);
	return ending;
}

/* Touches both ranges; says with which ending a copy of what is there then ends. */
static __always_inline u8 touch(struct capture *c)
{
	struct stack_plan *plan = &c->plan;
	u8 ending;

	if (config.fault == EGRET_FAULT_NONE)
		return EGRET_CAPTURE_NOT_RESIDENT;
	/* A fault would wait for the lock: a program full of this was ten times as slow. */
	if (is_locked(plan))
		return EGRET_CAPTURE_LOCKED;
	ending = touch_range(&plan->range[0], &c->pages_in);
	if (ending == EGRET_CAPTURE_WHOLE && plan->n > 1)
		ending = touch_range(&plan->range[1], &c->pages_in);
	return ending;
}

/*
 * Touch, then copy, three times at most. Sleepable: runs in the callback only. May not hold a
 * reservation while it touches. Returns COPY_DONE, or what the last copy ended with.
 */
static __noinline int capture_faulting(struct capture *c)
{
	u8 ending = EGRET_CAPTURE_PAGES_VANISHED;
	int result = COPY_FAULT;

	for (int i = 0; i < 3; i++) {
		result = try_copy(c, false, c->plan.ending);
		if (result != COPY_FAULT)
			break;
		count(EGRET_COUNT_CAPTURE_RETRIES);
		ending = touch(c);
		if (ending != EGRET_CAPTURE_WHOLE)
			break;
		ending = EGRET_CAPTURE_PAGES_VANISHED;
	}
	if (result == COPY_FAULT)
		result = try_copy(c, true, ending);
	account_copy(c, result == COPY_DONE);
	return result;
}

/* The same where nothing may be waited for: at exit and exec. */
static __always_inline int capture_resident(struct capture *c)
{
	int result = try_copy(c, false, c->plan.ending);

	if (result == COPY_FAULT)
		result = try_copy(c, true, EGRET_CAPTURE_NOT_RESIDENT);
	account_copy(c, result == COPY_DONE);
	return 0;
}

static __always_inline void answer(struct thread_state *thread, struct task_struct *task)
{
	struct capture c = {};
	u8 ending;

	c.cookie = thread->cookie;
	c.requested = thread->requested;
	ending = capture_begin(&c, task);
	if (BPF_CORE_READ(task, self_exec_id) != thread->exec_id)
		ending = EGRET_CAPTURE_EXEC;
	else if (ending == EGRET_CAPTURE_WHOLE &&
		 has_moved(thread, (struct pt_regs *)bpf_task_pt_regs(task)))
		ending = EGRET_CAPTURE_MOVED;
	if (ending == EGRET_CAPTURE_WHOLE) {
		c.flags |= tell_if_new(task);
		if (capture_faulting(&c) == COPY_DONE && c.flags & EGRET_CAPTURE_F_UNTOLD)
			untold_is_known(task);
	} else {
		emit_ended(&c, ending);
	}
}

/* Work of a thread whose last capture of an image has been made. */
static __always_inline void pass_final(struct thread_state *thread, struct task_struct *task)
{
	thread->pending = 0;
	if (BPF_CORE_READ(task, flags) & PF_EXITING)
		return; /* exit_task_work(): all that is sampled from here on shares it */
	/*
	 * The capture of the exec has answered; this is the new image. What is sampled until the
	 * thread is in user mode finds the work still busy, and shares that capture too.
	 */
	*(volatile u64 *)&thread->cookie = thread->final_cookie;
	*(volatile u64 *)&thread->final_cookie = 0;
}

/* Runs as task work: in the thread itself, preemptible, page faults allowed. */
static int capture_callback(struct bpf_map *map, void *key, void *value)
{
	struct thread_state *thread = value;
	struct task_struct *task = bpf_get_current_task_btf();
	struct stopwatch watch;

	if (thread->final_cookie) {
		pass_final(thread, task);
		return 0;
	}
	if (!claim(thread))
		return 0; /* read from outside, while the thread slept */
	watch = begin_capture(task);
	answer(thread, task);
	charge_capture(&watch, task);
	return 0;
}

/*
 * What egret_exec asks for: it has made the capture. Of its own, since the verifier follows a
 * callback in each program that names it, and that of captures is two thirds of what it follows.
 */
static int image_callback(struct bpf_map *map, void *key, void *value)
{
	struct thread_state *thread = value;

	if (thread->final_cookie)
		pass_final(thread, bpf_get_current_task_btf());
	return 0;
}

static __always_inline int schedule(struct task_struct *task, struct thread_state *thread,
				    work_callback callback)
{
	if (ksym_exists(bpf_task_work_schedule_resume_impl))
		return bpf_task_work_schedule_resume_impl(task, &thread->work, &threads, callback,
							  NULL);
	if (ksym_exists(bpf_task_work_schedule_resume))
		return bpf_task_work_schedule_resume(task, &thread->work, &threads, callback);
	return -1;
}

/* ---- the request -------------------------------------------------------------------------- */

/* In the interrupt. Sets the sample's cookie, or the ending that says why there is none. */
static __always_inline void take_user_stack(struct egret_rec_sample *s, struct task_struct *task)
{
	u8 why = EGRET_CAPTURE_TABLE_FULL;
	struct thread_state *thread;
	u64 cookie;
	int err;

	s->ending = no_user_stack(task);
	if (s->ending != EGRET_CAPTURE_WHOLE)
		return;
	thread = thread_of(task, &why);
	if (!thread) {
		s->ending = why;
		return;
	}
	if (thread->final_cookie) {
		s->cookie = thread->final_cookie;
		goto shared;
	}
	/* A thread that has begun to exit does no more task work: its capture is made in
	 * egret_exit. */
	if (BPF_CORE_READ(task, flags) & PF_EXITING)
		err = thread->pending ? -EBUSY : 0;
	else
		err = schedule(task, thread, capture_callback);
	if (err == -EBUSY) {
		s->cookie = thread->cookie;
		goto shared;
	}
	cookie = new_cookie();
	if (err || !cookie) {
		s->ending = EGRET_CAPTURE_REQUEST_FAILED;
		return;
	}
	thread->exec_id = BPF_CORE_READ(task, self_exec_id);
	note_request(thread, s, cookie);
	count(EGRET_COUNT_REQUESTS);
	return;
shared:
	s->flags |= EGRET_SAMPLE_SHARED;
	count(EGRET_COUNT_REQUESTS_SHARED);
}

#include "programs.bpf.h"

/* ---- the moments from which a thread does not come back ------------------------------------- */

/*
 * Captures now, for the sample that is pending and for all that will follow in this kernel entry.
 * Raw tracepoint context: nothing may be waited for.
 */
static __always_inline struct thread_state *capture_final(struct task_struct *task, u32 flags)
{
	struct stopwatch watch = begin_capture(task);
	struct capture c = {};
	u8 ending;
	struct thread_state *thread = thread_of(task, &ending);

	if (!thread || thread->final_cookie)
		return thread;
	c.cookie = new_cookie();
	/* From here on an interrupt's sample shares this cookie; what it asked for before is
	 * `also`. */
	*(volatile u64 *)&thread->final_cookie = c.cookie;
	c.also = claim(thread) ? thread->cookie : 0;
	c.flags = flags;
	count(EGRET_COUNT_CAPTURES_FINAL);
	ending = capture_begin(&c, task);
	if (ending == EGRET_CAPTURE_WHOLE)
		capture_resident(&c);
	else
		emit_ended(&c, ending);
	charge_capture(&watch, task);
	return thread;
}

/* Before exit_mm() since 6.16: the address space is still there. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(egret_exit, struct task_struct *task)
{
	if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	if (is_target(task))
		capture_final(task, EGRET_CAPTURE_F_EXIT);
	return 0;
}

/* Before the new image replaces the old one (6.10). */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(egret_exec, struct task_struct *task, struct linux_binprm *bprm)
{
	struct thread_state *thread;
	int err;

	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !is_target(task))
		return 0;
	thread = capture_final(task, EGRET_CAPTURE_F_EXEC);
	if (!thread)
		return 0;
	/* So that the callback clears final_cookie on the way back. */
	err = schedule(task, thread, image_callback);
	if (err && err != -EBUSY)
		thread->final_cookie = 0;
	return 0;
}

#include "sleepers.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
