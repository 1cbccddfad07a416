/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_abbrev.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* Real DIEs have some thirty attributes at most; each costs time at every DIE. */
#define ATTRS_MAX 512
#define INDIRECT_MAX 4 /* of DW_FORM_indirect that leads to itself */

/* ---- steps ---------------------------------------------------------------------------------- */

#define FIXED(size)                                                                                \
	{                                                                                          \
		EGRET_DWARF_STEP_FIXED, size                                                       \
	}
#define ADDRESS_SIZE 100 /* in place of a number: what the unit says */
#define OFFSET_SIZE 101
#define REF_ADDR_SIZE 102

static const struct egret_dwarf_step steps_of_forms[] = {
	[DW_FORM_addr] = FIXED(ADDRESS_SIZE),
	[DW_FORM_block2] = { EGRET_DWARF_STEP_BLOCK, 2 },
	[DW_FORM_block4] = { EGRET_DWARF_STEP_BLOCK, 4 },
	[DW_FORM_data2] = FIXED(2),
	[DW_FORM_data4] = FIXED(4),
	[DW_FORM_data8] = FIXED(8),
	[DW_FORM_string] = { EGRET_DWARF_STEP_STRING, 0 },
	[DW_FORM_block] = { EGRET_DWARF_STEP_BLOCK, 0 },
	[DW_FORM_block1] = { EGRET_DWARF_STEP_BLOCK, 1 },
	[DW_FORM_data1] = FIXED(1),
	[DW_FORM_flag] = FIXED(1),
	[DW_FORM_sdata] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_strp] = FIXED(OFFSET_SIZE),
	[DW_FORM_udata] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_ref_addr] = FIXED(REF_ADDR_SIZE),
	[DW_FORM_ref1] = FIXED(1),
	[DW_FORM_ref2] = FIXED(2),
	[DW_FORM_ref4] = FIXED(4),
	[DW_FORM_ref8] = FIXED(8),
	[DW_FORM_ref_udata] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_indirect] = { EGRET_DWARF_STEP_INDIRECT, 0 },
	[DW_FORM_sec_offset] = FIXED(OFFSET_SIZE),
	[DW_FORM_exprloc] = { EGRET_DWARF_STEP_BLOCK, 0 },
	[DW_FORM_flag_present] = FIXED(0),
	[DW_FORM_strx] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_addrx] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_ref_sup4] = FIXED(4),
	[DW_FORM_strp_sup] = FIXED(OFFSET_SIZE),
	[DW_FORM_data16] = FIXED(16),
	[DW_FORM_line_strp] = FIXED(OFFSET_SIZE),
	[DW_FORM_ref_sig8] = FIXED(8),
	[DW_FORM_implicit_const] = FIXED(0),
	[DW_FORM_loclistx] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_rnglistx] = { EGRET_DWARF_STEP_LEB, 0 },
	[DW_FORM_ref_sup8] = FIXED(8),
	[DW_FORM_strx1] = FIXED(1),
	[DW_FORM_strx2] = FIXED(2),
	[DW_FORM_strx3] = FIXED(3),
	[DW_FORM_strx4] = FIXED(4),
	[DW_FORM_addrx1] = FIXED(1),
	[DW_FORM_addrx2] = FIXED(2),
	[DW_FORM_addrx3] = FIXED(3),
	[DW_FORM_addrx4] = FIXED(4),
};

static bool is_known_form(uint16_t form)
{
	return form && form != 2 && form < sizeof(steps_of_forms) / sizeof(*steps_of_forms);
}

bool egret_dwarf_step_of(const struct egret_dwarf_abbrevs *abbrevs, uint16_t form,
			 struct egret_dwarf_step *out)
{
	switch (form) {
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		*out = (struct egret_dwarf_step){ EGRET_DWARF_STEP_LEB, 0 };
		return true;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		form = DW_FORM_sec_offset;
		break;
	}
	if (!is_known_form(form))
		return false;
	*out = steps_of_forms[form];
	if (out->kind != EGRET_DWARF_STEP_FIXED)
		return true;
	if (out->n == ADDRESS_SIZE)
		out->n = abbrevs->address_size;
	else if (out->n == OFFSET_SIZE)
		out->n = abbrevs->offset_size;
	else if (out->n == REF_ADDR_SIZE) /* an address in DWARF 2, an offset since */
		out->n = abbrevs->version == 2 ? abbrevs->address_size : abbrevs->offset_size;
	return true;
}

static bool is_unit_reference(uint16_t form)
{
	switch (form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		return true;
	default:
		return false;
	}
}

static bool pass_indirect(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs);

static bool take_step(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
		      const struct egret_dwarf_step *step, uint64_t *sibling)
{
	const uint8_t *end;
	uint64_t value;

	switch (step->kind) {
	case EGRET_DWARF_STEP_FIXED:
		return egret_bytes_take(r, step->n);
	case EGRET_DWARF_STEP_LEB:
		while (r->p < r->end && *r->p & 0x80)
			r->p++;
		return egret_bytes_take(r, 1);
	case EGRET_DWARF_STEP_STRING:
		end = memchr(r->p, 0, egret_bytes_left(r));
		return end && egret_bytes_take(r, (uint64_t)(end - r->p) + 1);
	case EGRET_DWARF_STEP_BLOCK:
		value = step->n ? egret_dwarf_fixed(r, step->n) : egret_bytes_uleb(r);
		return egret_bytes_take(r, value);
	case EGRET_DWARF_STEP_SIBLING:
		value = step->n ? egret_dwarf_fixed(r, step->n) : egret_bytes_uleb(r);
		if (sibling)
			*sibling = value;
		return !r->failed;
	default:
		return pass_indirect(r, abbrevs);
	}
}

static bool pass_indirect(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs)
{
	struct egret_dwarf_step step;

	for (int i = 0; i < INDIRECT_MAX; i++) {
		uint64_t form = egret_bytes_uleb(r);

		if (r->failed || form > UINT16_MAX ||
		    !egret_dwarf_step_of(abbrevs, (uint16_t)form, &step))
			return false;
		if (step.kind != EGRET_DWARF_STEP_INDIRECT)
			return take_step(r, abbrevs, &step, NULL);
	}
	return false;
}

bool egret_dwarf_pass(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
		      const struct egret_dwarf_abbrev *abbrev, uint64_t *sibling)
{
	const struct egret_dwarf_step *step = abbrevs->steps + abbrev->first_step;
	const struct egret_dwarf_step *end = step + abbrev->n_steps;

	for (; step < end; step++) {
		if (step->kind == EGRET_DWARF_STEP_FIXED) {
			if (step->n > egret_bytes_left(r))
				return false;
			r->p += step->n;
		} else if (!take_step(r, abbrevs, step, sibling)) {
			return false;
		}
	}
	return true;
}

/* ---- the table ------------------------------------------------------------------------------ */

#define NR_FORMS (sizeof(steps_of_forms) / sizeof(*steps_of_forms))

/* The lists under way: their room grows by doubling. */
struct building {
	struct egret_dwarf_abbrevs *to;
	struct egret_dwarf_step steps[NR_FORMS]; /* of forms, with sizes as the unit has them */
	size_t room, n_attrs, attrs_room, n_steps, steps_room;
};

/* One more than the slot of each attribute, so that those that are not named here have none. */
static const uint8_t slots[] = {
	[DW_AT_low_pc] = EGRET_DWARF_LOW_PC + 1,
	[DW_AT_high_pc] = EGRET_DWARF_HIGH_PC + 1,
	[DW_AT_ranges] = EGRET_DWARF_RANGES_AT + 1,
	[DW_AT_name] = EGRET_DWARF_NAME + 1,
	[DW_AT_linkage_name] = EGRET_DWARF_LINKAGE + 1,
	[DW_AT_abstract_origin] = EGRET_DWARF_ORIGIN + 1,
	[DW_AT_specification] = EGRET_DWARF_SPECIFICATION + 1,
	[DW_AT_call_file] = EGRET_DWARF_CALL_FILE + 1,
	[DW_AT_call_line] = EGRET_DWARF_CALL_LINE + 1,
	[DW_AT_comp_dir] = EGRET_DWARF_COMP_DIR + 1,
	[DW_AT_stmt_list] = EGRET_DWARF_STMT_LIST + 1,
	[DW_AT_language] = EGRET_DWARF_LANGUAGE + 1,
	[DW_AT_dwo_name] = EGRET_DWARF_DWO_NAME + 1,
	[DW_AT_str_offsets_base] = EGRET_DWARF_STR_OFFSETS_BASE + 1,
	[DW_AT_addr_base] = EGRET_DWARF_ADDR_BASE + 1,
	[DW_AT_rnglists_base] = EGRET_DWARF_RNGLISTS_BASE + 1,
};

/* The step over a form. False: it is not known. */
static inline bool step_of(const struct building *b, uint64_t form, struct egret_dwarf_step *out)
{
	if (form >= NR_FORMS)
		return egret_dwarf_step_of(b->to, (uint16_t)form, out);
	*out = b->steps[form];
	return is_known_form((uint16_t)form);
}

static inline uint8_t slot_of(uint64_t attribute)
{
	if (attribute < sizeof(slots))
		return slots[attribute] ? slots[attribute] - 1 : EGRET_DWARF_NO_SLOT;
	switch (attribute) {
	case DW_AT_MIPS_linkage_name:
		return EGRET_DWARF_LINKAGE;
	case DW_AT_GNU_dwo_name:
		return EGRET_DWARF_DWO_NAME;
	case DW_AT_GNU_dwo_id:
		return EGRET_DWARF_DWO_ID;
	case DW_AT_GNU_addr_base:
		return EGRET_DWARF_ADDR_BASE;
	case DW_AT_GNU_ranges_base:
		return EGRET_DWARF_GNU_RANGES_BASE;
	default:
		return EGRET_DWARF_NO_SLOT;
	}
}

static int add_step(struct building *b, struct egret_dwarf_abbrev *abbrev,
		    const struct egret_dwarf_attr *attr, bool is_sibling)
{
	struct egret_dwarf_step *last, step = attr->step;

	if (is_sibling && abbrev->has_children && is_unit_reference(attr->form)) {
		step.n = step.kind == EGRET_DWARF_STEP_LEB ? 0 : step.n;
		step.kind = EGRET_DWARF_STEP_SIBLING;
	}
	last = abbrev->n_steps ? &b->to->steps[b->n_steps - 1] : NULL;
	if (step.kind == EGRET_DWARF_STEP_FIXED && last && last->kind == step.kind) {
		last->n += step.n;
		return 0;
	}
	if (!egret_grow(&b->to->steps, &b->steps_room, b->n_steps, sizeof(step)))
		return -ENOMEM;
	b->to->steps[b->n_steps++] = step;
	abbrev->n_steps++;
	return 0;
}

/* Whether attributes are ever looked at: of functions, and of the DIE of a unit. */
static bool is_read(uint16_t tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
	case DW_TAG_skeleton_unit:
	case DW_TAG_type_unit:
		return true;
	default:
		return false;
	}
}

/* Those that nobody asks for and that have a fixed size are one with the one before. */
static int add_attr(struct building *b, struct egret_dwarf_abbrev *abbrev,
		    const struct egret_dwarf_attr *attr)
{
	struct egret_dwarf_attr *last = abbrev->n_attrs ? &b->to->attrs[b->n_attrs - 1] : NULL;

	if (last && last->slot == EGRET_DWARF_NO_SLOT && attr->slot == last->slot &&
	    last->step.kind == EGRET_DWARF_STEP_FIXED &&
	    attr->step.kind == EGRET_DWARF_STEP_FIXED) {
		last->step.n += attr->step.n;
		return 0;
	}
	if (!egret_grow(&b->to->attrs, &b->attrs_room, b->n_attrs, sizeof(*attr)))
		return -ENOMEM;
	b->to->attrs[b->n_attrs++] = *attr;
	abbrev->n_attrs++;
	return 0;
}

static int read_attrs(struct building *b, struct egret_bytes *r, struct egret_dwarf_abbrev *abbrev)
{
	bool keeps = is_read(abbrev->tag);

	for (unsigned int i = 0; i < ATTRS_MAX; i++) {
		uint64_t name = egret_bytes_uleb(r), form = egret_bytes_uleb(r);
		struct egret_dwarf_attr attr = { 0 };
		int ret = 0;

		if (form == DW_FORM_implicit_const)
			attr.implicit = egret_bytes_sleb(r);
		if (r->failed || form > UINT16_MAX)
			return -EBADMSG;
		if (!name && !form)
			return 0;
		attr.form = (uint16_t)form;
		if (!step_of(b, form, &attr.step))
			return -EBADMSG;
		if (keeps) {
			attr.slot = slot_of(name);
			abbrev->has_code |= attr.slot == EGRET_DWARF_LOW_PC ||
					    attr.slot == EGRET_DWARF_RANGES_AT;
			ret = add_attr(b, abbrev, &attr);
		}
		if (!ret)
			ret = add_step(b, abbrev, &attr, name == DW_AT_sibling);
		if (ret)
			return ret;
	}
	return -EBADMSG;
}

/* Passes over the attributes of an abbreviation: of most, one byte each tells name and form. */
static void pass_attrs(struct egret_bytes *r)
{
	uint64_t name, form;

	do {
		while (egret_bytes_left(r) >= 2 && r->p[0] < 0x80 && r->p[1] < 0x80 &&
		       r->p[1] != DW_FORM_implicit_const && (r->p[0] | r->p[1]))
			r->p += 2;
		name = egret_bytes_uleb(r);
		form = egret_bytes_uleb(r);
		if (form == DW_FORM_implicit_const)
			egret_bytes_sleb(r);
	} while ((name || form) && !r->failed);
}

static int read_abbrevs(struct building *b, struct egret_bytes *r, uint64_t only)
{
	for (;;) {
		uint64_t code = egret_bytes_uleb(r), tag;
		struct egret_dwarf_abbrev abbrev = { .code = code };
		int ret;

		/* A last table may go without its end mark. */
		if (r->failed || !code)
			return 0;
		tag = egret_bytes_uleb(r);
		abbrev.tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
		abbrev.has_children = egret_bytes_u8(r) == DW_CHILDREN_yes;
		if (only && code != only) {
			pass_attrs(r);
			continue;
		}
		abbrev.first_attr = (uint32_t)b->n_attrs;
		abbrev.first_step = (uint32_t)b->n_steps;
		ret = r->failed ? -EBADMSG : read_attrs(b, r, &abbrev);
		if (ret)
			return ret;
		if (!egret_grow(&b->to->items, &b->room, b->to->n, sizeof(abbrev)))
			return -ENOMEM;
		b->to->items[b->to->n++] = abbrev;
		if (only)
			return 0;
	}
}

static int compare_codes(const void *a, const void *b)
{
	const struct egret_dwarf_abbrev *x = a, *y = b;

	return (x->code > y->code) - (x->code < y->code);
}

/* Of most forms the size is no matter of the unit. */
static void init_steps(struct building *b)
{
	static const uint16_t vary[] = { DW_FORM_addr,	     DW_FORM_strp,     DW_FORM_ref_addr,
					 DW_FORM_sec_offset, DW_FORM_strp_sup, DW_FORM_line_strp };

	memcpy(b->steps, steps_of_forms, sizeof(b->steps));
	for (size_t i = 0; i < sizeof(vary) / sizeof(*vary); i++)
		egret_dwarf_step_of(b->to, vary[i], &b->steps[vary[i]]);
}

/* Most tables have no more: growing would copy them again and again. */
static bool make_room(struct building *b, uint64_t only)
{
	struct egret_dwarf_abbrevs *to = b->to;

	b->room = only ? 1 : 256;
	b->attrs_room = only ? 32 : 256;
	b->steps_room = only ? 32 : 1024;
	to->items = reallocarray(NULL, b->room, sizeof(*to->items));
	to->attrs = reallocarray(NULL, b->attrs_room, sizeof(*to->attrs));
	to->steps = reallocarray(NULL, b->steps_room, sizeof(*to->steps));
	return to->items && to->attrs && to->steps;
}

/* Many tables stay open: what is left of the room goes back, and the table stays where it is. */
static void give_back_room(struct building *b)
{
	struct egret_dwarf_abbrevs *to = b->to;
	void *items = reallocarray(to->items, to->n + 1, sizeof(*to->items));
	void *attrs = reallocarray(to->attrs, b->n_attrs + 1, sizeof(*to->attrs));
	void *steps = reallocarray(to->steps, b->n_steps + 1, sizeof(*to->steps));

	to->items = items ? items : to->items;
	to->attrs = attrs ? attrs : to->attrs;
	to->steps = steps ? steps : to->steps;
}

int egret_dwarf_abbrevs_create(const struct egret_dwarf_file *file,
			       const struct egret_dwarf_unit *unit, uint64_t only,
			       struct egret_dwarf_abbrevs **out)
{
	struct egret_bytes r = egret_dwarf_section_at(file, EGRET_DWARF_ABBREV, unit->abbrevs);
	struct egret_dwarf_abbrevs *abbrevs = calloc(1, sizeof(*abbrevs));
	struct building building = { .to = abbrevs };
	int ret;

	if (!abbrevs)
		return -ENOMEM;
	abbrevs->offset = unit->abbrevs;
	abbrevs->version = unit->version;
	abbrevs->address_size = unit->address_size;
	abbrevs->offset_size = unit->offset_size;
	init_steps(&building);
	/* Those of DIEs without attributes point somewhere too. */
	if (!make_room(&building, only))
		ret = -ENOMEM;
	else
		ret = r.failed ? -EBADMSG : read_abbrevs(&building, &r, only);
	if (ret) {
		egret_dwarf_abbrevs_destroy(abbrevs);
		return ret;
	}
	if (!only)
		give_back_room(&building);
	abbrevs->is_dense = true;
	for (size_t i = 0; i < abbrevs->n && abbrevs->is_dense; i++)
		abbrevs->is_dense = abbrevs->items[i].code == i + 1;
	if (!abbrevs->is_dense)
		qsort(abbrevs->items, abbrevs->n, sizeof(*abbrevs->items), compare_codes);
	*out = abbrevs;
	return 0;
}

void egret_dwarf_abbrevs_destroy(struct egret_dwarf_abbrevs *abbrevs)
{
	if (!abbrevs)
		return;
	free(abbrevs->items);
	free(abbrevs->attrs);
	free(abbrevs->steps);
	free(abbrevs);
}

const struct egret_dwarf_abbrev *egret_dwarf_abbrev_sparse(const struct egret_dwarf_abbrevs *a,
							   uint64_t code)
{
	struct egret_dwarf_abbrev key = { .code = code };

	return bsearch(&key, a->items, a->n, sizeof(*a->items), compare_codes);
}
