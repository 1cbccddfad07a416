/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <sys/stat.h>

#include "elf_fixture.h"

/* An executable segment that does not begin at a page of the file, as lld lays files out. */
static const char lld_like[] = "PHDRS { head PT_LOAD FILEHDR PHDRS FLAGS(4); code PT_LOAD "
			       "FLAGS(5); data PT_LOAD FLAGS(6); note PT_NOTE FLAGS(4); }\n"
			       "SECTIONS { . = 0x10000 + SIZEOF_HEADERS;\n"
			       ".note.gnu.build-id : { *(.note.gnu.build-id) } :head :note\n"
			       ".rodata : { *(.rodata*) } :head\n"
			       ". = . + 0x1000; .text : { *(.text*) } :code\n"
			       ". = . + 0x1000; .data : { *(.data*) } :data\n"
			       ".bss : { *(.bss*) } :data }\n";

static const char program[] = "int zero[4096]; int one = 1; const char text[] = \"text\";\n"
			      "__attribute__((noinline)) int callee(int x) { return x * one; }\n"
			      "int caller(int x) { return callee(x) + zero[x] + text[x & 3]; }\n"
			      "void _start(void) { caller(1); for (;;) ; }\n";

static struct egret_elf *open_bytes(const void *bytes, size_t size, int want)
{
	struct egret_error err = { "" };
	struct egret_elf *elf = NULL;

	CHECK_EQ(egret_elf_open_memory(bytes, size, "a file", &elf, &err), want);
	CHECK_EQ(!!elf, want == 0);
	if (want)
		CHECK(!strncmp(err.text, "a file: ", 8));
	return elf;
}

static void build_id_is_the_linker_s(void)
{
	char *path = fixture_compile(
		"id.c", program,
		"-nostdlib -static -Wl,--build-id=0x0123456789abcdef00112233445566778899aabb");
	struct egret_elf *elf = fixture_open(path);
	struct egret_build_id id = egret_elf_build_id(elf);
	char hex[2 * EGRET_BUILD_ID_MAX + 1];
	const void *bytes;
	size_t size;

	CHECK_STR(egret_build_id_hex(&id, hex), "0123456789abcdef00112233445566778899aabb");
	CHECK_STR(egret_elf_name(elf), path);
	CHECK_EQ(egret_elf_machine(elf), EM_X86_64);
	CHECK(egret_elf_is_64(elf));
	bytes = egret_elf_bytes(elf, &size);
	id = egret_elf_build_id_of_head(bytes, 1024);
	CHECK_STR(egret_build_id_hex(&id, hex), "0123456789abcdef00112233445566778899aabb");
	id = egret_elf_build_id_of_head(bytes, 64);
	CHECK_EQ(id.len, 0);
	CHECK_STR(egret_build_id_hex(&id, hex), "");
	for (size_t len = 0; len < 1024; len++) {
		id = egret_elf_build_id_of_head(bytes, len);
		CHECK(id.len == 0 || id.len == 20);
	}
	egret_elf_destroy(elf);
	free(path);
}

static void build_id_of_sections_alone(void)
{
	char hex[2 * EGRET_BUILD_ID_MAX + 1], *path, *object;
	struct egret_build_id id;
	struct egret_elf *elf;

	/* Behind another note, and without a program header: a relocatable file. */
	path = fixture_compile("note.S",
			       ".section .note.x,\"a\",@note\n.long 4, 3, 99\n.asciz \"ABC\"\n"
			       ".ascii \"123\\0\"\n"
			       ".long 4, 8, 3\n.asciz \"GNU\"\n.quad 0x0807060504030201\n",
			       "-c");
	elf = fixture_open(path);
	id = egret_elf_build_id(elf);
	CHECK_STR(egret_build_id_hex(&id, hex), "0102030405060708");
	egret_elf_destroy(elf);
	free(path);

	object = fixture_compile("noid.c", program, "-nostdlib -static -Wl,--build-id=none");
	elf = fixture_open(object);
	CHECK_EQ(egret_elf_build_id(elf).len, 0);
	egret_elf_destroy(elf);
	free(object);

	/* Longer than the kernel takes. */
	object = fixture_compile(
		"long.c", program,
		"-nostdlib -static -Wl,--build-id=0x0123456789abcdef00112233445566778899aabbcc");
	elf = fixture_open(object);
	CHECK_EQ(egret_elf_build_id(elf).len, 0);
	egret_elf_destroy(elf);
	free(object);
}

/* A header of the file, found the plain way. */
static Elf64_Phdr segment(const struct egret_elf *elf, uint32_t flags)
{
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)bytes;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(bytes + ehdr->e_phoff);

	for (int i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_type == PT_LOAD && phdr[i].p_flags == flags)
			return phdr[i];
	printf("no PT_LOAD with flags %u\n", flags);
	exit(1);
}

static void addresses_translate_both_ways(void)
{
	char *script = fixture_path("lld.lds"), *path, flags[256];
	Elf64_Phdr code, data, head;
	struct egret_elf *elf;
	uint64_t x;

	fixture_write(script, lld_like, strlen(lld_like));
	snprintf(flags, sizeof(flags),
		 "-nostdlib -static -fno-asynchronous-unwind-tables -Wl,-T,%s", script);
	path = fixture_compile("addresses.c", program, flags);
	elf = fixture_open(path);
	head = segment(elf, PF_R);
	code = segment(elf, PF_R | PF_X);
	data = segment(elf, PF_R | PF_W);
	CHECK(code.p_offset % 4096 != 0);

	CHECK(egret_elf_offset_to_vaddr(elf, code.p_offset, &x));
	CHECK_EQ(x, code.p_vaddr);
	CHECK(egret_elf_offset_to_vaddr(elf, code.p_offset + code.p_filesz - 1, &x));
	CHECK_EQ(x, code.p_vaddr + code.p_filesz - 1);
	/* What shares a page of the file with the code is mapped with it. */
	CHECK_EQ(data.p_offset / 4096, code.p_offset / 4096);
	CHECK(egret_elf_offset_to_vaddr(elf, data.p_offset, &x));
	CHECK_EQ(x, code.p_vaddr + (data.p_offset - code.p_offset));
	CHECK_EQ(head.p_offset, 0);
	CHECK(egret_elf_offset_to_vaddr(elf, code.p_offset & ~0xfffull, &x));
	CHECK_EQ(x, code.p_vaddr & ~0xfffull);
	CHECK(egret_elf_vaddr_to_offset(elf, head.p_vaddr + head.p_filesz - 1, &x));
	CHECK_EQ(x, head.p_offset + head.p_filesz - 1);
	CHECK(egret_elf_vaddr_to_offset(elf, data.p_vaddr, &x));
	CHECK_EQ(x, data.p_offset);
	CHECK(egret_elf_vaddr_to_offset(elf, code.p_vaddr + 1, &x));
	CHECK_EQ(x, code.p_offset + 1);

	/* Within the pages of the code only. */
	CHECK(egret_elf_vaddr_to_offset(elf, code.p_vaddr + code.p_filesz, &x));
	CHECK_EQ(x, code.p_offset + code.p_filesz);
	CHECK(egret_elf_vaddr_to_offset(elf, code.p_vaddr - 1, &x));
	CHECK_EQ(x, code.p_offset - 1);
	CHECK(!egret_elf_vaddr_to_offset(elf, (code.p_vaddr & ~0xfffull) - 1, &x));

	/* .bss is in no file. */
	CHECK(!egret_elf_vaddr_to_offset(elf, data.p_vaddr + data.p_filesz, &x));
	CHECK(!egret_elf_offset_to_vaddr(elf, 1ull << 40, &x));
	CHECK(!egret_elf_offset_to_vaddr(elf, UINT64_MAX, &x));
	egret_elf_destroy(elf);
	free(path);
	free(script);
}

/* Both segments claim the same bytes of the file; the code is what a program counter means. */
static void executable_segments_win(void)
{
	char *path = fixture_compile("overlap.c", program, "-nostdlib -static");
	struct egret_elf *elf = fixture_open(path), *changed;
	Elf64_Phdr code = segment(elf, PF_R | PF_X), *phdr;
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	uint64_t x;

	memcpy(copy, bytes, size);
	phdr = (Elf64_Phdr *)(copy + ((Elf64_Ehdr *)copy)->e_phoff);
	CHECK(phdr[0].p_type == PT_LOAD && phdr[0].p_flags == PF_R);
	phdr[0].p_filesz = size;
	changed = open_bytes(copy, size, 0);
	CHECK(egret_elf_offset_to_vaddr(changed, code.p_offset + 3, &x));
	CHECK_EQ(x, code.p_vaddr + 3);
	CHECK(egret_elf_offset_to_vaddr(changed, code.p_offset - 8, &x));
	CHECK_EQ(x, phdr[0].p_vaddr + code.p_offset - 8 - phdr[0].p_offset);
	egret_elf_destroy(changed);
	egret_elf_destroy(elf);
	free(copy);
	free(path);
}

static void sections_are_found_and_decompressed(void)
{
	char *source = NULL, *path;
	struct egret_section section, again;
	struct egret_elf *elf;
	size_t len;
	FILE *f = open_memstream(&source, &len);

	fprintf(f, "int zero[4096];\n");
	for (int i = 0; i < 500; i++)
		fprintf(f, "int function_of_a_long_name_%d(void) { return %d; }\n", i, i);
	fclose(f);
	path = fixture_compile("sections.c", source, "-shared -fPIC -g -gz=zlib");
	elf = fixture_open(path);

	CHECK(egret_elf_section(elf, ".debug_str", &section));
	CHECK(section.size > 500 * strlen("function_of_a_long_name_1"));
	CHECK(memmem(section.data, section.size, "function_of_a_long_name_499", 28));
	CHECK(!(section.shdr.sh_flags & SHF_COMPRESSED));
	CHECK(egret_elf_section(elf, ".debug_str", &again));
	CHECK(again.data == section.data && again.size == section.size);

	CHECK(egret_elf_section(elf, ".bss", &section));
	CHECK(!section.data && !section.size && section.shdr.sh_size >= sizeof(int) * 4096);
	CHECK(egret_elf_section(elf, ".text", &section));
	CHECK(section.size == section.shdr.sh_size && section.shdr.sh_flags & SHF_EXECINSTR);
	CHECK(!egret_elf_section(elf, ".tex", &section));
	CHECK(!egret_elf_section(elf, ".no-such", &section));
	egret_elf_destroy(elf);
	free(source);
	free(path);
}

static void debug_file_is_of_the_same_build(void)
{
	struct egret_error err = { "" };
	struct egret_elf *elf, *debug = NULL;
	struct egret_build_id id;
	struct egret_section section;
	char *path = fixture_compile(
		"debug.c", program,
		"-g -nostdlib -static -Wl,--build-id=0x0123456789abcdef00112233445566778899aabb");

	fixture_run("mkdir -p %s/.build-id/01 && objcopy --only-keep-debug %s/debug.c.elf "
		    "%s/.build-id/01/23456789abcdef00112233445566778899aabb.debug && cp "
		    "%s/debug.c.elf %s/.build-id/01/ff.debug");
	elf = fixture_open(path);
	id = egret_elf_build_id(elf);
	CHECK_EQ(egret_elf_open_debug_below(fixture_dir, &id, &debug, &err), 0);
	CHECK(egret_elf_section(debug, ".text", &section));
	CHECK_EQ(section.shdr.sh_type, SHT_NOBITS);
	CHECK(!section.data);
	CHECK(egret_elf_section(debug, ".debug_info", &section) && section.data);
	egret_elf_destroy(debug);

	id = (struct egret_build_id){ 2, { 0x01, 0xff } };
	CHECK_EQ(egret_elf_open_debug_below(fixture_dir, &id, &debug, &err), -ESTALE);
	CHECK(strstr(err.text, "another build"));
	id = (struct egret_build_id){ 2, { 0x02, 0xff } };
	CHECK_EQ(egret_elf_open_debug_below(fixture_dir, &id, &debug, &err), -ENOENT);
	CHECK(strstr(err.text, "/.build-id/02/ff.debug"));
	id.len = 0;
	CHECK_EQ(egret_elf_open_debug_below(fixture_dir, &id, &debug, &err), -ENOENT);
	CHECK_EQ(egret_elf_open_debug(&id, &debug, &err), -ENOENT);
	egret_elf_destroy(elf);
	free(path);
}

static void the_owner_is_who_alone_may_write(void)
{
	static const struct {
		mode_t mode;
		gid_t group;
		bool has_owner;
	} cases[] = {
		{ 0755, 0, true }, { 0775, 0, true }, { 0775, 7, false }, { 0757, 0, false }
	};
	char *path = fixture_compile("owned.c", program, "-nostdlib -static");
	struct egret_elf *elf, *image;
	const void *bytes;
	size_t size;
	uid_t owner;

	/* Root's group has root's number. */
	for (size_t i = 0; !geteuid() && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (chown(path, 0, cases[i].group) || chmod(path, cases[i].mode))
			abort();
		elf = fixture_open(path);
		CHECK_EQ(egret_elf_owner(elf, &owner), cases[i].has_owner);
		CHECK_EQ(owner, 0);
		egret_elf_destroy(elf);
	}
	if (!geteuid() && chown(path, 1234, 0))
		abort();
	elf = fixture_open(path);
	egret_elf_owner(elf, &owner);
	CHECK_EQ(owner, geteuid() ? geteuid() : 1234);
	bytes = egret_elf_bytes(elf, &size);
	CHECK_EQ(egret_elf_open_memory(bytes, size, "image", &image, NULL), 0);
	CHECK(!egret_elf_owner(image, &owner));
	egret_elf_destroy(image);
	egret_elf_destroy(elf);
	free(path);
}

static void a_32_bit_file_opens(void)
{
	char *path = fixture_compile("small.S", ".text\n.globl f\nf: ret\n",
				     "-m32 -nostdlib -shared -Wl,--build-id=0x01020304");
	struct egret_elf *elf = fixture_open(path);
	struct egret_build_id id = egret_elf_build_id(elf);
	struct egret_section section;
	char hex[2 * EGRET_BUILD_ID_MAX + 1];
	uint64_t offset;

	CHECK(!egret_elf_is_64(elf));
	CHECK_EQ(egret_elf_machine(elf), EM_386);
	CHECK_STR(egret_build_id_hex(&id, hex), "01020304");
	CHECK(egret_elf_section(elf, ".text", &section));
	CHECK(egret_elf_vaddr_to_offset(elf, section.shdr.sh_addr, &offset));
	CHECK_EQ(offset, section.shdr.sh_offset);
	egret_elf_destroy(elf);
	free(path);
}

static void what_is_no_elf_is_refused(void)
{
	struct egret_error err = { "" };
	struct egret_elf *elf = NULL;
	uint8_t header[64] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2MSB, EV_CURRENT };
	char *path = fixture_path("empty");
	int fd;

	open_bytes("", 0, -ENOEXEC);
	open_bytes("#!/bin/sh\necho the shell takes this, and nobody else does\n", 58, -ENOEXEC);
	open_bytes(header, sizeof(header), -ENOEXEC);
	header[EI_DATA] = ELFDATA2LSB;
	open_bytes(header, 63, -ENOEXEC);
	header[EI_CLASS] = 7;
	open_bytes(header, sizeof(header), -ENOEXEC);
	CHECK_EQ(egret_elf_build_id_of_head(header, sizeof(header)).len, 0);

	fixture_write(path, "", 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(egret_elf_open_fd(fd, path, &elf, &err), -ENOEXEC);
	CHECK(strstr(err.text, "is empty"));
	close(fd);
	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(egret_elf_open_fd(fd, "/dev/zero", &elf, &err), -ENOEXEC);
	CHECK_STR(err.text, "/dev/zero: not a regular file");
	close(fd);
	CHECK_EQ(egret_elf_open_fd(-1, "nothing", &elf, &err), -EBADF);
	CHECK(!elf);
	free(path);
}

/* Asks everything of it, and reads every byte of every answer. */
static uint64_t ask_everything(const struct egret_elf *elf)
{
	static const char *const names[] = { ".text",
					     ".bss",
					     ".symtab",
					     ".strtab",
					     ".dynsym",
					     ".debug_str",
					     ".note.gnu.build-id",
					     ".shstrtab",
					     ".no-such" };
	uint64_t sum = egret_elf_build_id(elf).len, x;
	struct egret_section section;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (egret_elf_section(elf, names[i], &section) && section.data)
			for (size_t k = 0; k < section.size; k++)
				sum += ((const uint8_t *)section.data)[k];
	for (uint64_t at = 1; at; at <<= 1) {
		sum += egret_elf_offset_to_vaddr(elf, at, &x);
		sum += egret_elf_vaddr_to_offset(elf, at - 1, &x);
	}
	return sum;
}

static size_t try_bytes(const void *bytes, size_t size)
{
	struct egret_error err = { "" };
	struct egret_elf *elf;

	if (egret_elf_open_memory(bytes, size, "damaged", &elf, &err)) {
		CHECK(err.text[0]);
		return 0;
	}
	ask_everything(elf);
	egret_elf_destroy(elf);
	egret_elf_build_id_of_head(bytes, size);
	return 1;
}

static void damaged_files_do_no_harm(void)
{
	static const char *const names[] = { ".note.gnu.build-id", ".shstrtab", ".debug_str",
					     NULL };
	char *path = fixture_compile("damaged.c", program,
				     "-shared -fPIC -g -gz=zlib -Wl,--build-id");
	struct egret_elf *elf = fixture_open(path);
	struct fixture_part parts[8];
	size_t n_parts, size, opened = 0;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	uint64_t random = 0x9e3779b97f4a7c15ull;

	n_parts = fixture_parts(elf, names, parts, 8);
	CHECK(n_parts > 4);
	for (int i = 0; i < 3000; i++) {
		memcpy(copy, bytes, size);
		fixture_damage(copy, size, parts, n_parts, &random);
		opened += try_bytes(copy, size);
	}
	CHECK(opened > 500 && opened < 3000);
	for (int i = 0; i < 200; i++)
		try_bytes(bytes, size * (size_t)i / 200);
	free(copy);
	egret_elf_destroy(elf);
	free(path);
}

int main(void)
{
	RUN(build_id_is_the_linker_s);
	RUN(build_id_of_sections_alone);
	RUN(addresses_translate_both_ways);
	RUN(executable_segments_win);
	RUN(sections_are_found_and_decompressed);
	RUN(debug_file_is_of_the_same_build);
	RUN(the_owner_is_who_alone_may_write);
	RUN(a_32_bit_file_opens);
	RUN(what_is_no_elf_is_refused);
	RUN(damaged_files_do_no_harm);
	return DONE();
}
