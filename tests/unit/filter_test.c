/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a filter keeps, by the folded stacks that are left. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "profile/profile.h"

static struct egret_profile *profile;
static uint32_t web, worker, kthread; /* threads */

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t thread(const char *process, const char *comm, int pid, int tid)
{
	struct egret_profile_thread t = {
		.pid = pid, .tid = tid, .process = string(process), .comm = string(comm)
	};

	return egret_profile_thread(profile, &t, NULL);
}

/* A frame of a function, which has another inlined where one is given. */
static uint32_t frame(const char *path, uint32_t kind, const char *name, const char *inlined)
{
	struct egret_profile_module m = { .path = string(path), .kind = kind };
	struct egret_profile_frame f = { .module = egret_profile_module(profile, &m, NULL),
					 .offset = egret_profile_n_frames(profile) };
	struct egret_profile_line lines[2] = { { .name = string(inlined ? inlined : name) },
					       { .name = string(name) } };
	uint32_t number = egret_profile_frame(profile, &f, NULL);

	egret_profile_set_lines(profile, number, lines, inlined ? 2 : 1);
	return number;
}

static uint32_t stack(const uint32_t *frames, size_t n)
{
	uint32_t number = 0;

	for (size_t i = 0; i < n; i++)
		number = egret_profile_stack(profile, number, frames[i], NULL);
	return number;
}

static void sample(uint32_t t, uint32_t s, uint64_t time, uint32_t cpu)
{
	struct egret_profile_key key = { .thread = t, .stack = s };
	struct egret_profile_values values = { .samples = 1, .value = 10 };

	CHECK_EQ(egret_profile_add_sample(profile, &key, &values, time, cpu), 0);
}

/*
 * web:    main -> parse (with next_token inlined) 3 times, main -> parse -> read(kernel) once
 * worker: main -> compress in libz twice
 * kthread: only kernel, once; web without a stack, once
 */
static void make_profile(bool keep_samples)
{
	uint32_t main_, parse, read, zip, flush;

	CHECK_EQ(egret_profile_create(&profile), 0);
	if (keep_samples)
		egret_profile_keep_samples(profile);
	web = thread("nginx", "nginx", 10, 10);
	worker = thread("nginx", "zipper", 10, 11);
	kthread = thread("kworker", "kworker/0", 2, 2);
	main_ = frame("/usr/sbin/nginx", EGRET_MODULE_FILE, "main", NULL);
	parse = frame("/usr/sbin/nginx", EGRET_MODULE_FILE, "parse", "next_token");
	zip = frame("/lib/libz.so.1", EGRET_MODULE_FILE, "compress", NULL);
	read = frame("", EGRET_MODULE_KERNEL, "ksys_read", NULL);
	flush = frame("", EGRET_MODULE_KERNEL, "wb_workfn", NULL);
	sample(web, stack((uint32_t[]){ main_, parse }, 2), 100, 0);
	sample(web, stack((uint32_t[]){ main_, parse, read }, 3), 200, 0);
	sample(worker, stack((uint32_t[]){ main_, zip }, 2), 150, 1);
	sample(worker, stack((uint32_t[]){ main_, zip }, 2), 300, 1);
	sample(web, stack((uint32_t[]){ main_, parse }, 2), 400, 1);
	sample(kthread, stack((uint32_t[]){ flush }, 1), 250, 0);
	sample(web, 0, 500, 0);
	sample(web, stack((uint32_t[]){ main_, parse }, 2), 450, 0);
	CHECK_EQ(egret_profile_sort_samples(profile), 0);
}

/* "comm;root;..;leaf n", as entries come. */
static int fold(const struct egret_stack *s, void *arg)
{
	char *to = arg;

	to += strlen(to);
	to += sprintf(to, "%s", s->thread->comm);
	for (size_t i = s->n_frames; i--;)
		to += sprintf(to, ";%s", s->frames[i]->name);
	sprintf(to, " %" PRIu64 "/%" PRIu64 "\n", s->samples, s->value);
	return 0;
}

static void keeps(const struct egret_filter_opts *opts, const char *want)
{
	struct egret_filter_opts sized = *opts;
	struct egret_error err = { "" };
	struct egret_profile *got = NULL;
	char text[2000] = "";

	sized.size = sizeof(sized);
	CHECK_EQ(egret_profile__filter(profile, &sized, &got, &err), 0);
	CHECK_STR(err.text, "");
	if (got)
		egret_profile__each_stack(got, fold, text);
	CHECK_STR(text, want);
	egret_profile__destroy(got);
}

#define PARSE "nginx;main;parse;next_token"
#define ALL                                                                                        \
	PARSE " 3/30\n" PARSE ";ksys_read 1/10\nzipper;main;compress 2/20\nkworker/0;wb_workfn "   \
	      "1/10\nnginx 1/10\n"

static void keeps_all(void)
{
	make_profile(false);
	keeps(&(struct egret_filter_opts){ 0 }, ALL);
	egret_profile__destroy(profile);
}

static void by_thread(void)
{
	typedef const char *text;

	make_profile(false);
	keeps(&(struct egret_filter_opts){ .comms = (const char *[]){ "zip*" }, .n_comms = 1 },
	      "zipper;main;compress 2/20\n");
	/* The name of the process stands for all its threads. */
	keeps(&(struct egret_filter_opts){ .comms = (text[]){ "x", "nginx" }, .n_comms = 2 },
	      PARSE " 3/30\n" PARSE ";ksys_read 1/10\nzipper;main;compress 2/20\nnginx 1/10\n");
	keeps(&(struct egret_filter_opts){ .pids = (pid_t[]){ 2, 11 }, .n_pids = 2 },
	      "kworker/0;wb_workfn 1/10\n");
	keeps(&(struct egret_filter_opts){ .tids = (pid_t[]){ 2, 11 }, .n_tids = 2 },
	      "zipper;main;compress 2/20\nkworker/0;wb_workfn 1/10\n");
	keeps(
		&(struct egret_filter_opts){
			.pids = (pid_t[]){ 10 }, .n_pids = 1, .tids = (pid_t[]){ 2 }, .n_tids = 1 },
		"");
	egret_profile__destroy(profile);
}

static void by_leaf(void)
{
	make_profile(false);
	keeps(&(struct egret_filter_opts){ .dsos = (const char *[]){ "libz*" }, .n_dsos = 1 },
	      "zipper;main;compress 2/20\n");
	keeps(&(struct egret_filter_opts){ .dsos = (const char *[]){ "/usr/*" }, .n_dsos = 1 },
	      PARSE " 3/30\n");
	/* Of an inlined function and of the one that it is inlined into; main is no leaf. */
	keeps(&(struct egret_filter_opts){ .symbols = (const char *[]){ "next_*" },
					   .n_symbols = 1 },
	      PARSE " 3/30\n");
	keeps(&(struct egret_filter_opts){ .symbols = (const char *[]){ "parse", "main" },
					   .n_symbols = 2 },
	      PARSE " 3/30\n");
	egret_profile__destroy(profile);
}

static void by_stack(void)
{
	make_profile(false);
	keeps(&(struct egret_filter_opts){ .focus = "^next|wb_" },
	      PARSE " 3/30\n" PARSE ";ksys_read 1/10\nkworker/0;wb_workfn 1/10\n");
	keeps(&(struct egret_filter_opts){ .ignore = "parse" },
	      "zipper;main;compress 2/20\nkworker/0;wb_workfn 1/10\nnginx 1/10\n");
	keeps(&(struct egret_filter_opts){ .focus = "main", .ignore = "ksys" },
	      PARSE " 3/30\nzipper;main;compress 2/20\n");
	egret_profile__destroy(profile);
}

static void by_kind(void)
{
	make_profile(false);
	/* The stack that went into the kernel is one with the others then. */
	keeps(&(struct egret_filter_opts){ .only_user = true },
	      PARSE " 4/40\nzipper;main;compress 2/20\n");
	keeps(&(struct egret_filter_opts){ .only_kernel = true },
	      "nginx;ksys_read 1/10\nkworker/0;wb_workfn 1/10\n");
	keeps(&(struct egret_filter_opts){ .no_inline = true },
	      "nginx;main;parse 3/30\nnginx;main;parse;ksys_read 1/10\n"
	      "zipper;main;compress 2/20\nkworker/0;wb_workfn 1/10\nnginx 1/10\n");
	egret_profile__destroy(profile);
}

static int note_time(const struct egret_sample *s, void *arg)
{
	char *to = arg;

	sprintf(to + strlen(to), "%" PRIu64 ":%u:%zu ", s->time, s->cpu, s->stack->n_frames);
	return 0;
}

static void by_time(void)
{
	struct egret_filter_opts opts = { .size = sizeof(opts), .time_from = 150, .time_to = 300 };
	struct egret_profile *got;
	char text[200] = "";
	uint64_t first, last;

	make_profile(true);
	CHECK_EQ(egret_profile__each_sample(profile, note_time, text), 0);
	CHECK_STR(text, "100:0:3 150:1:2 200:0:4 250:0:1 300:1:2 400:1:3 450:0:3 500:0:0 ");
	keeps(&(struct egret_filter_opts){ 0 },
	      PARSE " 3/30\nzipper;main;compress 2/20\n" PARSE
		    ";ksys_read 1/10\nkworker/0;wb_workfn 1/10\nnginx 1/10\n");
	keeps(&opts,
	      "zipper;main;compress 1/10\n" PARSE ";ksys_read 1/10\nkworker/0;wb_workfn 1/10\n");
	keeps(&(struct egret_filter_opts){ .time_from = 450 }, PARSE " 1/10\nnginx 1/10\n");
	keeps(&(struct egret_filter_opts){ .cpus = (uint32_t[]){ 1 }, .n_cpus = 1 },
	      "zipper;main;compress 2/20\n" PARSE " 1/10\n");
	CHECK_EQ(egret_profile__filter(profile, &opts, &got, NULL), 0);
	text[0] = 0;
	CHECK_EQ(egret_profile__each_sample(got, note_time, text), 0);
	CHECK_STR(text, "150:1:2 200:0:4 250:0:1 ");
	CHECK(egret_profile__times(got, &first, &last));
	CHECK_EQ(first, 150);
	CHECK_EQ(last, 250);
	egret_profile__destroy(got);
	egret_profile__destroy(profile);
}

static void refuses(void)
{
	struct egret_filter_opts opts = { .size = sizeof(opts), .focus = "a(" };
	struct egret_profile *got = NULL;
	struct egret_error err;

	make_profile(false);
	CHECK_EQ(egret_profile__filter(profile, &opts, &got, &err), -EINVAL);
	CHECK(strstr(err.text, "'a('"));
	opts.focus = NULL;
	opts.time_to = 1;
	CHECK_EQ(egret_profile__filter(profile, &opts, &got, &err), -ENODATA);
	CHECK_EQ(egret_profile__each_sample(profile, note_time, NULL), -ENODATA);
	CHECK(!got);
	egret_profile__destroy(profile);
}

/* Samples come late by any amount. */
static void sorts(void)
{
	uint64_t before = 0;

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	web = thread("a", "a", 1, 1);
	for (uint32_t i = 0; i < 5000; i++)
		sample(web, 0, i % 7 ? i : i * 7919 % 5000, i);
	CHECK_EQ(egret_profile_sort_samples(profile), 0);
	CHECK_EQ(egret_profile_n_samples(profile), 5000);
	for (size_t i = 0; i < 5000; i++) {
		const struct egret_profile_sample *s = egret_profile_get_sample(profile, i);

		CHECK(s->time >= before && s->time == (s->cpu % 7 ? s->cpu : s->cpu * 7919 % 5000));
		before = s->time;
	}
	egret_profile__destroy(profile);
}

static void check_bytes(const struct egret_profile *p, uint64_t wanted, uint64_t got)
{
	CHECK_EQ(egret_profile_n_entries(p), 1);
	CHECK_EQ(egret_profile_get_entry(p, 0)->values.samples, 7);
	CHECK_EQ(egret_profile_get_entry(p, 0)->values.bytes_wanted, wanted);
	CHECK_EQ(egret_profile_get_entry(p, 0)->values.bytes_got, got);
}

/* Bytes of captures are kept for an entry: its samples together have all of them again. */
static void no_bytes_are_lost(void)
{
	struct egret_filter_opts opts = { .size = sizeof(opts),
					  .cpus = (const uint32_t[]){ 3 },
					  .n_cpus = 1 };
	const struct egret_profile *one[1];
	struct egret_profile *made = NULL;
	char path[] = "/tmp/egret-filter-XXXXXX";
	int fd = mkstemp(path);

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	CHECK_EQ(egret_profile_add_event(profile, &(struct egret_event){ "e", "count", 0, 1 }), 0);
	web = thread("a", "a", 1, 1);
	for (uint32_t i = 0; i < 7; i++) {
		struct egret_profile_key key = { .thread = web, .unwind_end = 4 };
		struct egret_profile_values values = { 1, 1, i ? 1000 : 1003, i ? 10 : 11 };

		CHECK_EQ(egret_profile_add_sample(profile, &key, &values, i, 3), 0);
	}
	CHECK_EQ(egret_profile__filter(profile, &opts, &made, NULL), 0);
	check_bytes(made, 7003, 71);
	egret_profile__destroy(made);
	one[0] = profile;
	CHECK_EQ(egret_profile__merge(one, 1, &made, NULL), 0);
	check_bytes(made, 7003, 71);
	CHECK_EQ(egret_profile__save(made, fd, NULL), 0);
	egret_profile__destroy(made);
	CHECK_EQ(egret_profile__open(path, &made, NULL), 0);
	check_bytes(made, 7003, 71);
	egret_profile__destroy(made);
	egret_profile__destroy(profile);
	close(fd);
	unlink(path);
}

int main(void)
{
	RUN(keeps_all);
	RUN(by_thread);
	RUN(by_leaf);
	RUN(by_stack);
	RUN(by_kind);
	RUN(by_time);
	RUN(refuses);
	RUN(sorts);
	RUN(no_bytes_are_lost);
	return DONE();
}
