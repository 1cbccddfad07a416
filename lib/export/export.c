/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The table of formats, and the stream that an exporter writes to. */
#include "export/export.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/options.h"
#include "base/write.h"
#include "export/by_label.h"

const struct egret_exporter *const egret_exporters[] = {
	&egret_exporter_folded,
	&egret_exporter_html,
	&egret_exporter_flamegraph,
	&egret_exporter_svg,
	&egret_exporter_pprof,
	&egret_exporter_perf_script,
	&egret_exporter_perf_data,
	&egret_exporter_speedscope,
	&egret_exporter_callgrind,
	&egret_exporter_firefox,
	&egret_exporter_perfetto,
	&egret_exporter_otlp,
	NULL,
};

#define N_EXPORTERS (sizeof(egret_exporters) / sizeof(egret_exporters[0]) - 1)

const struct egret_exporter *egret_exporter_find(const char *name)
{
	for (size_t i = 0; i < N_EXPORTERS; i++)
		if (!strcmp(egret_exporters[i]->name, name))
			return egret_exporters[i];
	return NULL;
}

const char *egret_format_name(size_t n)
{
	return n < N_EXPORTERS ? egret_exporters[n]->name : NULL;
}

const char *egret_format_text(size_t n)
{
	return n < N_EXPORTERS ? egret_exporters[n]->text : NULL;
}

bool egret_format_is_binary(const char *name)
{
	const struct egret_exporter *exporter = egret_exporter_find(name);

	return exporter && exporter->is_binary;
}

bool egret_format_needs_samples(const char *name)
{
	const struct egret_exporter *exporter = egret_exporter_find(name);

	return exporter && (exporter->needs_samples || exporter->takes_samples);
}

/* Where the stream's bytes go. stdio loses what went wrong on the way: it is kept here. */
struct target {
	egret_write_fn write;
	void *arg;
	int stopped; /* what write returned */
};

static ssize_t write_target(void *cookie, const char *bytes, size_t len)
{
	struct target *target = cookie;

	if (!target->stopped && len)
		target->stopped = target->write(bytes, len, target->arg);
	return target->stopped ? 0 : (ssize_t)len;
}

static int run(const struct egret_exporter *exporter, const struct egret_profile *profile,
	       const struct egret_export_opts *opts, struct target *target, struct egret_error *err)
{
	FILE *out = fopencookie(target, "w", (cookie_io_functions_t){ .write = write_target });
	int ret, lost;

	if (!out)
		return egret_fail(err, ENOMEM, "no memory for a stream");
	setvbuf(out, NULL, _IOFBF, 1 << 16);
	ret = exporter->write(profile, opts, out, err);
	lost = ferror(out);
	lost |= fclose(out);
	if (target->stopped > 0) {
		egret_fail(err, ECANCELED, "the %s export was stopped by who asked for it",
			   exporter->name);
		return target->stopped;
	}
	if (target->stopped || lost) {
		ret = target->stopped ? target->stopped : -EIO;
		egret_fail(err, -ret, "cannot write the %s export: %s", exporter->name,
			   strerror(-ret));
	}
	return ret;
}

/* What is wrong with valid options for this profile and this format. */
static int check(const struct egret_exporter *exporter, const struct egret_profile *profile,
		 const struct egret_export_opts *opts, struct egret_error *err)
{
	size_t n_events = egret_profile__n_events(profile);

	if (opts->event && opts->event >= n_events)
		return egret_fail(err, EINVAL, "there is no event %u: the recording has %zu",
				  opts->event, n_events);
	if (opts->by_label && egret_by_label_check(profile, opts->by_label, err))
		return -EINVAL;
	if (opts->base && !exporter->takes_base)
		return egret_fail(err, EINVAL, "the format %s shows one recording, not two",
				  exporter->name);
	if (opts->base && opts->base_event &&
	    opts->base_event >= egret_profile__n_events(opts->base))
		return egret_fail(err, EINVAL, "there is no event %u in the first recording",
				  opts->base_event);
	if (exporter->needs_samples && !egret_profile__keeps_samples(profile))
		return egret_fail(err, ENODATA, "the format %s needs the samples one by one",
				  exporter->name);
	return 0;
}

int egret_profile__export_to(const struct egret_profile *profile, const char *format,
			     egret_write_fn fn, void *arg, const struct egret_export_opts *opts,
			     struct egret_error *err)
{
	const struct egret_exporter *exporter = egret_exporter_find(format);
	struct target target = { .write = fn, .arg = arg };
	struct egret_export_opts known;
	int ret = egret_options_take(&known, sizeof(known), opts, "export options", err);

	if (ret)
		return ret;
	if (!exporter)
		return egret_fail(err, EINVAL,
				  "there is no format \"%s\": egret help export lists them",
				  format);
	ret = check(exporter, profile, &known, err);
	return ret ? ret : run(exporter, profile, &known, &target, err);
}

static int write_to_fd(const void *bytes, size_t len, void *arg)
{
	return egret_write_all(*(const int *)arg, bytes, len);
}

int egret_profile__export(const struct egret_profile *profile, const char *format, int fd,
			  const struct egret_export_opts *opts, struct egret_error *err)
{
	return egret_profile__export_to(profile, format, write_to_fd, &fd, opts, err);
}
