/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* labels_test.c - labels stay with their threads, filters see them, and rules change them. */
#include "profile/profile.h"
#include "test.h"

#include <errno.h>
#include <unistd.h>

static struct egret_profile *profile;

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

/* A thread with samples, labelled "service.name" unless that is NULL. */
static void add(const char *comm, int tid, const char *service, uint64_t samples)
{
	struct egret_profile_label labels[] = { { string("z"), string("1") },
						{ string("service.name"),
						  string(service ? service : "") } };
	struct egret_profile_thread t = {
		.pid = tid, .tid = tid, .process = string(comm), .comm = string(comm)
	};
	struct egret_profile_key key = { .thread = egret_profile_thread(profile, &t, NULL) };
	struct egret_profile_values values = { .samples = samples, .value = samples };

	CHECK_EQ(egret_profile_add_sample(profile, &key, &values, 10, 0), 0);
	if (service)
		CHECK_EQ(egret_profile_set_thread_labels(
				 profile, key.thread, egret_profile_label_set(profile, labels, 2)),
			 0);
}

static void begin(void)
{
	const struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds" };

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	egret_profile_add_event(profile, &event);
	add("a", 1, "shop", 1);
	add("b", 2, "shop", 1);
	add("c", 3, "bank", 1);
	add("d", 4, NULL, 1);
}

static int print(const struct egret_stack *stack, void *arg)
{
	char *to = arg;

	sprintf(to + strlen(to), "%s", stack->thread->comm);
	for (size_t i = 0; i < stack->thread->n_labels; i++)
		sprintf(to + strlen(to), " %s=%s", stack->thread->labels[i].key,
			stack->thread->labels[i].value);
	strcat(to, "|");
	return 0;
}

static const char *text_of(const struct egret_profile *p)
{
	static char text[1000];

	text[0] = 0;
	CHECK_EQ(egret_profile__each_stack(p, print, text), 0);
	return text;
}

#define ALL "a service.name=shop z=1|b service.name=shop z=1|c service.name=bank z=1|d|"

static void stay(void)
{
	struct egret_profile *other;
	char path[] = "/tmp/egret-labels-XXXXXX";
	int fd = mkstemp(path);

	begin();
	CHECK_EQ(egret_profile_n_label_sets(profile), 3); /* the empty one, shop, bank */
	CHECK_STR(text_of(profile), ALL);
	CHECK_EQ(egret_profile_copy(profile, &other), 0);
	CHECK_STR(text_of(other), ALL);
	egret_profile__destroy(other);
	CHECK_EQ(egret_profile__merge((const struct egret_profile *const *)&profile, 1, &other,
				      NULL),
		 0);
	CHECK_STR(text_of(other), ALL);
	egret_profile__destroy(other);
	CHECK_EQ(egret_profile__save(profile, fd, NULL), 0);
	CHECK_EQ(egret_profile__open(path, &other, NULL), 0);
	CHECK_STR(text_of(other), ALL);
	egret_profile__destroy(other);
	CHECK_EQ(egret_profile_take(profile, &other), 0);
	CHECK_STR(text_of(other), ALL);
	egret_profile__destroy(other);
	egret_profile__destroy(profile);
	close(fd);
	unlink(path);
}

static const char *filtered(const char *a, const char *b)
{
	const char *labels[] = { a, b };
	struct egret_filter_opts opts = { .size = sizeof(opts),
					  .labels = labels,
					  .n_labels = b ? 2 : 1 };
	struct egret_profile *kept = NULL;
	static char text[1000];

	if (egret_profile__filter(profile, &opts, &kept, NULL))
		return "refused";
	strcpy(text, text_of(kept));
	egret_profile__destroy(kept);
	return text;
}

static void filters(void)
{
	begin();
	CHECK_STR(filtered("service.name=bank", NULL), "c service.name=bank z=1|");
	CHECK_STR(filtered("service.name=[bx]*", "z=1"), "c service.name=bank z=1|");
	CHECK_STR(filtered("service.name=bank", "z=2"), "");
	CHECK_STR(filtered("service.name!=shop", NULL), "c service.name=bank z=1|d|");
	CHECK_STR(filtered("service=bank", NULL), "");
	CHECK_STR(filtered("service.name", NULL), "refused");
	CHECK_STR(filtered("!=x", NULL), "refused");
	egret_profile__destroy(profile);
}

/* Renames shop, takes all of bank's labels away, leaves out what has none. */
static int rule(const struct egret_thread *thread, const struct egret_label **labels, size_t *n,
		void *arg)
{
	static struct egret_label one;

	++*(int *)arg;
	if (!*n)
		return 1;
	if (!strcmp((*labels)[0].value, "bank")) {
		*n = 0;
		return 0;
	}
	one = (struct egret_label){ "team", thread->comm };
	*labels = &one;
	*n = 1;
	return 0;
}

static int twice(const struct egret_thread *thread, const struct egret_label **labels, size_t *n,
		 void *arg)
{
	static const struct egret_label two[] = { { "k", "1" }, { "k", "2" } };

	*labels = two;
	*n = 2;
	return 0;
}

static int find_left_out(const struct egret_stat *stat, void *arg)
{
	if (!strcmp(stat->name, "relabel.left-out"))
		*(uint64_t *)arg = stat->value;
	return 0;
}

static void rules(void)
{
	struct egret_profile *other, *again;
	struct egret_error err;
	uint64_t left_out = 0;
	int calls = 0;

	begin();
	CHECK_EQ(egret_profile__relabel(profile, rule, &calls, &other, &err), 0);
	CHECK_EQ(calls, 4);
	CHECK_STR(text_of(other), "a team=a|b team=b|c|");
	CHECK_STR(text_of(profile), ALL);
	egret_profile__each_stat(other, find_left_out, &left_out);
	CHECK_EQ(left_out, 1);
	for (size_t i = 0; i < egret_profile_n_strings(other); i++) {
		CHECK(strcmp(egret_profile_get_string(other, (uint32_t)i), "d") != 0);
		CHECK(strcmp(egret_profile_get_string(other, (uint32_t)i), "bank") != 0);
	}
	/* c has no labels any more */
	CHECK_EQ(egret_profile__relabel(other, rule, &calls, &again, &err), 0);
	egret_profile__each_stat(again, find_left_out, &left_out);
	CHECK_EQ(left_out, 2);
	egret_profile__destroy(again);
	CHECK_EQ(egret_profile__relabel(profile, twice, NULL, &again, &err), -EINVAL);
	CHECK_STR(err.text, "the label 'k' is there twice");
	egret_profile__destroy(other);
	egret_profile__destroy(profile);
}

int main(void)
{
	RUN(stay);
	RUN(filters);
	RUN(rules);
	return DONE();
}
