/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <egret/egret.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "elf_fixture.h"

/* What a look-up found, copied. */
struct found {
	size_t calls, n_frames;
	uint64_t address, offset;
	char names[8][200], file[200], module[200], why[200];
	uint32_t kind, flags, line;
	const char *name;
};

static int keep(const struct egret_location *location, void *arg)
{
	struct found *found = arg;
	const struct egret_frame *last = &location->frames[location->n_frames - 1];

	found->calls++;
	found->address = location->address;
	found->n_frames = location->n_frames;
	for (size_t i = 0; i < location->n_frames && i < 8; i++)
		snprintf(found->names[i], 200, "%s", location->frames[i].name);
	snprintf(found->file, 200, "%s", location->frames[0].file ? location->frames[0].file : "");
	snprintf(found->module, 200, "%s", last->module);
	snprintf(found->why, 200, "%s", location->why ? location->why : "");
	found->line = location->frames[0].line;
	found->offset = last->offset;
	found->kind = last->kind;
	found->flags = last->flags;
	found->name = last->name;
	return 0;
}

static struct found find(struct egret_symbolizer *symbolizer, uint64_t address)
{
	struct found found = { 0 };
	struct egret_error err;

	CHECK_EQ(egret_symbolizer__find(symbolizer, &address, 1, keep, &found, &err), 0);
	CHECK_EQ(found.calls, 1);
	CHECK_EQ(found.address, address);
	return found;
}

static const char source[] = "namespace space { template <class T> __attribute__((noinline))\n"
			     "T twice(T x) { asm volatile(\"\"); return x + x; } }\n"
			     "extern \"C\" __attribute__((noinline)) int plain(int x)\n"
			     "{ return space::twice(x) + 1; }\n"
			     "int main(int argc, char **argv) { return plain(argc); }\n";

static char *make_program(void)
{
	char *path = fixture_path("program.cpp");

	fixture_write(path, source, strlen(source));
	free(path);
	fixture_run("g++ -O2 -o %s/program %s/program.cpp");
	return fixture_path("program");
}

/* The address of a function as the program's own symbol table has it. */
static uint64_t address_of(const char *program, const char *symbol)
{
	char command[300];
	unsigned long address = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm %s | sed -n 's/ [tTW] %s$//p'", program, symbol);
	nm = popen(command, "r");
	if (!nm || fscanf(nm, "%lx", &address) != 1)
		address = 0;
	if (nm)
		pclose(nm);
	CHECK(address);
	return address;
}

static struct egret_symbolizer *open_program(const char *path, struct egret_symbolizer_opts opts)
{
	struct egret_symbolizer *symbolizer = NULL;
	struct egret_error err = { "" };

	opts.size = sizeof(opts);
	if (egret_symbolizer__open_file(path, &opts, &symbolizer, &err)) {
		printf("%s\n", err.text);
		exit(1);
	}
	return symbolizer;
}

static void names_as_asked_for(void)
{
	static const char *const want[] = {
		[EGRET_DEMANGLE_FULL] = "int space::twice<int>(int)",
		[EGRET_DEMANGLE_SHORT] = "space::twice",
		[EGRET_DEMANGLE_NONE] = "_ZN5space5twiceIiEET_S1_",
	};
	char *path = make_program();
	uint64_t twice = address_of(path, "_ZN5space5twiceIiEET_S1_");

	for (size_t i = 0; i < 3; i++) {
		struct egret_symbolizer_opts opts = { .demangle = (enum egret_demangle)i };
		struct egret_symbolizer *symbolizer = open_program(path, opts);
		struct found found = find(symbolizer, twice), again = find(symbolizer, twice + 1);

		CHECK_STR(found.names[0], want[i]);
		CHECK_STR(found.module, path);
		CHECK_EQ(found.kind, EGRET_FRAME_USER);
		CHECK_EQ(found.flags, 0);
		CHECK(found.name == again.name); /* equal strings are equal pointers */
		egret_symbolizer__destroy(symbolizer);
	}
	free(path);
}

static void offsets_of_the_file(void)
{
	char *path = make_program();
	struct egret_symbolizer *by_vaddr = open_program(path, (struct egret_symbolizer_opts){ 0 });
	struct egret_symbolizer *by_offset =
		open_program(path, (struct egret_symbolizer_opts){ .file_offsets = true });
	struct found found = find(by_vaddr, address_of(path, "plain"));

	CHECK_STR(found.names[0], "plain");
	found = find(by_offset, found.offset);
	CHECK_STR(found.names[0], "plain");
	found = find(by_offset, 1ull << 40);
	CHECK_STR(found.names[0], "[program+0x10000000000]");
	CHECK_EQ(found.flags, EGRET_FRAME_F_UNNAMED);
	CHECK_STR(found.why, "the file has no bytes for that address");
	egret_symbolizer__destroy(by_vaddr);
	egret_symbolizer__destroy(by_offset);
	free(path);
}

static void a_file_that_goes_stays_known(void)
{
	char *path = make_program();
	uint64_t plain = address_of(path, "plain");
	struct egret_symbolizer *symbolizer = open_program(path,
							   (struct egret_symbolizer_opts){ 0 });

	CHECK_EQ(unlink(path), 0);
	CHECK_STR(find(symbolizer, plain).names[0], "plain");
	egret_symbolizer__destroy(symbolizer);
	free(path);
}

static void what_cannot_be_opened(void)
{
	struct egret_symbolizer_opts opts = { .size = sizeof(opts), .demangle = 3 };
	struct egret_symbolizer *symbolizer = NULL;
	char *path = fixture_path("text"), *object = fixture_path("text.o");
	struct egret_error err;

	fixture_write(path, "not an ELF file at all", 22);
	fixture_run("echo 'int x;' | gcc -c -x c - -o %s/text.o");
	CHECK_EQ(egret_symbolizer__open_file("/nowhere/at/all", NULL, &symbolizer, &err), -ENOENT);
	CHECK_STR(err.text, "/nowhere/at/all: No such file or directory");
	CHECK(egret_symbolizer__open_file(path, NULL, &symbolizer, &err) < 0);
	CHECK(strstr(err.text, "ELF"));
	CHECK_EQ(egret_symbolizer__open_file(object, NULL, &symbolizer, &err), -ENOTSUP);
	CHECK(strstr(err.text, "relocatable"));
	CHECK_EQ(egret_symbolizer__open_file("/bin/sh", &opts, &symbolizer, &err), -EINVAL);
	CHECK_EQ(egret_symbolizer__open_process(0x7ffffff0, NULL, &symbolizer, &err), -ESRCH);
	CHECK_STR(err.text, "there is no process 2147483632");
	CHECK(!symbolizer);
	free(path);
	free(object);
}

/* A child that waits, with a perf map for `jit`, and is gone when the look-ups are done. */
static void a_process_with_code_of_its_own(void)
{
	size_t page = 4096;
	char *jit = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	struct egret_symbolizer *symbolizer = NULL;
	struct egret_error err = { "" };
	char map[64], line[100];
	struct found found;

	if (!child) {
		pause();
		_exit(0);
	}
	CHECK_EQ(egret_symbolizer__open_process(child, NULL, &symbolizer, &err), 0);
	found = find(symbolizer, (uintptr_t)jit + 16);
	CHECK(strstr(found.why, "writes neither a perf map"));
	CHECK_STR(found.module, "[jit]");
	CHECK_EQ(found.flags, EGRET_FRAME_F_UNNAMED);

	snprintf(map, sizeof(map), "/tmp/perf-%d.map", (int)child);
	snprintf(line, sizeof(line), "%lx 20 made_at_run_time\n", (unsigned long)jit);
	fixture_write(map, line, strlen(line));
	found = find(symbolizer, (uintptr_t)jit + 16);
	CHECK_STR(found.names[0], "made_at_run_time");
	CHECK_EQ(found.kind, EGRET_FRAME_JIT);
	CHECK(strstr(find(symbolizer, (uintptr_t)jit + 64).why, "does not name"));

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(map);
	found = find(symbolizer, (uintptr_t)find);
	CHECK(strstr(found.module, "symbolizer_test"));
	CHECK(!strncmp(found.names[0], "find", 4));
	found = find(symbolizer, 16);
	CHECK_STR(found.why, "nothing is known to be mapped there");
	CHECK_STR(found.names[0], "[unknown+0x10]");
	egret_symbolizer__destroy(symbolizer);
	munmap(jit, page);
}

/* b inlined into a, inlined into plain: three frames, each at the line of the call. */
static void inlined_functions_and_lines(void)
{
	static const char text[] = "static inline int b(int x)\n{ return x * 7 + (x >> 2); }\n"
				   "static inline int a(int x)\n{\n\treturn b(x) + 1;\n}\n"
				   "int plain(int x)\n{\n\treturn a(x) ^ 5;\n}\n"
				   "int main(int n, char **v) { return plain(n); }\n";
	char *path = fixture_path("chain.c"), *program = fixture_path("chain");
	struct egret_symbolizer *symbolizer;
	struct found found;

	fixture_write(path, text, strlen(text));
	fixture_run("gcc -O2 -g -fno-ipa-icf -o %s/chain %s/chain.c");
	symbolizer = open_program(program, (struct egret_symbolizer_opts){ 0 });
	found = find(symbolizer, address_of(program, "plain"));
	CHECK_STR(strrchr(found.file, '/'), "/chain.c");
	for (uint64_t at = address_of(program, "plain"); found.n_frames < 3 && found.line; at++)
		found = find(symbolizer, at);
	CHECK_EQ(found.n_frames, 3);
	CHECK_STR(found.names[0], "b");
	CHECK_STR(found.names[1], "a");
	CHECK_STR(found.names[2], "plain");
	CHECK_EQ(found.line, 2);
	CHECK_STR(found.why, "");
	egret_symbolizer__destroy(symbolizer);

	symbolizer = open_program(program, (struct egret_symbolizer_opts){ .no_inlines = true });
	found = find(symbolizer, found.address);
	CHECK_EQ(found.n_frames, 1);
	CHECK_STR(found.names[0], "plain");
	CHECK_EQ(found.line, 2);
	egret_symbolizer__destroy(symbolizer);
	free(path);
	free(program);
}

/* What the first symbolizer has read the second one finds in the cache: its DWARF is gone. */
static void from_the_cache(void)
{
	static const char text[] = "int plain(int x)\n{\n\treturn x ^ 5;\n}\n"
				   "int main(int n, char **v) { return plain(n); }\n";
	char *path = fixture_path("kept.c"), *program = fixture_path("kept"),
	     *cache = fixture_path("cache");
	struct egret_symbolizer_opts opts = { .cache_dir = cache };
	struct egret_symbolizer *symbolizer;
	struct found found;
	uint64_t plain;

	fixture_write(path, text, strlen(text));
	fixture_run("gcc -O2 -g -o %s/kept %s/kept.c");
	plain = address_of(program, "plain");
	symbolizer = open_program(program, opts);
	CHECK_EQ(find(symbolizer, plain).line, 3);
	egret_symbolizer__destroy(symbolizer);
	/* The lengths stay, by which another build would be told. */
	fixture_run("objcopy --dump-section .debug_line=%s/line %s/kept && "
		    "head -c $(stat -c %%s %s/line) /dev/zero >%s/zeros && "
		    "objcopy --update-section .debug_line=%s/zeros %s/kept");
	symbolizer = open_program(program, opts);
	found = find(symbolizer, plain);
	CHECK_EQ(found.line, 3);
	CHECK_STR(found.names[0], "plain");
	egret_symbolizer__destroy(symbolizer);
	opts.cache_dir = NULL;
	symbolizer = open_program(program, opts);
	CHECK_EQ(find(symbolizer, plain).line, 0);
	egret_symbolizer__destroy(symbolizer);
	free(path);
	free(program);
	free(cache);
}

static int stop_at_third(const struct egret_location *location, void *arg)
{
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void many_at_once_in_order_until_stopped(void)
{
	static const uint64_t addresses[] = { 5, 3, 9, 7 };
	struct egret_symbolizer *symbolizer = open_program("/bin/sh",
							   (struct egret_symbolizer_opts){ 0 });
	int calls = 0;

	CHECK_EQ(egret_symbolizer__find(symbolizer, addresses, 4, stop_at_third, &calls, NULL), 42);
	CHECK_EQ(calls, 3);
	egret_symbolizer__destroy(symbolizer);
}

#define N_LIBRARIES 6

/* The same lines at every address of the library's function. */
static void same_lines(struct egret_symbolizer *a, struct egret_symbolizer *b,
		       const uint64_t *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct found x = find(a, addresses[i]), y = find(b, addresses[i]);

		CHECK_EQ(y.n_frames, x.n_frames);
		CHECK_STR(y.names[0], x.names[0]);
		CHECK_STR(y.file, x.file);
		CHECK_EQ(y.line, x.line);
	}
}

static int count(const struct egret_location *location, void *arg)
{
	*(size_t *)arg += location->n_frames;
	return 0;
}

/* Files of several modules, indexed by threads, say what they say to one. */
static void several_modules_by_threads(void)
{
	static const char library[] = "static inline int in(int x) { return x * x + 3; }\n"
				      "int f(int x)\n"
				      "{\n"
				      "	x += in(x);\n"
				      "	return x / 7;\n"
				      "}\n";
	struct egret_symbolizer_opts opts = { .size = sizeof(opts), .threads = 4 };
	struct egret_symbolizer *alone = NULL, *threaded = NULL;
	uint64_t addresses[N_LIBRARIES * 12];
	size_t n = 0, n_frames = 0;
	struct egret_error err = { "" };

	for (int i = 0; i < N_LIBRARIES; i++) {
		char name[32], *path;
		void *handle;

		snprintf(name, sizeof(name), "library%d.c", i);
		path = fixture_compile(name, library, "-O2 -g -shared -fPIC");
		handle = dlopen(path, RTLD_NOW);
		for (uint64_t at = 0; handle && at < 12; at++)
			addresses[n++] = (uintptr_t)dlsym(handle, "f") + at;
		free(path);
	}
	CHECK_EQ(n, N_LIBRARIES * 12);
	CHECK_EQ(egret_symbolizer__open_process(getpid(), &opts, &threaded, &err), 0);
	opts.threads = 0;
	CHECK_EQ(egret_symbolizer__open_process(getpid(), &opts, &alone, &err), 0);
	CHECK_EQ(egret_symbolizer__find(threaded, addresses, n, count, &n_frames, &err), 0);
	CHECK(n_frames > n);
	same_lines(alone, threaded, addresses, n);
	egret_symbolizer__destroy(alone);
	egret_symbolizer__destroy(threaded);
}

int main(void)
{
	RUN(names_as_asked_for);
	RUN(offsets_of_the_file);
	RUN(a_file_that_goes_stays_known);
	RUN(what_cannot_be_opened);
	RUN(a_process_with_code_of_its_own);
	RUN(inlined_functions_and_lines);
	RUN(from_the_cache);
	RUN(many_at_once_in_order_until_stopped);
	RUN(several_modules_by_threads);
	return DONE();
}
