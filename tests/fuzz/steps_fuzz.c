/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * steps_fuzz: the table engine's quick steps against the walk, frame by frame.
 *
 * A file of 64 functions, made here, has rows by rsp, by rbp, and such that only the walk can do.
 * An input is a series of captures of one thread; each changes some words of its stack, so that
 * what the engine keeps of the one before is partly right. What must hold: an engine that has all
 * at hand (the bytes, the number of what is mapped, a past) finds what one finds that has none of
 * it, and reads no byte beyond the capture.
 *
 * A capture: 6 bytes (registers, bytes captured), a number of changes, and 2 bytes for each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <egret/egret.h>

#include "base/buffer.h"
#include "unwind/engines.h"

#define CODE 0x400000ull
#define EH_FRAME 0x500000ull
#define FUNCTIONS 64u
#define FUNCTION_SIZE 16u
#define STACK 0x7fff00000000ull
#define WORDS 128u
#define CAPTURES_MAX 24
#define FRAMES_MAX 96

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* ---- the file ------------------------------------------------------------------------------- */

static void add_byte(struct egret_buffer *to, unsigned int byte)
{
	egret_buffer_add(to, &(uint8_t){ (uint8_t)byte }, 1);
}

/* DW_CFA_offset: saved at cfa - 8 * slot. */
static void add_saved(struct egret_buffer *to, unsigned int reg, unsigned int slot)
{
	add_byte(to, 0x80 | reg);
	add_byte(to, slot);
}

static void add_cfa(struct egret_buffer *to, unsigned int reg, unsigned int offset)
{
	add_byte(to, 0x0c); /* DW_CFA_def_cfa */
	add_byte(to, reg);
	add_byte(to, offset);
}

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, RIP = 16 }; /* in DWARF */

static void add_odd_program(struct egret_buffer *to, unsigned int i)
{
	static const uint8_t dereferenced[] = { 0x0f, 3, 0x77, 8, 0x06 }; /* cfa = *(rsp + 8) */

	if (i % 4 == 0) {
		add_byte(to, 0x07); /* DW_CFA_undefined */
		add_byte(to, RIP);
	} else if (i % 4 == 1) {
		egret_buffer_add(to, dereferenced, sizeof(dereferenced));
	} else if (i % 4 == 2) {
		add_cfa(to, RBX, 16);
	} else {
		add_cfa(to, RSP, 16);
		add_saved(to, RBX, 6); /* below rsp */
	}
}

static void add_program(struct egret_buffer *to, unsigned int i)
{
	unsigned int words = 1 + i * 5 % 12, slot = 2;

	if (i % 8 == 7) {
		add_odd_program(to, i / 8);
	} else if (i % 8 >= 5) {
		add_cfa(to, RBP, i % 8 == 5 ? 16 : 8 * (1 + i / 8));
		if (i % 8 == 5)
			add_saved(to, RBP, 2);
	} else {
		add_cfa(to, RSP, 8 * words);
		if (i & 8 && slot <= words)
			add_saved(to, RBP, slot++);
		if (i & 16 && slot <= words)
			add_saved(to, RBX, slot++);
		if (i & 32 && slot <= words)
			add_saved(to, R12, slot++);
	}
}

static void add_u32(struct egret_buffer *to, uint32_t value)
{
	egret_buffer_add(to, &value, sizeof(value));
}

/* Function 60 has no CFI. */
static void add_fde(struct egret_buffer *to, unsigned int i)
{
	uint64_t range[2] = { CODE + i * FUNCTION_SIZE, FUNCTION_SIZE };
	struct egret_buffer program = { 0 };

	if (i == 60)
		return;
	add_program(&program, i);
	add_u32(to, (uint32_t)(4 + sizeof(range) + program.len));
	add_u32(to, (uint32_t)to->len); /* back to the CIE, which is the first */
	egret_buffer_add(to, range, sizeof(range));
	egret_buffer_add(to, program.data, program.len);
	egret_buffer_deinit(&program);
}

static void add_eh_frame(struct egret_buffer *to)
{
	/* version 1, no augmentation, code by 1, data by -8; cfa = rsp + 8, rip at cfa - 8 */
	static const uint8_t cie[] = {
		0, 0, 0, 0, 1, 0, 1, 0x78, RIP, 0x0c, RSP, 8, 0x80 | RIP, 1
	};

	add_u32(to, sizeof(cie));
	egret_buffer_add(to, cie, sizeof(cie));
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		add_fde(to, i);
	add_u32(to, 0);
}

static const char names[] = "\0.text\0.eh_frame\0.shstrtab";

static struct egret_elf *make_elf(void)
{
	static struct egret_buffer out; /* as long as the file that is made of it */
	struct egret_buffer cfi = { 0 };
	uint8_t text[FUNCTIONS * FUNCTION_SIZE];
	struct egret_elf *elf = NULL;
	size_t at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	Elf64_Ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = EM_X86_64,
			    .e_version = EV_CURRENT,
			    .e_phoff = sizeof(Elf64_Ehdr),
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 1,
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = 4,
			    .e_shstrndx = 3 };
	Elf64_Phdr phdr = { PT_LOAD, PF_R | PF_X, at, CODE, CODE, sizeof(text), sizeof(text), 16 };
	Elf64_Shdr shdr[4] = { 0 };

	memset(text, 0x90, sizeof(text));
	add_eh_frame(&cfi);
	shdr[1] = (Elf64_Shdr){
		1, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, CODE, at, sizeof(text), 0, 0, 16, 0
	};
	at += sizeof(text);
	shdr[2] = (Elf64_Shdr){ 7, SHT_PROGBITS, SHF_ALLOC, EH_FRAME, at, cfi.len, 0, 0, 8, 0 };
	at += cfi.len;
	shdr[3] = (Elf64_Shdr){ 17, SHT_STRTAB, 0, 0, at, sizeof(names), 0, 0, 1, 0 };
	ehdr.e_shoff = at + sizeof(names);
	egret_buffer_add(&out, &ehdr, sizeof(ehdr));
	egret_buffer_add(&out, &phdr, sizeof(phdr));
	egret_buffer_add(&out, text, sizeof(text));
	egret_buffer_add(&out, cfi.data, cfi.len);
	egret_buffer_add(&out, names, sizeof(names));
	egret_buffer_add(&out, shdr, sizeof(shdr));
	egret_buffer_deinit(&cfi);
	must(!egret_elf_open_memory(out.data, out.len, "made", &elf, NULL));
	return elf;
}

/* ---- captures ------------------------------------------------------------------------------- */

/* Two unwinders of the engine: one goes quickly, the other has nothing at hand. */
struct side {
	struct egret_unwinder *unwinder;
	struct egret_unwind_module *module;
	struct egret_unwound_frame frames[FRAMES_MAX];
	struct egret_unwind_result result;
};
static struct side quick, slow;

struct capture {
	const struct side *side;
	struct egret_stack_run run;
	uint64_t mapped; /* the number of what is mapped, which is elsewhere with each */
};

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	const struct egret_stack_run *run = &((const struct capture *)arg)->run;

	if (addr < run->start || run->len < 8 || addr - run->start > run->len - 8)
		return -EFAULT;
	memcpy(value, run->bytes + (addr - run->start), sizeof(*value));
	return 0;
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	const struct capture *capture = arg;

	*code = (struct egret_code){ 0 };
	if (pc < CODE || pc >= CODE + FUNCTIONS * FUNCTION_SIZE)
		return false;
	code->module = capture->side->module;
	code->cookie = 4 * capture->mapped + (pc - CODE) / FUNCTION_SIZE % 3;
	return true;
}

static void unwind(struct side *side, const struct egret_unwind_regs *regs,
		   const struct egret_stack_run *run, uint64_t mapped)
{
	const bool has_all = side == &quick;
	struct capture capture = { side, *run, mapped };
	struct egret_unwind_request request = { .regs = *regs,
						.read_stack = read_stack,
						.find_code = find_code,
						.arg = &capture,
						.runs = &capture.run,
						.n_runs = has_all,
						.code_number = has_all ? mapped : 0,
						.frames = side->frames,
						.max_frames = FRAMES_MAX };

	memset(side->frames, 0xff, sizeof(side->frames));
	side->result = egret_engine_table.unwind(side->unwinder, &request);
}

static void compare(void)
{
	must(quick.result.n_frames == slow.result.n_frames);
	must(quick.result.end == slow.result.end);
	for (size_t i = 0; i < slow.result.n_frames; i++) {
		must(quick.frames[i].pc == slow.frames[i].pc);
		must(quick.frames[i].cookie == slow.frames[i].cookie);
		must(quick.frames[i].flags == slow.frames[i].flags);
	}
}

/* What a byte stands for: code, or a place on the stack. */
static uint64_t word_of(uint8_t byte)
{
	if (byte < 2 * FUNCTIONS)
		return CODE + byte / 2 * FUNCTION_SIZE + 1 + byte % 2 * 7;
	return STACK + 8 * (byte % WORDS);
}

/* Unwinds what is on the stack from word `first` to word `last`; rsp is somewhat above `first`. */
static void capture(const uint64_t *stack, const uint8_t head[6])
{
	unsigned int first = head[0] % WORDS, last = first + head[1] % (WORDS - first + 1);
	struct egret_stack_run run = { STACK + 8 * first, 8 * (last - first), NULL };
	struct egret_unwind_regs regs = { 0 };
	uint64_t mapped;
	uint8_t *bytes;

	run.len -= run.len && head[5] & 0x40 ? head[5] % 8 : 0;
	/* Of exactly that size, so that the sanitizer sees each byte beyond. */
	bytes = malloc(run.len ? run.len : 1);
	memcpy(bytes, stack + first, run.len);
	run.bytes = bytes;
	regs.r[EGRET_UNWIND_RSP] = run.start + 8 * (head[5] >> 2 & 3);
	regs.r[EGRET_UNWIND_RIP] = word_of(head[2]);
	regs.r[EGRET_UNWIND_RBP] = word_of(head[3]);
	regs.r[3] = regs.r[12] = word_of(head[4]);
	mapped = 1 + (head[5] & 0x80 ? 8 * (head[5] & 3) : 0);
	unwind(&quick, &regs, &run, mapped);
	unwind(&slow, &regs, &run, mapped);
	compare();
	free(bytes);
}

static void open_side(struct side *side, const struct egret_elf *elf)
{
	must(!egret_engine_table.create(&side->unwinder, NULL));
	if (!side->module)
		must(!egret_engine_table.module_load(side->unwinder, elf, NULL, &side->module));
}

static void close_side(struct side *side)
{
	egret_engine_table.destroy(side->unwinder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct egret_elf *elf;
	uint64_t stack[WORDS] = { 0 };
	size_t at = 0;

	if (!elf)
		elf = make_elf();
	/* Anew, so that what an input finds does not depend on those before it. */
	open_side(&quick, elf);
	open_side(&slow, elf);
	for (int i = 0; i < CAPTURES_MAX && size - at >= 7; i++) {
		const uint8_t *head = data + at;
		size_t changes = head[6];

		for (at += 7; changes && size - at >= 2; changes--, at += 2)
			stack[data[at] % WORDS] = word_of(data[at + 1]);
		capture(stack, head);
	}
	close_side(&quick);
	close_side(&slow);
	return 0;
}
