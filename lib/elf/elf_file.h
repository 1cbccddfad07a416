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
