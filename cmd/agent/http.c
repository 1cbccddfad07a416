/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* http.c - what the agent answers over HTTP. */
#include "agent/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/http_answer.h"
#include "agent/log.h"
#include "agent/metrics.h"

#define TIMEOUT_S 30	     /* of a client that neither reads nor writes */
#define PIECES_MAX 256	     /* that are sent before samples are looked at again */
#define STOP_MS 1000	     /* for answers under way at the end */
#define FILE_MAX (256 << 10) /* of a certificate, a key, a token */

enum wanted { WANTED_PPROF, WANTED_PAGE };

/* A request for what is sampled in the next seconds. */
struct waiting {
	struct collection collection;
	struct MHD_Connection *connection;
	enum wanted wanted;
	uint64_t until_ms; /* CLOCK_MONOTONIC */
	bool is_due;	   /* its seconds are over, its client is gone, or the agent ends */
	bool is_gone;
	struct waiting *next;
};

struct http {
	struct http_opts opts;
	struct MHD_Daemon *daemon;
	int epoll;
	char *certificate, *key, *token;
	struct waiting *waiting;
	unsigned int n_waiting;
	uint64_t requests, refused, failed; /* answered with 2xx; 4xx; 5xx */
	bool stopping;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- answers -------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection,
			      unsigned int status, struct MHD_Response *response)
{
	if (status < 400)
		http->requests++;
	else if (status < 500)
		http->refused++;
	else
		http->failed++;
	return http_send(connection, status, response);
}

static enum MHD_Result answer_text(struct http *http, struct MHD_Connection *connection,
				   unsigned int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static enum MHD_Result answer_text(struct http *http, struct MHD_Connection *connection,
				   unsigned int status, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	strcat(text, "\n");
	return answer(http, connection, status, http_text(text, "text/plain; charset=utf-8"));
}

/* ---- the next seconds ----------------------------------------------------------------------- */

static void forget(struct http *http, struct waiting *w)
{
	for (struct waiting **at = &http->waiting; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			http->n_waiting--;
			break;
		}
	collect_abandon(http->opts.collect, &w->collection);
	free(w);
}

/* 0: what is asked for is no number of seconds. */
static unsigned int seconds_asked(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
						       "seconds");
	char *end;
	unsigned long seconds;

	if (!text)
		return HTTP_DEFAULT_SECONDS;
	seconds = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || seconds > HTTP_MAX_SECONDS)
		return 0;
	return (unsigned int)seconds;
}

static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection,
			     enum wanted wanted, void **state)
{
	unsigned int seconds = seconds_asked(connection);
	struct egret_error err = { "" };
	struct waiting *w;

	if (!seconds)
		return answer_text(http, connection, MHD_HTTP_BAD_REQUEST,
				   "seconds wants to be a number from 1 to %d", HTTP_MAX_SECONDS);
	if (http->n_waiting >= HTTP_MAX_WAITING)
		return answer_text(http, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "%d requests are waiting for their seconds already",
				   HTTP_MAX_WAITING);
	w = calloc(1, sizeof(*w));
	if (!w || collect_open(http->opts.collect, &w->collection, &err)) {
		free(w);
		return answer_text(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
				   *err.text ? err.text : "out of memory");
	}
	w->connection = connection;
	w->wanted = wanted;
	w->until_ms = now_ms() + seconds * 1000ull;
	w->next = http->waiting;
	http->waiting = w;
	http->n_waiting++;
	*state = w;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static enum MHD_Result end(struct http *http, struct waiting *w)
{
	static const struct {
		const char *format, *type, *file;
	} kinds[] = {
		[WANTED_PPROF] = { "pprof", "application/octet-stream", "profile.pb.gz" },
		[WANTED_PAGE] = { "html", "text/html; charset=utf-8", NULL },
	};
	struct MHD_Connection *connection = w->connection;
	enum wanted wanted = w->wanted;
	struct MHD_Response *response = NULL;
	struct egret_profile *profile = NULL;
	struct egret_error err = { "" };
	int ret = collect_close(http->opts.collect, &w->collection, &profile, &err);

	if (!ret)
		ret = http_export(profile, kinds[wanted].format, kinds[wanted].type,
				  kinds[wanted].file, &response, &err);
	egret_profile__destroy(profile);
	if (ret)
		return answer_text(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
				   err.text);
	return answer(http, connection, MHD_HTTP_OK, response);
}

/* MHD does not look at connections that are suspended. */
static bool client_is_gone(const struct waiting *w)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(w->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd fd = { .fd = info ? info->connect_fd : -1, .events = POLLRDHUP };

	return poll(&fd, 1, 0) > 0;
}

/* Those whose seconds are over go on: MHD calls handle() again for them. */
static void resume_due(struct http *http)
{
	uint64_t now = now_ms();

	for (struct waiting *w = http->waiting; w; w = w->next) {
		if (w->is_due)
			continue;
		w->is_gone = client_is_gone(w);
		if (!w->is_gone && now < w->until_ms && !http->stopping)
			continue;
		w->is_due = true;
		MHD_resume_connection(w->connection);
	}
}

/* ---- the other pages ------------------------------------------------------------------------ */

static enum MHD_Result metrics(struct http *http, struct MHD_Connection *connection)
{
	struct metrics text = { 0 };
	struct MHD_Response *response;
	int ret = metrics_begin(&text);

	if (!ret)
		ret = http->opts.each_stat(http->opts.arg, metrics_add, &text);
	ret = metrics_end(&text, ret);
	if (ret)
		return answer_text(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
				   strerror(-ret));
	response = http_text(text.text, "text/plain; version=0.0.4; charset=utf-8");
	free(text.text);
	return answer(http, connection, MHD_HTTP_OK, response);
}

static enum MHD_Result health(struct http *http, struct MHD_Connection *connection)
{
	return answer_text(http, connection, MHD_HTTP_OK, "ok");
}

static enum MHD_Result readiness(struct http *http, struct MHD_Connection *connection)
{
	const char *why = "";

	if (http->opts.is_ready(http->opts.arg, &why))
		return answer_text(http, connection, MHD_HTTP_OK, "ready");
	return answer_text(http, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", why);
}

static enum MHD_Result front_page(struct http *http, struct MHD_Connection *connection)
{
	return answer(http, connection, MHD_HTTP_OK,
		      http_text(http_front_page, "text/html; charset=utf-8"));
}

static enum MHD_Result to_front_page(struct http *http, struct MHD_Connection *connection)
{
	struct MHD_Response *response = http_text("", "text/plain");

	if (response)
		MHD_add_response_header(response, "Location", "/debug/pprof/");
	return answer(http, connection, MHD_HTTP_FOUND, response);
}

static const struct {
	const char *path;
	enum MHD_Result (*answer)(struct http *http, struct MHD_Connection *connection);
} pages[] = {
	{ "/", front_page },	 { "/debug/pprof/", front_page }, { "/debug/pprof", to_front_page },
	{ "/metrics", metrics }, { "/healthz", health },	  { "/readyz", readiness },
};

static enum MHD_Result route(struct http *http, struct MHD_Connection *connection, const char *url,
			     bool is_head, void **state)
{
	if (!strcmp(url, "/debug/pprof/profile") || !strcmp(url, "/flamegraph")) {
		if (is_head)
			return answer_text(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
					   "HEAD of %s would have to sample first", url);
		return begin(http, connection, url[1] == 'd' ? WANTED_PPROF : WANTED_PAGE, state);
	}
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!strcmp(url, pages[i].path))
			return pages[i].answer(http, connection);
	return answer_text(http, connection, MHD_HTTP_NOT_FOUND,
			   "there is no %s here; / lists what there is", url);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct http *http = arg;
	struct waiting *w = *state;

	if (w)
		return w->is_due && !w->is_gone ? end(http, w) : MHD_NO;
	if (http->token && !http_has_token(connection, http->token))
		return answer(http, connection, MHD_HTTP_UNAUTHORIZED, http_ask_for_token());
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return answer_text(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				   "%s is not for here: all there is can be had by GET", method);
	return route(http, connection, url, !strcmp(method, "HEAD"), state);
}

static void completed(void *arg, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode how)
{
	if (*state)
		forget(arg, *state);
	*state = NULL;
}

/* ---- the server ----------------------------------------------------------------------------- */

static void tell(void *arg, const char *format, va_list args)
{
	char text[500];
	size_t len;

	vsnprintf(text, sizeof(text), format, args);
	len = strcspn(text, "\n");
	text[len] = 0;
	log_line(LOG_TROUBLE, "http: %s", text);
}

static int read_secrets(struct http *http, struct egret_error *err)
{
	const struct http_opts *o = &http->opts;
	int ret = 0;

	if (!o->listener->is_local && !(o->certificate && o->key && o->token_file)) {
		snprintf(err->text, sizeof(err->text),
			 "%s is open to the network: this takes TLS and a token (tls-certificate, "
			 "tls-key and token-file)",
			 o->listener->text);
		return -EACCES;
	}
	if (o->certificate)
		ret = http_read_file(o->certificate, FILE_MAX, &http->certificate, err);
	if (!ret && o->key)
		ret = http_read_file(o->key, FILE_MAX, &http->key, err);
	if (!ret && o->token_file)
		ret = http_read_token(o->token_file, &http->token, err);
	return ret;
}

static int start_daemon(struct http *http, struct egret_error *err)
{
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, http->key },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (http->certificate)
		flags |= MHD_USE_TLS;
	http->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, tell, NULL,
		MHD_OPTION_LISTEN_SOCKET, dup(http->opts.listener->fd), MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)HTTP_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, completed, http,
		MHD_OPTION_ARRAY, http->certificate ? tls : tls + 2, MHD_OPTION_END);
	if (!http->daemon) {
		snprintf(err->text, sizeof(err->text), "cannot answer HTTP on %s%s",
			 http->opts.listener->text,
			 http->certificate ? ": is the certificate one, and the key its own?" : "");
		return -EINVAL;
	}
	http->epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return 0;
}

int http_start(const struct http_opts *opts, struct http **out, struct egret_error *err)
{
	struct http *http = calloc(1, sizeof(*http));
	int ret;

	if (!http) {
		snprintf(err->text, sizeof(err->text), "out of memory");
		return -ENOMEM;
	}
	http->opts = *opts;
	ret = read_secrets(http, err);
	if (!ret)
		ret = start_daemon(http, err);
	if (ret) {
		http_stop(http);
		return ret;
	}
	*out = http;
	return 0;
}

/* Answers are finished while there are requests, for a moment. */
static void drain(struct http *http)
{
	uint64_t until = now_ms() + STOP_MS;

	http->stopping = true;
	while (http->waiting && now_ms() < until) {
		http_work(http);
		usleep(5000);
	}
	for (struct waiting *w = http->waiting; w; w = w->next)
		if (!w->is_due) {
			w->is_due = true;
			MHD_resume_connection(w->connection);
		}
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	if (http->daemon) {
		drain(http);
		MHD_stop_daemon(http->daemon);
	}
	while (http->waiting)
		forget(http, http->waiting);
	free(http->certificate);
	free(http->key);
	free(http->token);
	free(http);
}

int http_fd(const struct http *http)
{
	return http->epoll;
}

int http_wait_ms(const struct http *http)
{
	uint64_t now = now_ms(), least = UINT64_MAX;
	MHD_UNSIGNED_LONG_LONG timeout;

	if (MHD_get_timeout(http->daemon, &timeout) == MHD_YES)
		least = timeout;
	for (const struct waiting *w = http->waiting; w; w = w->next) {
		uint64_t left = w->until_ms > now ? w->until_ms - now : 0;

		if (!w->is_due && left < least)
			least = left;
	}
	return least > INT32_MAX ? -1 : (int)least;
}

/* MHD sends a small piece of an answer at a time, and a turn of the loop may be long. */
void http_work(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	int pieces = PIECES_MAX;

	resume_due(http);
	do
		MHD_run(http->daemon);
	while (--pieces && MHD_get_timeout(http->daemon, &timeout) == MHD_YES && !timeout);
}

int http_each_stat(const struct http *http, agent_stat_fn fn, void *arg)
{
	const struct agent_stat stats[] = {
		{ "egret_http_responses_total", "Answers to HTTP requests", "class=\"success\"",
		  (double)http->requests, false },
		{ "egret_http_responses_total", NULL, "class=\"client_error\"",
		  (double)http->refused, false },
		{ "egret_http_responses_total", NULL, "class=\"server_error\"",
		  (double)http->failed, false },
		{ "egret_http_waiting_requests", "Requests that wait for their seconds", NULL,
		  (double)http->n_waiting, true },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(stats) / sizeof(*stats) && !ret; i++)
		ret = fn(&stats[i], arg);
	return ret;
}
