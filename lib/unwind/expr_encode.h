/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* expr_encode.h - libdw hands out expressions decoded; rows hold them as the bytes they were. */
#ifndef EGRET_UNWIND_EXPR_ENCODE_H
#define EGRET_UNWIND_EXPR_ENCODE_H

#include <elfutils/libdw.h>
#include <stdint.h>

/*
 * Writes ops as DWARF bytes, each as long as it was in the file, so that branches lead where they
 * did. Returns the bytes written, or -EINVAL: an operation that CFI may not have, or no room.
 */
int egret_expr_encode(const Dwarf_Op *ops, size_t n, uint8_t *to, size_t room);

#endif
