/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* http_answer.c - the pieces that answers over HTTP are made of. */
#include "agent/http_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_MIN 16
#define TOKEN_MAX 4096

const char http_front_page[] =
	"<!doctype html><html lang=en><meta charset=utf-8><title>egret agent</title>"
	"<style>body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}"
	"code{background:#8882;padding:.1em .3em}</style>"
	"<h1>egret agent</h1><p>What this machine does, sampled all the time.<ul>"
	"<li><a href=\"/flamegraph?seconds=10\">/flamegraph?seconds=10</a>: a flame graph of the "
	"next ten seconds"
	"<li><a href=\"/debug/pprof/profile?seconds=10\">/debug/pprof/profile?seconds=10</a>: the "
	"same for pprof: <code>go tool pprof http://HOST:PORT/debug/pprof/profile?seconds=10</code>"
	"<li><a href=\"/metrics\">/metrics</a>: every counter, for Prometheus"
	"<li><a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a></ul>"
	"<p>The past is in the agent's store: <code>egret report --from 10:00 --to 10:05</code>, "
	"<code>egret export --from=-5m -o page.html</code>.</html>\n";

static int fail(struct egret_error *err, int code, const char *what, const char *path)
{
	snprintf(err->text, sizeof(err->text), "%s: %s", path, what);
	return -code;
}

/* ---- responses ------------------------------------------------------------------------------ */

static struct MHD_Response *typed(struct MHD_Response *response, const char *type)
{
	if (!response)
		return NULL;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	return response;
}

struct MHD_Response *http_text(const char *text, const char *type)
{
	return typed(
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY),
		type);
}

struct MHD_Response *http_ask_for_token(void)
{
	struct MHD_Response *response =
		http_text("this agent wants a token: Authorization: Bearer TOKEN\n",
			  "text/plain; charset=utf-8");

	if (response)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"egret\"");
	return response;
}

static struct MHD_Response *of_file(int fd, const char *type, const char *file)
{
	char disposition[100];
	struct MHD_Response *response;
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	response = typed(MHD_create_response_from_fd64((uint64_t)st.st_size, fd), type);
	if (response && file) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s\"", file);
		MHD_add_response_header(response, "Content-Disposition", disposition);
	}
	return response;
}

int http_export(const struct egret_profile *profile, const char *format, const char *type,
		const char *file, struct MHD_Response **out, struct egret_error *err)
{
	const struct egret_export_opts opts = { .size = sizeof(opts) };
	int fd = memfd_create("egret answer", MFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return fail(err, errno, strerror(errno), "an answer");
	ret = egret_profile__export(profile, format, fd, &opts, err);
	if (ret) {
		close(fd);
		return ret;
	}
	*out = of_file(fd, type, file);
	if (*out)
		return 0;
	close(fd);
	return fail(err, ENOMEM, "out of memory", "an answer");
}

enum MHD_Result http_send(struct MHD_Connection *connection, unsigned int status,
			  struct MHD_Response *response)
{
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

/* ---- who asks ------------------------------------------------------------------------------- */

bool http_has_token(struct MHD_Connection *connection, const char *token)
{
	static const char scheme[] = "Bearer ";
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       "Authorization");
	size_t len = strlen(token), given;
	unsigned int differences;

	if (!text || strncasecmp(text, scheme, strlen(scheme)))
		return false;
	text += strlen(scheme);
	given = strlen(text);
	differences = given != len;
	for (size_t i = 0; i < len; i++)
		differences |= (unsigned char)token[i] ^ (unsigned char)text[given ? i % given : 0];
	return !differences;
}

int http_read_file(const char *path, size_t max, char **out, struct egret_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got;
	char *text;

	if (fd < 0)
		return fail(err, errno, strerror(errno), path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
		close(fd);
		return fail(err, EFBIG, "is no regular file, or too large", path);
	}
	text = calloc(1, (size_t)st.st_size + 1);
	got = text ? read(fd, text, (size_t)st.st_size) : -1;
	close(fd);
	if (got != st.st_size) {
		free(text);
		return fail(err, EIO, "cannot be read", path);
	}
	*out = text;
	return 0;
}

int http_read_token(const char *path, char **out, struct egret_error *err)
{
	struct stat st;
	int ret;

	if (!stat(path, &st) && (st.st_mode & 07))
		return fail(err, EPERM, "everybody may read this token: chmod o= it", path);
	ret = http_read_file(path, TOKEN_MAX, out, err);
	if (ret)
		return ret;
	(*out)[strcspn(*out, "\r\n")] = 0;
	if (strlen(*out) >= TOKEN_MIN)
		return 0;
	free(*out);
	*out = NULL;
	return fail(err, EINVAL, "its first line is no token of at least 16 bytes", path);
}
