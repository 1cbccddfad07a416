/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_index.h - from an address of a module to its function, its inlined callers and its lines.
 *
 * DWARF 2 to 5 is read one compilation unit at a time, when the first address in it is asked for,
 * and becomes a blob (dwarf_blob.h) that answers all later questions. The blob of a module can be
 * had as bytes, and given back another time: what was indexed once is not read again. Nothing here
 * opens a file: debug files, and those that they refer to, come by callbacks.
 */
#ifndef EGRET_DWARF_INDEX_H
#define EGRET_DWARF_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "elf/elf_file.h"
#include "symbolize/symbolize.h"

/*
 * Where further files come from. Any of them may be NULL: there are none. Each leaves *out NULL and
 * returns -errno where it has nothing; what it gives is the index's, to be destroyed by it. They
 * are called from the thread that calls the index, never from threads that the index starts.
 */
struct egret_dwarf_openers {
	/* The file that .gnu_debugaltlink names (dwz), and the build-id that it must have. */
	int (*open_alt)(void *arg, const char *name, const struct egret_build_id *id,
			struct egret_elf **out);
	/* The package of split DWARF: as a rule the module's path with ".dwp" behind it. */
	int (*open_dwp)(void *arg, struct egret_elf **out);
	/* A .dwo file, as the skeleton unit names it. comp_dir: "" where it is not told. */
	int (*open_dwo)(void *arg, const char *comp_dir, const char *name, struct egret_elf **out);
	void *arg;
};

/*
 * The symbol that covers an address, asked for while a unit is indexed: for functions that DWARF
 * does not know the linkage name of (in C++, where they are local to a file), and for the code of
 * units that have no functions (assembly). What it gives is in the blob. Names must live as long as
 * the index. May be called from threads that the index starts, by one at a time.
 */
struct egret_dwarf_symbols {
	bool (*symbol_at)(void *arg, uint64_t vaddr, struct egret_symbol *out);
	void *arg;
};

/* Of blobs. Another one is passed over. */
#define EGRET_DWARF_INDEX_VERSION 3

struct egret_dwarf_options {
	const struct egret_dwarf_openers *openers; /* may be NULL; copied */
	const struct egret_dwarf_symbols *symbols; /* may be NULL; copied */
	/*
	 * Bytes of egret_dwarf_index_blob from an earlier time, of a module with the same build-id,
	 * page or malloc aligned. They stay the caller's and must outlive the index. Bytes of
	 * another version or of other DWARF, and damaged ones, are passed over. NULL: none.
	 */
	const void *blob;
	size_t blob_size;
};

/* One function at an address: as a rule inlined into the next one of its chain. */
struct egret_dwarf_line {
	const char *function; /* linkage name (mangled) or plain name; NULL: not known */
	const char *file;     /* directory and file, joined; NULL: not known */
	uint32_t line;	      /* in file; 0: not known */
	bool is_inlined;      /* into the next; false for the last, which is the function itself */
	bool is_linkage_name; /* function is a name of the linker's: the same as in .symtab */
};

/* Chains are cut (the outermost inlined callers left out) at so many lines. */
#define EGRET_DWARF_LINES_MAX 255

struct egret_dwarf_index;

/*
 * elf: the module. debug: its separate debug file, or NULL; DWARF is taken from whichever has it.
 * Both must outlive the index. A module without DWARF has an index that finds nothing, and says why
 * (egret_dwarf_index_why). Costs next to nothing: units are looked at with the first question.
 * Errors: -ENOMEM.
 */
int egret_dwarf_index_create(const struct egret_elf *elf, const struct egret_elf *debug,
			     const struct egret_dwarf_options *options,
			     struct egret_dwarf_index **out, struct egret_error *err);
void egret_dwarf_index_destroy(struct egret_dwarf_index *index);

/*
 * The lines at vaddr (of the module's own address space), innermost first: at most max, which
 * should be EGRET_DWARF_LINES_MAX. Returns their number, 0 where nothing is known. The last one is
 * the function itself; its `function` is NULL where there are lines but no function (assembly): the
 * symbol table has its name. Strings live as long as the index. For a return address, ask one
 * below.
 */
size_t egret_dwarf_index_find(struct egret_dwarf_index *index, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max);

/*
 * Indexes the units of n addresses before they are asked for, by so many threads (0 and 1: by the
 * caller's own). Worth it where many addresses are at hand. 0 or -ENOMEM.
 */
int egret_dwarf_index_prepare(struct egret_dwarf_index *index, const uint64_t *vaddrs, size_t n,
			      unsigned int threads);

/* Whether the blob given to create was taken. */
bool egret_dwarf_index_has_blob(const struct egret_dwarf_index *index);
/* Whether something was indexed that the blob given to create did not have. */
bool egret_dwarf_index_has_grown(const struct egret_dwarf_index *index);
/* All that is indexed, with what the first blob had, as a blob. Appends to `to`. 0 or -ENOMEM. */
int egret_dwarf_index_blob(const struct egret_dwarf_index *index, struct egret_buffer *to);

/*
 * Symbols may be kept with the index, for addresses that DWARF does not know: so that who has the
 * blob need not read the symbol table. They are added once, all of them, in order. 0, -ENOMEM, or
 * -ENODATA: there is no index to keep them with.
 */
int egret_dwarf_index_add_symbol(struct egret_dwarf_index *index, uint64_t start, uint64_t end,
				 const char *name);
/* Whether symbols were added, now or in the blob given to create. */
bool egret_dwarf_index_has_symbols(const struct egret_dwarf_index *index);
/* The symbol at vaddr, or NULL. */
const char *egret_dwarf_index_symbol(struct egret_dwarf_index *index, uint64_t vaddr);

/* Why nothing is found in the module, or less than there is ("no DWARF"); NULL: no reason known. */
const char *egret_dwarf_index_why(const struct egret_dwarf_index *index);

struct egret_dwarf_stats {
	uint64_t units;		/* with code */
	uint64_t units_indexed; /* of these, in blobs */
	uint64_t units_damaged; /* cut short where they made no sense */
	uint64_t missing_files; /* .dwo, .dwp and dwz files that could not be had */
	uint64_t bytes;		/* of blobs, without the one given to create */
};
void egret_dwarf_index_stats(const struct egret_dwarf_index *index,
			     struct egret_dwarf_stats *stats);
/* Bytes that it takes, without those of DWARF that is open. */
size_t egret_dwarf_index_memory(const struct egret_dwarf_index *index);

#endif
