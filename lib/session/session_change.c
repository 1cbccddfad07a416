/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session_change.c - what a session samples, changed while it runs. */
#include <errno.h>

#include "base/options.h"
#include "session/session_impl.h"

#define NS_A_SECOND 1000000000ull

int egret_session__set_frequency(struct egret_session *s, uint64_t frequency,
				 struct egret_error *err)
{
	size_t n = 0;
	int ret = 0;

	if (!frequency || frequency > NS_A_SECOND)
		return egret_fail(err, EINVAL, "a frequency of %llu Hz cannot be",
				  (unsigned long long)frequency);
	for (size_t i = 0; i < s->n_specs && !ret; i++) {
		if (s->specs[i].source != EGRET_EVENT_PERF || !s->specs[i].frequency)
			continue;
		n++;
		ret = egret_capture_set_frequency(s->capture, (uint32_t)i, s->specs[i].clock,
						  frequency, err);
	}
	if (!ret && !n)
		return egret_fail(err, EINVAL, "no event of this session has a frequency");
	return ret;
}

int egret_session__set_filter(struct egret_session *s, const struct egret_session_filter *filter,
			      struct egret_error *err)
{
	struct egret_session_filter f;
	struct egret_capture_rules rules = { 0 };
	int ret = egret_options_take(&f, sizeof(f), filter, "session filter", err);

	if (ret)
		return ret;
	if (f.only_user && f.only_kernel)
		return egret_fail(err, EINVAL,
				  "a filter of only_user and only_kernel keeps nothing");
	rules = (struct egret_capture_rules){
		.pids = f.pids,
		.n_pids = f.n_pids,
		.not_pids = f.not_pids,
		.n_not_pids = f.n_not_pids,
		.comms = f.comms,
		.n_comms = f.n_comms,
		.not_comms = f.not_comms,
		.n_not_comms = f.n_not_comms,
		.only_user = f.only_user,
		.only_kernel = f.only_kernel,
	};
	return egret_capture_set_rules(s->capture, &rules, err);
}
