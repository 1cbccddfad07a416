/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* difference.c - egret fleet diff: two times, or two parts of a fleet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comparison.h"
#include "comparison_text.h"
#include "fleet/fleet.h"

/* FROM,TO as two texts; without a range the options --from and --to. *from is to be freed. */
static int split_range(const struct fleet_opts *o, const char *range, char **from, const char **to)
{
	const char *comma = range ? strchr(range, ',') : NULL;

	*from = NULL;
	*to = o->to;
	if (!range)
		return STATUS_OK;
	if (!comma || comma == range || !comma[1])
		return say_usage("fleet",
				 "a range of times is FROM,TO, such as 10:00,10:05; not '%s'",
				 range);
	*from = strndup(range, (size_t)(comma - range));
	*to = comma + 1;
	return *from ? STATUS_OK : say_error("out of memory");
}

struct side {
	const char *range, *where;
	char name[256];
	struct egret_profile *profile;
};

static void name_side(const struct fleet_opts *o, struct side *side)
{
	snprintf(side->name, sizeof(side->name), "%.100s%s%.140s",
		 side->range   ? side->range
		 : side->where ? ""
		 : o->from     ? o->from
			       : "the last hour",
		 side->range && side->where ? ", " : "", side->where ? side->where : "");
}

/* `event`: as the first side has it, where it is not empty. */
static int open_side(const struct fleet_opts *o, struct server *server, struct side *side,
		     struct fleet_event *event)
{
	struct fleet_event found = { 0 };
	struct selection selection = { 0 };
	const char *to;
	char *from;
	int status = split_range(o, side->range, &from, &to);

	if (!status)
		status = selection_init(&selection, o, from ? from : o->from, to, side->where);
	if (!status)
		status = fleet_find_event(server, &selection, event->name ? event->name : o->event,
					  &found);
	if (!status)
		status = fleet_fetch(server, &selection, &found, NULL, &side->profile);
	if (!status && !event->name) {
		*event = found;
		found = (struct fleet_event){ 0 };
	}
	name_side(o, side);
	fleet_event_deinit(&found);
	selection_deinit(&selection);
	free(from);
	return status;
}

static int print_difference(const struct fleet_opts *o, const struct side sides[2])
{
	const struct comparison_text text = {
		.before = sides[0].name,
		.after = sides[1].name,
		.by = !strcmp(o->diff_by, "stack")   ? BY_STACK
		      : !strcmp(o->diff_by, "total") ? BY_TOTAL
						     : BY_SELF,
		.confidence = o->confidence,
		.limit = o->limit ? o->limit : 40,
		.all = o->all,
	};
	const struct egret_profile *const profiles[2] = { sides[0].profile, sides[1].profile };

	return comparison_print(&text, profiles, (const size_t[2]){ 0, 0 });
}

static int write_page(const struct fleet_opts *o, const struct side sides[2])
{
	char title[600];
	struct egret_export_opts opts = {
		.size = sizeof(opts),
		.title = title,
		.base = sides[0].profile,
	};

	snprintf(title, sizeof(title), "%s \xe2\x86\x92 %s", sides[0].name, sides[1].name);
	return fleet_write(o, sides[1].profile, o->format, &opts);
}

int fleet_diff(const struct fleet_opts *o, int argc, char **argv)
{
	struct side sides[2] = {
		{ .range = o->before, .where = o->before_where ? o->before_where : o->where },
		{ .range = o->after, .where = o->after_where ? o->after_where : o->where },
	};
	bool is_text = !strcmp(o->format, "tsv");
	struct fleet_event event = { 0 };
	struct server *server = NULL;
	int status;

	if (argc)
		return say_usage("fleet", "diff takes no operands");
	if (!o->before && !o->after && !o->before_where && !o->after_where)
		return say_usage("fleet",
				 "diff wants two times (--before, --after), or two parts of "
				 "the fleet (--before-where, --after-where)");
	if (!is_text && strcmp(o->format, "html") && strcmp(o->format, "flamegraph") &&
	    strcmp(o->format, "pprof"))
		return say_usage("fleet", "diff is text, or --format=html, flamegraph or pprof");
	status = fleet_connect(o, &server);
	for (int i = 0; i < 2 && !status; i++)
		status = open_side(o, server, &sides[i], &event);
	if (!status)
		status = is_text ? print_difference(o, sides) : write_page(o, sides);
	egret_profile__destroy(sides[0].profile);
	egret_profile__destroy(sides[1].profile);
	fleet_event_deinit(&event);
	server_close(server);
	return status;
}
