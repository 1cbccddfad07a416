/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Profiles whose every stack and time is known, for the tests of the page and bench-page.
 *
 * page_profiles NAME DIR writes the page DIR/NAME.html; DIR/NAME.folded (not of many); and, where
 * there are samples, the recording DIR/NAME.data. NAME: known (a bit of everything), hostile (names
 * that try to be markup, script or JSON), many (1,000,000 samples of 50,000 stacks), empty (a
 * recording that was killed before its first sample), before (known, with other shares: to compare
 * with).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/reasons.h"
#include "profile/profile.h"

static struct egret_profile *profile;

static void die(const char *what)
{
	fprintf(stderr, "page_profiles: %s\n", what);
	exit(1);
}

static uint32_t string(const char *text)
{
	return egret_profile_string(profile, text, strlen(text), NULL);
}

static uint32_t module(uint32_t kind, const char *path)
{
	struct egret_profile_module m = { .path = string(path), .kind = kind };

	m.ino = kind == EGRET_MODULE_FILE ? m.path : 0;
	return egret_profile_module(profile, &m, NULL);
}

/* A frame of a function, and where caller is not NULL, of what it was inlined into. */
static uint32_t function(uint32_t kind, const char *path, const char *name, const char *caller,
			 const char *file, uint32_t line)
{
	struct egret_profile_line lines[2] = {
		{ .name = string(name), .file = string(file), .line = line },
		{ .name = string(caller ? caller : ""), .file = string(file), .line = line + 100 },
	};
	struct egret_profile_frame f = {
		.module = module(kind, path),
		.offset = egret_hash_bytes(name, strlen(name)) + line,
	};
	uint32_t number = egret_profile_frame(profile, &f, NULL);

	if (caller)
		lines[0].flags = EGRET_FRAME_F_INLINED;
	if (egret_profile_set_lines(profile, number, lines, caller ? 2 : 1))
		die("no memory");
	return number;
}

/*
 * A frame in a few characters: "k:NAME" kernel, "j:NAME" JIT, "v:NAME" vdso, "?HEX" without a
 * symbol, "NAME<CALLER" inlined into CALLER, "NAME" a function; "@PATH" behind a name is its
 * module.
 */
static uint32_t frame(char *text)
{
	char *path = strrchr(text, '@');
	char *caller = strstr(text, "<=");

	if (path)
		*path++ = 0;
	if (caller) {
		*caller = 0;
		caller += 2;
	}
	if (!strncmp(text, "k:", 2))
		return function(EGRET_MODULE_KERNEL, "[kernel.kallsyms]", text + 2, NULL, "", 0);
	if (!strncmp(text, "j:", 2))
		return function(EGRET_MODULE_JIT, "", text + 2, NULL, "", 0);
	if (!strncmp(text, "v:", 2))
		return function(EGRET_MODULE_VDSO, "", text + 2, NULL, "", 0);
	if (*text == '?') {
		struct egret_profile_frame f = {
			.module = module(EGRET_MODULE_FILE, path ? path : "/opt/app/plugin.so"),
			.offset = strtoull(text + 1, NULL, 16),
		};

		return egret_profile_frame(profile, &f, NULL);
	}
	return function(EGRET_MODULE_FILE, path ? path : "/usr/bin/app", text, caller,
			path ? "" : "src/app.cc", 40 + (uint32_t)strlen(text));
}

static uint32_t cut_frame(unsigned int capture_end, unsigned int unwind_end)
{
	struct egret_profile_frame f = {
		.module = module(EGRET_MODULE_CUT, ""),
		.offset = capture_end << 8 | unwind_end,
	};

	return egret_profile_frame(profile, &f, NULL);
}

#define WHOLE EGRET_CAPTURE_WHOLE, EGRET_UNWIND_ROOT, 0, 0

struct sample {
	const char *process;
	int pid;
	const char *comm;
	int tid;
	const char *stack; /* frames, root first, between bars */
	unsigned int samples;
	unsigned int capture_end;
	unsigned int unwind_end;
	uint64_t bytes_wanted;
	uint64_t bytes_got;
};

#define PERIOD 1001001 /* nanoseconds */
#define FIRST_SAMPLE 5000000000ull
#define MAX_TID 4096

/* A thread runs from the start on, without a pause: how often it was sampled. */
static uint64_t sampled[MAX_TID];

/* Of processes; those that are not here have none. */
static const struct {
	int pid;
	const char *key, *value;
} labels[] = {
	{ 100, "service.name", "shop" },
	{ 100, "zone", "west" },
	{ 200, "service.name", "shop" },
	{ 200, "zone", "west" },
	{ 300, "service.name", "view" },
	{ 300, "zone", "west" },
	{ 400, "zone", "west" },
	{ 50, "zone", "west" },
	{ 1, "</script>\"'\\", "</script><script>window.pwned=1</script>" },
	{ 2, "__proto__", "constructor" },
};

static void label(const struct sample *s, uint32_t thread)
{
	struct egret_profile_label set[2];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (labels[i].pid == s->pid)
			set[n++] = (struct egret_profile_label){ string(labels[i].key),
								 string(labels[i].value) };
	if (egret_profile_set_thread_labels(profile, thread,
					    egret_profile_label_set(profile, set, n)))
		die("no memory");
}

static struct egret_profile_key key_of(const struct sample *s, uint32_t stack)
{
	struct egret_profile_thread thread = {
		.pid = s->pid,
		.tid = s->tid,
		.start_time = (uint64_t)s->tid,
		.process = string(s->process),
		.comm = string(s->comm),
	};

	uint32_t number = egret_profile_thread(profile, &thread, NULL);

	label(s, number);
	return (struct egret_profile_key){
		.thread = number,
		.stack = stack,
		.capture_end = (uint8_t)s->capture_end,
		.unwind_end = (uint8_t)s->unwind_end,
	};
}

static void add_key(const struct sample *s, uint32_t stack)
{
	struct egret_profile_key key = key_of(s, stack);
	struct egret_profile_values values = {
		.samples = 1,
		.value = PERIOD,
		.bytes_wanted = s->bytes_wanted / s->samples,
		.bytes_got = s->bytes_got / s->samples,
	};

	for (unsigned int i = 0; i < s->samples; i++) {
		uint64_t time = FIRST_SAMPLE + sampled[s->tid % MAX_TID]++ * PERIOD;

		if (egret_profile_add_sample(profile, &key, &values, time, 0))
			die("no memory");
	}
}

static void add(const struct sample *s)
{
	char *text = strdup(s->stack), *rest = text, *name;
	uint32_t stack = 0;

	if (s->unwind_end != EGRET_UNWIND_ROOT && s->unwind_end != EGRET_UNWIND_NOT_USER)
		stack = egret_profile_stack(profile, 0, cut_frame(s->capture_end, s->unwind_end),
					    NULL);
	while ((name = strsep(&rest, "|")))
		if (*name)
			stack = egret_profile_stack(profile, stack, frame(name), NULL);
	add_key(s, stack);
	free(text);
}

#define LIBC "@/usr/lib/x86_64-linux-gnu/libc.so.6"
#define PY "@/usr/bin/python3.11"
#define START "_start|__libc_start_main" LIBC "|__libc_start_call_main" LIBC "|main|"
#define WORKER "clone3" LIBC "|start_thread" LIBC "|worker_main|"
#define PYRUN                                                                                      \
	"_start" PY "|__libc_start_main" LIBC "|main" PY "|Py_BytesMain" PY "|Py_RunMain" PY       \
	"|_PyEval_EvalFrameDefault" PY "|"
#define NODE                                                                                       \
	"_start|main@/usr/bin/node|node::Start(int, "                                              \
	"char**)@/usr/bin/node|v8::Function::Call(v8::Local<v8::Context>, v8::Local<v8::Value>, "  \
	"int, v8::Local<v8::Value>*)@/usr/bin/node|"
#define READ                                                                                       \
	"|read" LIBC "|k:entry_SYSCALL_64_after_hwframe|k:do_syscall_64|k:__x64_sys_read|k:vfs_"   \
	"read"

static const struct sample known[] = {
	{ "app", 100, "app", 100, START "app::Server::run()|app::Parser::parse(std::string_view)",
	  420, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Parser::parse(std::string_view)|app::Lexer::next()<=app::"
		"Lexer::fill(char const*, unsigned long)",
	  260, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Parser::parse(std::string_view)|std::vector<app::Token, "
		"std::allocator<app::Token> >::push_back(app::Token "
		"const&)<=app::Parser::shift(app::Token)",
	  180, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Parser::parse(std::string_view)|malloc" LIBC
		"|_int_malloc" LIBC,
	  75, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Parser::parse(std::string_view)|malloc" LIBC
		"|_int_malloc" LIBC "|sysmalloc" LIBC "|brk" LIBC
		"|k:entry_SYSCALL_64_after_hwframe|k:do_syscall_64|k:__x64_sys_brk|k:do_brk_flags",
	  31, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Connection::receive()" READ
		"|k:ext4_file_read_iter|k:copy_page_to_iter",
	  140, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Connection::receive()" READ
		"|k:ext4_file_read_iter|k:filemap_get_pages|k:page_cache_sync_ra",
	  44, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Clock::now()|clock_gettime" LIBC "|v:__vdso_clock_gettime",
	  38, WHOLE },
	{ "app", 100, "app", 100,
	  START "app::Server::run()|app::Tree::walk(app::Node*)|app::Tree::walk(app::Node*)|app::"
		"Tree::walk(app::Node*)",
	  90, WHOLE },
	{ "app", 100, "app", 100, START "app::Server::run()|app::Tree::walk(app::Node*)", 10,
	  WHOLE },
	{ "app", 100, "worker-1", 101,
	  WORKER "compress_block|deflate@/usr/lib/x86_64-linux-gnu/libz.so.1|longest_match@/usr/"
		 "lib/x86_64-linux-gnu/libz.so.1",
	  230, WHOLE },
	{ "app", 100, "worker-1", 101, WORKER "compress_block|?1a40|?1b98", 57, WHOLE },
	{ "app", 100, "worker-2", 102,
	  WORKER "compress_block|deflate@/usr/lib/x86_64-linux-gnu/libz.so.1|longest_match@/usr/"
		 "lib/x86_64-linux-gnu/libz.so.1",
	  190, WHOLE },
	{ "app", 100, "worker-2", 102,
	  WORKER "alloc::vec::Vec<T,A>::push|alloc::raw_vec::RawVec<T,A>::grow_one", 66, WHOLE },
	{ "app", 100, "worker-2", 102, "big_frame|memset" LIBC, 24, EGRET_CAPTURE_LIMIT,
	  EGRET_UNWIND_TRUNCATED, 24 * 400000ull, 24 * 262144ull },
	{ "app", 100, "worker-2", 102, "?77f0|?7810", 9, EGRET_CAPTURE_WHOLE, EGRET_UNWIND_NO_CFI,
	  9 * 8192, 9 * 8192 },
	{ "python3", 200, "python3", 200,
	  PYRUN "_PyFunction_Vectorcall" PY "|_PyEval_EvalFrameDefault" PY "|PyDict_GetItem" PY,
	  150, WHOLE },
	{ "python3", 200, "python3", 200,
	  PYRUN "_PyFunction_Vectorcall" PY "|_PyEval_EvalFrameDefault" PY, 205, WHOLE },
	{ "python3", 200, "python3", 200, PYRUN "gc_collect_main" PY "|visit_reachable" PY, 48,
	  WHOLE },
	{ "python3", 200, "python3", 200,
	  PYRUN "k:asm_exc_page_fault|k:exc_page_fault|k:handle_mm_fault|k:clear_page_erms", 33,
	  WHOLE },
	{ "node", 300, "node", 300,
	  NODE "j:JS:~handleRequest server.js:12:1|j:JS:*render view.js:40:3", 170, WHOLE },
	{ "node", 300, "node", 300,
	  NODE "j:JS:~handleRequest server.js:12:1|j:JS:*render "
	       "view.js:40:3|v8::internal::Heap::CollectGarbage(v8::internal::AllocationSpace)@/"
	       "usr/bin/node",
	  61, WHOLE },
	{ "node", 300, "V8Worker", 301,
	  "clone3" LIBC "|start_thread" LIBC "|v8::platform::WorkerThread::Run()@/usr/bin/"
	  "node|v8::internal::Sweeper::Sweep()@/usr/bin/node",
	  52, WHOLE },
	{ "go-service", 400, "go-service", 400,
	  "runtime.goexit|main.main|net/http.(*conn).serve|runtime.mallocgc", 83, WHOLE },
	{ "kworker/1:2", 50, "kworker/1:2", 50,
	  "k:ret_from_fork|k:kthread|k:worker_thread|k:process_one_work", 12,
	  EGRET_CAPTURE_KERNEL_THREAD, EGRET_UNWIND_NOT_USER, 0, 0 },
};

static const struct sample hostile[] = {
	{ "</script><script>window.pwned=1</script>", 1, "<img src=x onerror=window.pwned=1>", 1,
	  "<b>bold</b>|</script><script>window.pwned=1</script>|<!--|<script>window.pwned=1</"
	  "script>",
	  5, WHOLE },
	{ "quote\"back\\slash", 2, "'\"><svg onload=window.pwned=1>", 2,
	  "\"],window.pwned=1,[\"|${window.pwned=1}|`x`|\\u0022|@@main@@@/usr/bin/app|&lt;amp&amp;",
	  7, WHOLE },
	{ "control", 3, "control", 3,
	  "tab\there|bell\ahere|escape\x1b[31mred|delete\x7f|high\xc2\x80|bad\xff\xfe "
	  "utf|\xed\xa0\x80surrogate",
	  11, WHOLE },
	{ "unicode", 4, "unicode", 4,
	  "größe|函数|\xe2\x80\xaereversed|zero\xe2\x80\x8bwidth|line\xe2\x80\xa8separator", 13,
	  WHOLE },
	{ "", 5, "", 5, "__proto__|constructor|toString|hasOwnProperty", 17, WHOLE },
};

/* A name of a megabyte. */
static void add_long(void)
{
	size_t len = 1 << 20;
	char *name = malloc(len + 1);
	struct sample s = { "long", 6, "long", 6, NULL, 19, WHOLE };

	memset(name, 'x', len);
	memcpy(name, "</script>", 9);
	name[len] = 0;
	s.stack = name;
	add(&s);
	free(name);
}

/* 50,000 distinct stacks of 20 to 60 frames, from a few thousand functions, each sampled 20 times:
 * more than hours give. */
static void add_many(void)
{
	uint64_t random = 88172645463325252ull;
	uint32_t *stacks = calloc(50000, sizeof(*stacks));
	char name[64];

	for (int i = 0; i < 50000; i++) {
		int depth = 20 + i % 41;

		for (int d = 0; d < depth; d++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			snprintf(name, sizeof(name), "module_%d::function_%d(int)", d,
				 (int)(random % (d < 8	  ? 2
						 : d < 16 ? 8
							  : 60)));
			stacks[i] = egret_profile_stack(profile, stacks[i],
							function(EGRET_MODULE_FILE, "/usr/bin/many",
								 name, NULL, "many.cc", 1),
							NULL);
		}
	}
	for (int i = 0; i < 1000000; i++) {
		int n = i % 50000;
		struct sample s = { "many", 1000 + n % 8, "many", 2000 + n % 32, NULL, 1, WHOLE };

		add_key(&s, stacks[n]);
	}
	free(stacks);
}

static void add_header(void)
{
	struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds", .frequency = 999 };
	static const char *const meta[][2] = {
		{ "command", "app --serve & python3 job.py | node server.js <b>" },
		{ "hostname", "build-7" },
		{ "kernel", "6.18.0" },
		{ "backend", "task-work" },
		{ "unwinder", "libdw" },
		{ "version", "0.1.0" },
		{ "start-time", "1760000000" },
		{ "duration", "12.5" },
	};

	for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++)
		if (egret_profile_set_meta(profile, meta[i][0], meta[i][1]))
			die("no memory");
	if (egret_profile_add_event(profile, &event))
		die("no memory");
}

static void add_stats(void)
{
	static const struct egret_stat stats[] = {
		{ "witness", "interrupts that the kernel's own counters say there were", 2712 },
		{ "interrupts", "interrupts that the sampling program saw", 2712 },
		{ "never-ran", "witness less interrupts: the kernel skipped the program", 0 },
		{ "samples", "samples written", 2708 },
		{ "dropped.ring-full", "samples dropped because the buffer was full", 4 },
		{ "capture.whole", "all bytes of the stack were read", 2672 },
		{ "capture.stack-limit", "the stack is larger than the limit", 24 },
		{ "capture.kernel-thread", "a kernel thread has no user stack", 12 },
		{ "unwind.root", "the outermost frame was reached, as its CFI says", 2663 },
		{ "unwind.truncated", "the next frame lies beyond the bytes captured", 24 },
		{ "unwind.no-cfi", "code without CFI, and no sane frame pointer", 9 },
		{ "unwind.not-user", "the sample has no user part", 12 },
		{ "big", "a number beyond a double", 18446744073709551615ull },
	};

	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
		if (egret_profile_set_stat(profile, stats[i].name, stats[i].text, stats[i].value))
			die("no memory");
}

static void export(const char *dir, const char *name, const char *format, const char *suffix)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_error err;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(strerror(errno));
	if (egret_profile__export(profile, format, fd, &opts, &err))
		die(err.text);
	close(fd);
}

static void save(const char *dir, const char *name)
{
	struct egret_error err;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.data", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(strerror(errno));
	if (egret_profile__save(profile, fd, &err))
		die(err.text);
	close(fd);
}

/* What a release earlier was: less parsing, no garbage collection, more compression. */
static void add_before(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct sample s = known[i];

		if (strstr(s.stack, "Heap::CollectGarbage"))
			continue;
		if (strstr(s.stack, "Parser::parse"))
			s.samples /= 2;
		if (strstr(s.stack, "longest_match"))
			s.samples *= 2;
		add(&s);
	}
}

static void add_profile(const char *name)
{
	if (!strcmp(name, "many")) {
		add_many();
	} else if (!strcmp(name, "before")) {
		add_before();
	} else if (!strcmp(name, "hostile")) {
		for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
			add(&hostile[i]);
		add_long();
	} else if (!strcmp(name, "empty")) {
		egret_profile_set_truncated(profile);
	} else {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			add(&known[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: page_profiles known|before|hostile|many|empty DIR");
	if (egret_profile_create(&profile))
		die("no memory");
	egret_profile_keep_samples(profile);
	add_header();
	add_stats();
	add_profile(argv[1]);
	if (egret_profile_sort_samples(profile))
		die("no memory");
	export(argv[2], argv[1], "html", "html");
	if (strcmp(argv[1], "many") != 0) /* 55 MB */
		export(argv[2], argv[1], "folded", "folded");
	if (strcmp(argv[1], "empty") != 0)
		save(argv[2], argv[1]);
	egret_profile__destroy(profile);
	return 0;
}
