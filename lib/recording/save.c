/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A profile that is whole already, as a recording. */
#include <errno.h>

#include "base/error.h"
#include "profile/profile_tables.h"
#include "recording/recording.h"

static int write_samples(struct egret_writer *writer, const struct egret_profile *p,
			 struct egret_error *err)
{
	struct egret_profile_shares shares;
	int ret = egret_profile_shares_init(&shares, p);

	if (ret)
		egret_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; !ret && i < p->samples.n; i++) {
		const struct egret_profile_sample *s = &p->samples.items[i];
		const struct egret_profile_key *key = &p->entries.items[s->entry].key;
		struct egret_profile_values share = egret_profile_share(&shares, s);
		struct egret_sample_row row = {
			.time = s->time,
			.value = s->value,
			.cpu = s->cpu,
			.thread = key->thread,
			.stack = key->stack,
			.event = key->event,
			.capture_end = key->capture_end,
			.unwind_end = key->unwind_end,
			.bytes_wanted = (uint32_t)share.bytes_wanted,
			.bytes_got = (uint32_t)share.bytes_got,
		};

		ret = egret_writer_sample(writer, &row, err);
	}
	egret_profile_shares_deinit(&shares);
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
