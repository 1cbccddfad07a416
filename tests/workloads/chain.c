/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* chain [MS]: main calls outer calls middle calls leaf, which is busy; 1 KiB of stack, marked. */
#include "spin.h"

#include <stdlib.h>
#include <string.h>

/* Its halves are joined at run time, so that the whole is nowhere but on the stack. */
static FRAME int leaf(unsigned int ms, volatile char *mark)
{
	spin_ms(ms);
	return mark[0];
}

static FRAME int middle(unsigned int ms)
{
	volatile char mark[1024] = "EGRET-ON-";
	const char *rest = "THE-STACK";

	for (size_t i = 0; rest[i]; i++)
		mark[9 + i] = rest[i];
	return leaf(ms, mark) + mark[1];
}

static FRAME int outer(unsigned int ms)
{
	return middle(ms) + 1;
}

int main(int argc, char **argv)
{
	return outer(argc > 1 ? (unsigned int)atoi(argv[1]) : 500) == 0;
}
