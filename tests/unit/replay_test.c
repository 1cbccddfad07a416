/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Replays of recordings whose raw records were made by hand: whole ones, and ones that lie. */
#include <fcntl.h>
#include <unistd.h>

#include "fake_system.h"

#include "recording/recording.h"
#include "session/pipeline.h"
#include "session/raw_tags.h"

static char path[] = "/tmp/egret-replay-XXXXXX";

struct raw {
	uint32_t tag;
	const void *bytes;
	size_t len;
};

static void write_recording(const struct raw *raws, size_t n)
{
	struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds", .frequency = 999 };
	struct egret_profile *profile;
	struct egret_writer *writer;
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	CHECK_EQ(egret_profile_create(&profile), 0);
	CHECK_EQ(egret_profile_add_event(profile, &event), 0);
	CHECK_EQ(egret_writer_create(fd, profile, &writer, NULL), 0);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(egret_writer_raw(writer, raws[i].tag, raws[i].bytes, raws[i].len, NULL),
			 0);
	CHECK_EQ(egret_writer_finish(writer, NULL), 0);
	egret_writer_destroy(writer);
	egret_profile__destroy(profile);
	close(fd);
}

/* Replays, and reads what came of it. Returns what egret_replay did. */
static int replay(struct egret_profile **out, struct egret_error *err)
{
	char to[] = "/tmp/egret-replay-XXXXXX";
	struct egret_replay_opts opts = { .size = sizeof(opts) };
	int fd = mkstemp(to), ret;

	err->text[0] = 0;
	ret = egret_replay(path, fd, &opts, err);
	if (!ret && out)
		CHECK_EQ(egret_profile__open(to, out, err), 0);
	close(fd);
	unlink(to);
	return ret;
}

/* One sample of process 7 that waits for capture 1. */
static struct egret_rec_sample sample(void)
{
	return (struct egret_rec_sample){
		.rec = { .type = EGRET_REC_SAMPLE, .size = sizeof(struct egret_rec_sample) },
		.cookie = 1,
		.period = 1,
		.pid = 7,
		.tid = 7,
		.comm = "t",
	};
}

static const char maps[] = "\7\0\0\0"
			   "401000-409000 r-xp 1000 0:0 1 /bin/a\n";

static int keep_stack(const struct egret_stack *stack, void *arg)
{
	char *text = arg;

	sprintf(text, "%s/%s:%s %d %s %s", stack->thread->process, stack->thread->comm,
		stack->n_frames ? stack->frames[stack->n_frames - 1]->name : "",
		(int)stack->samples, egret_capture_end_name(stack->capture_end),
		egret_unwind_end_name(stack->unwind_end));
	return 0;
}

static void without_raw(void)
{
	struct egret_error err;

	write_recording(NULL, 0);
	CHECK_EQ(replay(NULL, &err), -ENODATA);
	CHECK(strstr(err.text, "--raw") != NULL);
}

static void plays_again(void)
{
	struct egret_rec_sample s = sample();
	struct {
		struct egret_rec_capture c;
		uint64_t stack[2];
	} r = { .c = { .rec = { .type = EGRET_REC_CAPTURE, .size = sizeof(r) },
		       .cookie = 1,
		       .pid = 7,
		       .tid = 7,
		       .wanted = 16,
		       .got = 16,
		       .ending = EGRET_CAPTURE_LIMIT,
		       .n_windows = 1,
		       .window = { { .start = 0x7000, .len = 16 } } } };
	struct raw raws[] = {
		{ EGRET_RAW_MAPS, maps, sizeof(maps) - 1 },
		{ EGRET_RAW_COMM, "\7\0\0\0name", 8 },
		{ EGRET_RAW_RECORD, &s, sizeof(s) },
		{ EGRET_RAW_RECORD, &r, sizeof(r) },
	};
	struct egret_profile *profile = NULL;
	struct egret_error err;
	char text[256] = "";

	r.c.regs[EGRET_REG_RIP] = 0x401010;
	r.c.regs[EGRET_REG_RSP] = 0x7000;
	write_recording(raws, 4);
	CHECK_EQ(replay(&profile, &err), 0);
	CHECK_EQ(egret_profile__each_stack(profile, keep_stack, text), 0);
	CHECK(!strncmp(text, "name/t:[cut: stack-limit] 1 stack-limit ", 40));
	egret_profile__destroy(profile);
}

/* Nothing of a record is looked at that is not in it. */
static void records_that_are_short(void)
{
	struct egret_rec_sample s = sample();
	struct egret_rec_capture c = { .rec = { .type = EGRET_REC_CAPTURE, .size = sizeof(c) } };
	struct {
		uint64_t time;
		struct perf_event_header header;
		uint8_t rest[80];
	} p = { .header = { .type = PERF_RECORD_MMAP2, .size = 88 } };
	struct raw good = { EGRET_RAW_RECORD, &s, sizeof(s) };
	struct egret_error err;

	for (size_t len = 0; len < sizeof(s); len++) {
		struct raw raws[] = { good, { EGRET_RAW_RECORD, &s, len } };

		write_recording(raws, 2);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
		CHECK(strstr(err.text, "damaged") != NULL);
	}
	for (size_t len = 0; len < sizeof(c); len += 8) {
		struct raw raws[] = { good, { EGRET_RAW_RECORD, &c, len } };

		c.rec.size = (uint32_t)len;
		write_recording(raws, 2);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
	}
	/* Up to the name, which is at least its terminating zero. */
	for (size_t len = 0; len <= 72; len += 4) {
		struct raw raws[] = { good, { EGRET_RAW_PERF, &p, 8 + len } };

		p.header.size = (uint16_t)len;
		write_recording(raws, 2);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
	}
}

/* More kernel frames than there are bytes, or than there may be. */
static void kernel_frames_that_are_not_there(void)
{
	static const uint32_t numbers[] = { 1, EGRET_MAX_KERNEL_FRAMES, EGRET_MAX_KERNEL_FRAMES + 1,
					    UINT32_MAX };

	for (size_t i = 0; i < 4; i++) {
		struct egret_rec_sample s = sample();
		struct raw raw = { EGRET_RAW_RECORD, &s, sizeof(s) };
		struct egret_error err;

		s.n_kernel = numbers[i];
		write_recording(&raw, 1);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
	}
}

/* Texts without an end. The bytes behind the record in memory are the recording's own. */
static void names_without_an_end(void)
{
	static const uint32_t types[] = { PERF_RECORD_MMAP2, PERF_RECORD_COMM };
	struct egret_rec_sample s = sample();

	for (size_t i = 0; i < 2; i++) {
		struct {
			uint64_t time;
			struct perf_event_header header;
			uint32_t pid, tid;
			uint8_t rest[4096 - 24];
		} p = { .header = { .type = types[i], .size = sizeof(p) - 8 }, .pid = 7, .tid = 7 };
		struct raw raws[] = { { EGRET_RAW_RECORD, &s, sizeof(s) },
				      { EGRET_RAW_PERF, &p, sizeof(p) } };
		struct egret_error err;

		memset(p.rest, 'x', sizeof(p.rest));
		write_recording(raws, 2);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
		p.rest[sizeof(p.rest) - 1] = 0;
		write_recording(raws, 2);
		CHECK_EQ(replay(NULL, &err), 0);
	}
}

/* Modules and copies of files that refer to nothing, or reach beyond their file. */
static void modules_that_lie(void)
{
	struct egret_rec_sample s = sample();
	struct {
		struct egret_raw_module head;
		char name[8];
	} module = { .name = "/bin/a" };
	struct {
		struct egret_raw_image head;
		uint8_t bytes[64];
	} image = { .head = { .file_size = 64 } };
	struct raw raws[] = { { EGRET_RAW_MODULE, &module, sizeof(module) },
			      { EGRET_RAW_IMAGE, &image, sizeof(image) },
			      { EGRET_RAW_RECORD, &s, sizeof(s) } };
	struct egret_error err;

	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), 0);
	image.head.offset = 1;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	image.head.offset = UINT64_MAX - 8;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	image.head.offset = 0;
	image.head.file_size = UINT64_MAX;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	image.head.file_size = 64;
	image.head.module = 1;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	image.head.module = 0;
	image.head.debug = 2;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	module.head.build_id_len = 21;
	write_recording(raws, 3);
	CHECK_EQ(replay(NULL, &err), -EBADMSG);
	for (size_t len = 0; len < sizeof(module.head); len += 7) {
		raws[0].len = len;
		write_recording(raws, 3);
		CHECK_EQ(replay(NULL, &err), -EBADMSG);
	}
}

static void short_texts(void)
{
	static const uint32_t tags[] = { EGRET_RAW_MAPS, EGRET_RAW_COMM, EGRET_RAW_PERFMAP };
	struct egret_rec_sample s = sample();
	struct egret_error err;

	for (size_t i = 0; i < 3; i++) {
		for (size_t len = 0; len <= 4; len++) {
			struct raw raws[] = { { tags[i], maps, len },
					      { EGRET_RAW_RECORD, &s, sizeof(s) } };

			write_recording(raws, 2);
			CHECK_EQ(replay(NULL, &err), len < 4 ? -EBADMSG : 0);
		}
	}
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	RUN(without_raw);
	RUN(plays_again);
	RUN(records_that_are_short);
	RUN(kernel_frames_that_are_not_there);
	RUN(names_without_an_end);
	RUN(modules_that_lie);
	RUN(short_texts);
	unlink(path);
	return DONE();
}
