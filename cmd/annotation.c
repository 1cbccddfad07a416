/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* annotation.c - a function with the samples that hit its lines and its instructions. */
#include "annotation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disassembly.h"
#include "hits.h"
#include "source_file.h"
#include "text.h"

#define PARTS_MAX 64	      /* functions that it is inlined into, and parts of its own */
#define SOURCE_LINES_MAX 5000 /* of its source that are shown */

/* Where an instruction comes from. Strings are the symbolizer's: equal ones are one. */
struct origin {
	const char *file; /* innermost; NULL: not known */
	uint32_t line;
	const char *own_file; /* in the source of the function itself */
	uint32_t own_line;
	char *inlined; /* "g in h": what is inlined there, innermost first; NULL: nothing */
	bool belongs;  /* to the function */
};

struct building {
	struct annotation *annotation;
	const struct annotation_opts *opts;
	struct hits hits;
	struct egret_symbolizer *symbolizer;
	struct egret_function_code parts[PARTS_MAX];
	size_t n_parts;
	struct disassembly code;
	struct origin *origins; /* by instruction */
	size_t n_origins;
	struct source_files sources;
	const char *why_no_line;
};

static int no_memory(struct egret_error *err)
{
	snprintf(err->text, sizeof(err->text), "out of memory");
	return -ENOMEM;
}

int annotation_add(struct annotation *a, enum annotation_kind kind, uint32_t number, char *text)
{
	if (text && a->n == a->capacity) {
		size_t more = a->capacity ? a->capacity * 2 : 256;
		struct annotation_line *larger = realloc(a->lines, more * sizeof(*larger));

		if (larger) {
			a->lines = larger;
			a->capacity = more;
		}
	}
	if (!text || a->n == a->capacity) {
		free(text);
		return -ENOMEM;
	}
	a->lines[a->n++] = (struct annotation_line){ .kind = kind, .number = number, .text = text };
	return 0;
}

static int add_text(struct annotation *a, const char *format, const char *what)
{
	char *text;

	return annotation_add(a, LINE_TEXT, 0, asprintf(&text, format, what) < 0 ? NULL : text);
}

/* ---- the code ------------------------------------------------------------------------------- */

static bool is_covered(const struct building *b, uint64_t offset)
{
	for (size_t i = 0; i < b->n_parts; i++)
		if (offset - b->parts[i].address < b->parts[i].n_bytes)
			return true;
	return false;
}

static int add_part(struct building *b, uint64_t offset, struct egret_error *err)
{
	struct egret_function_code code;
	int ret;

	if (is_covered(b, offset) || b->n_parts == PARTS_MAX)
		return 0;
	ret = egret_symbolizer__code(b->symbolizer, offset, &code, err);
	if (!ret)
		ret = disassembly_add(&b->code, &code, b->opts->intel, err);
	if (!ret)
		b->parts[b->n_parts++] = code;
	return ret;
}

/* All functions in which there are hits; the first is where most of them are looked for. */
static int find_parts(struct building *b, struct egret_error *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < b->hits.n; i++)
		ret = add_part(b, b->hits.items[i].offset, err);
	if (!ret && !b->hits.n)
		ret = add_part(b, b->hits.place, err);
	return ret;
}

/* ---- where it comes from -------------------------------------------------------------------- */

static char *inlined_names(const struct egret_location *location)
{
	char *names = NULL;
	size_t size;
	FILE *out = open_memstream(&names, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i + 1 < location->n_frames; i++)
		fprintf(out, "%s%s", i ? " in " : "", location->frames[i].name);
	if (fclose(out)) {
		free(names);
		return NULL;
	}
	return names;
}

static int add_origin(const struct egret_location *location, void *arg)
{
	struct building *b = arg;
	struct origin *origin = &b->origins[b->n_origins++];
	const struct egret_frame *frame = &location->frames[location->n_frames - 1];

	for (size_t i = 0; i < location->n_frames && !origin->belongs; i++) {
		if (strcmp(location->frames[i].name, b->annotation->function))
			continue;
		origin->belongs = true;
		frame = &location->frames[i];
	}
	origin->own_file = frame->file;
	origin->own_line = frame->line;
	origin->file = location->frames[0].file;
	origin->line = location->frames[0].line;
	if (location->why)
		b->why_no_line = location->why;
	if (location->n_frames > 1 && !(origin->inlined = inlined_names(location)))
		return -ENOMEM;
	return 0;
}

static int find_origins(struct building *b, struct egret_error *err)
{
	uint64_t *offsets = malloc((b->code.n + 1) * sizeof(*offsets));
	bool any = false;
	int ret;

	b->origins = calloc(b->code.n + 1, sizeof(*b->origins));
	if (!offsets || !b->origins) {
		free(offsets);
		return no_memory(err);
	}
	for (size_t i = 0; i < b->code.n; i++)
		offsets[i] = b->code.items[i].offset;
	ret = egret_symbolizer__find(b->symbolizer, offsets, b->code.n, add_origin, b, err);
	free(offsets);
	for (size_t i = 0; i < b->n_origins; i++)
		any |= b->origins[i].belongs;
	/* Names that are made in another way than those of the profile: all of the code is it. */
	for (size_t i = 0; i < b->n_origins && !any; i++)
		b->origins[i].belongs = true;
	return ret;
}

/* The samples that hit an instruction. */
static struct hit hit_of(const struct building *b, size_t instruction)
{
	const struct instruction *insn = &b->code.items[instruction];
	struct hit sum = { 0 };

	for (size_t i = hits_from(&b->hits, insn->offset);
	     i < b->hits.n && b->hits.items[i].offset < insn->offset + insn->size; i++) {
		sum.samples += b->hits.items[i].samples;
		sum.value += b->hits.items[i].value;
	}
	return sum;
}

/* ---- lines of source ------------------------------------------------------------------------ */

struct source_hits {
	const char *file; /* of most instructions */
	uint32_t first, last;
	struct hit *lines; /* by number - first */
};

static bool choose_file(const struct building *b, struct source_hits *s)
{
	size_t most = 0;

	*s = (struct source_hits){ .first = UINT32_MAX };
	/* Few files at most: the function is in one, but for what #include brings. */
	for (size_t i = 0; i < b->n_origins && i < 64; i++) {
		size_t n = 0;

		for (size_t k = 0; k < b->n_origins; k++)
			n += b->origins[k].belongs &&
			     b->origins[k].own_file == b->origins[i].own_file;
		if (b->origins[i].own_file && n > most) {
			most = n;
			s->file = b->origins[i].own_file;
		}
	}
	for (size_t i = 0; s->file && i < b->n_origins; i++) {
		const struct origin *o = &b->origins[i];

		if (!o->belongs || o->own_file != s->file || !o->own_line)
			continue;
		if (o->own_line < s->first)
			s->first = o->own_line;
		if (o->own_line > s->last)
			s->last = o->own_line;
	}
	return s->file && s->first <= s->last && s->last - s->first < SOURCE_LINES_MAX;
}

static int add_source_line(struct building *b, const struct source_file *file, uint32_t number,
			   const struct hit *hit)
{
	struct annotation *a = b->annotation;

	if (file->error && !hit->samples)
		return 0;
	if (annotation_add(a, LINE_SOURCE, number, source_line(file, number)))
		return -ENOMEM;
	a->lines[a->n - 1].samples = hit->samples;
	a->lines[a->n - 1].value = hit->value;
	return 0;
}

static int add_source_head(struct building *b, const struct source_file *file)
{
	char *text;

	if (!file->error)
		return add_text(b->annotation, "%s", file->path);
	if (asprintf(&text, "%s: %s; only its lines with samples, by their numbers", file->path,
		     strerror(file->error)) < 0)
		text = NULL;
	return annotation_add(b->annotation, LINE_TEXT, 0, text);
}

static int add_source(struct building *b)
{
	const struct source_file *file;
	struct source_hits s;
	int ret;

	if (!choose_file(b, &s))
		return b->why_no_line
			       ? add_text(b->annotation, "no lines of source: %s", b->why_no_line)
			       : 0;
	file = source_files_get(&b->sources, s.file);
	s.lines = calloc(s.last - s.first + 1, sizeof(*s.lines));
	ret = file && s.lines ? add_source_head(b, file) : -ENOMEM;
	for (size_t i = 0; !ret && i < b->n_origins; i++) {
		const struct origin *o = &b->origins[i];
		struct hit hit = hit_of(b, i);

		if (!o->belongs || o->own_file != s.file || o->own_line < s.first)
			continue;
		s.lines[o->own_line - s.first].samples += hit.samples;
		s.lines[o->own_line - s.first].value += hit.value;
	}
	for (uint32_t line = s.first; !ret && line <= s.last; line++)
		ret = add_source_line(b, file, line, &s.lines[line - s.first]);
	free(s.lines);
	return ret ? ret : add_text(b->annotation, "%s", "");
}

/* ---- instructions --------------------------------------------------------------------------- */

/* "crc.c:12", "inlined mix in fold: mix.h:3"; the source of the line follows. */
static int add_place(struct building *b, const struct origin *o)
{
	const struct source_file *file = NULL;
	char *source = NULL, *text = NULL;
	int len;

	if (o->file && !b->opts->no_source) {
		file = source_files_get(&b->sources, o->file);
		if (!file || !(source = source_line(file, o->line)))
			return -ENOMEM;
	}
	len = asprintf(&text, "%s%s%s%s:%u  %s", o->inlined ? "inlined " : "",
		       o->inlined ? o->inlined : "", o->inlined ? ": " : "",
		       o->file ? text_file_name(o->file) : "?", o->line,
		       source ? source + strspn(source, " ") : "");
	free(source);
	return annotation_add(b->annotation, LINE_PLACE, o->line, len < 0 ? NULL : text);
}

static bool same_place(const struct origin *x, const struct origin *y)
{
	if (x->file != y->file || x->line != y->line || !x->inlined != !y->inlined)
		return false;
	return !x->inlined || !strcmp(x->inlined, y->inlined);
}

static int take_name(const struct egret_location *location, void *arg)
{
	const struct egret_frame *frame = &location->frames[location->n_frames - 1];
	char **name = arg;

	if (!(frame->flags & EGRET_FRAME_F_UNNAMED))
		*name = strdup(frame->name);
	return 0;
}

/* Of a call: the function that it leads to. */
static char *target_name(struct building *b, const struct instruction *insn)
{
	uint64_t offset = insn->offset + (insn->target - insn->vaddr);
	char *name = NULL, *text = NULL;

	if (!insn->target || strncmp(insn->text, "call", 4))
		return NULL;
	egret_symbolizer__find(b->symbolizer, &offset, 1, take_name, &name, NULL);
	if (name && asprintf(&text, "%s  <%s>", insn->text, name) < 0)
		text = NULL;
	free(name);
	return text;
}

static int add_instruction(struct building *b, size_t number)
{
	struct annotation *a = b->annotation;
	const struct instruction *insn = &b->code.items[number];
	struct hit hit = hit_of(b, number);
	char *text = target_name(b, insn);

	if (annotation_add(a, LINE_CODE, 0, text ? text : strdup(insn->text)))
		return -ENOMEM;
	a->lines[a->n - 1].address = insn->vaddr;
	a->lines[a->n - 1].samples = hit.samples;
	a->lines[a->n - 1].value = hit.value;
	return 0;
}

static int add_code(struct building *b)
{
	const struct origin *last = NULL;
	size_t part = b->n_parts;
	int ret = 0;

	for (size_t i = 0; !ret && i < b->n_origins; i++) {
		const struct origin *o = &b->origins[i];
		uint64_t offset = b->code.items[i].offset;

		if (!o->belongs)
			continue;
		if (part == b->n_parts ||
		    offset - b->parts[part].address >= b->parts[part].n_bytes) {
			for (part = 0; offset - b->parts[part].address >= b->parts[part].n_bytes;)
				part++;
			ret = add_text(b->annotation, "code of %s", b->parts[part].symbol);
			last = NULL;
		}
		if (!ret && (o->file || o->inlined) && (!last || !same_place(last, o)))
			ret = add_place(b, o);
		last = o;
		if (!ret)
			ret = add_instruction(b, i);
	}
	return ret;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int find_function(struct building *b, const struct egret_profile *profile, uint32_t event,
			 const char *module, struct egret_error *err)
{
	struct annotation *a = b->annotation;

	if (hits_build(&b->hits, profile, event, a->function, module))
		return no_memory(err);
	if (!b->hits.module) {
		snprintf(err->text, sizeof(err->text),
			 "there is no function '%.300s'%s%.300s in the recording", a->function,
			 module ? " of " : "", module ? module : "");
		return -ENOENT;
	}
	a->module = strdup(b->hits.module);
	a->samples = b->hits.samples;
	a->value = b->hits.value;
	a->whole = b->hits.whole;
	return a->module ? 0 : no_memory(err);
}

static int open_symbolizer(struct building *b, const struct egret_profile *profile,
			   struct egret_error *err)
{
	struct egret_symbolizer_opts opts = {
		.size = sizeof(opts),
		.cache_dir = b->opts->cache_dir,
	};

	return egret_symbolizer__open_module(profile, b->hits.module, &opts, &b->symbolizer, err);
}

static int fill(struct building *b, struct egret_error *err)
{
	int ret = find_parts(b, err);

	if (!ret)
		ret = find_origins(b, err);
	if (ret)
		return ret;
	if (!b->opts->no_source)
		ret = add_source(b);
	if (!ret)
		ret = add_code(b);
	return ret ? no_memory(err) : 0;
}

static void building_deinit(struct building *b)
{
	for (size_t i = 0; i < b->n_origins; i++)
		free(b->origins[i].inlined);
	free(b->origins);
	disassembly_deinit(&b->code);
	hits_deinit(&b->hits);
	source_files_deinit(&b->sources);
	egret_symbolizer__destroy(b->symbolizer);
}

int annotation_build(struct annotation *a, const struct egret_profile *profile, uint32_t event,
		     const char *function, const char *module, const struct annotation_opts *opts,
		     struct egret_error *err)
{
	struct building b = { .annotation = a, .opts = opts };
	int ret;

	*a = (struct annotation){ .function = strdup(function) };
	if (!a->function)
		return no_memory(err);
	ret = find_function(&b, profile, event, module, err);
	if (!ret)
		ret = open_symbolizer(&b, profile, err);
	if (!ret)
		ret = fill(&b, err);
	building_deinit(&b);
	return ret;
}

void annotation_deinit(struct annotation *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->lines[i].text);
	free(a->lines);
	free(a->function);
	free(a->module);
	*a = (struct annotation){ 0 };
}

size_t annotation_hottest(const struct annotation *a)
{
	size_t best = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->lines[i].kind != LINE_CODE || a->lines[i].value <= most)
			continue;
		most = a->lines[i].value;
		best = i;
	}
	return best;
}

/* ---- as text -------------------------------------------------------------------------------- */

static void print_line(const struct annotation *a, const struct annotation_line *line, FILE *out)
{
	if (line->kind == LINE_TEXT) {
		text_print(out, line->text, INT_MAX);
		fputc('\n', out);
		return;
	}
	if (line->samples)
		fprintf(out, "%8s  %9s  ", text_share(line->value, a->value).text,
			text_count(line->samples).text);
	else
		fprintf(out, "%21s", "");
	if (line->kind == LINE_SOURCE)
		fprintf(out, "%6u  ", line->number);
	else if (line->kind == LINE_CODE)
		fprintf(out, "%10" PRIx64 "  ", line->address);
	else
		fprintf(out, "%8s", "");
	text_print(out, line->text, INT_MAX);
	fputc('\n', out);
}

void annotation_print(const struct annotation *a, FILE *out)
{
	fputs("# function: ", out);
	text_print(out, a->function, INT_MAX);
	fputs("\n# module:   ", out);
	text_print(out, a->module, INT_MAX);
	fprintf(out, "\n# samples:  %s, %s of all\n", text_count(a->samples).text,
		text_share(a->value, a->whole).text);
	fprintf(out, "\n%8s  %9s  %10s\n", "Self", "Samples", "Line, PC");
	for (size_t i = 0; i < a->n; i++)
		print_line(a, &a->lines[i], out);
}
