/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * prog_calls PID NAME: what a BPF program that a process has loaded can call: the kernel's
 * functions by name, one a line, as they are in the loaded instructions.
 *
 * Follows direct calls only. A function whose address is taken (a callback) is printed as
 * `callback`: it runs where the helper or kfunc that it is handed to runs it.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_INSNS 65536

struct symbol {
	uint64_t address;
	char name[64];
};

static struct symbol *symbols;
static size_t n_symbols;
static uint64_t call_base;
static struct bpf_insn insns[MAX_INSNS];
static size_t n_insns;
static bool seen[MAX_INSNS];

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int read_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char name[512], type;

	while (file && fscanf(file, "%llx %c %511s%*[^\n]", &address, &type, name) == 3) {
		if (n_symbols % 65536 == 0)
			symbols = realloc(symbols, (n_symbols + 65536) * sizeof(*symbols));
		if (!symbols)
			return -1;
		symbols[n_symbols].address = address;
		snprintf(symbols[n_symbols++].name, sizeof(symbols->name), "%.63s", name);
		if (!strcmp(name, "__bpf_call_base"))
			call_base = address;
	}
	if (file)
		fclose(file);
	qsort(symbols, n_symbols, sizeof(*symbols), by_address);
	return call_base ? 0 : -1;
}

static const char *name_of(uint64_t address)
{
	struct symbol key = { .address = address };
	struct symbol *found = bsearch(&key, symbols, n_symbols, sizeof(key), by_address);

	return found ? found->name : "unknown";
}

/* The id of a loaded program from the process's descriptors, proc_pid_fdinfo(5); 0: none. */
static uint32_t find_program(const char *pid, const char *name)
{
	char path[600], line[256];
	struct dirent *entry;
	uint32_t found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		unsigned int id = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "prog_id: %u", &id) == 1) {
				struct bpf_prog_info info = { 0 };
				uint32_t len = sizeof(info);
				int fd = bpf_prog_get_fd_by_id(id);

				if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
				    !strcmp(info.name, name))
					found = id;
				close(fd);
			}
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int read_insns(uint32_t id)
{
	struct bpf_prog_info info = { .xlated_prog_len = sizeof(insns),
				      .xlated_prog_insns = (uintptr_t)insns };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !info.xlated_prog_insns)
		return -1;
	n_insns = info.xlated_prog_len / sizeof(insns[0]);
	close(fd);
	return 0;
}

static bool is_jump(const struct bpf_insn *insn)
{
	uint8_t class = insn->code & 7, op = insn->code & 0xf0;

	return (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}

/* Where an instruction can go: marked in `todo`. Prints what it calls. */
static void follow(size_t at, bool *todo)
{
	const struct bpf_insn *insn = &insns[at];

	if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
		if (insn->src_reg == BPF_PSEUDO_FUNC)
			printf("callback\n");
		todo[at + 2] = true;
		return;
	}
	if (insn->code == (BPF_JMP | BPF_CALL)) {
		if (insn->src_reg == BPF_PSEUDO_CALL)
			todo[at + 1 + (size_t)insn->off] =
				true; /* of JITed functions: kernel/bpf/verifier.c */
		else
			printf("%s\n", name_of(call_base + (uint64_t)(int64_t)insn->imm));
	}
	if (insn->code == (BPF_JMP | BPF_EXIT))
		return;
	if (insn->code == (BPF_JMP32 | BPF_JA))
		todo[(int64_t)at + 1 + insn->imm] = true;
	else if (is_jump(insn))
		todo[(int64_t)at + 1 + insn->off] = true;
	if (!is_jump(insn) || (insn->code & 0xf0) != BPF_JA)
		todo[at + 1] = true;
}

int main(int argc, char **argv)
{
	static bool todo[MAX_INSNS * 2] = { true };
	uint32_t id = argc == 3 ? find_program(argv[1], argv[2]) : 0;
	bool more = true;

	if (!id || read_symbols() || read_insns(id)) {
		fprintf(stderr, "prog_calls: %s\n",
			!id ? "no such program" : "instructions or symbols are not to be seen");
		return 2;
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < n_insns; i++)
			if (todo[i] && !seen[i]) {
				seen[i] = more = true;
				follow(i, todo);
			}
	}
	return 0;
}
