/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * clickhouse.h - windows of profiles into the tables of a fleet (schema.h).
 *
 * What a window refers to is inserted before its samples, and the row that says that it is there
 * after them, so that whatever is there can be read. A handle is used by one thread at a time.
 */
#ifndef EGRET_CMD_FLEET_CLICKHOUSE_H
#define EGRET_CMD_FLEET_CLICKHOUSE_H

#include <egret/egret.h>

struct clickhouse_opts {
	const char *url;      /* "http://host:8123", "https://host:8443"; without a password */
	const char *user;     /* NULL: "default" */
	const char *password; /* NULL: none */
	const char *database; /* NULL: "egret" */
	const char *ca_file;  /* certificates in place of the system's; NULL: these */
	uint32_t timeout_ms;  /* of one request; 0: a minute */
};

struct clickhouse;

/* Makes no connection yet. Errors: -EINVAL: the URL, or the name of the database; -ENOMEM. */
int clickhouse_open(const struct clickhouse_opts *opts, struct clickhouse **out,
		    struct egret_error *err);
void clickhouse_close(struct clickhouse *ch);

/*
 * Stores what was sampled on a host in [from_ns, to_ns) of CLOCK_REALTIME. When it returns 0 the
 * database has it. After an error it is to be tried again, with the same window, by this handle or
 * any later one: whether it has arrived after all is asked first, so that nothing counts twice.
 * Errors: those of server_request; -EAGAIN: the first try is still running there; -ENOMEM.
 */
int clickhouse_put(struct clickhouse *ch, const struct egret_profile *profile, const char *host,
		   uint64_t from_ns, uint64_t to_ns, struct egret_error *err);

#endif
