/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * parser.h - questions about files, answered by a process that can do nothing else.
 *
 * A process is started, confined (sandbox.h), and waits. For each question it forks one that
 * gets the files as descriptors, is confined further, computes the answer into a pipe and ends: so
 * that who is taken over by one file answers for that file alone. An answer is bytes, bounded in
 * size and time, which the asker checks before it believes them. A file that was not answered for
 * is not asked about again.
 *
 * What the questions are, this module does not know.
 */
#ifndef EGRET_PARSER_PARSER_H
#define EGRET_PARSER_PARSER_H

#include <egret/egret.h>

#include "base/buffer.h"
#include "base/error.h"

#define EGRET_PARSER_FILES 2
#define EGRET_PARSER_TEXT_MAX 65536u /* bytes of a question */

struct egret_parser_question {
	uint32_t kind;
	int files[EGRET_PARSER_FILES]; /* -1: none; the first there is always */
	const void *text;	       /* bytes that go with it */
	size_t len;
};

/*
 * In the confined process: the answer to a question. 0, or -errno, which is the asker's. What is
 * allocated, or hangs, goes with the process.
 */
typedef int (*egret_parser_answer_fn)(const struct egret_parser_question *question,
				      struct egret_buffer *out);

/*
 * As egret_parser__start. opts->program NULL: the process is a copy of the caller's, and answer is
 * what answers there. -ESTALE: the program is of another version.
 */
int egret_parser_create(const struct egret_parser_opts *opts, egret_parser_answer_fn answer,
			struct egret_parser **out, struct egret_error *err);

/*
 * Asks, and waits. Any thread, several at a time. out is empty and takes the answer, of at most
 * max bytes. 0; what the answering function returned; or -EBADMSG: the file has no answer, which is
 * counted, and it will have none.
 */
int egret_parser_ask(struct egret_parser *parser, const struct egret_parser_question *question,
		     size_t max, struct egret_buffer *out);

/* The answer to the question was not what it has to be: counted, and not asked again. */
void egret_parser_refuse(struct egret_parser *parser, const struct egret_parser_question *question);

#endif
