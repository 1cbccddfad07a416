/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * labels_fuzz: paths of cgroups, environments, packed labels. The first byte says which.
 *
 * What must hold: every label is text of a bounded length, keys differ, there are not more than may
 * be, and what is packed comes back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "maps/labels.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct egret_process_labels *labels)
{
	must(labels->n <= EGRET_PROCESS_LABELS_MAX);
	for (size_t i = 0; i < labels->n; i++) {
		const struct egret_process_label *label = &labels->items[i];

		must(label->key[0] && strlen(label->key) <= EGRET_LABEL_KEY_MAX);
		must(label->value[0] && strlen(label->value) <= EGRET_LABEL_VALUE_MAX);
		must(!strpbrk(label->key, "\n\r\t\x1b\x7f"));
		must(!strpbrk(label->value, "\n\r\t\x1b\x7f"));
		for (size_t j = 0; j < i; j++)
			must(strcmp(labels->items[j].key, label->key) != 0);
	}
}

static void check_packed(const struct egret_process_labels *labels)
{
	struct egret_process_labels back = { 0 };
	struct egret_buffer bytes = { 0 };

	egret_labels_pack(labels, &bytes);
	must(!egret_labels_unpack(&back, (const char *)bytes.data, bytes.len));
	must(back.n == labels->n && !back.refused);
	for (size_t i = 0; i < back.n; i++)
		must(!strcmp(back.items[i].value, labels->items[i].value));
	egret_labels_deinit(&back);
	egret_buffer_deinit(&bytes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct egret_process_labels labels = { 0 };
	char *copy;

	if (!size)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = 0;
	if (data[0] == 'c')
		egret_labels_of_cgroup(&labels, copy);
	else if (data[0] == 'e')
		egret_labels_of_environment(&labels, copy, size - 1);
	else
		egret_labels_unpack(&labels, copy, size - 1);
	check(&labels);
	check_packed(&labels);
	egret_labels_deinit(&labels);
	free(copy);
	return 0;
}
