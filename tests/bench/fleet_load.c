/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * fleet_load - fills a fleet's database with simulated hosts, made of real recordings.
 *
 *   fleet_load URL DATABASE FROM HOSTS MINUTES SEED RECORDING...
 *
 * Each recording is a service; a host runs three of them, and is busy to a share of 10 to 50 %.
 * A window is 10 s of 2 CPUs at 19 Hz: each of its samples is drawn from the stacks of the
 * host's services, by how often they were sampled. Rows are those of cmd/fleet/batch.h; a minute of
 * all hosts is one batch. Prints a line of numbers as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fleet/batch.h"
#include "fleet/insert.h"

#define PER_HOST 3
#define WINDOW_S 10
#define HZ 19
#define CPUS 2
#define PERIOD (1000000000u / HZ)
#define MAX_SAMPLES (HZ * CPUS * WINDOW_S)
#define MAX_SERVICES 64

struct entry {
	struct stack_id id;
	const char *process;
	uint64_t *frames;
	const struct egret_frame **public_frames;
	size_t n;
	uint64_t until; /* samples of all entries up to this one */
	size_t process_number;
};

struct service {
	char name[64];
	struct egret_profile *profile;
	struct entry *entries;
	size_t n, room;
	const char *processes[256]; /* their threads go by the same name */
	size_t n_processes;
};

struct load {
	struct server *server;
	const char *database;
	struct service services[MAX_SERVICES];
	size_t n_services;
	struct batch batch;
	uint64_t windows, rows, samples, bytes;
	double insert_s;
	uint64_t random;
};

static void die(const char *text)
{
	fprintf(stderr, "fleet_load: %s\n", text);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* ---- services ------------------------------------------------------------------------------ */

static size_t process_number(struct service *s, const char *process)
{
	for (size_t i = 0; i < s->n_processes; i++)
		if (!strcmp(s->processes[i], process))
			return i;
	if (s->n_processes == sizeof(s->processes) / sizeof(*s->processes))
		return s->n_processes - 1;
	s->processes[s->n_processes] = process;
	return s->n_processes++;
}

static int take_stack(const struct egret_stack *stack, void *arg)
{
	struct service *s = arg;
	struct entry *e;

	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->entries = reallocarray(s->entries, s->room, sizeof(*s->entries));
		if (!s->entries)
			die("out of memory");
	}
	e = &s->entries[s->n];
	*e = (struct entry){ .process = stack->thread->process, .n = stack->n_frames };
	e->frames = calloc(e->n + 1, sizeof(*e->frames));
	e->public_frames = calloc(e->n + 1, sizeof(*e->public_frames));
	if (!e->frames || !e->public_frames)
		die("out of memory");
	for (size_t i = 0; i < e->n; i++) {
		e->frames[i] = identity_frame(stack->frames[i]);
		e->public_frames[i] = stack->frames[i];
	}
	e->id = identity_stack(e->process, e->frames, e->n);
	e->process_number = process_number(s, e->process);
	e->until = (s->n ? s->entries[s->n - 1].until : 0) + stack->samples;
	s->n++;
	return 0;
}

static void open_service(struct load *load, const char *path)
{
	struct service *s = &load->services[load->n_services++];
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct egret_error err = { "" };

	snprintf(s->name, sizeof(s->name), "%.*s", (int)strcspn(name, "."), name);
	if (egret_profile__open(path, &s->profile, &err) ||
	    egret_profile__each_stack(s->profile, take_stack, s) || !s->n)
		die(*err.text ? err.text : "an empty recording");
}

/* ---- hosts --------------------------------------------------------------------------------- */

static uint64_t host_random(size_t host, size_t what)
{
	uint64_t state = host * 1000003 + what;

	next(&state);
	return next(&state);
}

static size_t service_of(const struct load *load, size_t host, size_t n)
{
	return (host_random(host, 7) + n * (1 + host_random(host, 8) % 5)) % load->n_services;
}

static uint64_t add_labels(struct load *load, const char *host, const struct service *s,
			   size_t process)
{
	static const char *const keys[] = { "process.linux.cgroup", "systemd.unit" };
	char cgroup[128], unit[96];
	const char *const values[] = { cgroup, unit };
	struct label_set set = { .host = host,
				 .service = s->name,
				 .process = s->processes[process],
				 .thread = s->processes[process],
				 .keys = keys,
				 .values = values,
				 .n = 2 };
	uint64_t id;

	snprintf(unit, sizeof(unit), "%s.service", s->name);
	snprintf(cgroup, sizeof(cgroup), "/system.slice/%s", unit);
	id = identity_labels(&set);
	batch_add_labels(&load->batch, id, &set);
	return id;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t draw(struct load *load, const struct service *s)
{
	uint64_t at = next(&load->random) % s->entries[s->n - 1].until;
	size_t low = 0, high = s->n - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->entries[middle].until > at)
			high = middle;
		else
			low = middle + 1;
	}
	return (uint32_t)low;
}

static void add_entry(struct load *load, const struct batch_window *window, const struct service *s,
		      const struct entry *e, uint64_t n)
{
	const struct batch_sample sample = {
		.event = "cpu-clock",
		.service = s->name,
		.stack = e->id,
		.labels = add_labels(load, window->host, s, e->process_number),
		.samples = n,
		.value = n * PERIOD,
	};

	for (size_t i = 0; i < e->n; i++)
		batch_add_frame(&load->batch, e->frames[i], e->public_frames[i]);
	batch_add_stack(&load->batch, &e->id, e->process, e->frames, e->n);
	batch_add_sample(&load->batch, batch_time(window), &sample);
	load->samples += n;
}

static uint64_t add_service(struct load *load, const struct batch_window *window,
			    const struct service *s, size_t n)
{
	uint32_t drawn[MAX_SAMPLES];

	for (size_t i = 0; i < n; i++)
		drawn[i] = draw(load, s);
	qsort(drawn, n, sizeof(*drawn), by_number);
	for (size_t i = 0, same; i < n; i += same) {
		for (same = 1; i + same < n && drawn[i + same] == drawn[i];)
			same++;
		add_entry(load, window, s, &s->entries[drawn[i]], same);
	}
	return n;
}

static void add_window(struct load *load, size_t host, uint64_t from_s)
{
	const struct egret_event event = { .name = "cpu-clock",
					   .unit = "nanoseconds",
					   .frequency = HZ };
	/* Windows of different hosts do not begin together. */
	uint64_t from_ns = from_s * 1000000000u + host_random(host, 1) % 10000000000u;
	double busy = 0.1 + 0.4 * (double)(host_random(host, 2) % 1000) / 1000;
	size_t n =
		(size_t)(busy * MAX_SAMPLES * (0.5 + (double)(next(&load->random) % 1000) / 1000));
	char name[48];
	const struct batch_window window = { .host = name,
					     .from_ns = from_ns,
					     .to_ns = from_ns + WINDOW_S * 1000000000u };
	uint64_t total = 0;

	snprintf(name, sizeof(name), "host-%04zu.example", host);
	batch_begin(&load->batch, &window);
	for (size_t i = 0; i < PER_HOST; i++)
		total += add_service(load, &window, &load->services[service_of(load, host, i)],
				     n / PER_HOST);
	batch_add_window(&load->batch, &window, &event, total, total * PERIOD);
	load->windows++;
}

static void send(struct load *load)
{
	struct egret_error err = { "" };
	double begin = now();

	load->rows += load->batch.rows[FLEET_SAMPLES].rows;
	for (size_t i = 0; i < N_FLEET_TABLES; i++) {
		load->bytes += load->batch.rows[i].len;
		if (load->batch.rows[i].failed)
			die("out of memory");
	}
	if (insert_batch(load->server, load->database, &load->batch, NULL, &err))
		die(err.text);
	batch_clear(&load->batch);
	load->insert_s += now() - begin;
}

int main(int argc, char **argv)
{
	static struct load load;
	struct server_opts opts = { .url = argv[1], .timeout_ms = 600000 };
	struct egret_error err = { "" };
	uint64_t from, hosts, minutes;
	double begin;

	if (argc < 8 || argc - 7 > MAX_SERVICES)
		die("URL DATABASE FROM HOSTS MINUTES SEED RECORDING...");
	load.database = argv[2];
	from = strtoull(argv[3], NULL, 10);
	hosts = strtoull(argv[4], NULL, 10);
	minutes = strtoull(argv[5], NULL, 10);
	load.random = strtoull(argv[6], NULL, 10);
	for (int i = 7; i < argc; i++)
		open_service(&load, argv[i]);
	if (server_open(&opts, &load.server, &err))
		die(err.text);
	batch_init(&load.batch, 64u << 20);
	begin = now();
	for (uint64_t minute = 0; minute < minutes; minute++) {
		for (uint64_t host = 0; host < hosts; host++)
			for (uint64_t s = 0; s < 60; s += WINDOW_S)
				add_window(&load, host, from + minute * 60 + s);
		send(&load);
	}
	printf("{\"windows\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"samples\": %" PRIu64
	       ", \"bytes_sent\": %" PRIu64 ", \"seconds\": %.2f, \"insert_seconds\": %.2f}\n",
	       load.windows, load.rows, load.samples, load.bytes, now() - begin, load.insert_s);
	return 0;
}
