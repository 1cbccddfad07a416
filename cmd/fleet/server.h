/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* server.h - statements to a ClickHouse server, by its HTTP interface. */
#ifndef EGRET_CMD_FLEET_SERVER_H
#define EGRET_CMD_FLEET_SERVER_H

#include <egret/egret.h>

#include "fleet/row_binary.h"

struct server_opts {
	const char *url;      /* "http://host:8123", "https://host:8443"; without a password */
	const char *user;     /* NULL: "default" */
	const char *password; /* NULL: none */
	const char *ca_file;  /* certificates in place of the system's; NULL: these */
	uint32_t timeout_ms;  /* of one request; 0: a minute */
};

/* Used by one thread at a time, as one connection that is kept open. */
struct server;

/* Makes no connection yet. Errors: -EINVAL: the URL; -ENOMEM. */
int server_open(const struct server_opts *opts, struct server **out, struct egret_error *err);
void server_close(struct server *server);

/* Takes all of the next len bytes of an answer: 0, or non-zero to end it. */
typedef int (*server_answer_fn)(const void *bytes, size_t len, void *arg);

/*
 * Another table of one column, for one statement: "x IN NAME" is by far quicker than a long list.
 */
struct server_table {
	const char *name, *structure; /* "ids", "id UInt64" */
	const struct row_buffer *rows;
};

struct server_request {
	const char *query;
	const struct row_buffer *rows; /* of an INSERT; else NULL */
	const struct server_table *table;
	const char *query_id;	 /* a second one is refused while the first one runs; NULL: any */
	server_answer_fn answer; /* NULL: nobody wants it */
	void *arg;
};

/*
 * Sends a statement, and waits for its whole answer.
 * Errors, one sentence each: -ECONNREFUSED: no server there; -ETIMEDOUT; -EACCES: user or password;
 * -ENOENT: no such database or table; -EBUSY: query_id runs already; -ECANCELED: answer did not
 * want more; -EPROTO: TLS; -EIO: anything else that the server, or what stands before it, said.
 */
int server_request(struct server *server, const struct server_request *request,
		   struct egret_error *err);

/* server_request of a query, whose answer is added to rows. */
int server_query(struct server *server, const char *query, struct row_buffer *answer,
		 struct egret_error *err);

#endif
