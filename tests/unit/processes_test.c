/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fake_system.h"

/* The files and processes of one test, and the tables under test. */
struct world {
	struct fake_file files[5];
	struct fake_process processes[4];
	struct fake_system system;
	struct egret_module_source module_source;
	struct egret_process_source process_source;
	struct egret_modules modules;
	struct egret_processes ps;
};

static void init(struct world *w, bool track_all)
{
	*w = (struct world){
		.files = { { .path = "/a", .ino = 1, .id = 0xa },
			   { .path = "/b", .ino = 2, .id = 0xb },
			   { .path = "/c", .ino = 3, .id = 0xc },
			   { .path = "/without", .ino = 4 } },
	};
	w->system = (struct fake_system){
		.files = w->files, .n_files = 4, .processes = w->processes, .n_processes = 4
	};
	w->module_source = fake_modules(&w->system);
	w->process_source = fake_processes(&w->system);
	egret_modules_init(&w->modules, &w->module_source);
	egret_processes_init(&w->ps, &w->modules, &w->process_source, track_all);
}

static void deinit(struct world *w)
{
	egret_processes_deinit(&w->ps);
	egret_modules_deinit(&w->modules);
}

static void map(struct world *w, int pid, uint64_t start, uint64_t end, uint64_t pgoff,
		const char *path)
{
	struct egret_map_info info = { .pid = pid,
				       .start = start,
				       .end = end,
				       .pgoff = pgoff,
				       .path = path,
				       .executable = true };

	for (size_t i = 0; i < w->system.n_files; i++)
		if (!strcmp(w->files[i].path, path)) {
			info.build_id = fake_build_id(w->files[i].id);
			info.ino = w->files[i].ino;
		}
	egret_processes_mmap(&w->ps, &info);
}

static void unmap(struct world *w, int pid, uint64_t start, uint64_t end)
{
	struct egret_map_info info = { .pid = pid, .start = start, .end = end, .path = "//anon" };

	egret_processes_mmap(&w->ps, &info);
}

/* All mappings of a process: "start-end pgoff path, ..." */
static const char *shown(struct world *w, int pid)
{
	static char text[4096];
	const struct egret_process *process = egret_processes_find(&w->ps, pid);
	size_t len = 0;

	text[0] = 0;
	if (!process)
		return "no process";
	for (size_t i = 0; process->code && i < process->code->n; i++) {
		const struct egret_mapping *m = &process->code->mappings[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llx-%llx %llx %s",
					i ? ", " : "", (unsigned long long)m->start,
					(unsigned long long)m->end, (unsigned long long)m->pgoff,
					m->module->path);
	}
	return text;
}

static const char *path_at(struct world *w, int pid, uint64_t addr)
{
	struct egret_process *process = egret_processes_find(&w->ps, pid);
	const struct egret_mapping *m = process ? egret_process_find(process, addr) : NULL;

	return m ? m->module->path : "nothing";
}

/* A mapping over others takes their place, and what is left of them keeps its file offsets. */
static void mapping_over_mappings(void)
{
	static const struct {
		uint64_t start, end;
		const char *want;
	} cases[] = {
		/* Before is 10000-18000 0 /a, 20000-28000 1000 /b. */
		{ 0x8000, 0x9000, "8000-9000 0 /c, 10000-18000 0 /a, 20000-28000 1000 /b" },
		{ 0x8000, 0x10000, "8000-10000 0 /c, 10000-18000 0 /a, 20000-28000 1000 /b" },
		{ 0x8000, 0x11000, "8000-11000 0 /c, 11000-18000 1000 /a, 20000-28000 1000 /b" },
		{ 0x12000, 0x13000,
		  "10000-12000 0 /a, 12000-13000 0 /c, 13000-18000 3000 /a, 20000-28000 1000 /b" },
		{ 0x10000, 0x11000, "10000-11000 0 /c, 11000-18000 1000 /a, 20000-28000 1000 /b" },
		{ 0x17000, 0x18000, "10000-17000 0 /a, 17000-18000 0 /c, 20000-28000 1000 /b" },
		{ 0x17000, 0x19000, "10000-17000 0 /a, 17000-19000 0 /c, 20000-28000 1000 /b" },
		{ 0x10000, 0x18000, "10000-18000 0 /c, 20000-28000 1000 /b" },
		{ 0x18000, 0x20000, "10000-18000 0 /a, 18000-20000 0 /c, 20000-28000 1000 /b" },
		{ 0x14000, 0x24000, "10000-14000 0 /a, 14000-24000 0 /c, 24000-28000 5000 /b" },
		{ 0x1000, 0x30000, "1000-30000 0 /c" },
		{ 0x10000, 0x28000, "10000-28000 0 /c" },
		{ 0x28000, 0x29000, "10000-18000 0 /a, 20000-28000 1000 /b, 28000-29000 0 /c" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		init(&w, true);
		map(&w, 7, 0x20000, 0x28000, 0x1000, "/b");
		map(&w, 7, 0x10000, 0x18000, 0, "/a");
		CHECK_STR(shown(&w, 7), "10000-18000 0 /a, 20000-28000 1000 /b");
		map(&w, 7, cases[i].start, cases[i].end, 0, "/c");
		CHECK_STR(shown(&w, 7), cases[i].want);
		deinit(&w);
	}
}

static void data_over_code_clears_it(void)
{
	struct world w;

	init(&w, true);
	map(&w, 7, 0x10000, 0x18000, 0, "/a");
	unmap(&w, 7, 0x12000, 0x14000);
	CHECK_STR(shown(&w, 7), "10000-12000 0 /a, 14000-18000 4000 /a");
	CHECK_STR(path_at(&w, 7, 0x13000), "nothing");
	unmap(&w, 7, 0, UINT64_MAX);
	CHECK_STR(shown(&w, 7), "");
	deinit(&w);
}

static void odd_ranges_are_ignored(void)
{
	struct world w;

	init(&w, true);
	map(&w, 7, 0x10000, 0x18000, 0, "/a");
	map(&w, 7, 0x12000, 0x12000, 0, "/b");
	map(&w, 7, 0x14000, 0x12000, 0, "/b");
	unmap(&w, 7, 0x14000, 0x12000);
	CHECK_STR(shown(&w, 7), "10000-18000 0 /a");
	map(&w, 7, 0, UINT64_MAX, 0, "/b");
	CHECK_STR(shown(&w, 7), "0-ffffffffffffffff 0 /b");
	CHECK_STR(path_at(&w, 7, UINT64_MAX - 1), "/b");
	CHECK_STR(path_at(&w, 7, UINT64_MAX), "nothing");
	deinit(&w);
}

/* What is found, by a table of bytes that says the same in a slower way. */
static void agrees_with_a_page_table(void)
{
	static const char *const paths[] = { "/a", "/b", "/c", "/without" };
	struct page {
		const char *path;
		uint64_t pgoff;
	} pages[64] = { 0 };
	struct world w;
	uint64_t random = 88172645463325252ull;

	init(&w, true);
	for (int round = 0; round < 3000; round++) {
		struct egret_process *process;
		uint64_t start, n, pgoff;
		const char *path;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		start = random % 64;
		n = 1 + (random >> 8) % (64 - start);
		pgoff = (random >> 16) % 16;
		path = (random >> 24) % 5 ? paths[(random >> 32) % 4] : NULL;
		if (path)
			map(&w, 7, start * 4096, (start + n) * 4096, pgoff * 4096, path);
		else
			unmap(&w, 7, start * 4096, (start + n) * 4096);
		for (uint64_t i = start; i < start + n; i++)
			pages[i] = (struct page){ path, (pgoff + i - start) * 4096 };
		process = egret_processes_need(&w.ps, 7);
		for (uint64_t i = 0; i < 64; i++) {
			uint64_t addr = i * 4096 + random % 4096;
			const struct egret_mapping *m = egret_process_find(process, addr);

			CHECK_STR(m ? m->module->path : NULL, pages[i].path);
			if (m)
				CHECK_EQ(addr - m->start + m->pgoff,
					 pages[i].pgoff + random % 4096);
		}
		if (test_failures)
			break;
	}
	deinit(&w);
}

/* The bias leads from an address to the virtual address in the file, in what is left of a mapping
 * too. */
static void biases(void)
{
	struct world w;
	struct egret_process *process;
	const struct egret_mapping *m;

	init(&w, true);
	map(&w, 7, 0x7f0000001000, 0x7f0000009000, FAKE_OFFSET, "/a");
	map(&w, 7, 0x7f0000002000, 0x7f0000003000, FAKE_OFFSET, "/b");
	process = egret_processes_find(&w.ps, 7);
	m = egret_process_find(process, 0x7f0000001800);
	CHECK(m && m->biased);
	CHECK_EQ(0x7f0000001800 - m->bias, FAKE_VADDR + 0x800);
	m = egret_process_find(process, 0x7f0000004010);
	CHECK(m && m->biased);
	CHECK_EQ(0x7f0000004010 - m->bias, FAKE_VADDR + 0x3010);
	m = egret_process_find(process, 0x7f0000002abc);
	CHECK_EQ(0x7f0000002abc - m->bias, FAKE_VADDR + 0xabc);
	/* A part of the file that no segment holds. */
	map(&w, 7, 0x7f0000010000, 0x7f0000011000, FAKE_OFFSET + FAKE_SIZE, "/a");
	CHECK(!egret_process_find(process, 0x7f0000010000)->biased);
	/* Memory without a file. */
	map(&w, 7, 0x7f0000020000, 0x7f0000021000, 0, "//anon");
	m = egret_process_find(process, 0x7f0000020000);
	CHECK_EQ(m->module->kind, EGRET_CODE_JIT);
	CHECK_EQ(m->module->pid, 7);
	CHECK(!m->biased);
	deinit(&w);
}

static void exec_clears(void)
{
	struct world w;
	struct egret_process *process;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 7,
						.maps = "10000-18000 r-xp 0 0:0 1 /a\n",
						.comm = "old" };
	process = egret_processes_need(&w.ps, 7);
	CHECK_STR(process->comm, "old");
	/* A new name is no new image. */
	egret_processes_comm(&w.ps, 7, 7, "renamed", false);
	CHECK_STR(shown(&w, 7), "10000-18000 0 /a");
	CHECK_STR(process->comm, "renamed");
	/* A thread's name is not the process's. */
	egret_processes_comm(&w.ps, 7, 8, "worker", false);
	CHECK_STR(process->comm, "renamed");
	egret_processes_comm(&w.ps, 7, 7, "a name that is much too long", true);
	CHECK_STR(process->comm, "a name that is ");
	CHECK_STR(shown(&w, 7), "");
	map(&w, 7, 0x10000, 0x18000, 0, "/b");
	CHECK_STR(path_at(&w, 7, 0x10000), "/b");
	/* What followed an exec is all that there is: /proc is not asked. */
	egret_processes_need(&w.ps, 7);
	CHECK_EQ(w.processes[0].reads, 1);
	deinit(&w);
}

static void fork_copies(void)
{
	struct world w;

	init(&w, true);
	egret_processes_comm(&w.ps, 7, 7, "parent", true);
	map(&w, 7, 0x10000, 0x18000, 0, "/a");
	egret_processes_fork(&w.ps, 8, 7);
	CHECK_STR(shown(&w, 8), "10000-18000 0 /a");
	CHECK_STR(egret_processes_find(&w.ps, 8)->comm, "parent");
	map(&w, 8, 0x12000, 0x13000, 0, "/b");
	CHECK_STR(shown(&w, 8), "10000-12000 0 /a, 12000-13000 0 /b, 13000-18000 3000 /a");
	CHECK_STR(shown(&w, 7), "10000-18000 0 /a");
	/* A thread is no process. */
	egret_processes_fork(&w.ps, 7, 7);
	CHECK_STR(shown(&w, 7), "10000-18000 0 /a");
	/* The child of a complete parent is complete. */
	egret_processes_need(&w.ps, 8);
	CHECK(egret_processes_find(&w.ps, 8)->complete);
	CHECK(!egret_processes_find(&w.ps, 8)->tried);
	deinit(&w);
}

/* A parent of which only a part is known has children of which only a part is known: /proc is
 * asked. */
static void fork_of_the_unknown(void)
{
	struct world w;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 8,
						.maps = "10000-18000 r-xp 0 0:0 1 /a\n"
							"20000-28000 r-xp 0 0:0 2 /b\n" };
	map(&w, 7, 0x20000, 0x28000, 0, "/b");
	egret_processes_fork(&w.ps, 8, 7);
	CHECK_STR(shown(&w, 8), "20000-28000 0 /b");
	egret_processes_need(&w.ps, 8);
	CHECK_STR(shown(&w, 8), "10000-18000 0 /a, 20000-28000 0 /b");
	deinit(&w);
}

/* A child that has gone, of a parent that ran before, has its mappings, and its own since. */
static void fork_of_one_that_ran_before(void)
{
	struct world w;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 7,
						.comm = "parent",
						.maps = "10000-18000 r-xp 0 0:0 1 /a\n"
							"20000-28000 r-xp 0 0:0 2 /b\n" };
	egret_processes_fork(&w.ps, 8, 7);
	egret_processes_fork(&w.ps, 9, 8); /* and its child */
	map(&w, 9, 0x24000, 0x30000, 0, "/c");
	egret_processes_exit(&w.ps, 8, 1);
	egret_processes_need(&w.ps, 9);
	CHECK_STR(shown(&w, 9), "10000-18000 0 /a, 20000-24000 0 /b, 24000-30000 0 /c");
	CHECK_STR(shown(&w, 8), "10000-18000 0 /a, 20000-28000 0 /b");
	CHECK(egret_processes_find(&w.ps, 9)->complete);
	CHECK(egret_processes_parent(&w.ps, egret_processes_find(&w.ps, 9)) ==
	      egret_processes_find(&w.ps, 8));
	/* The parent is read once, and is known now. */
	egret_processes_fork(&w.ps, 10, 7);
	egret_processes_need(&w.ps, 10);
	CHECK_STR(shown(&w, 10), "10000-18000 0 /a, 20000-28000 0 /b");
	CHECK_EQ(w.processes[0].reads, 1);
	deinit(&w);
}

/*
 * The child may have called execve by the time that it is asked for, which is not told yet: what it
 * has now is not what it had. Its parent has that still.
 */
static void a_child_that_is_another_program_by_now(void)
{
	struct world w;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 7, .maps = "10000-18000 r-xp 0 0:0 1 /a\n" };
	w.processes[1] = (struct fake_process){ .pid = 8, .maps = "10000-18000 r-xp 0 0:0 2 /b\n" };
	egret_processes_fork(&w.ps, 8, 7);
	egret_processes_need(&w.ps, 8);
	CHECK_STR(path_at(&w, 8, 0x10000), "/a");
	egret_processes_comm(&w.ps, 8, 8, "new", true);
	CHECK_STR(shown(&w, 8), "");
	CHECK(!egret_processes_parent(&w.ps, egret_processes_find(&w.ps, 8)));
	deinit(&w);
}

/* What a parent has mapped since it became another program or process is not its child's. */
static void a_parent_that_is_another_program(void)
{
	struct world w;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 7, .maps = "10000-18000 r-xp 0 0:0 1 /a\n" };
	egret_processes_fork(&w.ps, 8, 7);
	egret_processes_comm(&w.ps, 7, 7, "new", true);
	map(&w, 7, 0x10000, 0x18000, 0, "/c");
	egret_processes_need(&w.ps, 8);
	CHECK_STR(shown(&w, 8), "");

	egret_processes_comm(&w.ps, 5, 5, "x", true);
	egret_processes_fork(&w.ps, 9, 7);
	egret_processes_exit(&w.ps, 7, 1);
	egret_processes_fork(&w.ps, 7, 5); /* its pid is used again */
	CHECK(!egret_processes_parent(&w.ps, egret_processes_find(&w.ps, 9)));
	/* An execve of the parent may have been among what was lost. */
	egret_processes_fork(&w.ps, 10, 7);
	CHECK(egret_processes_parent(&w.ps, egret_processes_find(&w.ps, 10)));
	egret_processes_lost(&w.ps);
	CHECK(!egret_processes_parent(&w.ps, egret_processes_find(&w.ps, 10)));
	deinit(&w);
}

static void pids_are_used_again(void)
{
	struct world w;

	init(&w, true);
	egret_processes_comm(&w.ps, 7, 7, "parent", true);
	map(&w, 7, 0x10000, 0x18000, 0, "/a");
	egret_processes_comm(&w.ps, 9, 9, "former", true);
	map(&w, 9, 0x10000, 0x18000, 0, "/b");
	map(&w, 9, 0x90000, 0x98000, 0, "/c");
	egret_processes_exit(&w.ps, 9, 1000);
	CHECK_STR(path_at(&w, 9, 0x90000), "/c"); /* captures of it may still come */
	egret_processes_fork(&w.ps, 9, 7);
	CHECK_STR(shown(&w, 9), "10000-18000 0 /a");
	CHECK(!egret_processes_find(&w.ps, 9)->exited);
	/* A parent that is not known leaves nothing of the former process either. */
	w.ps.track_all = false;
	egret_processes_fork(&w.ps, 9, 12345);
	CHECK_STR(shown(&w, 9), "no process");
	deinit(&w);
}

static void forgets_what_has_ended(void)
{
	struct world w;

	init(&w, true);
	for (int pid = 1; pid <= 200; pid++) {
		map(&w, pid, 0x10000, 0x18000, 0, "/a");
		if (pid % 2)
			egret_processes_exit(&w.ps, pid, (uint64_t)pid);
	}
	egret_processes_forget(&w.ps, 101);
	CHECK_STR(shown(&w, 99), "no process");
	CHECK_STR(shown(&w, 101), "10000-18000 0 /a");
	CHECK_STR(shown(&w, 100), "10000-18000 0 /a");
	/* Their places are taken again: the table does not grow with time. */
	for (int pid = 1001; pid <= 1050; pid++)
		map(&w, pid, 0x10000, 0x18000, 0, "/b");
	CHECK_EQ(w.ps.n, 200);
	CHECK_STR(path_at(&w, 1050, 0x10000), "/b");
	CHECK_STR(path_at(&w, 2, 0x10000), "/a");
	egret_processes_exit(&w.ps, 99999, 1); /* never heard of */
	deinit(&w);
}

static void only_the_known_are_tracked(void)
{
	struct world w;

	init(&w, false);
	w.processes[0] = (struct fake_process){ .pid = 7, .maps = "10000-18000 r-xp 0 0:0 1 /a\n" };
	map(&w, 9, 0x10000, 0x18000, 0, "/a");
	egret_processes_comm(&w.ps, 9, 9, "x", true);
	egret_processes_fork(&w.ps, 10, 9);
	CHECK_EQ(w.ps.n, 0);
	egret_processes_need(&w.ps, 7);
	egret_processes_fork(&w.ps, 11, 7);
	egret_processes_fork(&w.ps, 12, 11);
	CHECK_STR(shown(&w, 12), "10000-18000 0 /a");
	CHECK_EQ(w.ps.n, 3);
	deinit(&w);
}

/* After a loss everything that lives is read again when it is needed; what has ended cannot be. */
static void lost_records(void)
{
	struct world w;

	init(&w, true);
	w.processes[0] = (struct fake_process){ .pid = 7, .maps = "10000-18000 r-xp 0 0:0 1 /a\n" };
	w.processes[1] = (struct fake_process){ .pid = 8, .maps = "10000-18000 r-xp 0 0:0 1 /a\n" };
	egret_processes_need(&w.ps, 7);
	egret_processes_need(&w.ps, 8);
	egret_processes_need(&w.ps, 7);
	CHECK_EQ(w.processes[0].reads, 1);
	egret_processes_exit(&w.ps, 8, 1000);
	egret_processes_lost(&w.ps);
	w.processes[0].maps = "30000-38000 r-xp 0 0:0 2 /b\n";
	w.processes[1].maps = "30000-38000 r-xp 0 0:0 2 /b\n";
	egret_processes_need(&w.ps, 7);
	egret_processes_need(&w.ps, 8);
	CHECK_STR(shown(&w, 7), "30000-38000 0 /b");
	CHECK_STR(shown(&w, 8), "10000-18000 0 /a");
	CHECK_EQ(w.processes[0].reads, 2);
	deinit(&w);
}

/* What cannot be read is asked for once, and what is known of it stays. */
static void unreadable_proc(void)
{
	struct world w;

	init(&w, true);
	map(&w, 7, 0x10000, 0x18000, 0, "/a");
	CHECK(egret_processes_need(&w.ps, 7) != NULL);
	CHECK_STR(shown(&w, 7), "10000-18000 0 /a");
	CHECK(!egret_processes_find(&w.ps, 7)->complete);
	w.processes[0] = (struct fake_process){ .pid = 7, .maps = "30000-38000 r-xp 0 0:0 2 /b\n" };
	egret_processes_need(&w.ps, 7);
	CHECK_EQ(w.processes[0].reads, 0);
	/* A zombie's is empty. */
	w.processes[1] = (struct fake_process){ .pid = 8, .maps = "" };
	map(&w, 8, 0x10000, 0x18000, 0, "/a");
	egret_processes_need(&w.ps, 8);
	CHECK_STR(shown(&w, 8), "10000-18000 0 /a");
	deinit(&w);
}

static void proc_text(void)
{
	struct world w;
	const struct egret_mapping *m;

	init(&w, true);
	w.processes[0] = (struct fake_process){
		.pid = 7,
		.maps = "00400000-00401000 r--p 00000000 fe:01 1                  /a\n"
			"00401000-00409000 r-xp 00001000 fe:01 1                  /a\n"
			"00409000-0040a000 rw-p 00009000 fe:01 1                  /a\n"
			"7f0000001000-7f0000002000 r-xp 00001000 fe:01 9          /with a  space "
			"(deleted)\n"
			"7f0000003000-7f0000004000 rwxp 00000000 00:00 0 \n"
			"7f0000005000-7f0000006000 rwxp 00000000 00:00 0\n"
			"7f0000007000-7f0000008000 rwxs 00000000 00:01 5          /memfd:jit "
			"(deleted)\n"
			"7ffff0000000-7ffff0020000 rwxp 00000000 00:00 0          [stack]\n"
			"7ffff7fc0000-7ffff7fc2000 r-xp 00000000 00:00 0          [vdso]\n"
			"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]",
	};
	egret_processes_need(&w.ps, 7);
	CHECK_STR(shown(&w, 7), "401000-409000 1000 /a, "
				"7f0000001000-7f0000002000 1000 /with a  space, "
				"7f0000003000-7f0000004000 0 [jit], "
				"7f0000005000-7f0000006000 0 [jit], "
				"7f0000007000-7f0000008000 0 [jit], "
				"7ffff0000000-7ffff0020000 0 [jit], "
				"7ffff7fc0000-7ffff7fc2000 0 [vdso], "
				"ffffffffff600000-ffffffffff601000 0 [jit]");
	m = egret_process_find(egret_processes_find(&w.ps, 7), 0x401800);
	CHECK_EQ(m->module->dev, 0xfeull << 32 | 1);
	CHECK_EQ(m->module->ino, 1);
	CHECK_EQ(m->module->build_id.bytes[0], 0xa);
	CHECK_EQ(m->bias, 0);
	deinit(&w);
}

/* Lines that are no lines are passed over; those between them count. */
static void hostile_proc_text(void)
{
	static const char *const lines[] = {
		"",
		"\n",
		"garbage",
		"-",
		"10000",
		"10000-",
		"10000-20000",
		"10000-20000 r-xp",
		"10000-20000 r-xp 0 0:0",
		"20000-10000 r-xp 0 0:0 1 /b",
		"10000-10000 r-xp 0 0:0 1 /b",
		"zzzz-20000 r-xp 0 0:0 1 /b",
		"10000-20000 r-xp zz 0:0 1 /b",
		"10000-20000 r-xp 0 00 1 /b",
		"10000-20000 r-xp 0 0:0 z /b",
		"10000-20000 r--p 0 0:0 1 /b",
		"10000-20000 rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr 0 0:0 1 /b",
		"10000-20000 x 0 0:0 1 /b",
		"%s%n%n%n%n-20000 r-xp 0 0:0 1 /b",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct world w;
		char text[256];

		init(&w, true);
		snprintf(text, sizeof(text), "%s\n400000-408000 r-xp 0 0:0 1 /a\n%s", lines[i],
			 lines[i]);
		w.processes[0] = (struct fake_process){ .pid = 7, .maps = text };
		egret_processes_need(&w.ps, 7);
		CHECK_STR(shown(&w, 7), "400000-408000 0 /a");
		deinit(&w);
	}
}

/* Mappings that overlap, go backwards and reach beyond all addresses: the last one wins everywhere.
 */
static void lying_proc_text(void)
{
	struct world w;
	struct egret_process *process;

	init(&w, true);
	w.processes[0] = (struct fake_process){
		.pid = 7,
		.maps = "50000-58000 r-xp 0 0:0 2 /b\n"
			"10000-60000 r-xp 0 0:0 1 /a\n"
			"20000-30000 r-xp 0 0:0 2 /b\n"
			"28000-2c000 r-xp 0 0:0 3 /c\n"
			"70000-fffffffffffffffffffffffffffff r-xp ffffffffffffffffffff "
			"ffffffff:ffffffff 99999999999999999999999 /a\n",
	};
	process = egret_processes_need(&w.ps, 7);
	CHECK_STR(shown(&w, 7), "10000-20000 0 /a, 20000-28000 0 /b, 28000-2c000 0 /c, "
				"2c000-30000 c000 /b, 30000-60000 20000 /a, "
				"70000-ffffffffffffffff ffffffffffffffff /a");
	for (size_t i = 1; i < process->code->n; i++)
		CHECK(process->code->mappings[i - 1].end <= process->code->mappings[i].start);
	deinit(&w);
}

static void many_mappings(void)
{
	struct world w;
	struct egret_process *process;

	init(&w, true);
	for (uint64_t i = 0; i < 3000; i++)
		map(&w, 7, (i * 7919 % 3000) * 0x2000, (i * 7919 % 3000) * 0x2000 + 0x1000,
		    i * 0x1000, i % 2 ? "/a" : "/b");
	process = egret_processes_find(&w.ps, 7);
	CHECK_EQ(process->code->n, 3000);
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t start = (i * 7919 % 3000) * 0x2000;
		const struct egret_mapping *m = egret_process_find(process, start + 0xfff);

		CHECK(m && m->pgoff == i * 0x1000);
		CHECK(!egret_process_find(process, start + 0x1000));
	}
	deinit(&w);
}

static uint64_t number_of(struct world *w, int pid)
{
	const struct egret_process *process = egret_processes_find(&w->ps, pid);

	return process && process->code ? process->code->number : 0;
}

/* What is found by the number of a code map is true for as long as the number is there. */
static void code_numbers(void)
{
	struct world w;
	struct egret_code_map *kept;
	uint64_t before, child;
	size_t last = 0;

	init(&w, true);
	map(&w, 7, 0x10000, 0x18000, FAKE_OFFSET, "/a");
	before = number_of(&w, 7);
	CHECK(before);
	/* Nothing has changed. */
	map(&w, 7, 0x10000, 0x18000, FAKE_OFFSET, "/a");
	map(&w, 7, 0x12000, 0x14000, FAKE_OFFSET + 0x2000, "/a");
	unmap(&w, 7, 0x18000, 0x20000);
	CHECK_EQ(number_of(&w, 7), before);
	CHECK_EQ(egret_processes_find(&w.ps, 7)->code->n, 1);
	egret_processes_fork(&w.ps, 8, 7);
	CHECK_EQ(number_of(&w, 8), before);
	/* The child changes, and not its parent, nor what somebody has kept. */
	kept = egret_code_map_get(egret_processes_find(&w.ps, 8)->code);
	map(&w, 8, 0x10000, 0x18000, 0, "/b");
	child = number_of(&w, 8);
	CHECK(child != before);
	CHECK_EQ(number_of(&w, 7), before);
	CHECK_STR(path_at(&w, 7, 0x10000), "/a");
	CHECK_STR(path_at(&w, 8, 0x10000), "/b");
	CHECK_STR(egret_code_map_find(kept, 0x10000, &last)->module->path, "/a");
	egret_code_map_put(kept);
	/* Another place in the same file, a part less, a new image: each is another number. */
	map(&w, 7, 0x12000, 0x14000, FAKE_OFFSET + 0x3000, "/a");
	CHECK(number_of(&w, 7) > child);
	before = number_of(&w, 7);
	unmap(&w, 7, 0x17000, 0x18000);
	CHECK(number_of(&w, 7) > before);
	before = number_of(&w, 7);
	egret_processes_comm(&w.ps, 7, 7, "new", true);
	CHECK_EQ(number_of(&w, 7), 0);
	map(&w, 7, 0x10000, 0x18000, FAKE_OFFSET, "/a");
	CHECK(number_of(&w, 7) > before);
	deinit(&w);
}

int main(void)
{
	RUN(code_numbers);
	RUN(mapping_over_mappings);
	RUN(data_over_code_clears_it);
	RUN(odd_ranges_are_ignored);
	RUN(agrees_with_a_page_table);
	RUN(biases);
	RUN(exec_clears);
	RUN(fork_copies);
	RUN(fork_of_the_unknown);
	RUN(fork_of_one_that_ran_before);
	RUN(a_child_that_is_another_program_by_now);
	RUN(a_parent_that_is_another_program);
	RUN(pids_are_used_again);
	RUN(forgets_what_has_ended);
	RUN(only_the_known_are_tracked);
	RUN(lost_records);
	RUN(unreadable_proc);
	RUN(proc_text);
	RUN(hostile_proc_text);
	RUN(lying_proc_text);
	RUN(many_mappings);
	return DONE();
}
