/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * nmi_faults OBJECT COMMAND...: runs a command, and prints on the last line of standard output what
 * happened meanwhile: page faults in NMIs and elsewhere, and how often programs called egret_* ran
 * and were skipped because one ran already ("nmi=N elsewhere=N runs=N misses=N").
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct counts {
	uint64_t in_nmi, elsewhere; /* the global variables of nmi_faults.bpf.c: its .bss */
};

#define MAX_PROGS 64

/* What each program of egret's has counted when it was last looked at: they go when egret does. */
static struct {
	uint32_t id;
	uint64_t runs, misses;
} progs[MAX_PROGS];

static void note(uint32_t id, uint64_t runs, uint64_t misses)
{
	for (size_t i = 0; i < MAX_PROGS; i++) {
		if (progs[i].id && progs[i].id != id)
			continue;
		progs[i].id = id;
		progs[i].runs = runs;
		progs[i].misses = misses;
		return;
	}
}

static void look_at_programs(void)
{
	uint32_t id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && !strncmp(info.name, "egret_", 6))
			note(id, info.run_cnt, info.recursion_misses);
		close(fd);
	}
}

static int run(char **argv)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, WNOHANG) != pid) {
		look_at_programs();
		usleep(50000);
	}
	return pid < 0 ? -1 : status;
}

static struct bpf_map *find_map(struct bpf_object *object, const char *suffix)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (strstr(bpf_map__name(map), suffix))
			return map;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct counts counts = { 0 };
	uint64_t runs = 0, misses = 0;
	struct bpf_object *object;
	struct bpf_program *prog;
	uint32_t zero = 0;
	int status, stats;

	if (argc < 3)
		return 2;
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME); /* or runs are not counted */
	object = bpf_object__open(argv[1]);
	if (!object || bpf_object__load(object))
		return 2;
	bpf_object__for_each_program(prog, object)
	{
		if (!bpf_program__attach(prog))
			return 2;
	}
	status = run(argv + 2);
	if (bpf_map_lookup_elem(bpf_map__fd(find_map(object, ".bss")), &zero, &counts))
		return 2;
	for (size_t i = 0; i < MAX_PROGS; i++) {
		runs += progs[i].runs;
		misses += progs[i].misses;
	}
	printf("nmi=%" PRIu64 " elsewhere=%" PRIu64 " runs=%" PRIu64 " misses=%" PRIu64 "\n",
	       counts.in_nmi, counts.elsewhere, runs, misses);
	close(stats);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
