/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cmd/addresses.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "test.h"

static void hexadecimal_with_or_without_prefix(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = {
		{ "0", 0 },
		{ "0x0", 0 },
		{ "10", 0x10 },
		{ "0X1F", 0x1f },
		{ "ffffffffffffffff", UINT64_MAX },
		{ "0x00000000000000000000abcdef", 0xabcdef },
	};
	static const char *const bad[] = { "",	  "0x",	       "x1",
					   "-1",  "+1",	       " 1",
					   "1 ",  "12g",       "10000000000000000",
					   "1.5", "main+0x10", "0x0x1" };
	struct egret_error err;
	uint64_t got;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(address_parse(good[i].text, &got, &err), 0);
		CHECK_EQ(got, good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(address_parse(bad[i], &got, &err), -EINVAL);
		CHECK(strstr(err.text, bad[i]) && strstr(err.text, "is no address"));
	}
}

/* A pipe that holds text; further text may be written to *to. */
static struct addresses *stream(const char *text, int *to)
{
	struct addresses *in = calloc(1, sizeof(*in));
	int ends[2];

	if (!in || pipe2(ends, O_NONBLOCK) || write(ends[1], text, strlen(text)) < 0)
		abort();
	in->fd = ends[0];
	if (to)
		*to = ends[1];
	else
		close(ends[1]);
	return in;
}

static void done(struct addresses *in)
{
	close(in->fd);
	free(in);
}

static void words_and_lines_of_a_stream(void)
{
	struct addresses *in = stream("  1 0x2\r\n\n3\n4", NULL);
	uint64_t got[8];
	struct egret_error err;

	CHECK_EQ(addresses_read(in, got, 2, &err), 2);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(got[1], 2);
	CHECK_EQ(addresses_read(in, got, 8, &err), 1);
	CHECK_EQ(got[0], 3);
	CHECK_EQ(addresses_read(in, got, 8, &err), 1); /* its end is that of the stream */
	CHECK_EQ(got[0], 4);
	CHECK_EQ(addresses_read(in, got, 8, &err), 0);
	done(in);
}

static void answers_as_they_come(void)
{
	uint64_t got[8];
	struct egret_error err;
	int to;
	struct addresses *in = stream("10\n2", &to);

	CHECK_EQ(addresses_read(in, got, 8, &err), 1);
	CHECK_EQ(got[0], 0x10);
	CHECK_EQ(addresses_read(in, got, 8, &err), -EAGAIN); /* the pipe does not wait */
	CHECK_EQ(write(to, "0\n", 2), 2);
	CHECK_EQ(addresses_read(in, got, 8, &err), 1);
	CHECK_EQ(got[0], 0x20);
	close(to);
	CHECK_EQ(addresses_read(in, got, 8, &err), 0);
	done(in);
}

static void what_is_before_a_slip_is_given_out(void)
{
	struct addresses *in = stream("1\n2 nonsense 3\n", NULL);
	uint64_t got[8];
	struct egret_error err;

	CHECK_EQ(addresses_read(in, got, 8, &err), 2);
	CHECK_EQ(addresses_read(in, got, 8, &err), -EINVAL);
	CHECK_STR(err.text, "line 2: 'nonsense' is no address");
	done(in);
}

static void a_word_without_end_is_refused(void)
{
	char text[1000];
	uint64_t got[8];
	struct egret_error err;
	int to, ret;
	struct addresses *in = stream("", &to);

	memset(text, '0', sizeof(text));
	do {
		if (write(to, text, sizeof(text)) < 0)
			break;
		ret = addresses_read(in, got, 8, &err);
	} while (ret == -EAGAIN);
	CHECK_EQ(ret, -EINVAL);
	close(to);
	done(in);
}

int main(void)
{
	RUN(hexadecimal_with_or_without_prefix);
	RUN(words_and_lines_of_a_stream);
	RUN(answers_as_they_come);
	RUN(what_is_before_a_slip_is_given_out);
	RUN(a_word_without_end_is_refused);
	return DONE();
}
