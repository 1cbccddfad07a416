/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_otlp.c - profiles of OpenTelemetry by HTTP (OTLP/HTTP, binary protobuf, gzip), as its
 * collector takes them at /v1development/profiles.
 *
 * A window is one request, and each profile in it has the window's own id: who gets it twice can
 * tell.
 */
#include "agent/push_impl.h"

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
		n = result->end == PUSH_TAKEN ? push_answer_rejected(&request) : 0;
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
