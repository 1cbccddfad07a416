/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * name_reasons.h - every way in which a frame can be left without a name.
 *
 * A frame that is not the root of a cut stack has a name or one of these. Numbers are written into
 * recordings and are never reused: append, do not renumber.
 */
#ifndef EGRET_NAME_REASONS_H
#define EGRET_NAME_REASONS_H

/* X(number, IDENTIFIER, "name", "what it means", "what to do about it, or nothing"). */
#define EGRET_NAME_REASONS(X)                                                                      \
	X(0, NOT_ASKED, "not-asked",                                                               \
	  "names were not looked up: --no-symbols, or the recording ended before", "")             \
	X(1, STRIPPED, "stripped",                                                                 \
	  "the file was stripped of its symbols, and no debug file was found",                     \
	  "install its debug package, or see --debug-dir and --debuginfod of egret-record(1)")     \
	X(2, DEBUG_OTHER_BUILD, "debug-other-build",                                               \
	  "the file was stripped, and the debug file that was found is of another build",          \
	  "install the debug package of the same version")                                         \
	X(3, REPLACED, "file-replaced",                                                            \
	  "another file is there now, and nobody has the one that was mapped",                     \
	  "record while a process still has it mapped, or keep it: egret cache add")               \
	X(4, GONE, "file-gone", "the file is not there any more",                                  \
	  "record while a process still has it mapped, or keep it: egret cache add")               \
	X(5, NOT_READABLE, "file-not-readable", "the file may not be read, or reading it failed",  \
	  "record as root")                                                                        \
	X(6, NOT_ELF, "not-elf", "the file is not an ELF file: code that a program has put there", \
	  "")                                                                                      \
	X(7, NO_SEGMENT, "no-segment", "the file has no bytes for that address", "")               \
	X(8, NO_SYMBOL, "no-symbol", "the file has symbols, but none for that address", "")        \
	X(9, NO_MAPPING, "no-mapping", "nothing is known to be mapped there", "")                  \
	X(10, NO_PERF_MAP, "no-perf-map",                                                          \
	  "code made at run time, by a program that writes neither a perf map nor a jitdump",      \
	  "node --perf-basic-prof, java's jcmd PID Compiler.perfmap, python3 -X perf, ...")        \
	X(11, NOT_IN_PERF_MAP, "not-in-perf-map",                                                  \
	  "code made at run time, which the program's perf map or jitdump does not name", "")      \
	X(12, PERF_MAP_REFUSED, "perf-map-refused",                                                \
	  "the perf map or jitdump is another user's, or not a regular file", "")                  \
	X(13, KPTR_RESTRICT, "kptr-restrict", "the kernel hides its addresses",                    \
	  "record as root, with kernel.kptr_restrict below 2")                                     \
	X(14, NO_KALLSYMS, "no-kallsyms", "/proc/kallsyms cannot be read", "")                     \
	X(15, NOT_IN_KALLSYMS, "not-in-kallsyms",                                                  \
	  "no symbol of the kernel, its modules or BPF programs is there",                         \
	  "a BPF program's needs net.core.bpf_jit_kallsyms=1 when it is loaded")                   \
	X(16, DEBUGINFOD_FAILED, "debuginfod-failed",                                              \
	  "the file was stripped, and debuginfod had no debug file, or not in time", "")

enum egret_name_reason {
#define X(number, id, name, text, fix) EGRET_NAME_##id = (number),
	EGRET_NAME_REASONS(X)
#undef X
		EGRET_NAME_NR,
};

#endif
