/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * fake_system.h - files and processes for tests of maps and of the pipeline: what a live system
 * would say, as tables of the test.
 *
 * Every file has one segment: FAKE_OFFSET in the file is FAKE_VADDR, FAKE_SIZE bytes.
 */
#ifndef EGRET_FAKE_SYSTEM_H
#define EGRET_FAKE_SYSTEM_H

#include <errno.h>

#include "maps/processes.h"
#include "test.h"

#define FAKE_OFFSET 0x1000u
#define FAKE_VADDR 0x401000u
#define FAKE_SIZE 0x8000u

struct fake_file {
	const char *path;
	uint64_t ino;
	uint8_t id; /* all bytes of its build-id; 0: it has none */
	bool gone;  /* cannot be opened */
	unsigned int opens;
};

struct fake_process {
	int pid;
	const char *comm, *maps;
	unsigned int reads;
};

struct fake_system {
	struct fake_file *files;
	size_t n_files;
	struct fake_process *processes;
	size_t n_processes;
	unsigned int opens; /* all of them, those in vain too */
};

/* An ELF file with one segment and, where id is not 0, a build-id. */
static inline struct egret_elf *fake_elf(const char *name, uint8_t id)
{
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr[2];
		struct {
			Elf64_Nhdr nhdr;
			char name[4];
			uint8_t id[20];
		} note;
	} * head;
	size_t size = FAKE_OFFSET + FAKE_SIZE;
	struct egret_elf *elf = NULL;

	head = calloc(1, size);
	memcpy(head->ehdr.e_ident, "\177ELF\2\1\1", 7);
	head->ehdr.e_type = ET_DYN;
	head->ehdr.e_machine = EM_X86_64;
	head->ehdr.e_version = EV_CURRENT;
	head->ehdr.e_phoff = sizeof(head->ehdr);
	head->ehdr.e_ehsize = sizeof(head->ehdr);
	head->ehdr.e_phentsize = sizeof(head->phdr[0]);
	head->ehdr.e_phnum = id ? 2 : 1;
	head->phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				      .p_flags = PF_R | PF_X,
				      .p_offset = FAKE_OFFSET,
				      .p_vaddr = FAKE_VADDR,
				      .p_filesz = FAKE_SIZE,
				      .p_memsz = FAKE_SIZE,
				      .p_align = 0x1000 };
	head->phdr[1] = (Elf64_Phdr){ .p_type = PT_NOTE,
				      .p_offset = (uint64_t)((char *)&head->note - (char *)head),
				      .p_filesz = sizeof(head->note),
				      .p_align = 4 };
	head->note.nhdr = (Elf64_Nhdr){ .n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID };
	memcpy(head->note.name, "GNU", 4);
	memset(head->note.id, id, 20);
	if (egret_elf_open_memory(head, size, name, &elf, NULL))
		abort();
	free(head);
	return elf;
}

static inline struct egret_build_id fake_build_id(uint8_t id)
{
	struct egret_build_id build_id = { .len = id ? 20 : 0 };

	memset(build_id.bytes, id, build_id.len);
	return build_id;
}

static inline int fake_open_elf(void *arg, const struct egret_map_info *info,
				struct egret_elf **out, struct egret_error *err)
{
	struct fake_system *system = arg;

	system->opens++;
	for (size_t i = 0; i < system->n_files; i++) {
		struct fake_file *f = &system->files[i];
		size_t len = strlen(f->path);
		bool same;

		/* The kernel writes " (deleted)" behind the path of a file that is. */
		same = info->build_id.len
			       ? info->build_id.bytes[0] == f->id
			       : info->ino == f->ino && !strncmp(info->path, f->path, len);
		if (!same || f->gone)
			continue;
		f->opens++;
		*out = fake_elf(f->path, f->id);
		return 0;
	}
	return egret_fail(err, ENOENT, "%s: gone", info->path);
}

static inline struct fake_process *fake_process_of(struct fake_system *system, int pid)
{
	for (size_t i = 0; i < system->n_processes; i++)
		if (system->processes[i].pid == pid)
			return &system->processes[i];
	return NULL;
}

static inline int fake_read_maps(void *arg, int pid, struct egret_buffer *out)
{
	struct fake_process *process = fake_process_of(arg, pid);

	if (!process || !process->maps)
		return -ESRCH;
	process->reads++;
	egret_buffer_add_string(out, process->maps);
	return 0;
}

static inline int fake_read_comm(void *arg, int pid, char *to, size_t size)
{
	struct fake_process *process = fake_process_of(arg, pid);

	if (!process || !process->comm)
		return -ESRCH;
	snprintf(to, size, "%s", process->comm);
	return 0;
}

static inline struct egret_module_source fake_modules(struct fake_system *system)
{
	return (struct egret_module_source){ .open_elf = fake_open_elf, .arg = system };
}

static inline struct egret_process_source fake_processes(struct fake_system *system)
{
	return (struct egret_process_source){ .read_maps = fake_read_maps,
					      .read_comm = fake_read_comm,
					      .arg = system };
}

#endif
