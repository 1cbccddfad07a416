/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * rows.h - a profile by any of its keys: functions, files, processes, threads, CPUs, ...
 *
 * Keys are of two kinds: those of a frame (sym, dso, srcline) and those of a sample (comm, pid,
 * tid, cpu, and one label of its process). A row has the self of the samples whose leaf (and
 * thread, and CPU) it is, and the total of those that have such a frame anywhere, each counted
 * once. Without a key of a frame, all samples of a row are its own.
 */
#ifndef EGRET_CMD_ROWS_H
#define EGRET_CMD_ROWS_H

#include <stdbool.h>

#include <egret/egret.h>

#define ROW_KEYS(X)                                                                                \
	X(COMM, "comm")                                                                            \
	X(PID, "pid")                                                                              \
	X(TID, "tid")                                                                              \
	X(CPU, "cpu")                                                                              \
	X(LABEL, "label")                                                                          \
	X(DSO, "dso")                                                                              \
	X(SYM, "sym")                                                                              \
	X(SRCLINE, "srcline")

#define ROW_KEY_ENUM(id, name) KEY_##id,
enum row_key { ROW_KEYS(ROW_KEY_ENUM) NR_ROW_KEYS };
#undef ROW_KEY_ENUM

extern const char *const row_key_names[NR_ROW_KEYS];

struct row_keys {
	enum row_key key[NR_ROW_KEYS];
	size_t n;
	const char *label; /* of KEY_LABEL: which, in the text that was parsed; or NULL */
	size_t label_len;
	bool by_total; /* the order: by total, not by self */
};

struct row {
	char *texts; /* of the keys, one after the other, each with a NUL */
	uint64_t hash;
	uint32_t last_sample; /* number of the last sample that was counted */
	uint64_t self, total; /* values */
	uint64_t samples;     /* of self */
};

struct rows {
	struct row *rows;
	size_t n, capacity;
	uint32_t *slots; /* open addressing over rows; 0: empty, else number + 1 */
	size_t mask;
	uint64_t value, samples; /* of all */
};

/*
 * "dso,sym", "total", "comm,total", "label:service.name": keys, and the order. Without a key: sym
 * and dso. 0; -EINVAL with *bad, the word that is none, of *len bytes.
 */
int row_keys_parse(struct row_keys *keys, const char *text, const char **bad, size_t *len);

/* Whether the samples are needed one by one. */
bool row_keys_need_samples(const struct row_keys *keys);

/* The rows of one event, largest first. 0 or -ENOMEM. rows_deinit in either case. */
int rows_build(struct rows *rows, const struct egret_profile *profile, uint32_t event,
	       const struct row_keys *keys);
void rows_deinit(struct rows *rows);

/* The text of the n-th key of a row. */
const char *row_text(const struct row *row, size_t n);

#endif
