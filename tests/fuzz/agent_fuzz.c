/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * agent_fuzz.c - what the agent and its viewers read of others. The first byte of an input chooses:
 * 0 the answer of a backend, 1 the name of a file in the store, 2 a time of day.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/push_impl.h"
#include "clock_time.h"

#define NOW 1795593600000000000ull

static void answer(const uint8_t *bytes, size_t len)
{
	struct push_request request = { .n_answer = len };
	char line[PUSH_LINE_MAX];

	memcpy(request.answer, bytes, len < sizeof(request.answer) ? len : sizeof(request.answer));
	push_answer_rejected(&request);
	push_answer_line(&request, line);
	for (const char *c = line; *c; c++)
		assert(*c >= 0x20 && *c < 0x7f);
}

static void name(const char *text)
{
	char again[WINDOW_NAME_MAX];
	struct window window;

	if (window_parse_name(text, &window))
		assert(!strcmp(window_name(&window, again), text));
}

static void time_of_day(const char *text)
{
	uint64_t from = 0, to;

	clock_time_parse(text, NOW, 0, &from);
	if (!clock_time_parse(text, NOW, from, &to))
		clock_time_text(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (data[0] == 0)
		answer(data + 1, size - 1);
	else if (data[0] == 1)
		name(text);
	else
		time_of_day(text);
	free(text);
	return 0;
}
