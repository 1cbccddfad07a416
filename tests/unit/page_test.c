/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The data of the report page, and how the page is put together. */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "base/buffer.h"
#include "export/page_tables.h"
#include "profile/profile.h"

static struct egret_profile *profile;

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t frame(uint32_t kind, const char *name, uint64_t offset, uint32_t line)
{
	struct egret_profile_module m = { .path = string("module"), .kind = kind };
	struct egret_profile_frame f = { .offset = offset };
	struct egret_profile_line l = { .name = string(name), .file = string("a.c"), .line = line };
	uint32_t number;

	f.module = egret_profile_module(profile, &m, NULL);
	number = egret_profile_frame(profile, &f, NULL);
	egret_profile_set_lines(profile, number, &l, 1);
	return number;
}

static void add(uint32_t stack, uint32_t event, uint64_t samples)
{
	struct egret_profile_thread t = { .pid = 7, .tid = 8, .process = string("p") };
	struct egret_profile_key key = { .stack = stack, .event = event };
	struct egret_profile_values values = { .samples = samples, .value = samples * 10 };

	t.comm = string("c");
	key.thread = egret_profile_thread(profile, &t, NULL);
	egret_profile_add(profile, &key, &values);
}

static uint32_t stack_of(uint32_t parent, uint32_t f)
{
	return egret_profile_stack(profile, parent, f, NULL);
}

static void begin(void)
{
	struct egret_event first = { .name = "cycles" }, second = { .name = "faults" };

	egret_profile_create(&profile);
	egret_profile_add_event(profile, &first);
	egret_profile_add_event(profile, &second);
}

static void end(struct egret_page_tables *tables)
{
	egret_page_tables_deinit(tables);
	egret_profile__destroy(profile);
}

static const char *name_of(const struct egret_page_tables *t, uint32_t f)
{
	const struct egret_page_frame *item = egret_interned_item(&t->frames, f);

	return ((const char *const *)t->strings.items)[item->name];
}

static void addresses_of_a_function_are_one_frame(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_page_tables t = { 0 };
	const struct egret_page_frame *f;
	const struct egret_page_stack *s;
	const struct egret_page_node *n;
	uint32_t main_frame;

	begin();
	main_frame = frame(EGRET_MODULE_FILE, "main", 1, 5);
	add(stack_of(stack_of(0, main_frame), frame(EGRET_MODULE_FILE, "f", 10, 30)), 0, 2);
	add(stack_of(stack_of(0, main_frame), frame(EGRET_MODULE_FILE, "f", 20, 12)), 0, 3);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(t.frames.n, 2);
	CHECK_EQ(t.nodes.n, 3);
	CHECK_EQ(t.stacks.n, 1);
	CHECK(!strcmp(name_of(&t, 0), "main") && !strcmp(name_of(&t, 1), "f"));
	f = egret_interned_item(&t.frames, 1);
	CHECK(f->line_min == 12 && f->line_max == 30);
	n = egret_interned_item(&t.nodes, 2);
	CHECK(n->parent == 1 && n->frame == 1);
	s = egret_interned_item(&t.stacks, 0);
	CHECK(s->node == 2 && s->samples == 5 && s->value == 50);
	end(&t);
}

static void only_the_event_asked_for(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .event = 1 };
	struct egret_page_tables t = { 0 };
	const struct egret_page_stack *s;

	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "cycling", 1, 1)), 0, 2);
	add(stack_of(0, frame(EGRET_MODULE_FILE, "faulting", 2, 1)), 1, 3);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(t.frames.n, 1);
	CHECK(!strcmp(name_of(&t, 0), "faulting"));
	CHECK_EQ(t.stacks.n, 1);
	s = egret_interned_item(&t.stacks, 0);
	CHECK_EQ(s->samples, 3);
	CHECK_EQ(t.stack_of[0], EGRET_INDEX_NONE);
	CHECK_EQ(t.stack_of[1], 0);
	end(&t);
}

static void kernel_frames_can_be_left_out(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .no_kernel = true };
	struct egret_page_tables t = { 0 };
	const struct egret_page_stack *s;
	uint32_t user;

	begin();
	user = stack_of(0, frame(EGRET_MODULE_FILE, "user", 1, 1));
	add(user, 0, 2);
	add(stack_of(user, frame(EGRET_MODULE_KERNEL, "in_kernel", 2, 1)), 0, 3);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(t.frames.n, 1);
	CHECK_EQ(t.stacks.n, 1);
	s = egret_interned_item(&t.stacks, 0);
	CHECK_EQ(s->samples, 5);
	end(&t);
}

static void what_it_is_compared_with_is_counted_beside(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .base_event = 1 };
	struct egret_page_tables t = { 0 };
	struct egret_profile *base;
	const struct egret_page_stack *s;

	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "gone", 7, 1)), 1, 4);
	add(stack_of(0, frame(EGRET_MODULE_FILE, "both", 8, 1)), 1, 6);
	add(stack_of(0, frame(EGRET_MODULE_FILE, "other_event", 9, 1)), 0, 1);
	base = profile;
	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "both", 1, 1)), 0, 2);
	opts.base = base;
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(t.stacks.n, 2);
	s = egret_interned_item(&t.stacks, 0);
	CHECK(s->samples == 2 && s->base_samples == 6 && s->value == 20 && s->base_value == 60);
	s = egret_interned_item(&t.stacks, 1);
	CHECK(s->samples == 0 && s->base_samples == 4);
	CHECK_EQ(t.threads.n, 1);
	end(&t);
	egret_profile__destroy(base);
}

/* Of the only thread of the profile: zone=west and name="a"b". */
static void label(bool zone_first)
{
	struct egret_profile_label zone = { string("zone"), string("west") };
	struct egret_profile_label name = { string("name"), string("a\"b") };
	struct egret_profile_label set[] = { zone_first ? zone : name, zone_first ? name : zone };

	egret_profile_set_thread_labels(profile, 0, egret_profile_label_set(profile, set, 2));
}

static void labels_are_an_object_and_the_same_in_both_recordings(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_page_tables t = { 0 };
	const struct egret_page_thread *thread;
	struct egret_profile *base;

	begin();
	string("other numbers of strings");
	add(stack_of(0, frame(EGRET_MODULE_FILE, "f", 1, 1)), 0, 2);
	label(true);
	base = profile;
	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "f", 1, 1)), 0, 2);
	label(false);
	opts.base = base;
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(t.threads.n, 1);
	thread = egret_interned_item(&t.threads, 0);
	CHECK_STR(((const char *const *)t.strings.items)[thread->labels],
		  "{\"name\":\"a\\u0022b\",\"zone\":\"west\"}");
	egret_profile__destroy(base);
	end(&t);
}

static void text_is_escaped(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .title = "a\"b\\c\n\x1f" };
	struct egret_page_tables t = { 0 };
	struct egret_buffer data = { 0 };

	begin();
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(egret_page_data(&t, profile, &opts, &data), 0);
	egret_buffer_add(&data, "", 1);
	CHECK(strstr((char *)data.data + 4, "\"title\":\"a\\u0022b\\u005cc\\u000a\\u001f\"") !=
	      NULL);
	egret_buffer_deinit(&data);
	end(&t);
}

/* A JSON document, and behind it columns: the last one is base_value of the stacks. */
static void numbers_follow_the_text(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_page_tables t = { 0 };
	struct egret_buffer data = { 0 };
	struct egret_cursor c;
	uint32_t len;

	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "f", 1, 300)), 0, 1000);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(egret_page_data(&t, profile, &opts, &data), 0);
	memcpy(&len, data.data, sizeof(len));
	CHECK(len + 4 < data.len && data.data[4] == '{' && data.data[4 + len - 1] == '}');
	c = egret_cursor(data.data + 4 + len, data.len - 4 - len);
	for (int i = 0; i < 6; i++)
		egret_cursor_uleb(&c);
	CHECK_EQ(egret_cursor_uleb(&c), 300); /* line_min */
	for (int i = 0; i < 2 + 2 * 2 + 5 + 3; i++)
		egret_cursor_uleb(&c);
	CHECK_EQ(egret_cursor_uleb(&c), 1000); /* samples */
	CHECK_EQ(egret_cursor_uleb(&c), 10000);
	for (int i = 0; i < 4; i++)
		egret_cursor_uleb(&c);
	CHECK(!c.failed && c.p == c.end);
	egret_buffer_deinit(&data);
	end(&t);
}

static void sample(uint32_t stack, int tid, uint64_t time, uint64_t value)
{
	struct egret_profile_thread t = { .pid = 7, .tid = tid, .process = string("p") };
	struct egret_profile_key key = { .stack = stack };
	struct egret_profile_values values = { .samples = 1, .value = value };

	t.comm = string("c");
	key.thread = egret_profile_thread(profile, &t, NULL);
	egret_profile_add_sample(profile, &key, &values, time, 0);
}

/* What egret_page_samples writes for f and g in two threads; value is of the last one. */
static void samples_of(uint64_t value, struct egret_buffer *data)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_page_tables t = { 0 };
	uint32_t f, g;

	begin();
	egret_profile_keep_samples(profile);
	f = stack_of(0, frame(EGRET_MODULE_FILE, "f", 1, 1));
	g = stack_of(0, frame(EGRET_MODULE_FILE, "g", 2, 1));
	sample(f, 8, 5000000, 10);
	sample(f, 9, 5000999, 10);
	sample(g, 9, 7001000, 10);
	sample(g, 8, 9000000, 10);
	sample(f, 9, 9500000, value);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(egret_page_samples(&t, profile, &opts, data), 0);
	end(&t);
}

static void check_numbers(const struct egret_buffer *data, const uint64_t *want, size_t n)
{
	struct egret_cursor c = egret_cursor(data->data, data->len);

	for (size_t i = 0; i < n; i++)
		CHECK_EQ(egret_cursor_uleb(&c), want[i]);
	CHECK(!c.failed && c.p == c.end);
}

static void samples_are_told_thread_by_thread(void)
{
	static const uint64_t equal[] = { 1, 10, 2, 0, 4000, 0, 1, 3, 0, 2001, 2499, 0, 1, 0 };
	static const uint64_t differing[] = { 0, 2,    0,    4000, 0, 1, 10, 10, 3,
					      0, 2001, 2499, 0,	   1, 0, 10, 10, 11 };
	struct egret_buffer data = { 0 };

	samples_of(10, &data);
	check_numbers(&data, equal, sizeof(equal) / sizeof(equal[0]));
	egret_buffer_clear(&data);
	samples_of(11, &data);
	check_numbers(&data, differing, sizeof(differing) / sizeof(differing[0]));
	egret_buffer_deinit(&data);
}

/* The page of a profile, as written to a file. The caller frees it. */
static char *page_of(const struct egret_export_opts *opts, size_t *len)
{
	FILE *file = tmpfile();
	char *page;

	CHECK_EQ(egret_profile__export(profile, "html", fileno(file), opts, NULL), 0);
	*len = (size_t)lseek(fileno(file), 0, SEEK_END);
	page = calloc(1, *len + 1);
	CHECK_EQ(pread(fileno(file), page, *len, 0), (ssize_t)*len);
	fclose(file);
	egret_profile__destroy(profile);
	return page;
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void the_page_is_whole_and_names_stay_out_of_its_markup(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .title = "</script>hostile<b>" };
	size_t len;
	char *page;

	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "</script><script>alert(1)", 1, 1)), 0, 1);
	page = page_of(&opts, &len);
	CHECK_EQ(strlen(page), len);
	CHECK(!strncmp(page, "<!DOCTYPE html>", 15));
	CHECK(strstr(page, "</html>\n") == page + len - 8);
	CHECK_EQ(occurrences(page, "@@"), 0);
	CHECK_EQ(occurrences(page, "<script"), 3);
	CHECK_EQ(occurrences(page, "</script"), 3);
	CHECK_EQ(occurrences(page, "unsafe"), 0);
	CHECK_EQ(occurrences(page, "script-src 'sha256-"), 1);
	CHECK_EQ(occurrences(page, "hostile"), 0);
	CHECK_EQ(occurrences(page, "alert"), 0);
	CHECK_EQ(occurrences(page, "default-src 'none'"), 1);
	CHECK_EQ(occurrences(page, "flame-chart-js 3.3.0: Copyright"), 1);
	CHECK(len < 250000);
	free(page);
}

static void without_times_nothing_is_told(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_page_tables t = { 0 };
	struct egret_buffer data = { 0 };

	begin();
	egret_profile_keep_samples(profile);
	for (int tid = 8; tid < 10; tid++)
		sample(stack_of(0, frame(EGRET_MODULE_FILE, "f", 1, 1)), tid, (uint64_t)tid, 10);
	CHECK_EQ(egret_page_tables_fill(&t, profile, &opts), 0);
	CHECK_EQ(egret_page_samples(&t, profile, &opts, &data), 0);
	CHECK_EQ(data.len, 0);
	CHECK_EQ(t.stacks.n, 2);
	end(&t);
}

static void formats_of_one_recording_refuse_two(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_error err;

	begin();
	opts.base = profile;
	CHECK_EQ(egret_profile__export(profile, "folded", -1, &opts, &err), -EINVAL);
	CHECK(strstr(err.text, "folded shows one recording"));
	opts.base_event = 9;
	CHECK_EQ(egret_profile__export(profile, "html", -1, &opts, &err), -EINVAL);
	egret_profile__destroy(profile);
}

int main(void)
{
	RUN(addresses_of_a_function_are_one_frame);
	RUN(only_the_event_asked_for);
	RUN(kernel_frames_can_be_left_out);
	RUN(what_it_is_compared_with_is_counted_beside);
	RUN(labels_are_an_object_and_the_same_in_both_recordings);
	RUN(text_is_escaped);
	RUN(numbers_follow_the_text);
	RUN(samples_are_told_thread_by_thread);
	RUN(without_times_nothing_is_told);
	RUN(formats_of_one_recording_refuse_two);
	RUN(the_page_is_whole_and_names_stay_out_of_its_markup);
	return DONE();
}
