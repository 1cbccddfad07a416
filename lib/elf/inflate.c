/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/inflate.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* Debug sections shrink to a third, seldom to a tenth: a small file may not ask for all memory. */
#define SIZE_MAX_OF(stored) ((64ull << 20) + 200ull * (stored))

struct packed {
	unsigned int type; /* ELFCOMPRESS_* */
	uint64_t size;	   /* unpacked */
	const uint8_t *bytes;
	size_t stored;
};

/* libdeflate: whole buffers, two to three times as fast as zlib. */
static bool inflate_zlib(const struct packed *packed, uint8_t *to)
{
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	enum libdeflate_result result = LIBDEFLATE_BAD_DATA;

	if (decompressor)
		result = libdeflate_zlib_decompress(decompressor, packed->bytes, packed->stored, to,
						    packed->size, NULL);
	libdeflate_free_decompressor(decompressor);
	return result == LIBDEFLATE_SUCCESS;
}

static int inflate_packed(const struct packed *packed, struct egret_plain_section *out)
{
	uint8_t *to;
	bool done;

	if (packed->type != ELFCOMPRESS_ZLIB && packed->type != ELFCOMPRESS_ZSTD)
		return -ENOTSUP;
	if (packed->size > SIZE_MAX_OF(packed->stored))
		return -EBADMSG;
	to = malloc(packed->size ? packed->size : 1);
	if (!to)
		return -ENOMEM;
	if (packed->type == ELFCOMPRESS_ZLIB)
		done = inflate_zlib(packed, to);
	else
		done = ZSTD_decompress(to, packed->size, packed->bytes, packed->stored) ==
		       packed->size;
	if (!done) {
		free(to);
		return -EBADMSG;
	}
	*out = (struct egret_plain_section){ to, packed->size, to };
	return 0;
}

/* Elf64_Chdr or Elf32_Chdr before the bytes. */
static bool read_chdr(const struct egret_elf *elf, const struct egret_section *section,
		      struct packed *out)
{
	Elf64_Chdr chdr;
	Elf32_Chdr small;
	size_t len = egret_elf_is_64(elf) ? sizeof(chdr) : sizeof(small);

	if (section->size < len)
		return false;
	if (egret_elf_is_64(elf)) {
		memcpy(&chdr, section->data, sizeof(chdr));
		out->type = chdr.ch_type;
		out->size = chdr.ch_size;
	} else {
		memcpy(&small, section->data, sizeof(small));
		out->type = small.ch_type;
		out->size = small.ch_size;
	}
	out->bytes = (const uint8_t *)section->data + len;
	out->stored = section->size - len;
	return true;
}

/* "ZLIB", the size as 8 bytes, the highest first. */
static bool read_zdebug(const struct egret_section *section, struct packed *out)
{
	const uint8_t *bytes = section->data;

	if (section->size < 12 || memcmp(bytes, "ZLIB", 4))
		return false;
	*out = (struct packed){ ELFCOMPRESS_ZLIB, 0, bytes + 12, section->size - 12 };
	for (int i = 4; i < 12; i++)
		out->size = out->size << 8 | bytes[i];
	return true;
}

int egret_elf_plain_section(const struct egret_elf *elf, const char *name,
			    struct egret_plain_section *out)
{
	struct egret_section section;
	struct packed packed;
	char old[64];

	*out = (struct egret_plain_section){ 0 };
	if (egret_elf_stored_section(elf, name, &section)) {
		if (!(section.shdr.sh_flags & SHF_COMPRESSED)) {
			*out = (struct egret_plain_section){ section.data, section.size, NULL };
			return 0;
		}
		return read_chdr(elf, &section, &packed) ? inflate_packed(&packed, out) : -EBADMSG;
	}
	if (name[0] != '.' || strlen(name) + 2 > sizeof(old))
		return -ENOENT;
	old[0] = '.';
	old[1] = 'z';
	strcpy(old + 2, name + 1);
	if (!egret_elf_stored_section(elf, old, &section))
		return -ENOENT;
	return read_zdebug(&section, &packed) ? inflate_packed(&packed, out) : -EBADMSG;
}

void egret_plain_section_deinit(struct egret_plain_section *section)
{
	free(section->copy);
	*section = (struct egret_plain_section){ 0 };
}
