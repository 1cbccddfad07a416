/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* drain.c - many rings, each in the order of time, as one stream in the order of time. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

enum source { SAMPLES, CAPTURES, SIDEBAND };

/* The head of one ring. */
struct head {
	uint64_t time;
	struct cpu_rings *cpu;
	enum source source;
	const void *record;
};

/* Every record but a few kinds ends in {pid, tid, time, cpu, res} (sample_id_all, in that
 * sample_type). */
static uint64_t perf_time(const struct perf_event_header *header)
{
	uint64_t time;

	if (header->size < sizeof(*header) + 24)
		return 0;
	memcpy(&time, (const char *)header + header->size - 16, sizeof(time));
	return time;
}

/* Looks at the ring's next record. False: there is none up to `until`. */
static bool look(struct head *head, uint64_t until)
{
	switch (head->source) {
	case SAMPLES:
		head->record = egret_bpf_ring_peek(&head->cpu->samples);
		break;
	case CAPTURES:
		head->record = egret_bpf_ring_peek(&head->cpu->captures);
		break;
	case SIDEBAND:
		head->record = egret_perf_ring_peek(&head->cpu->sideband);
		break;
	}
	if (!head->record)
		return false;
	head->time = head->source == SIDEBAND ? perf_time(head->record)
					      : ((const struct egret_rec *)head->record)->time;
	return head->time <= until;
}

static void give_back(struct head *head)
{
	switch (head->source) {
	case SAMPLES:
		egret_bpf_ring_advance(&head->cpu->samples);
		break;
	case CAPTURES:
		egret_bpf_ring_advance(&head->cpu->captures);
		break;
	case SIDEBAND:
		egret_perf_ring_advance(&head->cpu->sideband);
		break;
	}
}

/* At the same time the mapping comes before the sample, and the sample before the capture. */
static bool before(const struct head *a, const struct head *b)
{
	static const int rank[] = { [SIDEBAND] = 0, [SAMPLES] = 1, [CAPTURES] = 2 };

	return a->time != b->time ? a->time < b->time : rank[a->source] < rank[b->source];
}

static void sift_down(struct head *heap, size_t n, size_t at)
{
	struct head moving = heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moving))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moving;
}

static int hand_out(const struct head *head, const struct egret_capture_sink *sink)
{
	if (head->source == SIDEBAND)
		return sink->perf(sink->arg, head->record, head->time);
	return sink->record(sink->arg, head->record);
}

/*
 * The heads are looked at in the order captures, samples, sideband: what a capture depends on was
 * written before it, so it is seen when the capture is.
 */
static size_t gather(struct egret_capture *c, struct head *heap, uint64_t until)
{
	static const enum source order[] = { CAPTURES, SAMPLES, SIDEBAND };
	size_t n = 0;

	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < c->n_cpus; i++) {
			heap[n] = (struct head){ .cpu = &c->cpus[i], .source = order[s] };
			n += look(&heap[n], until);
		}
	}
	return n;
}

long egret_capture_drain(struct egret_capture *c, uint64_t until,
			 const struct egret_capture_sink *sink)
{
	__free_ struct head *heap = calloc(3 * c->n_cpus, sizeof(*heap));
	long handed_out = 0;
	size_t n;

	if (!heap)
		return -12;
	n = gather(c, heap, until);
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	while (n) {
		int ret = hand_out(&heap[0], sink);

		give_back(&heap[0]);
		handed_out++;
		if (ret)
			return ret;
		if (!look(&heap[0], until))
			heap[0] = heap[--n];
		if (n)
			sift_down(heap, n, 0);
	}
	return handed_out;
}
