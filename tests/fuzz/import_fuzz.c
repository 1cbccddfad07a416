/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * import_fuzz.c - the readers of what other profilers write. The first byte of an input chooses: 0
 * perf.data, 1 the text of perf script, 2 folded lines, 3 pprof, 4 whichever it looks like.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/perf_sample.h"

static uint64_t sum(const uint8_t *bytes, uint64_t len)
{
	uint64_t total = 0;

	while (len--)
		total += bytes[len];
	return total;
}

static void touch_sample(const struct egret_perf_file *file, const struct egret_perf_record *record)
{
	struct perf_event_header header;
	struct egret_bytes body = egret_perf_record_bytes(file, record->at, &header);
	struct egret_perf_sample sample;

	if (header.type != PERF_RECORD_SAMPLE ||
	    egret_perf_sample_read(file, &header, body, &sample, NULL))
		return;
	if (sample.event >= file->n_events)
		abort();
	sum(sample.chain, sample.n_chain * 8);
	sum(sample.stack, sample.stack_len);
}

static void perf_data(const uint8_t *bytes, size_t len)
{
	struct egret_perf_file file;

	if (!egret_perf_file_init(&file, bytes, len, NULL))
		for (size_t i = 0; i < file.n_records; i++) {
			if (i && file.records[i].time < file.records[i - 1].time)
				abort();
			touch_sample(&file, &file.records[i]);
		}
	egret_perf_file_build_id(&file, "/bin/a");
	egret_perf_file_deinit(&file);
}

static int touch_stack(const struct egret_stack *stack, void *arg)
{
	for (size_t i = 0; i < stack->n_frames; i++)
		*(size_t *)arg += strlen(stack->frames[i]->name) + strlen(stack->frames[i]->module);
	return 0;
}

static void profile(const struct egret_importer *importer, const uint8_t *bytes, size_t len)
{
	struct egret_profile *p;
	struct egret_error err;
	size_t total = 0;

	if (egret_profile_create(&p))
		return;
	egret_profile_keep_samples(p);
	if (!importer->read(bytes, len, p, &err)) {
		egret_profile_sort_samples(p);
		egret_profile__each_stack(p, touch_stack, &total);
	}
	egret_profile__destroy(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct egret_importer *const importers[] = { &egret_importer_perf_script,
							   &egret_importer_folded,
							   &egret_importer_pprof };

	if (!size)
		return 0;
	if (!data[0])
		perf_data(data + 1, size - 1);
	else if (data[0] <= 3)
		profile(importers[data[0] - 1], data + 1, size - 1);
	else
		for (size_t i = 0; egret_importers[i]; i++)
			if (egret_importers[i]->is(data + 1, size - 1)) {
				profile(egret_importers[i], data + 1, size - 1);
				break;
			}
	return 0;
}
