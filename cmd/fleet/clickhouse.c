/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/clickhouse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/batch.h"
#include "agent/fail.h"
#include "fleet/insert.h"
#include "fleet/server.h"
#include "fleet/sql.h"

/* Of each of frames, stacks and labels: 64 Ki of them less a quarter. */
#define KNOWN_BYTES (512u << 10)

struct clickhouse {
	struct server *server;
	char *database;
	struct batch batch;
	/*
	 * Whether the next window of this host may have been sent before: the first one of a
	 * process, the one after an error, and the one after a window that had been. Others cannot.
	 */
	bool in_doubt;
	char *host;
};

int clickhouse_open(const struct clickhouse_opts *opts, struct clickhouse **out,
		    struct egret_error *err)
{
	const struct server_opts server_opts = { .url = opts->url,
						 .user = opts->user,
						 .password = opts->password,
						 .ca_file = opts->ca_file,
						 .timeout_ms = opts->timeout_ms };
	const char *database = opts->database ? opts->database : SQL_DATABASE;
	struct clickhouse *ch;
	int ret;

	if (!sql_is_name(database))
		return agent_fail(err, EINVAL, SQL_NO_NAME, database);
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return agent_fail(err, ENOMEM, "out of memory");
	batch_init(&ch->batch, KNOWN_BYTES);
	ch->in_doubt = true;
	ch->database = strdup(database);
	ret = ch->database ? server_open(&server_opts, &ch->server, err) : -ENOMEM;
	if (ret)
		clickhouse_close(ch);
	else
		*out = ch;
	return ret;
}

void clickhouse_close(struct clickhouse *ch)
{
	if (!ch)
		return;
	batch_deinit(&ch->batch);
	server_close(ch->server);
	free(ch->database);
	free(ch->host);
	free(ch);
}

/* ---- whether a window is there ------------------------------------------------------------- */

enum presence { IS_WHOLE, LACKS_ITS_ROW, IS_ABSENT };

/* A window's samples are one block of one partition: all of them are there, or none. */
static void write_question(struct sql *sql, const struct clickhouse *ch,
			   const struct batch_window *window)
{
	const struct batch_mark *mark = &ch->batch.mark;
	uint32_t time = batch_time(window);

	sql_add(sql, "SELECT (SELECT count() FROM %s.windows WHERE host = ", ch->database);
	sql_string(sql, window->host);
	sql_add(sql, " AND from_ns = %" PRIu64 ")", window->from_ns);
	/* Another window of the same second, whose samples are not this one's. */
	sql_add(sql, ", (SELECT count() FROM %s.windows WHERE host = ", ch->database);
	sql_string(sql, window->host);
	sql_add(sql, " AND time = toDateTime(%u))", time);
	if (!mark->is_set) {
		sql_add(sql, ", toUInt64(0) FORMAT RowBinary");
		return;
	}
	sql_add(sql, ", (SELECT count() FROM %s.samples WHERE event = ", ch->database);
	sql_string(sql, mark->event);
	sql_add(sql, " AND service = ");
	sql_string(sql, mark->service);
	sql_add(sql, " AND stack = unhex('");
	for (size_t i = 0; i < sizeof(mark->stack.bytes); i++)
		sql_add(sql, "%02x", mark->stack.bytes[i]);
	sql_add(sql, "') AND labels = %" PRIu64, mark->labels);
	sql_add(sql,
		" AND toStartOfHour(time) = toStartOfHour(toDateTime(%u, 'UTC')) AND time = "
		"toDateTime(%u)) FORMAT RowBinary",
		time, time);
}

static int ask(struct clickhouse *ch, const struct batch_window *window, enum presence *presence,
	       struct egret_error *err)
{
	struct row_buffer answer = { 0 };
	struct row_reader in;
	struct sql sql = { 0 };
	uint64_t same, same_second, samples;
	int ret;

	write_question(&sql, ch, window);
	ret = sql_failed(&sql) ? agent_fail(err, ENOMEM, "out of memory")
			       : server_query(ch->server, sql_text(&sql), &answer, err);
	in = (struct row_reader){ .at = answer.bytes, .end = answer.bytes + answer.len };
	same = binary_take_u64(&in);
	same_second = binary_take_u64(&in);
	samples = binary_take_u64(&in);
	if (!ret && in.failed)
		ret = agent_fail(err, EIO, "the ClickHouse server answers with less than asked");
	*presence = same ? IS_WHOLE : samples && !same_second ? LACKS_ITS_ROW : IS_ABSENT;
	sql_deinit(&sql);
	binary_deinit(&answer);
	return ret;
}

/* Whether the first try is still under way. Servers that do not tell refuse its name instead. */
static bool is_running(struct clickhouse *ch, const char *query_id)
{
	struct row_buffer answer = { 0 };
	char query[160];
	bool is;

	snprintf(query, sizeof(query),
		 "SELECT count() FROM system.processes WHERE query_id = '%s' FORMAT RowBinary",
		 query_id);
	is = !server_query(ch->server, query, &answer, NULL) && answer.len == 8 &&
	     memcmp(answer.bytes, "\0\0\0\0\0\0\0", 8);
	binary_deinit(&answer);
	return is;
}

static int look(struct clickhouse *ch, const struct batch_window *window, const char *query_id,
		enum presence *presence, struct egret_error *err)
{
	*presence = IS_ABSENT;
	if (!ch->in_doubt && ch->host && !strcmp(ch->host, window->host))
		return 0;
	if (is_running(ch, query_id))
		return agent_fail(err, EAGAIN, "the window is still being inserted");
	return ask(ch, window, presence, err);
}

/* ---- putting one there --------------------------------------------------------------------- */

static int put(struct clickhouse *ch, const struct egret_profile *profile,
	       const struct batch_window *window, enum presence *presence, struct egret_error *err)
{
	char query_id[64];
	int ret = batch_add(&ch->batch, profile, window);

	if (ret)
		return agent_fail(err, -ret, "out of memory");
	snprintf(query_id, sizeof(query_id), "egret-%016" PRIx64 "-%" PRIu64,
		 identity_bytes(window->host, strlen(window->host)), window->from_ns);
	ret = look(ch, window, query_id, presence, err);
	if (ret || *presence == IS_WHOLE)
		return ret;
	if (*presence == LACKS_ITS_ROW)
		binary_clear(&ch->batch.rows[FLEET_SAMPLES]);
	ret = insert_batch(ch->server, ch->database, &ch->batch, query_id, err);
	return ret == -EBUSY ? -EAGAIN : ret;
}

int clickhouse_put(struct clickhouse *ch, const struct egret_profile *profile, const char *host,
		   uint64_t from_ns, uint64_t to_ns, struct egret_error *err)
{
	const struct batch_window window = { .host = host, .from_ns = from_ns, .to_ns = to_ns };
	enum presence presence = IS_ABSENT;
	int ret = put(ch, profile, &window, &presence, err);

	ch->in_doubt = ret || presence != IS_ABSENT;
	if (ret) {
		batch_reset(&ch->batch);
		return ret;
	}
	batch_clear(&ch->batch);
	if (!ch->host || strcmp(ch->host, host) != 0) {
		free(ch->host);
		ch->host = strdup(host); /* NULL: the next window is asked for once more */
	}
	return 0;
}
