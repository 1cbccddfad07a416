/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <egret/egret.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)

const char *egret_version(void)
{
	return STRING(EGRET_VERSION_MAJOR) "." STRING(EGRET_VERSION_MINOR) "." STRING(
		EGRET_VERSION_PATCH);
}
