/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* input.c - the recording that a command reads. */
#include "input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "busy.h"
#include "message.h"

#define DEFAULT_NAME "egret.data"

const char input_default[] = DEFAULT_NAME;

/* What may help where the default file is missing. */
static const char *missing_hint(const char *path)
{
	if (strcmp(path, INPUT_DEFAULT))
		return "";
	if (!access(DEFAULT_NAME ".part", F_OK))
		return "; a recording that was not finished is in 'egret.data.part' (-i)";
	return "; make one with 'egret record -- COMMAND', or name one with -i";
}

struct egret_profile *input_open(const char *path, bool with_samples)
{
	struct egret_open_opts opts = { .size = sizeof(opts), .keep_samples = with_samples };
	struct egret_profile *profile = NULL;
	struct egret_error err = { "" };
	int ret;

	busy_begin("reading", path);
	ret = egret_profile__open_with(path, &opts, &profile, &err);
	if (ret || egret_profile__truncated(profile))
		busy_end();
	if (ret) {
		say_error("%s%s", err.text, ret == -ENOENT ? missing_hint(path) : "");
		return NULL;
	}
	if (egret_profile__truncated(profile))
		say("'%s' ends in mid-air: its writer was killed, or the file was cut; it is read "
		    "up to there",
		    path);
	return profile;
}

int input_find_event(const struct egret_profile *profile, const char *name, size_t *index)
{
	size_t n = egret_profile__n_events(profile);
	char names[300] = "";

	for (*index = 0; *index < n; ++*index)
		if (!strcmp(egret_profile__event(profile, *index)->name, name))
			return STATUS_OK;
	for (size_t i = 0, len = 0; i < n && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					egret_profile__event(profile, i)->name);
	return say_error("no event '%s' in the recording; it has: %s", name, names);
}
