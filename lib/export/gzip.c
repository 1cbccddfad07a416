/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/gzip.h"

#include <errno.h>
#include <string.h>

int egret_gzip_init(struct egret_gzip *gzip, FILE *out)
{
	memset(&gzip->z, 0, sizeof(gzip->z));
	gzip->out = out;
	/* 16: a gzip header and trailer. */
	if (deflateInit2(&gzip->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	return 0;
}

/* Hands on what comes out; with Z_FINISH until all is out. */
static void drain(struct egret_gzip *gzip, int flush)
{
	do {
		gzip->z.next_out = gzip->buffer;
		gzip->z.avail_out = sizeof(gzip->buffer);
		deflate(&gzip->z, flush);
		fwrite(gzip->buffer, 1, sizeof(gzip->buffer) - gzip->z.avail_out, gzip->out);
	} while (!gzip->z.avail_out);
}

void egret_gzip_write(struct egret_gzip *gzip, const void *bytes, size_t len)
{
	while (len) {
		uInt n = len > 1u << 30 ? 1u << 30 : (uInt)len;

		gzip->z.next_in = (void *)bytes;
		gzip->z.avail_in = n;
		drain(gzip, Z_NO_FLUSH);
		bytes = (const char *)bytes + n;
		len -= n;
	}
}

void egret_gzip_finish(struct egret_gzip *gzip)
{
	drain(gzip, Z_FINISH);
	deflateEnd(&gzip->z);
}
