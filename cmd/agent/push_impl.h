/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_impl.h - what a kind of backend is, and how its thread treats it. */
#ifndef EGRET_CMD_AGENT_PUSH_IMPL_H
#define EGRET_CMD_AGENT_PUSH_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/push.h"

/* How an attempt ended. */
enum push_end {
	PUSH_TAKEN,   /* acknowledged */
	PUSH_LATER,   /* to be tried again, as often as it takes */
	PUSH_DOUBTED, /* to be tried again some times: it may never be taken */
	PUSH_REFUSED, /* it will never be taken */
	PUSH_STOPPED, /* the agent ends */
};

struct push_result {
	enum push_end end;
	const char *reason;	 /* static; "connect", "timeout", "http-503"...: for metrics */
	uint64_t retry_after_ms; /* as the backend asked for; 0: it did not */
	char text[512];		 /* one sentence for the log */
};

/* A window on its way. */
struct push_window {
	const struct window *window;
	const struct egret_profile *profile;
	/*
	 * How many of the requests that it takes were acknowledged: an attempt begins behind them.
	 * 0 for a new window.
	 */
	size_t n_sent;
	uint64_t bytes; /* sent by this attempt */
};

struct push_backend {
	const char *kind;
	bool needs_samples; /* profiles keep their samples, with times */
	int (*check)(const struct push_target *target, struct egret_error *err);
	/* *state is the backend's own; strings of the target stay. *stop_by: as in struct push. */
	int (*open)(const struct push_target *target, const atomic_ullong *stop_by, void **state,
		    struct egret_error *err);
	void (*close)(void *state);
	void (*send)(void *state, struct push_window *window, struct push_result *result);
};

extern const struct push_backend push_pyroscope, push_otlp, push_clickhouse, push_directory;

void push_result_set(struct push_result *result, enum push_end end, const char *reason,
		     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- HTTP, by libcurl ------------------------------------------------------------------------ */

struct push_http;

/* The first line of a file; read each time, since secrets are changed under those who use them. */
#define PUSH_SECRET_MAX 8192
int push_secret_read(const char *path, char secret[PUSH_SECRET_MAX], struct egret_error *err);

/* Whether the url, and the files of the target, can be used. */
int push_http_check(const struct push_target *target, struct egret_error *err);
/* path: what is added to the url, unless it ends in it. */
int push_http_open(const struct push_target *target, const char *path, const atomic_ullong *stop_by,
		   struct push_http **out, struct egret_error *err);
void push_http_close(struct push_http *http);

struct push_request {
	const char *query; /* behind the "?"; NULL: none */
	const char *type;  /* of the body */
	bool is_gzip;	   /* Content-Encoding */
	const void *body;
	size_t len;
	/* The beginning of the answer's body, and how much of it there is: for PUSH_TAKEN too. */
	unsigned char answer[1024];
	size_t n_answer;
};
/* The first line of an answer, as far as it is text. */
#define PUSH_LINE_MAX 200
void push_answer_line(const struct push_request *request, char line[PUSH_LINE_MAX]);

/*
 * How many profiles a collector of OpenTelemetry says it has rejected in a request that it took as
 * a whole (ExportProfilesServiceResponse).
 */
uint64_t push_answer_rejected(const struct push_request *request);

void push_http_post(struct push_http *http, struct push_request *request,
		    struct push_result *result);

/* ---- encoding -------------------------------------------------------------------------------- */

struct push_bytes {
	unsigned char *data;
	size_t len, capacity;
};

void push_bytes_deinit(struct push_bytes *bytes);
int push_bytes_add(const void *bytes, size_t len, void *arg);

/* A profile in a format. -ENOMEM and others, with a result that says so. */
int push_encode(const struct egret_profile *profile, const char *format, struct push_bytes *out,
		struct push_result *result);
/* out is `in` in gzip. */
int push_gzip(const struct push_bytes *in, struct push_bytes *out, struct push_result *result);

#endif
