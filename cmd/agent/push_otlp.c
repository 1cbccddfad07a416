/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_otlp.c - profiles of OpenTelemetry by HTTP (OTLP/HTTP, binary protobuf, gzip), as its
 * collector takes them at /v1development/profiles.
 *
 * A window is one request, and each profile in it has the window's own id: who gets it twice can
 * tell.
 */
#include "agent/push_impl.h"

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

/* How many profiles were rejected in a request that was taken as a whole. */
static uint64_t rejected(const struct push_request *request)
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

/* ---- the backend ---------------------------------------------------------------------------- */

static int otlp_open(const struct push_target *target, const atomic_ullong *stop_by, void **state,
		     struct egret_error *err)
{
	return push_http_open(target, "/v1development/profiles", stop_by,
			      (struct push_http **)state, err);
}

static void otlp_close(void *state)
{
	push_http_close(state);
}

static void otlp_send(void *state, struct push_window *window, struct push_result *result)
{
	struct push_bytes plain = { 0 }, packed = { 0 };
	struct push_request request = { .type = "application/x-protobuf", .is_gzip = true };
	uint64_t n;

	if (!push_encode(window->profile, "otlp", &plain, result) &&
	    !push_gzip(&plain, &packed, result)) {
		request.body = packed.data;
		request.len = packed.len;
		push_http_post(state, &request, result);
		window->bytes = packed.len;
		n = result->end == PUSH_TAKEN ? rejected(&request) : 0;
		if (n)
			push_result_set(result, PUSH_REFUSED, "rejected",
					"the collector has rejected %llu profiles of it",
					(unsigned long long)n);
	}
	push_bytes_deinit(&plain);
	push_bytes_deinit(&packed);
}

const struct push_backend push_otlp = {
	.kind = "otlp",
	.needs_samples = true,
	.check = push_http_check,
	.open = otlp_open,
	.close = otlp_close,
	.send = otlp_send,
};
