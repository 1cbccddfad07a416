/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "bpf/reasons.h"
#include "export/export.h"
#include "profile/profile.h"

static uint32_t string(struct egret_profile *p, const char *text)
{
	return egret_profile_string(p, text, strlen(text), NULL);
}

static uint32_t module(struct egret_profile *p, const char *path, uint32_t kind)
{
	struct egret_profile_module m = { .path = string(p, path), .kind = kind };

	return egret_profile_module(p, &m, NULL);
}

/* A frame with a name of its own in a module of this kind; its offset is made of the name. */
static uint32_t named(struct egret_profile *p, uint32_t kind, const char *name)
{
	struct egret_profile_line line = { .name = string(p, name) };
	struct egret_profile_frame f = { .module = module(p, "m", kind), .offset = line.name };
	uint32_t frame = egret_profile_frame(p, &f, NULL);

	CHECK_EQ(egret_profile_set_lines(p, frame, &line, 1), 0);
	return frame;
}

static uint32_t cut(struct egret_profile *p, uint8_t capture_end, uint8_t unwind_end)
{
	struct egret_profile_frame f = { .module = module(p, "", EGRET_MODULE_CUT),
					 .offset = (uint64_t)capture_end << 8 | unwind_end };

	return egret_profile_frame(p, &f, NULL);
}

static uint32_t thread(struct egret_profile *p, const char *process, const char *comm, int pid,
		       int tid)
{
	struct egret_profile_thread t = {
		.pid = pid, .tid = tid, .process = string(p, process), .comm = string(p, comm)
	};

	return egret_profile_thread(p, &t, NULL);
}

/* Adds samples of a stack, given root first and ended by UINT32_MAX. */
static void add(struct egret_profile *p, uint32_t t, uint32_t event, uint64_t samples,
		const uint32_t *frames)
{
	struct egret_profile_key key = { .thread = t, .event = event };
	struct egret_profile_values values = { .samples = samples, .value = samples * 1000 };

	for (; *frames != UINT32_MAX; frames++)
		key.stack = egret_profile_stack(p, key.stack, *frames, NULL);
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
}

#define ADD(p, t, event, samples, ...)                                                             \
	add(p, t, event, samples, (const uint32_t[]){ __VA_ARGS__, UINT32_MAX })

/* The export, as a string that the caller frees. */
static char *export(const struct egret_profile *p, const struct egret_export_opts *opts)
{
	FILE *f = tmpfile();
	struct egret_error err = { "" };
	char *text;
	long len;

	CHECK_EQ(egret_profile__export(p, "folded", fileno(f), opts, &err), 0);
	CHECK_STR(err.text, "");
	len = lseek(fileno(f), 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	CHECK_EQ(pread(fileno(f), text, (size_t)len, 0), len);
	fclose(f);
	return text;
}

static void check_export(const struct egret_profile *p, const struct egret_export_opts *opts,
			 const char *want)
{
	char *got = export(p, opts);

	CHECK_STR(got, want);
	free(got);
}

static struct egret_profile *two_event_profile(void)
{
	struct egret_event a = { .name = "cpu-clock", .unit = "nanoseconds" },
			   b = { .name = "page-faults", .unit = "count" };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_add_event(p, &a), 0);
	CHECK_EQ(egret_profile_add_event(p, &b), 0);
	return p;
}

static void lines_and_suffixes(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t t = thread(p, "node", "node", 10, 10), leaf;
	struct egret_profile_line inlined[3];

	ADD(p, t, 0, 3, named(p, EGRET_MODULE_FILE, "main"), named(p, EGRET_MODULE_JIT, "js"),
	    named(p, EGRET_MODULE_VDSO, "clock_gettime"),
	    named(p, EGRET_MODULE_KERNEL, "sys_read"));
	leaf = named(p, EGRET_MODULE_FILE, "outer");
	for (int i = 0; i < 3; i++)
		inlined[i] = (struct egret_profile_line){ .name = string(p, i == 0   ? "inner"
									    : i == 1 ? "middle"
										     : "outer") };
	CHECK_EQ(egret_profile_set_lines(p, leaf, inlined, 3), 0);
	ADD(p, t, 0, 2, named(p, EGRET_MODULE_FILE, "main"), leaf);
	ADD(p, t, 0, 1, cut(p, EGRET_CAPTURE_LIMIT, EGRET_UNWIND_TRUNCATED),
	    named(p, EGRET_MODULE_FILE, "deep"));
	add(p, t, 0, 9, (const uint32_t[]){ UINT32_MAX });
	check_export(p, NULL,
		     "node 9\n"
		     "node;[cut: stack-limit];deep 1\n"
		     "node;main;js_[j];clock_gettime;sys_read_[k] 3\n"
		     "node;main;outer;middle_[i];inner_[i] 2\n");
	egret_profile__destroy(p);
}

static void names_are_made_safe(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t t = thread(p, "my;shell\n", "x", 1, 1);

	ADD(p, t, 0, 1, named(p, EGRET_MODULE_FILE, "operator new(unsigned long)"),
	    named(p, EGRET_MODULE_FILE, "a;b\tc\x7f"), named(p, EGRET_MODULE_FILE, "caf\xc3\xa9"));
	ADD(p, thread(p, "", "", 2, 2), 0, 1, named(p, EGRET_MODULE_FILE, "f"));
	check_export(p, NULL,
		     "[unknown];f 1\n"
		     "my:shell?;operator new(unsigned long);a:b?c?;caf\xc3\xa9 1\n");
	egret_profile__destroy(p);
}

/* Different threads, offsets and endings of one text are one line, and the counts are samples. */
static void same_text_is_one_line(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t main_frame = named(p, EGRET_MODULE_FILE, "main"), again;
	struct egret_profile_line line = { .name = string(p, "main") };
	struct egret_profile_frame f = { .module = 0, .offset = 0x999 };

	again = egret_profile_frame(p, &f, NULL);
	CHECK_EQ(egret_profile_set_lines(p, again, &line, 1), 0);
	ADD(p, thread(p, "sh", "sh", 1, 1), 0, 3, main_frame);
	ADD(p, thread(p, "sh", "worker", 1, 2), 0, 4, main_frame);
	ADD(p, thread(p, "sh", "sh", 7, 7), 0, 5, again);
	ADD(p, thread(p, "sh", "sh", 7, 7), 0, 6, again, main_frame);
	check_export(p, NULL, "sh;main 12\nsh;main;main 6\n");
	egret_profile__destroy(p);
}

static void options(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t kernel = named(p, EGRET_MODULE_KERNEL, "sys"), user = named(p, 0, "user");
	struct egret_export_opts opts = { .size = sizeof(opts), .by_thread = true };
	struct egret_error err;

	ADD(p, thread(p, "sh", "sh", 1, 1), 0, 3, user, kernel);
	ADD(p, thread(p, "sh", "work er", 1, 2), 0, 4, user);
	ADD(p, thread(p, "sh", "sh", 1, 1), 0, 1, kernel);
	ADD(p, thread(p, "sh", "sh", 1, 1), 1, 7, user);
	check_export(p, &opts, "sh-1/1;sys_[k] 1\nsh-1/1;user;sys_[k] 3\nwork er-1/2;user 4\n");
	opts.by_thread = false;
	opts.no_kernel = true;
	check_export(p, &opts, "sh 1\nsh;user 7\n");
	opts.no_kernel = false;
	opts.event = 1;
	check_export(p, &opts, "sh;user 7\n");
	opts.event = 2;
	CHECK_EQ(egret_profile__export(p, "folded", 1, &opts, &err), -EINVAL);
	CHECK_STR(err.text, "there is no event 2: the recording has 2");
	CHECK_EQ(egret_profile__export(p, "none such", 1, NULL, &err), -EINVAL);
	CHECK(strstr(err.text, "no format \"none such\""));
	egret_profile__destroy(p);
}

static void by_label(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t user = named(p, 0, "user"), sh = thread(p, "sh", "sh", 1, 1);
	struct egret_profile_label labels[] = { { string(p, "zone"), string(p, "w;est") },
						{ string(p, "none"), string(p, "") } };
	struct egret_export_opts opts = { .size = sizeof(opts), .by_label = "zone" };
	struct egret_error err;

	ADD(p, sh, 0, 3, user);
	ADD(p, thread(p, "awk", "awk", 2, 2), 0, 4, user);
	CHECK_EQ(egret_profile_set_thread_labels(p, sh, egret_profile_label_set(p, labels, 2)), 0);
	check_export(p, &opts, "[no zone];awk;user 4\nw:est;sh;user 3\n");
	opts.by_thread = true;
	check_export(p, &opts, "[no zone];awk-2/2;user 4\nw:est;sh-1/1;user 3\n");
	opts.by_label = "none";
	check_export(p, &opts, "[no none];awk-2/2;user 4\n[no none];sh-1/1;user 3\n");
	opts.by_label = "zon";
	CHECK_EQ(egret_profile__export(p, "folded", 1, &opts, &err), -EINVAL);
	CHECK_STR(err.text, "no process here has the label \"zon\"; there are: none, zone");
	egret_profile__destroy(p);
	p = two_event_profile();
	CHECK_EQ(egret_profile__export(p, "svg", 1, &opts, &err), -EINVAL);
	CHECK(strstr(err.text, "there are none (record with --labels)"));
	egret_profile__destroy(p);
}

static void option_sizes(void)
{
	struct {
		struct egret_export_opts opts;
		char tail[8];
	} newer = { .opts = { .size = sizeof(newer), .event = 1 } };
	struct egret_profile *p = two_event_profile();
	struct egret_export_opts older = { .size = offsetof(struct egret_export_opts, event),
					   .event = 1 };
	struct egret_error err;

	ADD(p, thread(p, "sh", "sh", 1, 1), 0, 1, named(p, 0, "zero"));
	ADD(p, thread(p, "sh", "sh", 1, 1), 1, 1, named(p, 0, "one"));
	check_export(p, &newer.opts, "sh;one 1\n");
	check_export(p, &older, "sh;zero 1\n");
	newer.tail[7] = 1;
	CHECK_EQ(egret_profile__export(p, "folded", 1, &newer.opts, &err), -E2BIG);
	CHECK(strstr(err.text, "newer libegret"));
	newer.opts.size = 0;
	CHECK_EQ(egret_profile__export(p, "folded", 1, &newer.opts, &err), -EINVAL);
	egret_profile__destroy(p);
}

/* The cases where ';' and the end of the text sort differently from what a tree would give. */
static void bytewise_order(void)
{
	struct egret_profile *p = two_event_profile();
	uint32_t t = thread(p, "p", "p", 1, 1);
	uint32_t ab = named(p, 0, "ab"), bang = named(p, 0, "ab!"), lt = named(p, 0, "ab<"),
		 e = named(p, 0, "\xc3\xa9"), x = named(p, 0, "x");

	ADD(p, t, 0, 1, e);
	ADD(p, t, 0, 1, ab, x);
	ADD(p, t, 0, 1, lt);
	ADD(p, t, 0, 1, bang, x);
	ADD(p, t, 0, 1, ab);
	ADD(p, t, 0, 1, bang);
	ADD(p, t, 0, 1, x);
	check_export(p, NULL,
		     "p;ab 1\np;ab! 1\np;ab!;x 1\np;ab;x 1\np;ab< 1\np;x 1\np;\xc3\xa9 1\n");
	egret_profile__destroy(p);
}

/* Against a plain way to do the same: all lines as texts, sorted and summed. */
static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void random_round(void)
{
	enum { N = 500 };
	struct egret_profile *p = two_event_profile();
	char *lines[N], *want = calloc(N, 128), *to = want;
	uint32_t frames[20];

	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%.*s%c", (int)rnd(3), "aa", " !9:<=az"[rnd(8)]);
		frames[i] = named(p, 0, name);
	}
	for (int i = 0; i < N; i++) {
		uint32_t stack[8], n = (uint32_t)rnd(7);
		char line[128] = "p";

		for (uint32_t k = 0; k < n; k++) {
			size_t lines_n;

			stack[k] = frames[rnd(20)];
			strcat(strcat(line, ";"),
			       egret_profile_get_string(
				       p, egret_profile_get_lines(p, stack[k], &lines_n)->name));
		}
		stack[n] = UINT32_MAX;
		add(p, thread(p, "p", "p", 1, (int)rnd(3)), 0, 1, stack);
		lines[i] = strdup(line);
	}
	qsort(lines, N, sizeof(lines[0]), compare_text);
	for (int i = 0, n = 1; i < N; i++, n++) {
		if (i + 1 < N && !strcmp(lines[i], lines[i + 1]))
			continue;
		to += sprintf(to, "%s %d\n", lines[i], n);
		n = 0;
	}
	check_export(p, NULL, want);
	for (int i = 0; i < N; i++)
		free(lines[i]);
	free(want);
	egret_profile__destroy(p);
}

static void random_against_sort(void)
{
	for (seed = 1; seed < 20; seed++) {
		uint64_t this_round = seed;

		random_round();
		seed = this_round;
	}
}

static void write_errors(void)
{
	struct egret_profile *p = two_event_profile();
	struct egret_error err;
	int fd = open("/dev/full", O_WRONLY), ends[2];

	ADD(p, thread(p, "sh", "sh", 1, 1), 0, 1, named(p, 0, "f"));
	CHECK_EQ(egret_profile__export(p, "folded", fd, NULL, &err), -ENOSPC);
	CHECK_STR(err.text, "cannot write the folded export: No space left on device");
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(ends), 0);
	close(ends[0]);
	CHECK_EQ(egret_profile__export(p, "folded", ends[1], NULL, &err), -EPIPE);
	close(ends[1]);
	egret_profile__destroy(p);
}

static void empty_profile(void)
{
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	check_export(p, NULL, "");
	egret_profile__destroy(p);
}

static void formats_are_listed(void)
{
	size_t n = 0;

	CHECK_STR(egret_format_name(0), "folded");
	CHECK(strstr(egret_format_text(0), "FlameGraph"));
	while (egret_format_name(n)) {
		CHECK(egret_exporter_find(egret_format_name(n)) == egret_exporters[n]);
		n++;
	}
	CHECK(egret_format_text(n) == NULL && egret_exporters[n] == NULL);
	CHECK(egret_exporter_find("none such") == NULL);
}

int main(void)
{
	RUN(lines_and_suffixes);
	RUN(names_are_made_safe);
	RUN(same_text_is_one_line);
	RUN(options);
	RUN(by_label);
	RUN(option_sizes);
	RUN(bytewise_order);
	RUN(random_against_sort);
	RUN(write_errors);
	RUN(empty_profile);
	RUN(formats_are_listed);
	return DONE();
}
