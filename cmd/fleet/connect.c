/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* connect.c - the server that the options name; its password is in a file, or the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/fleet.h"

#define PASSWORD_VARIABLE "EGRET_CLICKHOUSE_PASSWORD"

/* The first line of a file, without its end. NULL after having said why. */
static char *read_password(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!file) {
		say_error("%s: %s", path, strerror(errno));
		return NULL;
	}
	len = getline(&line, &room, file);
	if (len < 0) {
		say_error("%s: there is no password in it", path);
		free(line);
		line = NULL;
	} else {
		line[strcspn(line, "\r\n")] = '\0';
	}
	fclose(file);
	return line;
}

int fleet_connect(const struct fleet_opts *o, struct server **out)
{
	struct server_opts opts = {
		.url = o->url,
		.user = o->user,
		.password = getenv(PASSWORD_VARIABLE),
		.ca_file = o->ca_file,
		.timeout_ms = o->timeout_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)o->timeout_ms,
	};
	struct egret_error err = { "" };
	char *password = NULL;
	int ret;

	if (o->password_file) {
		password = read_password(o->password_file);
		if (!password)
			return STATUS_FAILED;
		opts.password = password;
	}
	ret = server_open(&opts, out, &err);
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	if (ret == -EINVAL)
		return say_usage("fleet", "--url: %s", err.text);
	return ret ? say_failure(&err) : STATUS_OK;
}
