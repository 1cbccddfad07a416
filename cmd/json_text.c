/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 sequence at p, RFC 3629; 0 where there is none. */
static size_t utf8_at(const unsigned char *p)
{
	size_t len = *p < 0x80	 ? 1
		     : *p < 0xc2 ? 0
		     : *p < 0xe0 ? 2
		     : *p < 0xf0 ? 3
		     : *p < 0xf5 ? 4
				 : 0;

	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

struct json_object *json_text(const char *text)
{
	char *copy = strdup(text);
	struct json_object *object;
	size_t len;

	if (!copy)
		return NULL;
	for (unsigned char *p = (unsigned char *)copy; *p; p += len) {
		len = utf8_at(p);
		if (!len) {
			*p = '?';
			len = 1;
		}
	}
	object = json_object_new_string(copy);
	free(copy);
	return object;
}
