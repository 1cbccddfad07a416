/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* replay.c - egret replay: all of user space again, on a recording made with --raw. */
#include <errno.h>
#include <string.h>

#include "accounting.h"
#include "busy.h"
#include "command.h"
#include "input.h"
#include "message.h"
#include "output.h"
#include "text.h"

struct replay_opts {
	const char *input;
	const char *output;
	const char *unwinder;
	uint32_t max_frames;
	uint32_t threads;
};

static const char *const unwinders[] = { "table", "libdw", "libunwind", NULL };

static const struct opt options[] = {
	{ "input", 'i', OPT_FILE, offsetof(struct replay_opts, input), "FILE",
	  "A recording made with --raw (egret.data); - is standard input", NULL },
	{ "output", 'o', OPT_FILE, offsetof(struct replay_opts, output), "FILE",
	  "The new recording (egret.replay.data); - is standard output", NULL },
	{ "unwinder", 0, OPT_CHOICE, offsetof(struct replay_opts, unwinder), "NAME",
	  "What makes frames of stacks: table, libdw or libunwind (table)", unwinders },
	{ "max-frames", 0, OPT_U32, offsetof(struct replay_opts, max_frames), "N",
	  "Frames of a stack at most (2048)", NULL },
	{ "threads", 0, OPT_COUNT, offsetof(struct replay_opts, threads), "N",
	  "Unwind on so many threads besides egret's own, at most 64 (0)", NULL },
	{ 0 },
};

static const struct opt_group groups[] = { { "Options", options, 0 }, { 0 } };

/* Reads back what was written: the summary says what a reader will find. */
static int say_summary(const char *path)
{
	struct accounting accounting = { 0 };
	struct accounting_summary sum;
	struct egret_profile *profile = input_open(path, false);

	if (!profile)
		return STATUS_FAILED;
	if (!egret_profile__each_stat(profile, accounting_add, &accounting)) {
		sum = accounting_summary(&accounting);
		say("%s samples, %s of %s user stacks complete %s %s", text_count(sum.samples).text,
		    text_count(sum.complete).text, text_count(sum.user_stacks).text, text_arrow(),
		    path);
	}
	accounting_deinit(&accounting);
	egret_profile__destroy(profile);
	return STATUS_OK;
}

static int run(void *opts, int argc, char **argv)
{
	const struct replay_opts *o = opts;
	struct egret_replay_opts replay_opts = {
		.size = sizeof(replay_opts),
		.unwinder = o->unwinder,
		.max_frames = o->max_frames,
		.threads = o->threads,
	};
	struct egret_error err = { "" };
	struct output output;
	int ret;

	if (argc)
		return command_no_operands(&command_replay, argv);
	if (output_open_whole(&output, o->output, true, &err))
		return say_failure(&err);
	busy_begin("replaying", o->input);
	ret = egret_replay(o->input, output.fd, &replay_opts, &err);
	if (!ret)
		ret = output_commit(&output, NULL, true, &err);
	output_discard(&output);
	busy_end();
	if (ret)
		return say_failure(&err);
	return strcmp(o->output, "-") ? say_summary(o->output) : STATUS_OK;
}

static const struct replay_opts defaults = {
	.input = INPUT_DEFAULT,
	.output = "egret.replay.data",
};

const struct command command_replay = {
	.name = "replay",
	.summary = "run all of user space again on a recording made with --raw",
	.usage = "[-i FILE] [-o FILE] [--unwinder=NAME]",
	.about = "Takes the samples and stacks that 'egret record --raw' has kept, and maps, "
		 "unwinds, names\n"
		 "and counts them again, into a new recording. Needs no privileges.",
	.examples = "  egret record --raw -- git log -p\n"
		    "  egret replay --unwinder=libunwind -o other.data\n"
		    "  egret report -i other.data\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
