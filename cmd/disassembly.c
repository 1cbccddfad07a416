/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* disassembly.c - machine code as text, by capstone. */
#include "disassembly.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

/* e_machine, elf(5) */
enum { MACHINE_I386 = 3, MACHINE_X86_64 = 62 };

static struct instruction *add(struct disassembly *d)
{
	if (d->n == d->capacity) {
		size_t more = d->capacity ? d->capacity * 2 : 256;
		struct instruction *larger = realloc(d->items, more * sizeof(*larger));

		if (!larger)
			return NULL;
		d->items = larger;
		d->capacity = more;
	}
	d->items[d->n] = (struct instruction){ 0 };
	return &d->items[d->n++];
}

/* Calls and jumps to a fixed address have it as their operand, in either syntax. */
static uint64_t target_of(const cs_insn *insn)
{
	const char *name = insn->mnemonic;

	if (name[0] != 'j' && strncmp(name, "call", 4) && strncmp(name, "loop", 4))
		return 0;
	return strncmp(insn->op_str, "0x", 2) ? 0 : strtoull(insn->op_str, NULL, 16);
}

static int add_all(struct disassembly *d, csh handle, const struct egret_function_code *code)
{
	cs_insn *insn = cs_malloc(handle);
	const uint8_t *at = code->bytes;
	size_t left = code->n_bytes;
	uint64_t vaddr = code->vaddr;
	int ret = insn ? 0 : -ENOMEM;

	while (!ret && cs_disasm_iter(handle, &at, &left, &vaddr, insn)) {
		struct instruction *next = add(d);

		if (!next) {
			ret = -ENOMEM;
			break;
		}
		next->vaddr = insn->address;
		next->offset = code->address + (insn->address - code->vaddr);
		next->size = insn->size;
		next->target = target_of(insn);
		if (asprintf(&next->text, *insn->op_str ? "%-7s %s" : "%s%s", insn->mnemonic,
			     insn->op_str) < 0) {
			next->text = NULL;
			ret = -ENOMEM;
		}
	}
	if (insn)
		cs_free(insn, 1);
	return ret;
}

int disassembly_add(struct disassembly *d, const struct egret_function_code *code, bool intel,
		    struct egret_error *err)
{
	csh handle;
	int ret;

	if (code->machine != MACHINE_X86_64 && code->machine != MACHINE_I386) {
		snprintf(err->text, sizeof(err->text),
			 "'%s' is code of another machine than x86 (e_machine %u)", code->symbol,
			 code->machine);
		return -ENOTSUP;
	}
	if (cs_open(CS_ARCH_X86, code->machine == MACHINE_I386 ? CS_MODE_32 : CS_MODE_64,
		    &handle) != CS_ERR_OK) {
		snprintf(err->text, sizeof(err->text), "out of memory for the disassembler");
		return -ENOMEM;
	}
	cs_option(handle, CS_OPT_SYNTAX, intel ? CS_OPT_SYNTAX_INTEL : CS_OPT_SYNTAX_ATT);
	cs_option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);
	ret = add_all(d, handle, code);
	cs_close(&handle);
	if (ret)
		snprintf(err->text, sizeof(err->text), "out of memory");
	return ret;
}

void disassembly_deinit(struct disassembly *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->items[i].text);
	free(d->items);
	*d = (struct disassembly){ 0 };
}
