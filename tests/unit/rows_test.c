/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What --sort means, and self and total by other keys than functions. */
#include "cmd/rows.h"

#include <errno.h>

#include "profile/profile.h"
#include "test.h"

static struct egret_profile *profile;

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t frame(const char *path, const char *name, const char *file, uint32_t number)
{
	struct egret_profile_module m = { .path = string(path) };
	struct egret_profile_frame f = { .module = egret_profile_module(profile, &m, NULL),
					 .offset = egret_profile_n_frames(profile) };
	struct egret_profile_line line = { .name = string(name),
					   .file = string(file),
					   .line = number };
	uint32_t added = egret_profile_frame(profile, &f, NULL);

	egret_profile_set_lines(profile, added, &line, 1);
	return added;
}

static void sample(const char *comm, int tid, const uint32_t *frames, size_t n, uint32_t cpu)
{
	struct egret_profile_thread t = {
		.pid = 1, .tid = tid, .process = string("p"), .comm = string(comm)
	};
	struct egret_profile_key key = { .thread = egret_profile_thread(profile, &t, NULL) };
	struct egret_profile_values values = { .samples = 1, .value = 10 };

	for (size_t i = 0; i < n; i++)
		key.stack = egret_profile_stack(profile, key.stack, frames[i], NULL);
	CHECK_EQ(egret_profile_add_sample(profile, &key, &values, 1, cpu), 0);
}

/* main of a calls f of b, which calls itself, and g of a. */
static void make_profile(void)
{
	uint32_t main_, f, f2, g;

	CHECK_EQ(egret_profile_create(&profile), 0);
	egret_profile_keep_samples(profile);
	main_ = frame("a", "main", "a.c", 3);
	f = frame("b", "f", "b.c", 7);
	f2 = frame("b", "f", "b.c", 8);
	g = frame("a", "g", "a.c", 9);
	sample("x", 1, (uint32_t[]){ main_, f, f2 }, 3, 0);
	sample("x", 1, (uint32_t[]){ main_, f, f2 }, 3, 1);
	sample("y", 2, (uint32_t[]){ main_, f, g }, 3, 1);
	sample("y", 2, NULL, 0, 1);
}

/* "key,key self/total/samples " of each row, in order. */
static void rows_are(const char *sort, const char *want)
{
	struct row_keys keys;
	struct rows rows;
	char text[1000] = "";
	const char *bad;
	size_t len;

	CHECK_EQ(row_keys_parse(&keys, sort, &bad, &len), 0);
	CHECK_EQ(rows_build(&rows, profile, 0, &keys), 0);
	for (size_t i = 0; i < rows.n; i++) {
		for (size_t k = 0; k < keys.n; k++)
			sprintf(text + strlen(text), "%s%s", k ? "," : "",
				row_text(&rows.rows[i], k));
		sprintf(text + strlen(text), " %" PRIu64 "/%" PRIu64 "/%" PRIu64 "\n",
			rows.rows[i].self, rows.rows[i].total, rows.rows[i].samples);
	}
	CHECK_STR(text, want);
	rows_deinit(&rows);
}

static void by_frames(void)
{
	make_profile();
	rows_are("self", "f,b 20/30/2\n[unknown],[unknown] 10/10/1\ng,a 10/10/1\nmain,a 0/30/0\n");
	rows_are("total", "f,b 20/30/2\nmain,a 0/30/0\n[unknown],[unknown] 10/10/1\ng,a 10/10/1\n");
	rows_are("dso", "b 20/30/2\na 10/30/1\n[unknown] 10/10/1\n");
	rows_are("srcline",
		 "b.c:8 20/20/2\n??:0 10/10/1\na.c:9 10/10/1\na.c:3 0/30/0\nb.c:7 0/30/0\n");
	egret_profile__destroy(profile);
}

static void by_samples(void)
{
	make_profile();
	rows_are("comm", "x 20/20/2\ny 20/20/2\n");
	rows_are("cpu", "1 30/30/3\n0 10/10/1\n");
	rows_are("pid,tid", "1,1 20/20/2\n1,2 20/20/2\n");
	rows_are("comm,dso",
		 "x,b 20/20/2\ny,[unknown] 10/10/1\ny,a 10/10/1\nx,a 0/20/0\ny,b 0/10/0\n");
	egret_profile__destroy(profile);
}

static void by_labels(void)
{
	struct egret_profile_label label;
	uint32_t set;

	make_profile();
	label = (struct egret_profile_label){ string("team"), string("wine") };
	set = egret_profile_label_set(profile, &label, 1);
	CHECK_EQ(egret_profile_set_thread_labels(profile, 1, set), 0);
	rows_are("label:team", "- 20/20/2\nwine 20/20/2\n");
	rows_are("comm,label:team", "x,- 20/20/2\ny,wine 20/20/2\n");
	rows_are("label:tea", "- 40/40/4\n");
	rows_are("label:team,sym", "-,f 20/20/2\nwine,[unknown] 10/10/1\nwine,g 10/10/1\n"
				   "-,main 0/20/0\nwine,f 0/10/0\nwine,main 0/10/0\n");
	egret_profile__destroy(profile);
}

static void words(void)
{
	struct row_keys keys;
	const char *bad;
	size_t len;

	CHECK_EQ(row_keys_parse(&keys, "dso,dso,total", &bad, &len), 0);
	CHECK(keys.n == 1 && keys.key[0] == KEY_DSO && keys.by_total);
	CHECK(!row_keys_need_samples(&keys));
	CHECK_EQ(row_keys_parse(&keys, "comm,cpu", &bad, &len), 0);
	CHECK(row_keys_need_samples(&keys) && !keys.by_total);
	CHECK_EQ(row_keys_parse(&keys, "comm,symb,x", &bad, &len), -EINVAL);
	CHECK(len == 4 && !strncmp(bad, "symb", 4));
	CHECK_EQ(row_keys_parse(&keys, "", &bad, &len), -EINVAL);
	CHECK_EQ(row_keys_parse(&keys, "label", &bad, &len), -EINVAL);
	CHECK_EQ(row_keys_parse(&keys, "label:", &bad, &len), -EINVAL);
	CHECK_EQ(row_keys_parse(&keys, "label:a,label:b", &bad, &len), -EINVAL);
	CHECK(len == 7 && !strncmp(bad, "label:b", 7));
}

int main(void)
{
	RUN(by_frames);
	RUN(by_samples);
	RUN(by_labels);
	RUN(words);
	return DONE();
}
