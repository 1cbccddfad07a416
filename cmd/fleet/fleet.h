/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fleet.h - what the actions of egret fleet have in common. */
#ifndef EGRET_CMD_FLEET_FLEET_H
#define EGRET_CMD_FLEET_FLEET_H

#include "fleet/server.h"
#include "fleet/where.h"
#include "message.h"
#include "opt.h"

struct fleet_opts {
	/* the database */
	const char *url, *user, *password_file, *database, *ca_file;
	uint64_t timeout_ms;
	/* what of it */
	const char *from, *to, *where, *event;
	/* diff */
	const char *before, *after, *before_where, *after_where, *diff_by;
	double confidence;
	bool all;
	/* results */
	const char *format, *output, *title, *by;
	uint64_t limit;
	/* init, expire */
	const char *cluster, *print;
	uint64_t keep_days;
	bool buffer;
};

/* Whose samples: a range of times, an event, conditions. */
struct selection {
	const char *database;
	uint32_t from, to; /* seconds since 1970; `to` is not in it */
	char *event;	   /* on the heap; NULL: not decided yet */
	struct where where;
	bool has_where;
};

/* Each of these returns an exit status after having said what is wrong. */

int fleet_connect(const struct fleet_opts *o, struct server **out);

/* from, to, where: as the options say it; NULL: the default. selection_deinit in any case. */
int selection_init(struct selection *selection, const struct fleet_opts *o, const char *from,
		   const char *to, const char *where);
void selection_deinit(struct selection *selection);

/* The condition on the table of samples; the event must be known. */
void selection_add_condition(struct sql *sql, const struct selection *selection);

struct fleet_event {
	char *name, *unit; /* on the heap */
	uint64_t frequency, period;
	uint64_t hosts; /* that have told of it, whatever where says */
};
void fleet_event_deinit(struct fleet_event *event);

/* The event asked for, or the one with the most samples; sets selection->event. */
int fleet_find_event(struct server *server, struct selection *selection, const char *wanted,
		     struct fleet_event *event);

/* Writes a profile in a format: a page is a file, whose name is printed, unless -o says else. */
int fleet_write(const struct fleet_opts *o, const struct egret_profile *profile, const char *format,
		const struct egret_export_opts *export_opts);

/*
 * The samples of a selection, by stack, and where by is not NULL (by.h) by these labels, as a
 * profile; one without a sample is an error.
 */
int fleet_fetch(struct server *server, const struct selection *selection,
		const struct fleet_event *event, const char *by, struct egret_profile **out);

/* The actions. argv: what follows the name of the action. */
int fleet_init(const struct fleet_opts *o, int argc, char **argv);
int fleet_expire(const struct fleet_opts *o, int argc, char **argv);
int fleet_query(const struct fleet_opts *o, int argc, char **argv);
int fleet_top(const struct fleet_opts *o, int argc, char **argv);
int fleet_diff(const struct fleet_opts *o, int argc, char **argv);
int fleet_flamegraph(const struct fleet_opts *o, int argc, char **argv);

#endif
