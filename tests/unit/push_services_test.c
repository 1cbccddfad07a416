/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A window by the services in it: each sample in one of them. */
#include "store_fixture.h"

#include "agent/push_services.h"

static struct egret_profile *profile;

static uint32_t text(const char *string)
{
	return egret_profile_string(profile, string, strlen(string), NULL);
}

/* n samples of a process with labels, "key=value key=value". */
static void add(pid_t pid, const char *labels, int n)
{
	struct egret_profile_thread thread = { .pid = pid, .tid = pid };
	struct egret_profile_values one = { .samples = 1, .value = 10 };
	struct egret_profile_key key = { 0 };
	struct egret_profile_label list[8];
	char copy[200], *at = copy, *word;
	size_t n_labels = 0;

	snprintf(copy, sizeof(copy), "%s", labels);
	while ((word = strsep(&at, " ")))
		if (*word)
			list[n_labels++] = (struct egret_profile_label){ text(strsep(&word, "=")),
									 text(word) };
	/* Another start: a number that is used again is another process. */
	thread.start_time = (uint64_t)n * 1000 + n_labels;
	key.thread = egret_profile_thread(profile, &thread, NULL);
	CHECK_EQ(egret_profile_set_thread_labels(profile, key.thread,
						 egret_profile_label_set(profile, list, n_labels)),
		 0);
	for (int i = 0; i < n; i++)
		CHECK_EQ(egret_profile_add_sample(profile, &key, &one, (uint64_t)i, 0), 0);
}

static void begin(void)
{
	const struct egret_event event = { "cpu-clock", "nanoseconds", 19, 0 };

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	CHECK_EQ(egret_profile_add_event(profile, &event), 0);
}

/* Samples of the i-th service. */
static long long count(const struct push_services *s, size_t i)
{
	const struct egret_profile *part;
	long long n = -1;

	if (!push_services_select(s, i, profile, &part, NULL)) {
		n = samples_in(part);
		push_services_release(profile, part);
	}
	return n;
}

static void each_sample_is_in_one(void)
{
	struct push_services s;

	begin();
	add(1, "", 3);
	add(2, "service.name=web env=prod zone=a", 5);
	add(3, "service.name=db env=prod", 7);
	add(4, "service.name=web env=prod zone=b", 11);
	add(5, "systemd.unit=cron.service", 13);
	CHECK_EQ(push_services_init(&s, profile), 0);
	CHECK_EQ(s.n, 3);
	CHECK_STR(s.items[0].name, NULL);
	CHECK_STR(s.items[1].name, "db");
	CHECK_STR(s.items[2].name, "web");
	CHECK_EQ(count(&s, 0), 16);
	CHECK_EQ(count(&s, 1), 7);
	CHECK_EQ(count(&s, 2), 16);
	/* Labels are those that all of its processes have. */
	CHECK_EQ(s.items[0].n_labels, 0);
	CHECK_EQ(s.items[2].n_labels, 1);
	CHECK_STR(s.items[2].labels[0]->key, "env");
	CHECK_STR(s.items[2].labels[0]->value, "prod");
	push_services_deinit(&s);
	egret_profile__destroy(profile);
}

static void the_only_one_is_the_whole(void)
{
	const struct egret_profile *part;
	struct push_services s;

	begin();
	add(2, "service.name=web", 5);
	add(3, "service.name=web", 5);
	CHECK_EQ(push_services_init(&s, profile), 0);
	CHECK_EQ(s.n, 1);
	CHECK_EQ(push_services_select(&s, 0, profile, &part, NULL), 0);
	CHECK(part == profile);
	push_services_release(profile, part);
	push_services_deinit(&s);
	egret_profile__destroy(profile);
}

static void nothing_has_no_services(void)
{
	struct push_services s;

	begin();
	CHECK_EQ(push_services_init(&s, profile), 0);
	CHECK_EQ(s.n, 0);
	push_services_deinit(&s);
	egret_profile__destroy(profile);
}

/* A process number that was used twice within a window is counted once. */
static void a_number_used_again_is_in_one(void)
{
	struct push_services s;
	long long n = 0;

	begin();
	add(2, "service.name=web", 5);
	add(3, "", 2);
	add(2, "service.name=db", 6);
	CHECK_EQ(push_services_init(&s, profile), 0);
	for (size_t i = 0; i < s.n; i++)
		n += count(&s, i);
	CHECK_EQ(n, 13);
	push_services_deinit(&s);
	egret_profile__destroy(profile);
}

static void very_many_are_bounded(void)
{
	struct push_services s;
	long long n = 0;
	char labels[64];

	begin();
	for (int i = 1; i <= 300; i++) {
		snprintf(labels, sizeof(labels), "service.name=service-%03d", i);
		add(i, labels, 2);
	}
	CHECK_EQ(push_services_init(&s, profile), 0);
	CHECK_EQ(s.n, PUSH_SERVICES_MAX);
	CHECK_STR(s.items[0].name, NULL);
	for (size_t i = 0; i < s.n; i++)
		n += count(&s, i);
	CHECK_EQ(n, 600);
	push_services_deinit(&s);
	egret_profile__destroy(profile);
}

int main(void)
{
	RUN(each_sample_is_in_one);
	RUN(the_only_one_is_the_whole);
	RUN(nothing_has_no_services);
	RUN(a_number_used_again_is_in_one);
	RUN(very_many_are_bounded);
	return DONE();
}
