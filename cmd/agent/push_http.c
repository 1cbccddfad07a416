/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_http.c - one request after the other to one backend, by libcurl. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/fail.h"
#include "agent/push_impl.h"

#define CONNECT_MS 10000
/* Of an answer: what reports an error is short. */
#define LONGEST_ANSWER (1 << 20)

struct push_http {
	const struct push_target *target;
	const atomic_ullong *stop_by;
	char *url; /* without the query */
	CURL *curl;
	char error[CURL_ERROR_SIZE];
};

/* ---- urls ----------------------------------------------------------------------------------- */

struct url_parts {
	char *scheme, *host, *path;
	bool has_user, has_query;
};

static void free_parts(struct url_parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->host);
	curl_free(parts->path);
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = !curl_url_get(url, part, &text, 0);

	curl_free(text);
	return has;
}

static bool split_url(const char *text, struct url_parts *parts)
{
	CURLU *url = curl_url();
	bool ok;

	*parts = (struct url_parts){ 0 };
	ok = url && !curl_url_set(url, CURLUPART_URL, text, 0) &&
	     !curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0) &&
	     !curl_url_get(url, CURLUPART_HOST, &parts->host, 0) &&
	     !curl_url_get(url, CURLUPART_PATH, &parts->path, 0);
	if (ok) {
		parts->has_user = has_part(url, CURLUPART_USER) ||
				  has_part(url, CURLUPART_PASSWORD);
		parts->has_query = has_part(url, CURLUPART_QUERY) ||
				   has_part(url, CURLUPART_FRAGMENT);
	}
	curl_url_cleanup(url);
	return ok;
}

static bool is_loopback(const char *host)
{
	bool is_number = strspn(host, "0123456789.") == strlen(host);

	return (is_number && !strncmp(host, "127.", 4)) || !strcasecmp(host, "localhost") ||
	       !strcmp(host, "[::1]");
}

/* ---- secrets -------------------------------------------------------------------------------- */

int push_secret_read(const char *path, char secret[PUSH_SECRET_MAX], struct egret_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return agent_fail(err, errno, "cannot read '%s': %s", path, strerror(errno));
	n = read(fd, secret, PUSH_SECRET_MAX - 1);
	close(fd);
	if (n < 0)
		return agent_fail(err, errno, "cannot read '%s': %s", path, strerror(errno));
	secret[n] = 0;
	secret[strcspn(secret, "\r\n")] = 0;
	if (!*secret)
		return agent_fail(err, EINVAL, "'%s' is empty: its first line is the secret", path);
	for (const unsigned char *c = (const unsigned char *)secret; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return agent_fail(err, EINVAL, "'%s' holds what cannot be in a secret",
					  path);
	return 0;
}

static bool has_secret(const struct push_target *t)
{
	return t->token_file || t->user || t->password_file;
}

static int check_secrets(const struct push_target *t, const struct url_parts *parts,
			 struct egret_error *err)
{
	char secret[PUSH_SECRET_MAX];
	int ret = 0;

	if (t->tenant && strcspn(t->tenant, "\r\n") != strlen(t->tenant))
		return agent_fail(err, EINVAL, "the tenant of %s is a line", t->kind);
	if (t->token_file && t->user)
		return agent_fail(err, EINVAL, "%s has a token or a user, not both", t->kind);
	if (!t->user != !t->password_file)
		return agent_fail(err, EINVAL,
				  "%s needs a user and a password file, or none of them", t->kind);
	if (has_secret(t) && strcmp(parts->scheme, "https") != 0 && !is_loopback(parts->host))
		return agent_fail(
			err, EINVAL,
			"credentials of %s would go over the network as they are: its url "
			"has to begin with https://",
			t->kind);
	if (t->token_file)
		ret = push_secret_read(t->token_file, secret, err);
	if (!ret && t->password_file)
		ret = push_secret_read(t->password_file, secret, err);
	explicit_bzero(secret, sizeof(secret));
	return ret;
}

int push_http_check(const struct push_target *t, struct egret_error *err)
{
	struct url_parts parts;
	int ret = 0;

	if (!split_url(t->url, &parts) ||
	    (strcmp(parts.scheme, "http") != 0 && strcmp(parts.scheme, "https") != 0))
		ret = agent_fail(
			err, EINVAL,
			"the url of %s has to be http://HOST... or https://HOST..., not '%s'",
			t->kind, t->url);
	else if (parts.has_user)
		ret = agent_fail(err, EINVAL,
				 "the url of %s has a user in it: files keep secrets, not urls",
				 t->kind);
	else if (parts.has_query)
		ret = agent_fail(err, EINVAL, "the url of %s ends before a ? or #", t->kind);
	else if (t->ca_file && access(t->ca_file, R_OK))
		ret = agent_fail(err, errno, "cannot read '%s': %s", t->ca_file, strerror(errno));
	else
		ret = check_secrets(t, &parts, err);
	free_parts(&parts);
	return ret;
}

/* ---- what curl calls ------------------------------------------------------------------------ */

static size_t take_answer(char *bytes, size_t one, size_t n, void *arg)
{
	struct push_request *r = arg;
	size_t kept = r->n_answer < sizeof(r->answer) ? r->n_answer : sizeof(r->answer);
	size_t room = sizeof(r->answer) - kept;

	memcpy(r->answer + kept, bytes, n < room ? n : room);
	r->n_answer += n;
	return r->n_answer > LONGEST_ANSWER ? 0 : n;
}

static int look_at_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct push_http *h = arg;
	unsigned long long by = *h->stop_by;
	struct timespec now;

	if (!by)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec >= by;
}

/* ---- opening -------------------------------------------------------------------------------- */

static char *whole_url(const char *url, const char *path)
{
	size_t len = strlen(url), n = strlen(path);
	char *whole = NULL;

	while (len && url[len - 1] == '/')
		len--;
	if (len >= n && !strncmp(url + len - n, path, n))
		n = 0;
	if (asprintf(&whole, "%.*s%s", (int)len, url, n ? path : "") < 0)
		return NULL;
	return whole;
}

static bool set_up(struct push_http *h)
{
	const struct push_target *t = h->target;
	struct url_parts parts;
	CURL *c = h->curl;
	bool ok = split_url(h->url, &parts);

	ok = ok && !curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	/* Wherever it leads, credentials and profiles were not meant for it. */
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(t->timeout_ms < CONNECT_MS ? t->timeout_ms : CONNECT_MS));
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_at_stop);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (ok && is_loopback(parts.host))
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (t->ca_file)
		ok = ok && !curl_easy_setopt(c, CURLOPT_CAINFO, t->ca_file);
	free_parts(&parts);
	return ok;
}

int push_http_open(const struct push_target *target, const char *path, const atomic_ullong *stop_by,
		   struct push_http **out, struct egret_error *err)
{
	struct push_http *h = calloc(1, sizeof(*h));

	if (h) {
		h->target = target;
		h->stop_by = stop_by;
		h->url = whole_url(target->url, path);
		h->curl = curl_easy_init();
	}
	if (!h || !h->url || !h->curl || !set_up(h)) {
		push_http_close(h);
		return agent_fail(err, ENOMEM, "cannot set up requests to '%s'", target->url);
	}
	*out = h;
	return 0;
}

void push_http_close(struct push_http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	free(h->url);
	free(h);
}

/* ---- what an answer means ------------------------------------------------------------------- */

/* Reasons are few: metrics have one row each. */
static const char *reason_of(long status)
{
	switch (status) {
	case 400:
		return "http-400";
	case 401:
		return "http-401";
	case 403:
		return "http-403";
	case 404:
		return "http-404";
	case 408:
		return "http-408";
	case 413:
		return "http-413";
	case 415:
		return "http-415";
	case 422:
		return "http-422";
	case 429:
		return "http-429";
	case 500:
		return "http-500";
	case 502:
		return "http-502";
	case 503:
		return "http-503";
	case 504:
		return "http-504";
	default:
		return status < 400 ? "http-3xx" : status < 500 ? "http-4xx" : "http-5xx";
	}
}

/*
 * What is wrong with a window stays wrong (400, 413, 415). What is wrong with credentials, urls and
 * servers can be mended while windows wait. Of others nobody knows: some tries, then the next.
 */
static enum push_end end_of(long status)
{
	switch (status) {
	case 400:
	case 413:
	case 415:
		return PUSH_REFUSED;
	case 401:
	case 403:
	case 404:
	case 405:
	case 407:
	case 408:
	case 425:
	case 429:
		return PUSH_LATER;
	default:
		return status >= 400 && status < 500 ? PUSH_DOUBTED : PUSH_LATER;
	}
}

static void judge_status(struct push_http *h, const struct push_request *r, long status,
			 struct push_result *result)
{
	curl_off_t seconds = 0;
	const char *advice = "";
	char line[PUSH_LINE_MAX], *location = NULL;

	push_answer_line(r, line);
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &seconds);
	curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &location);
	if (status == 401 || status == 403)
		advice = has_secret(h->target) ? ": it refuses the credentials"
					       : ": it wants credentials";
	else if (status == 404 || status == 405)
		advice = ": there is nothing that takes profiles at this url";
	push_result_set(result, end_of(status), reason_of(status), "%s answers %ld%s%s%s", h->url,
			status, advice, *line ? ": " : "", line);
	if (location && status < 400)
		push_result_set(result, PUSH_LATER, reason_of(status),
				"%s sends to %.200s, which is not followed: make it the url",
				h->url, location);
	if (seconds > 0)
		result->retry_after_ms = (uint64_t)seconds * 1000;
}

static const char *reason_of_curl(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "resolve";
	case CURLE_COULDNT_CONNECT:
		return "connect";
	case CURLE_OPERATION_TIMEDOUT:
		return "timeout";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return "tls";
	case CURLE_OUT_OF_MEMORY:
		return "memory";
	default:
		return "connection-lost";
	}
}

static void judge(struct push_http *h, const struct push_request *r, CURLcode code,
		  struct push_result *result)
{
	long status = 0;

	if (code == CURLE_ABORTED_BY_CALLBACK) {
		push_result_set(result, PUSH_STOPPED, "stopped", "the agent ends");
		return;
	}
	if (code) {
		push_result_set(result, PUSH_LATER, reason_of_curl(code), "%s: %s", h->url,
				*h->error ? h->error : curl_easy_strerror(code));
		return;
	}
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		push_result_set(result, PUSH_TAKEN, "taken", "%s", "");
	else
		judge_status(h, r, status, result);
}

/* ---- a request ------------------------------------------------------------------------------ */

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[512];

	if ((size_t)snprintf(line, sizeof(line), "%s%s", name, value) >= sizeof(line))
		return false;
	longer = curl_slist_append(*list, line);
	if (!longer)
		return false;
	*list = longer;
	return true;
}

static bool make_headers(const struct push_http *h, const struct push_request *r,
			 struct curl_slist **list)
{
	/* Nobody waits for "100 Continue": a refusal is rare, a second lost each time is not. */
	bool ok = add_header(list, "Expect:", "") && add_header(list, "Content-Type: ", r->type) &&
		  add_header(list, "User-Agent: egret/", egret_version());

	if (ok && r->is_gzip)
		ok = add_header(list, "Content-Encoding: ", "gzip");
	if (ok && h->target->tenant)
		ok = add_header(list, "X-Scope-OrgID: ", h->target->tenant);
	return ok;
}

static int set_credentials(struct push_http *h, struct egret_error *err)
{
	const struct push_target *t = h->target;
	char secret[PUSH_SECRET_MAX];
	int ret = 0;

	if (t->token_file) {
		ret = push_secret_read(t->token_file, secret, err);
		if (!ret) {
			curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
			curl_easy_setopt(h->curl, CURLOPT_XOAUTH2_BEARER, secret);
		}
	} else if (t->user) {
		ret = push_secret_read(t->password_file, secret, err);
		if (!ret) {
			curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
			curl_easy_setopt(h->curl, CURLOPT_USERNAME, t->user);
			curl_easy_setopt(h->curl, CURLOPT_PASSWORD, secret);
		}
	}
	explicit_bzero(secret, sizeof(secret));
	return ret;
}

void push_http_post(struct push_http *h, struct push_request *r, struct push_result *result)
{
	struct curl_slist *headers = NULL;
	struct egret_error err = { "" };
	char *url = NULL;

	r->n_answer = 0;
	h->error[0] = 0;
	if (set_credentials(h, &err)) {
		push_result_set(result, PUSH_LATER, "credentials", "%s", err.text);
		return;
	}
	if (asprintf(&url, "%s%s%s", h->url, r->query ? "?" : "", r->query ? r->query : "") < 0)
		url = NULL;
	if (!url || !make_headers(h, r, &headers)) {
		push_result_set(result, PUSH_LATER, "memory", "no memory for a request to %s",
				h->url);
	} else {
		curl_easy_setopt(h->curl, CURLOPT_URL, url);
		curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, r->body);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len);
		curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, r);
		judge(h, r, curl_easy_perform(h->curl), result);
	}
	curl_slist_free_all(headers);
	free(url);
}
