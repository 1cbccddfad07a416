/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The report page as bytes, as it was built from page/; lib/export/page.c puts the data in. */
	.section .rodata
	.global egret_page_start
	.hidden egret_page_start
	.global egret_page_end
	.hidden egret_page_end
egret_page_start:
	.incbin "lib/export/page/page.html"
egret_page_end:

	.section .note.GNU-stack, "", @progbits
