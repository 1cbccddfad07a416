/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_entry.h"

#include <dwarf.h>

#include "base/bytes.h"

#define EH_AUGMENTATION_MAX 16

static struct egret_bytes reader_at(const struct egret_cfi_section *section, uint64_t offset,
				    uint64_t end)
{
	return (struct egret_bytes){ section->bytes + offset, section->bytes + end, false };
}

static uint64_t offset_of(const struct egret_cfi_section *section, const uint8_t *p)
{
	return (uint64_t)(p - section->bytes);
}

/* ---- pointers ------------------------------------------------------------------------------- */

static bool read_value(struct egret_bytes *r, uint8_t format, uint8_t address_size, uint64_t *value)
{
	switch (format) {
	case DW_EH_PE_absptr:
		*value = address_size == 4 ? egret_bytes_u32(r) : egret_bytes_u64(r);
		break;
	case DW_EH_PE_uleb128:
		*value = egret_bytes_uleb(r);
		break;
	case DW_EH_PE_sleb128:
		*value = (uint64_t)egret_bytes_sleb(r);
		break;
	case DW_EH_PE_udata2:
		*value = egret_bytes_u16(r);
		break;
	case DW_EH_PE_sdata2:
		*value = (uint64_t)(int16_t)egret_bytes_u16(r);
		break;
	case DW_EH_PE_udata4:
		*value = egret_bytes_u32(r);
		break;
	case DW_EH_PE_sdata4:
		*value = (uint64_t)(int32_t)egret_bytes_u32(r);
		break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*value = egret_bytes_u64(r);
		break;
	default:
		return false;
	}
	return !r->failed;
}

/* DW_EH_PE_aligned: an address at the next multiple of its size. */
static void align(const struct egret_cfi_section *section, struct egret_bytes *r)
{
	uint64_t vaddr = section->vaddr + offset_of(section, r->p);

	egret_bytes_take(r, -vaddr & 7);
}

static bool read_pointer(const struct egret_cfi_section *section, const struct egret_cie *cie,
			 struct egret_bytes *r, uint64_t *value)
{
	uint8_t encoding = cie->fde_encoding;
	uint64_t at;

	if (encoding == DW_EH_PE_aligned) {
		align(section, r);
		encoding = DW_EH_PE_absptr;
	}
	at = section->vaddr + offset_of(section, r->p);
	/* Indirect ones are of the personality routine only: they lead to data of the process. */
	if (encoding & DW_EH_PE_indirect ||
	    !read_value(r, encoding & 0x0f, cie->address_size, value))
		return false;
	switch (encoding & 0x70) {
	case 0:
		return true;
	case DW_EH_PE_pcrel:
		*value += at;
		return true;
	case DW_EH_PE_textrel:
		*value += section->text_vaddr;
		return true;
	case DW_EH_PE_datarel:
		*value += section->got_vaddr;
		return true;
	default:
		return false;
	}
}

bool egret_cfi_pointer(const struct egret_cfi_section *section, const struct egret_cie *cie,
		       const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	struct egret_bytes r = { *at, end, false };
	bool is_good = read_pointer(section, cie, &r, value);

	*at = r.p;
	return is_good;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* Linkers leave zeros between entries; so many are the end, in a sparse file that claims more. */
#define PADDING_MAX 65536

/* The length, and the format that it tells. False: nothing more here. */
static bool read_length(const struct egret_cfi_section *section, struct egret_bytes *r,
			struct egret_cfi_entry *out)
{
	const uint8_t *start = r->p;
	uint64_t length;

	do {
		out->offset = offset_of(section, r->p);
		length = egret_bytes_u32(r);
	} while (!length && !r->failed && !section->ends_at_zero && r->p - start < PADDING_MAX);
	if (!length)
		return false;
	out->is_64 = length == 0xffffffff;
	if (out->is_64)
		length = egret_bytes_u64(r);
	if (r->failed || length > egret_bytes_left(r))
		return false;
	r->end = r->p + length;
	out->next = offset_of(section, r->end);
	return true;
}

bool egret_cfi_entry_at(const struct egret_cfi_section *section, uint64_t offset,
			struct egret_cfi_entry *out)
{
	struct egret_bytes r;
	uint64_t id, id_offset;

	if (offset >= section->size)
		return false;
	r = reader_at(section, offset, section->size);
	if (!read_length(section, &r, out))
		return false;
	id_offset = offset_of(section, r.p);
	/* In .eh_frame the id has 4 bytes always (LSB 5.0 Core, 10.6.1). */
	id = out->is_64 && !section->is_eh ? egret_bytes_u64(&r) : egret_bytes_u32(&r);
	out->content = offset_of(section, r.p);
	if (section->is_eh) {
		out->is_cie = !id;
		out->cie = id_offset - id;
	} else {
		out->is_cie = id == (out->is_64 ? UINT64_MAX : UINT32_MAX);
		out->cie = id;
	}
	if (r.failed) { /* too short for an id: an entry of nothing */
		out->is_cie = false;
		out->cie = UINT64_MAX;
	}
	return true;
}

/* ---- CIE ------------------------------------------------------------------------------------ */

/* The personality routine: of no interest, but in the way. */
static bool skip_personality(const struct egret_cfi_section *section, struct egret_bytes *r)
{
	struct egret_cie pointer = { .address_size = 8 };
	uint64_t value;

	pointer.fde_encoding = egret_bytes_u8(r);
	if (pointer.fde_encoding == DW_EH_PE_omit)
		return true;
	if (pointer.fde_encoding == DW_EH_PE_aligned)
		align(section, r);
	return read_value(r, pointer.fde_encoding & 0x0f, 8, &value);
}

/* What the letters after 'z' say. The data of one that nobody knows, and of those after it, is
 * skipped as a whole. */
static bool read_augmentation(const struct egret_cfi_section *section, const char *letters,
			      struct egret_bytes *r, struct egret_cie *cie)
{
	uint64_t length = egret_bytes_uleb(r);
	struct egret_bytes data = { r->p, r->p, false };

	if (!egret_bytes_take(r, length))
		return false;
	data.end += length;
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			cie->fde_encoding = egret_bytes_u8(&data);
			break;
		case 'P':
			if (!skip_personality(section, &data))
				return false;
			break;
		case 'L':
			egret_bytes_u8(&data);
			break;
		case 'S':
			cie->is_signal = true;
			break;
		case 'B': /* aarch64: return addresses are signed with the other key */
		case 'G': /* aarch64: memory tagging */
			break;
		default:
			return true;
		}
	}
	return !data.failed;
}

/* After the CIE's id and version. NULL: not a string, or too long for one that makes sense. */
static const char *read_letters(struct egret_bytes *r)
{
	const uint8_t *start = r->p;
	const uint8_t *nul = memchr(start, 0,
				    egret_bytes_left(r) < EH_AUGMENTATION_MAX
					    ? egret_bytes_left(r)
					    : EH_AUGMENTATION_MAX);

	if (!nul)
		return NULL;
	r->p = nul + 1;
	return (const char *)start;
}

static bool read_sizes(const struct egret_cfi_section *section, uint8_t version,
		       struct egret_bytes *r, struct egret_cie *cie)
{
	cie->address_size = 8;
	if (version != 4)
		return version == 1 || version == 3;
	cie->address_size = egret_bytes_u8(r);
	return !egret_bytes_u8(r) && (cie->address_size == 8 || cie->address_size == 4);
}

bool egret_cie_parse(const struct egret_cfi_section *section, const struct egret_cfi_entry *entry,
		     struct egret_cie *out)
{
	struct egret_bytes r = reader_at(section, entry->content, entry->next);
	uint8_t version = egret_bytes_u8(&r);
	const char *letters = read_letters(&r);

	*out = (struct egret_cie){ .offset = entry->offset, .fde_encoding = DW_EH_PE_absptr };
	if (!letters)
		return false;
	/* gcc 2: a pointer to exception data of the same name. */
	if (letters[0] == 'e' && letters[1] == 'h') {
		egret_bytes_u64(&r);
		letters += 2;
	}
	if (!read_sizes(section, version, &r, out))
		return false;
	out->code_align = egret_bytes_uleb(&r);
	out->data_align = egret_bytes_sleb(&r);
	out->ra = version == 1 ? egret_bytes_u8(&r) : egret_bytes_uleb(&r);
	out->has_augmentation_data = letters[0] == 'z';
	if (letters[0] && !out->has_augmentation_data)
		return false;
	if (out->has_augmentation_data && !read_augmentation(section, letters + 1, &r, out))
		return false;
	out->program = r.p;
	out->program_end = r.end;
	return !r.failed;
}

/* ---- FDE ------------------------------------------------------------------------------------ */

bool egret_fde_parse(const struct egret_cfi_section *section, const struct egret_cfi_entry *entry,
		     const struct egret_cie *cie, struct egret_fde *out)
{
	struct egret_bytes r = reader_at(section, entry->content, entry->next);
	uint64_t length;

	/* What nearly all files have: 4 bytes each, the first relative to itself. */
	if (cie->fde_encoding == (DW_EH_PE_pcrel | DW_EH_PE_sdata4) && egret_bytes_left(&r) >= 8) {
		out->start = section->vaddr + entry->content +
			     (uint64_t)(int32_t)egret_bytes_u32(&r);
		length = egret_bytes_u32(&r);
	} else if (!read_pointer(section, cie, &r, &out->start) ||
		   !read_value(&r, cie->fde_encoding & 0x07 ? cie->fde_encoding & 0x07 : 0,
			       cie->address_size, &length)) {
		return false;
	}
	out->end = out->start + length;
	if (cie->has_augmentation_data)
		egret_bytes_take(&r, egret_bytes_uleb(&r));
	out->program = r.p;
	out->program_end = r.end;
	return !r.failed && out->end > out->start;
}
