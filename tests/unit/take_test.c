/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* take_test.c - what was counted is taken out of a profile once, with what it refers to. */
#include "profile/profile.h"

#include "test.h"

static struct egret_profile *profile;

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t frame(const char *name, bool named)
{
	struct egret_profile_module m = { .path = string(name) };
	struct egret_profile_frame f = { .module = egret_profile_module(profile, &m, NULL),
					 .offset = 16 };
	struct egret_profile_line line = { .name = string(name), .file = string("a.c"), .line = 3 };
	uint32_t added = egret_profile_frame(profile, &f, NULL);

	if (named)
		egret_profile_set_lines(profile, added, &line, 1);
	else
		egret_profile_set_reason(profile, added, 4);
	return added;
}

static void add(uint32_t stack, const char *comm, uint64_t n)
{
	struct egret_profile_thread t = {
		.pid = 1, .tid = 2, .process = string("p"), .comm = string(comm)
	};
	struct egret_profile_key key = { .thread = egret_profile_thread(profile, &t, NULL),
					 .stack = stack };
	struct egret_profile_values values = { .samples = n, .value = n * 10 };

	CHECK_EQ(egret_profile_add(profile, &key, &values), 0);
}

/* "comm root;leaf samples|" */
static int print(const struct egret_stack *stack, void *arg)
{
	char *to = arg;

	sprintf(to + strlen(to), "%s", stack->thread->comm);
	for (size_t i = stack->n_frames; i--;)
		sprintf(to + strlen(to), ";%s", stack->frames[i]->name);
	sprintf(to + strlen(to), " %llu|", (unsigned long long)stack->samples);
	return 0;
}

static void takes(const char *want)
{
	struct egret_profile *taken;
	char text[500] = "";

	CHECK_EQ(egret_profile_take(profile, &taken), 0);
	CHECK_EQ(egret_profile__each_stack(taken, print, text), 0);
	CHECK_STR(text, want);
	egret_profile__destroy(taken);
}

static void only_what_is_new(void)
{
	const struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds" };
	uint32_t a, b, c;

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_add_event(profile, &event);
	a = egret_profile_stack(profile, 0, frame("a", true), NULL);
	b = egret_profile_stack(profile, a, frame("b", false), NULL);
	c = egret_profile_stack(profile, a, frame("c", true), NULL);
	add(b, "x", 3);
	add(a, "x", 1);
	takes("x;a;[b+0x10] 3|x;a 1|");
	takes("");
	add(c, "y", 2);
	add(b, "x", 5);
	add(0, "x", 1);
	takes("y;a;c 2|x;a;[b+0x10] 5|x 1|");
	egret_profile__destroy(profile);
}

static int print_sample(const struct egret_sample *sample, void *arg)
{
	char *to = arg;

	sprintf(to + strlen(to), "%s %llu %llu %u|", sample->stack->frames[0]->name,
		(unsigned long long)sample->time, (unsigned long long)sample->value, sample->cpu);
	return 0;
}

static void add_sample(uint32_t stack, uint64_t time, uint64_t value, uint32_t cpu)
{
	struct egret_profile_thread t = {
		.pid = 1, .tid = 2, .process = string("p"), .comm = string("x")
	};
	struct egret_profile_key key = { .thread = egret_profile_thread(profile, &t, NULL),
					 .stack = stack };
	struct egret_profile_values values = { .samples = 1, .value = value };

	CHECK_EQ(egret_profile_add_sample(profile, &key, &values, time, cpu), 0);
}

static void takes_samples(const char *want)
{
	struct egret_profile *taken;
	char text[500] = "";

	CHECK_EQ(egret_profile_take(profile, &taken), 0);
	CHECK(egret_profile__keeps_samples(taken));
	CHECK_EQ(egret_profile__each_sample(taken, print_sample, text), 0);
	CHECK_STR(text, want);
	egret_profile__destroy(taken);
}

static void samples_keep_their_times(void)
{
	const struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds" };
	uint32_t a, b;

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	egret_profile_add_event(profile, &event);
	a = egret_profile_stack(profile, 0, frame("a", true), NULL);
	b = egret_profile_stack(profile, a, frame("b", true), NULL);
	add_sample(b, 100, 7, 0);
	add_sample(a, 300, 8, 1);
	add_sample(b, 200, 9, 1);
	takes_samples("b 100 7 0|b 200 9 1|a 300 8 1|");
	takes_samples("");
	add_sample(a, 400, 1, 0);
	takes_samples("a 400 1 0|");
	egret_profile__destroy(profile);
}

static void what_is_not_used_is_left_out(void)
{
	struct egret_profile *taken;
	uint32_t a;

	CHECK_EQ(egret_profile_create(&profile), 0);
	a = egret_profile_stack(profile, 0, frame("a", true), NULL);
	egret_profile_stack(profile, a, frame("b", true), NULL);
	add(a, "x", 1);
	CHECK_EQ(egret_profile_take(profile, &taken), 0);
	CHECK_EQ(egret_profile_n_frames(taken), 1);
	CHECK_EQ(egret_profile_n_modules(taken), 1);
	CHECK_EQ(egret_profile_n_stacks(taken), 2);
	CHECK_EQ(egret_profile_n_frames(profile), 2);
	egret_profile__destroy(taken);
	egret_profile__destroy(profile);
}

int main(void)
{
	RUN(only_what_is_new);
	RUN(samples_keep_their_times);
	RUN(what_is_not_used_is_left_out);
	return DONE();
}
