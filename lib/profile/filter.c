/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A profile of which only some is wanted.
 *
 * The new profile has the same strings, modules, threads and frames, with the same numbers; stacks
 * are made anew from the frames that are kept. What is asked of a frame or of a thread is asked
 * once for each, and of a stack once for each of its nodes, not for each sample.
 */
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/options.h"
#include "base/path.h"
#include "profile/profile_tables.h"

/* What is known of each frame and of each stack. */
#define IS_DROPPED 1u /* frame: its kind is left out */
#define IN_FOCUS 2u   /* frame: matches; stack: one in it does */
#define IS_IGNORED 4u
#define IS_LEAF 8u /* frame: a sample that has it as its leaf may stay */

struct filter {
	const struct egret_filter_opts *opts;
	const struct egret_profile *from;
	struct egret_profile *to;
	regex_t focus, ignore;
	bool has_focus, has_ignore;
	uint8_t *frames;   /* flags of each frame */
	uint8_t *stacks;   /* flags of each stack */
	uint32_t *renamed; /* the number of each stack in the new profile */
	bool *threads;	   /* which are kept */
};

static bool matches(const char *const *patterns, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(patterns[i], text, 0))
			return true;
	return false;
}

/* ---- threads */

static bool has_id(const pid_t *ids, size_t n, pid_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* "KEY=PATTERN" or "KEY!=PATTERN". */
struct label_wish {
	const char *key, *pattern;
	size_t key_len;
	bool not ;
};

static bool parse_wish(const char *text, struct label_wish *wish)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return false;
	*wish = (struct label_wish){ .key = text,
				     .pattern = equals + 1,
				     .key_len = (size_t)(equals - text),
				     .not = equals > text && equals[-1] == '!' };
	wish->key_len -= wish->not ;
	return wish->key_len;
}

static bool has_label(const struct filter *f, uint32_t set, const struct label_wish *wish)
{
	const char *const *strings = f->from->strings.items;
	size_t n;
	const struct egret_profile_label *labels = egret_profile_get_label_set(f->from, set, &n);

	for (size_t i = 0; i < n; i++) {
		const char *key = strings[labels[i].key];

		if (!strncmp(key, wish->key, wish->key_len) && !key[wish->key_len])
			return !fnmatch(wish->pattern, strings[labels[i].value], 0);
	}
	return false;
}

static bool keeps_labels(const struct filter *f, uint32_t thread)
{
	uint32_t set = egret_profile_get_thread_labels(f->from, thread);
	struct label_wish wish;

	for (size_t i = 0; i < f->opts->n_labels; i++)
		if (parse_wish(f->opts->labels[i], &wish) && has_label(f, set, &wish) == wish.not )
			return false;
	return true;
}

static int check_labels(const struct egret_filter_opts *opts, struct egret_error *err)
{
	struct label_wish wish;

	for (size_t i = 0; i < opts->n_labels; i++)
		if (!parse_wish(opts->labels[i], &wish))
			return egret_fail(err, EINVAL,
					  "a label is KEY=PATTERN or KEY!=PATTERN, not '%s'",
					  opts->labels[i]);
	return 0;
}

static bool keeps_thread(const struct filter *f, const struct egret_profile_thread *t)
{
	const struct egret_filter_opts *o = f->opts;
	const char *const *strings = f->from->strings.items;

	if (o->n_pids && !has_id(o->pids, o->n_pids, t->pid))
		return false;
	if (o->n_tids && !has_id(o->tids, o->n_tids, t->tid))
		return false;
	return !o->n_comms || matches(o->comms, o->n_comms, strings[t->comm]) ||
	       matches(o->comms, o->n_comms, strings[t->process]);
}

/* ---- frames */

static bool is_of_dso(const struct filter *f, const struct egret_frame *frame)
{
	const struct egret_filter_opts *o = f->opts;

	return !o->n_dsos || matches(o->dsos, o->n_dsos, frame->module) ||
	       matches(o->dsos, o->n_dsos, egret_file_name(frame->module));
}

/* Any of the functions that are inlined there, and the function itself. */
static bool has_symbol(const struct filter *f, const struct egret_frame *frames, size_t n)
{
	const struct egret_filter_opts *o = f->opts;

	for (size_t i = 0; i < n; i++)
		if (matches(o->symbols, o->n_symbols, frames[i].name))
			return true;
	return !o->n_symbols;
}

static bool is_found(const regex_t *expression, const struct egret_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!regexec(expression, frames[i].name, 0, NULL, 0))
			return true;
	return false;
}

/* The mark of a cut stack stands for user frames. */
static bool is_dropped(const struct filter *f, const struct egret_frame *frame)
{
	return frame->kind == EGRET_FRAME_KERNEL ? f->opts->only_user : f->opts->only_kernel;
}

static uint8_t frame_flags(const struct filter *f, const struct egret_frame *frames, size_t n)
{
	uint8_t flags = 0;

	if (is_dropped(f, frames))
		flags |= IS_DROPPED;
	if (f->has_focus && is_found(&f->focus, frames, n))
		flags |= IN_FOCUS;
	if (f->has_ignore && is_found(&f->ignore, frames, n))
		flags |= IS_IGNORED;
	if (is_of_dso(f, frames) && has_symbol(f, frames, n))
		flags |= IS_LEAF;
	return flags;
}

static int look_at_frames(struct filter *f)
{
	/* By the new profile, in which inlined functions are left out already. */
	for (uint32_t i = 0; i < f->to->frames.n; i++) {
		size_t n;
		const struct egret_frame *frames = egret_profile_frames_at(f->to, i, &n);

		if (!frames)
			return -ENOMEM;
		f->frames[i] = frame_flags(f, frames, n);
	}
	return 0;
}

/* ---- stacks */

static int make_stacks(struct filter *f)
{
	for (uint32_t i = 1; i < f->from->stacks.n; i++) {
		struct egret_profile_node node = f->from->stacks.items[i];
		uint8_t flags = f->frames[node.frame];
		uint32_t parent = f->renamed[node.parent];

		if (flags & IS_DROPPED) {
			f->renamed[i] = parent;
			f->stacks[i] = f->stacks[node.parent];
			continue;
		}
		f->renamed[i] = egret_profile_stack(f->to, parent, node.frame, NULL);
		if (f->renamed[i] == UINT32_MAX)
			return -ENOMEM;
		f->stacks[i] = (f->stacks[node.parent] | flags) & (IN_FOCUS | IS_IGNORED);
		f->stacks[i] |= flags & IS_LEAF;
	}
	return 0;
}

/*
 * Whether samples of a stack are kept. One without frames is only where nothing asks for frames: it
 * is all that is known of it.
 */
static bool keeps_stack(const struct filter *f, uint32_t stack)
{
	const struct egret_filter_opts *o = f->opts;
	uint8_t flags = f->stacks[stack];

	if (!f->renamed[stack])
		return !o->only_user && !o->only_kernel && !f->has_focus && !o->n_dsos &&
		       !o->n_symbols;
	return !(flags & IS_IGNORED) && (!f->has_focus || flags & IN_FOCUS) && flags & IS_LEAF;
}

/* ---- samples */

static bool keeps_entry(const struct filter *f, const struct egret_profile_key *key)
{
	return f->threads[key->thread] && keeps_stack(f, key->stack);
}

static bool keeps_sample(const struct filter *f, const struct egret_profile_sample *s)
{
	const struct egret_filter_opts *o = f->opts;

	if (s->time < o->time_from || (o->time_to && s->time >= o->time_to))
		return false;
	for (size_t i = 0; i < o->n_cpus; i++)
		if (o->cpus[i] == s->cpu)
			return true;
	return !o->n_cpus;
}

static int add_entries(struct filter *f)
{
	for (size_t i = 0; i < f->from->entries.n; i++) {
		const struct egret_profile_entry *entry = &f->from->entries.items[i];
		struct egret_profile_key key = entry->key;

		if (!keeps_entry(f, &key))
			continue;
		key.stack = f->renamed[key.stack];
		if (egret_profile_add(f->to, &key, &entry->values))
			return -ENOMEM;
	}
	return 0;
}

/* Of an entry that loses samples, what was wanted and got is told in proportion. */
static int add_samples(struct filter *f)
{
	struct egret_profile_shares shares;
	int ret = egret_profile_shares_init(&shares, f->from);

	egret_profile_keep_samples(f->to);
	for (size_t i = 0; i < f->from->samples.n && !ret; i++) {
		const struct egret_profile_sample *s = &f->from->samples.items[i];
		struct egret_profile_values values = egret_profile_share(&shares, s);
		struct egret_profile_key key = f->from->entries.items[s->entry].key;

		if (!keeps_sample(f, s) || !keeps_entry(f, &key))
			continue;
		key.stack = f->renamed[key.stack];
		ret = egret_profile_add_sample(f->to, &key, &values, s->time, s->cpu);
	}
	egret_profile_shares_deinit(&shares);
	return ret ? -ENOMEM : 0;
}

/* ---- the whole */

static int compile(regex_t *to, const char *text, bool *has, struct egret_error *err)
{
	char why[200];
	int ret;

	if (!text)
		return 0;
	ret = regcomp(to, text, REG_EXTENDED | REG_NOSUB);
	*has = !ret;
	if (!ret)
		return 0;
	regerror(ret, to, why, sizeof(why));
	return egret_fail(err, EINVAL, "'%s' is not a regular expression: %s", text, why);
}

static int allocate(struct filter *f)
{
	const struct egret_profile *from = f->from;

	f->frames = calloc(from->frames.n + 1, 1);
	f->stacks = calloc(from->stacks.n, 1);
	f->renamed = calloc(from->stacks.n, sizeof(*f->renamed));
	f->threads = calloc(from->threads.n + 1, sizeof(*f->threads));
	if (!f->frames || !f->stacks || !f->renamed || !f->threads)
		return -ENOMEM;
	return egret_profile_create(&f->to);
}

static void filter_deinit(struct filter *f)
{
	if (f->has_focus)
		regfree(&f->focus);
	if (f->has_ignore)
		regfree(&f->ignore);
	free(f->frames);
	free(f->stacks);
	free(f->renamed);
	free(f->threads);
	egret_profile__destroy(f->to);
}

static int apply(struct filter *f)
{
	int ret = allocate(f);

	if (!ret)
		ret = egret_profile_copy_tables(f->to, f->from, f->opts->no_inline);
	if (ret)
		return ret;
	for (size_t i = 0; i < f->from->threads.n; i++)
		f->threads[i] = keeps_thread(f, &f->from->threads.items[i]) &&
				keeps_labels(f, (uint32_t)i);
	ret = look_at_frames(f);
	if (!ret)
		ret = make_stacks(f);
	if (ret)
		return ret;
	return f->from->keeps_samples ? add_samples(f) : add_entries(f);
}

static bool needs_samples(const struct egret_filter_opts *opts)
{
	return opts->n_cpus || opts->time_from || opts->time_to;
}

int egret_profile__filter(const struct egret_profile *profile, const struct egret_filter_opts *opts,
			  struct egret_profile **out, struct egret_error *err)
{
	struct egret_filter_opts known;
	struct filter f = { .opts = &known, .from = profile };
	int ret = egret_options_take(&known, sizeof(known), opts, "filter options", err);

	if (ret)
		return ret;
	if (needs_samples(&known) && !profile->keeps_samples)
		return egret_fail(err, ENODATA,
				  "a filter by time or CPU needs the samples one by one");
	ret = check_labels(&known, err);
	if (!ret)
		ret = compile(&f.focus, known.focus, &f.has_focus, err);
	if (!ret)
		ret = compile(&f.ignore, known.ignore, &f.has_ignore, err);
	if (!ret && apply(&f))
		ret = egret_fail(err, ENOMEM, "no memory for the filtered profile");
	if (!ret)
		*out = steal_ptr(f.to);
	filter_deinit(&f);
	return ret;
}
