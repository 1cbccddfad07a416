/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fake_system.h"

struct world {
	struct fake_file files[6];
	struct fake_system system;
	struct egret_module_source source;
	struct egret_modules modules;
};

static void init(struct world *w)
{
	*w = (struct world){
		.files = { { .path = "/a", .ino = 1, .id = 0xa },
			   { .path = "/b", .ino = 2, .id = 0xb },
			   { .path = "/without", .ino = 4 },
			   { .path = "/a", .ino = 7, .id = 0xd }, /* what /a is replaced by */
			   { .path = "/without", .ino = 8 },
			   { .path = "/copy-of-a", .ino = 9, .id = 0xa } },
	};
	w->system = (struct fake_system){ .files = w->files, .n_files = 6 };
	w->source = fake_modules(&w->system);
	egret_modules_init(&w->modules, &w->source);
}

static void deinit(struct world *w)
{
	egret_modules_deinit(&w->modules);
}

/* As PERF_RECORD_MMAP2 has it: a build-id or a device and inode. */
static struct egret_module *by_id(struct world *w, int pid, const char *path, uint8_t id)
{
	struct egret_map_info info = {
		.pid = pid, .path = path, .end = 4096, .build_id = fake_build_id(id)
	};

	return egret_modules_of(&w->modules, &info);
}

static struct egret_module *by_inode(struct world *w, int pid, const char *path, uint64_t ino)
{
	struct egret_map_info info = {
		.pid = pid, .path = path, .end = 4096, .dev = 1, .ino = ino
	};

	return egret_modules_of(&w->modules, &info);
}

static void build_ids_are_the_identity(void)
{
	struct world w;
	struct egret_module *a, *b;

	init(&w);
	a = by_id(&w, 1, "/a", 0xa);
	b = by_id(&w, 1, "/b", 0xb);
	CHECK(a != b);
	CHECK_EQ(a->number, 0);
	CHECK_EQ(b->number, 1);
	CHECK_STR(a->path, "/a");
	CHECK(a->elf && !a->why);
	CHECK_EQ(a->kind, EGRET_CODE_FILE);
	/* The same library in another process, under another name, and deleted. */
	CHECK(by_id(&w, 2, "/a", 0xa) == a);
	CHECK(by_id(&w, 3, "/mnt/other", 0xa) == a);
	CHECK(by_id(&w, 3, "/a (deleted)", 0xa) == a);
	/* The same name of another file. */
	CHECK(by_id(&w, 1, "/a", 0xb) == b);
	CHECK_EQ(w.modules.n, 2);
	CHECK_EQ(w.system.opens, 2);
	deinit(&w);
}

/* Inodes say the same where no build-id is told; the file's own build-id joins them. */
static void inodes_lead_to_build_ids(void)
{
	struct world w;
	struct egret_module *a;

	init(&w);
	a = by_inode(&w, 1, "/a", 1);
	CHECK_EQ(a->build_id.len, 20);
	CHECK_EQ(a->build_id.bytes[19], 0xa);
	CHECK(by_inode(&w, 2, "/a", 1) == a);
	CHECK(by_id(&w, 1, "/a", 0xa) == a);
	CHECK(by_inode(&w, 1, "/copy-of-a", 9) == a);
	CHECK_EQ(w.modules.n, 1);
	deinit(&w);
}

/* However often a file is mapped, under whatever name: it is opened once per name. */
static void opened_once(void)
{
	struct world w;
	struct egret_module *a;

	init(&w);
	a = by_inode(&w, 1, "/a", 1);
	for (int pid = 1; pid < 100; pid++) {
		CHECK(by_inode(&w, pid, "/a", 1) == a);
		CHECK(by_inode(&w, pid, "/a (deleted)", 1) == a);
		CHECK(by_inode(&w, pid, "/copy-of-a", 9) == a);
		CHECK(by_id(&w, pid, "/elsewhere", 0xa) == a);
	}
	CHECK_EQ(w.system.opens, 2);
	CHECK_EQ(w.modules.n, 1);
	deinit(&w);
}

static void replaced_files_are_others(void)
{
	struct world w;
	struct egret_module *before, *after;

	init(&w);
	before = by_inode(&w, 1, "/a", 1);
	after = by_inode(&w, 2, "/a", 7);
	CHECK(before != after);
	CHECK_EQ(after->build_id.bytes[0], 0xd);
	CHECK(by_inode(&w, 1, "/a (deleted)", 1) == before);
	CHECK(by_id(&w, 2, "/a", 0xd) == after);
	/* Files without build-ids. */
	before = by_inode(&w, 1, "/without", 4);
	after = by_inode(&w, 2, "/without", 8);
	CHECK(before != after);
	CHECK(by_inode(&w, 3, "/without", 4) == before);
	CHECK(by_inode(&w, 3, "/without", 8) == after);
	deinit(&w);
}

/* A file without a build-id is known by path, device and inode, whether it was deleted or not. */
static void deleted_files(void)
{
	struct world w;
	struct egret_module *m;

	init(&w);
	m = by_inode(&w, 1, "/without (deleted)", 4);
	CHECK_STR(m->path, "/without");
	CHECK(m->elf != NULL);
	CHECK_EQ(m->build_id.len, 0);
	CHECK(by_inode(&w, 1, "/without (deleted)", 4) == m);
	CHECK(by_inode(&w, 2, "/without", 4) == m);
	CHECK_EQ(w.modules.n, 1);
	CHECK_EQ(w.system.opens, 1);
	/* A name that is nothing but the mark. */
	CHECK_STR(by_inode(&w, 1, "/x/ (deleted)", 50)->path, "/x/");
	deinit(&w);
}

/* A file that could not be had is asked for again with the next mapping of it. */
static void gone_and_seen_again(void)
{
	struct world w;
	struct egret_module *a;

	init(&w);
	w.files[0].gone = w.files[5].gone = true;
	a = by_id(&w, 1, "/a", 0xa);
	CHECK(!a->elf);
	CHECK_STR(a->why, "/a: gone");
	CHECK(by_id(&w, 1, "/a", 0xa) == a);
	w.files[0].gone = false;
	CHECK(by_id(&w, 2, "/a", 0xa) == a);
	CHECK(a->elf != NULL);
	CHECK(!a->why);
	CHECK_EQ(w.modules.n, 1);
	/* And one that is known by its inode alone. */
	a = by_inode(&w, 1, "/nowhere", 77);
	CHECK(!a->elf);
	CHECK_STR(a->why, "/nowhere: gone");
	CHECK(by_inode(&w, 2, "/nowhere", 77) == a);
	CHECK_EQ(w.modules.n, 2);
	deinit(&w);
}

static void kinds(void)
{
	static const struct {
		const char *path, *shown;
		enum egret_code_kind kind;
	} cases[] = {
		{ "/usr/bin/x", "/usr/bin/x", EGRET_CODE_FILE },
		{ "/usr/bin/[vdso]", "/usr/bin/[vdso]", EGRET_CODE_FILE },
		{ "[vdso]", "[vdso]", EGRET_CODE_VDSO },
		{ "", "[jit]", EGRET_CODE_JIT },
		{ "//anon", "[jit]", EGRET_CODE_JIT },
		{ "[heap]", "[jit]", EGRET_CODE_JIT },
		{ "[stack]", "[jit]", EGRET_CODE_JIT },
		{ "[anon:v8]", "[jit]", EGRET_CODE_JIT },
		{ "/memfd:doublemapper (deleted)", "[jit]", EGRET_CODE_JIT },
		{ "/dev/zero", "[jit]", EGRET_CODE_JIT },
		{ "/dev/zero (deleted)", "[jit]", EGRET_CODE_JIT },
		{ "/SYSV00000000 (deleted)", "[jit]", EGRET_CODE_JIT },
		{ "/anon_hugepage (deleted)", "[jit]", EGRET_CODE_JIT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct egret_module *m;

		init(&w);
		m = by_inode(&w, 5, cases[i].path, 1);
		CHECK_EQ(m->kind, cases[i].kind);
		CHECK_STR(m->path, cases[i].shown);
		CHECK_EQ(m->pid, cases[i].kind == EGRET_CODE_JIT ? 5 : 0);
		CHECK_EQ(w.system.opens, cases[i].kind == EGRET_CODE_JIT ? 0 : 1);
		deinit(&w);
	}
}

/* Files in memory: with a build-id they are programs and libraries, without one of a JIT. */
static void files_in_memory(void)
{
	struct world w;
	struct egret_module *m;

	init(&w);
	m = by_id(&w, 1, "/memfd:runc_cloned (deleted)", 0xb);
	CHECK_EQ(m->kind, EGRET_CODE_FILE);
	CHECK_STR(m->path, "/memfd:runc_cloned");
	CHECK(m->elf != NULL);
	CHECK(by_id(&w, 2, "/memfd:runc_cloned (deleted)", 0xb) == m);
	CHECK_EQ(by_inode(&w, 2, "/memfd:runc_cloned (deleted)", 2)->kind, EGRET_CODE_JIT);
	deinit(&w);
}

/* Code without a file is its process's own; the vdso is everyone's. */
static void per_process_or_not(void)
{
	struct world w;
	struct egret_module *jit, *vdso;

	init(&w);
	jit = by_inode(&w, 1, "//anon", 0);
	CHECK(by_inode(&w, 1, "/memfd:x (deleted)", 99) == jit);
	CHECK(by_inode(&w, 2, "//anon", 0) != jit);
	vdso = by_inode(&w, 1, "[vdso]", 0);
	CHECK(by_inode(&w, 2, "[vdso]", 0) == vdso);
	CHECK(by_id(&w, 3, "[vdso]", 0x77) == vdso);
	CHECK_EQ(w.modules.n, 3);
	deinit(&w);
}

/* Build-ids of other lengths than SHA-1's: a prefix is not the same. */
static void lengths_of_build_ids(void)
{
	struct world w;
	struct egret_map_info info = { .path = "/x", .end = 4096, .build_id = fake_build_id(0x33) };
	struct egret_module *whole, *half;

	init(&w);
	whole = egret_modules_of(&w.modules, &info);
	info.build_id.len = 16;
	memset(info.build_id.bytes + 16, 0, 4);
	half = egret_modules_of(&w.modules, &info);
	CHECK(whole != half);
	CHECK(egret_modules_of(&w.modules, &info) == half);
	deinit(&w);
}

static void many(void)
{
	struct world w;
	struct egret_module *first = NULL;
	char path[32];

	init(&w);
	for (int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 2000; i++) {
			struct egret_module *m;

			snprintf(path, sizeof(path), "/lib/%u", i);
			m = by_inode(&w, 1, path, 1000 + i);
			CHECK_EQ(m->number, i);
			CHECK_STR(m->path, path);
			if (!i && !round)
				first = m;
		}
	}
	CHECK(w.modules.all[0] == first);
	CHECK_EQ(w.modules.n, 2000);
	deinit(&w);
}

int main(void)
{
	RUN(build_ids_are_the_identity);
	RUN(inodes_lead_to_build_ids);
	RUN(opened_once);
	RUN(replaced_files_are_others);
	RUN(deleted_files);
	RUN(gone_and_seen_again);
	RUN(kinds);
	RUN(files_in_memory);
	RUN(per_process_or_not);
	RUN(lengths_of_build_ids);
	RUN(many);
	return DONE();
}
