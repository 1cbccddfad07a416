/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Records through threads: each comes out once, in its place, whole, with its own frames. */
#include "session/unwind_pool.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

/* ---- an engine that takes its time, and says who it is ------------------------------------------
 */

static atomic_uint unwinders, other_threads;
static pid_t feeder;
static uint64_t blocked_signals; /* as a thread has them, of the first one that unwinds */

static int fake_create(struct egret_unwinder **out, struct egret_error *err)
{
	*out = calloc(1, 8);
	unwinders++;
	return *out ? 0 : -ENOMEM;
}

static void fake_destroy(struct egret_unwinder *unwinder)
{
	unwinders--;
	free(unwinder);
}

static uint64_t blocked(void)
{
	uint64_t signals = 0;
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	for (int i = 1; i < 32; i++)
		signals |= (uint64_t)sigismember(&set, i) << i;
	return signals;
}

static void note_thread(void)
{
	if (gettid() != feeder && !atomic_fetch_add(&other_threads, 1))
		blocked_signals = blocked();
}

/* rip is the pc of as many frames as rax says; rcx: that code has to be looked at, or no root. */
static struct egret_unwind_result fake_unwind(struct egret_unwinder *unwinder,
					      const struct egret_unwind_request *request)
{
	const uint64_t *r = request->regs.r;

	note_thread();
	for (uint64_t i = 0; i < r[0] % 512; i++)
		if (i % 64 == 63)
			sched_yield();
	for (uint64_t i = 0; i < 4; i++)
		request->frames[i] = (struct egret_unwound_frame){ .pc = r[EGRET_UNWIND_RIP] + i };
	if (r[EGRET_UNWIND_RBP] == 1)
		*request->needs_code = true;
	return (struct egret_unwind_result){ 4, r[EGRET_UNWIND_RBP] == 2 ? EGRET_UNWIND_NO_MODULE
									 : EGRET_UNWIND_ROOT };
}

static void fake_take(struct egret_unwind_module *module, struct egret_unwind_module *from)
{
}

static const struct egret_unwind_engine fake_engine = {
	.name = "fake",
	.create = fake_create,
	.destroy = fake_destroy,
	.module_take = fake_take,
	.unwind = fake_unwind,
};

/* ---- a pool, and captures for it ----------------------------------------------------------------
 */

struct world {
	struct egret_kept_tables *kept;
	struct egret_unwind_pool *pool;
	struct egret_code_map *code; /* nothing is mapped */
	struct egret_rec_capture *rec;
	uint64_t in, out;
	bool alternate; /* each third one needs code, each third one has no root */
};

#define RECORD_MAX (5u << 20)

static void init(struct world *w, uint32_t threads)
{
	struct egret_unwind_pool_opts opts = { .n_threads = threads,
					       .max_frames = 16,
					       .engine = &fake_engine };

	*w = (struct world){ 0 };
	feeder = gettid();
	other_threads = 0;
	w->code = calloc(1, sizeof(*w->code));
	w->code->refs = 1;
	w->rec = calloc(1, RECORD_MAX);
	CHECK_EQ(egret_kept_tables_create(&fake_engine, NULL, NULL, &w->kept), 0);
	opts.kept = w->kept;
	CHECK_EQ(egret_unwind_pool_create(&opts, &w->pool, NULL), 0);
}

static void deinit(struct world *w)
{
	egret_unwind_pool_destroy(w->pool);
	egret_kept_tables_destroy(w->kept);
	CHECK_EQ(w->code->refs, 1);
	CHECK_EQ(unwinders, 0);
	egret_code_map_put(w->code);
	free(w->rec);
}

static uint32_t size_of(uint64_t number, uint32_t max)
{
	return (uint32_t)sizeof(struct egret_rec_capture) +
	       (uint32_t)(number * 2654435761u % max / 8 * 8);
}

/* Puts the next record in. False: there is no room. */
static bool put(struct world *w, uint32_t size)
{
	struct egret_rec_capture *rec = w->rec;
	struct egret_on_way *on_way;

	*rec = (struct egret_rec_capture){ .rec = { .type = EGRET_REC_CAPTURE, .size = size },
					   .cookie = w->in,
					   .got = 8 };
	rec->regs[0] = w->in * 7919;
	rec->regs[EGRET_UNWIND_RBP] = w->alternate ? w->in % 3 : 0;
	rec->regs[EGRET_REG_RIP] = w->in << 8;
	memset(rec + 1, (int)w->in, size - sizeof(*rec));
	on_way = egret_unwind_pool_add(w->pool, &rec->rec);
	if (!on_way)
		return false;
	on_way->code = egret_code_map_get(w->code);
	on_way->has_view = egret_capture_view_init(
		&on_way->view, (const struct egret_rec_capture *)on_way->record, w->code);
	CHECK(on_way->has_view);
	egret_unwind_pool_start(w->pool);
	w->in++;
	return true;
}

static void check_bytes(const struct world *w, const struct egret_rec_capture *rec)
{
	const uint8_t *bytes = (const uint8_t *)(rec + 1);
	size_t n = rec->rec.size - sizeof(*rec);

	if (n)
		CHECK(bytes[0] == (uint8_t)w->out && !memcmp(bytes, bytes + 1, n - 1));
}

/* Takes the oldest one out, which is the one that it has to be. False: there is none. */
static bool take(struct world *w, bool wait)
{
	struct egret_on_way *on_way = egret_unwind_pool_oldest(w->pool, wait);
	const struct egret_rec_capture *rec;

	if (!on_way)
		return false;
	rec = (const struct egret_rec_capture *)on_way->record;
	CHECK_EQ(rec->cookie, w->out);
	check_bytes(w, rec);
	CHECK_EQ(on_way->is_unwound, !w->alternate || w->out % 3 == 0);
	if (on_way->is_unwound) {
		CHECK_EQ(on_way->result.n_frames, 4);
		CHECK_EQ(on_way->frames[3].pc, (w->out << 8) + 3);
	}
	egret_unwind_pool_drop_oldest(w->pool);
	w->out++;
	return true;
}

static void feed(struct world *w, uint64_t n, uint32_t max)
{
	for (uint64_t i = 0; i < n; i++) {
		while (!put(w, size_of(i, max)))
			CHECK(take(w, true));
		while (i % 3 && take(w, false))
			;
	}
	while (take(w, true))
		;
	CHECK_EQ(w->in, n);
	CHECK_EQ(w->out, n);
}

/* ---- behaviours ---------------------------------------------------------------------------------
 */

static void in_order(void)
{
	struct world w;

	for (uint32_t threads = 1; threads <= 8; threads *= 2) {
		init(&w, threads);
		CHECK_EQ(unwinders, threads + 1);
		feed(&w, 5000, 1024);
		CHECK_EQ(egret_unwind_pool_unwound(w.pool), other_threads);
		deinit(&w);
	}
}

/* Records of megabytes: the ring of bytes is full before that of records is, and begins again. */
static void large_records(void)
{
	struct world w;

	init(&w, 2);
	feed(&w, 200, RECORD_MAX - 4096);
	CHECK(egret_unwind_pool_fits(w.pool, RECORD_MAX));
	CHECK(egret_unwind_pool_fits(w.pool, EGRET_POOL_BYTES - 64));
	CHECK(!egret_unwind_pool_fits(w.pool, EGRET_POOL_BYTES - 63));
	deinit(&w);
}

static void full_ring_takes_none(void)
{
	struct world w;

	init(&w, 1);
	for (uint32_t i = 0; i < EGRET_POOL_RECORDS; i++)
		CHECK(put(&w, size_of(0, 8)));
	CHECK(!put(&w, size_of(0, 8)));
	CHECK(take(&w, true));
	CHECK(put(&w, size_of(0, 8)));
	CHECK(!put(&w, size_of(0, 8)));
	while (take(&w, true))
		;
	CHECK_EQ(w.out, EGRET_POOL_RECORDS + 1);
	deinit(&w);
}

/* Those which need code, and those without a root, are left to who looks at code. */
static void some_are_left(void)
{
	struct world w;

	init(&w, 2);
	w.alternate = true;
	feed(&w, 3000, 64);
	deinit(&w);
}

static void dropped_on_their_way(void)
{
	struct world w;

	init(&w, 2);
	for (int i = 0; i < 300; i++)
		CHECK(put(&w, size_of(0, 8)));
	deinit(&w);
}

/* Signals of the process are not theirs; faults are. */
static void signals_are_blocked(void)
{
	uint64_t before = blocked();
	struct world w;

	blocked_signals = 0;
	init(&w, 1);
	CHECK_EQ(blocked(), before);
	/* As long as it takes until the other one has had its turn. */
	for (int i = 0; i < 1000 && !other_threads; i++) {
		w.in = w.out = 0;
		feed(&w, 2000, 64);
	}
	CHECK(blocked_signals & 1u << SIGINT && blocked_signals & 1u << SIGCHLD &&
	      blocked_signals & 1u << SIGPROF);
	CHECK(!(blocked_signals & (1u << SIGBUS | 1u << SIGSEGV)));
	deinit(&w);
}

static void wrong_options(void)
{
	struct egret_unwind_engine alone = fake_engine;
	struct egret_unwind_pool_opts opts = { .n_threads = 65,
					       .max_frames = 16,
					       .engine = &fake_engine };
	struct egret_unwind_pool *pool = NULL;
	struct egret_error err;

	CHECK_EQ(egret_unwind_pool_create(&opts, &pool, &err), -EINVAL);
	CHECK_STR(err.text, "65 threads are too many: 64 at most");
	alone.module_take = NULL;
	opts.engine = &alone;
	opts.n_threads = 1;
	CHECK_EQ(egret_unwind_pool_create(&opts, &pool, &err), -EINVAL);
	CHECK_STR(err.text, "the unwinder 'fake' runs without threads only");
	CHECK_EQ(unwinders, 0);
}

int main(void)
{
	RUN(in_order);
	RUN(large_records);
	RUN(full_ring_takes_none);
	RUN(some_are_left);
	RUN(dropped_on_their_way);
	RUN(signals_are_blocked);
	RUN(wrong_options);
	return DONE();
}
