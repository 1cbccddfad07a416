/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The reader takes a recording block by block, from anything that can be read: no seeking.
 *
 * A file that ends early was cut short, by a writer that was killed or a disk that was full: what
 * it holds is used. Anything else that is not as written is damage, and an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/options.h"
#include "profile/profile_tables.h"
#include "recording/reader.h"

/* See struct egret_reader: packed blocks of samples and stacks unpack to 2 to 10 times their size.
 */
#define BUDGET_BASE (64u << 20)
#define BUDGET_FACTOR 128

struct block_header {
	uint32_t magic;
	uint32_t number;
	uint32_t raw_len;
	uint32_t stored_len;
	uint32_t crc;
	bool sound; /* its own checksum matches */
};

/* A recording that is being read, and where the reading has come to. */
struct source {
	const char *name; /* for messages */
	int fd;
	uint64_t offset; /* of the block under way */
	uint32_t block;	 /* its number */
	struct egret_buffer stored;
	struct egret_buffer payload;
	struct libdeflate_decompressor *decompressor;
};

/* Up to len bytes: fewer only at the end. The number of bytes, or -errno. */
static ssize_t read_fully(int fd, void *to, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)to + got, len - got);

		if (n > 0)
			got += (size_t)n;
		else if (!n)
			break;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)got;
}

static int read_failed(const struct source *s, ssize_t ret, struct egret_error *err)
{
	return egret_fail(err, (int)-ret, "cannot read %s: %s", s->name, strerror((int)-ret));
}

static int not_a_recording(const struct source *s, const char *why, struct egret_error *err)
{
	return egret_fail(err, EBADMSG, "%s is not a recording of egret: %s", s->name, why);
}

/* The first 24 bytes are the same in all versions, so that each can tell what it has before it. */
static int read_file_header(struct source *s, struct egret_error *err)
{
	uint8_t header[EGRET_FILE_HEADER_SIZE];
	ssize_t got = read_fully(s->fd, header, sizeof(header));
	unsigned int major, minor;

	if (got < 0)
		return read_failed(s, got, err);
	if (!got)
		return not_a_recording(s, "it is empty", err);
	if (memcmp(header, EGRET_RECORDING_MAGIC, got < 8 ? (size_t)got : 8))
		return not_a_recording(s, "it does not begin as one", err);
	if (got < EGRET_FILE_HEADER_SIZE)
		return not_a_recording(s, "it ends within its header", err);
	if (egret_get32(header + 20) != egret_recording_crc(header, 20))
		return egret_fail(err, EBADMSG, "%s: the header is damaged (wrong checksum)",
				  s->name);
	major = egret_get16(header + 8);
	minor = egret_get16(header + 10);
	if (major != EGRET_RECORDING_MAJOR)
		return egret_fail(
			err, ENOTSUP,
			"%s is a recording of version %u.%u, and this egret reads version "
			"%u: use the egret that made it, or a newer one",
			s->name, major, minor, EGRET_RECORDING_MAJOR);
	if (header[12] != EGRET_RECORDING_LITTLE_ENDIAN)
		return egret_fail(err, ENOTSUP,
				  "%s was made on a machine of another byte order (%u): use egret "
				  "on such a machine",
				  s->name, header[12]);
	s->offset = sizeof(header);
	return 0;
}

/* Damage, and how far the recording can be used all the same. */
static int damaged(const struct source *s, const char *why, struct egret_error *err)
{
	return egret_fail(err, EBADMSG,
			  "%s: block %u at byte %" PRIu64
			  " is damaged: %s (what comes before it can "
			  "be read: head -c %" PRIu64 ")",
			  s->name, s->block, s->offset, why, s->offset);
}

static struct block_header parse_block_header(const uint8_t *bytes)
{
	return (struct block_header){
		.magic = egret_get32(bytes),
		.number = egret_get32(bytes + 4),
		.raw_len = egret_get32(bytes + 8),
		.stored_len = egret_get32(bytes + 12),
		.crc = egret_get32(bytes + 16),
		.sound = egret_get32(bytes + 20) == egret_recording_crc(bytes, 20),
	};
}

static int check_block_header(const struct source *s, const struct block_header *h,
			      struct egret_error *err)
{
	if (h->magic != EGRET_BLOCK_MAGIC)
		return damaged(s, "no block begins here", err);
	if (!h->sound)
		return damaged(s, "wrong checksum of its header", err);
	if (h->number != s->block)
		return damaged(s, "blocks are missing or out of order", err);
	if (!h->raw_len || h->raw_len > EGRET_BLOCK_MAX || h->stored_len > h->raw_len)
		return damaged(s, "its lengths cannot be", err);
	return 0;
}

static int unpack(struct source *s, const struct block_header *h, struct egret_error *err)
{
	if (egret_recording_crc(s->stored.data, h->stored_len) != h->crc)
		return damaged(s, "wrong checksum", err);
	egret_buffer_clear(&s->payload);
	if (!egret_buffer_reserve(&s->payload, h->raw_len))
		return egret_fail(err, ENOMEM, "%s: no memory for block %u", s->name, s->block);
	s->payload.len = h->raw_len;
	if (h->stored_len == h->raw_len)
		memcpy(s->payload.data, s->stored.data, h->raw_len);
	else if (libdeflate_zlib_decompress(s->decompressor, s->stored.data, h->stored_len,
					    s->payload.data, h->raw_len,
					    NULL) != LIBDEFLATE_SUCCESS)
		return damaged(s, "it does not unpack", err);
	return 0;
}

/* 1: a block is in s->payload. 0: the file ends before the block does. */
static int read_block(struct source *s, struct block_header *h, struct egret_error *err)
{
	uint8_t bytes[EGRET_BLOCK_HEADER_SIZE];
	ssize_t got = read_fully(s->fd, bytes, sizeof(bytes));
	int ret;

	if (got < 0)
		return read_failed(s, got, err);
	if (got < EGRET_BLOCK_HEADER_SIZE)
		return 0;
	*h = parse_block_header(bytes);
	ret = check_block_header(s, h, err);
	if (ret)
		return ret;
	egret_buffer_clear(&s->stored);
	if (!egret_buffer_reserve(&s->stored, h->stored_len))
		return egret_fail(err, ENOMEM, "%s: no memory for block %u", s->name, s->block);
	got = read_fully(s->fd, s->stored.data, h->stored_len);
	if (got < 0)
		return read_failed(s, got, err);
	if ((size_t)got < h->stored_len)
		return 0;
	ret = unpack(s, h, err);
	return ret ? ret : 1;
}

/* Nothing may follow the end mark. */
static int check_end(struct source *s, struct egret_error *err)
{
	char byte;
	ssize_t got = read_fully(s->fd, &byte, 1);

	if (got < 0)
		return read_failed(s, got, err);
	return got ? damaged(s, "the recording has ended before it", err) : 0;
}

static int read_blocks(struct source *s, struct egret_reader *r, struct egret_error *err)
{
	while (!r->ended) {
		struct block_header h = { 0 };
		int ret;

		s->block++;
		ret = read_block(s, &h, err);
		if (!ret)
			egret_profile_set_truncated(r->profile);
		if (ret <= 0)
			return ret;
		r->budget += (uint64_t)h.stored_len * BUDGET_FACTOR;
		r->samples.block = s->block;
		ret = egret_reader_payload(r, s->payload.data, s->payload.len, err);
		if (ret && !r->stopped)
			egret_fail_in(err, ret, "%s: block %u at byte %" PRIu64, s->name, s->block,
				      s->offset);
		if (ret)
			return ret;
		s->offset += EGRET_BLOCK_HEADER_SIZE + h.stored_len;
	}
	s->block++;
	return check_end(s, err);
}

static bool is_empty(const struct egret_profile *p)
{
	return p->strings.n == 1 && !p->modules.n && !p->frames.n && p->stacks.n == 1 &&
	       !p->threads.n && !p->entries.n && !p->events.n && !p->stats.n && !p->meta.n;
}

int egret_recording_read(const char *path, struct egret_profile *profile,
			 const struct egret_reader_ops *ops, void *arg, struct egret_error *err)
{
	bool is_stdin = !strcmp(path, "-");
	struct source s = { .name = is_stdin ? "standard input" : path };
	struct egret_reader r = {
		.profile = profile, .ops = ops, .arg = arg, .budget = BUDGET_BASE
	};
	int opened __close_ = -1;
	int ret;

	if (!is_empty(profile))
		return egret_fail(err, EINVAL, "%s: the profile to read into is not empty", s.name);
	if (!is_stdin) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return egret_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
	}
	s.fd = is_stdin ? STDIN_FILENO : opened;
	s.decompressor = libdeflate_alloc_decompressor();
	if (!s.decompressor)
		return egret_fail(err, ENOMEM, "%s: no memory to unpack it", s.name);
	ret = read_file_header(&s, err);
	if (!ret)
		ret = read_blocks(&s, &r, err);
	egret_buffer_deinit(&s.stored);
	egret_buffer_deinit(&s.payload);
	libdeflate_free_decompressor(s.decompressor);
	egret_reader_deinit(&r);
	return ret;
}

int egret_profile__open_with(const char *path, const struct egret_open_opts *opts,
			     struct egret_profile **out, struct egret_error *err)
{
	struct egret_open_opts known;
	struct egret_profile *profile;
	int ret = egret_options_take(&known, sizeof(known), opts, "open options", err);

	if (ret)
		return ret;
	if (egret_profile_create(&profile))
		return egret_fail(err, ENOMEM, "no memory for a profile");
	if (known.keep_samples)
		egret_profile_keep_samples(profile);
	ret = egret_recording_read(path, profile, NULL, NULL, err);
	if (!ret && egret_profile_sort_samples(profile))
		ret = egret_fail(err, ENOMEM, "no memory for the samples of %s", path);
	if (ret) {
		egret_profile__destroy(profile);
		return ret;
	}
	*out = profile;
	return 0;
}

int egret_profile__open(const char *path, struct egret_profile **out, struct egret_error *err)
{
	return egret_profile__open_with(path, NULL, out, err);
}
