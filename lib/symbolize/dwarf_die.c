/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_die.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

/* So many units, each with some kilobytes of abbreviations, stay open. */
#define OPEN_MAX 512
#define INDIRECT_MAX 4

/* ---- values --------------------------------------------------------------------------------- */

/* What DW_FORM_indirect stands for. */
static bool read_form(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
		      struct egret_dwarf_attr *attr)
{
	uint64_t form = DW_FORM_indirect;

	for (int i = 0; form == DW_FORM_indirect && i < INDIRECT_MAX; i++)
		form = egret_bytes_uleb(r);
	attr->form = form > UINT16_MAX ? 0 : (uint16_t)form;
	return form != DW_FORM_indirect && egret_dwarf_step_of(abbrevs, attr->form, &attr->step);
}

bool egret_dwarf_value_read(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
			    const struct egret_dwarf_attr *attr, struct egret_dwarf_value *out)
{
	struct egret_dwarf_attr direct;

	if (attr->step.kind == EGRET_DWARF_STEP_INDIRECT) {
		direct = *attr;
		if (!read_form(r, abbrevs, &direct))
			return false;
		attr = &direct;
	}
	out->form = attr->form;
	switch (attr->step.kind) {
	case EGRET_DWARF_STEP_FIXED:
		out->u = 0;
		if (attr->form == DW_FORM_implicit_const)
			out->u = (uint64_t)attr->implicit;
		else if (attr->form == DW_FORM_flag_present)
			out->u = 1;
		else if (attr->step.n > 8)
			egret_bytes_take(r, attr->step.n);
		else
			out->u = egret_dwarf_fixed(r, attr->step.n);
		break;
	case EGRET_DWARF_STEP_LEB:
		out->u = attr->form == DW_FORM_sdata ? (uint64_t)egret_bytes_sleb(r)
						     : egret_bytes_uleb(r);
		break;
	case EGRET_DWARF_STEP_STRING:
		out->string = (const char *)r->p;
		while (egret_bytes_u8(r))
			;
		break;
	default:
		out->u = attr->step.n ? egret_dwarf_fixed(r, attr->step.n) : egret_bytes_uleb(r);
		egret_bytes_take(r, out->u);
		break;
	}
	return !r->failed;
}

bool egret_dwarf_die_read(struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_abbrevs *abbrevs,
			  const struct egret_dwarf_abbrev *abbrev, struct egret_bytes *r,
			  struct egret_dwarf_value *v, unsigned int n)
{
	const struct egret_dwarf_attr *attr = abbrevs->attrs + abbrev->first_attr;
	const struct egret_dwarf_attr *end = attr + abbrev->n_attrs;

	for (unsigned int i = 0; i < n; i++)
		v[i].form = 0;
	reader->work += abbrev->n_attrs;
	for (; attr < end; attr++) {
		struct egret_dwarf_value unwanted;

		if (attr->slot >= n && attr->step.kind == EGRET_DWARF_STEP_FIXED) {
			if (attr->step.n > egret_bytes_left(r))
				return false;
			r->p += attr->step.n;
		} else if (!egret_dwarf_value_read(r, abbrevs, attr,
						   attr->slot < n ? &v[attr->slot] : &unwanted)) {
			return false;
		}
	}
	return true;
}

/* ---- what they stand for -------------------------------------------------------------------- */

static bool is_address_index(uint16_t form)
{
	return form == DW_FORM_addrx || (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4) ||
	       form == DW_FORM_GNU_addr_index;
}

static bool is_string_index(uint16_t form)
{
	return form == DW_FORM_strx || (form >= DW_FORM_strx1 && form <= DW_FORM_strx4) ||
	       form == DW_FORM_GNU_str_index;
}

/* The offset of entry `index` of a table. False: beyond all sections. */
static bool entry_offset(uint64_t base, uint64_t index, unsigned int size, uint64_t *out)
{
	if (index > UINT32_MAX || base > UINT64_MAX / 2)
		return false;
	*out = base + index * size;
	return true;
}

bool egret_dwarf_address(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			 uint64_t *out)
{
	struct egret_bytes r;
	uint64_t offset;

	if (value->form == DW_FORM_addr) {
		*out = value->u;
		return true;
	}
	if (!is_address_index(value->form) ||
	    !entry_offset(cu->addr_base, value->u, cu->unit->address_size, &offset))
		return false;
	r = egret_dwarf_section_at(cu->addr_file, EGRET_DWARF_ADDR, offset);
	*out = egret_dwarf_fixed(&r, cu->unit->address_size);
	return !r.failed;
}

bool egret_dwarf_high_pc(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			 uint64_t low, uint64_t *out)
{
	if (!value->form)
		return false;
	if (value->form == DW_FORM_addr || is_address_index(value->form))
		return egret_dwarf_address(cu, value, out);
	*out = low + value->u;
	return *out >= low;
}

const char *egret_dwarf_string(const struct egret_dwarf_cu *cu,
			       const struct egret_dwarf_value *value)
{
	const struct egret_dwarf_file *file = cu->file;
	struct egret_bytes r;
	uint64_t offset;

	switch (value->form) {
	case 0:
		return NULL;
	case DW_FORM_string:
		return value->string;
	case DW_FORM_strp:
		return egret_dwarf_string_at(file, EGRET_DWARF_STR, value->u);
	case DW_FORM_line_strp:
		return egret_dwarf_string_at(file, EGRET_DWARF_LINE_STR, value->u);
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		return file->alt ? egret_dwarf_string_at(file->alt, EGRET_DWARF_STR, value->u)
				 : NULL;
	}
	if (!is_string_index(value->form) ||
	    !entry_offset(cu->str_offsets_base, value->u, cu->unit->offset_size, &offset))
		return NULL;
	r = egret_dwarf_section_at(file, EGRET_DWARF_STR_OFFSETS, offset);
	offset = egret_dwarf_offset(&r, cu->unit->offset_size);
	return r.failed ? NULL : egret_dwarf_string_at(file, EGRET_DWARF_STR, offset);
}

bool egret_dwarf_reference(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			   const struct egret_dwarf_file **file, uint64_t *offset)
{
	*file = cu->file;
	switch (value->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		*offset = cu->unit->offset + value->u;
		return value->u < cu->unit->end - cu->unit->offset;
	case DW_FORM_ref_addr:
		*offset = value->u;
		return true;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
		*file = cu->file->alt;
		*offset = value->u;
		return *file;
	default:
		return false;
	}
}

/* ---- units ---------------------------------------------------------------------------------- */

void egret_dwarf_reader_deinit(struct egret_dwarf_reader *reader)
{
	for (size_t i = 0; i < reader->n_abbrevs; i++)
		egret_dwarf_abbrevs_destroy(reader->abbrevs[i]);
	for (size_t i = 0; i < reader->n_cus; i++)
		free(reader->cus[i]);
	free(reader->abbrevs);
	free(reader->abbrevs_files);
	free(reader->cus);
	egret_index_deinit(&reader->abbrevs_index);
	egret_index_deinit(&reader->cus_index);
	*reader = (struct egret_dwarf_reader){ .work = reader->work, .work_max = reader->work_max };
}

void egret_dwarf_reader_trim(struct egret_dwarf_reader *reader)
{
	if (reader->n_abbrevs > OPEN_MAX || reader->n_cus > OPEN_MAX)
		egret_dwarf_reader_deinit(reader);
}

/* What abbreviations and units are looked for by. */
struct key {
	const struct egret_dwarf_file *file;
	const struct egret_dwarf_unit *unit;
};

static bool equals_abbrevs(const void *owner, uint32_t number, const void *key)
{
	const struct egret_dwarf_reader *reader = owner;
	const struct egret_dwarf_abbrevs *a = reader->abbrevs[number];
	const struct key *k = key;

	return reader->abbrevs_files[number] == k->file && a->offset == k->unit->abbrevs &&
	       a->version == k->unit->version && a->address_size == k->unit->address_size &&
	       a->offset_size == k->unit->offset_size;
}

static bool equals_cu(const void *owner, uint32_t number, const void *key)
{
	const struct egret_dwarf_reader *reader = owner;
	const struct key *k = key;

	return reader->cus[number]->unit == k->unit && reader->cus[number]->file == k->file;
}

/* Room for one more pointer in a list of n, which grows by doubling from 16 on. */
static bool reserve(void *list, size_t n)
{
	void *grown;

	if (n < 16 ? n : n & (n - 1))
		return true;
	grown = reallocarray(*(void **)list, n ? n * 2 : 16, sizeof(void *));
	if (!grown)
		return false;
	*(void **)list = grown;
	return true;
}

static int open_abbrevs(struct egret_dwarf_reader *reader, const struct key *key,
			const struct egret_dwarf_abbrevs **out)
{
	uint64_t hash = egret_hash64(key->unit->abbrevs + (uintptr_t)key->file);
	uint32_t number = egret_index_find(&reader->abbrevs_index, hash, key, equals_abbrevs,
					   reader);
	struct egret_dwarf_abbrevs *abbrevs;
	int ret;

	if (number == EGRET_INDEX_NONE) {
		number = (uint32_t)reader->n_abbrevs;
		if (!reserve(&reader->abbrevs, number) || !reserve(&reader->abbrevs_files, number))
			return -ENOMEM;
		ret = egret_dwarf_abbrevs_create(key->file, key->unit, 0, &abbrevs);
		if (ret)
			return ret;
		reader->work += abbrevs->n;
		reader->abbrevs[number] = abbrevs;
		reader->abbrevs_files[number] = key->file;
		reader->n_abbrevs++;
		ret = egret_index_add(&reader->abbrevs_index, hash, number);
		if (ret)
			return ret;
	}
	*out = reader->abbrevs[number];
	return 0;
}

/* Where a table begins that its unit does not tell: behind the header of its section. */
static uint64_t default_base(const struct egret_dwarf_unit *unit, unsigned int small)
{
	if (unit->version < 5)
		return 0;
	return unit->offset_size == 8 ? small + 8 : small;
}

/* What a unit DIE says of where tables begin; 0 where it says nothing. */
static uint64_t base_of(const struct egret_dwarf_cu *cu, enum egret_dwarf_slot slot,
			unsigned int small)
{
	return cu->v[slot].form ? cu->v[slot].u : default_base(cu->unit, small);
}

/* The bytes of the unit, from its DIE on. */
static struct egret_bytes unit_bytes(const struct egret_dwarf_cu *cu)
{
	struct egret_bytes r = egret_dwarf_section_at(cu->file, EGRET_DWARF_INFO,
						      cu->unit->first_die);

	r.end = cu->file->sections[EGRET_DWARF_INFO].bytes + cu->unit->end;
	return r;
}

static bool read_unit_die(struct egret_dwarf_reader *reader, struct egret_dwarf_cu *cu,
			  const struct egret_dwarf_abbrevs *abbrevs)
{
	struct egret_bytes r = unit_bytes(cu);
	const struct egret_dwarf_abbrev *abbrev;

	abbrev = egret_dwarf_abbrev(abbrevs, egret_bytes_uleb(&r));
	if (!abbrev || r.failed ||
	    !egret_dwarf_die_read(reader, abbrevs, abbrev, &r, cu->v, EGRET_DWARF_NR_SLOTS))
		return false;
	cu->tag = abbrev->tag;
	cu->has_children = abbrev->has_children;
	cu->first_child = (uint64_t)(r.p - cu->file->sections[EGRET_DWARF_INFO].bytes);
	cu->addr_base = base_of(cu, EGRET_DWARF_ADDR_BASE, 8);
	cu->str_offsets_base = base_of(cu, EGRET_DWARF_STR_OFFSETS_BASE, 8);
	cu->rnglists_base = base_of(cu, EGRET_DWARF_RNGLISTS_BASE, 12);
	egret_dwarf_address(cu, &cu->v[EGRET_DWARF_LOW_PC], &cu->low_pc);
	return true;
}

static void init_cu(struct egret_dwarf_cu *cu, const struct egret_dwarf_file *file,
		    const struct egret_dwarf_unit *unit)
{
	*cu = (struct egret_dwarf_cu){
		.file = file, .unit = unit, .addr_file = file, .ranges_file = file
	};
}

int egret_dwarf_cu_peek(struct egret_dwarf_reader *reader, const struct egret_dwarf_file *file,
			const struct egret_dwarf_unit *unit, struct egret_dwarf_cu *out)
{
	struct egret_dwarf_abbrevs *abbrevs;
	struct egret_bytes r;
	uint64_t code;
	int ret;

	init_cu(out, file, unit);
	r = unit_bytes(out);
	code = egret_bytes_uleb(&r);
	if (!code)
		return -EBADMSG;
	ret = egret_dwarf_abbrevs_create(file, unit, code, &abbrevs);
	if (ret)
		return ret;
	ret = read_unit_die(reader, out, abbrevs) ? 0 : -EBADMSG;
	egret_dwarf_abbrevs_destroy(abbrevs);
	return ret;
}

int egret_dwarf_cu_open(struct egret_dwarf_reader *reader, const struct egret_dwarf_file *file,
			const struct egret_dwarf_unit *unit, struct egret_dwarf_cu **out)
{
	struct key key = { file, unit };
	uint64_t hash = egret_hash64((uintptr_t)unit);
	uint32_t number = egret_index_find(&reader->cus_index, hash, &key, equals_cu, reader);
	struct egret_dwarf_cu *cu;
	int ret;

	if (number != EGRET_INDEX_NONE) {
		*out = reader->cus[number];
		return 0;
	}
	number = (uint32_t)reader->n_cus;
	if (!reserve(&reader->cus, number))
		return -ENOMEM;
	cu = calloc(1, sizeof(*cu));
	if (!cu)
		return -ENOMEM;
	init_cu(cu, file, unit);
	ret = open_abbrevs(reader, &key, &cu->abbrevs);
	if (!ret && !read_unit_die(reader, cu, cu->abbrevs))
		ret = -EBADMSG;
	if (ret) {
		free(cu);
		return ret;
	}
	reader->cus[reader->n_cus++] = cu;
	*out = cu;
	return egret_index_add(&reader->cus_index, hash, number);
}

void egret_dwarf_cu_join(struct egret_dwarf_cu *split, const struct egret_dwarf_cu *skeleton)
{
	split->addr_file = skeleton->file;
	split->addr_base = skeleton->addr_base;
	split->low_pc = skeleton->low_pc;
	if (split->unit->version < 5) {
		split->ranges_file = skeleton->file;
		split->ranges_base = skeleton->v[EGRET_DWARF_GNU_RANGES_BASE].form
					     ? skeleton->v[EGRET_DWARF_GNU_RANGES_BASE].u
					     : 0;
	}
}
