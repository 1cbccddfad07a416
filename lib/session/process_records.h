/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* process_records.h - what records say of processes and their mappings, told to lib/maps. */
#ifndef EGRET_SESSION_PROCESS_RECORDS_H
#define EGRET_SESSION_PROCESS_RECORDS_H

#include <linux/perf_event.h>

#include "bpf/abi.h"
#include "maps/processes.h"

/* A process that ran before tells its mappings from its own context, before its first capture. */
void egret_process_records_vma(struct egret_processes *ps, const struct egret_rec_vma *rec);

/* What perf_event_open(2) says. Returns how many such records were lost before this one. */
uint64_t egret_process_records_perf(struct egret_processes *ps,
				    const struct perf_event_header *record, uint64_t time);
/* The thread that the record says has ended; 0: it says nothing of that. */
uint32_t egret_process_records_ended(const struct perf_event_header *record);

#endif
