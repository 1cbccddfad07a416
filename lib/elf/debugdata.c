/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* debugdata.c - .gnu_debugdata, "MiniDebugInfo": https://sourceware.org/gdb/current/onlinedocs/gdb
 * (node MiniDebugInfo). */
#include <errno.h>
#include <lzma.h>

#include "base/buffer.h"
#include "elf/debug_find.h"

#define UNPACKED_MAX (256ull << 20)
#define DECODER_MEMORY_MAX (256ull << 20) /* xz -9 takes 65 MiB */
#define STEP (1u << 20)

static int unpack(lzma_stream *stream, struct egret_buffer *out)
{
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		uint8_t *to;

		if (out->len >= UNPACKED_MAX)
			return -EFBIG;
		to = egret_buffer_reserve(out, STEP);
		if (!to)
			return -ENOMEM;
		stream->next_out = to;
		stream->avail_out = STEP;
		ret = lzma_code(stream, LZMA_FINISH);
		out->len += STEP - stream->avail_out;
	}
	if (ret == LZMA_MEM_ERROR || ret == LZMA_MEMLIMIT_ERROR)
		return -ENOMEM;
	return ret == LZMA_STREAM_END ? 0 : -EBADMSG;
}

int egret_elf_open_debugdata(const struct egret_elf *elf, struct egret_elf **out)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	struct egret_buffer bytes = { 0 };
	struct egret_section section;
	int ret = 0;

	if (!egret_elf_section(elf, ".gnu_debugdata", &section) || !section.data)
		return -ENOENT;
	if (lzma_stream_decoder(&stream, DECODER_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		return -ENOMEM;
	stream.next_in = section.data;
	stream.avail_in = section.size;
	ret = unpack(&stream, &bytes);
	lzma_end(&stream);
	if (!ret && egret_elf_open_memory(bytes.data, bytes.len, egret_elf_name(elf), out, NULL))
		ret = -EBADMSG;
	egret_buffer_deinit(&bytes);
	return ret;
}
