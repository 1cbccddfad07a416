/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_answer.c - what is read of a backend's answer: bytes that anybody may have sent. */
#include <string.h>

#include "agent/push_impl.h"

/* ---- text ----------------------------------------------------------------------------------- */

void push_answer_line(const struct push_request *r, char line[PUSH_LINE_MAX])
{
	size_t n = r->n_answer < sizeof(r->answer) ? r->n_answer : sizeof(r->answer), len = 0;

	for (size_t i = 0; i < n && len + 1 < PUSH_LINE_MAX; i++) {
		if (r->answer[i] == '\n' || r->answer[i] == '\r') {
			if (len)
				break;
			continue;
		}
		if (r->answer[i] < 0x20 || r->answer[i] >= 0x7f)
			break;
		line[len++] = (char)r->answer[i];
	}
	line[len] = 0;
}

/* ---- the answer: ExportProfilesServiceResponse ----------------------------------------------- */

struct reader {
	const unsigned char *at, *end;
};

static bool varint(struct reader *r, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; r->at < r->end && shift < 64; shift += 7) {
		unsigned char byte = *r->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/*
 * The next field: its number, and its value or bytes. False: the end, or what cannot be read.
 */
static bool field(struct reader *r, uint64_t *number, uint64_t *value, struct reader *bytes)
{
	uint64_t tag;

	if (!varint(r, &tag) || !varint(r, value))
		return false;
	*number = tag >> 3;
	*bytes = (struct reader){ NULL, NULL };
	if ((tag & 7) == 0)
		return true;
	if ((tag & 7) != 2 || *value > (uint64_t)(r->end - r->at))
		return false;
	*bytes = (struct reader){ r->at, r->at + *value };
	r->at += *value;
	return true;
}

uint64_t push_answer_rejected(const struct push_request *request)
{
	size_t n = request->n_answer < sizeof(request->answer) ? request->n_answer
							       : sizeof(request->answer);
	struct reader response = { request->answer, request->answer + n }, partial, bytes;
	uint64_t number, value, count = 0;

	while (field(&response, &number, &value, &partial))
		while (number == 1 && field(&partial, &number, &value, &bytes)) {
			if (number == 1 && !bytes.at)
				count = value;
			number = 1;
		}
	return count;
}
