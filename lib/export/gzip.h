/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* gzip.h - bytes into a stream, compressed as gzip (RFC 1952). */
#ifndef EGRET_EXPORT_GZIP_H
#define EGRET_EXPORT_GZIP_H

#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

struct egret_gzip {
	z_stream z;
	FILE *out; /* the caller's, who checks it for errors */
	uint8_t buffer[1 << 15];
};

/* 0 or -ENOMEM. Each egret_gzip_init is followed by one egret_gzip_finish. */
int egret_gzip_init(struct egret_gzip *gzip, FILE *out);
void egret_gzip_write(struct egret_gzip *gzip, const void *bytes, size_t len);
void egret_gzip_finish(struct egret_gzip *gzip);

#endif
