/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * text.h - names that programs chose, in formats that want text.
 *
 * Names of functions, files and threads are any bytes. Formats that say UTF-8 mean it, and control
 * characters garble what shows them.
 */
#ifndef EGRET_EXPORT_TEXT_H
#define EGRET_EXPORT_TEXT_H

#include "profile/arena.h"

/*
 * The text itself where it is UTF-8 (RFC 3629) without control characters; else a copy with '?' for
 * each byte that is not. NULL text is "". NULL without memory.
 */
const char *egret_text_clean(struct egret_arena *arena, const char *text);

#endif
