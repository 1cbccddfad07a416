/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * egret-parser: the process that answers an egret_parser's questions (parser/parser.h). A program
 * of its own, so that it has nothing of its caller's memory, and few mappings to copy for each
 * question.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "parser/sandbox.h"
#include "parser/wire.h"
#include "session/parsing.h"

int main(void)
{
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(EGRET_SANDBOX_FD, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != SOCK_SEQPACKET) {
		fputs("egret-parser: egret and programs with libegret run it, nobody by hand\n",
		      stderr);
		return 2;
	}
	egret_parser_serve(EGRET_SANDBOX_FD, egret_parsing_answer);
}
