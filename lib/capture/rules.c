/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rules.c - which samples are wanted, changed while the programs run. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "capture/capture_impl.h"

static int put(const struct egret_capture *c, struct egret_sample_rule *rule)
{
	const uint8_t there = 1;

	return bpf_map_update_elem(egret_capture_map_fd(c, "rules"), rule, &there, BPF_ANY) ? -errno
											    : 0;
}

static int put_pids(const struct egret_capture *c, enum egret_sample_rule_kind kind,
		    const pid_t *pids, size_t n, uint32_t generation)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		struct egret_sample_rule rule = { generation, kind, (uint32_t)pids[i], "" };

		ret = put(c, &rule);
	}
	return ret;
}

/* Of a name as much as the kernel keeps of it: 15 bytes. */
static int put_comms(const struct egret_capture *c, enum egret_sample_rule_kind kind,
		     const char *const *comms, size_t n, uint32_t generation)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		struct egret_sample_rule rule = { generation, kind, 0, "" };

		memcpy(rule.comm, comms[i], strnlen(comms[i], EGRET_COMM_LEN - 1));
		ret = put(c, &rule);
	}
	return ret;
}

/* Removes the rules of all generations but one. */
static void keep_only(const struct egret_capture *c, uint32_t generation)
{
	int fd = egret_capture_map_fd(c, "rules");
	struct egret_sample_rule rule, next;
	int ret = bpf_map_get_next_key(fd, NULL, &next);

	while (!ret) {
		rule = next;
		ret = bpf_map_get_next_key(fd, &rule, &next);
		if (rule.generation != generation)
			bpf_map_delete_elem(fd, &rule);
	}
}

static uint32_t flags_of(const struct egret_capture_rules *r)
{
	return (uint32_t)(r->n_pids > 0) << EGRET_RULE_PID |
	       (uint32_t)(r->n_comms > 0) << EGRET_RULE_COMM |
	       (uint32_t)(r->n_not_pids > 0) << EGRET_RULE_NOT_PID |
	       (uint32_t)(r->n_not_comms > 0) << EGRET_RULE_NOT_COMM |
	       (r->only_user ? EGRET_RULES_USER : 0) | (r->only_kernel ? EGRET_RULES_KERNEL : 0);
}

int egret_capture_set_rules(struct egret_capture *c, const struct egret_capture_rules *r,
			    struct egret_error *err)
{
	uint32_t generation = c->rules_generation + 1, zero = 0;
	uint64_t both = (uint64_t)flags_of(r) << 32 | generation;
	int ret;

	if (r->n_pids + r->n_comms + r->n_not_pids + r->n_not_comms > EGRET_MAX_RULES)
		return egret_fail(err, E2BIG, "a filter has at most %d names and processes",
				  EGRET_MAX_RULES);
	ret = put_pids(c, EGRET_RULE_PID, r->pids, r->n_pids, generation);
	if (!ret)
		ret = put_pids(c, EGRET_RULE_NOT_PID, r->not_pids, r->n_not_pids, generation);
	if (!ret)
		ret = put_comms(c, EGRET_RULE_COMM, r->comms, r->n_comms, generation);
	if (!ret)
		ret = put_comms(c, EGRET_RULE_NOT_COMM, r->not_comms, r->n_not_comms, generation);
	if (!ret &&
	    bpf_map_update_elem(egret_capture_map_fd(c, "rules_now"), &zero, &both, BPF_ANY))
		ret = -errno;
	keep_only(c, ret ? c->rules_generation : generation);
	if (ret)
		return egret_fail(err, -ret, "cannot tell the sampling program its filter: %s",
				  strerror(-ret));
	c->rules_generation = generation;
	return 0;
}
