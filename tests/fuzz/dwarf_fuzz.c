/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_fuzz: hostile bytes as DWARF sections, and as the blob of an index.
 *
 * An input is a byte of flags, three unused ones, the sizes of eleven sections (16 bits each,
 * little-endian; the last may end early) and their bytes. What must hold: no read outside the
 * bytes, an end to every look-up, and blobs that say what the index said that made them.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/dwarf_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CODE_START 0x1000
#define CODE_SIZE 0x1000
#define STEP 16 /* between the addresses that are asked for */
#define LINES EGRET_DWARF_LINES_MAX

/* In the order of their sizes in the input. */
static const char *const names[] = {
	".debug_info",	      ".debug_abbrev",	".debug_line",	   ".debug_str",
	".debug_line_str",    ".debug_addr",	".debug_ranges",   ".debug_rnglists",
	".debug_str_offsets", ".debug_aranges", ".debug_cu_index",
};
#define NR_NAMES (sizeof(names) / sizeof(*names))
#define HEAD (4 + 2 * NR_NAMES)

#define FLAG_SPLIT 1u /* a .dwo file with the same sections is there */
#define FLAG_ALT 2u   /* a file of dwz's likewise */

static void must(int holds)
{
	if (!holds)
		abort();
}

/* ---- an ELF file with these sections -------------------------------------------------------- */

struct image {
	uint8_t *bytes;
	size_t size;
};

static void put(struct image *image, const void *bytes, size_t size)
{
	image->bytes = realloc(image->bytes, image->size + size + 1);
	must(image->bytes != NULL);
	if (size)
		memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

static uint32_t put_name(struct image *strings, const char *name, const char *suffix)
{
	uint32_t at = (uint32_t)strings->size;

	put(strings, name, strlen(name));
	put(strings, suffix, strlen(suffix) + 1);
	return at;
}

/* The headers come last. suffix: of the names of sections, for .dwo files. */
static struct image make_image(const uint8_t *data, size_t size, const char *suffix, bool has_alt)
{
	Elf64_Ehdr ehdr = { .e_ident = ELFMAG, .e_type = ET_EXEC, .e_machine = EM_X86_64 };
	Elf64_Shdr shdrs[NR_NAMES + 4] = { { 0 } };
	struct image image = { 0 }, strings = { 0 };
	const uint8_t *at = data + HEAD;
	unsigned int n = 1;

	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	put(&image, &ehdr, sizeof(ehdr));
	put(&strings, "", 1);
	for (size_t i = 0; i < NR_NAMES; i++) {
		size_t len = data[4 + 2 * i] | (size_t)data[5 + 2 * i] << 8;

		if (len > (size_t)(data + size - at))
			len = (size_t)(data + size - at);
		if (!len)
			continue;
		shdrs[n++] = (Elf64_Shdr){ .sh_name = put_name(&strings, names[i], suffix),
					   .sh_type = SHT_PROGBITS,
					   .sh_offset = image.size,
					   .sh_size = len };
		put(&image, at, len);
		at += len;
	}
	if (has_alt) {
		shdrs[n++] = (Elf64_Shdr){ .sh_name = put_name(&strings, ".gnu_debugaltlink", ""),
					   .sh_type = SHT_PROGBITS,
					   .sh_offset = image.size,
					   .sh_size = 24 };
		put(&image, "alt\0aaaabbbbccccddddeeee", 24);
	}
	shdrs[n++] = (Elf64_Shdr){ .sh_name = put_name(&strings, ".text", ""),
				   .sh_type = SHT_NOBITS,
				   .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				   .sh_addr = CODE_START,
				   .sh_size = CODE_SIZE };
	shdrs[n] = (Elf64_Shdr){ .sh_name = put_name(&strings, ".shstrtab", ""),
				 .sh_type = SHT_STRTAB,
				 .sh_offset = image.size,
				 .sh_size = strings.size };
	ehdr.e_shstrndx = (uint16_t)n++;
	put(&image, strings.bytes, strings.size);
	put(&image, "\0\0\0\0\0\0\0", -image.size % 8);
	ehdr.e_shoff = image.size;
	ehdr.e_shnum = (uint16_t)n;
	ehdr.e_shentsize = sizeof(Elf64_Shdr);
	ehdr.e_ehsize = sizeof(ehdr);
	put(&image, shdrs, n * sizeof(*shdrs));
	memcpy(image.bytes, &ehdr, sizeof(ehdr));
	free(strings.bytes);
	return image;
}

static int open_image(struct image image, struct egret_elf **out)
{
	int ret = egret_elf_open_memory(image.bytes, image.size, "input", out, NULL);

	free(image.bytes);
	return ret;
}

struct input {
	const uint8_t *data;
	size_t size;
};

static int open_alt(void *arg, const char *name, const struct egret_build_id *id,
		    struct egret_elf **out)
{
	const struct input *input = arg;

	must(!strcmp(name, "alt") && id->len == 20);
	return open_image(make_image(input->data, input->size, "", false), out);
}

static int open_split(void *arg, struct egret_elf **out)
{
	const struct input *input = arg;

	return open_image(make_image(input->data, input->size, ".dwo", false), out);
}

static int open_dwo(void *arg, const char *comp_dir, const char *name, struct egret_elf **out)
{
	must(strlen(comp_dir) < 65536 && strlen(name) < 65536);
	return open_split(arg, out);
}

/* ---- look-ups ------------------------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = hash * 31 + (uint8_t)*text;
	return hash * 31 + !text;
}

/* All that is said, as one number. */
static uint64_t ask(struct egret_dwarf_index *index)
{
	static struct egret_dwarf_line lines[LINES];
	uint64_t hash = 0;

	for (uint64_t vaddr = CODE_START; vaddr < CODE_START + CODE_SIZE; vaddr += STEP) {
		size_t n = egret_dwarf_index_find(index, vaddr, lines, LINES);

		must(n <= LINES && (!n || !lines[n - 1].is_inlined));
		for (size_t i = 0; i < n; i++) {
			hash = add_text(hash, lines[i].function);
			hash = add_text(hash, lines[i].file) + lines[i].line;
		}
	}
	return hash;
}

static struct egret_dwarf_index *open_index(const struct egret_elf *elf,
					    const struct egret_dwarf_openers *openers,
					    const void *blob, size_t blob_size)
{
	struct egret_dwarf_options options = { openers, NULL, blob, blob_size };
	struct egret_dwarf_index *index;

	must(!egret_dwarf_index_create(elf, NULL, &options, &index, NULL));
	return index;
}

/* The bytes of a blob, damaged: it is refused, or leads nowhere outside of itself. */
static void damage(const struct egret_elf *elf, const struct egret_buffer *blob, uint32_t seed)
{
	uint8_t *bytes = malloc(blob->len);
	struct egret_dwarf_index *index;

	memcpy(bytes, blob->data, blob->len);
	for (int i = 0; i < 4; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[(seed >> 8) % blob->len] = (uint8_t)seed;
	}
	index = open_index(elf, NULL, bytes, blob->len);
	ask(index);
	egret_dwarf_index_destroy(index);
	free(bytes);
}

static void look_up(const struct egret_elf *elf, const struct egret_dwarf_openers *openers,
		    uint32_t seed)
{
	struct egret_dwarf_index *index = open_index(elf, openers, NULL, 0), *again;
	struct egret_buffer blob = { 0 };
	struct egret_dwarf_stats stats;
	uint64_t said;

	/* Damage may say another thing once all of a unit is read, as the first round sees to. */
	ask(index);
	said = ask(index);
	egret_dwarf_index_stats(index, &stats);
	if (!egret_dwarf_index_blob(index, &blob)) {
		again = open_index(elf, openers, blob.data, blob.len);
		must(egret_dwarf_index_has_blob(again));
		must(stats.missing_files || ask(again) == said);
		egret_dwarf_index_destroy(again);
		damage(elf, &blob, seed);
	}
	egret_buffer_deinit(&blob);
	egret_dwarf_index_destroy(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct egret_dwarf_openers openers = { .arg = &input };
	struct egret_elf *elf;
	uint32_t seed;

	if (size < HEAD)
		return 0;
	if (data[0] & FLAG_SPLIT) {
		openers.open_dwp = open_split;
		openers.open_dwo = open_dwo;
	}
	if (data[0] & FLAG_ALT)
		openers.open_alt = open_alt;
	memcpy(&seed, data, sizeof(seed));
	if (open_image(make_image(data, size, "", data[0] & FLAG_ALT), &elf))
		return 0;
	look_up(elf, &openers, seed);
	egret_elf_destroy(elf);
	return 0;
}
