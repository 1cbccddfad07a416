/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * elf_fixture.h - real ELF files for tests: made by the compiler, found on the machine, damaged.
 *
 * Everything made lies in one directory of its own, which is removed when the program ends.
 */
#ifndef EGRET_ELF_FIXTURE_H
#define EGRET_ELF_FIXTURE_H

#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include "elf/elf_file.h"
#include "test.h"

static char fixture_dir[] = "/tmp/egret-fixture-XXXXXX";
static bool fixture_dir_made;

static inline void fixture_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", fixture_dir);
	if (system(command))
		printf("%s: not removed\n", fixture_dir);
}

/* A path in the directory. The caller frees it. */
static inline char *fixture_path(const char *name)
{
	char *path;

	if (!fixture_dir_made) {
		if (!mkdtemp(fixture_dir))
			abort();
		fixture_dir_made = true;
		atexit(fixture_remove);
	}
	if (asprintf(&path, "%s/%s", fixture_dir, name) < 0)
		abort();
	return path;
}

static inline void fixture_write(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f))
		abort();
}

/* Runs a shell command in which %s stands for the directory; it must succeed. */
static inline void fixture_run(const char *format)
{
	char command[4096];

	free(fixture_path(""));
	snprintf(command, sizeof(command), format, fixture_dir, fixture_dir, fixture_dir,
		 fixture_dir, fixture_dir, fixture_dir);
	if (system(command)) {
		printf("failed: %s\n", command);
		exit(1);
	}
}

/* Compiles source, named name.c, name.S or name.cc, with flags into a file. The caller frees its
 * path. */
static inline char *fixture_compile(const char *name, const char *source, const char *flags)
{
	char *from = fixture_path(name), *to, command[4096];

	fixture_write(from, source, strlen(source));
	if (asprintf(&to, "%s.elf", from) < 0)
		abort();
	snprintf(command, sizeof(command), "%s %s %s -o %s", strstr(name, ".cc") ? "c++" : "cc",
		 flags, from, to);
	if (system(command)) {
		printf("failed: %s\n", command);
		exit(1);
	}
	free(from);
	return to;
}

/* Opens a file that must be good. */
static inline struct egret_elf *fixture_open(const char *path)
{
	struct egret_error err = { "" };
	struct egret_elf *elf = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (egret_elf_open_fd(fd, path, &elf, &err)) {
		printf("%s: %s\n", path, err.text);
		exit(1);
	}
	close(fd);
	return elf;
}

static inline int fixture_is_libc(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	if (!slash || strncmp(slash, "/libc.so", 8))
		return 0;
	*(const char **)arg = info->dlpi_name;
	return 1;
}

/* The C library that this program runs with. */
static inline const char *fixture_libc(void)
{
	const char *path = NULL;

	if (!dl_iterate_phdr(fixture_is_libc, &path))
		SKIP("this program is linked with no libc.so");
	return path;
}

/* xorshift64: the same damage in every run. */
static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A part of a file, by preference one that others are found by. */
struct fixture_part {
	size_t start, len;
};

/* The headers, and the sections of the names given (NULL at the end). Returns how many. */
static inline size_t fixture_parts(const struct egret_elf *elf, const char *const *names,
				   struct fixture_part *parts, size_t max)
{
	const uint8_t *bytes;
	size_t size, n = 0;
	const Elf64_Ehdr *ehdr;

	bytes = egret_elf_bytes(elf, &size);
	ehdr = (const Elf64_Ehdr *)bytes;
	parts[n++] = (struct fixture_part){ 0, sizeof(*ehdr) };
	parts[n++] = (struct fixture_part){ ehdr->e_phoff, ehdr->e_phnum * sizeof(Elf64_Phdr) };
	parts[n++] = (struct fixture_part){ ehdr->e_shoff, ehdr->e_shnum * sizeof(Elf64_Shdr) };
	for (; *names && n < max; names++) {
		struct egret_section section;

		if (egret_elf_section(elf, *names, &section) && section.size)
			parts[n++] = (struct fixture_part){ section.shdr.sh_offset, section.size };
	}
	return n;
}

/* Overwrites one to eight places in parts of bytes, by values that tend to hurt. */
static inline void fixture_damage(uint8_t *bytes, size_t size, const struct fixture_part *parts,
				  size_t n_parts, uint64_t *random)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x40 };
	unsigned int times = 1 + fixture_random(random) % 8;

	while (times--) {
		const struct fixture_part *part = &parts[fixture_random(random) % n_parts];
		size_t at = part->start + fixture_random(random) % part->len;
		uint64_t how = fixture_random(random);

		if (at >= size)
			continue;
		bytes[at] = how & 8 ? values[how & 7] : (uint8_t)(how >> 8);
		/* A run of ones: a number that is far too large. */
		if ((how >> 16) % 16 == 0)
			for (size_t i = at & ~(size_t)7; i < (at | 7) && i < size; i++)
				bytes[i] = 0xff;
	}
}

#endif
