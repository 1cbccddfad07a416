/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/parsing_kept.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

/*
 * A file that is written twice between two ticks of the kernel's clock has one ctime for both; file
 * systems that count in seconds have it for a second.
 */
#define SETTLED_S 2

/* Without padding: it is hashed. */
struct identity {
	uint64_t dev, ino, size;
	int64_t changed_s, changed_ns;
};

static bool identify(int fd, struct identity *out, uid_t *owner)
{
	struct timespec now;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || clock_gettime(CLOCK_REALTIME, &now) ||
	    now.tv_sec - st.st_ctim.tv_sec < SETTLED_S)
		return false;
	*out = (struct identity){ st.st_dev, st.st_ino, (uint64_t)st.st_size, st.st_ctim.tv_sec,
				  st.st_ctim.tv_nsec };
	*owner = st.st_uid;
	return true;
}

bool egret_parsing_kept_key(const struct egret_parser_question *question,
			    enum egret_cache_kind kind, uint32_t version,
			    struct egret_cache_key *key)
{
	struct identity files[EGRET_PARSER_FILES] = { 0 };
	XXH128_canonical_t hash;
	uid_t owner = 0;

	*key = (struct egret_cache_key){ .kind = kind, .version = version };
	for (size_t i = EGRET_PARSER_FILES; i-- > 0;)
		if (question->files[i] >= 0 && !identify(question->files[i], &files[i], &owner))
			return false;
	key->owner = owner == geteuid() ? 0 : owner; /* of the first */
	XXH128_canonicalFromHash(&hash, XXH3_128bits(files, sizeof(files)));
	key->id.len = sizeof(hash.digest);
	memcpy(key->id.bytes, hash.digest, sizeof(hash.digest));
	return true;
}
