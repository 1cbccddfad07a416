/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * fleet_put URL DATABASE HOST FROM-SECONDS RECORDING|hostile [USER PASSWORD]: puts windows of 10 s
 * into a fleet's database, each with the whole recording, as egret agent does; "hostile" is a
 * profile whose names are meant to break statements and formats. WINDOWS in the environment is how
 * many (10), TRIES how often each is tried (1); what fails is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <egret/egret.h>

#include "fleet/clickhouse.h"

static struct egret_profile *hostile(void)
{
	static char long_name[60000];
	struct egret_frame frames[] = {
		{ .name = "it's \"quoted\" \\ and \\' ; DROP TABLE egret.samples --" },
		{ .name = "line\nbreak\ttab\x1b[31m" },
		{ .name = "\xff\xfe not UTF-8 \xc3" },
		{ .name = long_name },
		{ .name = "${where} $samples %s %n" },
	};
	const struct egret_frame *list[5];
	const struct egret_event event = { .name = "ev'ent\\", .unit = "count", .period = 1 };
	const struct egret_thread thread = { .process = "pro'cess\\",
					     .comm = "th\n'read",
					     .cgroup = "/a'b\\c" };
	const struct egret_stack stack = {
		.thread = &thread, .frames = list, .n_frames = 5, .samples = 7, .value = 7
	};
	struct egret_builder *builder;
	struct egret_profile *profile = NULL;

	memcpy(long_name, "std::map<", 9);
	memset(long_name + 9, 'x', sizeof(long_name) - 10);
	for (size_t i = 0; i < 5; i++) {
		frames[i].module = "/lib/it's \\ here.so";
		list[i] = &frames[i];
	}
	if (egret_builder__create(&builder, NULL) ||
	    egret_builder__add_event(builder, &event, NULL) ||
	    egret_builder__add_stack(builder, &stack, NULL) ||
	    egret_builder__finish(builder, &profile))
		exit(2);
	return profile;
}

int main(int argc, char **argv)
{
	const struct clickhouse_opts opts = {
		.url = argv[1],
		.database = argv[2],
		.user = argc > 7 ? argv[6] : NULL,
		.password = argc > 7 ? argv[7] : NULL,
		.timeout_ms = 20000,
	};
	int windows = getenv("WINDOWS") ? atoi(getenv("WINDOWS")) : 10;
	int tries = getenv("TRIES") ? atoi(getenv("TRIES")) : 1;
	struct egret_profile *profile = NULL;
	struct egret_error err = { "" };
	struct clickhouse *ch;
	int status = 0;

	if (argc < 6)
		return 2;
	if (!strcmp(argv[5], "hostile"))
		profile = hostile();
	else if (egret_profile__open(argv[5], &profile, &err))
		return puts(err.text), 2;
	if (clickhouse_open(&opts, &ch, &err))
		return puts(err.text), 1;
	for (int i = 0; i < windows; i++) {
		uint64_t from = (strtoull(argv[4], NULL, 10) + 10 * (uint64_t)i) * 1000000000ull;
		int ret = -1;

		for (int n = 0; n < tries && ret; n++) {
			ret = clickhouse_put(ch, profile, argv[3], from, from + 10000000000ull,
					     &err);
			if (ret)
				puts(err.text);
		}
		status |= ret != 0;
	}
	clickhouse_close(ch);
	egret_profile__destroy(profile);
	return status;
}
