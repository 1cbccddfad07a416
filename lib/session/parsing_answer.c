/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* parsing_answer.c - in the process that reads files: from their bytes to answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "session/code_names.h"
#include "session/parsing.h"
#include "session/parsing_wire.h"
#include "symbolize/symbolize.h"
#include "unwind/table_module.h"

/* The files of a question. Nothing is given back: the process ends. */
static int open_files(const struct egret_parser_question *question, struct egret_elf **elf,
		      struct egret_elf **debug)
{
	int ret = egret_elf_open_fd(question->files[0], "file", elf, NULL);

	*debug = NULL;
	if (!ret && question->files[1] >= 0 &&
	    egret_elf_open_fd(question->files[1], "debug file", debug, NULL))
		*debug = NULL;
	return ret;
}

static int answer_facts(const struct egret_elf *elf, struct egret_buffer *out)
{
	struct egret_elf_facts facts;

	egret_elf_facts(elf, &facts);
	egret_buffer_add(out, &facts, sizeof(facts));
	return 0;
}

static int answer_tables(const struct egret_elf *elf, const struct egret_elf *debug,
			 struct egret_buffer *out)
{
	struct egret_table_module *module;
	int ret = egret_table_module_create(elf, debug, &module);

	if (ret)
		return ret;
	egret_table_module_touch_all(module);
	ret = egret_table_module_export(module, out);
	return ret < 0 ? ret : 0;
}

/* ---- names ------------------------------------------------------------------------------- */

struct naming {
	enum egret_demangle demangle;
	const uint64_t *vaddrs;
	size_t n;
	uint32_t *order; /* of vaddrs, lowest first */
	struct egret_wire_place *places;
	struct egret_buffer lines, text;
};

static uint32_t add_text(struct naming *naming, const char *text)
{
	size_t at = naming->text.len;

	if (!text || at + strlen(text) >= EGRET_WIRE_NO_TEXT)
		return EGRET_WIRE_NO_TEXT;
	egret_buffer_add(&naming->text, text, strlen(text) + 1);
	return (uint32_t)at;
}

static uint32_t add_name(struct naming *naming, const char *name)
{
	__free_ char *demangled = NULL;

	if (name && naming->demangle == EGRET_DEMANGLE_FULL)
		demangled = egret_demangle(name);
	else if (name && naming->demangle == EGRET_DEMANGLE_SHORT)
		demangled = egret_demangle_short(name);
	return add_text(naming, demangled ? demangled : name);
}

static int compare_vaddrs(const void *a, const void *b, void *arg)
{
	const struct naming *naming = arg;
	uint64_t x = naming->vaddrs[*(const uint32_t *)a], y = naming->vaddrs[*(const uint32_t *)b];

	return (x > y) - (x < y);
}

/* In the order of addresses: those of one run stand beside each other. */
static void add_symbols(struct naming *naming, struct egret_code_names *code)
{
	const struct egret_wire_place *last = NULL;

	for (size_t k = 0; k < naming->n; k++) {
		uint32_t i = naming->order[k];
		enum egret_name_reason reason = EGRET_NAME_NOT_ASKED;
		struct egret_symbol_run run;

		if (last && naming->vaddrs[i] < last->end) {
			naming->places[i] = *last;
			continue;
		}
		egret_code_names_run(code, naming->vaddrs[i], &run, &reason);
		naming->places[i] = (struct egret_wire_place){
			.start = run.start,
			.end = run.end,
			.symbol = add_name(naming, run.name),
			.reason = reason,
		};
		last = &naming->places[i];
	}
}

static void add_lines(struct naming *naming, struct egret_code_names *code, size_t i)
{
	struct egret_dwarf_line lines[EGRET_CODE_LINES_MAX];
	size_t n = egret_code_names_find(code, naming->vaddrs[i], lines, EGRET_CODE_LINES_MAX,
					 NULL);

	naming->places[i].first_line =
		(uint32_t)(naming->lines.len / sizeof(struct egret_wire_line));
	naming->places[i].n_lines = (uint32_t)n;
	for (size_t k = 0; k < n; k++) {
		struct egret_wire_line line = {
			.function = add_name(naming, lines[k].function),
			.file = add_text(naming, lines[k].file),
			.line = lines[k].line,
			.is_inlined = lines[k].is_inlined,
		};

		egret_buffer_add(&naming->lines, &line, sizeof(line));
	}
}

static int find_names(struct naming *naming, struct egret_code_names *code, bool lines)
{
	naming->order = calloc(naming->n + 1, sizeof(*naming->order));
	naming->places = calloc(naming->n + 1, sizeof(*naming->places));
	if (!naming->order || !naming->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < naming->n; i++)
		naming->order[i] = i;
	qsort_r(naming->order, naming->n, sizeof(*naming->order), compare_vaddrs, naming);
	add_symbols(naming, code);
	if (lines)
		egret_code_names_prepare(code, naming->vaddrs, naming->n, 0);
	for (size_t i = 0; lines && i < naming->n; i++)
		add_lines(naming, code, i);
	return 0;
}

static int write_names(struct naming *naming, struct egret_buffer *out)
{
	struct egret_wire_places head = {
		.n = (uint32_t)naming->n,
		.n_lines = (uint32_t)(naming->lines.len / sizeof(struct egret_wire_line)),
	};

	/* So that the last byte of all strings is 0 where there are none, too. */
	egret_buffer_add(&naming->text, "", 1);
	head.text_len = naming->text.len;
	egret_buffer_add(out, &head, sizeof(head));
	egret_buffer_add(out, naming->places, naming->n * sizeof(*naming->places));
	egret_buffer_add(out, naming->lines.data, naming->lines.len);
	egret_buffer_add(out, naming->text.data, naming->text.len);
	return naming->lines.failed || naming->text.failed ? -ENOMEM : 0;
}

static int answer_names(const struct egret_parser_question *question, const struct egret_elf *elf,
			const struct egret_elf *debug, struct egret_buffer *out)
{
	const struct egret_wire_names *asked = question->text;
	struct egret_code_names *code;
	struct naming naming = { 0 };
	int ret = egret_code_names_create(elf, debug, NULL, &code, NULL);

	if (ret)
		return ret;
	naming.demangle = (enum egret_demangle)asked->demangle;
	naming.vaddrs = asked->vaddrs;
	naming.n = asked->n;
	if (question->kind == EGRET_PARSING_NAMES)
		egret_code_names_only(code, naming.vaddrs, naming.n);
	ret = find_names(&naming, code, question->kind == EGRET_PARSING_LINES);
	return ret ? ret : write_names(&naming, out);
}

int egret_parsing_answer(const struct egret_parser_question *question, struct egret_buffer *out)
{
	struct egret_elf *elf, *debug;
	int ret = open_files(question, &elf, &debug);

	if (ret)
		return ret;
	switch ((enum egret_parsing_kind)question->kind) {
	case EGRET_PARSING_FACTS:
		return answer_facts(elf, out);
	case EGRET_PARSING_TABLES:
		return answer_tables(elf, debug, out);
	case EGRET_PARSING_NAMES:
	case EGRET_PARSING_LINES:
		return answer_names(question, elf, debug, out);
	}
	return -EINVAL;
}
