/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * identity.h - how what is stored once is named: by a hash of what it is, the same on every
 * host and for every version of egret, so that hosts need not know of each other.
 *
 *   frame  = the first 8 bytes of H(kind, flags, name NUL, module NUL)
 *   stack  = H(process NUL, the frames' ids, leaf first), 16 bytes
 *   labels = the first 8 bytes of H(host NUL, service NUL, process NUL, thread NUL,
 *            (key NUL value NUL)...), keys in the order of their bytes
 *
 * H is XXH3_128bits (seed 0) in its canonical form, big-endian; kind and flags are a byte each; ids
 * go in as they are stored: frames as 64-bit little-endian. Of flags only EGRET_FRAME_F_INLINED
 * counts. Source lines are no part of it: a function is one frame wherever it was hit.
 *
 * Two of n things have the same 8 bytes with a chance of n^2 / 2^65: 3 in 10^8 for a million
 * functions, 3 in 10^4 for 10^8 sets of labels; and the same 16 bytes with n^2 / 2^129.
 */
#ifndef EGRET_CMD_FLEET_IDENTITY_H
#define EGRET_CMD_FLEET_IDENTITY_H

#include <egret/egret.h>

struct stack_id {
	unsigned char bytes[16];
};

/* A set of labels: all of a sample that is neither code nor time. Strings are the caller's. */
struct label_set {
	const char *host, *service, *process, *thread;
	const char *const *keys; /* in the order of strcmp(3) */
	const char *const *values;
	size_t n;
};

#define IDENTITY_FRAME_FLAGS EGRET_FRAME_F_INLINED

uint64_t identity_frame(const struct egret_frame *frame);
struct stack_id identity_stack(const char *process, const uint64_t *frames, size_t n);
uint64_t identity_labels(const struct label_set *set);

/* Of what is not stored. */
uint64_t identity_bytes(const void *bytes, size_t len);

#endif
