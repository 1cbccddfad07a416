/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cfi.c - egret cfi: what the unwinder makes of a file's unwind information. */
#include <unistd.h>

#include "command.h"
#include "message.h"

static int run(void *opts, int argc, char **argv)
{
	struct egret_error err;

	if (argc < 1 || argc > 2)
		return say_usage("cfi", "wants a file, and at most one function or address of it");
	if (egret_cfi_dump(argv[0], argc > 1 ? argv[1] : NULL, STDOUT_FILENO, &err))
		return say_error("%s", err.text);
	return STATUS_OK;
}

const struct command command_cfi = {
	.name = "cfi",
	.summary = "print the rows by which frames of a file are unwound",
	.usage = "FILE [FUNCTION | 0xADDRESS]",
	.about = "Prints the unwind tables that egret compiles from a file's .eh_frame and "
		 ".debug_frame:\n"
		 "a line for each range of addresses, with the rules by which the caller's "
		 "registers\n"
		 "are found there. With a function (as in the symbol table) or an address, only "
		 "its rows.",
	.examples = "  egret cfi /bin/git | less\n"
		    "  egret cfi /lib/x86_64-linux-gnu/libc.so.6 qsort\n"
		    "  egret cfi a.out 0x1139\n",
	.groups = command_no_options,
	.run = run,
};
