/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat32: a 32-bit program without a library, busy for a second and then gone. */
static int syscall32(int number, int argument)
{
	int ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(number), "b"(argument) : "memory");
	return ret;
}

void _start(void);
void _start(void)
{
	for (volatile unsigned int i = 0; i < 700000000u; i++)
		;
	syscall32(1, 0); /* exit */
	__builtin_unreachable();
}
