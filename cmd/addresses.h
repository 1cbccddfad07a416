/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* addresses.h - addresses as people and programs write them, from a command line or a stream. */
#ifndef EGRET_CMD_ADDRESSES_H
#define EGRET_CMD_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/egret.h>

/* Hexadecimal, with or without 0x, to the end of the text. 0 or -EINVAL with a sentence. */
int address_parse(const char *text, uint64_t *address, struct egret_error *err);

/* Words of a descriptor. Set fd; the rest is zero at first. */
struct addresses {
	int fd;
	bool ended;
	unsigned long line; /* of what is read next, less 1 */
	size_t at, len;	    /* of text */
	char text[1 << 16];
};

/*
 * Waits for the next addresses, and gives those that are there, at most max: a writer that waits
 * for each answer is served. Their number, 0 at the end; -EINVAL: a word that is no address (those
 * before it were given out); or what reading fails with.
 */
int addresses_read(struct addresses *in, uint64_t *to, size_t max, struct egret_error *err);

#endif
