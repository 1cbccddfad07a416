/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_fuzz: hostile bytes as code without CFI, hostile registers and stacks, walked and recovered.
 *
 * The first 16 bytes of an input are: flags, the length of a piece of text, 6 unused ones, and a
 * seed for registers and stack; the others are the code. What must hold: no read outside the bytes,
 * an end to every stack, and a bound to what is decoded for it.
 */
#include <stdlib.h>
#include <string.h>

#include "unwind/decisions.h"
#include "unwind/recover.h"
#include "unwind/walk.h"

#define HEAD 16
#define CODE_START 0x400000
#define FRAMES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *code;
	size_t size, piece;
	uint8_t flags; /* 1: of a file; 2: its CFI leads nowhere; 4: no text */
	uint64_t seed;
	uint64_t id; /* of the text: what was found in other inputs does not count */
};

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 16;
}

static void must(int holds)
{
	if (!holds)
		abort();
}

/* A stack without an end, in which each word is one near rsp, or in the code. */
static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	const struct input *in = arg;
	uint64_t seed = addr ^ in->seed, random = next(&seed);

	if (random % 64 == 0)
		return random & 64 ? -6 : -14;
	*value = random & 1 ? CODE_START + random / 2 % (in->size + 16) : addr + random % 4096;
	return 0;
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	const struct input *in = arg;

	*code = (struct egret_code){ 0 };
	if (pc < CODE_START || pc >= CODE_START + in->size)
		return false;
	code->module = in->flags & 1 ? (struct egret_unwind_module *)arg : NULL;
	return true;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *text)
{
	const struct input *in = arg;
	uint64_t start, end;

	if (in->flags & 4 || pc < CODE_START || pc >= CODE_START + in->size)
		return false;
	start = (pc - CODE_START) / in->piece * in->piece;
	end = start + in->piece < in->size ? start + in->piece : in->size;
	*text = (struct egret_text){ in->code + start, CODE_START + start, CODE_START + end, in->id,
				     0 };
	return true;
}

static enum egret_unwind_end step(struct egret_unwinder *unwinder,
				  struct egret_unwind_module *module, struct egret_place place,
				  struct egret_step_state *state, struct egret_walk_row *row)
{
	const struct input *in = (const struct input *)module;

	return in->flags & 2 && place.vaddr & 1 ? EGRET_UNWIND_BAD_CFI : EGRET_UNWIND_NO_CFI;
}

static void walk(struct input *in, struct egret_recovery *recovery)
{
	struct egret_unwound_frame frames[FRAMES_MAX];
	struct egret_unwind_request request = { .read_stack = read_stack,
						.find_code = find_code,
						.read_text = read_text,
						.arg = in,
						.recovery = recovery,
						.frames = frames,
						.max_frames = FRAMES_MAX };
	uint64_t seed = in->seed, before = egret_recovery_stats(recovery).insns;
	struct egret_unwind_result result;

	for (unsigned int i = 0; i < EGRET_UNWIND_NR_REGS; i++)
		request.regs.r[i] = 0x7fff00000000ull + next(&seed) % 65536;
	request.regs.r[EGRET_UNWIND_RIP] = CODE_START + next(&seed) % (in->size + 1);
	result = egret_walk(&request, step, NULL);
	must(result.n_frames >= 1 && result.n_frames <= FRAMES_MAX);
	must(result.end < EGRET_UNWIND_NR);
	must(egret_recovery_stats(recovery).insns - before <= EGRET_RECOVERY_INSNS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A new one for each input would take most of the time. */
	static struct egret_recovery *recovery;
	static uint64_t inputs;
	struct input in;
	uint8_t *copy;

	if (size <= HEAD || (!recovery && egret_recovery_create(&recovery)))
		return 0;
	in = (struct input){ .size = size - HEAD, .flags = data[0], .id = ++inputs };
	in.piece = data[1] ? data[1] : in.size;
	memcpy(&in.seed, data + 8, sizeof(in.seed));
	/* Of exactly that size, so that the sanitizer sees each byte beyond. */
	copy = malloc(in.size);
	memcpy(copy, data + HEAD, in.size);
	in.code = copy;
	for (int i = 0; i < 4; i++, in.seed++)
		walk(&in, recovery);
	free(copy);
	return 0;
}
