/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* profile_tables.h - the inside of a profile, for lib/profile and lib/recording only. */
#ifndef EGRET_PROFILE_TABLES_H
#define EGRET_PROFILE_TABLES_H

#include "profile/arena.h"
#include "profile/profile.h"

/* Items by number, and the index that finds the number of an equal item. */
#define EGRET_TABLE(type)                                                                          \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t n;                                                                          \
		size_t capacity;                                                                   \
		struct egret_index index;                                                          \
	}

/* Items, or a larger copy of them, with room for one more; NULL without memory (items stay). */
void *egret_table_room(void *items, size_t n, size_t *capacity, size_t item_size);

/* Makes room for one more item behind the last. False without memory. */
#define EGRET_TABLE_ROOM(table)                                                                    \
	({                                                                                         \
		void *items_ = egret_table_room((table)->items, (table)->n, &(table)->capacity,    \
						sizeof(*(table)->items));                          \
		if (items_)                                                                        \
			(table)->items = items_;                                                   \
		items_ != NULL;                                                                    \
	})

#define EGRET_TABLE_DEINIT(table)                                                                  \
	do {                                                                                       \
		free((table)->items);                                                              \
		egret_index_deinit(&(table)->index);                                               \
	} while (0)

/* The lines of a frame: n of them from `first` on in the pool of lines. n 0: none yet. */
struct egret_profile_span {
	uint32_t first;
	uint32_t n;
};

struct egret_profile_meta {
	const char *key;
	const char *value;
};

struct egret_profile_view;

struct egret_profile {
	struct egret_arena texts; /* of strings, meta, events and statistics */
	EGRET_TABLE(const char *) strings;
	EGRET_TABLE(struct egret_profile_module) modules;
	EGRET_TABLE(struct egret_profile_frame) frames;
	EGRET_TABLE(struct egret_profile_node) stacks;
	EGRET_TABLE(uint16_t) depths; /* frames of each stack */
	EGRET_TABLE(struct egret_profile_thread) threads;
	EGRET_TABLE(struct egret_profile_entry) entries;
	EGRET_TABLE(struct egret_profile_span) spans; /* by frame; as long as the last named one */
	EGRET_TABLE(struct egret_profile_line) lines;
	EGRET_TABLE(uint32_t) cgroups; /* by thread: a string; as long as the last that has one */
	EGRET_TABLE(struct egret_profile_label) labels;	   /* of all sets */
	EGRET_TABLE(struct egret_profile_span) label_sets; /* number 0 is empty */
	EGRET_TABLE(uint32_t) thread_labels;		   /* by thread: a set, as cgroups */
	EGRET_TABLE(uint16_t) reasons; /* by frame; as long as the last that has one */
	EGRET_TABLE(struct egret_profile_meta) meta;
	EGRET_TABLE(struct egret_event) events;
	EGRET_TABLE(struct egret_stat) stats;
	EGRET_TABLE(struct egret_profile_sample) samples;
	bool keeps_samples;
	bool truncated;
	/* Frames as people see them, made when they are first asked for: a cache, not content. */
	struct egret_profile_view *view;
};

/*
 * Copies strings, modules, threads, frames with their lines, and labels to an empty profile, in
 * which they have the same numbers. no_inline: of the lines only the function itself. 0 or -ENOMEM.
 */
int egret_profile_copy_tables(struct egret_profile *to, const struct egret_profile *from,
			      bool no_inline);

/* What is taken of a profile. */
struct egret_profile_choice {
	const bool *left_out;		  /* by thread: its samples are not taken */
	const struct egret_profile *sets; /* where labels are from: */
	const uint32_t *set_of;		  /* by thread: a set of it */
};

/* As egret_profile_take, but what was counted stays in `from`. 0 or -ENOMEM. */
int egret_profile_choose(const struct egret_profile *from,
			 const struct egret_profile_choice *choice, struct egret_profile **out);

/* A set of another profile's labels, for a thread that has none. 0 or -ENOMEM. */
int egret_profile_copy_label_set(struct egret_profile *to, uint32_t to_thread,
				 const struct egret_profile *from, uint32_t set);

/* A thread as people see it. 0 or -ENOMEM. */
int egret_profile_thread_at(const struct egret_profile *p, uint32_t thread,
			    struct egret_thread *out);

/* Of these only what is known of the recording, the events and the numbers of the accounting. */
int egret_profile_copy_labels(struct egret_profile *to, const struct egret_profile *from);

/*
 * The bytes of captures are kept for each entry: a sample has its share of them. All samples of an
 * entry together have what the entry has.
 */
struct egret_profile_shares {
	const struct egret_profile *profile;
	uint64_t *taken; /* by entry: samples that have had theirs */
};

/* 0 or -ENOMEM. Give back with _deinit in any case. */
int egret_profile_shares_init(struct egret_profile_shares *shares,
			      const struct egret_profile *profile);
void egret_profile_shares_deinit(struct egret_profile_shares *shares);
/* What is one sample's, asked for once. */
struct egret_profile_values egret_profile_share(struct egret_profile_shares *shares,
						const struct egret_profile_sample *sample);

struct egret_profile_view *egret_profile_view_create(void);
void egret_profile_view_destroy(struct egret_profile_view *view);
/* The names of a frame have changed. */
void egret_profile_view_forget(struct egret_profile_view *view, uint32_t frame);

#endif
