/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where debug files are found, and which are not taken. */
#include "elf/debug_find.h"

#include <errno.h>

#include "elf_fixture.h"
#include "symbolize/file_names.h"

#define ID_1 "0123456789abcdef00112233445566778899aabb"

static const char program[] =
	"int spin(int n) { return n; }\n"
	"static __attribute__((noinline)) int inner(int n) { return spin(n) + 1; }\n"
	"int _start(void) { return inner(3); }\n";

/* A stripped program, %s/NAME, and its debug file, %s/NAME.debug. */
static void make(const char *name, const char *flags)
{
	char command[1024], source[64];

	snprintf(source, sizeof(source), "%s.c", name);
	free(fixture_compile(source, program, flags));
	snprintf(command, sizeof(command),
		 "cd %%s && cp %s.c.elf %s.full && objcopy --only-keep-debug %s.full %s.debug && "
		 "strip -o %s %s.full",
		 name, name, name, name, name, name);
	fixture_run(command);
}

static struct egret_elf *open_in_fixture(const char *name)
{
	char *path = fixture_path(name);
	struct egret_elf *elf = fixture_open(path);

	free(path);
	return elf;
}

/* What is found of a program, under the name it would have in its process. */
static int find(const struct egret_debug_finder *finder, const char *name, struct egret_elf **out)
{
	char *path = fixture_path(name);
	struct egret_elf *elf = fixture_open(path);
	struct egret_debug_want want = { .elf = elf, .path = path, .pid = (int)getpid() };
	int ret = egret_debug_find(finder, &want, out);

	CHECK_EQ(ret != 0, *out == NULL);
	egret_elf_destroy(elf);
	free(path);
	return ret;
}

static int find_and_close(const struct egret_debug_finder *finder, const char *name)
{
	struct egret_elf *debug = NULL;
	int ret = find(finder, name, &debug);

	egret_elf_destroy(debug);
	return ret;
}

static struct egret_debug_finder *finder_of(const char *dir, const char *store,
					    enum egret_debuginfod_mode mode)
{
	const char *dirs[] = { "/nowhere", dir };
	struct egret_debug_opts opts = {
		.dirs = dirs, .n_dirs = dir ? 2 : 1, .store = store, .debuginfod = mode
	};
	struct egret_debug_finder *finder;

	CHECK_EQ(egret_debug_finder_create(&opts, &finder), 0);
	return finder;
}

static void by_build_id_in_directories(void)
{
	char *dir = fixture_path("dir"), *store = fixture_path("store");
	struct egret_debug_finder *with_dir = finder_of(dir, NULL, EGRET_DEBUGINFOD_OFF);
	struct egret_debug_finder *with_store = finder_of(NULL, store, EGRET_DEBUGINFOD_OFF);

	make("one", "-g -nostdlib -static -Wl,--build-id=0x" ID_1);
	CHECK_EQ(find_and_close(NULL, "one"), -ENOENT);
	CHECK_EQ(find_and_close(with_dir, "one"), -ENOENT);
	fixture_run("cd %s && mkdir -p dir/.build-id/01 && "
		    "cp one.debug dir/.build-id/01/23456789abcdef00112233445566778899aabb.debug");
	CHECK_EQ(find_and_close(NULL, "one"), -ENOENT);
	CHECK_EQ(find_and_close(with_dir, "one"), 0);
	CHECK_EQ(find_and_close(with_store, "one"), -ENOENT);
	fixture_run("cd %s && cp -r dir store");
	CHECK_EQ(find_and_close(with_store, "one"), 0);
	/* Another build under that name. */
	make("other", "-g -O2 -nostdlib -static -Wl,--build-id=0xff");
	fixture_run("cd %s && cp other.debug "
		    "dir/.build-id/01/23456789abcdef00112233445566778899aabb.debug");
	CHECK_EQ(find_and_close(with_dir, "one"), -ESTALE);
	egret_debug_finder_destroy(with_dir);
	egret_debug_finder_destroy(with_store);
	free(dir);
	free(store);
}

static void by_debuglink(void)
{
	char *dir = fixture_path("links");
	struct egret_debug_finder *finder = finder_of(dir, NULL, EGRET_DEBUGINFOD_OFF);

	make("linked", "-g -nostdlib -static -Wl,--build-id=none");
	fixture_run("cd %s && objcopy --add-gnu-debuglink=linked.debug linked");
	CHECK_EQ(find_and_close(finder, "linked"), 0);
	fixture_run("cd %s && mkdir .debug && mv linked.debug .debug/");
	CHECK_EQ(find_and_close(finder, "linked"), 0);
	fixture_run("cd %s && mkdir -p links%s && mv .debug/linked.debug links%s/");
	CHECK_EQ(find_and_close(finder, "linked"), 0);
	CHECK_EQ(find_and_close(NULL, "linked"), -ENOENT);
	/* Without build-ids the CRC decides. */
	fixture_run("printf x >>%s/links%s/linked.debug");
	CHECK_EQ(find_and_close(finder, "linked"), -ESTALE);
	egret_debug_finder_destroy(finder);
	free(dir);
}

static void by_debuglink_and_build_id(void)
{
	make("ided", "-g -nostdlib -static -Wl,--build-id=0xaabbccdd");
	fixture_run("cd %s && objcopy --add-gnu-debuglink=ided.debug ided");
	CHECK_EQ(find_and_close(NULL, "ided"), 0);
	/* Repacked by its distributor: the CRC is another one, the build is not. */
	fixture_run("printf x >>%s/ided.debug");
	CHECK_EQ(find_and_close(NULL, "ided"), 0);
	make("newer", "-g -nostdlib -static -Wl,--build-id=0xaabbccee");
	fixture_run("cd %s && cp newer.debug ided.debug");
	CHECK_EQ(find_and_close(NULL, "ided"), -ESTALE);
	/* A link that leads to a file without more in it, as one to the file itself. */
	fixture_run("cd %s && cp ided ided.debug");
	CHECK_EQ(find_and_close(NULL, "ided"), -ENOENT);
}

static void links_that_lie(void)
{
	static const char *const links[] = {
		"printf ../x/linked.debug\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0",
		"printf linked.debug",
		"printf a",
		"printf \\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0",
	};
	char command[512];

	make("lies", "-g -nostdlib -static -Wl,--build-id=none");
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(command, sizeof(command),
			 "cd %%s && %s >link && objcopy --add-section .gnu_debuglink=link lies "
			 "lies.%zu",
			 links[i], i);
		for (char *p = command; (p = strstr(p, "\\\\")); p++)
			memmove(p, p + 1, strlen(p));
		snprintf(command + strlen(command), sizeof(command) - strlen(command),
			 " 2>/dev/null");
		fixture_run(command);
		snprintf(command, sizeof(command), "lies.%zu", i);
		CHECK_EQ(find_and_close(NULL, command), -ENOENT);
	}
}

static void what_debuginfod_has_fetched(void)
{
	char *cache = fixture_path("client");
	struct egret_debug_finder *cached = finder_of(NULL, NULL, EGRET_DEBUGINFOD_CACHE);
	struct egret_debug_finder *off = finder_of(NULL, NULL, EGRET_DEBUGINFOD_OFF);
	struct egret_build_id id = { 4, { 0x11, 0x22, 0x33, 0x44 } };
	struct egret_elf *found = NULL;

	make("fetched", "-g -nostdlib -static -Wl,--build-id=0x11223344");
	fixture_run(
		"cd %s && mkdir -p client/11223344 && cp fetched.debug client/11223344/debuginfo "
		"&& cp fetched client/11223344/executable");
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	CHECK_EQ(find_and_close(cached, "fetched"), 0);
	CHECK_EQ(find_and_close(off, "fetched"), -ENOENT);
	CHECK_EQ(egret_debug_find_file(cached, &id, "prog", &found), 0);
	CHECK_STR(egret_elf_name(found), "prog");
	egret_elf_destroy(found);
	CHECK_EQ(egret_debug_find_file(off, &id, "prog", &found), -ENOENT);
	/* That the servers have none is kept as an empty file. */
	fixture_run(": >%s/client/11223344/debuginfo");
	CHECK_EQ(find_and_close(cached, "fetched"), -ENOENT);
	unsetenv("DEBUGINFOD_CACHE_PATH");
	egret_debug_finder_destroy(cached);
	egret_debug_finder_destroy(off);
	free(cache);
}

static void the_network_is_not_asked_by_itself(void)
{
	struct egret_debug_finder *cached = finder_of(NULL, NULL, EGRET_DEBUGINFOD_CACHE);
	struct egret_debug_finder *on = finder_of(NULL, NULL, EGRET_DEBUGINFOD_ON);
	struct egret_elf *elf, *debug = NULL;
	struct egret_debug_want want = { 0 };
	struct egret_error err = { "" };

	make("asks", "-g -nostdlib -static -Wl,--build-id=0x55667788");
	want.elf = elf = open_in_fixture("asks");
	unsetenv("DEBUGINFOD_URLS");
	CHECK_EQ(egret_debug_fetch(cached, &want, &debug, &err), -ENOSYS);
	CHECK(strstr(err.text, "not asked for"));
	CHECK_EQ(egret_debug_fetch(on, &want, &debug, &err), -ENOSYS);
	CHECK(!debug);
	egret_elf_destroy(elf);
	egret_debug_finder_destroy(cached);
	egret_debug_finder_destroy(on);
}

static void the_common_file_of_dwz(void)
{
	struct egret_elf *elf, *alt = NULL;
	char *path = fixture_path("uses-alt"), *absolute = fixture_path("alt.debug");
	struct egret_build_id id = { 4, { 0xa1, 0xa2, 0xa3, 0xa4 } };
	struct egret_debug_want want = { .path = path };

	make("alt", "-g -nostdlib -static -Wl,--build-id=0xa1a2a3a4");
	want.elf = elf = open_in_fixture("alt");
	CHECK_EQ(egret_debug_find_alt(NULL, &want, "alt.debug", &id, &alt), 0);
	egret_elf_destroy(alt);
	CHECK_EQ(egret_debug_find_alt(NULL, &want, absolute, &id, &alt), 0);
	egret_elf_destroy(alt);
	id.bytes[0]++;
	CHECK_EQ(egret_debug_find_alt(NULL, &want, absolute, &id, &alt), -ESTALE);
	CHECK_EQ(egret_debug_find_alt(NULL, &want, "not-there", &id, &alt), -ENOENT);
	egret_elf_destroy(elf);
	free(path);
	free(absolute);
}

/* ---- .gnu_debugdata ----------------------------------------------------------------------- */

static const char *name_in(const struct egret_elf *elf, uint64_t vaddr)
{
	static char name[64];
	struct egret_file_names *names = NULL;
	struct egret_symbol symbol;
	enum egret_name_reason why;

	CHECK_EQ(egret_file_names_create(elf, NULL, &names, NULL), 0);
	if (egret_file_names_find(names, vaddr, &symbol, &why))
		snprintf(name, sizeof(name), "%s", symbol.name);
	else
		snprintf(name, sizeof(name), "(%s)", egret_name_reason_name(why));
	egret_file_names_destroy(names);
	return name;
}

static uint64_t vaddr_of(const char *file, const char *function)
{
	struct egret_elf *elf = open_in_fixture(file);
	struct egret_symtab *symtab;
	struct egret_symbol symbol = { 0 };

	CHECK_EQ(egret_symtab_create(elf, NULL, &symtab, NULL), 0);
	CHECK(egret_symtab_named(symtab, function, &symbol));
	egret_symtab_destroy(symtab);
	egret_elf_destroy(elf);
	return symbol.start;
}

static void names_in_debugdata(void)
{
	struct egret_elf *elf;
	uint64_t inner;

	make("mini", "-g -nostdlib -static");
	inner = vaddr_of("mini.full", "inner");
	elf = open_in_fixture("mini");
	CHECK_STR(name_in(elf, inner), "(stripped)");
	egret_elf_destroy(elf);
	fixture_run("cd %s && objcopy --strip-debug mini.debug symbols && xz -k -f symbols && "
		    "objcopy --add-section .gnu_debugdata=symbols.xz mini mini.with");
	elf = open_in_fixture("mini.with");
	CHECK_STR(name_in(elf, inner), "inner");
	CHECK_STR(name_in(elf, inner + 1), "inner");
	egret_elf_destroy(elf);
}

static void damaged_debugdata(void)
{
	static const char *const makers[] = {
		"head -c 100 symbols.xz",
		"printf nonsense",
		"head -c 300000000 /dev/zero | xz -0",
		"printf '\\0'",
		"printf hello | xz",
	};
	static const int results[] = { -EBADMSG, -EBADMSG, -EFBIG, -EBADMSG, -EBADMSG };
	char command[512];

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct egret_elf *elf, *mini = NULL;

		snprintf(command, sizeof(command),
			 "cd %%s && %s >data && objcopy --add-section .gnu_debugdata=data mini bad",
			 makers[i]);
		fixture_run(command);
		elf = open_in_fixture("bad");
		CHECK_EQ(egret_elf_open_debugdata(elf, &mini), results[i]);
		CHECK(!mini);
		egret_elf_destroy(elf);
	}
}

int main(void)
{
	RUN(by_build_id_in_directories);
	RUN(by_debuglink);
	RUN(by_debuglink_and_build_id);
	RUN(links_that_lie);
	RUN(what_debuginfod_has_fetched);
	RUN(the_network_is_not_asked_by_itself);
	RUN(the_common_file_of_dwz);
	RUN(names_in_debugdata);
	RUN(damaged_debugdata);
	return DONE();
}
