/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_name.c - the names of files: 0123456789abcdef[-uOWNER].KIND */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_impl.h"

static const struct {
	enum egret_cache_kind kind;
	const char *name;
} kinds[] = {
#define X(number, name, text) { number, text },
	EGRET_CACHE_KINDS(X)
#undef X
};

const char *egret_cache_kind_name(enum egret_cache_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return NULL;
}

static const struct {
	const char *name, *text;
} rejections[] = {
#define X(id, name, text) { name, text },
	EGRET_CACHE_REJECTIONS(X)
#undef X
};

const char *egret_cache_rejection_name(enum egret_cache_rejection rejection)
{
	return rejection < EGRET_CACHE_NR_REJECTIONS ? rejections[rejection].name : NULL;
}

const char *egret_cache_rejection_text(enum egret_cache_rejection rejection)
{
	return rejection < EGRET_CACHE_NR_REJECTIONS ? rejections[rejection].text : NULL;
}

void egret_cache_name(const struct egret_cache_key *key, char *to)
{
	char hex[2 * EGRET_BUILD_ID_MAX + 1], owner[16] = "";

	if (key->owner)
		snprintf(owner, sizeof(owner), "-u%u", (unsigned int)key->owner);
	snprintf(to, EGRET_CACHE_NAME_MAX, "%s%s.%s", egret_build_id_hex(&key->id, hex), owner,
		 egret_cache_kind_name(key->kind));
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *parse_id(const char *p, struct egret_build_id *id)
{
	*id = (struct egret_build_id){ 0 };
	while (id->len < EGRET_BUILD_ID_MAX && nibble(p[0]) >= 0 && nibble(p[1]) >= 0) {
		id->bytes[id->len++] = (uint8_t)(nibble(p[0]) << 4 | nibble(p[1]));
		p += 2;
	}
	return p;
}

bool egret_cache_parse_name(const char *name, struct egret_cache_key *key)
{
	char again[EGRET_CACHE_NAME_MAX];
	const char *p;

	*key = (struct egret_cache_key){ 0 };
	p = parse_id(name, &key->id);
	if (p[0] == '-' && p[1] == 'u')
		key->owner = (uid_t)strtoul(p + 2, (char **)&p, 10);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (p[0] == '.' && !strcmp(p + 1, kinds[i].name))
			key->kind = kinds[i].kind;
	if (!key->id.len || !key->kind)
		return false;
	/* One key has one name: whatever is not exactly that is somebody else's. */
	egret_cache_name(key, again);
	return !strcmp(name, again);
}
