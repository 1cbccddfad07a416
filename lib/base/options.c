/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/options.h"

#include <errno.h>
#include <string.h>

int egret_options_take(void *to, size_t known_size, const void *options, const char *what,
		       struct egret_error *err)
{
	const char *bytes = options;
	size_t size = 0;

	memset(to, 0, known_size);
	if (options) {
		memcpy(&size, options, sizeof(size));
		if (size < sizeof(size))
			return egret_fail(err, EINVAL, "%s: size is not set", what);
		for (size_t i = known_size; i < size; i++)
			if (bytes[i])
				return egret_fail(err, E2BIG,
						  "%s: set by a caller made for a newer libegret",
						  what);
		memcpy(to, options, size < known_size ? size : known_size);
	}
	memcpy(to, &known_size, sizeof(known_size));
	return 0;
}
