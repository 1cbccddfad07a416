/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* aggregate_test.c - stacks as functions with self and total, and as a call tree in text. */
#include "cmd/aggregate.h"

#include <limits.h>

#include "cmd/call_tree.h"
#include "test.h"

static const struct egret_thread thread = { .process = "prog", .comm = "prog", .pid = 1, .tid = 1 };
static struct aggregate a;
static void *kept[16384]; /* frames and strings outlive the call: each is freed in end() */
static size_t n_kept;

static const char *keep(const char *name)
{
	kept[n_kept] = strdup(name);
	return kept[n_kept++];
}

/* Adds a stack written root first: "main;f;g". A name that begins with '[' is the mark of a cut. */
static void add(const char *stack, uint64_t samples, uint64_t value)
{
	char text[128], *rest = text, *name;
	struct egret_frame *frames = calloc(16, sizeof(*frames));
	const struct egret_frame *leaf_first[16];
	struct egret_stack s = { .thread = &thread, .frames = leaf_first };
	size_t n = 0;

	kept[n_kept++] = frames;
	snprintf(text, sizeof(text), "%s", stack);
	while ((name = strsep(&rest, ";")))
		frames[n++] = (struct egret_frame){
			.name = keep(name),
			.module = name[0] == '[' ? "" : "/bin/prog",
			.kind = name[0] == '[' ? EGRET_FRAME_CUT : EGRET_FRAME_USER,
		};
	for (size_t i = 0; i < n; i++)
		leaf_first[i] = &frames[n - 1 - i];
	s.n_frames = n;
	s.samples = samples;
	s.value = value;
	CHECK_EQ(aggregate_add(&a, &s), 0);
}

static void begin(void)
{
	memset(&a, 0, sizeof(a));
}

static void end(void)
{
	aggregate_deinit(&a);
	while (n_kept)
		free(kept[--n_kept]);
}

static const struct function *function(const char *name)
{
	CHECK_EQ(aggregate_finish(&a), 0);
	for (size_t i = 0; i < a.n_functions; i++)
		if (!a.functions[i].is_process && !strcmp(a.functions[i].name, name))
			return &a.functions[i];
	printf("no function %s\n", name);
	test_failures++;
	return &a.functions[0];
}

static void self_is_the_leaf_total_is_all_of_them(void)
{
	begin();
	add("main;f;g", 3, 300);
	add("main;f", 1, 50);
	add("main;g", 2, 7);
	CHECK_EQ(function("main")->self, 0);
	CHECK_EQ(function("main")->total, 357);
	CHECK_EQ(function("f")->self, 50);
	CHECK_EQ(function("f")->total, 350);
	CHECK_EQ(function("g")->self, 307);
	CHECK_EQ(function("g")->total, 307);
	CHECK_EQ(function("g")->samples, 5);
	CHECK_EQ(a.value, 357);
	CHECK_EQ(a.samples, 6);
	end();
}

static void recursion_counts_a_stack_once(void)
{
	begin();
	add("main;f;f;f", 1, 10);
	add("main;f;g;f;g", 1, 10);
	CHECK_EQ(function("f")->total, 20);
	CHECK_EQ(function("f")->self, 10);
	CHECK_EQ(function("g")->total, 10);
	end();
}

static void stacks_without_a_value_count_as_their_samples(void)
{
	begin();
	add("main", 4, 0);
	CHECK_EQ(function("main")->self, 4);
	end();
}

static void functions_are_sorted(void)
{
	const struct function **sorted;
	size_t n;

	begin();
	add("[cut: stack-limit];f;small", 1, 1);
	add("main;big", 1, 90);
	add("main;mid;inner", 1, 9);
	CHECK_EQ(aggregate_finish(&a), 0);
	sorted = aggregate_sorted(&a, ORDER_SELF, &n);
	CHECK_EQ(n, 6); /* neither the process nor the mark of the cut */
	CHECK_STR(sorted[0]->name, "big");
	CHECK_STR(sorted[1]->name, "inner");
	CHECK_STR(sorted[2]->name, "small");
	CHECK_STR(sorted[3]->name, "main");
	free(sorted);
	sorted = aggregate_sorted(&a, ORDER_TOTAL, &n);
	CHECK_STR(sorted[0]->name, "main");
	CHECK_STR(sorted[1]->name, "big");
	CHECK_STR(sorted[2]->name, "inner");
	CHECK_STR(sorted[3]->name, "mid");
	free(sorted);
	end();
}

static void many_functions_stay_apart(void)
{
	char stack[64];

	begin();
	for (int i = 0; i < 3000; i++) {
		snprintf(stack, sizeof(stack), "main;f%d", i);
		add(stack, 1, (uint64_t)i + 1);
	}
	CHECK_EQ(function("f0")->self, 1);
	CHECK_EQ(function("f1234")->self, 1235);
	CHECK_EQ(function("f2999")->self, 3000);
	CHECK_EQ(function("main")->total, 3000 * 3001 / 2);
	for (size_t i = 0; i < a.n_functions; i++)
		CHECK(strcmp(a.functions[i].name, "f1234") || a.functions[i].total == 1235);
	end();
}

static void check_tree(double limit, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK_EQ(aggregate_finish(&a), 0);
	call_tree_print(&a, limit, INT_MAX, out);
	fclose(out);
	CHECK_STR(text, want);
	free(text);
}

static void tree_is_indented_where_calls_divide(void)
{
	begin();
	add("main;f;x;y", 1, 600);
	add("main;f;z", 1, 100);
	add("main;g;h", 1, 296);
	add("main;g;tiny", 1, 4);
	check_tree(0.5, "   Total      Self  Call tree (at least 0.5 %)\n"
			" 100.0 %     0.0 %  prog\n"
			" 100.0 %     0.0 %  main\n"
			"  70.0 %     0.0 %  |-f\n"
			"  60.0 %     0.0 %  | |-x\n"
			"  60.0 %    60.0 %  | | y\n"
			"  10.0 %    10.0 %  | `-z\n"
			"  30.0 %     0.0 %  `-g\n"
			"  29.6 %    29.6 %    h\n");
	check_tree(50, "   Total      Self  Call tree (at least 50.0 %)\n"
		       " 100.0 %     0.0 %  prog\n"
		       " 100.0 %     0.0 %  main\n"
		       "  70.0 %     0.0 %  f\n"
		       "  60.0 %     0.0 %  x\n"
		       "  60.0 %    60.0 %  y\n");
	end();
}

static void empty_tree(void)
{
	begin();
	check_tree(0.5, "   Total      Self  Call tree (at least 0.5 %)\n");
	end();
}

int main(void)
{
	RUN(self_is_the_leaf_total_is_all_of_them);
	RUN(recursion_counts_a_stack_once);
	RUN(stacks_without_a_value_count_as_their_samples);
	RUN(functions_are_sorted);
	RUN(many_functions_stay_apart);
	RUN(tree_is_indented_where_calls_divide);
	RUN(empty_tree);
	return DONE();
}
