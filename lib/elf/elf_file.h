/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * elf_file.h - the bytes of one ELF file, and what every reader of it needs.
 *
 * File bytes in, answers out: nothing here knows of processes. All bounds are checked here, so
 * that a file that lies yields an error and nothing else.
 */
#ifndef EGRET_ELF_FILE_H
#define EGRET_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define EGRET_BUILD_ID_MAX 20

struct egret_build_id {
	uint8_t len; /* bytes; 0: none */
	uint8_t bytes[EGRET_BUILD_ID_MAX];
};

struct egret_elf;

/*
 * Maps the file of fd (which stays the caller's and may be closed afterwards). name is for
 * messages.
 */
int egret_elf_open_fd(int fd, const char *name, struct egret_elf **out, struct egret_error *err);
/* Takes a copy of an image in memory that is laid out like the file: the vdso. */
int egret_elf_open_memory(const void *bytes, size_t size, const char *name, struct egret_elf **out,
			  struct egret_error *err);
void egret_elf_destroy(struct egret_elf *elf);

/*
 * What a file says of itself, as far as it has to be known without reading it: numbers, without a
 * pointer. Who parses a file elsewhere gives these instead.
 */
#define EGRET_ELF_SEGMENTS_MAX 64u
#define EGRET_ELF_LINK_MAX 256u

struct egret_elf_segment {
	uint32_t type; /* PT_LOAD */
	uint32_t flags;
	uint64_t offset, vaddr;
	uint64_t filesz, memsz; /* bytes */
	uint64_t align;
};

struct egret_elf_facts {
	uint16_t type, machine;
	bool is_64;
	bool has_more;		       /* a .symtab, or debug information */
	char link[EGRET_ELF_LINK_MAX]; /* .gnu_debuglink; "": none */
	uint32_t link_crc;
	uint32_t n_segments; /* PT_LOAD only */
	uint64_t entry;
	struct egret_build_id build_id;
	struct egret_elf_segment segments[EGRET_ELF_SEGMENTS_MAX];
};

/* Those of a file. Segments beyond the maximum are left out. */
void egret_elf_facts(const struct egret_elf *elf, struct egret_elf_facts *out);

/*
 * As egret_elf_open_fd, for a file of which the facts were told, by whoever; they are checked. Its
 * bytes are mapped, and none of them is looked at: it has no sections, and no handle.
 */
int egret_elf_open_told(int fd, const char *name, const struct egret_elf_facts *facts,
			struct egret_elf **out, struct egret_error *err);
/* The descriptor of such a file, which is elf's; -1: it is another one. */
int egret_elf_told_fd(const struct egret_elf *elf);

/* How files are opened that somebody else has made; of egret_elf_open_fd's kind. */
struct egret_elf_opener {
	int (*open)(void *arg, int fd, const char *name, struct egret_elf **out,
		    struct egret_error *err);
	void *arg;
};
/* opener NULL: egret_elf_open_fd. */
int egret_elf_open_by(const struct egret_elf_opener *opener, int fd, const char *name,
		      struct egret_elf **out, struct egret_error *err);

/*
 * The libelf handle, for libdw. Owned by elf. libelf is not thread-safe per handle: what several
 * threads may ask of it at once (sections, program headers) is asked with the lock held. All other
 * functions of this header take it themselves where they need it.
 */
Elf *egret_elf_handle(const struct egret_elf *elf);
void egret_elf_lock(const struct egret_elf *elf);
void egret_elf_unlock(const struct egret_elf *elf);
const void *egret_elf_bytes(const struct egret_elf *elf, size_t *size);
const char *egret_elf_name(const struct egret_elf *elf);
unsigned int egret_elf_machine(const struct egret_elf *elf); /* EM_X86_64, ... */
bool egret_elf_is_64(const struct egret_elf *elf);
uint64_t egret_elf_entry(const struct egret_elf *elf);	    /* virtual address; 0: none */
bool egret_elf_is_relocatable(const struct egret_elf *elf); /* ET_REL: .o, .ko */
/* PT_LOAD segment i, in their order in the file; NULL: there are no more. */
const struct egret_elf_segment *egret_elf_segment(const struct egret_elf *elf, size_t i);
/* Whether there is more in it than in a stripped file: a .symtab, or debug information. */
bool egret_elf_has_more(const struct egret_elf *elf);
/* The name in .gnu_debuglink, without a slash, and the CRC that goes with it. NULL: none. */
const char *egret_elf_debuglink(const struct egret_elf *elf, uint32_t *crc);
/*
 * The user whose file it is, when it was opened. False: others may write it too (by its mode; a
 * group with the owner's number is the owner's), or it is an image from memory.
 */
bool egret_elf_owner(const struct egret_elf *elf, uid_t *owner);

/* The NT_GNU_BUILD_ID note, from the program headers or the sections. len 0 where there is none. */
struct egret_build_id egret_elf_build_id(const struct egret_elf *elf);
/* The same from bytes that are notes: /sys/kernel/notes. */
struct egret_build_id egret_build_id_of_notes(const void *notes, size_t len);
/* The same from the first bytes of a file: what a capture of a process's own mapping gives. */
struct egret_build_id egret_elf_build_id_of_head(const void *head, size_t len);

/*
 * Between file offsets and virtual addresses, by the PT_LOAD headers. Executable segments win where
 * two overlap; an offset is that of code if it is in a page that has code. False where no segment
 * holds it.
 */
bool egret_elf_offset_to_vaddr(const struct egret_elf *elf, uint64_t offset, uint64_t *vaddr);
bool egret_elf_vaddr_to_offset(const struct egret_elf *elf, uint64_t vaddr, uint64_t *offset);

struct egret_section {
	GElf_Shdr shdr;
	Elf_Scn *scn;
	const void *data; /* decompressed (SHF_COMPRESSED); NULL for SHT_NOBITS */
	size_t size;	  /* bytes of data */
};
/* The first section of that name. False where there is none or its bytes are not in the file. */
bool egret_elf_section(const struct egret_elf *elf, const char *name, struct egret_section *out);

/*
 * The same as it is in the file, compressed bytes too. libelf does not learn of it: it would note
 * in the headers what it has decompressed, and a copy of the file made later has them.
 */
bool egret_elf_stored_section(const struct egret_elf *elf, const char *name,
			      struct egret_section *out);

/*
 * The separate debug file of a build-id under the directories where distributions keep them
 * (/usr/lib/debug/.build-id/ab/cdef.debug). A file of another build is not taken.
 * -ENOENT where there is none, -ESTALE where there is only that one.
 */
int egret_elf_open_debug(const struct egret_build_id *id, struct egret_elf **out,
			 struct egret_error *err);
/* The same under root/.build-id. */
int egret_elf_open_debug_below(const char *root, const struct egret_build_id *id,
			       struct egret_elf **out, struct egret_error *err);

/* Hex digits of id, NUL-terminated; to holds 2 * EGRET_BUILD_ID_MAX + 1 bytes. */
char *egret_build_id_hex(const struct egret_build_id *id, char *to);

#endif
