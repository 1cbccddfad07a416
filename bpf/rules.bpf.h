/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rules.bpf.h - which samples are wanted, where that changes while the programs run.
 *
 * User space puts the rules of a new generation beside those of the old one, and then names it: an
 * interrupt goes by all of the one or all of the other. Looking up takes no lock.
 */
#ifndef EGRET_RULES_BPF_H
#define EGRET_RULES_BPF_H

#include "common.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64); /* struct egret_rules, read and written in one piece */
} rules_now SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * EGRET_MAX_RULES); /* of two generations */
	__type(key, struct egret_sample_rule);
	__type(value, u8);
} rules SEC(".maps");

static __always_inline bool rule_is(struct egret_sample_rule *rule, u32 kind)
{
	rule->kind = kind;
	return bpf_map_lookup_elem(&rules, rule) != NULL;
}

static __always_inline bool rules_want(struct task_struct *task, bool user_mode)
{
	u32 zero = 0;
	u64 *both = bpf_map_lookup_elem(&rules_now, &zero);
	u64 now = both ? *(volatile u64 *)both : 0;
	u32 flags = now >> 32;
	struct egret_sample_rule rule = { .generation = (u32)now };

	if (!flags)
		return true;
	if (flags & (user_mode ? EGRET_RULES_KERNEL : EGRET_RULES_USER))
		return false;
	rule.pid = BPF_CORE_READ(task, tgid);
	if (flags & (1u << EGRET_RULE_PID) && !rule_is(&rule, EGRET_RULE_PID))
		return false;
	if (flags & (1u << EGRET_RULE_NOT_PID) && rule_is(&rule, EGRET_RULE_NOT_PID))
		return false;
	rule.pid = 0;
	bpf_get_current_comm(rule.comm, sizeof(rule.comm));
	if (flags & (1u << EGRET_RULE_COMM) && !rule_is(&rule, EGRET_RULE_COMM))
		return false;
	return !(flags & (1u << EGRET_RULE_NOT_COMM) && rule_is(&rule, EGRET_RULE_NOT_COMM));
}

#endif
