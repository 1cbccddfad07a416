/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * fault_count OBJECT COMM COMMAND...: runs a command, and prints how many faults on user addresses
 * the kernel took meanwhile in threads of a name: "INTERRUPT TASK".
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The global variables of fault_count.bpf.c: its .bss. */
struct variables {
	char comm[16];
	uint64_t overflow_start, overflow_end;
	uint64_t in_interrupt, in_task;
};

/* Where perf handles an event that is due: [start, end) in /proc/kallsyms. */
static int find_overflow(struct variables *v)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char name[512], type;

	while (file && fscanf(file, "%llx %c %511s%*[^\n]", &address, &type, name) == 3)
		if (!strcmp(name, "__perf_event_overflow"))
			v->overflow_start = address;
	if (!file || !v->overflow_start)
		return -1;
	rewind(file);
	v->overflow_end = UINT64_MAX;
	while (fscanf(file, "%llx %c %511s%*[^\n]", &address, &type, name) == 3)
		if (address > v->overflow_start && address < v->overflow_end)
			v->overflow_end = address;
	fclose(file);
	return 0;
}

static int run(char **argv)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* The map that holds a global variable is named after the object and its section. */
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
	struct variables v = { .comm = "" };
	struct bpf_object *object;
	struct bpf_program *prog;
	struct bpf_map *bss;
	uint32_t zero = 0;
	int status;

	if (argc < 4)
		return 2;
	object = bpf_object__open(argv[1]);
	if (!object)
		return 2;
	bss = find_map(object, ".bss");
	snprintf(v.comm, sizeof(v.comm), "%s", argv[2]);
	if (find_overflow(&v) || !bss || bpf_map__value_size(bss) != sizeof(v) ||
	    bpf_map__set_initial_value(bss, &v, sizeof(v)) || bpf_object__load(object))
		return 77;
	prog = bpf_object__find_program_by_name(object, "count_fault");
	if (!prog || !bpf_program__attach(prog))
		return 77;
	status = run(argv + 3);
	if (status)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
	if (bpf_map_lookup_elem(bpf_map__fd(bss), &zero, &v))
		return 2;
	printf("%" PRIu64 " %" PRIu64 "\n", v.in_interrupt, v.in_task);
	return 0;
}
