/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* listen.h - where the agent is asked: a unix socket, or an address of IP. */
#ifndef EGRET_CMD_AGENT_LISTEN_H
#define EGRET_CMD_AGENT_LISTEN_H

#include <stdbool.h>

#include <egret/egret.h>

struct listener {
	int fd;
	bool is_local;	/* nobody on the network reaches it */
	char text[300]; /* "unix:/run/egret/agent.sock", "127.0.0.1:7373": with the port in use */
	char path[108]; /* of a unix socket, to be removed at the end; else "" */
};

/*
 * where: "unix:PATH" or "HOST:PORT" ("[::1]:7373"; port 0: any that is free). A unix socket that
 * nobody listens on any more is replaced; it is for its owner and its group (0660).
 * Errors: -EINVAL: neither form; -EADDRINUSE, -EACCES, ...
 */
int listener_open(const char *where, struct listener *out, struct egret_error *err);
/*
 * Whether it is written as one, without opening it or asking for a name: else -EINVAL. *is_open:
 * it is known that the network reaches it.
 */
int listener_check(const char *where, bool *is_open, struct egret_error *err);
void listener_close(struct listener *listener);

#endif
