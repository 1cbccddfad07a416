/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * disassembly.c - machine code as text, by capstone.
 *
 * The library is loaded when it is first needed: its tables are full of pointers, and the dynamic
 * linker would go over 77,000 of them whenever any command is started, for a millisecond.
 */
#include "disassembly.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#define STRING_OF(x) #x
#define SONAME(major) "libcapstone.so." STRING_OF(major)
#define LIBRARY SONAME(CS_API_MAJOR)

struct capstone {
	__typeof__(&cs_open) open;
	__typeof__(&cs_close) close;
	__typeof__(&cs_option) option;
	__typeof__(&cs_malloc) malloc;
	__typeof__(&cs_free) free;
	__typeof__(&cs_disasm_iter) disasm_iter;
};

/* It stays loaded: the next function will need it too. */
static bool load(struct capstone *c)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return false;
	*(void **)&c->open = dlsym(handle, "cs_open");
	*(void **)&c->close = dlsym(handle, "cs_close");
	*(void **)&c->option = dlsym(handle, "cs_option");
	*(void **)&c->malloc = dlsym(handle, "cs_malloc");
	*(void **)&c->free = dlsym(handle, "cs_free");
	*(void **)&c->disasm_iter = dlsym(handle, "cs_disasm_iter");
	return c->open && c->close && c->option && c->malloc && c->free && c->disasm_iter;
}

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

static int add_all(struct disassembly *d, const struct capstone *c, csh handle,
		   const struct egret_function_code *code)
{
	cs_insn *insn = c->malloc(handle);
	const uint8_t *at = code->bytes;
	size_t left = code->n_bytes;
	uint64_t vaddr = code->vaddr;
	int ret = insn ? 0 : -ENOMEM;

	while (!ret && c->disasm_iter(handle, &at, &left, &vaddr, insn)) {
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
		c->free(insn, 1);
	return ret;
}

int disassembly_add(struct disassembly *d, const struct egret_function_code *code, bool intel,
		    struct egret_error *err)
{
	struct capstone c;
	csh handle;
	int ret;

	if (code->machine != MACHINE_X86_64 && code->machine != MACHINE_I386) {
		snprintf(err->text, sizeof(err->text),
			 "'%s' is code of another machine than x86 (e_machine %u)", code->symbol,
			 code->machine);
		return -ENOTSUP;
	}
	if (!load(&c)) {
		snprintf(err->text, sizeof(err->text),
			 "the disassembler capstone (" LIBRARY ") is not installed");
		return -ENOENT;
	}
	if (c.open(CS_ARCH_X86, code->machine == MACHINE_I386 ? CS_MODE_32 : CS_MODE_64, &handle) !=
	    CS_ERR_OK) {
		snprintf(err->text, sizeof(err->text), "out of memory for the disassembler");
		return -ENOMEM;
	}
	c.option(handle, CS_OPT_SYNTAX, intel ? CS_OPT_SYNTAX_INTEL : CS_OPT_SYNTAX_ATT);
	c.option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);
	ret = add_all(d, &c, handle, code);
	c.close(&handle);
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
