/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* selection.c - whose samples: a range of times, an event, conditions on labels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock_time.h"
#include "fleet/fleet.h"

#define NS_PER_S 1000000000ull

/* A window is filed under the second in which it began. */
static uint32_t seconds_of(uint64_t ns)
{
	uint64_t s = (ns + NS_PER_S - 1) / NS_PER_S;

	return s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static int parse_times(struct selection *s, const char *from, const char *to)
{
	uint64_t now = clock_time_now(), from_ns, to_ns = now;

	if (clock_time_parse(from ? from : "-1h", now, 0, &from_ns))
		return say_usage("fleet", "'%s' is not a time: 10:00, \"2026-11-25 03:00\", -5m",
				 from);
	if (to && clock_time_parse(to, now, from_ns, &to_ns))
		return say_usage("fleet", "'%s' is not a time: 10:00, \"2026-11-25 03:00\", -5m",
				 to);
	if (to_ns <= from_ns)
		return say_usage("fleet", "--to is not after --from");
	s->from = seconds_of(from_ns);
	s->to = seconds_of(to_ns);
	return STATUS_OK;
}

int selection_init(struct selection *s, const struct fleet_opts *o, const char *from,
		   const char *to, const char *where)
{
	struct egret_error err = { "" };
	int status;

	*s = (struct selection){ .database = o->database };
	if (!sql_is_name(o->database))
		return say_usage("fleet", SQL_NO_NAME, o->database);
	status = parse_times(s, from, to);
	if (status || !where)
		return status;
	s->has_where = true;
	return where_parse(&s->where, where, &err) ? say_usage("fleet", "%s", err.text) : STATUS_OK;
}

void selection_deinit(struct selection *s)
{
	where_deinit(&s->where);
	free(s->event);
}

void selection_add_condition(struct sql *sql, const struct selection *s)
{
	sql_add(sql, "event = ");
	sql_string(sql, s->event);
	/* A range of the index too, which is sorted by the hour: it grows with the time. */
	sql_add(sql, " AND time >= toDateTime(%u) AND time < toDateTime(%u)", s->from, s->to);
	if (!s->has_where)
		return;
	if (s->where.service) {
		sql_add(sql, " AND service = ");
		sql_string(sql, s->where.service);
	}
	sql_add(sql, " AND labels GLOBAL IN (SELECT id FROM %s.labels WHERE %s)", s->database,
		sql_text((struct sql *)&s->where.sql));
}

/* ---- the event ----------------------------------------------------------------------------- */

void fleet_event_deinit(struct fleet_event *event)
{
	free(event->name);
	free(event->unit);
	*event = (struct fleet_event){ 0 };
}

static void write_events(struct sql *sql, const struct selection *s, const char *wanted)
{
	sql_add(sql,
		"SELECT event, any(unit), max(frequency), max(period), uniqExact(host) FROM "
		"%s.windows WHERE time >= toDateTime(%u) AND time < toDateTime(%u)",
		s->database, s->from, s->to);
	if (wanted) {
		sql_add(sql, " AND event = ");
		sql_string(sql, wanted);
	}
	sql_add(sql, " GROUP BY event ORDER BY sum(samples) DESC, event LIMIT 1 FORMAT RowBinary");
}

static char *take_string(struct row_reader *in)
{
	size_t len;
	const char *text = binary_take_text(in, &len);

	return strndup(text, len);
}

int fleet_find_event(struct server *server, struct selection *s, const char *wanted,
		     struct fleet_event *event)
{
	struct egret_error err = { "" };
	struct row_buffer answer = { 0 };
	struct sql sql = { 0 };
	struct row_reader in;
	int ret;

	*event = (struct fleet_event){ 0 };
	write_events(&sql, s, wanted);
	ret = server_query(server, sql_text(&sql), &answer, &err);
	sql_deinit(&sql);
	in = (struct row_reader){ .at = answer.bytes, .end = answer.bytes + answer.len };
	if (!ret && binary_more(&in)) {
		event->name = take_string(&in);
		event->unit = take_string(&in);
		event->frequency = binary_take_u64(&in);
		event->period = binary_take_u64(&in);
		event->hosts = binary_take_u64(&in);
		s->event = event->name ? strdup(event->name) : NULL;
	}
	binary_deinit(&answer);
	if (ret)
		return say_failure(&err);
	if (!s->event && wanted)
		return say_error("there is nothing of the event '%s' between these times", wanted);
	if (!s->event)
		return say_error("there is nothing between these times");
	return STATUS_OK;
}
