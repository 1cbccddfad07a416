/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/processes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	free(process->mappings);
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

/* The first mapping that ends above addr. */
static size_t lower_bound(const struct egret_process *process, uint64_t addr)
{
	size_t low = 0, high = process->n_mappings;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (process->mappings[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct egret_mapping *egret_process_find(struct egret_process *process, uint64_t addr)
{
	const struct egret_mapping *m;
	size_t i = process->last;

	if (i < process->n_mappings) {
		m = &process->mappings[i];
		if (addr >= m->start && addr < m->end)
			return m;
	}
	i = lower_bound(process, addr);
	if (i >= process->n_mappings || process->mappings[i].start > addr)
		return NULL;
	process->last = i;
	return &process->mappings[i];
}

static bool make_room(struct egret_process *process, size_t at, size_t n)
{
	struct egret_mapping *mappings;
	size_t capacity = process->capacity ? process->capacity * 2 : 16;

	if (process->n_mappings + n > process->capacity) {
		mappings = reallocarray(process->mappings, capacity + n, sizeof(*mappings));
		if (!mappings)
			return false;
		process->mappings = mappings;
		process->capacity = capacity + n;
	}
	memmove(&process->mappings[at + n], &process->mappings[at],
		(process->n_mappings - at) * sizeof(*process->mappings));
	process->n_mappings += n;
	return true;
}

static void cut_front(struct egret_mapping *m, uint64_t start)
{
	m->pgoff += start - m->start;
	m->start = start;
}

/* Takes [start, end) out of the mappings, and returns where a mapping of it belongs. */
static size_t clear_range(struct egret_process *process, uint64_t start, uint64_t end)
{
	size_t i = lower_bound(process, start), last;

	if (i == process->n_mappings)
		return i;
	if (i < process->n_mappings && process->mappings[i].start < start) {
		struct egret_mapping *m = &process->mappings[i];

		if (m->end > end && make_room(process, i, 1)) {
			/* Split in two. */
			m = &process->mappings[i];
			m[0].end = start;
			cut_front(&m[1], end);
			return i + 1;
		}
		m->end = start;
		i++;
	}
	for (last = i; last < process->n_mappings && process->mappings[last].end <= end; last++)
		;
	memmove(&process->mappings[i], &process->mappings[last],
		(process->n_mappings - last) * sizeof(*process->mappings));
	process->n_mappings -= last - i;
	if (i < process->n_mappings && process->mappings[i].start < end)
		cut_front(&process->mappings[i], end);
	return i;
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
	struct egret_module *module = egret_modules_of(ps->modules, info);
	size_t at = clear_range(process, info->start, info->end);

	if (!module || !make_room(process, at, 1))
		return;
	process->mappings[at] = (struct egret_mapping){
		.start = info->start,
		.end = info->end,
		.pgoff = info->pgoff,
		.module = module,
	};
	set_bias(&process->mappings[at]);
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

	process->n_mappings = 0;
	while ((line = strsep(&rest, "\n"))) {
		struct egret_map_info info = { .pid = process->pid };

		if (parse_line(line, &info) && info.executable)
			add_mapping(ps, process, &info);
	}
}

static void read_process(struct egret_processes *ps, struct egret_process *process)
{
	struct egret_buffer text = { 0 };

	process->tried = true;
	if (!process->comm[0])
		ps->source->read_comm(ps->source->arg, process->pid, process->comm,
				      sizeof(process->comm));
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
		read_process(ps, process);
	return process;
}

void egret_processes_reread(struct egret_processes *ps, int pid)
{
	struct egret_process *process = egret_processes_find(ps, pid);

	if (!process)
		return;
	process->n_mappings = 0;
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
	process->n_mappings = 0;
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
		clear_range(process, info->start, info->end);
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
	child->mappings = calloc(parent->n_mappings + 1, sizeof(*child->mappings));
	if (!child->mappings)
		return;
	if (parent->n_mappings)
		memcpy(child->mappings, parent->mappings,
		       parent->n_mappings * sizeof(*child->mappings));
	child->n_mappings = parent->n_mappings;
	child->capacity = parent->n_mappings + 1;
	child->complete = parent->complete;
}

void egret_processes_comm(struct egret_processes *ps, int pid, int tid, const char *comm, bool exec)
{
	struct egret_process *process = heard_of(ps, pid);

	if (!process)
		return;
	if (exec || pid == tid)
		snprintf(process->comm, sizeof(process->comm), "%.15s", comm);
	if (exec) {
		process->n_mappings = 0;
		process->complete = true; /* all that follows is told */
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
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i] && !ps->all[i]->exited)
			ps->all[i]->complete = ps->all[i]->tried = false;
}
