/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_pyroscope.c - pprof to the /ingest of a Pyroscope server.
 *
 * Pyroscope has labels of a whole profile, in the name of the application: "NAME{key=value,...}".
 * So a window is one request for each service in it, with the labels that all of its processes
 * have.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/push_impl.h"
#include "agent/push_services.h"

/* Of processes that have no service.name. */
#define APPLICATION "egret"
#define SECOND_NS 1000000000u

/* ---- the query ------------------------------------------------------------------------------ */

/* Put together bit by bit; what does not fit is cut off. */
struct line {
	char text[2048];
	size_t len;
};

static void add(struct line *line, char c)
{
	if (line->len + 1 < sizeof(line->text))
		line->text[line->len++] = c;
	line->text[line->len] = 0;
}

/* Of names, letters, digits and these are taken. */
static void add_name(struct line *line, const char *name, const char *also)
{
	for (; *name; name++)
		add(line, isalnum((unsigned char)*name) || strchr(also, *name) ? *name : '_');
}

/* A value ends at a comma or a brace. */
static void add_label(struct line *line, char before, const char *key, const char *value)
{
	add(line, before);
	add_name(line, key, "_");
	add(line, '=');
	for (; *value; value++)
		add(line, strchr(",{}=", *value) || iscntrl((unsigned char)*value) ? '_' : *value);
}

static void add_text(struct line *line, const char *text)
{
	for (; *text; text++)
		add(line, *text);
}

static void add_escaped(struct line *line, const char *text)
{
	for (; *text; text++) {
		char hex[4];

		snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)*text);
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			add(line, *text);
		else
			add_text(line, hex);
	}
}

static void make_query(const struct push_window *window, const struct push_service *service,
		       struct line *query)
{
	const struct egret_event *event = egret_profile__event(window->profile, 0);
	const char *host = egret_profile__meta(window->profile, "hostname");
	struct line name = { "", 0 };
	char number[40], before = '{';

	add_name(&name, service->name ? service->name : APPLICATION, "-._");
	if (host && *host) {
		add_label(&name, before, "hostname", host);
		before = ',';
	}
	for (size_t i = 0; i < service->n_labels; i++) {
		if (!*service->labels[i]->value)
			continue;
		add_label(&name, before, service->labels[i]->key, service->labels[i]->value);
		before = ',';
	}
	if (before == ',')
		add(&name, '}');
	add_text(query, "name=");
	add_escaped(query, name.text);
	snprintf(number, sizeof(number), "&from=%" PRIu64, window->window->from_ns / SECOND_NS);
	add_text(query, number);
	/* The second in which it ends is part of it. */
	snprintf(number, sizeof(number), "&until=%" PRIu64,
		 (window->window->to_ns + SECOND_NS - 1) / SECOND_NS);
	add_text(query, number);
	if (event && event->frequency) {
		snprintf(number, sizeof(number), "&sampleRate=%" PRIu64, event->frequency);
		add_text(query, number);
	}
	add_text(query, "&format=pprof&spyName=egret");
}

/* ---- the backend ---------------------------------------------------------------------------- */

static int pyroscope_open(const struct push_target *target, const atomic_ullong *stop_by,
			  void **state, struct egret_error *err)
{
	return push_http_open(target, "/ingest", stop_by, (struct push_http **)state, err);
}

static void pyroscope_close(void *state)
{
	push_http_close(state);
}

static void send_service(void *state, struct push_window *window,
			 const struct egret_profile *profile, const struct push_service *service,
			 struct push_result *result)
{
	struct push_request request = { .type = "application/octet-stream" };
	struct line query = { "", 0 };
	struct push_bytes bytes = { 0 };

	make_query(window, service, &query);
	if (!push_encode(profile, "pprof", &bytes, result)) {
		request.query = query.text;
		request.body = bytes.data;
		request.len = bytes.len;
		push_http_post(state, &request, result);
		window->bytes += bytes.len;
	}
	push_bytes_deinit(&bytes);
}

/* Those that were acknowledged by an earlier attempt are not sent again. */
static void pyroscope_send(void *state, struct push_window *window, struct push_result *result)
{
	const struct egret_profile *part;
	struct push_services services;
	struct egret_error err = { "" };

	push_result_set(result, PUSH_TAKEN, "taken", "%s", "");
	if (push_services_init(&services, window->profile)) {
		push_result_set(result, PUSH_LATER, "memory", "no memory for a window");
		return;
	}
	while (window->n_sent < services.n && result->end == PUSH_TAKEN) {
		if (push_services_select(&services, window->n_sent, window->profile, &part, &err)) {
			push_result_set(result, PUSH_LATER, "memory", "%s", err.text);
			break;
		}
		send_service(state, window, part, &services.items[window->n_sent], result);
		push_services_release(window->profile, part);
		window->n_sent += result->end == PUSH_TAKEN;
	}
	push_services_deinit(&services);
}

const struct push_backend push_pyroscope = {
	.kind = "pyroscope",
	.check = push_http_check,
	.open = pyroscope_open,
	.close = pyroscope_close,
	.send = pyroscope_send,
};
