/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * schema.h - the tables of a fleet in ClickHouse, and the statements that make them.
 *
 * Stacks, frames and sets of labels are stored once, by hash (identity.h); a sample refers to them:
 *
 *   frames   id, name, module, kind, flags                 a function
 *   stacks   id, process, frames                           ids of frames, leaf first
 *   labels   id, host, service, process, thread, keys, values
 *   samples  event, service, stack, labels, time, samples, value
 *   windows  host, from_ns, to_ns, time, event, unit, frequency, period, samples, value
 *
 * A row of samples is what one window has of one stack under one set of labels; it is sorted by
 * event, hour, service, stack, labels, time: what repeats is together, which makes it small, and a
 * time or a service is a range of the index. Tables of what is stored once are ReplacingMergeTrees,
 * by month (`seen`): what several hosts or windows send becomes one row when parts are merged, and
 * reading them twice is harmless. samples and windows are partitioned by day.
 *
 * No feature is used that 18.16 lacks; init adds what later releases have and what changes no
 * query: LowCardinality and codecs (20.1), TTL (20.1), replication with a cluster.
 */
#ifndef EGRET_CMD_FLEET_SCHEMA_H
#define EGRET_CMD_FLEET_SCHEMA_H

#include <egret/egret.h>

enum fleet_table {
	FLEET_FRAMES,
	FLEET_STACKS,
	FLEET_LABELS,
	FLEET_SAMPLES,
	FLEET_WINDOWS,
	N_FLEET_TABLES
};

/* The columns of each as they are inserted, in that order. */
extern const char *const fleet_table_names[N_FLEET_TABLES];
extern const char *const fleet_table_columns[N_FLEET_TABLES];

/* "18.16.1" is 1816; 0: not understood. */
unsigned int schema_version(const char *text);

/* Whether rows go by themselves. */
bool schema_has_ttl(unsigned int version);

struct schema_opts {
	const char *database;
	const char *cluster;	/* NULL: none */
	unsigned int version;	/* of the server: schema_version */
	unsigned int keep_days; /* 0: for ever */
	bool buffer;		/* samples and windows are gathered in memory; not with a cluster */
};

/* The n-th statement that makes the database and its tables, on the heap; NULL at the end, and
 * without memory (*failed). */
char *schema_statement(const struct schema_opts *opts, unsigned int n, bool *failed);

#endif
