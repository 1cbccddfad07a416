/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_section.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "unwind/arch.h"
#include "unwind/cfi_entry.h"

/* A program header, asked of libelf with the lock held: several threads may do it. */
static bool get_phdr(const struct egret_elf *elf, size_t i, GElf_Phdr *out)
{
	Elf *handle = egret_elf_handle(elf);
	bool found;
	size_t n;

	egret_elf_lock(elf);
	found = !elf_getphdrnum(handle, &n) && i < n && gelf_getphdr(handle, (int)i, out);
	egret_elf_unlock(elf);
	return found;
}

/* Code beyond the first 4 GiB is not looked at: rows keep their addresses in 32 bits. */
bool egret_cfi_code_range(const struct egret_elf *elf, uint64_t *code_start, uint64_t *code_end)
{
	const struct egret_elf_segment *segment;
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; (segment = egret_elf_segment(elf, i)); i++) {
		if (!(segment->flags & PF_X) || segment->memsz > UINT64_MAX - segment->vaddr)
			continue;
		if (segment->vaddr < start)
			start = segment->vaddr;
		if (segment->vaddr + segment->memsz > end)
			end = segment->vaddr + segment->memsz;
	}
	if (start >= end)
		return false;
	*code_start = start;
	*code_end = end - start > UINT32_MAX ? start + UINT32_MAX : end;
	return true;
}

static bool find_code(const struct egret_elf *elf, struct egret_cfi_section *out)
{
	out->arch = egret_arch_of(elf);
	return egret_cfi_code_range(elf, &out->code_start, &out->code_end);
}

static bool usable(const struct egret_section *section)
{
	return section->data && section->size && section->size <= EGRET_CFI_SIZE_MAX;
}

/* ---- .eh_frame ------------------------------------------------------------------------------ */

static uint64_t vaddr_of_section(const struct egret_elf *elf, const char *name)
{
	struct egret_section section;

	return egret_elf_section(elf, name, &section) ? section.shdr.sh_addr : 0;
}

/* The bytes from vaddr to the end of the file's segment there. */
static bool bytes_at(const struct egret_elf *elf, uint64_t vaddr, const uint8_t **bytes,
		     size_t *size)
{
	GElf_Phdr phdr;
	size_t file_size;
	const uint8_t *file = egret_elf_bytes(elf, &file_size);

	for (size_t i = 0; get_phdr(elf, i, &phdr); i++) {
		uint64_t into = vaddr - phdr.p_vaddr;

		if (phdr.p_type != PT_LOAD || vaddr < phdr.p_vaddr || into >= phdr.p_filesz ||
		    phdr.p_offset > file_size || phdr.p_filesz > file_size - phdr.p_offset)
			continue;
		*bytes = file + phdr.p_offset + into;
		*size = phdr.p_filesz - into;
		return true;
	}
	return false;
}

/* Without section headers: the program header leads to .eh_frame_hdr, and that to .eh_frame. */
static bool eh_frame_by_header(const struct egret_elf *elf, struct egret_cfi_section *out)
{
	struct egret_cfi_section hdr = { .is_eh = true };
	struct egret_cie pointers = { .address_size = 8 };
	GElf_Phdr phdr;
	const uint8_t *at;

	for (size_t i = 0; get_phdr(elf, i, &phdr); i++)
		if (phdr.p_type == PT_GNU_EH_FRAME)
			hdr.vaddr = phdr.p_vaddr;
	/* version 1, encodings of: the pointer, the number and the addresses of its table */
	if (!hdr.vaddr || !bytes_at(elf, hdr.vaddr, &hdr.bytes, &hdr.size) || hdr.size < 8 ||
	    hdr.bytes[0] != 1)
		return false;
	pointers.fde_encoding = hdr.bytes[1];
	hdr.got_vaddr = hdr.vaddr;
	at = hdr.bytes + 4;
	if (!egret_cfi_pointer(&hdr, &pointers, &at, hdr.bytes + hdr.size, &out->vaddr))
		return false;
	out->ends_at_zero = true;
	return bytes_at(elf, out->vaddr, &out->bytes, &out->size);
}

int egret_cfi_section_eh_frame(const struct egret_elf *elf, struct egret_cfi_section *out)
{
	struct egret_section section;

	*out = (struct egret_cfi_section){ .is_eh = true };
	if (egret_elf_section(elf, ".eh_frame", &section) && usable(&section)) {
		out->bytes = section.data;
		out->size = section.size;
		out->vaddr = section.shdr.sh_addr;
	} else if (!eh_frame_by_header(elf, out)) {
		return -ENOENT;
	}
	if (out->size > EGRET_CFI_SIZE_MAX)
		out->size = EGRET_CFI_SIZE_MAX;
	out->text_vaddr = vaddr_of_section(elf, ".text");
	out->got_vaddr = vaddr_of_section(elf, ".got");
	return find_code(elf, out) ? 0 : -EINVAL;
}

/* ---- .debug_frame --------------------------------------------------------------------------- */

/* want bytes out of a zlib stream. */
static int inflate_to(const uint8_t *bytes, size_t size, uint64_t want,
		      struct egret_cfi_section *out)
{
	uLongf got = want;

	/* Deflate makes 1032 bytes of one at best: a small file cannot ask for much memory. */
	if (want > EGRET_CFI_SIZE_MAX || want / 1032 > size)
		return -EINVAL;
	out->owned = malloc(want + 1);
	if (!out->owned)
		return -ENOMEM;
	if (uncompress(out->owned, &got, bytes, size) != Z_OK || got != want) {
		free(out->owned);
		out->owned = NULL;
		return -EINVAL;
	}
	out->bytes = out->owned;
	out->size = want;
	return 0;
}

/* The way of GNU tools before SHF_COMPRESSED: "ZLIB", the size as 8 bytes, the other end first. */
static int decompress_zdebug(const struct egret_section *section, struct egret_cfi_section *out)
{
	const uint8_t *bytes = section->data;
	uint64_t want;

	if (section->size < 12 || memcmp(bytes, "ZLIB", 4))
		return -EINVAL;
	memcpy(&want, bytes + 4, sizeof(want));
	return inflate_to(bytes + 12, section->size - 12, be64toh(want), out);
}

static int decompress(const struct egret_section *section, struct egret_cfi_section *out)
{
	const uint8_t *bytes = section->data;
	Elf64_Chdr chdr;

	if (section->size < sizeof(chdr))
		return -EINVAL;
	memcpy(&chdr, bytes, sizeof(chdr));
	if (chdr.ch_type != ELFCOMPRESS_ZLIB)
		return -EINVAL;
	return inflate_to(bytes + sizeof(chdr), section->size - sizeof(chdr), chdr.ch_size, out);
}

int egret_cfi_section_debug_frame(const struct egret_elf *elf, struct egret_cfi_section *out)
{
	struct egret_section section;

	*out = (struct egret_cfi_section){ 0 };
	if (!egret_elf_is_64(elf) || !find_code(elf, out))
		return -ENOENT;
	if (egret_elf_stored_section(elf, ".debug_frame", &section) &&
	    section.shdr.sh_flags & SHF_COMPRESSED)
		return usable(&section) ? decompress(&section, out) : -EINVAL;
	if (egret_elf_section(elf, ".debug_frame", &section) && usable(&section)) {
		out->bytes = section.data;
		out->size = section.size;
		return 0;
	}
	if (egret_elf_section(elf, ".zdebug_frame", &section) && usable(&section))
		return decompress_zdebug(&section, out);
	return -ENOENT;
}

void egret_cfi_section_deinit(struct egret_cfi_section *section)
{
	free(section->owned);
	*section = (struct egret_cfi_section){ 0 };
}
