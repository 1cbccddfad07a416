/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * raw_dump: what is in a recording made with --raw.
 *
 *   raw_dump FILE             a line for each sample and capture
 *   raw_dump FILE STRING...   how many raw items hold one of the strings, anywhere in their bytes
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"
#include "profile/profile.h"
#include "recording/recording.h"
#include "session/raw_tags.h"

struct dump {
	char **strings;
	int n_strings;
	uint64_t found;
};

static int search(struct dump *dump, const void *bytes, size_t len)
{
	for (int i = 0; i < dump->n_strings; i++) {
		if (memmem(bytes, len, dump->strings[i], strlen(dump->strings[i]))) {
			dump->found++;
			break;
		}
	}
	return 0;
}

static void print_sample(const struct egret_rec_sample *s)
{
	printf("sample time=%" PRIu64 " cookie=%" PRIu64 " pid=%u tid=%u flags=%u ending=%s",
	       s->rec.time, s->cookie, s->pid, s->tid, s->flags, egret_capture_end_name(s->ending));
	printf(" ip=%" PRIx64 " kernel=%u comm=%.*s\n", s->ip, s->n_kernel, EGRET_COMM_LEN,
	       s->comm);
}

static void print_capture(const struct egret_rec_capture *c)
{
	printf("capture time=%" PRIu64 " cookie=%" PRIu64 " pid=%u tid=%u flags=%u ending=%s",
	       c->rec.time, c->cookie, c->pid, c->tid, c->flags, egret_capture_end_name(c->ending));
	printf(" also=%" PRIu64 " wanted=%u got=%u windows=%u pages_in=%u latency=%" PRIu64 "\n",
	       c->also, c->wanted, c->got, c->n_windows, c->pages_in,
	       c->requested ? c->rec.time - c->requested : 0);
}

static int print_record(const void *bytes, size_t len)
{
	struct egret_rec *rec = malloc(len); /* in the recording they are not aligned */

	if (!rec)
		return -ENOMEM;
	memcpy(rec, bytes, len);
	if (rec->type == EGRET_REC_SAMPLE && len >= sizeof(struct egret_rec_sample))
		print_sample((const struct egret_rec_sample *)rec);
	if (rec->type == EGRET_REC_CAPTURE && len >= sizeof(struct egret_rec_capture))
		print_capture((const struct egret_rec_capture *)rec);
	free(rec);
	return 0;
}

static int on_raw(void *arg, uint32_t tag, const void *bytes, size_t len)
{
	struct dump *dump = arg;

	if (dump->n_strings)
		return search(dump, bytes, len);
	if (tag != EGRET_RAW_RECORD || len < sizeof(struct egret_rec))
		return 0;
	return print_record(bytes, len);
}

int main(int argc, char **argv)
{
	struct egret_reader_ops ops = { .raw = on_raw };
	struct dump dump = { argv + 2, argc - 2, 0 };
	struct egret_profile *profile = NULL;
	struct egret_error err = { "" };

	if (argc < 2) {
		fprintf(stderr, "usage: raw_dump FILE [STRING...]\n");
		return 2;
	}
	if (egret_profile_create(&profile) ||
	    egret_recording_read(argv[1], profile, &ops, &dump, &err)) {
		fprintf(stderr, "raw_dump: %s\n", err.text);
		return 2;
	}
	egret_profile__destroy(profile);
	if (dump.n_strings)
		printf("%" PRIu64 "\n", dump.found);
	return 0;
}
