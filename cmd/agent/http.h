/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * http.h - what the agent answers over HTTP.
 *
 *   /debug/pprof/profile?seconds=N  the next N seconds, as `go tool pprof` reads them
 *   /flamegraph?seconds=N           the same as the page of egret flame
 *   /metrics                        the accounting, for Prometheus
 *   /healthz, /readyz               whether it runs; whether it samples
 *
 * All of it happens in http_work(), in the thread of the loop: there are no others, a client that
 * reads slowly is not waited for, and a request that has to wait for its seconds is set aside.
 */
#ifndef EGRET_CMD_AGENT_HTTP_H
#define EGRET_CMD_AGENT_HTTP_H

#include "agent/collect.h"
#include "agent/listen.h"
#include "agent/stat.h"

#define HTTP_MAX_WAITING 16 /* requests that wait for their seconds */
#define HTTP_MAX_CONNECTIONS 64
#define HTTP_MAX_SECONDS 600
#define HTTP_DEFAULT_SECONDS 30 /* as Go's */

struct http_opts {
	struct collect *collect;
	struct listener *listener;     /* the caller's; outlives what is made here */
	const char *certificate, *key; /* files in PEM; NULL: no TLS */
	const char *token_file;	       /* its first line; NULL: anybody may ask */
	/* Whether windows are being sampled, for /readyz; else *why is one sentence. */
	bool (*is_ready)(void *arg, const char **why);
	/* Every number there is, families together. */
	int (*each_stat)(void *arg, agent_stat_fn fn, void *fn_arg);
	void *arg;
};

struct http;

/*
 * Errors: -EACCES: the listener is open to the network, and TLS or a token is missing; -ENOENT, ...
 * of the files; -EINVAL: the certificate is none.
 */
int http_start(const struct http_opts *opts, struct http **out, struct egret_error *err);

/* Requests that wait are answered with what they have got, up to a second. */
void http_stop(struct http *http);

int http_fd(const struct http *http); /* readable: there is work */
/* Milliseconds until there is work; -1: not before the descriptor is readable. */
int http_wait_ms(const struct http *http);
void http_work(struct http *http);

int http_each_stat(const struct http *http, agent_stat_fn fn, void *arg);

#endif
