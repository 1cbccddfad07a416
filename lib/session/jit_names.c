/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/jit_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/jitdump.h"
#include "symbolize/symbolize.h"

/* The files of one process. */
struct jit {
	int pid;
	bool has_dump; /* its mapping was seen */
	size_t map_size;
	int map_error, dump_error; /* -errno of the last try */
	struct egret_perfmap *map;
	uint64_t dump_at; /* bytes of it that were read */
	struct egret_jitdump *dump;
};

struct egret_jit_names {
	const struct egret_jit_source *source;
	struct jit *jits;
	size_t n;
	size_t last; /* the one that was found last */
};

int egret_jit_names_create(const struct egret_jit_source *source, struct egret_jit_names **out)
{
	struct egret_jit_names *jits = calloc(1, sizeof(*jits));

	if (!jits)
		return -ENOMEM;
	jits->source = source;
	*out = jits;
	return 0;
}

void egret_jit_names_destroy(struct egret_jit_names *jits)
{
	if (!jits)
		return;
	for (size_t i = 0; i < jits->n; i++) {
		egret_perfmap_destroy(jits->jits[i].map);
		egret_jitdump_destroy(jits->jits[i].dump);
	}
	free(jits->jits);
	free(jits);
}

static struct jit *find(struct egret_jit_names *jits, int pid)
{
	if (jits->last < jits->n && jits->jits[jits->last].pid == pid)
		return &jits->jits[jits->last];
	for (size_t i = 0; i < jits->n; i++) {
		if (jits->jits[i].pid != pid)
			continue;
		jits->last = i;
		return &jits->jits[i];
	}
	return NULL;
}

/* NULL without memory. */
static struct jit *need(struct egret_jit_names *jits, int pid)
{
	struct jit *jit = find(jits, pid), *grown;

	if (jit)
		return jit;
	grown = reallocarray(jits->jits, jits->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	jits->jits = grown;
	grown[jits->n] = (struct jit){ .pid = pid, .map_error = -ENOENT, .dump_error = -ENOENT };
	return &grown[jits->n++];
}

/* ---- reading ------------------------------------------------------------------------------ */

static void read_map(struct egret_jit_names *jits, struct jit *jit)
{
	struct egret_buffer text = { 0 };
	struct egret_perfmap *map;
	int ret;

	ret = jits->source->read_perfmap(jits->source->arg, jit->pid, &jit->map_size, &text);
	if (!ret && text.len && !egret_perfmap_parse((char *)text.data, text.len, &map, NULL)) {
		egret_perfmap_destroy(jit->map);
		jit->map = map;
	}
	if (ret != -EALREADY)
		jit->map_error = ret;
	egret_buffer_deinit(&text);
}

static void read_dump(struct egret_jit_names *jits, struct jit *jit)
{
	const struct egret_jit_source *source = jits->source;
	struct egret_buffer bytes = { 0 };

	if (!jit->has_dump || !source->read_jitdump ||
	    (!jit->dump && egret_jitdump_create(&jit->dump)))
		return;
	jit->dump_error = source->read_jitdump(source->arg, jit->pid, &jit->dump_at, &bytes);
	/* What is damaged keeps what was read before. */
	if (!jit->dump_error && bytes.len)
		(void)egret_jitdump_feed(jit->dump, bytes.data, bytes.len);
	egret_buffer_deinit(&bytes);
}

void egret_jit_names_refresh(struct egret_jit_names *jits, int pid)
{
	if (pid)
		need(jits, pid);
	for (size_t i = 0; i < jits->n; i++) {
		if (pid && jits->jits[i].pid != pid)
			continue;
		read_dump(jits, &jits->jits[i]);
		read_map(jits, &jits->jits[i]);
	}
}

/* ---- what is seen ------------------------------------------------------------------------- */

/* jit-PID.dump: a page of it is mapped executable, so that profilers come to know of it. */
static bool is_dump(const char *path)
{
	const char *name = strrchr(path, '/');

	if (!name || strncmp(name, "/jit-", 5))
		return false;
	for (name += 5; isdigit((unsigned char)*name); name++)
		;
	return !strcmp(name, ".dump");
}

static const struct egret_mapping *find_dump(const struct egret_code_map *code)
{
	for (size_t i = 0; code && i < code->n; i++)
		if (is_dump(code->mappings[i].module->path))
			return &code->mappings[i];
	return NULL;
}

void egret_jit_names_seen(struct egret_jit_names *jits, int pid, const struct egret_code_map *code)
{
	struct jit *jit = find(jits, pid);
	const struct egret_mapping *dump = NULL;
	bool is_new = !jit;

	if (is_new)
		jit = need(jits, pid);
	if (!jit)
		return;
	if (!jit->has_dump)
		dump = find_dump(code);
	jit->has_dump |= dump != NULL;
	if ((is_new || dump) && jits->source->seen)
		jits->source->seen(jits->source->arg, pid, dump);
	if (jit->has_dump)
		read_dump(jits, jit);
}

uint32_t egret_jit_names_generation(struct egret_jit_names *jits, int pid, uint64_t addr,
				    uint64_t time)
{
	struct jit *jit = find(jits, pid);
	struct egret_jit_code code;

	return jit && jit->dump && egret_jitdump_at(jit->dump, addr, time, &code) ? code.generation
										  : 0;
}

/* ---- names -------------------------------------------------------------------------------- */

static enum egret_name_reason why_none(const struct jit *jit)
{
	if (!jit)
		return EGRET_NAME_NO_PERF_MAP;
	if (jit->map || (jit->has_dump && !jit->dump_error))
		return EGRET_NAME_NOT_IN_PERF_MAP;
	return jit->map_error == -EPERM || (jit->has_dump && jit->dump_error == -EPERM)
		       ? EGRET_NAME_PERF_MAP_REFUSED
		       : EGRET_NAME_NO_PERF_MAP;
}

bool egret_jit_names_find(struct egret_jit_names *jits, int pid, uint64_t addr, uint32_t generation,
			  struct egret_dwarf_line *line, enum egret_name_reason *why)
{
	struct jit *jit = find(jits, pid);
	struct egret_jit_code code;
	struct egret_symbol symbol;

	*why = why_none(jit);
	*line = (struct egret_dwarf_line){ 0 };
	if (!jit)
		return false;
	if (jit->dump && egret_jitdump_of(jit->dump, addr, generation, &code)) {
		line->function = code.name;
		line->file = code.file;
		line->line = code.line;
		return true;
	}
	if (!jit->map || !egret_perfmap_find(jit->map, addr, &symbol))
		return false;
	line->function = symbol.name;
	return true;
}
