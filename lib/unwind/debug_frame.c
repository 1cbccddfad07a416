/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/debug_frame.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A .debug_frame of more is not a compiler's: the one of a 1 GiB Chromium has 60 MiB. */
#define DEBUG_FRAME_MAX (1ull << 30)

static const char section_names[] = "\0.debug_frame\0.shstrtab";
#define NAME_DEBUG_FRAME 1
#define NAME_SHSTRTAB 14

struct image_head {
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdr[3];
	char names[(sizeof(section_names) + 7) & ~7u];
};

static void fill_head(struct image_head *head, uint16_t machine, size_t size)
{
	*head = (struct image_head){
		.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT },
			  .e_type = ET_DYN,
			  .e_machine = machine,
			  .e_version = EV_CURRENT,
			  .e_shoff = offsetof(struct image_head, shdr),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 3,
			  .e_shstrndx = 2 },
		.shdr[1] = { .sh_name = NAME_DEBUG_FRAME,
			     .sh_type = SHT_PROGBITS,
			     .sh_offset = sizeof(*head),
			     .sh_size = size,
			     .sh_addralign = 8 },
		.shdr[2] = { .sh_name = NAME_SHSTRTAB,
			     .sh_type = SHT_STRTAB,
			     .sh_offset = offsetof(struct image_head, names),
			     .sh_size = sizeof(section_names),
			     .sh_addralign = 1 },
	};
	memcpy(head->names, section_names, sizeof(section_names));
}

/* An image with room for size bytes of section, which are yet to be filled. */
static uint8_t *new_image(const struct egret_elf *elf, size_t size)
{
	uint8_t *image = size <= DEBUG_FRAME_MAX ? malloc(sizeof(struct image_head) + size) : NULL;

	if (image)
		fill_head((struct image_head *)image, (uint16_t)egret_elf_machine(elf), size);
	return image;
}

/* The way of GNU tools before SHF_COMPRESSED: "ZLIB", the size as 8 bytes, the other end first,
 * then a zlib stream. */
static int image_of_zdebug(const struct egret_elf *elf, const struct egret_section *section,
			   uint8_t **image, size_t *size)
{
	uint64_t want;
	uLongf got;

	if (section->size < 12 || memcmp(section->data, "ZLIB", 4))
		return -EINVAL;
	memcpy(&want, (const uint8_t *)section->data + 4, sizeof(want));
	want = be64toh(want);
	/* Deflate makes 1032 bytes of one at best: a small file cannot ask for much memory. */
	if (want > DEBUG_FRAME_MAX || want / 1032 > section->size)
		return -EINVAL;
	*image = new_image(elf, want);
	if (!*image)
		return -ENOMEM;
	got = want;
	if (uncompress(*image + sizeof(struct image_head), &got,
		       (const uint8_t *)section->data + 12, section->size - 12) != Z_OK ||
	    got != want) {
		free(*image);
		return -EINVAL;
	}
	*size = sizeof(struct image_head) + want;
	return 0;
}

static int image_of_section(const struct egret_elf *elf, uint8_t **image, size_t *size)
{
	struct egret_section section;

	if (!egret_elf_section(elf, ".debug_frame", &section) || !section.data) {
		if (!egret_elf_section(elf, ".zdebug_frame", &section) || !section.data)
			return -ENOENT;
		return image_of_zdebug(elf, &section, image, size);
	}
	*image = new_image(elf, section.size);
	if (!*image)
		return -ENOMEM;
	memcpy(*image + sizeof(struct image_head), section.data, section.size);
	*size = sizeof(struct image_head) + section.size;
	return 0;
}

int egret_debug_frame_open(const struct egret_elf *elf, struct egret_debug_frame *out)
{
	struct egret_debug_frame f = { 0 };
	size_t size;
	int ret;

	ret = image_of_section(elf, &f.image, &size);
	if (ret)
		return ret;
	f.elf = elf_memory((char *)f.image, size);
	if (f.elf)
		f.dwarf = dwarf_begin_elf(f.elf, DWARF_C_READ, NULL);
	if (f.dwarf)
		f.cfi = dwarf_getcfi(f.dwarf);
	if (!f.cfi) {
		egret_debug_frame_close(&f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

void egret_debug_frame_close(struct egret_debug_frame *frame)
{
	dwarf_end(frame->dwarf); /* and the CFI with it */
	elf_end(frame->elf);
	free(frame->image);
	*frame = (struct egret_debug_frame){ 0 };
}
