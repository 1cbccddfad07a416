/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * row_text.h - a row as people read it:
 *
 *	cfa=rsp+16 ra=*(cfa-8) rbp=*(cfa-16)
 *	cfa=*(rbp-8) ra=*(cfa-8) r10=*expr(76 70) signal
 *	ra=undefined
 *
 * What is not named is kept by the callee (rbx, rbp, r12-r15), the CFA (rsp) or not known.
 */
#ifndef EGRET_UNWIND_ROW_TEXT_H
#define EGRET_UNWIND_ROW_TEXT_H

#include "base/buffer.h"
#include "unwind/row.h"

void egret_row_text(const struct egret_row_ref *ref, struct egret_buffer *out);

#endif
