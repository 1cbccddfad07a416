/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_clickhouse.c - windows into the tables of a fleet (cmd/fleet/clickhouse.h), which tell a
 * window that comes twice by its host and its beginning.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fail.h"
#include "agent/push_impl.h"
#include "fleet/clickhouse.h"

/* Of one request: nothing ends it when the agent does. */
#define LONGEST_MS 10000

struct state {
	const struct push_target *target;
	struct clickhouse *clickhouse; /* NULL: not opened, or to be opened anew */
	struct clickhouse_opts opts;
	char password[PUSH_SECRET_MAX]; /* as it was when it was opened */
};

static int clickhouse_check(const struct push_target *target, struct egret_error *err)
{
	if (target->token_file || target->tenant)
		return agent_fail(err, EINVAL, "clickhouse has a user and a password, no %s",
				  target->tenant ? "tenant" : "token");
	return push_http_check(target, err);
}

static int clickhouse_start(const struct push_target *target, const atomic_ullong *stop_by,
			    void **out, struct egret_error *err)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return agent_fail(err, ENOMEM, "out of memory");
	s->target = target;
	s->opts = (struct clickhouse_opts){
		.url = target->url,
		.user = target->user,
		.password = target->password_file ? s->password : NULL,
		.database = target->database,
		.ca_file = target->ca_file,
		.timeout_ms = (uint32_t)(target->timeout_ms < LONGEST_MS ? target->timeout_ms
									 : LONGEST_MS),
	};
	*out = s;
	return 0;
}

static void clickhouse_end(void *state)
{
	struct state *s = state;

	clickhouse_close(s->clickhouse);
	explicit_bzero(s->password, sizeof(s->password));
	free(s);
}

/* With the password as it is now: who changes it need not restart the agent. */
static int open_anew(struct state *s, struct egret_error *err)
{
	char password[PUSH_SECRET_MAX] = "";
	int ret = 0;

	if (s->target->password_file)
		ret = push_secret_read(s->target->password_file, password, err);
	if (!ret && (!s->clickhouse || strcmp(password, s->password) != 0)) {
		clickhouse_close(s->clickhouse);
		s->clickhouse = NULL;
		memcpy(s->password, password, sizeof(password));
		ret = clickhouse_open(&s->opts, &s->clickhouse, err);
	}
	explicit_bzero(password, sizeof(password));
	return ret;
}

static const char *reason_of(int errnum)
{
	switch (errnum) {
	case EACCES:
		return "credentials";
	case ENOENT:
		return "no-tables";
	case ETIMEDOUT:
		return "timeout";
	case EAGAIN:
	case EBUSY:
		return "busy";
	case ECONNREFUSED:
		return "connect";
	case EPROTO:
		return "tls";
	case ENOMEM:
		return "memory";
	default:
		return "error";
	}
}

static void clickhouse_send(void *state, struct push_window *window, struct push_result *result)
{
	const char *host = egret_profile__meta(window->profile, "hostname");
	struct egret_error err = { "" };
	struct state *s = state;
	int ret = open_anew(s, &err);

	if (!ret)
		ret = clickhouse_put(s->clickhouse, window->profile, host ? host : "",
				     window->window->from_ns, window->window->to_ns, &err);
	if (ret)
		push_result_set(result, PUSH_LATER, reason_of(-ret), "%s", err.text);
	else
		push_result_set(result, PUSH_TAKEN, "taken", "%s", "");
}

const struct push_backend push_clickhouse = {
	.kind = "clickhouse",
	.check = clickhouse_check,
	.open = clickhouse_start,
	.close = clickhouse_end,
	.send = clickhouse_send,
};
