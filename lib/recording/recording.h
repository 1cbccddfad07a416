/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * recording.h - a profile as a file that is written as it goes (format: egret-data(5)).
 *
 * The writer is fed by the session: it is told of each new string, module, frame, stack, thread and
 * symbol of the profile before the first sample that uses it, and of every sample with its time. It
 * buffers, and egret_writer_flush closes a block (zlib, CRC-32) and writes it whole. The reader
 * feeds a profile, or, for replay, hands out the raw records.
 */
#ifndef EGRET_RECORDING_H
#define EGRET_RECORDING_H

#include "profile/profile.h"

/* One sample as it stands in the recording. */
struct egret_sample_row {
	uint64_t time;	/* CLOCK_MONOTONIC ns */
	uint64_t value; /* period */
	uint32_t thread, stack, event, cpu;
	uint32_t bytes_wanted, bytes_got; /* cut stacks only; else 0 */
	uint8_t capture_end, unwind_end;
};

/* Bytes of a raw record. The caller divides what is larger. */
#define EGRET_RECORDING_MAX_RAW (32u << 20)

struct egret_writer;

/*
 * A writer that has failed (a full disk, a pipe whose reader is gone) returns the same error from
 * every later call. The caller ignores SIGPIPE where fd may be a pipe.
 */

/* fd stays the caller's. Writes the file header at once. profile: whose numbers are written; new
 * items of its tables are found by the writer itself at each flush or sample (it remembers how many
 * of each it has written). */
int egret_writer_create(int fd, const struct egret_profile *profile, struct egret_writer **out,
			struct egret_error *err);
void egret_writer_destroy(struct egret_writer *writer);

int egret_writer_sample(struct egret_writer *writer, const struct egret_sample_row *row,
			struct egret_error *err);
/*
 * A frame got its names since the last call. Frames that have them before they are written need no
 * call.
 */
int egret_writer_symbol(struct egret_writer *writer, uint32_t frame, struct egret_error *err);

/* Likewise where it is known now why a frame has none. */
int egret_writer_reason(struct egret_writer *writer, uint32_t frame, struct egret_error *err);

/* Likewise where a thread has other labels now than when it was written. */
int egret_writer_labels(struct egret_writer *writer, uint32_t thread, struct egret_error *err);

/* Raw records, for replay: opaque bytes with a tag, kept in order. See lib/session's replay.
 * -E2BIG: more than EGRET_RECORDING_MAX_RAW. */
int egret_writer_raw(struct egret_writer *writer, uint32_t tag, const void *bytes, size_t len,
		     struct egret_error *err);

/* Ends the block under way, with metadata and statistics that are new or have changed, and writes
 * it. Automatic (without these) when a block has grown to 256 KiB. */
int egret_writer_flush(struct egret_writer *writer, struct egret_error *err);
/* Meta, statistics and the end mark: a recording without it is a truncated one. */
int egret_writer_finish(struct egret_writer *writer, struct egret_error *err);
uint64_t egret_writer_bytes(const struct egret_writer *writer);

struct egret_reader_ops {
	/* Each may be NULL. Non-zero ends the reading and is returned. */
	int (*sample)(void *arg, const struct egret_profile *profile,
		      const struct egret_sample_row *row);
	int (*raw)(void *arg, uint32_t tag, const void *bytes, size_t len);
};

/*
 * Reads a whole recording from path ("-": standard input). profile (made by the caller, and empty)
 * receives everything; samples are aggregated into it. Bounds are checked on everything: numbers
 * that refer to nothing, blocks that do not match their checksum, lengths that lie.
 */
int egret_recording_read(const char *path, struct egret_profile *profile,
			 const struct egret_reader_ops *ops, void *arg, struct egret_error *err);

#endif
