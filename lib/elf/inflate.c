/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/inflate.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/large_pages.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* Debug sections shrink to a third, seldom to a tenth: a small file may not ask for all memory. */
#define SIZE_MAX_OF(stored) ((64ull << 20) + 200ull * (stored))

/* A large section is not touched a small page at a time. */
static uint8_t *allocate(uint64_t size)
{
	void *to;

	if (size < EGRET_LARGE_PAGE)
		return malloc(size ? size : 1);
	if (posix_memalign(&to, EGRET_LARGE_PAGE, size))
		return NULL;
	egret_large_pages(to, size);
	return to;
}

/* libdeflate: whole buffers, two to three times as fast as zlib. */
static bool inflate_zlib(const struct egret_packed_section *packed, uint8_t *to)
{
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	enum libdeflate_result result = LIBDEFLATE_BAD_DATA;

	if (decompressor)
		result = libdeflate_zlib_decompress(decompressor, packed->bytes, packed->stored, to,
						    packed->size, NULL);
	libdeflate_free_decompressor(decompressor);
	return result == LIBDEFLATE_SUCCESS;
}

int egret_packed_section_unpack(const struct egret_packed_section *packed,
				struct egret_plain_section *out)
{
	uint8_t *to;
	bool done;

	*out = (struct egret_plain_section){ packed->bytes, packed->size, NULL };
	if (!packed->type)
		return 0;
	*out = (struct egret_plain_section){ 0 };
	if (packed->type != ELFCOMPRESS_ZLIB && packed->type != ELFCOMPRESS_ZSTD)
		return -ENOTSUP;
	if (packed->size > SIZE_MAX_OF(packed->stored))
		return -EBADMSG;
	to = allocate(packed->size);
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
		      struct egret_packed_section *out)
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
static bool read_zdebug(const struct egret_section *section, struct egret_packed_section *out)
{
	const uint8_t *bytes = section->data;

	if (section->size < 12 || memcmp(bytes, "ZLIB", 4))
		return false;
	*out = (struct egret_packed_section){ ELFCOMPRESS_ZLIB, 0, bytes + 12, section->size - 12 };
	for (int i = 4; i < 12; i++)
		out->size = out->size << 8 | bytes[i];
	return true;
}

int egret_elf_packed_section(const struct egret_elf *elf, const char *name,
			     struct egret_packed_section *out)
{
	struct egret_section section;
	char old[64];

	*out = (struct egret_packed_section){ 0 };
	if (egret_elf_stored_section(elf, name, &section)) {
		if (section.shdr.sh_flags & SHF_COMPRESSED)
			return read_chdr(elf, &section, out) && out->type ? 0 : -EBADMSG;
		*out = (struct egret_packed_section){ 0, section.size, section.data, section.size };
		return 0;
	}
	if (name[0] != '.' || strlen(name) + 2 > sizeof(old))
		return -ENOENT;
	old[0] = '.';
	old[1] = 'z';
	strcpy(old + 2, name + 1);
	if (!egret_elf_stored_section(elf, old, &section))
		return -ENOENT;
	return read_zdebug(&section, out) ? 0 : -EBADMSG;
}

int egret_elf_plain_section(const struct egret_elf *elf, const char *name,
			    struct egret_plain_section *out)
{
	struct egret_packed_section packed;
	int ret = egret_elf_packed_section(elf, name, &packed);

	*out = (struct egret_plain_section){ 0 };
	return ret ? ret : egret_packed_section_unpack(&packed, out);
}

void egret_plain_section_deinit(struct egret_plain_section *section)
{
	free(section->copy);
	*section = (struct egret_plain_section){ 0 };
}
