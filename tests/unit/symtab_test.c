/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/symbolize.h"

#include <limits.h>

#include "elf_fixture.h"

static struct egret_symtab *make(const struct egret_elf *elf, const struct egret_elf *debug)
{
	struct egret_error err = { "" };
	struct egret_symtab *table = NULL;

	if (egret_symtab_create(elf, debug, &table, &err)) {
		printf("%s\n", err.text);
		exit(1);
	}
	return table;
}

/* ---- preference, on symbols made for it --------------------------------------------------- */

/* Addresses are relative to `base`, which the linker script puts at 0x10000. */
static const char crafted[] =
	".text\n"
	"base: .skip 0x10\n"
	/* 0x10: a local, a global and a weak alias of one function. */
	".globl the_global\n.weak weak_one\n"
	".type loc,@function\n.type the_global,@function\n.type weak_one,@function\n"
	".size loc,8\n.size the_global,8\n.size weak_one,8\n"
	"loc: the_global: weak_one: .skip 0x10\n"
	/* 0x20: of one length: the strong one; and a shorter one. */
	".globl strong_a\n.weak a_weak_a\n.type strong_a,@function\n.type a_weak_a,@function\n"
	".size strong_a,16\n.size a_weak_a,16\n"
	"strong_a: a_weak_a: .skip 0x10\n"
	/* 0x30: only an alias without a size is global. */
	".globl global_label\n.type sized,@function\n.size sized,16\n"
	"global_label: sized: .skip 0x10\n"
	/* 0x40: an outer function, with an inner one, a label, and one beyond its end. */
	".globl outer\n.type outer,@function\n.size outer,0x40\n"
	".globl inner\n.type inner,@function\n.size inner,8\n"
	"outer: .skip 0x10\ninner: .skip 0x10\nlabel_inside: .skip 0x20\n"
	/* 0x80: no size, up to the next; 0x90: a hole behind its 4 bytes; 0xb0: to the end. */
	"unsized: .skip 0x10\n"
	".type four,@function\n.size four,4\nfour: .skip 0x10\n"
	/* 0xa0: a local function that reaches further than the global one at its start. */
	".globl short_one\n.type short_one,@function\n.size short_one,4\n"
	".type long_one,@function\n.size long_one,16\n"
	"short_one: long_one: .skip 0x10\n"
	"last: .skip 0x10\n"
	".globl absolute\n.set absolute, 0x1001c\n"
	".data\n.globl datum\n.type datum,@object\n.size datum,8\ndatum: .quad 0\ndata_label: "
	".quad 0\n"
	".section .tbss,\"awT\",@nobits\n.type tls,@object\ntls: .skip 8\n";

static struct egret_elf *open_crafted(void)
{
	char *path, *script = fixture_path("crafted.lds"), flags[256];
	struct egret_elf *elf;
	static const char layout[] = "SECTIONS { . = 0x10000; .text : { *(.text) }\n"
				     ". = 0x20000; .data : { *(.data) } .tbss : { *(.tbss) } }";

	fixture_write(script, layout, strlen(layout));
	snprintf(flags, sizeof(flags), "-nostdlib -static -Wl,--build-id=none,-e,outer,-T,%s",
		 script);
	path = fixture_compile("crafted.S", crafted, flags);
	elf = fixture_open(path);
	free(path);
	free(script);
	return elf;
}

struct expectation {
	uint64_t vaddr;
	const char *name; /* NULL: nothing is there */
	uint64_t start, size;
};

static void expect(const struct egret_symtab *table, const struct expectation *want)
{
	struct egret_symbol symbol = { 0 };
	bool found = egret_symtab_find(table, want->vaddr, &symbol);

	if (!found || !want->name) {
		if (found != !!want->name) {
			printf("0x%" PRIx64 ": ", want->vaddr);
			CHECK_STR(symbol.name, want->name);
		}
		return;
	}
	CHECK_STR(symbol.name, want->name);
	CHECK_EQ(symbol.start, want->start);
	CHECK_EQ(symbol.size, want->size);
}

/* That of vaddr holds it, and is that of its first and last address; it has find's name. */
static struct egret_symbol_run check_run(const struct egret_symtab *table, uint64_t vaddr)
{
	struct egret_symbol_run run, again;
	struct egret_symbol symbol = { .name = NULL };

	egret_symtab_run(table, vaddr, &run);
	egret_symtab_find(table, vaddr, &symbol);
	CHECK(run.start <= vaddr && vaddr < run.end && run.name == symbol.name);
	egret_symtab_run(table, run.start, &again);
	CHECK(again.start == run.start && again.end == run.end && again.name == run.name);
	egret_symtab_run(table, run.end - 1, &again);
	CHECK(again.start == run.start && again.end == run.end && again.name == run.name);
	return run;
}

/* Of all addresses from the first on, run by run. Returns how many runs have a name. */
static size_t check_runs(const struct egret_symtab *table)
{
	struct egret_symbol_run run = { 0, 0, NULL };
	size_t named = 0;

	for (int i = 0; i < 2000000 && run.end != UINT64_MAX; i++) {
		uint64_t begin = run.end;

		run = check_run(table, begin);
		CHECK_EQ(run.start, begin);
		named += run.name != NULL;
	}
	CHECK_EQ(run.end, UINT64_MAX);
	return named;
}

static void the_symbol_that_a_user_would_take(void)
{
	static const struct expectation want[] = {
		{ 0x0ffff, NULL, 0, 0 },
		{ 0x10000, "base", 0x10000, 0x10 },
		{ 0x10010, "weak_one", 0x10010, 8 },
		{ 0x10017, "weak_one", 0x10010, 8 },
		{ 0x10018, NULL, 0, 0 },
		{ 0x1001c, NULL, 0, 0 },
		{ 0x10020, "strong_a", 0x10020, 0x10 },
		{ 0x10030, "sized", 0x10030, 0x10 },
		{ 0x10040, "outer", 0x10040, 0x40 },
		{ 0x1004f, "outer", 0x10040, 0x40 },
		{ 0x10050, "inner", 0x10050, 8 },
		{ 0x10057, "inner", 0x10050, 8 },
		{ 0x10058, "outer", 0x10040, 0x40 },
		{ 0x10060, "outer", 0x10040, 0x40 },
		{ 0x1007f, "outer", 0x10040, 0x40 },
		{ 0x10080, "unsized", 0x10080, 0x10 },
		{ 0x1008f, "unsized", 0x10080, 0x10 },
		{ 0x10093, "four", 0x10090, 4 },
		{ 0x10094, NULL, 0, 0 },
		{ 0x100a3, "short_one", 0x100a0, 4 },
		{ 0x100a4, "long_one", 0x100a0, 0x10 },
		{ 0x100b0, "last", 0x100b0, 0x10 },
		{ 0x100bf, "last", 0x100b0, 0x10 },
		{ 0x100c0, NULL, 0, 0 },
		{ 0x20000, NULL, 0, 0 },
		{ 0x20008, NULL, 0, 0 },
		{ 0, NULL, 0, 0 },
		{ UINT64_MAX, NULL, 0, 0 },
	};
	struct egret_elf *elf = open_crafted();
	struct egret_symtab *table = make(elf, NULL);

	/* Outer has two. */
	CHECK_EQ(check_runs(table), 12);
	for (uint64_t vaddr = 0xfff0; vaddr < 0x100d0; vaddr++)
		check_run(table, vaddr);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		expect(table, &want[i]);
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
}

static const char versioned[] = "__asm__(\".symver old_one,api@V1\\n\"\n"
				"        \".symver new_one,api@@V2\\n\"\n"
				"        \".symver both_old,other@V1\\n\");\n"
				"int old_one(void) { return 1; }\n"
				"int new_one(void) { return 2; }\n"
				"int both_old(void) { return 3; }\n"
				"int other_name(void) __attribute__((alias(\"both_old\")));\n";

/* The start of a symbol that `nm` names so; 0 where there is none. */
static uint64_t nm(const char *name)
{
	char command[256], line[1024], symbol[1024];
	uint64_t value = 0, found = 0;
	FILE *f;

	snprintf(command, sizeof(command), "nm %s/versioned.c.elf", fixture_dir);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*s %1000s", &value, symbol) == 2 &&
		    !strcmp(symbol, name))
			found = value;
	if (!f || pclose(f))
		exit(1);
	return found;
}

static void versions_are_taken_off(bool stripped)
{
	struct egret_symbol symbol;
	struct egret_symtab *table;
	struct egret_elf *elf;
	char *path, *map = fixture_path("map"), flags[256];
	uint64_t old, new, both;

	fixture_write(map, "V1 {};\nV2 {} V1;\n", 17);
	snprintf(flags, sizeof(flags), "-shared -fPIC -Wl,--version-script=%s", map);
	path = fixture_compile("versioned.c", versioned, flags);
	old = nm("api@V1");
	new = nm("api@@V2");
	both = nm("other@V1");
	CHECK(old && new &&both);
	if (stripped)
		fixture_run("strip %s/versioned.c.elf");
	elf = fixture_open(path);
	table = make(elf, NULL);
	CHECK(egret_symtab_find(table, old, &symbol));
	CHECK_STR(symbol.name, "old_one");
	CHECK(egret_symtab_find(table, new, &symbol));
	CHECK_STR(symbol.name, "api");
	/* The longer name, since the short one is of an old version. */
	CHECK(egret_symtab_find(table, both, &symbol));
	CHECK_STR(symbol.name, "both_old");
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	free(path);
	free(map);
}

static void versions_of_symtab(void)
{
	versions_are_taken_off(false);
}

static void versions_of_dynsym(void)
{
	versions_are_taken_off(true);
}

/* ---- real files, against what binutils says of them --------------------------------------- */

struct listed {
	uint64_t start, size;
	char *name;
};

struct listing {
	struct listed *rows;
	size_t n, capacity;
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void add_row(struct listing *list, uint64_t start, uint64_t size, const char *name)
{
	if (list->n == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 1024;
		list->rows = reallocarray(list->rows, list->capacity, sizeof(*list->rows));
	}
	list->rows[list->n++] = (struct listed){ start, size, strdup(name) };
}

static void free_listing(struct listing *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->rows[i].name);
	free(list->rows);
}

/* Every function of `readelf -sW`: "  12: 0000000000001000  5 FUNC  GLOBAL DEFAULT  13 name@V (2)".
 */
static void add_readelf(struct listing *list, const char *path)
{
	char command[4096], *line = NULL, type[16], section[16];
	size_t capacity = 0;
	FILE *f;

	snprintf(command, sizeof(command), "readelf -sW '%s' 2>/dev/null", path);
	f = popen(command, "r");
	while (f && getline(&line, &capacity, f) > 0) {
		uint64_t start;
		long long size;
		int at = 0;
		char *name;

		if (sscanf(line, " %*d: %" SCNx64 " %lli %15s %*s %*s %15s %n", &start, &size, type,
			   section, &at) != 4 ||
		    !at || (strcmp(type, "FUNC") && strcmp(type, "IFUNC")) ||
		    !strcmp(section, "UND") || !strcmp(section, "ABS"))
			continue;
		name = line + at;
		name[strcspn(name, "@ \n")] = '\0';
		add_row(list, start, (uint64_t)size, name);
	}
	free(line);
	if (!f || pclose(f))
		SKIP("readelf does not run: is binutils installed?");
}

static bool is_listed(const struct listing *list, const struct egret_symbol *symbol)
{
	struct listed key = { symbol->start, 0, (char *)symbol->name };

	return list->n && bsearch(&key, list->rows, list->n, sizeof(key), compare_listed) != NULL;
}

/* Whether vaddr finds a symbol that readelf lists, and that covers it. */
static bool agrees(const struct egret_symtab *table, const struct listing *list, uint64_t vaddr)
{
	struct egret_symbol symbol;

	return egret_symtab_find(table, vaddr, &symbol) && symbol.start <= vaddr &&
	       vaddr - symbol.start < symbol.size && is_listed(list, &symbol);
}

/* Each function's first and last byte have a name of readelf's. Returns how many functions. */
static size_t compare_with_readelf(const char *path, const char *debug_path)
{
	struct egret_elf *elf = fixture_open(path);
	struct egret_elf *debug = debug_path ? fixture_open(debug_path) : NULL;
	struct egret_symtab *table = make(elf, debug);
	struct listing list = { 0 };
	size_t n, wrong = 0;

	add_readelf(&list, path);
	if (debug_path)
		add_readelf(&list, debug_path);
	if (list.n)
		qsort(list.rows, list.n, sizeof(*list.rows), compare_listed);
	for (size_t i = 0; i < list.n; i++) {
		const struct listed *row = &list.rows[i];
		struct egret_symbol symbol;
		uint64_t last = row->start + (row->size ? row->size - 1 : 0);

		if (agrees(table, &list, row->start) && agrees(table, &list, last) &&
		    egret_symtab_find(table, row->start, &symbol) && symbol.start == row->start)
			continue;
		if (wrong++ < 5)
			printf("%s: %s at 0x%" PRIx64 "\n", path, row->name, row->start);
	}
	CHECK_EQ(wrong, 0);
	CHECK(check_runs(table) > list.n / 4); /* aliases are one */
	n = list.n;
	printf("     %s: %zu functions\n", path, n);
	free_listing(&list);
	egret_symtab_destroy(table);
	egret_elf_destroy(debug);
	egret_elf_destroy(elf);
	return n;
}

static void every_function_of_real_files(void)
{
	static const char *const paths[] = { "/usr/bin/python3", "/usr/bin/git", "/usr/bin/xz",
					     "/usr/bin/node" };
	char self[PATH_MAX] = "";

	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	CHECK(compare_with_readelf(self, NULL) > 20);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!access(paths[i], R_OK))
			compare_with_readelf(paths[i], NULL);
	CHECK(compare_with_readelf(fixture_libc(), NULL) > 1000);
}

static void every_function_of_a_cxx_program(void)
{
	char *path = fixture_compile("cxx.cc",
				     "#include <map>\n#include <string>\n#include <iostream>\n"
				     "struct base { virtual ~base() {} virtual int f() = 0; };\n"
				     "struct derived : base { int f() override { return 3; } };\n"
				     "int main() { std::map<std::string, base *> m;\n"
				     "m[\"x\"] = new derived; for (auto &p : m)\n"
				     "std::cout << p.first << p.second->f(); }\n",
				     "-O0");

	CHECK(compare_with_readelf(path, NULL) > 50);
	free(path);
}

static bool has_name(const struct listing *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->rows[i].name, name))
			return true;
	return false;
}

/* want: of the names at the address of name, where this libc has it (glibc 2.41: no clone3). */
static void check_libc_name(const struct egret_symtab *table, const struct listing *list,
			    const char *name, const char *want)
{
	struct egret_symbol symbol = { 0 };
	bool listed = false;

	if (!has_name(list, want))
		want = name;
	for (size_t i = 0; i < list->n && !listed; i++) {
		if (strcmp(list->rows[i].name, name))
			continue;
		listed = true;
		CHECK(egret_symtab_find(table, list->rows[i].start + 1, &symbol));
		CHECK_STR(symbol.name, want);
	}
	if (!listed)
		printf("     this libc has no %s\n", name);
}

/* The names by which people know the roots and the system calls of a stack. */
static void libc_with_its_debug_file(void)
{
	struct egret_elf *elf = fixture_open(fixture_libc()), *debug = NULL;
	struct egret_build_id id = egret_elf_build_id(elf);
	struct listing list = { 0 };
	struct egret_symtab *table;
	struct egret_error err;

	if (egret_elf_open_debug(&id, &debug, &err)) {
		printf("     left out: %s (is libc6-dbg installed?)\n", err.text);
		egret_elf_destroy(elf);
		return;
	}
	CHECK(compare_with_readelf(fixture_libc(), egret_elf_name(debug)) > 5000);
	table = make(elf, debug);
	add_readelf(&list, egret_elf_name(debug));
	check_libc_name(table, &list, "__libc_start_call_main", "__libc_start_call_main");
	check_libc_name(table, &list, "__libc_start_main_impl", "__libc_start_main");
	check_libc_name(table, &list, "start_thread", "start_thread");
	check_libc_name(table, &list, "__clone3", "clone3");
	check_libc_name(table, &list, "__libc_read", "read");
	check_libc_name(table, &list, "__libc_malloc", "malloc");
	check_libc_name(table, &list, "__libc_fork", "fork");
	check_libc_name(table, &list, "_int_malloc", "_int_malloc");
	free_listing(&list);
	egret_symtab_destroy(table);
	egret_elf_destroy(debug);
	egret_elf_destroy(elf);
}

/* Every "0000000000001030 <name@plt>:" of objdump. Returns how many there are. */
static size_t compare_plt(const char *path)
{
	char command[4096], *line = NULL, name[1024];
	struct egret_elf *elf = fixture_open(path);
	struct egret_symtab *table = make(elf, NULL);
	struct egret_symbol symbol = { 0 };
	size_t capacity = 0, n = 0;
	uint64_t start;
	FILE *f;

	snprintf(command, sizeof(command),
		 "objdump -d -j .plt -j .plt.sec -j .plt.got '%s' 2>/dev/null", path);
	f = popen(command, "r");
	while (f && getline(&line, &capacity, f) > 0) {
		if (sscanf(line, "%" SCNx64 " <%1000[^>]>:", &start, name) != 2)
			continue;
		/* What entries share is "puts@plt-0x10" there, or without a name. */
		if (strlen(name) < 5 || strcmp(name + strlen(name) - 4, "@plt")) {
			bool at = egret_symtab_find(table, start, &symbol);

			CHECK(!strstr(name, "@plt-") || (at && !strcmp(symbol.name, ".plt")));
			continue;
		}
		n++;
		CHECK(egret_symtab_find(table, start, &symbol));
		CHECK_EQ(symbol.start, start);
		/* objdump knows no name for the target of an IRELATIVE relocation. */
		if (name[0] == '*')
			CHECK(strlen(symbol.name) > 4 &&
			      !strcmp(symbol.name + strlen(symbol.name) - 4, "@plt"));
		else
			CHECK_STR(symbol.name, name);
		CHECK(egret_symtab_find(table, start + symbol.size - 1, &symbol));
		CHECK_EQ(symbol.start, start);
	}
	free(line);
	if (f)
		pclose(f);
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	printf("     %s: %zu PLT entries\n", path, n);
	return n;
}

static const char calls[] = "#include <stdio.h>\n#include <stdlib.h>\n"
			    "int (*volatile pointer)(const char *) = puts;\n"
			    "int main(int c, char **v) { void *p = malloc(c); free(p);\n"
			    "pointer = puts; puts(v[0]); printf(\"%d\", c); abort(); }\n";

/* A static program has entries for IFUNCs only, half as long as others. */
static void plt_entries_of_a_static_program(void)
{
	char *path = fixture_compile("calls.c", calls, "-static");
	struct egret_elf *elf = fixture_open(path);
	struct egret_symtab *table = make(elf, NULL);
	struct egret_section plt = { 0 };
	struct egret_symbol symbol = { 0 };

	CHECK(egret_elf_section(elf, ".plt", &plt) && plt.size >= 64);
	for (uint64_t at = 0; at + 8 <= plt.size; at += 8) {
		CHECK(egret_symtab_find(table, plt.shdr.sh_addr + at + 5, &symbol));
		CHECK_EQ(symbol.start, plt.shdr.sh_addr + at);
		CHECK_EQ(symbol.size, 8);
		CHECK(strstr(symbol.name, "@plt"));
	}
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	free(path);
}

static void plt_entries_are_named_for_their_target(void)
{
	static const char *const flags[] = {
		"-fPIE -pie -fcf-protection=none",
		"-fPIE -pie -fcf-protection=full -Wl,-z,ibtplt",
		"-fPIE -pie -fcf-protection=full -Wl,-z,ibtplt -Wl,-z,now",
		"-fno-pie -no-pie -Wl,-z,lazy",
		"-fPIE -pie -Wl,-z,now",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char *path = fixture_compile("calls.c", calls, flags[i]);

		CHECK(compare_plt(path) >= 5);
		free(path);
	}
	CHECK(compare_plt(fixture_libc()) > 5);
	if (!access("/usr/bin/git", R_OK))
		CHECK(compare_plt("/usr/bin/git") > 100);
	if (!access("/usr/bin/python3", R_OK))
		CHECK(compare_plt("/usr/bin/python3") > 100);
}

/* Whatever the linker has put into .plt has a name: nothing there is unknown code. */
static void all_of_the_plt_has_a_name(void)
{
	static const char *const flags[] = {
		"-fPIE -pie -fcf-protection=none -Wl,-z,lazy",
		"-fPIE -pie -fcf-protection=full -Wl,-z,ibtplt -Wl,-z,lazy",
		"-fuse-ld=gold -fPIE -pie -Wl,-z,lazy",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char *path = fixture_compile("calls.c", calls, flags[i]);
		struct egret_elf *elf = fixture_open(path);
		struct egret_symtab *table = make(elf, NULL);
		struct egret_section plt = { 0 };
		struct egret_symbol symbol = { 0 };

		CHECK(egret_elf_section(elf, ".plt", &plt) && plt.size >= 64);
		for (uint64_t at = 0; at < plt.size; at++) {
			bool named = egret_symtab_find(table, plt.shdr.sh_addr + at, &symbol);

			CHECK(named && strstr(symbol.name, "plt"));
			CHECK(!named || at || !strcmp(symbol.name, ".plt"));
		}
		egret_symtab_destroy(table);
		egret_elf_destroy(elf);
		free(path);
	}
}

static void ifunc_in_the_plt_has_the_function_s_name(void)
{
	static const char source[] = "static int real(void) { return 1; }\n"
				     "static void *pick(void) { return real; }\n"
				     "int chosen(void) __attribute__((ifunc(\"pick\")));\n"
				     "int main(void) { return chosen(); }\n";
	char *path = fixture_compile("ifunc.c", source, "-fPIE -pie -fcf-protection=none");
	struct egret_elf *elf = fixture_open(path);
	struct egret_symtab *table = make(elf, NULL);
	struct egret_section plt;
	struct egret_symbol symbol = { 0 };
	bool found = false;

	CHECK(egret_elf_section(elf, ".plt", &plt));
	for (uint64_t at = 0; at < plt.size; at += 16)
		if (egret_symtab_find(table, plt.shdr.sh_addr + at, &symbol))
			found |= !strcmp(symbol.name, "chosen@plt");
	CHECK(found);
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	free(path);
}

static void a_32_bit_file_has_symbols(void)
{
	char *path = fixture_compile("small.S",
				     ".text\n.globl f\n.type f,@function\n.size f,3\n"
				     ".skip 5\nf: nop\nnop\nret\ng: ret\n",
				     "-m32 -nostdlib -static -Wl,-e,f");
	struct egret_elf *elf = fixture_open(path);
	struct egret_symtab *table = make(elf, NULL);
	struct egret_section text;

	CHECK(egret_elf_section(elf, ".text", &text));
	expect(table,
	       &(struct expectation){ text.shdr.sh_addr + 7, "f", text.shdr.sh_addr + 5, 3 });
	expect(table,
	       &(struct expectation){ text.shdr.sh_addr + 8, "g", text.shdr.sh_addr + 8, 1 });
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	free(path);
}

/* ---- files that lie ----------------------------------------------------------------------- */

/* Builds the table, and reads every name that addresses all over the file find. */
static size_t try_bytes(const uint8_t *bytes, size_t size)
{
	struct egret_error err;
	struct egret_symbol symbol;
	struct egret_symtab *table;
	struct egret_elf *elf;
	size_t found = 0;

	if (egret_elf_open_memory(bytes, size, "damaged", &elf, &err))
		return 0;
	table = make(elf, elf);
	for (uint64_t at = 0; at < 0x6000; at += 5) {
		struct egret_symbol_run run;

		symbol.name = NULL;
		egret_symtab_find(table, at, &symbol);
		egret_symtab_run(table, at, &run);
		CHECK(run.start <= at && at < run.end && run.name == symbol.name);
		if (!symbol.name)
			continue;
		CHECK(symbol.start <= at && at - symbol.start < symbol.size);
		CHECK(strlen(symbol.name) > 0);
		found++;
	}
	for (uint64_t at = 1; at; at <<= 1)
		egret_symtab_find(table, at, &symbol);
	egret_symtab_destroy(table);
	egret_elf_destroy(elf);
	return found > 0;
}

static void damaged_files_do_no_harm(void)
{
	static const char *const names[] = { ".symtab", ".dynsym",	".rela.plt", ".rela.dyn",
					     ".plt",	".gnu.version", ".strtab",   NULL };
	char *path = fixture_compile("damaged.c", calls, "-fPIE -pie -fcf-protection=none");
	struct egret_elf *elf = fixture_open(path);
	struct fixture_part parts[12];
	size_t n_parts, size, with_symbols = 0;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	uint64_t random = 0x2545f4914f6cdd1dull;

	n_parts = fixture_parts(elf, names, parts, 12);
	CHECK(n_parts > 7);
	for (int i = 0; i < 3000; i++) {
		memcpy(copy, bytes, size);
		fixture_damage(copy, size, parts, n_parts, &random);
		with_symbols += try_bytes(copy, size);
	}
	CHECK(with_symbols > 1000);
	for (int i = 0; i < 200; i++)
		try_bytes(bytes, size * (size_t)i / 200);
	free(copy);
	egret_elf_destroy(elf);
	free(path);
}

/* All symbols at one address, and all names as long as the string table: neither hours nor memory.
 */
static void one_huge_name_for_all(void)
{
	size_t n = 20000, text = 8 << 20, size;
	char *path, *source = NULL;
	struct egret_elf *elf, *changed;
	struct egret_section symbols, strings;
	struct egret_symtab *table;
	struct egret_symbol symbol;
	struct egret_error err;
	const uint8_t *bytes;
	uint8_t *copy;
	FILE *f = open_memstream(&source, &size);

	fprintf(f, ".text\n.globl _start\n_start:\n");
	for (size_t k = 0; k < n; k++)
		fprintf(f, "s%zu: ", k);
	for (size_t k = 0; k < text; k++)
		fputc('x', f);
	fprintf(f, ": ret\n");
	fclose(f);
	path = fixture_compile("huge.S", source, "-nostdlib -static");
	elf = fixture_open(path);
	CHECK(egret_elf_section(elf, ".symtab", &symbols));
	CHECK(egret_elf_section(elf, ".strtab", &strings));
	CHECK(strings.size > text);
	bytes = egret_elf_bytes(elf, &size);
	copy = malloc(size);
	memcpy(copy, bytes, size);
	memset(copy + strings.shdr.sh_offset + 1, 'x', strings.size - 100);
	copy[strings.shdr.sh_offset + strings.size - 99] = '@';
	for (size_t k = 0; k < symbols.size / sizeof(Elf64_Sym); k++) {
		Elf64_Sym *s = (Elf64_Sym *)(copy + symbols.shdr.sh_offset) + k;

		s->st_name = 1 + (uint32_t)k;
	}
	CHECK_EQ(egret_elf_open_memory(copy, size, "huge", &changed, &err), 0);
	table = make(changed, NULL);
	CHECK(egret_elf_section(changed, ".text", &strings));
	CHECK(egret_symtab_find(table, strings.shdr.sh_addr, &symbol));
	egret_symtab_destroy(table);
	egret_elf_destroy(changed);
	egret_elf_destroy(elf);
	free(copy);
	free(source);
	free(path);
}

/* A stripped program says where it begins; a library of the same kind is not a program. */
static void entry_point_is_start(void)
{
	static const char *const files[] = { "/usr/bin/xz", "/lib/x86_64-linux-gnu/libc.so.6" };

	for (size_t i = 0; i < 2; i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		struct egret_symtab *table = NULL;
		struct egret_symbol symbol = { 0 };
		struct egret_elf *elf = NULL;
		GElf_Ehdr ehdr;
		bool found;

		if (fd < 0 || egret_elf_open_fd(fd, files[i], &elf, NULL) ||
		    egret_symtab_create(elf, NULL, &table, NULL) ||
		    !gelf_getehdr(egret_elf_handle(elf), &ehdr)) {
			CHECK(fd < 0);
			continue;
		}
		found = egret_symtab_find(table, ehdr.e_entry, &symbol) &&
			!strcmp(symbol.name, "_start");
		CHECK_EQ(found, i == 0);
		if (i == 0)
			CHECK_EQ(symbol.start, ehdr.e_entry);
		egret_symtab_destroy(table);
		egret_elf_destroy(elf);
		close(fd);
	}
}

int main(void)
{
	RUN(the_symbol_that_a_user_would_take);
	RUN(versions_of_symtab);
	RUN(versions_of_dynsym);
	RUN(every_function_of_real_files);
	RUN(every_function_of_a_cxx_program);
	RUN(libc_with_its_debug_file);
	RUN(plt_entries_are_named_for_their_target);
	RUN(plt_entries_of_a_static_program);
	RUN(all_of_the_plt_has_a_name);
	RUN(ifunc_in_the_plt_has_the_function_s_name);
	RUN(a_32_bit_file_has_symbols);
	RUN(damaged_files_do_no_harm);
	RUN(one_huge_name_for_all);
	RUN(entry_point_is_start);
	return DONE();
}
