/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/session_meta.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "session/kernel_lines.h"
#include "unwind/unwind.h"

int64_t egret_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * What times of samples have to be added to, to be times of day. The wall clock may have been set:
 * asked again for each part that is given out.
 */
int egret_session_meta_clock(struct egret_profile *profile)
{
	char number[32];
	int64_t before = egret_clock_ns(CLOCK_MONOTONIC), now = egret_clock_ns(CLOCK_REALTIME);
	int64_t after = egret_clock_ns(CLOCK_MONOTONIC);

	snprintf(number, sizeof(number), "%lld", (long long)(now - before - (after - before) / 2));
	return egret_profile_set_meta(profile, "clock-offset", number);
}

/* Which boot of which machine: where CLOCK_MONOTONIC began. */
static int set_boot_id(struct egret_profile *profile)
{
	char id[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f)
		return 0;
	if (!fgets(id, sizeof(id), f))
		id[0] = 0;
	fclose(f);
	id[strcspn(id, "\n")] = 0;
	return *id ? egret_profile_set_meta(profile, "boot-id", id) : 0;
}

int egret_session_meta_set(struct egret_profile *profile, const struct egret_session_opts *opts,
			   const struct egret_capture *capture, struct egret_error *err)
{
	const struct egret_unwind_engine *engine = egret_unwind_engine_find(opts->unwinder);
	struct egret_build_id kernel = egret_kernel_build_id_live();
	char number[32], hex[2 * EGRET_BUILD_ID_MAX + 1];
	struct utsname names;
	int ret = 0;

	uname(&names);
	snprintf(number, sizeof(number), "%lld", (long long)time(NULL));
	ret |= egret_profile_set_meta(profile, "start-time", number);
	ret |= egret_session_meta_clock(profile);
	ret |= set_boot_id(profile);
	ret |= egret_profile_set_meta(profile, "hostname", names.nodename);
	ret |= egret_profile_set_meta(profile, "kernel", names.release);
	if (kernel.len)
		ret |= egret_profile_set_meta(profile, "kernel-build-id",
					      egret_build_id_hex(&kernel, hex));
	ret |= egret_profile_set_meta(profile, "architecture", names.machine);
	ret |= egret_profile_set_meta(profile, "version", egret_version());
	ret |= egret_profile_set_meta(profile, "backend", egret_capture_backend(capture));
	ret |= egret_profile_set_meta(profile, "unwinder", engine->name);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)egret_capture_stack_limit(capture));
	ret |= egret_profile_set_meta(profile, "stack-limit", number);
	if (opts->command)
		ret |= egret_profile_set_meta(profile, "command", opts->command);
	return ret ? egret_fail(err, ENOMEM, "out of memory") : 0;
}
