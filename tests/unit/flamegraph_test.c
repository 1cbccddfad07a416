/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The data of the flame graph page, and how the page is put together. */
#include "test.h"

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

/* The data as text; the caller frees it. Ends the profile. */
static char *json_of(const struct egret_export_opts *opts)
{
	struct egret_buffer json = { 0 };

	CHECK_EQ(egret_page_json(profile, opts, &json), 0);
	egret_buffer_add(&json, "", 1);
	egret_profile__destroy(profile);
	return (char *)json.data;
}

static void addresses_of_a_function_are_one_frame(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	uint32_t main_frame;
	char *json;

	begin();
	main_frame = frame(EGRET_MODULE_FILE, "main", 1, 5);
	add(stack_of(stack_of(0, main_frame), frame(EGRET_MODULE_FILE, "f", 10, 30)), 0, 2);
	add(stack_of(stack_of(0, main_frame), frame(EGRET_MODULE_FILE, "f", 20, 12)), 0, 3);
	json = json_of(&opts);
	CHECK(strstr(json, "\"frames\":{\"name\":[1,4]"));
	CHECK(strstr(json, "\"line_min\":[5,12],\"line_max\":[5,30]"));
	CHECK(strstr(json, "\"nodes\":{\"parent\":[0,1,1],\"frame\":[4294967295,0,1]}"));
	CHECK(strstr(json, "\"samples\":[5],\"value\":[50]"));
	free(json);
}

static void only_the_event_asked_for(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .event = 1 };
	char *json;

	begin();
	add(stack_of(0, frame(EGRET_MODULE_FILE, "cycling", 1, 1)), 0, 2);
	add(stack_of(0, frame(EGRET_MODULE_FILE, "faulting", 2, 1)), 1, 3);
	json = json_of(&opts);
	CHECK(strstr(json, "\"faults\"") != NULL);
	CHECK(strstr(json, "faulting") != NULL);
	CHECK(strstr(json, "cycling") == NULL);
	CHECK(strstr(json, "\"samples\":[3]") != NULL);
	free(json);
}

static void kernel_frames_can_be_left_out(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .no_kernel = true };
	uint32_t user;
	char *json;

	begin();
	user = stack_of(0, frame(EGRET_MODULE_FILE, "user", 1, 1));
	add(user, 0, 2);
	add(stack_of(user, frame(EGRET_MODULE_KERNEL, "in_kernel", 2, 1)), 0, 3);
	json = json_of(&opts);
	CHECK(strstr(json, "in_kernel") == NULL);
	CHECK(strstr(json, "\"samples\":[5]") != NULL);
	free(json);
}

static void text_is_escaped(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .title = "a\"b\\c\n\x1f" };
	char *json;

	begin();
	json = json_of(&opts);
	CHECK(strstr(json, "\"title\":\"a\\u0022b\\u005cc\\u000a\\u001f\"") != NULL);
	free(json);
}

/* The page of a profile, as written to a file. The caller frees it. */
static char *page_of(const struct egret_export_opts *opts, size_t *len)
{
	FILE *file = tmpfile();
	char *page;

	CHECK_EQ(egret_profile__export(profile, "flamegraph", fileno(file), opts, NULL), 0);
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
	CHECK_EQ(occurrences(page, "hostile"), 0);
	CHECK_EQ(occurrences(page, "alert"), 0);
	CHECK_EQ(occurrences(page, "default-src 'none'"), 1);
	CHECK_EQ(occurrences(page, "flame-chart-js v3.3.0"), 1);
	CHECK(len < 250000);
	free(page);
}

int main(void)
{
	RUN(addresses_of_a_function_are_one_frame);
	RUN(only_the_event_asked_for);
	RUN(kernel_frames_can_be_left_out);
	RUN(text_is_escaped);
	RUN(the_page_is_whole_and_names_stay_out_of_its_markup);
	return DONE();
}
