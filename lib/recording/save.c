/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A profile that is whole already, as a recording. */
#include <errno.h>

#include "base/error.h"
#include "profile/profile_tables.h"
#include "recording/recording.h"

static int write_samples(struct egret_writer *writer, const struct egret_profile *p,
			 struct egret_error *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < p->samples.n; i++) {
		const struct egret_profile_sample *s = &p->samples.items[i];
		const struct egret_profile_entry *entry = &p->entries.items[s->entry];
		struct egret_sample_row row = {
			.time = s->time,
			.value = s->value,
			.cpu = s->cpu,
			.thread = entry->key.thread,
			.stack = entry->key.stack,
			.event = entry->key.event,
			.capture_end = entry->key.capture_end,
			.unwind_end = entry->key.unwind_end,
			.bytes_wanted =
				(uint32_t)(entry->values.bytes_wanted / entry->values.samples),
			.bytes_got = (uint32_t)(entry->values.bytes_got / entry->values.samples),
		};

		ret = egret_writer_sample(writer, &row, err);
	}
	return ret;
}

int egret_profile__save(const struct egret_profile *profile, int fd, struct egret_error *err)
{
	struct egret_writer *writer;
	int ret;

	if (!profile->keeps_samples)
		return egret_fail(err, ENODATA, "a recording needs the samples one by one");
	ret = egret_writer_create(fd, profile, &writer, err);
	if (ret)
		return ret;
	ret = write_samples(writer, profile, err);
	if (!ret)
		ret = egret_writer_finish(writer, err);
	egret_writer_destroy(writer);
	return ret;
}
