/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* wire.h - what goes between who asks and who answers: one boot, one build, one machine. */
#ifndef EGRET_PARSER_WIRE_H
#define EGRET_PARSER_WIRE_H

#include "parser/parser.h"

/* One message, the text behind it; with it, where the answer goes, then the files. */
struct egret_wire_question {
	uint32_t kind;
	uint32_t n_files;
	uint32_t cpu_ms; /* see struct egret_sandbox_limits */
	uint32_t timeout_ms;
	uint32_t len; /* bytes of the text */
	uint32_t reserved;
	uint64_t memory; /* bytes that may be used besides the files */
};

/* Once, from the process that waits for questions: whether it is confined, and what it is. */
struct egret_wire_hello {
	int32_t ret;	  /* 0 or -errno */
	char version[32]; /* egret_version() */
	char text[256];
};

/* In the pipe, before the bytes of the answer. */
#define EGRET_WIRE_MAGIC 0x52654765u
struct egret_wire_answer {
	uint32_t magic;
	int32_t ret;
	uint64_t len;
	uint64_t cpu_ns; /* that it took, as it says */
};

/*
 * The process that answers, a copy of who asks or a program of its own (lib/program): until the
 * socket ends. Never returns.
 */
__attribute__((noreturn)) void egret_parser_serve(int socket, egret_parser_answer_fn answer);

#endif
