/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* page.c - a recording written in another format. */
#include "page.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "busy.h"
#include "input.h"
#include "message.h"
#include "output.h"

const struct opt page_options[] = {
	{ "title", 0, OPT_STRING, offsetof(struct page_opts, title), "TEXT",
	  "Title of the page (the command recorded)", NULL },
	{ "by-thread", 0, OPT_FLAG, offsetof(struct page_opts, by_thread), NULL,
	  "Keep threads apart: COMM-PID/TID is the first frame", NULL },
	{ "by-label", 0, OPT_STRING, offsetof(struct page_opts, by_label), "KEY",
	  "Keep what this label tells apart: its value is the first frame", NULL },
	{ "no-kernel", 0, OPT_FLAG, offsetof(struct page_opts, no_kernel), NULL,
	  "Leave kernel frames out", NULL },
	{ 0 },
};

int page_write_profile(const struct egret_profile *profile, const char *format, const char *path,
		       const struct egret_export_opts *export_opts)
{
	bool is_stdout = !strcmp(path, "-");
	struct egret_error err = { "" };
	struct output output;
	int ret;

	busy_begin("writing", path);
	if (is_stdout)
		busy_end();
	if (output_open_whole(&output, path, egret_format_is_binary(format), &err)) {
		busy_end();
		return say_failure(&err);
	}
	ret = egret_profile__export(profile, format, output.fd, export_opts, &err);
	if (!ret)
		ret = output_commit(&output, NULL, false, &err);
	output_discard(&output);
	busy_end();
	if (ret == -EPIPE && is_stdout)
		return STATUS_SIGNAL + SIGPIPE;
	return ret ? say_failure(&err) : STATUS_OK;
}

int page_write(const char *input, const char *format, const char *output_path,
	       const struct page_opts *opts)
{
	struct egret_export_opts export_opts = {
		.size = sizeof(export_opts),
		.title = opts->title,
		.by_thread = opts->by_thread,
		.by_label = opts->by_label,
		.no_kernel = opts->no_kernel,
		.mark_recovered = opts->mark_recovered,
		.fields = opts->fields,
	};
	struct egret_profile *profile;
	size_t event = 0;
	int status;

	status = filter_open(input, &opts->filter, egret_format_needs_samples(format), &profile);
	if (status)
		return status;
	status = opts->event ? input_find_event(profile, opts->event, &event) : STATUS_OK;
	export_opts.event = (uint32_t)event;
	if (!status)
		status = page_write_profile(profile, format, output_path, &export_opts);
	egret_profile__destroy(profile);
	return status;
}
