/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browse_test.c - the browser without a terminal: what is listed, expanded, zoomed into, found. */
#include "cmd/browse.h"

#include <errno.h>

#include "profile/profile.h"
#include "test.h"

static struct egret_profile *profile;
static struct browse b;

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t frame(const char *path, const char *name)
{
	struct egret_profile_module m = { .path = string(path) };
	struct egret_profile_frame f = { .module = egret_profile_module(profile, &m, NULL),
					 .offset = string(name) };
	struct egret_profile_line line = { .name = string(name), .file = string("a.c"), .line = 1 };
	uint32_t added = egret_profile_frame(profile, &f, NULL);

	egret_profile_set_lines(profile, added, &line, 1);
	return added;
}

/* A stack, root first: "main f g". Functions of one letter are in lib.so, others in prog. */
static void add(const char *process, int pid, const char *stack, uint64_t n)
{
	struct egret_profile_thread t = {
		.pid = pid, .tid = pid + 1, .process = string(process), .comm = string(process)
	};
	struct egret_profile_key key = { .thread = egret_profile_thread(profile, &t, NULL) };
	struct egret_profile_values values = { .samples = n, .value = n * 10 };
	char text[200], *rest = text, *name;

	snprintf(text, sizeof(text), "%s", stack);
	while ((name = strsep(&rest, " ")))
		key.stack = egret_profile_stack(profile, key.stack,
						frame(name[1] ? "/bin/prog" : "/lib/lib.so", name),
						NULL);
	CHECK_EQ(egret_profile_add(profile, &key, &values), 0);
}

static void begin(void)
{
	const struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds" };

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_add_event(profile, &event);
	add("one", 1, "main f g", 40);
	add("one", 1, "main f", 10);
	add("one", 1, "main h g", 20);
	add("two", 7, "main f f g", 25); /* f calls itself */
	add("two", 7, "main", 5);
	CHECK_EQ(browse_init(&b, profile, 0, NULL), 0);
}

static void end(void)
{
	browse_deinit(&b);
	egret_profile__destroy(profile);
}

/* "name total self|" of each item, indented by its level. */
static void shows(const char *want)
{
	char text[4000];
	size_t len = 0;

	for (size_t i = 0; i < b.n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%*s%s %llu %llu|",
					(int)b.items[i].level, "", browse_name(&b, &b.items[i]),
					(unsigned long long)b.items[i].total / 10,
					(unsigned long long)b.items[i].self / 10);
	CHECK_STR(text, want);
}

static void select_name(const char *name)
{
	for (size_t i = 0; i < b.n; i++) {
		if (strcmp(browse_name(&b, &b.items[i]), name))
			continue;
		b.at = i;
		return;
	}
	CHECK_STR(name, "in the list");
}

static void functions_are_ordered(void)
{
	begin();
	shows("g 85 85|f 75 10|main 100 5|h 20 0|");
	CHECK_EQ(browse_set_order(&b, BROWSE_BY_TOTAL), 0);
	shows("main 100 5|g 85 85|f 75 10|h 20 0|");
	CHECK_EQ(browse_set_order(&b, BROWSE_BY_NAME), 0);
	shows("f 75 10|g 85 85|h 20 0|main 100 5|");
	end();
}

/* The weights of callers, as those of callees, add up to what the function has. */
static void a_function_expands(void)
{
	begin();
	select_name("g");
	CHECK_EQ(browse_toggle(&b, true), 0);
	shows("g 85 85| callers 85 0|   f 65 0|   h 20 0|f 75 10|main 100 5|h 20 0|");
	select_name("f");
	CHECK_EQ(browse_toggle(&b, true), 0);
	shows("g 85 85| callers 85 0|   f 65 0|    main 40 0|    f 25 0|   h 20 0|"
	      "f 75 10|main 100 5|h 20 0|");
	CHECK(browse_to_parent(&b));
	CHECK_STR(browse_name(&b, browse_selected(&b)), "callers");
	CHECK_EQ(browse_toggle(&b, false), 0);
	shows("g 85 85| callers 85 0|f 75 10|main 100 5|h 20 0|");
	end();
}

static void recursion_counts_once(void)
{
	begin();
	select_name("f");
	CHECK_EQ(browse_toggle(&b, true), 0);
	shows("g 85 85|f 75 10| callers 75 0|  main 75 0|   one 50 0|   two 25 0|"
	      " callees 65 0|   g 40 40|   f 25 0|main 100 5|h 20 0|");
	end();
}

static void the_tree_is_by_process(void)
{
	begin();
	CHECK_EQ(browse_set_view(&b, VIEW_TREE), 0);
	shows("one 70 0|two 30 0|");
	select_name("one");
	CHECK_EQ(browse_toggle(&b, true), 0);
	shows("one 70 0|main 70 0| f 50 10| h 20 0|two 30 0|");
	end();
}

static void rows_are_of_the_view(void)
{
	begin();
	CHECK_EQ(browse_set_view(&b, VIEW_PROCESSES), 0);
	shows("one 70 70|two 30 30|");
	CHECK_EQ(browse_set_view(&b, VIEW_MODULES), 0);
	shows("/lib/lib.so 95 95|/bin/prog 100 5|");
	CHECK(!browse_has_view(&b, VIEW_CPUS));
	CHECK(!browse_has_view(&b, VIEW_KEYS));
	end();
}

static void zooms_add_up_and_go_back(void)
{
	struct egret_error err;

	begin();
	CHECK_EQ(browse_set_view(&b, VIEW_PROCESSES), 0);
	select_name("two");
	CHECK_EQ(browse_zoom_selected(&b, &err), 0);
	CHECK_EQ(b.view, VIEW_FUNCTIONS);
	CHECK_STR(b.zooms[0].text, "process 7 two");
	shows("g 25 25|main 30 5|f 25 0|");
	select_name("g");
	CHECK_EQ(browse_zoom_module(&b, &err), 0);
	CHECK_STR(b.zooms[1].text, "module lib.so");
	shows("g 25 25|f 25 0|main 25 0|");
	CHECK_EQ(browse_zoom_out(&b, &err), 0);
	CHECK_EQ(browse_zoom_out(&b, &err), 0);
	CHECK_EQ(browse_zoom_out(&b, &err), -ENOENT);
	shows("g 85 85|f 75 10|main 100 5|h 20 0|");
	select_name("h");
	CHECK_EQ(browse_zoom_selected(&b, &err), 0);
	shows("g 20 20|h 20 0|main 20 0|");
	CHECK_EQ(browse_zoom_out(&b, &err), 0);
	CHECK_EQ(browse_zoom_regex(&b, "^[gh]$", true, &err), 0);
	shows("f 10 10|main 15 5|");
	CHECK_EQ(browse_zoom_regex(&b, "(", false, &err), -EINVAL);
	CHECK_EQ(b.n_zooms, 1);
	end();
}

/* A name is no pattern, whatever characters it has. */
static void names_are_taken_as_they_are(void)
{
	struct egret_error err;

	begin();
	add("one", 1, "main a::operator()(int*)[.$^|+?{2}\\", 3);
	add("[*]", 9, "main", 4);
	CHECK_EQ(browse_replace(&b, profile, 0), 0);
	select_name("a::operator()(int*)[.$^|+?{2}\\");
	CHECK_EQ(browse_zoom_selected(&b, &err), 0);
	shows("a::operator()(int*)[.$^|+?{2}\\ 3 3|main 3 0|");
	CHECK_EQ(browse_zoom_out(&b, &err), 0);
	CHECK_EQ(browse_set_view(&b, VIEW_TREE), 0);
	select_name("[*]");
	CHECK_EQ(browse_zoom_selected(&b, &err), 0);
	shows("[*] 4 0|main 4 4|");
	end();
}

static void searches_around(void)
{
	begin();
	CHECK(!browse_find(&b, false, false));
	CHECK_EQ(browse_set_search(&b, "MAI"), 0);
	CHECK(browse_find(&b, false, false));
	CHECK_STR(browse_name(&b, browse_selected(&b)), "main");
	CHECK_EQ(browse_set_search(&b, "g"), 0);
	CHECK(browse_find(&b, true, false));
	CHECK_EQ(b.at, 0);
	CHECK_EQ(browse_set_search(&b, "h"), 0);
	CHECK(browse_find(&b, true, true));
	CHECK_EQ(b.at, 3);
	CHECK_EQ(browse_set_search(&b, "nothing"), 0);
	CHECK(!browse_find(&b, true, false));
	CHECK_EQ(b.at, 3);
	end();
}

/* What egret top does each second. */
static void a_new_profile_keeps_the_state(void)
{
	struct egret_error err;

	begin();
	select_name("h");
	CHECK_EQ(browse_toggle(&b, true), 0);
	add("three", 9, "main x", 200);
	CHECK_EQ(browse_replace(&b, profile, 0), 0);
	CHECK_STR(browse_name(&b, browse_selected(&b)), "h");
	CHECK(browse_selected(&b)->expanded);
	CHECK_STR(browse_name(&b, &b.items[0]), "x");
	CHECK_EQ(browse_zoom_selected(&b, &err), 0);
	CHECK_EQ(browse_replace(&b, profile, 0), 0);
	CHECK_EQ(b.aggregate.samples, 20);
	end();
}

static void moves_stay_inside(void)
{
	begin();
	browse_move(&b, -5);
	CHECK_EQ(b.at, 0);
	browse_move(&b, 1000000000);
	CHECK_EQ(b.at, 3);
	browse_move(&b, -1);
	CHECK_EQ(b.at, 2);
	end();
}

int main(void)
{
	RUN(functions_are_ordered);
	RUN(a_function_expands);
	RUN(recursion_counts_once);
	RUN(the_tree_is_by_process);
	RUN(rows_are_of_the_view);
	RUN(zooms_add_up_and_go_back);
	RUN(names_are_taken_as_they_are);
	RUN(searches_around);
	RUN(a_new_profile_keeps_the_state);
	RUN(moves_stay_inside);
	return DONE();
}
