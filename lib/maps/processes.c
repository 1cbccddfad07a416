/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/processes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS 8

void egret_processes_init(struct egret_processes *ps, struct egret_modules *modules,
			  const struct egret_process_source *source, bool track_all)
{
	*ps = (struct egret_processes){ .modules = modules,
					.source = source,
					.track_all = track_all };
}

static void process_destroy(struct egret_process *process)
{
	if (!process)
		return;
	egret_code_map_put(process->code);
	free(process);
}

void egret_processes_deinit(struct egret_processes *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		process_destroy(ps->all[i]);
	free(ps->all);
	free(ps->free_numbers);
	egret_index_deinit(&ps->by_pid);
}

static uint64_t hash_pid(int pid)
{
	return egret_hash64((uint64_t)pid);
}

static bool same_pid(const void *owner, uint32_t number, const void *key)
{
	const struct egret_process *process = ((const struct egret_processes *)owner)->all[number];

	return process && process->pid == *(const int *)key;
}

static uint32_t find_number(const struct egret_processes *ps, int pid)
{
	return egret_index_find(&ps->by_pid, hash_pid(pid), &pid, same_pid, ps);
}

struct egret_process *egret_processes_find(const struct egret_processes *ps, int pid)
{
	uint32_t number = find_number(ps, pid);

	return number == EGRET_INDEX_NONE ? NULL : ps->all[number];
}

/* A place in the array: one that was freed, or a new one. */
static uint32_t new_number(struct egret_processes *ps)
{
	struct egret_process **all;
	uint32_t *free_numbers;

	if (ps->n_free)
		return ps->free_numbers[--ps->n_free];
	all = reallocarray(ps->all, ps->n + 1, sizeof(struct egret_process *));
	if (all)
		ps->all = all;
	free_numbers = reallocarray(ps->free_numbers, ps->n + 1, sizeof(*free_numbers));
	if (free_numbers)
		ps->free_numbers = free_numbers;
	if (!all || !free_numbers)
		return EGRET_INDEX_NONE;
	ps->all[ps->n] = NULL;
	return (uint32_t)ps->n++;
}

static struct egret_process *process_create(struct egret_processes *ps, int pid)
{
	struct egret_process *process = calloc(1, sizeof(*process));
	uint32_t number = process ? new_number(ps) : EGRET_INDEX_NONE;

	if (number == EGRET_INDEX_NONE || egret_index_add(&ps->by_pid, hash_pid(pid), number)) {
		free(process);
		return NULL;
	}
	process->pid = pid;
	process->image = ++ps->images;
	ps->all[number] = process;
	return process;
}

static void forget(struct egret_processes *ps, uint32_t number)
{
	egret_index_remove(&ps->by_pid, hash_pid(ps->all[number]->pid), number);
	process_destroy(ps->all[number]);
	ps->all[number] = NULL;
	ps->free_numbers[ps->n_free++] = number;
}

void egret_processes_forget(struct egret_processes *ps, uint64_t time)
{
	for (uint32_t i = 0; i < ps->n; i++)
		if (ps->all[i] && ps->all[i]->exited && ps->all[i]->exit_time < time)
			forget(ps, i);
}

/* ---- mappings of one process ------------------------------------------------------------------
 */

const struct egret_mapping *egret_process_find(struct egret_process *process, uint64_t addr)
{
	return egret_code_map_find(process->code, addr, &process->last);
}

const struct egret_module *egret_process_program(const struct egret_process *process)
{
	for (size_t i = 0; process->code && i < process->code->n; i++)
		if (process->code->mappings[i].module->kind == EGRET_CODE_FILE)
			return process->code->mappings[i].module;
	return NULL;
}

static void forget_mappings(struct egret_process *process)
{
	egret_code_map_put(process->code);
	process->code = NULL;
}

static void set_bias(struct egret_mapping *m)
{
	uint64_t vaddr;

	m->biased = m->module->elf && m->module->kind != EGRET_CODE_JIT &&
		    egret_elf_offset_to_vaddr(m->module->elf, m->pgoff, &vaddr);
	m->bias = m->biased ? m->start - vaddr : 0;
}

static void add_mapping(struct egret_processes *ps, struct egret_process *process,
			const struct egret_map_info *info)
{
	struct egret_mapping mapping = {
		.start = info->start,
		.end = info->end,
		.pgoff = info->pgoff,
		.module = egret_modules_of(ps->modules, info),
	};

	if (!mapping.module) {
		egret_code_map_clear(&process->code, &ps->code_numbers, info->start, info->end);
		return;
	}
	set_bias(&mapping);
	egret_code_map_add(&process->code, &ps->code_numbers, &mapping);
}

/* ---- /proc --------------------------------------------------------------------------------------
 */

/* One line of proc_pid_maps(5): "start-end perms pgoff major:minor inode path". Cuts it at the
 * newline. */
static bool parse_line(char *line, struct egret_map_info *info)
{
	unsigned long long start, end, pgoff, ino;
	unsigned int major, minor;
	char perms[8] = "";
	int path = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu %n", &start, &end, perms, &pgoff, &major,
		   &minor, &ino, &path) < 7)
		return false;
	info->start = start;
	info->end = end;
	info->pgoff = pgoff;
	info->dev = (uint64_t)major << 32 | minor;
	info->ino = ino;
	info->executable = perms[2] == 'x';
	info->path = path ? line + path : "";
	return start < end;
}

static void parse_maps(struct egret_processes *ps, struct egret_process *process, char *text)
{
	char *line, *rest = text;

	forget_mappings(process);
	while ((line = strsep(&rest, "\n"))) {
		struct egret_map_info info = { .pid = process->pid };

		if (parse_line(line, &info) && info.executable)
			add_mapping(ps, process, &info);
	}
}

/* Its parent's mappings, and what it has mapped itself since. */
static void add_parents_mappings(struct egret_processes *ps, struct egret_process *process,
				 const struct egret_process *parent)
{
	struct egret_code_map *own = process->code;

	process->code = egret_code_map_get(parent->code);
	for (size_t i = 0; own && i < own->n; i++)
		egret_code_map_add(&process->code, &ps->code_numbers, &own->mappings[i]);
	egret_code_map_put(own);
	process->complete = true;
}

/* hops: to as many ancestors, none of which was known, /proc is asked for one that lives. */
static void read_process(struct egret_processes *ps, struct egret_process *process, int hops)
{
	struct egret_process *parent = egret_processes_parent(ps, process);
	struct egret_buffer text = { 0 };

	process->tried = true;
	if (!process->comm[0])
		ps->source->read_comm(ps->source->arg, process->pid, process->comm,
				      sizeof(process->comm));
	if (parent && !parent->complete && !parent->tried && hops)
		read_process(ps, parent, hops - 1);
	if (parent && parent->complete) {
		add_parents_mappings(ps, process, parent);
		return;
	}
	if (!ps->source->read_maps(ps->source->arg, process->pid, &text) && text.len) {
		egret_buffer_add(&text, "", 1);
		if (!text.failed)
			parse_maps(ps, process, (char *)text.data);
		process->complete = !text.failed;
	}
	egret_buffer_deinit(&text);
}

struct egret_process *egret_processes_need(struct egret_processes *ps, int pid)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process)
		process = process_create(ps, pid);
	if (process && !process->complete && !process->tried)
		read_process(ps, process, HOPS);
	return process;
}

struct egret_process *egret_processes_parent(const struct egret_processes *ps,
					     const struct egret_process *process)
{
	struct egret_process *parent = process->parent ? egret_processes_find(ps, process->parent)
						       : NULL;

	return parent && parent->image == process->parent_image ? parent : NULL;
}

void egret_processes_reread(struct egret_processes *ps, int pid)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process)
		return;
	forget_mappings(process);
	process->parent = 0;
	process->complete = process->tried = false;
}

struct egret_process *egret_processes_retell(struct egret_processes *ps, int pid)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process)
		process = process_create(ps, pid);
	if (!process)
		return NULL;
	if (!process->comm[0])
		ps->source->read_comm(ps->source->arg, pid, process->comm, sizeof(process->comm));
	forget_mappings(process);
	process->complete = true;
	return process;
}

/* ---- what the kernel tells ----------------------------------------------------------------------
 */

static struct egret_process *heard_of(struct egret_processes *ps, int pid)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process && ps->track_all)
		process = process_create(ps, pid);
	return process;
}

void egret_processes_mmap(struct egret_processes *ps, const struct egret_map_info *info)
{
	struct egret_process *process = heard_of(ps, info->pid);

	if (!process || info->start >= info->end)
		return;
	if (info->executable)
		add_mapping(ps, process, info);
	else
		egret_code_map_clear(&process->code, &ps->code_numbers, info->start, info->end);
}

void egret_processes_fork(struct egret_processes *ps, int pid, int parent_pid)
{
	struct egret_process *parent = heard_of(ps, parent_pid), *child;
	uint32_t number = find_number(ps, pid);

	if (pid == parent_pid)
		return; /* a thread */
	if (number != EGRET_INDEX_NONE)
		forget(ps, number); /* the pid is used again */
	if (!parent)
		return;
	child = process_create(ps, pid);
	if (!child)
		return;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->code = egret_code_map_get(parent->code);
	child->complete = parent->complete;
	child->parent = parent_pid;
	child->parent_image = parent->image;
	child->labels_cgroup = parent->labels_cgroup;
	child->labels = parent->labels; /* until it has an image, and an environment, of its own */
}

void egret_processes_comm(struct egret_processes *ps, int pid, int tid, const char *comm, bool exec)
{
	struct egret_process *process = heard_of(ps, pid);

	if (!process)
		return;
	if (exec || pid == tid)
		snprintf(process->comm, sizeof(process->comm), "%.15s", comm);
	if (exec) {
		forget_mappings(process);
		process->image = ++ps->images;
		process->parent = 0;
		process->complete = true; /* all that follows is told */
		process->labels = 0;
	}
}

void egret_processes_exit(struct egret_processes *ps, int pid, uint64_t time)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process)
		return;
	process->exited = true;
	process->exit_time = time;
}

void egret_processes_lost(struct egret_processes *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct egret_process *process = ps->all[i];

		if (!process || process->exited)
			continue;
		process->complete = process->tried = false;
		process->image = ++ps->images; /* perhaps */
		process->parent = 0;
	}
}

/* ---- what they take -----------------------------------------------------------------------------
 */

void egret_processes_mark(const struct egret_processes *ps, bool *in_use)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct egret_code_map *code = ps->all[i] ? ps->all[i]->code : NULL;

		for (size_t k = 0; code && k < code->n; k++)
			in_use[code->mappings[k].module->number] = true;
	}
}

size_t egret_processes_memory(const struct egret_processes *ps)
{
	size_t bytes = ps->n * (sizeof(*ps->all) + sizeof(*ps->free_numbers)) +
		       egret_index_memory(&ps->by_pid);

	for (size_t i = 0; i < ps->n; i++) {
		const struct egret_code_map *code = ps->all[i] ? ps->all[i]->code : NULL;

		bytes += ps->all[i] ? sizeof(*ps->all[i]) : 0;
		/* What several share is a part of each. */
		bytes += code ? code->capacity * sizeof(*code->mappings) / code->refs : 0;
	}
	return bytes;
}
