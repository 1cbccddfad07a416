/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/process_records.h"

#include <stdio.h>
#include <string.h>

/* The path of a mapping's file from n of its names, which begin with the file's own. */
static void join_names(const struct egret_rec_vma *rec, size_t n, char *path, size_t size)
{
	size_t at = 0;

	path[0] = 0;
	for (size_t i = n; i-- > 0 && at < size;)
		if (rec->names[i][0])
			at += (size_t)snprintf(path + at, size - at, "/%.*s",
					       EGRET_VMA_NAME_LEN - 1, rec->names[i]);
}

void egret_process_records_vma(struct egret_processes *ps, const struct egret_rec_vma *rec)
{
	char outer[EGRET_VMA_NAMES * EGRET_VMA_NAME_LEN + 1], path[sizeof(outer)];
	struct egret_map_info info = {
		.pid = (int)rec->pid,
		.start = rec->start,
		.end = rec->end,
		.pgoff = rec->pgoff,
		.dev = (uint64_t)rec->major << 32 | rec->minor,
		.ino = rec->ino,
		.path = path,
		.executable = true,
	};

	if (rec->flags & EGRET_VMA_F_FIRST && !egret_processes_retell(ps, info.pid))
		return;
	join_names(rec, EGRET_VMA_NAMES, outer, sizeof(outer));
	join_names(rec,
		   rec->n_seen && rec->n_seen < EGRET_VMA_NAMES ? rec->n_seen : EGRET_VMA_NAMES,
		   path, sizeof(path));
	if (strcmp(outer, path))
		info.outer_path = outer;
	if (rec->flags & EGRET_VMA_F_VDSO)
		info.path = "[vdso]";
	else if (!rec->ino)
		info.path = "//anon";
	if (rec->head_len && rec->head_len <= sizeof(rec->head))
		info.build_id = egret_elf_build_id_of_head(rec->head, rec->head_len);
	egret_processes_mmap(ps, &info);
}

/* ---- what perf says -----------------------------------------------------------------------------
 */

/* PERF_RECORD_MMAP2, perf_event_open(2). */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	union {
		struct {
			uint32_t maj, min;
			uint64_t ino, ino_generation;
		};
		struct {
			uint8_t build_id_size;
			uint8_t reserved[3];
			uint8_t build_id[20];
		};
	};
	uint32_t prot, flags;
	char filename[];
};

static void on_mmap(struct egret_processes *ps, const struct mmap2_record *r)
{
	struct egret_map_info info = {
		.pid = (int)r->pid,
		.start = r->addr,
		.end = r->addr + r->len,
		.pgoff = r->pgoff,
		.path = r->filename,
		.executable = r->prot & 4,
	};

	if (r->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		info.build_id.len = r->build_id_size <= 20 ? r->build_id_size : 20;
		memcpy(info.build_id.bytes, r->build_id, info.build_id.len);
	} else {
		info.dev = (uint64_t)r->maj << 32 | r->min;
		info.ino = r->ino;
	}
	if ((r->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) != PERF_RECORD_MISC_KERNEL)
		egret_processes_mmap(ps, &info);
}

struct task_record { /* PERF_RECORD_FORK, _EXIT */
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

uint64_t egret_process_records_perf(struct egret_processes *ps,
				    const struct perf_event_header *record, uint64_t time)
{
	const struct task_record *task = (const struct task_record *)record;
	const struct comm_record *comm = (const struct comm_record *)record;

	switch (record->type) {
	case PERF_RECORD_MMAP2:
		on_mmap(ps, (const struct mmap2_record *)record);
		break;
	case PERF_RECORD_COMM:
		egret_processes_comm(ps, (int)comm->pid, (int)comm->tid, comm->comm,
				     record->misc & PERF_RECORD_MISC_COMM_EXEC);
		break;
	case PERF_RECORD_FORK:
		egret_processes_fork(ps, (int)task->pid, (int)task->ppid);
		break;
	case PERF_RECORD_EXIT:
		if (task->pid == task->tid)
			egret_processes_exit(ps, (int)task->pid, time);
		break;
	case PERF_RECORD_LOST:
		egret_processes_lost(ps);
		return ((const struct lost_record *)record)->lost;
	default:
		break;
	}
	return 0;
}

uint32_t egret_process_records_ended(const struct perf_event_header *record)
{
	return record->type == PERF_RECORD_EXIT ? ((const struct task_record *)record)->tid : 0;
}
