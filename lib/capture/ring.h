/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * ring.h - the two kinds of ring that the kernel fills: BPF ring buffers and perf's.
 *
 * Records are read where they lie, without a copy, and given back when the next is asked for. That,
 * and merging many rings by time, is why libbpf's consumer (one callback, ring after ring) is not
 * used.
 */
#ifndef EGRET_CAPTURE_RING_H
#define EGRET_CAPTURE_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/abi.h"

/* A BPF_MAP_TYPE_RINGBUF, kernel/bpf/ringbuf.c. One reader. */
struct egret_bpf_ring {
	int fd;
	uint64_t *consumer;	  /* page of its own, written by us */
	const uint64_t *producer; /* page of the kernel's, followed by the data, mapped twice */
	const uint8_t *data;
	uint64_t mask;
	uint64_t position; /* of the record that peek has shown */
	uint64_t next;	   /* behind it */
	size_t map_size;
};

/* Creates the ring: bytes is rounded up to a power of two. Its descriptor is the ring's own. */
int egret_bpf_ring_init(struct egret_bpf_ring *ring, const char *name, uint64_t bytes,
			struct egret_error *err);
/* Maps one that is there, from where its last reader has come to; fd is its own after success. */
int egret_bpf_ring_map(struct egret_bpf_ring *ring, int fd, uint64_t bytes,
		       struct egret_error *err);
void egret_bpf_ring_deinit(struct egret_bpf_ring *ring);
/* The oldest record, or NULL. The same until egret_bpf_ring_advance. */
const struct egret_rec *egret_bpf_ring_peek(struct egret_bpf_ring *ring);
void egret_bpf_ring_advance(struct egret_bpf_ring *ring);

/* The ring of a perf event, perf_event_open(2). One reader. */
struct egret_perf_ring {
	struct perf_event_mmap_page *page;
	const uint8_t *data;
	uint64_t mask;
	uint64_t tail;
	size_t map_size;
	uint8_t *whole; /* a copy of a record that wraps around the end; 64 KiB */
};

/* fd: of the event, which stays the caller's. pages: a power of two. */
int egret_perf_ring_init(struct egret_perf_ring *ring, int fd, size_t pages,
			 struct egret_error *err);
void egret_perf_ring_deinit(struct egret_perf_ring *ring);
const struct perf_event_header *egret_perf_ring_peek(struct egret_perf_ring *ring);
void egret_perf_ring_advance(struct egret_perf_ring *ring);

#endif
