/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The parts of the flame graph page, as bytes; lib/export/flamegraph.c puts them together. */
.macro part name, path
	.global egret_page_\name\()_start
	.hidden egret_page_\name\()_start
	.global egret_page_\name\()_end
	.hidden egret_page_\name\()_end
egret_page_\name\()_start:
	.incbin "\path"
egret_page_\name\()_end:
.endm

	.section .rodata
	part template, lib/export/page/template.html
	part style, lib/export/page/style.css
	part renderer, third_party/flame-chart-js/flame-chart.min.js
	part data, lib/export/page/data.js
	part tree, lib/export/page/tree.js
	part colours, lib/export/page/colours.js
	part chart, lib/export/page/chart.js
	part panels, lib/export/page/panels.js
	part main, lib/export/page/main.js

	.section .note.GNU-stack, "", @progbits
