/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

static uint64_t round_up_pow2(uint64_t bytes, uint64_t least)
{
	uint64_t size = least;

	while (size < bytes && size < (1ull << 31))
		size *= 2;
	return size;
}

int egret_bpf_ring_init(struct egret_bpf_ring *ring, const char *name, uint64_t bytes,
			struct egret_error *err)
{
	uint64_t size = round_up_pow2(bytes, (uint64_t)sysconf(_SC_PAGESIZE));
	int fd, ret;

	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, name, 0, 0, (uint32_t)size, NULL);
	if (fd < 0)
		return egret_fail(err, errno, "cannot create a ring of %llu bytes: %s",
				  (unsigned long long)size, strerror(errno));
	ret = egret_bpf_ring_map(ring, fd, size, err);
	if (ret)
		close(fd);
	return ret;
}

int egret_bpf_ring_map(struct egret_bpf_ring *ring, int fd, uint64_t size, struct egret_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
	if (map == MAP_FAILED)
		goto fail;
	ring->consumer = map;
	ring->position = __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
	map = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (map == MAP_FAILED)
		goto fail;
	ring->fd = fd;
	ring->producer = map;
	ring->data = (const uint8_t *)map + page;
	ring->map_size = page + 2 * size;
	ring->mask = size - 1;
	return 0;
fail:
	egret_fail(err, errno, "cannot map a ring of %llu bytes: %s", (unsigned long long)size,
		   strerror(errno));
	egret_bpf_ring_deinit(ring);
	return -ENOMEM;
}

void egret_bpf_ring_deinit(struct egret_bpf_ring *ring)
{
	if (ring->consumer)
		munmap(ring->consumer, (size_t)sysconf(_SC_PAGESIZE));
	if (ring->producer)
		munmap((void *)ring->producer, ring->map_size);
	if (ring->fd > 0)
		close(ring->fd);
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
}

static void give_back(struct egret_bpf_ring *ring, uint64_t position)
{
	ring->position = position;
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

const struct egret_rec *egret_bpf_ring_peek(struct egret_bpf_ring *ring)
{
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

	while (ring->position < end) {
		const uint8_t *header = ring->data + (ring->position & ring->mask);
		uint32_t len = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
		uint32_t size;

		if (len & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		size = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		ring->next = ring->position + ((size + BPF_RINGBUF_HDR_SZ + 7) & ~7ull);
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			return (const struct egret_rec *)(header + BPF_RINGBUF_HDR_SZ);
		give_back(ring, ring->next);
	}
	return NULL;
}

void egret_bpf_ring_advance(struct egret_bpf_ring *ring)
{
	give_back(ring, ring->next);
}

int egret_perf_ring_init(struct egret_perf_ring *ring, int fd, size_t pages,
			 struct egret_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (pages + 1) * page;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	memset(ring, 0, sizeof(*ring));
	if (map == MAP_FAILED)
		return egret_fail(err, errno,
				  "cannot map the ring of a perf event (%zu bytes): %s; raise "
				  "kernel.perf_event_mlock_kb or run as root",
				  size, strerror(errno));
	ring->page = map;
	ring->map_size = size;
	ring->data = (const uint8_t *)map + page;
	ring->mask = pages * page - 1;
	ring->tail = ring->page->data_tail;
	ring->whole = malloc(1 << 16);
	if (!ring->whole) {
		egret_perf_ring_deinit(ring);
		return egret_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

void egret_perf_ring_deinit(struct egret_perf_ring *ring)
{
	if (ring->page)
		munmap(ring->page, ring->map_size);
	free(ring->whole);
	memset(ring, 0, sizeof(*ring));
}

const struct perf_event_header *egret_perf_ring_peek(struct egret_perf_ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	const struct perf_event_header *header;
	uint64_t at = ring->tail & ring->mask, first = ring->mask + 1 - at;

	if (ring->tail == head)
		return NULL;
	header = (const struct perf_event_header *)(ring->data + at);
	if (header->size <= first)
		return header;
	memcpy(ring->whole, header, first);
	memcpy(ring->whole + first, ring->data, header->size - first);
	return (const struct perf_event_header *)ring->whole;
}

void egret_perf_ring_advance(struct egret_perf_ring *ring)
{
	const struct perf_event_header *header =
		(const struct perf_event_header *)(ring->data + (ring->tail & ring->mask));

	ring->tail += header->size;
	__atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
}
