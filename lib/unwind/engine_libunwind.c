/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * engine_libunwind.c - libunwind as a second opinion, frame by frame.
 *
 * Each step is a remote unwind of one frame, in an address space of its own per module: its
 * addresses are those of the ELF file, so that libunwind's cache, whose key is the address alone,
 * holds for all processes.
 *
 * libunwind (1.6.2) trusts CFI: a register number that is too large makes it read beyond its
 * arrays. So it is asked only where libdw could make sense of the CFI. What it can look up only in
 * files that it opens itself (.debug_frame, .eh_frame without its search table), and what has no
 * CFI, is stepped by the row.
 */
#include <errno.h>
#include <libunwind-x86_64.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/engines.h"
#include "unwind/row_finder.h"
#include "unwind/walk.h"

/* Exported, but in no header: the binary search in .eh_frame_hdr. perf declares it so too. */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di,
				       unw_proc_info_t *pi, int need_unwind_info, void *arg);

#define CACHE_LOG2_ROWS 9
#define MAX_SEGMENTS 8

/* libunwind does not bound its loops on hostile CFI; no honest step reads this many words. */
#define MAX_ACCESSES 100000

/* A read-only segment: what CFI is read from. */
struct segment {
	uint64_t start, end; /* in the address space of the ELF file */
	const uint8_t *bytes;
};

struct egret_unwind_module {
	const struct egret_elf *elf;
	struct egret_row_module rows;
	unw_addr_space_t space; /* NULL until the first step */
	struct segment segments[MAX_SEGMENTS];
	unsigned int n_segments;
	unw_dyn_info_t table; /* .eh_frame_hdr; its table_len is 0 where there is none */
};

struct egret_unwinder {
	unw_accessors_t accessors;
	uint64_t steps; /* that libunwind made */
	struct egret_row_finder finder;
};

/* One step; the argument of the accessors. */
struct step {
	struct egret_unwind_module *module;
	struct egret_step_state *state;
	uint64_t vaddr;
	unsigned int accesses;
	int error; /* of read_stack, the last one */
	bool has_no_cfi;
};

/* ---- accessors ------------------------------------------------------------------------------ */

/* The word at addr, zeros for what lies beyond the segment: libunwind reads aligned words. */
static bool read_image(const struct egret_unwind_module *module, uint64_t addr, uint64_t *value)
{
	for (unsigned int i = 0; i < module->n_segments; i++) {
		const struct segment *s = &module->segments[i];
		uint64_t left;

		if (addr < s->start || addr >= s->end)
			continue;
		left = s->end - addr;
		*value = 0;
		memcpy(value, s->bytes + (addr - s->start), left < 8 ? left : 8);
		return true;
	}
	return false;
}

static int access_mem(unw_addr_space_t as, unw_word_t addr, unw_word_t *value, int write, void *arg)
{
	struct step *step = arg;
	int ret;

	if (write || ++step->accesses > MAX_ACCESSES)
		return -UNW_EINVAL;
	if (read_image(step->module, addr, value))
		return 0;
	ret = step->state->read_stack(step->state->arg, addr, value);
	if (!ret)
		return 0;
	step->error = ret;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
		      void *arg)
{
	struct step *step = arg;
	int ret;

	if (write)
		return -UNW_EREADONLYREG;
	if (reg == UNW_X86_64_RIP) {
		*value = step->vaddr;
		return 0;
	}
	/* libunwind's numbers are DWARF's. */
	ret = egret_step_reg(step->state, (unsigned int)reg, value);
	if (ret == -EFAULT || ret == -ENXIO)
		step->error = ret;
	return ret ? -UNW_EBADREG : 0;
}

/*
 * Whether the FDE that libunwind found is the one that libdw read: where a file is damaged, or has
 * FDEs that overlap, they differ, and nobody has looked at libunwind's.
 */
static bool is_checked(const struct step *step, const unw_proc_info_t *pi)
{
	uint64_t start, end;

	return egret_cfi_eh_range(step->module->rows.cfi, step->vaddr, &start, &end) &&
	       start >= pi->start_ip && end <= pi->end_ip;
}

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi,
			  int need_unwind_info, void *arg)
{
	struct step *step = arg;
	unw_dyn_info_t *table = &step->module->table;
	int ret = -UNW_ENOINFO;

	/* Without unwind_info first: that is memory which only libunwind can give back. */
	if (table->u.rti.table_len)
		ret = UNW_OBJ(dwarf_search_unwind_table)(as, ip, table, pi, 0, arg);
	if (ret >= 0 && !is_checked(step, pi))
		ret = -UNW_ENOINFO;
	if (ret >= 0 && need_unwind_info)
		ret = UNW_OBJ(dwarf_search_unwind_table)(as, ip, table, pi, 1, arg);
	if (ret < 0)
		step->has_no_cfi = true;
	return ret;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *list, void *arg)
{
	return -UNW_ENOINFO;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
			void *arg)
{
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t addr, char *name, size_t size,
			 unw_word_t *offset, void *arg)
{
	return -UNW_EINVAL;
}

/* ---- modules -------------------------------------------------------------------------------- */

static void add_segment(struct egret_unwind_module *module, const GElf_Phdr *phdr)
{
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(module->elf, &size);

	if (phdr->p_flags & PF_W || module->n_segments == MAX_SEGMENTS || phdr->p_offset > size ||
	    phdr->p_filesz > size - phdr->p_offset ||
	    phdr->p_vaddr + phdr->p_filesz < phdr->p_vaddr)
		return;
	module->segments[module->n_segments++] = (struct segment){ phdr->p_vaddr,
								   phdr->p_vaddr + phdr->p_filesz,
								   bytes + phdr->p_offset };
}

/* DW_EH_PE_sdata4 | DW_EH_PE_pcrel, DW_EH_PE_udata4, DW_EH_PE_sdata4 | DW_EH_PE_datarel: what
 * linkers write (LSB core, 10.6.2). */
static const uint8_t hdr_encodings[] = { 1, 0x1b, 0x03, 0x3b };

static void find_table(struct egret_unwind_module *module, const GElf_Phdr *phdr)
{
	uint64_t head, count;
	unw_dyn_info_t *table = &module->table;

	if (!read_image(module, phdr->p_vaddr, &head) ||
	    memcmp(&head, hdr_encodings, sizeof(hdr_encodings)) ||
	    !read_image(module, phdr->p_vaddr + 8, &count))
		return;
	count &= UINT32_MAX;
	if (phdr->p_filesz < 12 || count > (phdr->p_filesz - 12) / 8)
		return;
	table->format = UNW_INFO_FORMAT_REMOTE_TABLE;
	table->end_ip = UINT64_MAX;
	table->u.rti.segbase = phdr->p_vaddr;
	table->u.rti.table_data = phdr->p_vaddr + 12;
	table->u.rti.table_len = count; /* words: an entry is two numbers of 4 bytes */
}

static void read_headers(struct egret_unwind_module *module)
{
	Elf *handle = egret_elf_handle(module->elf);
	GElf_Phdr phdr, hdr = { .p_type = PT_NULL };
	size_t n = 0;

	if (elf_getphdrnum(handle, &n))
		return;
	for (size_t i = 0; i < n && gelf_getphdr(handle, (int)i, &phdr); i++) {
		if (phdr.p_type == PT_LOAD)
			add_segment(module, &phdr);
		else if (phdr.p_type == PT_GNU_EH_FRAME)
			hdr = phdr;
	}
	if (hdr.p_type == PT_GNU_EH_FRAME && egret_elf_machine(module->elf) == EM_X86_64 &&
	    egret_elf_is_64(module->elf))
		find_table(module, &hdr);
}

static bool open_space(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	if (module->space)
		return true;
	read_headers(module);
	module->space = unw_create_addr_space(&unwinder->accessors, 0);
	if (!module->space)
		return false;
	unw_set_caching_policy(module->space, UNW_CACHE_GLOBAL);
	unw_set_cache_size(module->space, 1u << CACHE_LOG2_ROWS, 0);
	return true;
}

static int module_load(struct egret_unwinder *unwinder, const struct egret_elf *elf,
		       const struct egret_elf *debug, struct egret_unwind_module **out)
{
	struct egret_unwind_module *module = calloc(1, sizeof(*module));

	if (!module)
		return -ENOMEM;
	if (egret_row_module_init(&module->rows, &unwinder->finder, elf, debug)) {
		free(module);
		return -ENOMEM;
	}
	module->elf = elf;
	*out = module;
	return 0;
}

static void module_unload(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	if (!module)
		return;
	if (module->space)
		unw_destroy_addr_space(module->space);
	egret_row_module_deinit(&module->rows);
	free(module);
}

/* ---- stepping ------------------------------------------------------------------------------- */

static enum egret_unwind_end end_of_failure(unw_cursor_t *cursor, const struct step *step,
					    int unw_error)
{
	unw_word_t sp;

	/* The CFA went down, and what is there was not captured: not a stack that was cut. */
	if (!unw_get_reg(cursor, UNW_X86_64_RSP, &sp) && sp < egret_step_sp(step->state))
		return EGRET_UNWIND_NO_PROGRESS;
	if (step->error)
		return egret_step_end_of(step->error);
	/* The step led to where it began. */
	return unw_error == -UNW_EBADFRAME ? EGRET_UNWIND_NO_PROGRESS : EGRET_UNWIND_BAD_CFI;
}

/* Where a register of the caller is, without reading it: see step.h. */
static void take_saved(unw_cursor_t *cursor, unsigned int reg, const struct egret_step_state *from,
		       struct egret_step_state *to)
{
	uint32_t bit = EGRET_REG_BIT(reg);
	unw_save_loc_t place;

	if (unw_get_save_loc(cursor, (int)reg, &place))
		return;
	if (place.type == UNW_SLT_MEMORY) {
		to->value[reg] = place.u.addr;
		to->known |= bit;
		to->saved |= bit;
	} else if (place.type == UNW_SLT_REG && (unsigned int)place.u.regnum < 16 &&
		   from->known & EGRET_REG_BIT(place.u.regnum)) {
		to->value[reg] = from->value[place.u.regnum];
		to->known |= bit;
		if (from->saved & EGRET_REG_BIT(place.u.regnum))
			to->saved |= bit;
	}
}

/* What the cursor says of the caller, into state. */
static enum egret_unwind_end take_registers(unw_cursor_t *cursor, struct step *step)
{
	static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;
	struct egret_step_state to = *step->state;

	to.known = EGRET_REG_BIT(EGRET_UNWIND_RSP) | EGRET_REG_BIT(EGRET_UNWIND_RIP);
	to.saved = 0;
	if (unw_get_reg(cursor, UNW_X86_64_RSP, &to.value[EGRET_UNWIND_RSP]) ||
	    unw_get_reg(cursor, UNW_X86_64_RIP, &to.value[EGRET_UNWIND_RIP]))
		return end_of_failure(cursor, step, -UNW_EBADREG);
	if (egret_step_sp(&to) <= egret_step_sp(step->state))
		return EGRET_UNWIND_NO_PROGRESS;
	for (unsigned int i = 0; i < NR_SAVED; i++)
		take_saved(cursor, saved_reg[i], step->state, &to);
	*step->state = to;
	return EGRET_STEP_OK;
}

/* NO_CFI: libunwind has none for this place. */
static enum egret_unwind_end step_by_libunwind(struct step *step)
{
	unw_cursor_t cursor;
	int ret;

	if (unw_init_remote(&cursor, step->module->space, step))
		return egret_step_end_of(step->error);
	ret = unw_step(&cursor);
	if (step->has_no_cfi)
		return EGRET_UNWIND_NO_CFI;
	if (ret < 0)
		return end_of_failure(&cursor, step, ret);
	return ret ? take_registers(&cursor, step) : EGRET_UNWIND_ROOT;
}

/* Sound CFI, which leads to a caller by a call. */
static bool is_for_libunwind(const struct egret_row *row)
{
	return (row->kind == EGRET_ROW_SIMPLE || row->kind == EGRET_ROW_FULL) && !row->flags;
}

static enum egret_unwind_end step(struct egret_unwinder *unwinder,
				  struct egret_unwind_module *module, struct egret_place place,
				  struct egret_step_state *state, struct egret_walk_row *out)
{
	struct step step = { .module = module, .state = state, .vaddr = place.vaddr };
	enum egret_unwind_end end = EGRET_UNWIND_NO_CFI;
	struct egret_row_ref ref;

	egret_row_find(&unwinder->finder, &module->rows, place, &ref);
	if (is_for_libunwind(&ref.row) && open_space(unwinder, module))
		end = step_by_libunwind(&step);
	if (end == EGRET_UNWIND_NO_CFI)
		return egret_walk_step_row(state, &ref, out);
	unwinder->steps++;
	return end;
}

static struct egret_unwind_result unwind(struct egret_unwinder *unwinder,
					 const struct egret_unwind_request *request)
{
	return egret_walk(request, step, unwinder);
}

uint64_t egret_engine_libunwind_steps(const struct egret_unwinder *unwinder)
{
	return unwinder->steps;
}

static int create(struct egret_unwinder **out, struct egret_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return egret_fail(err, ENOMEM, "no memory for the unwinder");
	(*out)->accessors = (unw_accessors_t){
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	return 0;
}

static void destroy(struct egret_unwinder *unwinder)
{
	if (!unwinder)
		return;
	egret_row_finder_deinit(&unwinder->finder);
	free(unwinder);
}

const struct egret_unwind_engine egret_engine_libunwind = {
	.name = "libunwind",
	.text = "libunwind, a frame at a time: slower, for comparison on files that you trust",
	.create = create,
	.destroy = destroy,
	.module_load = module_load,
	.module_unload = module_unload,
	.unwind = unwind,
};
