/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* reader.h - between the reader of blocks (reader.c) and the decoders of sections (sections.c). */
#ifndef EGRET_RECORDING_READER_H
#define EGRET_RECORDING_READER_H

#include "recording/format.h"

struct egret_reader {
	struct egret_profile *profile;
	const struct egret_reader_ops *ops; /* may be NULL */
	void *arg;
	struct egret_sample_state samples;
	uint32_t largest_frame; /* for egret_decode_number */
	uint64_t last_offset;	/* of the frame read last */
	bool ended;		/* the end mark was seen */
	bool stopped;		/* one of ops said stop: its result is handed on as it is */
	/*
	 * Bytes that sections which end up in memory may still unpack to; grows with what is read.
	 * A recording that packs better than this was made to fill the reader's memory.
	 */
	uint64_t budget;
	struct egret_buffer labels[2]; /* texts of the record under way, with their NULs */
};

void egret_reader_deinit(struct egret_reader *reader);

/* Takes all sections of a payload. 0, -errno with a sentence, or (stopped) what an op returned. */
int egret_reader_payload(struct egret_reader *reader, const void *bytes, size_t len,
			 struct egret_error *err);

#endif
