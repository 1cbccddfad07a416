/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/parsing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "parser/program.h"
#include "session/parsing_kept.h"
#include "session/parsing_wire.h"
#include "unwind/table_file.h"

/* Names of 4,096 addresses: hundreds of inlined functions each, with names of kilobytes. */
#define NAMES_MAX (64u << 20)

/* Also when one of them means something else. */
#define FACTS_VERSION 1u

int egret_parser__start(const struct egret_parser_opts *opts, struct egret_parser **out,
			struct egret_error *err)
{
	struct egret_parser_opts with;
	struct egret_error why_not;
	char path[PATH_MAX];
	int ret = egret_options_take(&with, sizeof(with), opts, "parser options", err);

	if (ret)
		return ret;
	if (!with.program && egret_parser_find_program(path, sizeof(path))) {
		with.program = path;
		if (!egret_parser_create(&with, egret_parsing_answer, out, &why_not))
			return 0;
		with.program = NULL;
	}
	return egret_parser_create(&with, egret_parsing_answer, out, err);
}

/* ---- the file ---------------------------------------------------------------------------- */

static const char *why(int error)
{
	return error == -EBADMSG ? "the parser has no answer for it" : strerror(-error);
}

static int ask_for_facts(struct egret_parser *parser, const struct egret_parser_question *question,
			 struct egret_elf_facts *facts)
{
	struct egret_buffer answer = { 0 };
	int ret = egret_parser_ask(parser, question, sizeof(*facts), &answer);

	if (!ret && answer.len != sizeof(*facts)) {
		egret_parser_refuse(parser, question);
		ret = -EBADMSG;
	}
	if (!ret)
		memcpy(facts, answer.data, sizeof(*facts));
	egret_buffer_deinit(&answer);
	return ret;
}

static bool open_as_kept(struct egret_cache *cache, const struct egret_cache_key *key, int fd,
			 const char *name, struct egret_elf **out)
{
	struct egret_cache_blob blob;

	if (egret_cache_get(cache, key, &blob))
		return false;
	if (blob.size == sizeof(struct egret_elf_facts) &&
	    !egret_elf_open_told(fd, name, blob.bytes, out, NULL)) {
		egret_cache_blob_deinit(&blob);
		return true;
	}
	egret_cache_reject(cache, &blob);
	return false;
}

int egret_parsing_open(void *arg, int fd, const char *name, struct egret_elf **out,
		       struct egret_error *err)
{
	const struct egret_parsing *parsing = arg;
	struct egret_parser_question question = { .kind = EGRET_PARSING_FACTS,
						  .files = { fd, -1 } };
	struct egret_elf_facts facts;
	struct egret_cache_key key;
	bool is_kept = parsing->cache &&
		       egret_parsing_kept_key(&question, EGRET_CACHE_FACTS, FACTS_VERSION, &key);
	int ret;

	if (is_kept && open_as_kept(parsing->cache, &key, fd, name, out))
		return 0;
	ret = ask_for_facts(parsing->parser, &question, &facts);
	if (ret)
		return egret_fail(err, -ret, "%s: %s", name, why(ret));
	ret = egret_elf_open_told(fd, name, &facts, out, err);
	if (ret == -EBADMSG)
		egret_parser_refuse(parsing->parser, &question);
	if (!ret && is_kept)
		(void)egret_cache_put(parsing->cache, &key, &facts, sizeof(facts));
	return ret;
}

static struct egret_parser_question question_about(enum egret_parsing_kind kind,
						   const struct egret_elf *elf,
						   const struct egret_elf *debug)
{
	return (struct egret_parser_question){
		.kind = kind,
		.files = { egret_elf_told_fd(elf), debug ? egret_elf_told_fd(debug) : -1 },
	};
}

/* ---- unwind tables ----------------------------------------------------------------------- */

/* Nothing is a file without tables. */
static bool are_tables(const void *bytes, size_t size)
{
	return !size || egret_table_file_is_valid(bytes, size);
}

static bool get_kept_tables(struct egret_cache *cache, const struct egret_cache_key *key,
			    struct egret_buffer *out)
{
	struct egret_cache_blob blob;

	if (egret_cache_get(cache, key, &blob))
		return false;
	if (!are_tables(blob.bytes, blob.size)) {
		egret_cache_reject(cache, &blob);
		return false;
	}
	egret_buffer_add(out, blob.bytes, blob.size);
	egret_cache_blob_deinit(&blob);
	return true;
}

static int ask_for_tables(struct egret_parser *parser, const struct egret_parser_question *question,
			  struct egret_buffer *out)
{
	int ret = egret_parser_ask(parser, question, EGRET_TABLE_FILE_MAX + (1u << 20), out);

	if (!ret && !are_tables(out->data, out->len)) {
		egret_parser_refuse(parser, question);
		ret = -EBADMSG;
	}
	return ret;
}

int egret_parsing_tables(const struct egret_parsing *parsing, const struct egret_elf *elf,
			 const struct egret_elf *debug, struct egret_buffer *out)
{
	struct egret_parser_question question = question_about(EGRET_PARSING_TABLES, elf, debug);
	struct egret_cache_key key;
	bool is_kept = parsing->cache && egret_parsing_kept_key(&question, EGRET_CACHE_TABLES,
								EGRET_TABLE_FILE_VERSION, &key);
	int ret = 0;

	if (!is_kept || !get_kept_tables(parsing->cache, &key, out)) {
		ret = ask_for_tables(parsing->parser, &question, out);
		if (!ret && is_kept)
			(void)egret_cache_put(parsing->cache, &key, out->data, out->len);
	}
	if (!ret && out->failed)
		ret = -ENOMEM;
	if (ret)
		egret_buffer_deinit(out);
	return ret ? ret : out->len ? 0 : -ENOENT;
}

/* ---- names ------------------------------------------------------------------------------- */

/* The parts of an answer, once its sizes are known to be right. */
struct parts {
	const struct egret_wire_places *head;
	const struct egret_wire_place *places;
	const struct egret_wire_line *lines;
	const char *text;
};

static bool find_parts(const struct egret_buffer *answer, size_t n, struct parts *parts)
{
	const struct egret_wire_places *head = (const void *)answer->data;
	uint64_t left = answer->len;

	if (left < sizeof(*head) || head->n != n)
		return false;
	left -= sizeof(*head);
	if (left < n * sizeof(*parts->places))
		return false;
	left -= n * sizeof(*parts->places);
	if (left < head->n_lines * (uint64_t)sizeof(*parts->lines))
		return false;
	left -= head->n_lines * (uint64_t)sizeof(*parts->lines);
	if (!left || head->text_len != left)
		return false;
	parts->head = head;
	parts->places = (const void *)(head + 1);
	parts->lines = (const void *)(parts->places + n);
	parts->text = (const char *)(parts->lines + head->n_lines);
	return !parts->text[left - 1];
}

/* False: it leads out of the text. */
static bool text_at(const struct parts *parts, uint32_t at, const char **text)
{
	*text = at < parts->head->text_len ? parts->text + at : NULL;
	return *text || at == EGRET_WIRE_NO_TEXT;
}

static bool take_place(const struct parts *parts, size_t i, uint64_t vaddr,
		       struct egret_parsed_names *out)
{
	const struct egret_wire_place *from = &parts->places[i];
	struct egret_parsed_place *place = &out->places[i];

	if (vaddr < from->start || vaddr >= from->end || from->reason >= EGRET_NAME_NR ||
	    from->first_line > parts->head->n_lines ||
	    from->n_lines > parts->head->n_lines - from->first_line)
		return false;
	*place = (struct egret_parsed_place){ .vaddr = vaddr,
					      .start = from->start,
					      .end = from->end,
					      .reason = (enum egret_name_reason)from->reason,
					      .lines = out->lines + from->first_line,
					      .n_lines = from->n_lines };
	return text_at(parts, from->symbol, &place->symbol);
}

static bool take_line(const struct parts *parts, size_t i, struct egret_parsed_names *out)
{
	const struct egret_wire_line *from = &parts->lines[i];
	struct egret_dwarf_line *line = &out->lines[i];

	*line = (struct egret_dwarf_line){ .line = from->line, .is_inlined = from->is_inlined };
	return text_at(parts, from->function, &line->function) &&
	       text_at(parts, from->file, &line->file);
}

/* 0; -EBADMSG: it is not what it has to be. */
static int take_names(const uint64_t *vaddrs, size_t n, struct egret_parsed_names *out)
{
	struct parts parts;

	if (!find_parts(&out->answer, n, &parts))
		return -EBADMSG;
	out->places = calloc(n + 1, sizeof(*out->places));
	out->lines = calloc(parts.head->n_lines + 1ul, sizeof(*out->lines));
	if (!out->places || !out->lines)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!take_place(&parts, i, vaddrs[i], out))
			return -EBADMSG;
	for (size_t i = 0; i < parts.head->n_lines; i++)
		if (!take_line(&parts, i, out))
			return -EBADMSG;
	out->n = n;
	return 0;
}

int egret_parsing_names(struct egret_parser *parser, const struct egret_elf *elf,
			const struct egret_elf *debug, enum egret_demangle demangle, bool lines,
			const uint64_t *vaddrs, size_t n, struct egret_parsed_names *out)
{
	struct egret_parser_question question =
		question_about(lines ? EGRET_PARSING_LINES : EGRET_PARSING_NAMES, elf, debug);
	size_t size = sizeof(struct egret_wire_names) + n * sizeof(*vaddrs);
	__free_ struct egret_wire_names *text = malloc(size);
	int ret;

	*out = (struct egret_parsed_names){ 0 };
	if (!text)
		return -ENOMEM;
	*text = (struct egret_wire_names){ .demangle = demangle, .n = (uint32_t)n };
	memcpy(text->vaddrs, vaddrs, n * sizeof(*vaddrs));
	question.text = text;
	question.len = size;
	ret = egret_parser_ask(parser, &question, NAMES_MAX, &out->answer);
	if (ret)
		return ret;
	ret = take_names(vaddrs, n, out);
	if (ret == -EBADMSG)
		egret_parser_refuse(parser, &question);
	return ret;
}

void egret_parsed_names_deinit(struct egret_parsed_names *names)
{
	egret_buffer_deinit(&names->answer);
	free(names->places);
	free(names->lines);
	*names = (struct egret_parsed_names){ 0 };
}
