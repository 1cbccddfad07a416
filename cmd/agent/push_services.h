/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_services.h - a window by the services in it: backends may have labels of whole profiles. */
#ifndef EGRET_CMD_AGENT_PUSH_SERVICES_H
#define EGRET_CMD_AGENT_PUSH_SERVICES_H

#include <egret/egret.h>

/* Of one window; those with the fewest processes beyond this are without a name of their own. */
#define PUSH_SERVICES_MAX 100

struct push_service {
	const char *name;  /* service.name; NULL: processes that have none */
	const pid_t *pids; /* those of its processes: each is in one service */
	size_t n_pids;
	const struct egret_label *const *labels; /* that all of them have, but for service.name */
	size_t n_labels;
};

struct push_services {
	struct push_service *items; /* by name, that without a name first */
	size_t n;
	pid_t *pids;
	const struct egret_label **labels;
};

/* Strings are the profile's. 0 or -ENOMEM. */
int push_services_init(struct push_services *services, const struct egret_profile *profile);
void push_services_deinit(struct push_services *services);

/* What a profile has of a service: the profile itself (not a copy) where it is the only one. */
int push_services_select(const struct push_services *services, size_t i,
			 const struct egret_profile *profile, const struct egret_profile **selected,
			 struct egret_error *err);
/* Of what push_services_select gave. */
void push_services_release(const struct egret_profile *profile,
			   const struct egret_profile *selected);

#endif
