/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/insn.h"

#include <string.h>
#include <Zydis/Zydis.h>

#include "unwind/step.h"

#define NO_REG EGRET_INSN_NO_REG

/* Zydis's numbers of the general registers, which are the machine's, as DWARF's. */
static const uint8_t dwarf_of[16] = { 0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };

static uint8_t reg_of(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
		return NO_REG;
	return dwarf_of[whole - ZYDIS_REGISTER_RAX];
}

/* A whole register; a part of one is not a value that unwinding can use. */
static uint8_t whole_reg(const ZydisDecodedOperand *op)
{
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER || op->size != 64)
		return NO_REG;
	return reg_of(op->reg.value);
}

/* base + disp without an index, in the flat address space. */
static uint8_t plain_base(const ZydisDecodedOperand *op)
{
	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.index != ZYDIS_REGISTER_NONE ||
	    op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS)
		return NO_REG;
	return reg_of(op->mem.base);
}

static int32_t disp_of(const ZydisDecodedOperand *op)
{
	return op->mem.disp.has_displacement ? (int32_t)op->mem.disp.value : 0;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* What is written beside what the kind says, and where memory is. */
static void note_writes(struct egret_insn *insn, const ZydisDecodedInstruction *z,
			const ZydisDecodedOperand *ops)
{
	for (unsigned int i = 0; i < z->operand_count; i++) {
		const ZydisDecodedOperand *op = &ops[i];
		uint8_t reg;

		if (!(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			reg = reg_of(op->reg.value);
			if (reg != NO_REG)
				insn->written |= EGRET_REG_BIT(reg);
		} else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && !insn->width) {
			insn->base = plain_base(op);
			insn->disp = disp_of(op);
			insn->width = insn->base == NO_REG ? 0 : (uint8_t)(op->size / 8);
		}
	}
}

static void set_load(struct egret_insn *insn, const ZydisDecodedOperand *op)
{
	insn->base = op->size == 64 ? plain_base(op) : NO_REG;
	insn->disp = insn->base == NO_REG ? 0 : disp_of(op);
}

static void decode_move(struct egret_insn *insn, const ZydisDecodedOperand *to,
			const ZydisDecodedOperand *from)
{
	uint8_t dst = whole_reg(to), src = whole_reg(from);

	if (dst != NO_REG && src != NO_REG) {
		insn->kind = EGRET_INSN_ADD;
		insn->disp = 0;
	} else if (dst != NO_REG && from->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		set_load(insn, from);
		if (insn->base != NO_REG)
			insn->kind = EGRET_INSN_LOAD;
	} else if (src != NO_REG && insn->width == 8) {
		insn->kind = EGRET_INSN_STORE;
	}
	insn->dst = dst;
	insn->src = src;
}

/* dst = src + disp. */
static void set_add(struct egret_insn *insn, uint8_t dst, uint8_t src, int64_t disp)
{
	if (dst == NO_REG || src == NO_REG || disp != (int32_t)disp)
		return;
	insn->kind = EGRET_INSN_ADD;
	insn->dst = dst;
	insn->src = src;
	insn->disp = (int32_t)disp;
}

static void decode_sum(struct egret_insn *insn, const ZydisDecodedOperand *to,
		       const ZydisDecodedOperand *by, int sign)
{
	uint8_t dst = whole_reg(to);

	if (by->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		set_add(insn, dst, dst, sign * by->imm.value.s);
}

static void decode_push(struct egret_insn *insn, const ZydisDecodedInstruction *z,
			const ZydisDecodedOperand *op)
{
	if (z->operand_width != 64)
		return; /* rsp is among what it writes */
	insn->kind = EGRET_INSN_PUSH;
	insn->src = whole_reg(op);
	insn->width = 0;
	insn->base = NO_REG;
	if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
		set_load(insn, op);
}

static void decode_pop(struct egret_insn *insn, const ZydisDecodedInstruction *z,
		       const ZydisDecodedOperand *op)
{
	if (z->operand_width != 64)
		return;
	insn->kind = EGRET_INSN_POP;
	insn->dst = whole_reg(op);
	insn->width = 0;
	insn->base = NO_REG;
}

static void decode_transfer(struct egret_insn *insn, enum egret_insn_kind kind, uint64_t pc,
			    const ZydisDecodedOperand *op)
{
	insn->kind = (uint8_t)kind;
	insn->width = 0;
	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && op->imm.is_relative) {
		insn->has_target = true;
		insn->target = pc + insn->len + op->imm.value.u;
	} else {
		insn->src = kind == EGRET_INSN_JUMP ? whole_reg(op) : NO_REG;
		insn->by_constant = op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
				    op->mem.base == ZYDIS_REGISTER_RIP;
		insn->by_table = op->type == ZYDIS_OPERAND_TYPE_MEMORY &&
				 reg_of(op->mem.base) != NO_REG;
	}
}

static void decode_ret(struct egret_insn *insn, const ZydisDecodedInstruction *z,
		       const ZydisDecodedOperand *ops)
{
	insn->kind = z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? EGRET_INSN_STOP
								  : EGRET_INSN_RET;
	insn->disp = ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (int32_t)ops[0].imm.value.u : 0;
}

static void decode_lea(struct egret_insn *insn, const ZydisDecodedOperand *ops)
{
	if (ops[1].type == ZYDIS_OPERAND_TYPE_MEMORY && ops[1].mem.index == ZYDIS_REGISTER_NONE &&
	    ops[1].mem.base <= ZYDIS_REGISTER_R15)
		set_add(insn, whole_reg(&ops[0]), reg_of(ops[1].mem.base), disp_of(&ops[1]));
}

static void decode_exchange(struct egret_insn *insn, const ZydisDecodedOperand *ops)
{
	insn->dst = whole_reg(&ops[0]);
	insn->src = whole_reg(&ops[1]);
	if (insn->dst != NO_REG && insn->src != NO_REG)
		insn->kind = EGRET_INSN_EXCHANGE;
}

static void decode_kind(struct egret_insn *insn, const ZydisDecodedInstruction *z,
			const ZydisDecodedOperand *ops, uint64_t pc)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		return decode_push(insn, z, &ops[0]);
	case ZYDIS_MNEMONIC_POP:
		return decode_pop(insn, z, &ops[0]);
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVQ:
		return decode_move(insn, &ops[0], &ops[1]);
	case ZYDIS_MNEMONIC_LEA:
		return decode_lea(insn, ops);
	case ZYDIS_MNEMONIC_ADD:
		return decode_sum(insn, &ops[0], &ops[1], 1);
	case ZYDIS_MNEMONIC_SUB:
		return decode_sum(insn, &ops[0], &ops[1], -1);
	case ZYDIS_MNEMONIC_INC:
		return set_add(insn, whole_reg(&ops[0]), whole_reg(&ops[0]), 1);
	case ZYDIS_MNEMONIC_DEC:
		return set_add(insn, whole_reg(&ops[0]), whole_reg(&ops[0]), -1);
	case ZYDIS_MNEMONIC_XCHG:
		return decode_exchange(insn, ops);
	case ZYDIS_MNEMONIC_HLT:
		insn->kind = EGRET_INSN_HALT;
		return;
	case ZYDIS_MNEMONIC_SYSCALL:
		insn->kind = EGRET_INSN_SYSCALL;
		return;
	case ZYDIS_MNEMONIC_LEAVE:
		insn->kind = EGRET_INSN_LEAVE;
		return;
	default:
		break;
	}
	switch (z->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		return decode_transfer(insn, EGRET_INSN_CALL, pc, &ops[0]);
	case ZYDIS_CATEGORY_UNCOND_BR:
		return decode_transfer(insn, EGRET_INSN_JUMP, pc, &ops[0]);
	case ZYDIS_CATEGORY_COND_BR:
		return decode_transfer(insn, EGRET_INSN_BRANCH, pc, &ops[0]);
	case ZYDIS_CATEGORY_RET:
		return decode_ret(insn, z, ops);
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_SYSRET:
		insn->kind = EGRET_INSN_STOP;
		return;
	default:
		break;
	}
	if (z->mnemonic == ZYDIS_MNEMONIC_UD0 || z->mnemonic == ZYDIS_MNEMONIC_UD1 ||
	    z->mnemonic == ZYDIS_MNEMONIC_UD2)
		insn->kind = EGRET_INSN_STOP;
}

bool egret_insn_decode(const uint8_t *bytes, size_t len, uint64_t pc, struct egret_insn *out)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	ZydisDecoder decoder;

	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &z, ops)))
		return false;
	*out = (struct egret_insn){
		.kind = EGRET_INSN_OTHER,
		.len = z.length,
		.dst = NO_REG,
		.src = NO_REG,
		.base = NO_REG,
	};
	note_writes(out, &z, ops);
	decode_kind(out, &z, ops, pc);
	return true;
}

/* ---- what is before a return address --------------------------------------------------------- */

/* Bytes of a call by register or memory, ff /2, from its opcode on; 0: it is none. */
static size_t indirect_call_len(const uint8_t *code, size_t len)
{
	uint8_t mod, rm;
	size_t sib;

	if (len < 2 || code[0] != 0xff || (code[1] >> 3 & 7) != 2)
		return 0;
	mod = code[1] >> 6;
	rm = code[1] & 7;
	if (mod == 3)
		return 2;
	sib = rm == 4;
	if (sib && len < 3)
		return 0;
	if (mod == 0)
		return 2 + sib + ((sib ? code[2] & 7 : rm) == 5 ? 4 : 0);
	return 2 + sib + (mod == 1 ? 1 : 4);
}

bool egret_insn_is_call_before(const uint8_t *bytes, size_t len, uint64_t pc, bool *has_target,
			       uint64_t *target)
{
	int32_t rel;

	*has_target = false;
	if (len >= 5 && bytes[len - 5] == 0xe8) {
		memcpy(&rel, bytes + len - 4, sizeof(rel));
		*has_target = true;
		*target = pc + (uint64_t)(int64_t)rel;
		return true;
	}
	for (size_t n = 2; n <= 7 && n <= len; n++)
		if (indirect_call_len(bytes + len - n, n) == n)
			return true;
	return false;
}
