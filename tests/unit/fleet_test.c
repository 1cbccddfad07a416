/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a fleet's database is sent and asked: ids, rows, conditions, tables. */
#include "test.h"

#include <errno.h>

#include "fleet/batch.h"
#include "fleet/labels.h"
#include "fleet/schema.h"
#include "fleet/where.h"

/* ---- ids ----------------------------------------------------------------------------------- */

/* These never change: what is stored under them would be stored once more. */
static void ids_stay(void)
{
	const struct egret_frame frame = { .name = "main",
					   .module = "/bin/true",
					   .kind = EGRET_FRAME_USER };
	static const char *const keys[] = { "a", "b" }, *const values[] = { "1", "2" };
	const struct label_set set = { "host", "service", "process", "thread", keys, values, 2 };
	const uint64_t frames[] = { 1, 2 };
	struct stack_id stack = identity_stack("true", frames, 2);
	char text[33];

	for (size_t i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", stack.bytes[i]);
	CHECK_EQ(identity_frame(&frame), (long long)0x64cf1a6f8ad61adbull);
	CHECK_STR(text, "f75f2dc4601008c76b36879a420629e7");
	CHECK_EQ(identity_labels(&set), (long long)0x80bbdd5453060b3dull);
}

static void ids_tell_apart(void)
{
	struct egret_frame frame = { .name = "ab", .module = "c", .kind = EGRET_FRAME_USER };
	uint64_t id = identity_frame(&frame);
	const uint64_t frames[] = { 1, 2 }, turned[] = { 2, 1 };
	struct stack_id stack = identity_stack("p", frames, 2), other;

	frame.line = 7;
	frame.offset = 9;
	frame.flags = EGRET_FRAME_F_RETURN;
	CHECK(identity_frame(&frame) == id); /* the same function */
	frame.flags = EGRET_FRAME_F_INLINED;
	CHECK(identity_frame(&frame) != id);
	frame = (struct egret_frame){ .name = "a", .module = "bc", .kind = EGRET_FRAME_USER };
	CHECK(identity_frame(&frame) != id);
	other = identity_stack("p", turned, 2);
	CHECK(memcmp(&stack, &other, sizeof(stack)));
	other = identity_stack("q", frames, 2);
	CHECK(memcmp(&stack, &other, sizeof(stack)));
	other = identity_stack("p", frames, 1);
	CHECK(memcmp(&stack, &other, sizeof(stack)));
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void rows_are_read_as_written(void)
{
	struct row_buffer rows = { 0 };
	struct row_reader in;
	size_t len;

	binary_u8(&rows, 200);
	binary_u64(&rows, 0x0102030405060708ull);
	binary_length(&rows, 300);
	binary_text(&rows, "a'\n\xff");
	binary_end(&rows);
	CHECK_EQ(rows.rows, 1);
	CHECK_EQ(rows.len, 1 + 8 + 2 + 5);
	CHECK_EQ(rows.bytes[1], 8); /* little-endian */
	CHECK_EQ(rows.bytes[9], 0xac);
	CHECK_EQ(rows.bytes[10], 2); /* LEB128 */
	in = (struct row_reader){ .at = rows.bytes, .end = rows.bytes + rows.len };
	CHECK_EQ(binary_take_u8(&in), 200);
	CHECK_EQ(binary_take_u64(&in), 0x0102030405060708ll);
	CHECK_EQ(binary_take_length(&in), 300);
	CHECK(!memcmp(binary_take_text(&in, &len), "a'\n\xff", 4) && len == 4);
	CHECK(!binary_more(&in) && !in.failed);
	CHECK_EQ(binary_take_u8(&in), 0);
	CHECK(in.failed);
	/* A length that is beyond the end, and one without an end. */
	in = (struct row_reader){ .at = rows.bytes + 9, .end = rows.bytes + rows.len };
	CHECK_STR(binary_take_text(&in, &len), "");
	CHECK(in.failed && !len);
	in = (struct row_reader){
		.at = (const unsigned char *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	};
	in.end = in.at + 11;
	CHECK_EQ(binary_take_length(&in), 0);
	CHECK(in.failed);
	binary_deinit(&rows);
}

static struct egret_profile *profile_of(const char *const *threads, size_t n)
{
	const struct egret_frame frames[] = {
		{ .name = "leaf", .module = "m", .line = 1 },
		{ .name = "root", .module = "m" },
		{ .name = "leaf", .module = "m", .line = 2, .offset = 3 },
	};
	const struct egret_frame *const list[] = { &frames[0], &frames[1] };
	const struct egret_frame *const other[] = { &frames[2], &frames[1] };
	const struct egret_event event = { .name = "cpu-clock",
					   .unit = "nanoseconds",
					   .frequency = 99 };
	struct egret_builder *builder;
	struct egret_profile *profile = NULL;

	CHECK(!egret_builder__create(&builder, NULL));
	CHECK(!egret_builder__add_event(builder, &event, NULL));
	for (size_t i = 0; i < n; i++) {
		const struct egret_thread thread = { .process = "p",
						     .comm = threads[i],
						     .pid = 1,
						     .tid = (pid_t)i,
						     .cgroup = "/c" };
		struct egret_stack stack = {
			.thread = &thread, .frames = list, .n_frames = 2, .samples = 2, .value = 20
		};

		CHECK(!egret_builder__add_stack(builder, &stack, NULL));
		stack.frames = other; /* another line of the same function */
		CHECK(!egret_builder__add_stack(builder, &stack, NULL));
	}
	CHECK(!egret_builder__finish(builder, &profile));
	return profile;
}

static void windows_become_rows(void)
{
	static const char *const threads[] = { "a", "a", "b" };
	struct egret_profile *profile = profile_of(threads, 3);
	struct batch_window window = { "h", 1764115200500000000ull, 1764115210000000000ull };
	struct batch batch;

	batch_init(&batch, 4096);
	CHECK(!batch_add(&batch, profile, &window));
	CHECK_EQ(batch.rows[FLEET_FRAMES].rows, 2);
	CHECK_EQ(batch.rows[FLEET_STACKS].rows, 1);
	CHECK_EQ(batch.rows[FLEET_LABELS].rows, 2);
	CHECK_EQ(batch.rows[FLEET_SAMPLES].rows, 2); /* threads of one name are one */
	CHECK_EQ(batch.rows[FLEET_WINDOWS].rows, 1);
	CHECK_EQ(batch_time(&window), 1764115200);
	CHECK_EQ(batch.month, 20393); /* 2025-11-01 */
	batch_clear(&batch);
	/* The same once more: only samples. A month later: all of it. */
	CHECK(!batch_add(&batch, profile, &window));
	CHECK_EQ(batch.rows[FLEET_FRAMES].rows + batch.rows[FLEET_STACKS].rows +
			 batch.rows[FLEET_LABELS].rows,
		 0);
	CHECK_EQ(batch.rows[FLEET_SAMPLES].rows, 2);
	batch_clear(&batch);
	window.from_ns += 30ull * 86400 * 1000000000;
	CHECK(!batch_add(&batch, profile, &window));
	CHECK_EQ(batch.rows[FLEET_FRAMES].rows, 2);
	CHECK_EQ(batch.month, 20423);
	batch_reset(&batch);
	CHECK(!batch_add(&batch, profile, &window));
	CHECK_EQ(batch.rows[FLEET_STACKS].rows, 1);
	batch_deinit(&batch);
	egret_profile__destroy(profile);
}

static void known_is_bounded(void)
{
	struct known known = { .max_bytes = 4096 };
	size_t n = 0;

	CHECK(known_add(&known, 5) && !known_add(&known, 5));
	for (uint64_t i = 1; i <= 100000; i++)
		n += known_add(&known, i * 0x9e3779b97f4a7c15ull);
	CHECK_EQ(n, 100000);
	CHECK(known.n_slots * sizeof(*known.slots) <= 4096);
	CHECK(known_add(&known, 5)); /* forgotten, and sent once more */
	CHECK(known_add(&known, 0) && known_add(&known, 0));
	known_deinit(&known);
}

/* ---- conditions ---------------------------------------------------------------------------- */

static void conditions_become_sql(void)
{
	static const struct {
		const char *text, *sql, *service;
	} cases[] = {
		{ "service=a", "((service = 'a'))", "a" },
		{ "service = \"a b\" AND host != x", "((service = 'a b') AND NOT (host = 'x'))",
		  "a b" },
		{ "host~^eu or service=a", "((match(host, '^eu')) OR (service = 'a'))", NULL },
		{ "not service=a", "(NOT ((service = 'a')))", NULL },
		{ "comm=x", "(((thread = 'x' OR process = 'x')))", NULL },
		{ "k8s.pod.uid !~ 'a.*'",
		  "(NOT (match(values[indexOf(keys, 'k8s.pod.uid')], 'a.*')))", NULL },
		{ "host in (a, 'b c')", "((host = 'a' OR host = 'b c'))", NULL },
		{ "host not in (a)", "(NOT (host = 'a'))", NULL },
		{ "(service=a and (host=b or host=c))",
		  "((((service = 'a') AND (((host = 'b') OR (host = 'c'))))))", NULL },
		{ "host='it\\'s \\\\'", "((host = 'it\\x27s \\x5C'))", NULL },
		{ "host=\"\xff\n\"", "((host = '\\xFF\\x0A'))", NULL },
		{ "'a\\') or 1=1' = x", "((values[indexOf(keys, 'a\\x27) or 1=1')] = 'x'))", NULL },
		{ "host=''", "((host = ''))", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct egret_error err = { "" };
		struct where where;

		CHECK_EQ(where_parse(&where, cases[i].text, &err), 0);
		CHECK_STR(err.text, "");
		CHECK_STR(sql_text(&where.sql), cases[i].sql);
		CHECK_STR(where.service, cases[i].service);
		where_deinit(&where);
	}
}

static void conditions_that_are_none(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "--where ends where a key, such as service is wanted" },
		{ "service", "--where ends where =, !=, ~, !~ or in is wanted" },
		{ "service=", "--where ends where a value is wanted" },
		{ "service=a b",
		  "--where: and, or, or the end is wanted at character 11, not 'b'" },
		{ "service='a", "--where: the quote at character 9 has no end" },
		{ "(a=b", "--where ends where ')' is wanted" },
		{ "a=b)", "--where: and, or, or the end is wanted at character 4, not ')'" },
		{ "a in b", "--where: '(' is wanted at character 6, not 'b'" },
		{ "a in (b c)", "--where: ',' or ')' is wanted at character 9, not 'c)'" },
		{ "a not like b", "--where: in is wanted at character 7, not 'like b'" },
		{ "a=b;c", "--where: and, or, or the end is wanted at character 4, not ';c'" },
	};
	char deep[400];
	struct egret_error err = { "" };
	struct where where;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_EQ(where_parse(&where, cases[i].text, &err), -EINVAL);
		CHECK_STR(err.text, cases[i].error);
		where_deinit(&where);
	}
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	CHECK_EQ(where_parse(&where, deep, &err), -EINVAL);
	CHECK_STR(err.text, "--where is nested too deeply");
	where_deinit(&where);
}

/* ---- tables -------------------------------------------------------------------------------- */

static char *statement(const struct schema_opts *opts, unsigned int n)
{
	bool failed;

	return schema_statement(opts, n, &failed);
}

static void tables_by_release(void)
{
	const struct schema_opts old = { .database = "d",
					 .version = schema_version("18.16.1"),
					 .keep_days = 9 };
	const struct schema_opts now = { .database = "d",
					 .version = schema_version("24.8.1.1"),
					 .keep_days = 9,
					 .cluster = "c'l" };
	char *text;

	CHECK_EQ(old.version, 1816);
	CHECK_EQ(now.version, 2408);
	CHECK_EQ(schema_version("x"), 0);
	for (unsigned int n = 0; (text = statement(&old, n)); n++) {
		CHECK(!strstr(text, "TTL") && !strstr(text, "CODEC") &&
		      !strstr(text, "LowCardinality") && !strstr(text, "CLUSTER"));
		CHECK_EQ(n <= N_FLEET_TABLES, 1);
		free(text);
	}
	text = statement(&now, 1 + FLEET_SAMPLES);
	CHECK(strstr(text, "d.samples_local ON CLUSTER 'c\\x27l' ("));
	CHECK(strstr(text, "time DateTime('UTC') CODEC(Delta, ZSTD)"));
	CHECK(strstr(text,
		     "ReplicatedMergeTree('/clickhouse/tables/{shard}/d/samples', '{replica}')"));
	CHECK(strstr(text, " TTL time + INTERVAL 9 DAY"));
	free(text);
	text = statement(&now, 1 + FLEET_STACKS);
	CHECK(strstr(text, " TTL seen + INTERVAL 40 DAY")); /* of a whole month */
	free(text);
	text = statement(&now, 1 + N_FLEET_TABLES + FLEET_WINDOWS);
	CHECK_STR(text, "CREATE TABLE IF NOT EXISTS d.windows ON CLUSTER 'c\\x27l' AS "
			"d.windows_local ENGINE = "
			"Distributed('c\\x27l', d, windows_local, cityHash64(host))");
	free(text);
	CHECK(!statement(&now, 1 + 2 * N_FLEET_TABLES));
}

static void buffers_stand_before_what_grows(void)
{
	const struct schema_opts opts = { .database = "d", .version = 1816, .buffer = true };
	char *text = statement(&opts, 1 + FLEET_SAMPLES);

	CHECK(strstr(text, "d.samples_data ("));
	free(text);
	text = statement(&opts, 1 + FLEET_STACKS);
	CHECK(strstr(text, "d.stacks ("));
	free(text);
	text = statement(&opts, 1 + N_FLEET_TABLES);
	CHECK(strstr(text, "d.samples AS d.samples_data ENGINE = Buffer(d, samples_data, "));
	free(text);
	text = statement(&opts, 2 + N_FLEET_TABLES);
	CHECK(strstr(text, "d.windows AS d.windows_data ENGINE = Buffer(d, windows_data, "));
	free(text);
	CHECK(!statement(&opts, 3 + N_FLEET_TABLES));
}

int main(void)
{
	RUN(buffers_stand_before_what_grows);
	RUN(ids_stay);
	RUN(ids_tell_apart);
	RUN(rows_are_read_as_written);
	RUN(windows_become_rows);
	RUN(known_is_bounded);
	RUN(conditions_become_sql);
	RUN(conditions_that_are_none);
	RUN(tables_by_release);
	return DONE();
}
