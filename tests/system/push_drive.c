/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_drive DIR N SECONDS KIND URL [KEY=VALUE...]: puts N windows of 100 samples into the store
 * DIR and sends what is in it to one backend, until nothing waits or SECONDS are over. Keys are
 * those of struct push_target: token_file, user, password_file, ca_file, tenant, timeout_ms; and
 * max_bytes, of the store; until, a reason that ends it once something failed for it. Numbers of
 * the store and of sending go to standard output, a line each.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/push.h"
#include "store_windows.h"

/* What ends it, besides that nothing waits. */
static const char *until;

static bool take(struct push_target *t, uint64_t *max_bytes, const char *word)
{
	const char *value = strchr(word, '=');
	const struct {
		const char *key;
		const char **to;
	} texts[] = { { "token_file", &t->token_file },
		      { "user", &t->user },
		      { "password_file", &t->password_file },
		      { "ca_file", &t->ca_file },
		      { "tenant", &t->tenant },
		      { "name", &t->name },
		      { "database", &t->database },
		      { "until", &until } };
	size_t len = value ? (size_t)(value++ - word) : 0;

	for (size_t i = 0; value && i < sizeof(texts) / sizeof(*texts); i++)
		if (strlen(texts[i].key) == len && !strncmp(texts[i].key, word, len)) {
			*texts[i].to = value;
			return true;
		}
	if (value && !strncmp(word, "timeout_ms=", len + 1))
		t->timeout_ms = strtoull(value, NULL, 10);
	else if (value && !strncmp(word, "max_bytes=", len + 1))
		*max_bytes = strtoull(value, NULL, 10);
	else
		return false;
	return true;
}

static int find_waiting(const struct agent_stat *stat, void *arg)
{
	if (strcmp(stat->name, "egret_push_windows_waiting"))
		return 0;
	*(double *)arg = stat->value;
	return 1;
}

static double waiting(struct push *push)
{
	double n = -1;

	push_each_stat(push, find_waiting, &n);
	return n;
}

static int find_until(const struct agent_stat *stat, void *arg)
{
	return stat->value && stat->labels && strstr(stat->labels, until);
}

static int fail(const struct egret_error *err)
{
	fprintf(stderr, "%s\n", err->text);
	return 1;
}

int main(int argc, char **argv)
{
	struct push_target target = { .timeout_ms = 10000 };
	struct filling f = { .seconds = 1, .samples = 100, .functions = 20, .comm = "pushed" };
	struct egret_error err = { "" };
	uint64_t max_bytes = 0, n;
	struct store *store;
	struct push *push;

	if (argc < 6)
		return 2;
	target.kind = argv[4];
	target.url = argv[5];
	for (int i = 6; i < argc; i++)
		if (!take(&target, &max_bytes, argv[i]))
			return 2;
	n = strtoull(argv[2], NULL, 10);
	/* Windows of no two processes are of one time. */
	f.start = 1700000000 + 1000 * (uint64_t)(getpid() % 60000);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (store_open(argv[1], max_bytes, &store, &err) ||
	    push_start(store, &target, 1, &push, &err))
		return fail(&err);
	for (uint64_t i = 0; i < n; i++)
		if (put_window(store, &f, i, &err))
			return fail(&err);
	for (int i = 0; i < 100 * atoi(argv[3]) && waiting(push) > 0; i++) {
		if (until && push_each_stat(push, find_until, NULL) == 1)
			break;
		usleep(10000);
	}
	store_each_stat(store, print_stat, NULL);
	push_each_stat(push, print_stat, NULL);
	fflush(stdout);
	push_stop(push);
	store_close(store);
	curl_global_cleanup();
	return 0;
}
