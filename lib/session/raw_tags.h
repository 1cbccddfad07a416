/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* raw_tags.h - what a recording made with --raw holds beside the profile; see egret-data(5). */
#ifndef EGRET_SESSION_RAW_TAGS_H
#define EGRET_SESSION_RAW_TAGS_H

#include <stdint.h>

enum egret_raw_tag {
	EGRET_RAW_RECORD = 1,	/* struct egret_rec and what follows, bpf/abi.h */
	EGRET_RAW_PERF = 2,	/* u64 time, then a record of perf_event_open(2) */
	EGRET_RAW_MAPS = 3,	/* i32 pid, then the text of proc_pid_maps(5) */
	EGRET_RAW_COMM = 4,	/* i32 pid, then the name of the process */
	EGRET_RAW_MODULE = 5,	/* struct egret_raw_module, then the path */
	EGRET_RAW_IMAGE = 6,	/* struct egret_raw_image, then bytes of the file */
	EGRET_RAW_KALLSYMS = 7, /* a part of the text of /proc/kallsyms */
	EGRET_RAW_PERFMAP = 8,	/* i32 pid, then a part of the text of its perf map */
	EGRET_RAW_JITDUMP = 9,	/* i32 pid, then a part of its jitdump */
	EGRET_RAW_CODE = 10,	/* struct egret_raw_code, then the bytes; none: it failed */
	EGRET_RAW_VMLINUX = 11, /* build-id of the kernel's file that lines were taken from */
	EGRET_RAW_LABELS = 12,	/* i32 pid, then its labels, keys and values, each with a NUL */
};

/* Code that is in no file. */
struct egret_raw_code {
	int32_t pid;
	uint32_t pad;
	uint64_t addr;
};

struct egret_raw_module {
	uint32_t number;
	uint32_t kind; /* enum egret_code_kind */
	uint64_t dev, ino;
	int32_t pid;
	uint8_t build_id_len;
	uint8_t build_id[20];
	uint8_t has_debug;
	uint8_t pad[6];
};

/* Parts of a file: enough of it to unwind and to name, at their own offsets. */
struct egret_raw_image {
	uint32_t module;
	uint32_t debug; /* of its debug file */
	uint64_t file_size;
	uint64_t offset;
};

#endif
