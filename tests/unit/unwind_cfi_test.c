/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows from files: wherever the CFI is, from the code where there is none, and from damaged files.
 */
#include <egret/egret.h>

#include "elf_fixture.h"
#include "unwind/cfi_image.h"
#include "unwind/cfi_libdw.h"
#include "unwind/engines.h"
#include "unwind_memory.h"

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 60
#else
#define ROUNDS 400
#endif

/* The entry point, and after it functions at multiples of 64 bytes. */
static const char source[] =
	"	.cfi_sections SECTIONS\n"
	"	.globl _start\n"
	"	.text\n"
	"	.p2align 6\n"
	/* 0: one row after the other */
	"_start:	.cfi_startproc\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	push %r12\n"
	"	push %rbx\n"
	"	.cfi_offset %r12, -24\n"
	"	.cfi_offset %rbx, -32\n"
	"	nop\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.p2align 6\n"
	/* 64: the outermost frame */
	"	.cfi_startproc\n"
	"	.cfi_undefined %rip\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.p2align 6\n"
	/* 128: cfa = *(rbp - 8), then by expression; r10 saved by one */
	"	.cfi_startproc\n"
	"	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n"
	"	nop\n"
	"	.cfi_escape 0x0f, 5, 0x77, 8, 0x32, 0x24, 0x1f\n"
	"	.cfi_escape 0x10, 10, 2, 0x76, 0x70\n"
	"	.cfi_escape 0x16, 11, 3, 0x38, 0x22, 0x1f\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.p2align 6\n"
	/* 192: a signal frame; a saved register too far off for a simple row */
	"	.cfi_startproc\n"
	"	.cfi_signal_frame\n"
	"	.cfi_offset %r15, -4096\n"
	"	.cfi_register %rbx, %rdx\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.p2align 6\n"
	/* 256: no CFI from here on */
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	nop\n"
	"	pop %rbp\n"
	"	ret\n"
	"	.p2align 6\n"
	/* 320 */
	"	endbr64\n"
	"	push %rbp\n"
	"	.byte 0x48, 0x8b, 0xec\n" /* the other mov %rsp, %rbp */
	"	.p2align 6\n"
	/* 384: signal trampolines */
	"	mov $15, %rax\n"
	"	syscall\n"
	"	.p2align 6\n"
	/* 448 */
	"	mov $15, %eax\n"
	"	syscall\n"
	"	.p2align 6\n"
	/* 512 */
	"	mov $14, %eax\n"
	"	syscall\n"
	"	nop\n";

static struct egret_row_scratch scratch;
static struct egret_cfi *cfi;
static uint64_t entry;

/* Two variants of the file that differ in where the CFI is have the same code at the same place. */
static char *compile(const char *name, const char *sections, const char *flags)
{
	char *all, *path;

	if (asprintf(&all,
		     "-DSECTIONS=%s -nostdlib -static -no-pie -Wl,-Ttext=0x401000 "
		     "-Wl,--build-id=none %s",
		     sections, flags) < 0)
		abort();
	path = fixture_compile(name, source, all);
	free(all);
	return path;
}

static struct egret_row row_at(uint64_t at, bool is_return)
{
	return egret_cfi_row(cfi, (struct egret_place){ entry + at - is_return, is_return },
			     &scratch);
}

#define CHECK_ROW(row, kind_, cfa_reg_, cfa_offset_)                                               \
	do {                                                                                       \
		CHECK_EQ((row).kind, EGRET_ROW_##kind_);                                           \
		CHECK_EQ((row).cfa_reg, cfa_reg_);                                                 \
		CHECK_EQ((row).cfa_offset, cfa_offset_);                                           \
	} while (0)

static void check_simple_rows(void)
{
	struct egret_row row = row_at(0, false);

	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RSP, 8);
	CHECK_EQ(row.flags, 0);
	CHECK_EQ(row.saved[SAVED_RBP], 0);
	row = row_at(1, false);
	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RSP, 16);
	CHECK_EQ(row.saved[SAVED_RBP], 2);
	CHECK_EQ(row.saved[SAVED_RBX], 0);
	row = row_at(4, false);
	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RBP, 16);
	/* A return address is looked up in the row before it. */
	row = row_at(4, true);
	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RSP, 16);
	row = row_at(7, false);
	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RBP, 16);
	CHECK_EQ(row.saved[SAVED_RBX], 4);
	CHECK_EQ(row.saved[SAVED_R12], 3);
	CHECK_EQ(row.saved[SAVED_R13], 0);
	row = row_at(8, false);
	CHECK_ROW(row, SIMPLE, EGRET_UNWIND_RSP, 8);
	row = row_at(64, false);
	CHECK_EQ(row.flags, EGRET_ROW_F_ROOT);
}

static bool rule_is(const struct egret_rule *rule, unsigned int kind, unsigned int reg, int offset)
{
	return rule->kind == kind && rule->reg == reg && rule->offset == offset;
}

static bool expr_is(const struct egret_rule *rule, unsigned int kind, const void *bytes, size_t len)
{
	return rule->kind == kind && rule->len == len &&
	       !memcmp(scratch.full.expr + rule->offset, bytes, len);
}

static void check_full_rows(void)
{
	const struct egret_full_row *full = &scratch.full;
	struct egret_row row = row_at(128, false);

	CHECK_EQ(row.kind, EGRET_ROW_FULL);
	CHECK(rule_is(&full->cfa, EGRET_RULE_AT_REG, EGRET_UNWIND_RBP, -8));
	CHECK(rule_is(&full->reg[EGRET_UNWIND_RIP], EGRET_RULE_AT_CFA, 0, -8));
	CHECK(rule_is(&full->reg[EGRET_UNWIND_RSP], EGRET_RULE_CFA, 0, 0));
	CHECK_EQ(full->reg[3].kind, EGRET_RULE_SAME);
	CHECK_EQ(full->reg[15].kind, EGRET_RULE_SAME);
	CHECK_EQ(full->reg[10].kind, EGRET_RULE_UNDEFINED);
	row = row_at(129, false);
	CHECK_EQ(row.kind, EGRET_ROW_FULL);
	CHECK(expr_is(&full->cfa, EGRET_RULE_EXPR, "\x77\x08\x32\x24\x1f", 5));
	CHECK(rule_is(&full->reg[10], EGRET_RULE_AT_REG, EGRET_UNWIND_RBP, -16));
	CHECK(expr_is(&full->reg[11], EGRET_RULE_EXPR, "\x38\x22\x1f", 3));
	row = row_at(192, false);
	CHECK_EQ(row.kind, EGRET_ROW_FULL);
	CHECK(rule_is(&full->cfa, EGRET_RULE_REG, EGRET_UNWIND_RSP, 8));
	CHECK(rule_is(&full->reg[15], EGRET_RULE_AT_CFA, 0, -4096));
	CHECK(rule_is(&full->reg[3], EGRET_RULE_REG, 1, 0));
}

static void check_all_rows(struct egret_elf *elf, struct egret_elf *debug)
{
	GElf_Ehdr ehdr;

	gelf_getehdr(egret_elf_handle(elf), &ehdr);
	entry = ehdr.e_entry;
	CHECK_EQ(egret_cfi_create(elf, debug, &cfi), 0);
	check_simple_rows();
	check_full_rows();
	CHECK_EQ(row_at(192, false).flags, EGRET_ROW_F_SIGNAL);
	CHECK_EQ(row_at(256, false).kind, EGRET_ROW_NONE);
	CHECK_EQ(row_at(1 << 20, false).kind, EGRET_ROW_NONE);
	egret_cfi_destroy(cfi);
}

static void check_variant(const char *name, const char *sections, const char *flags,
			  const char *has, const char *has_not)
{
	char *path = compile(name, sections, flags);
	struct egret_elf *elf = fixture_open(path);
	struct egret_section section;

	CHECK(egret_elf_section(elf, has, &section));
	CHECK(!egret_elf_section(elf, has_not, &section));
	check_all_rows(elf, NULL);
	egret_elf_destroy(elf);
	free(path);
}

static void eh_frame(void)
{
	check_variant("eh.S", ".eh_frame", "-Wl,--eh-frame-hdr", ".eh_frame_hdr", ".debug_frame");
	check_variant("nohdr.S", ".eh_frame", "-Wl,--no-eh-frame-hdr", ".eh_frame",
		      ".eh_frame_hdr");
}

/* As lld lays files out: .eh_frame_hdr comes after .eh_frame. */
static char *compile_as_lld(void)
{
	static const char script[] =
		"PHDRS { code PT_LOAD FILEHDR PHDRS; hdr PT_GNU_EH_FRAME; }\n"
		"SECTIONS { . = 0x400000 + SIZEOF_HEADERS; .eh_frame : { *(.eh_frame) } :code\n"
		".eh_frame_hdr : { *(.eh_frame_hdr) } :code :hdr\n"
		".text 0x401000 : { *(.text) } :code }\n";
	char *script_path = fixture_path("lld.ld"), *flags, *path;

	fixture_write(script_path, script, strlen(script));
	if (asprintf(&flags, "-Wl,--eh-frame-hdr -Wl,-T,%s", script_path) < 0)
		abort();
	path = compile("lld.S", ".eh_frame", flags);
	free(flags);
	free(script_path);
	return path;
}

static void eh_frame_hdr_after_eh_frame(void)
{
	char *path = compile_as_lld(), *usual = compile("usual.S", ".eh_frame", "");
	struct egret_elf *elf = fixture_open(path), *usual_elf = fixture_open(usual);
	struct egret_cfi_image image;
	Dwarf_Frame *frame;
	GElf_Ehdr ehdr;

	CHECK(egret_cfi_image_is_needed(elf));
	CHECK(!egret_cfi_image_is_needed(usual_elf));
	CHECK_EQ(egret_cfi_image_open_eh_frame(elf, &image), 0);
	gelf_getehdr(egret_elf_handle(elf), &ehdr);
	CHECK_EQ(dwarf_cfi_addrframe(image.cfi, ehdr.e_entry, &frame), 0);
	free(frame);
	egret_cfi_image_close(&image);
	check_all_rows(elf, NULL);
	egret_elf_destroy(elf);
	egret_elf_destroy(usual_elf);
	free(path);
	free(usual);
}

static void debug_frame(void)
{
	check_variant("debug.S", ".debug_frame", "", ".debug_frame", ".eh_frame");
	check_variant("gabi.S", ".debug_frame", "-Wl,--compress-debug-sections=zlib-gabi",
		      ".debug_frame", ".eh_frame");
	check_variant("gnu.S", ".debug_frame", "-Wl,--compress-debug-sections=zlib-gnu",
		      ".zdebug_frame", ".debug_frame");
}

static void separate_debug_file(void)
{
	char *path = compile("separate.S", ".debug_frame", ""), *debug_path;
	struct egret_elf *elf, *debug;

	fixture_run("objcopy --only-keep-debug %s/separate.S.elf %s/separate.debug && "
		    "strip %s/separate.S.elf");
	debug_path = fixture_path("separate.debug");
	elf = fixture_open(path);
	debug = fixture_open(debug_path);
	check_all_rows(elf, debug);
	CHECK_EQ(egret_cfi_create(elf, NULL, &cfi), 0);
	CHECK_EQ(row_at(128, false).kind, EGRET_ROW_NONE);
	egret_cfi_destroy(cfi);
	egret_elf_destroy(elf);
	egret_elf_destroy(debug);
	free(path);
	free(debug_path);
}

/* ---- code without CFI ----------------------------------------------------------------------- */

static void check_hint(uint64_t at, int cfa_offset, int saved_rbp)
{
	struct egret_row row = row_at(at, false);

	CHECK_ROW(row, NONE, EGRET_UNWIND_RSP, cfa_offset);
	CHECK_EQ(row.saved[SAVED_RBP], saved_rbp);
	CHECK_EQ(row.flags, 0);
	CHECK_EQ(row_at(at, true).cfa_offset, 0);
}

static void check_trampoline(uint64_t at, bool is_return)
{
	static const struct {
		unsigned int reg;
		int offset;
	} uc[] = { { 8, 40 },  { 5, 104 }, { 6, 120 }, { 3, 128 },
		   { 0, 144 }, { 7, 160 }, { 16, 168 } };
	struct egret_row row;

	memset(&scratch, 0xff, sizeof(scratch));
	row = row_at(at, is_return);
	CHECK_EQ(row.kind, EGRET_ROW_FULL);
	CHECK_EQ(row.flags, EGRET_ROW_F_SIGNAL);
	CHECK(rule_is(&scratch.full.cfa, EGRET_RULE_AT_REG, EGRET_UNWIND_RSP, 160));
	for (size_t i = 0; i < sizeof(uc) / sizeof(*uc); i++)
		CHECK(rule_is(&scratch.full.reg[uc[i].reg], EGRET_RULE_AT_REG, EGRET_UNWIND_RSP,
			      uc[i].offset));
}

/* All registers come from the kernel's frame, and the stack may be another one. */
static void step_through_trampoline(void)
{
	struct egret_step_state state;
	struct egret_row_ref ref = { row_at(384, true), &scratch.full };

	fresh(&state);
	words[20] = BASE - 0x10000; /* uc_mcontext.gregs[REG_RSP] */
	words[21] = 0x1234;	    /* REG_RIP */
	words[15] = 6;		    /* REG_RBP */
	words[5] = 8;		    /* REG_R8 */
	CHECK_EQ(egret_step(&state, &ref), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), BASE - 0x10000);
	CHECK_EQ(egret_step_pc(&state), 0x1234);
	CHECK_EQ(reg(&state, EGRET_UNWIND_RBP), 6);
	CHECK_EQ(reg(&state, 8), 8);
}

static void code_without_cfi(void)
{
	char *path = compile("code.S", ".eh_frame", "");
	struct egret_elf *elf = fixture_open(path);

	CHECK_EQ(egret_cfi_create(elf, NULL, &cfi), 0);
	check_hint(256, 8, 0);	/* push %rbp */
	check_hint(257, 16, 2); /* mov %rsp, %rbp */
	check_hint(260, 0, 0);
	check_hint(261, 0, 0); /* pop %rbp */
	check_hint(262, 8, 0); /* ret */
	check_hint(320, 8, 0); /* endbr64 */
	check_hint(324, 8, 0);
	check_hint(325, 16, 2);
	check_hint(328, 0, 0);
	for (int is_return = 0; is_return < 2; is_return++) {
		check_trampoline(384, is_return);
		check_trampoline(384 + 7, is_return);
		check_trampoline(448, is_return);
		check_trampoline(448 + 5, is_return);
	}
	step_through_trampoline();
	CHECK_EQ(row_at(512, false).kind, EGRET_ROW_NONE);
	CHECK_EQ(row_at(385, false).kind, EGRET_ROW_NONE);
	egret_cfi_destroy(cfi);
	egret_elf_destroy(elf);
	free(path);
}

static void entry_point(void)
{
	char *path = compile("entry.S", ".debug_frame", "-s");
	struct egret_elf *elf = fixture_open(path);

	CHECK_EQ(egret_cfi_create(elf, NULL, &cfi), 0);
	CHECK_EQ(row_at(10, true).kind, EGRET_ROW_NONE);
	CHECK_EQ(row_at(10, true).flags, EGRET_ROW_F_ENTRY);
	CHECK_EQ(row_at(0, false).flags, EGRET_ROW_F_ENTRY);
	CHECK_EQ(row_at(256, false).flags, 0);
	egret_cfi_destroy(cfi);
	egret_elf_destroy(elf);
	free(path);
}

/* ---- damaged files -------------------------------------------------------------------------- */

struct target {
	struct egret_unwind_module *module;
	uint64_t text, text_len;
};

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	const struct target *t = arg;

	if (pc - t->text >= t->text_len)
		return false;
	*code = (struct egret_code){ .module = t->module };
	return true;
}

/* In the four functions with CFI of the file above, or anywhere in a real one. */
static uint64_t random_pc(const struct target *t, uint64_t *random)
{
	uint64_t at = fixture_random(random);

	return t->text + (t->text_len < 4096 ? at % 4 * 64 + (at >> 8) % 9 : at % t->text_len);
}

/* A stack full of return addresses and stack addresses, so that whatever a row says leads on. */
static void random_stack(const struct target *t, struct egret_unwind_regs *regs, uint64_t *random)
{
	for (int i = 0; i < WORDS; i++)
		words[i] = fixture_random(random) & 1 ? random_pc(t, random)
						      : AT(fixture_random(random) % WORDS);
	for (int i = 0; i < EGRET_UNWIND_NR_REGS; i++)
		regs->r[i] = AT(fixture_random(random) % 16);
	regs->r[EGRET_UNWIND_RIP] = random_pc(t, random);
}

static struct egret_unwind_result unwind(const struct egret_unwind_engine *engine,
					 struct egret_unwinder *unwinder, struct target *t,
					 const struct egret_unwind_regs *regs,
					 struct egret_unwound_frame *frames)
{
	struct egret_unwind_request request = { .regs = *regs,
						.read_stack = read_words,
						.find_code = find_code,
						.arg = t,
						.frames = frames,
						.max_frames = 200 };
	struct egret_unwind_result result = engine->unwind(unwinder, &request);

	CHECK(result.n_frames >= 1 && result.n_frames <= 200);
	CHECK(result.end < EGRET_UNWIND_NR);
	CHECK_EQ(frames[0].pc, regs->r[EGRET_UNWIND_RIP]);
	return result;
}

static void unwind_at_random(const struct egret_unwind_engine *engine,
			     struct egret_unwinder *unwinder, struct target *t, uint64_t *random)
{
	static struct egret_unwound_frame frames[200];
	struct egret_unwind_regs regs;

	random_stack(t, &regs, random);
	unwind(engine, unwinder, t, &regs, frames);
}

static void unwind_in_file(const struct egret_unwind_engine *engine, const void *bytes, size_t size,
			   struct target *t, uint64_t *random)
{
	struct egret_unwinder *unwinder;
	struct egret_elf *elf;

	if (egret_elf_open_memory(bytes, size, "damaged", &elf, NULL))
		return;
	CHECK_EQ(engine->create(&unwinder, NULL), 0);
	CHECK_EQ(engine->module_load(unwinder, elf, elf, &t->module), 0);
	for (int i = 0; i < 50; i++)
		unwind_at_random(engine, unwinder, t, random);
	engine->module_unload(unwinder, t->module);
	engine->destroy(unwinder);
	egret_elf_destroy(elf);
}

static void damage_and_unwind(const char *path, int rounds)
{
	static const char *const names[] = { ".eh_frame_hdr", ".eh_frame", ".eh_frame",
					     ".debug_frame",  ".eh_frame", NULL };
	struct egret_elf *elf = fixture_open(path);
	struct fixture_part parts[8];
	size_t size, n = fixture_parts(elf, names, parts, 8);
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	uint64_t random = 0x9e3779b97f4a7c15;
	struct egret_section text;
	struct target t;

	CHECK(egret_elf_section(elf, ".text", &text));
	t = (struct target){ .text = text.shdr.sh_addr, .text_len = text.shdr.sh_size };
	for (int i = 0; i < rounds; i++) {
		memcpy(copy, bytes, size);
		if (i)
			fixture_damage(copy, size, parts, n, &random);
		unwind_in_file(egret_unwind_engines[i & 1], copy, size, &t, &random);
	}
	free(copy);
	egret_elf_destroy(elf);
}

static void damaged_files(void)
{
	char *eh = compile("bad1.S", ".eh_frame", "-Wl,--eh-frame-hdr");
	char *debug = compile("bad2.S", ".debug_frame", "");
	char *lld = compile_as_lld();

	damage_and_unwind(eh, 10 * ROUNDS);
	damage_and_unwind(debug, 5 * ROUNDS);
	damage_and_unwind(lld, 5 * ROUNDS);
	damage_and_unwind(fixture_libc(), ROUNDS / 10);
	free(eh);
	free(debug);
	free(lld);
}

/* ---- the engines' opinions ------------------------------------------------------------------ */

/* libunwind takes the CFA for rsp even where CFI says otherwise (longjmp). */
static bool is_known_difference(const struct egret_unwound_frame *frame)
{
	bool is_return = frame->flags & EGRET_FRAME_F_RETURN;
	struct egret_row row = egret_cfi_row(
		cfi, (struct egret_place){ frame->pc - is_return, is_return }, &scratch);

	return row.kind == EGRET_ROW_FULL && !(row.flags & EGRET_ROW_F_SIGNAL) &&
	       !rule_is(&scratch.full.reg[EGRET_UNWIND_RSP], EGRET_RULE_CFA, 0, 0);
}

static void compare_engines(struct egret_unwinder *const *unwinders, struct target *targets,
			    uint64_t *random)
{
	static struct egret_unwound_frame frames[2][200];
	struct egret_unwind_result result[2];
	struct egret_unwind_regs regs;

	random_stack(&targets[0], &regs, random);
	for (int e = 0; e < 2; e++)
		result[e] = unwind(egret_unwind_engines[e], unwinders[e], &targets[e], &regs,
				   frames[e]);
	for (size_t i = 0; i < result[0].n_frames; i++)
		if (is_known_difference(&frames[0][i]))
			return;
	CHECK_EQ(result[1].end, result[0].end);
	CHECK_EQ(result[1].n_frames, result[0].n_frames);
	for (size_t i = 0; i < result[0].n_frames && i < result[1].n_frames; i++) {
		CHECK_EQ(frames[1][i].pc, frames[0][i].pc);
		CHECK_EQ(frames[1][i].flags, frames[0][i].flags);
	}
}

static void engines_agree(void)
{
	struct egret_elf *elf = fixture_open(fixture_libc());
	struct egret_unwinder *unwinders[2];
	struct target targets[2];
	struct egret_section text;
	uint64_t random = 42;

	CHECK(egret_elf_section(elf, ".text", &text));
	CHECK_EQ(egret_cfi_create(elf, NULL, &cfi), 0);
	for (int e = 0; e < 2; e++) {
		const struct egret_unwind_engine *engine = egret_unwind_engines[e];

		targets[e].text = text.shdr.sh_addr;
		targets[e].text_len = text.shdr.sh_size;
		CHECK_EQ(engine->create(&unwinders[e], NULL), 0);
		CHECK_EQ(engine->module_load(unwinders[e], elf, NULL, &targets[e].module), 0);
	}
	for (int i = 0; i < 50 * ROUNDS && !test_failures; i++)
		compare_engines(unwinders, targets, &random);
	for (int e = 0; e < 2; e++) {
		egret_unwind_engines[e]->module_unload(unwinders[e], targets[e].module);
		egret_unwind_engines[e]->destroy(unwinders[e]);
	}
	egret_cfi_destroy(cfi);
	egret_elf_destroy(elf);
}

int main(void)
{
	RUN(eh_frame);
	RUN(eh_frame_hdr_after_eh_frame);
	RUN(debug_frame);
	RUN(separate_debug_file);
	RUN(code_without_cfi);
	RUN(entry_point);
	RUN(engines_agree);
	RUN(damaged_files);
	return DONE();
}
