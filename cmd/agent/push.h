/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push.h - windows of the store, sent to where they are asked for.
 *
 * Each backend has a thread, and a cursor in the store: the last window that it has acknowledged.
 * What is to be sent is what lies behind the cursor, so that trying again is not moving it, and a
 * restart goes on where the last one was. A window is sent twice only where the agent was killed
 * between the answer and the cursor, or the answer got lost.
 */
#ifndef EGRET_CMD_AGENT_PUSH_H
#define EGRET_CMD_AGENT_PUSH_H

#include "agent/stat.h"
#include "agent/store.h"

struct push_target {
	const char *kind;	   /* "pyroscope", "otlp", "directory", ...: see push_kind_name */
	const char *name;	   /* of the cursor, and in metrics; NULL: the kind */
	const char *url;	   /* http://, https://; of a directory its path */
	const char *token_file;	   /* its first line is sent as a bearer token; NULL: none */
	const char *user;	   /* basic authentication; NULL: none */
	const char *password_file; /* its first line */
	const char *ca_file;	   /* who may have signed the certificate; NULL: the system's */
	const char *tenant;	   /* X-Scope-OrgID, of Pyroscope with several; NULL: none */
	const char *database;	   /* of ClickHouse */
	uint64_t timeout_ms;	   /* of one request; 0: 30 seconds */
};

/* The n-th kind of backend there is; NULL at the end. */
const char *push_kind_name(size_t n);

/* Whether a target is one: 0, or -EINVAL with a sentence. Looks at the files it names. */
int push_check(const struct push_target *target, struct egret_error *err);

struct push;

/*
 * Starts sending. Strings are copied. curl_global_init must have been called, and no thread runs
 * that might call it. Errors: those of push_check and store_cursor_open; -EEXIST: two targets of
 * one name.
 */
int push_start(struct store *store, const struct push_target *targets, size_t n, struct push **out,
	       struct egret_error *err);

/* Whether it sends to these, and to no others. */
bool push_is_to(const struct push *push, const struct push_target *targets, size_t n);

/* Tries now what waits to be tried again. */
void push_wake(struct push *push);

/*
 * Ends sending: a request under way has two seconds, then its window is sent again by the next one
 * that starts. NULL-safe.
 */
void push_stop(struct push *push);

int push_each_stat(struct push *push, agent_stat_fn fn, void *arg);

#endif
