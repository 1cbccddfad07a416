/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/process_labels.h"

#include <errno.h>
#include <string.h>

#include "base/path.h"

#define ANCESTORS 8

#define EXECUTABLE_NAME "process.executable.name"
#define EXECUTABLE_PATH "process.executable.path"
#define EXECUTABLE_BUILD_ID "process.executable.build_id.gnu"

static void set(struct egret_process_labels *labels, const char *key, const char *value)
{
	egret_labels_set(labels, key, strlen(key), value, strlen(value));
}

static bool has(const struct egret_process_labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++)
		if (!strcmp(labels->items[i].key, key))
			return true;
	return false;
}

/* By its mappings, which the kernel has told: /proc is gone with the process. */
static void label_program(struct egret_process_labels *labels, const struct egret_process *process)
{
	const struct egret_module *program = egret_process_program(process);
	char hex[2 * EGRET_BUILD_ID_MAX + 1];

	if (!program || has(labels, EXECUTABLE_NAME))
		return;
	set(labels, EXECUTABLE_NAME, egret_file_name(program->path));
	set(labels, EXECUTABLE_PATH, program->path);
	if (program->build_id.len)
		set(labels, EXECUTABLE_BUILD_ID, egret_build_id_hex(&program->build_id, hex));
}

static uint32_t intern(struct egret_profile *profile, const struct egret_process_labels *labels)
{
	struct egret_profile_label numbers[EGRET_PROCESS_LABELS_MAX];

	for (size_t i = 0; i < labels->n; i++) {
		const char *key = labels->items[i].key, *value = labels->items[i].value;

		numbers[i].key = egret_profile_string(profile, key, strlen(key), NULL);
		numbers[i].value = egret_profile_string(profile, value, strlen(value), NULL);
		if (numbers[i].key == UINT32_MAX || numbers[i].value == UINT32_MAX)
			return UINT32_MAX;
	}
	return egret_profile_label_set(profile, numbers, labels->n);
}

/* Of one that has gone, those of its parent, which has the environment that both began with. */
static int read_labels(const struct egret_processes *ps, const struct egret_rec_sample *sample,
		       const struct egret_process *process, struct egret_process_labels *out)
{
	int pids[1 + ANCESTORS] = { (int)sample->pid };
	size_t n = 1;

	while (process && n < sizeof(pids) / sizeof(pids[0])) {
		process = egret_processes_parent(ps, process);
		if (process)
			pids[n++] = process->pid;
	}
	return ps->source->read_labels(ps->source->arg, pids, n, sample->cgroup, out);
}

int egret_process_labels_find(struct egret_profile *profile, const struct egret_processes *ps,
			      const struct egret_rec_sample *sample, struct egret_process *process,
			      struct egret_label_stats *stats, uint32_t *set_number)
{
	struct egret_process_labels labels = { 0 };

	if (process && process->labels && process->labels_cgroup == sample->cgroup) {
		*set_number = process->labels - 1;
		return 0;
	}
	stats->read++;
	if (read_labels(ps, sample, process, &labels))
		stats->gone++;
	if (process)
		label_program(&labels, process);
	stats->refused += labels.refused;
	*set_number = labels.no_memory ? UINT32_MAX : intern(profile, &labels);
	egret_labels_deinit(&labels);
	if (*set_number == UINT32_MAX)
		return -ENOMEM;
	if (process) {
		process->labels = *set_number + 1;
		process->labels_cgroup = sample->cgroup;
	}
	return 0;
}
