/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/server.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/fail.h"

#define DEFAULT_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000L

/* Of an answer that says what went wrong, the part that is kept. */
#define MAX_COMPLAINT 4096

/* ErrorCodes.cpp of ClickHouse; numbers are never reused there. */
#define CH_UNKNOWN_TABLE 60
#define CH_UNKNOWN_DATABASE 81
#define CH_UNKNOWN_USER 192
#define CH_WRONG_PASSWORD 193
#define CH_REQUIRED_PASSWORD 194
#define CH_QUERY_IS_RUNNING 216
#define CH_ACCESS_DENIED 497
#define CH_AUTHENTICATION_FAILED 516

struct server {
	CURL *curl;
	char *url; /* without a slash at the end */
	char *user, *password, *ca_file;
	uint32_t timeout_ms;
};

struct answer {
	struct server *server;
	const struct server_request *request;
	char complaint[MAX_COMPLAINT];
	size_t n_complaint;
	bool is_unwanted; /* request->answer has said so */
};

static bool is_plain_url(const char *url)
{
	const char *host = strstr(url, "://");

	if (!host || (strncmp(url, "http://", 7) && strncmp(url, "https://", 8)))
		return false;
	return host[3] && !strchr(host + 3, '?') && !strchr(host + 3, '#');
}

static int check_url(const char *url, struct egret_error *err)
{
	if (!is_plain_url(url))
		return agent_fail(err, EINVAL,
				  "'%s' is not the URL of a ClickHouse server: http://HOST:8123 or "
				  "https://HOST:8443",
				  url);
	if (strchr(url, '@'))
		return agent_fail(err, EINVAL,
				  "a URL is seen by others: the user belongs into --user, and the "
				  "password into a file or the environment");
	return 0;
}

int server_open(const struct server_opts *opts, struct server **out, struct egret_error *err)
{
	struct server *server;
	int ret = check_url(opts->url, err);

	if (ret)
		return ret;
	server = calloc(1, sizeof(*server));
	if (!server)
		return agent_fail(err, ENOMEM, "out of memory");
	server->curl = curl_easy_init();
	server->url = strdup(opts->url);
	server->user = strdup(opts->user ? opts->user : "default");
	server->password = strdup(opts->password ? opts->password : "");
	server->ca_file = opts->ca_file ? strdup(opts->ca_file) : NULL;
	server->timeout_ms = opts->timeout_ms ? opts->timeout_ms : DEFAULT_TIMEOUT_MS;
	if (!server->curl || !server->url || !server->user || !server->password ||
	    (opts->ca_file && !server->ca_file)) {
		server_close(server);
		return agent_fail(err, ENOMEM, "out of memory");
	}
	while (*server->url && server->url[strlen(server->url) - 1] == '/')
		server->url[strlen(server->url) - 1] = '\0';
	*out = server;
	return 0;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	curl_easy_cleanup(server->curl);
	if (server->password)
		explicit_bzero(server->password, strlen(server->password));
	free(server->url);
	free(server->user);
	free(server->password);
	free(server->ca_file);
	free(server);
}

/* ---- what the server says ------------------------------------------------------------------ */

static size_t take_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *answer = arg;
	size_t len = size * n, room = sizeof(answer->complaint) - 1 - answer->n_complaint;
	long status = 0;

	curl_easy_getinfo(answer->server->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200) {
		if (!answer->request->answer)
			return len;
		answer->is_unwanted = answer->request->answer(bytes, len, answer->request->arg);
		return answer->is_unwanted ? 0 : len;
	}
	memcpy(answer->complaint + answer->n_complaint, bytes, len < room ? len : room);
	answer->n_complaint += len < room ? len : room;
	return len;
}

static int error_of(unsigned int code, long status)
{
	switch (code) {
	case CH_UNKNOWN_TABLE:
	case CH_UNKNOWN_DATABASE:
		return -ENOENT;
	case CH_UNKNOWN_USER:
	case CH_WRONG_PASSWORD:
	case CH_REQUIRED_PASSWORD:
	case CH_ACCESS_DENIED:
	case CH_AUTHENTICATION_FAILED:
		return -EACCES;
	case CH_QUERY_IS_RUNNING:
		return -EBUSY;
	}
	return status == 401 || status == 403 ? -EACCES : -EIO;
}

/*
 * "Code: 60, e.displayText() = DB::Exception: Table x doesn't exist., e.what() = ..." or, of later
 * releases, "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE) (version ...)".
 */
static char *heart_of(char *complaint)
{
	char *begin = strstr(complaint, "DB::Exception: ");
	char *end;

	begin = begin ? begin + strlen("DB::Exception: ") : complaint;
	end = strstr(begin, ", e.what()");
	if (!end)
		end = strstr(begin, " (version ");
	if (end)
		*end = '\0';
	for (char *p = begin; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	while (*begin == ' ')
		begin++;
	for (end = begin + strlen(begin); end > begin && (end[-1] == ' ' || end[-1] == '.');)
		*--end = '\0';
	return begin;
}

static int fail_by_answer(struct answer *answer, long status, struct egret_error *err)
{
	const char *url = answer->server->url;
	unsigned int code = 0;
	int ret;

	answer->complaint[answer->n_complaint] = '\0';
	sscanf(answer->complaint, "Code: %u", &code);
	ret = error_of(code, status);
	if (!answer->n_complaint)
		return agent_fail(err, -ret, "%s answers with the status %ld", url, status);
	return agent_fail(err, -ret, "%s: %.600s (%s %ld)%s", url, heart_of(answer->complaint),
			  code ? "code" : "status", code ? (long)code : status,
			  ret == -ENOENT ? ": egret fleet init makes the tables" : "");
}

static int fail_by_curl(struct answer *answer, CURLcode code, const char *why,
			struct egret_error *err)
{
	const char *url = answer->server->url;

	if (answer->is_unwanted)
		return agent_fail(err, ECANCELED, "the answer was not read to its end");
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return agent_fail(err, ECONNREFUSED, "no ClickHouse server at %s: %s", url, why);
	case CURLE_OPERATION_TIMEDOUT:
		return agent_fail(err, ETIMEDOUT, "%s does not answer in time: %s", url, why);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return agent_fail(err, EPROTO, "%s: %s", url, why);
	case CURLE_OUT_OF_MEMORY:
		return agent_fail(err, ENOMEM, "out of memory");
	default:
		return agent_fail(err, EIO, "%s: %s", url, why);
	}
}

/* ---- requests ------------------------------------------------------------------------------ */

static bool add_parameter(struct server *server, struct row_buffer *url, const char *name,
			  const char *value)
{
	char *escaped = curl_easy_escape(server->curl, value, (int)strlen(value));

	if (!escaped)
		return false;
	binary_bytes(url, "&", 1);
	binary_bytes(url, name, strlen(name));
	binary_bytes(url, "=", 1);
	binary_bytes(url, escaped, strlen(escaped));
	curl_free(escaped);
	return true;
}

/* The statement is in the URL where the body is something else. The answer begins when it is sure
 * that there is one: wait_end_of_query. */
static bool make_url(struct server *server, const struct server_request *request,
		     struct row_buffer *url)
{
	const struct server_table *table = request->table;
	bool ok = true;

	binary_bytes(url, server->url, strlen(server->url));
	binary_bytes(url, "/?wait_end_of_query=1", strlen("/?wait_end_of_query=1"));
	if (request->query_id)
		ok = add_parameter(server, url, "query_id", request->query_id);
	if (ok && (request->rows || table))
		ok = add_parameter(server, url, "query", request->query);
	if (ok && table) {
		char name[64];

		snprintf(name, sizeof(name), "%s_structure", table->name);
		ok = add_parameter(server, url, name, table->structure);
		snprintf(name, sizeof(name), "%s_format", table->name);
		ok = ok && add_parameter(server, url, name, "RowBinary");
	}
	binary_bytes(url, "", 1);
	return ok && !url->failed;
}

static void set_body(CURL *curl, const struct server_request *request)
{
	const struct row_buffer *rows = request->rows;

	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	if (rows) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rows->len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, rows->bytes);
	} else {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(request->query));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->query);
	}
}

static curl_mime *set_table(CURL *curl, const struct server_table *table)
{
	curl_mime *mime = curl_mime_init(curl);
	curl_mimepart *part = mime ? curl_mime_addpart(mime) : NULL;

	if (part) {
		curl_mime_name(part, table->name);
		curl_mime_filename(part, table->name);
		curl_mime_data(part, (const char *)table->rows->bytes, table->rows->len);
		curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
	}
	return mime;
}

static void set_options(struct server *server, struct answer *answer, const char *url, char *why)
{
	CURL *curl = server->curl;

	curl_easy_reset(curl); /* connections stay */
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)server->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (server->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
}

int server_request(struct server *server, const struct server_request *request,
		   struct egret_error *err)
{
	/* No form, and no wait for "100 Continue". */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	struct answer answer = { .server = server, .request = request };
	struct row_buffer url = { 0 };
	char why[CURL_ERROR_SIZE] = "";
	curl_mime *mime = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	if (headers && make_url(server, request, &url)) {
		set_options(server, &answer, (const char *)url.bytes, why);
		curl_easy_setopt(server->curl, CURLOPT_HTTPHEADER, headers);
		if (request->table)
			mime = set_table(server->curl, request->table);
		else
			set_body(server->curl, request);
		code = curl_easy_perform(server->curl);
		curl_easy_getinfo(server->curl, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_mime_free(mime);
	curl_slist_free_all(headers);
	binary_deinit(&url);
	if (code)
		return fail_by_curl(&answer, code, *why ? why : curl_easy_strerror(code), err);
	return status == 200 ? 0 : fail_by_answer(&answer, status, err);
}

static int add_answer(const void *bytes, size_t len, void *arg)
{
	struct row_buffer *rows = arg;

	binary_bytes(rows, bytes, len);
	return rows->failed;
}

int server_query(struct server *server, const char *query, struct row_buffer *answer,
		 struct egret_error *err)
{
	const struct server_request request = { .query = query,
						.answer = add_answer,
						.arg = answer };

	return server_request(server, &request, err);
}
