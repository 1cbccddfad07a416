/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * parsing_kept.h - answers of a parser that are kept on disk for the next session.
 *
 * Not by the build-id, which a hostile file may say to be that of another one, but by which file it
 * is: device, inode, size, and the time of its last change (inode(7): ctime), which nobody but the
 * superuser can set. What a file has made of its own answer is thus believed of that file alone, as
 * it is without being kept.
 */
#ifndef EGRET_SESSION_PARSING_KEPT_H
#define EGRET_SESSION_PARSING_KEPT_H

#include "cache/cache.h"
#include "parser/parser.h"

/*
 * The key of the answer to a question about files. False: nothing is kept of it, since a file is
 * none, or was changed in the last seconds and may be changed again at the same time of its clock.
 */
bool egret_parsing_kept_key(const struct egret_parser_question *question,
			    enum egret_cache_kind kind, uint32_t version,
			    struct egret_cache_key *key);

#endif
