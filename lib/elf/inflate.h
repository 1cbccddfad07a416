/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * inflate.h - sections as they were before they were compressed, without libelf's knowledge.
 *
 * SHF_COMPRESSED with zlib or zstd (gABI, "Section Compression"), and the older .zdebug_*, which
 * begin with "ZLIB" and their size.
 */
#ifndef EGRET_ELF_INFLATE_H
#define EGRET_ELF_INFLATE_H

#include "elf/elf_file.h"

/* The bytes of a section: those of the file, or a copy. */
struct egret_plain_section {
	const uint8_t *bytes;
	size_t size;
	void *copy; /* NULL: bytes are the file's */
};

/*
 * The section of that name (".debug_info"), or its .zdebug_ form. 0; -ENOENT: there is none, or it
 * is not in the file; -EBADMSG: damaged, or far larger than what it is made of; -ENOTSUP: another
 * compression; -ENOMEM.
 */
int egret_elf_plain_section(const struct egret_elf *elf, const char *name,
			    struct egret_plain_section *out);

/* The same in two steps: what is found may be unpacked by another thread. */
struct egret_packed_section {
	unsigned int type; /* ELFCOMPRESS_*; 0: it is not compressed */
	uint64_t size;	   /* unpacked */
	const uint8_t *bytes;
	size_t stored;
};
int egret_elf_packed_section(const struct egret_elf *elf, const char *name,
			     struct egret_packed_section *out);
int egret_packed_section_unpack(const struct egret_packed_section *packed,
				struct egret_plain_section *out);

void egret_plain_section_deinit(struct egret_plain_section *section);

#endif
