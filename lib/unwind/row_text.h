/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * row_text.h - a row as people read it:
 *
 *	cfa=rsp+16 ra=*(cfa-8) rbp=*(cfa-16)
 *	cfa=*(rbp-8) ra=*(cfa-8) r10=*expr(76 70) signal
 *	ra=undefined
 *	cfa=sp+32 ra=*(cfa-24) x29=*(cfa-32) signed
 *
 * What is not named is kept by the callee (rbx, rbp, r12-r15; x19-x29), the CFA (the stack pointer)
 * or not known. signed: the return address is to be stripped of its signature.
 */
#ifndef EGRET_UNWIND_ROW_TEXT_H
#define EGRET_UNWIND_ROW_TEXT_H

#include "base/buffer.h"
#include "unwind/arch.h"

void egret_row_text(const struct egret_arch *arch, const struct egret_row_ref *ref,
		    struct egret_buffer *out);

#endif
