/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* http_answer.h - the pieces that answers over HTTP are made of. */
#ifndef EGRET_CMD_AGENT_HTTP_ANSWER_H
#define EGRET_CMD_AGENT_HTTP_ANSWER_H

#include <egret/egret.h>
#include <microhttpd.h>

/* What / shows: where everything is. */
extern const char http_front_page[];

/* A response, the caller's; NULL without memory. */
struct MHD_Response *http_text(const char *text, const char *type);
struct MHD_Response *http_ask_for_token(void);

/* The profile in a format of egret_format_name(). file: the name to keep it under, or NULL. */
int http_export(const struct egret_profile *profile, const char *format, const char *type,
		const char *file, struct MHD_Response **out, struct egret_error *err);

/* Gives the response (NULL: there was no memory for it) away. */
enum MHD_Result http_send(struct MHD_Connection *connection, unsigned int status,
			  struct MHD_Response *response);

/* Whether the request has "Authorization: Bearer TOKEN"; takes the same time for any other. */
bool http_has_token(struct MHD_Connection *connection, const char *token);

/* The file as text, the caller's to free; -EFBIG beyond max bytes. */
int http_read_file(const char *path, size_t max, char **out, struct egret_error *err);
/* Its first line: at least 16 bytes, in a file that only its owner (and group) can read. */
int http_read_token(const char *path, char **out, struct egret_error *err);

#endif
