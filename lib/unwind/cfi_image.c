/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_section.h"

static const char section_names[] = "\0.eh_frame_hdr\0.eh_frame\0.debug_frame\0.shstrtab";
enum name { NAME_EH_FRAME_HDR = 1, NAME_EH_FRAME = 15, NAME_DEBUG_FRAME = 25, NAME_SHSTRTAB = 38 };

struct part {
	enum name name;
	uint64_t addr; /* in the address space of the ELF file */
	const void *bytes;
	size_t size;
};

#define MAX_PARTS 2

struct image_head {
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdr[1 + MAX_PARTS + 1];
	char names[(sizeof(section_names) + 7) & ~7u];
};

static void fill_head(struct image_head *head, unsigned int machine, size_t n_parts)
{
	*head = (struct image_head){
		.ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT },
			  .e_type = ET_DYN,
			  .e_machine = (uint16_t)machine,
			  .e_version = EV_CURRENT,
			  .e_shoff = offsetof(struct image_head, shdr),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = (uint16_t)(n_parts + 2),
			  .e_shstrndx = (uint16_t)(n_parts + 1) },
	};
	head->shdr[n_parts + 1] = (Elf64_Shdr){ .sh_name = NAME_SHSTRTAB,
						.sh_type = SHT_STRTAB,
						.sh_offset = offsetof(struct image_head, names),
						.sh_size = sizeof(section_names),
						.sh_addralign = 1 };
	memcpy(head->names, section_names, sizeof(section_names));
}

/* Fills image->bytes and image->elf; the parts are copied. */
static int make_image(unsigned int machine, const struct part *parts, size_t n_parts,
		      struct egret_cfi_image *image)
{
	struct image_head *head;
	size_t size = sizeof(*head);

	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].size > EGRET_CFI_SIZE_MAX)
			return -EINVAL;
		size += (parts[i].size + 7) & ~(size_t)7;
	}
	image->bytes = calloc(1, size);
	if (!image->bytes)
		return -ENOMEM;
	head = (struct image_head *)image->bytes;
	fill_head(head, machine, n_parts);
	size = sizeof(*head);
	for (size_t i = 0; i < n_parts; i++) {
		head->shdr[i + 1] = (Elf64_Shdr){ .sh_name = parts[i].name,
						  .sh_type = SHT_PROGBITS,
						  .sh_addr = parts[i].addr,
						  .sh_offset = size,
						  .sh_size = parts[i].size,
						  .sh_addralign = 8 };
		memcpy(image->bytes + size, parts[i].bytes, parts[i].size);
		size += (parts[i].size + 7) & ~(size_t)7;
	}
	image->elf = elf_memory((char *)image->bytes, size);
	return image->elf ? 0 : -EINVAL;
}

void egret_cfi_image_close(struct egret_cfi_image *image)
{
	if (image->cfi && !image->dwarf)
		dwarf_cfi_end(image->cfi);
	dwarf_end(image->dwarf);
	elf_end(image->elf);
	free(image->bytes);
	*image = (struct egret_cfi_image){ 0 };
}

/* ---- .debug_frame --------------------------------------------------------------------------- */

static int image_of_debug_frame(const struct egret_elf *elf, struct egret_cfi_image *image)
{
	struct part part = { .name = NAME_DEBUG_FRAME };
	struct egret_cfi_section section;
	int ret = egret_cfi_section_debug_frame(elf, &section);

	if (ret)
		return ret;
	part.bytes = section.bytes;
	part.size = section.size;
	ret = make_image(egret_elf_machine(elf), &part, 1, image);
	egret_cfi_section_deinit(&section);
	return ret;
}

int egret_cfi_image_open_debug_frame(const struct egret_elf *elf, struct egret_cfi_image *out)
{
	struct egret_cfi_image image = { 0 };
	int ret = image_of_debug_frame(elf, &image);

	if (!ret)
		image.dwarf = dwarf_begin_elf(image.elf, DWARF_C_READ, NULL);
	if (image.dwarf)
		image.cfi = dwarf_getcfi(image.dwarf);
	if (!image.cfi) {
		egret_cfi_image_close(&image);
		return ret ? ret : -EINVAL;
	}
	*out = image;
	return 0;
}

/* ---- .eh_frame ------------------------------------------------------------------------------ */

bool egret_cfi_image_is_needed(const struct egret_elf *elf)
{
	struct egret_section frame, hdr;

	return egret_elf_section(elf, ".eh_frame", &frame) && frame.data &&
	       egret_elf_section(elf, ".eh_frame_hdr", &hdr) && hdr.data &&
	       elf_ndxscn(hdr.scn) > elf_ndxscn(frame.scn);
}

int egret_cfi_image_open_eh_frame(const struct egret_elf *elf, struct egret_cfi_image *out)
{
	struct egret_cfi_image image = { 0 };
	struct egret_section frame, hdr;
	struct part parts[2];
	int ret;

	if (!egret_elf_section(elf, ".eh_frame", &frame) || !frame.data ||
	    !egret_elf_section(elf, ".eh_frame_hdr", &hdr) || !hdr.data)
		return -ENOENT;
	parts[0] = (struct part){ NAME_EH_FRAME_HDR, hdr.shdr.sh_addr, hdr.data, hdr.size };
	parts[1] = (struct part){ NAME_EH_FRAME, frame.shdr.sh_addr, frame.data, frame.size };
	ret = make_image(egret_elf_machine(elf), parts, 2, &image);
	if (!ret)
		image.cfi = dwarf_getcfi_elf(image.elf);
	if (!image.cfi) {
		egret_cfi_image_close(&image);
		return ret ? ret : -EINVAL;
	}
	*out = image;
	return 0;
}
