/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/identity.h"

#include <endian.h>
#include <string.h>

#define XXH_INLINE_ALL /* its state on our stack, whatever version of the library is installed */
#include <xxhash.h>

/* With its NUL, so that "a" "bc" is not "ab" "c". */
static void add_text(XXH3_state_t *state, const char *text)
{
	XXH3_128bits_update(state, text, strlen(text) + 1);
}

static struct stack_id digest(const XXH3_state_t *state)
{
	XXH128_canonical_t canonical;
	struct stack_id id = { { 0 } };

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(id.bytes, canonical.digest, sizeof(id.bytes));
	return id;
}

static uint64_t first_8(const struct stack_id *id)
{
	uint64_t first;

	memcpy(&first, id->bytes, sizeof(first));
	return be64toh(first);
}

uint64_t identity_frame(const struct egret_frame *frame)
{
	const unsigned char head[2] = { (unsigned char)frame->kind,
					(unsigned char)(frame->flags & IDENTITY_FRAME_FLAGS) };
	XXH3_state_t state;
	struct stack_id id = { { 0 } };

	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, head, sizeof(head));
	add_text(&state, frame->name);
	add_text(&state, frame->module);
	id = digest(&state);
	return first_8(&id);
}

struct stack_id identity_stack(const char *process, const uint64_t *frames, size_t n)
{
	XXH3_state_t state;

	XXH3_128bits_reset(&state);
	add_text(&state, process);
	for (size_t i = 0; i < n; i++) {
		uint64_t id = htole64(frames[i]);

		XXH3_128bits_update(&state, &id, sizeof(id));
	}
	return digest(&state);
}

uint64_t identity_labels(const struct label_set *set)
{
	XXH3_state_t state;
	struct stack_id id = { { 0 } };

	XXH3_128bits_reset(&state);
	add_text(&state, set->host);
	add_text(&state, set->service);
	add_text(&state, set->process);
	add_text(&state, set->thread);
	for (size_t i = 0; i < set->n; i++) {
		add_text(&state, set->keys[i]);
		add_text(&state, set->values[i]);
	}
	id = digest(&state);
	return first_8(&id);
}

uint64_t identity_bytes(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}
