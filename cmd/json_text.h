/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* json_text.h - names that come from outside, as strings of json-c. */
#ifndef EGRET_CMD_JSON_TEXT_H
#define EGRET_CMD_JSON_TEXT_H

#include <json-c/json.h>

/* JSON is UTF-8, names are what a file says: bytes that are none become '?'. NULL without memory.
 */
struct json_object *json_text(const char *text);

#endif
