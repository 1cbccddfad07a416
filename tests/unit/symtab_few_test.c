/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A table of a few addresses, egret_symtab_create_for, held against the one of all symbols: of real
 * files, and of symbols that overlap, have no size, begin together and are labels, as no compiler
 * makes them.
 */
#include "elf_fixture.h"
#include "symbolize/symbolize.h"

#define SETS 60	     /* of addresses, a file */
#define MOST_ASKED 8 /* addresses in most sets; a few have hundreds */

static uint32_t random_below(uint32_t n)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static struct egret_symtab *all_of(const struct egret_elf *elf)
{
	struct egret_symtab *table = NULL;

	CHECK_EQ(egret_symtab_create(elf, NULL, &table, NULL), 0);
	return table;
}

/* The runs of the whole table from run.start to run.end have the name of that run. */
static bool is_one_name(const struct egret_symtab *all, const struct egret_symbol_run *run)
{
	uint64_t at = run->start;

	while (at < run->end) {
		struct egret_symbol_run part;

		egret_symtab_run(all, at, &part);
		if (!part.name != !run->name || (run->name && strcmp(part.name, run->name)))
			return false;
		if (part.end <= at)
			break;
		at = part.end;
	}
	return true;
}

/* What few says of vaddr; returns whether it has a name. */
static bool compare_at(const struct egret_symtab *all, const struct egret_symtab *few,
		       uint64_t vaddr)
{
	struct egret_symbol want = { 0 }, got = { 0 };
	struct egret_symbol_run run;
	bool found = egret_symtab_find(all, vaddr, &want);
	int before = test_failures;

	CHECK_EQ(egret_symtab_find(few, vaddr, &got), found);
	CHECK_STR(got.name, want.name);
	CHECK_EQ(got.start, want.start);
	CHECK_EQ(got.size, want.size);
	egret_symtab_run(few, vaddr, &run);
	CHECK(run.start <= vaddr && vaddr < run.end);
	CHECK_STR(run.name, want.name);
	CHECK(is_one_name(all, &run));
	if (test_failures != before)
		printf("at 0x%" PRIx64 ", run 0x%" PRIx64 " to 0x%" PRIx64 "\n", vaddr, run.start,
		       run.end);
	return found;
}

/* Addresses of a file's code, and where its symbols begin and end: there tables differ. */
static uint64_t some_address(const struct egret_elf *elf, const struct egret_symtab *all)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr, chosen = { 0 };
	struct egret_symbol_run run;
	uint64_t vaddr;
	uint32_t n = 0;

	while ((scn = elf_nextscn(egret_elf_handle(elf), scn)))
		if (gelf_getshdr(scn, &shdr) && (shdr.sh_flags & SHF_EXECINSTR) && shdr.sh_size &&
		    !random_below(++n))
			chosen = shdr;
	if (!n)
		return 0;
	vaddr = chosen.sh_addr + random_below((uint32_t)chosen.sh_size);
	egret_symtab_run(all, vaddr, &run);
	if (!run.start || run.end == UINT64_MAX)
		return vaddr;
	switch (random_below(6)) {
	case 0:
		return run.start;
	case 1:
		return run.start - 1;
	case 2:
		return run.end;
	case 3:
		return run.end - 1;
	default:
		return vaddr;
	}
}

/* Returns how many addresses had a name. */
static size_t compare_sets(const struct egret_elf *elf, size_t sets)
{
	struct egret_symtab *all = all_of(elf), *few;
	size_t named = 0;

	for (size_t set = 0; set < sets; set++) {
		size_t n = 1 + random_below(set % 20 ? MOST_ASKED : 500);
		uint64_t *vaddrs = calloc(n, sizeof(*vaddrs));

		for (size_t i = 0; i < n; i++)
			vaddrs[i] = i && !random_below(10) ? vaddrs[i - 1] : some_address(elf, all);
		few = NULL;
		CHECK_EQ(egret_symtab_create_for(elf, NULL, vaddrs, n, &few, NULL), 0);
		for (size_t i = 0; few && i < n; i++)
			named += compare_at(all, few, vaddrs[i]);
		if (few && set % 20)
			CHECK(egret_symtab_memory(few) <= egret_symtab_memory(all) + 8192);
		egret_symtab_destroy(few);
		free(vaddrs);
	}
	egret_symtab_destroy(all);
	return named;
}

static void addresses_of_real_files(void)
{
	static const char *const files[] = {
		"/proc/self/exe",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib64/ld-linux-x86-64.so.2",
		"/usr/bin/perl",
		"/usr/bin/bash", /* stripped */
		"/usr/bin/git",
	};
	size_t named = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		struct egret_elf *elf = NULL;

		if (fd >= 0 && !egret_elf_open_fd(fd, files[i], &elf, NULL))
			named += compare_sets(elf, SETS);
		egret_elf_destroy(elf);
		if (fd >= 0)
			close(fd);
	}
	CHECK(named > SETS);
}

static void compare_compiled(const char *name, const char *source, const char *flags, size_t sets)
{
	char *path = fixture_compile(name, source, flags);
	struct egret_elf *elf = fixture_open(path);

	CHECK(compare_sets(elf, sets) > sets);
	egret_elf_destroy(elf);
	free(path);
}

/* Entries of the PLT whose names are those of the resolvers that their relocations tell. */
static void a_static_program(void)
{
	compare_compiled("static.c",
			 "#include <string.h>\n#include <stdio.h>\n"
			 "int main(int n, char **v) { return puts(v[0]) + (int)strlen(v[0]); }\n",
			 "-static -O1", 200);
}

/* A program of symbols that are where they like. Freed by the caller. */
static char *random_symbols(void)
{
	static const char *const kinds[] = { "@function", "@function", "@notype",
					     "@gnu_indirect_function" };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	uint32_t n = 5 + random_below(120), space = 16 + random_below(600);

	fprintf(f, ".text\n.globl _start\n_start: ret\nbase: .skip %u\n", space);
	for (uint32_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%c%u", "abcxyz"[random_below(6)], i);
		fprintf(f, ".type %s,%s\n", name, kinds[random_below(4)]);
		fprintf(f, ".set %s, base + %u\n", name, random_below(space));
		if (random_below(3))
			fprintf(f, ".size %s, %u\n", name,
				random_below(random_below(4) ? 24 : space));
		if (!random_below(3))
			fprintf(f, "%s %s\n", random_below(2) ? ".globl" : ".weak", name);
	}
	fclose(f);
	return text;
}

static void symbols_that_are_where_they_like(void)
{
	for (int i = 0; i < 24; i++) {
		char *source = random_symbols();

		compare_compiled("random.S", source, "-nostdlib -static", 400);
		free(source);
	}
}

/* No symbols at all, and no address. */
static void none(void)
{
	char *path = fixture_compile("none.S", ".globl _start\n_start: ret\n",
				     "-nostdlib -static -s");
	struct egret_elf *elf = fixture_open(path);
	struct egret_symtab *few = NULL;
	struct egret_symbol symbol;
	uint64_t vaddr = 1;

	CHECK_EQ(egret_symtab_create_for(elf, NULL, &vaddr, 1, &few, NULL), 0);
	CHECK(!egret_symtab_find(few, vaddr, &symbol));
	CHECK(!egret_symtab_is_full(few));
	egret_symtab_destroy(few);
	CHECK_EQ(egret_symtab_create_for(elf, NULL, &vaddr, 0, &few, NULL), 0);
	egret_symtab_destroy(few);
	egret_elf_destroy(elf);
	free(path);
}

int main(void)
{
	RUN(addresses_of_real_files);
	RUN(a_static_program);
	RUN(symbols_that_are_where_they_like);
	RUN(none);
	return DONE();
}
