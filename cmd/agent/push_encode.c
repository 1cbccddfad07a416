/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_encode.c - a window as the bytes that a backend takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "agent/push_impl.h"

/* A window of more is none. */
#define LONGEST (256u << 20)

void push_bytes_deinit(struct push_bytes *b)
{
	free(b->data);
	*b = (struct push_bytes){ 0 };
}

int push_bytes_add(const void *bytes, size_t len, void *arg)
{
	struct push_bytes *b = arg;

	if (len > LONGEST || b->len + len > LONGEST)
		return -EFBIG;
	if (b->len + len > b->capacity) {
		size_t more = 2 * (b->len + len);
		unsigned char *larger = realloc(b->data, more);

		if (!larger)
			return -ENOMEM;
		b->data = larger;
		b->capacity = more;
	}
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	return 0;
}

int push_encode(const struct egret_profile *profile, const char *format, struct push_bytes *out,
		struct push_result *result)
{
	const struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_error err = { "" };
	int ret = egret_profile__export_to(profile, format, push_bytes_add, out, &opts, &err);

	if (ret == -ENOMEM)
		push_result_set(result, PUSH_LATER, "memory", "no memory for a window as %s",
				format);
	else if (ret)
		push_result_set(result, PUSH_REFUSED, "encode", "cannot be written as %s: %s",
				format, err.text);
	return ret;
}

int push_gzip(const struct push_bytes *in, struct push_bytes *out, struct push_result *result)
{
	z_stream z = { .next_in = in->data, .avail_in = (uInt)in->len };
	int ret = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			       Z_DEFAULT_STRATEGY);

	if (ret == Z_OK) {
		out->capacity = deflateBound(&z, in->len);
		out->data = malloc(out->capacity);
		z.next_out = out->data;
		z.avail_out = (uInt)out->capacity;
		ret = out->data ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
		out->len = z.total_out;
		deflateEnd(&z);
	}
	if (ret == Z_STREAM_END)
		return 0;
	push_bytes_deinit(out);
	push_result_set(result, PUSH_LATER, "memory", "no memory to compress a window");
	return -ENOMEM;
}
