/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browse_zoom.c - which of the profile the browser shows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "browse.h"
#include "text.h"

static void zoom_deinit(struct browse_zoom *zoom)
{
	free(zoom->pattern);
	free(zoom->text);
}

void browse_zooms_deinit(struct browse *b)
{
	for (size_t i = 0; i < b->n_zooms; i++)
		zoom_deinit(&b->zooms[i]);
	free(b->zooms);
	egret_profile__destroy(b->zoomed);
	b->zooms = NULL;
	b->n_zooms = 0;
	b->zoomed = NULL;
}

/* ---- the profile ---------------------------------------------------------------------------- */

static int apply(const struct egret_profile *from, const struct browse_zoom *zoom,
		 struct egret_profile **to, struct egret_error *err)
{
	struct egret_filter_opts opts = { .size = sizeof(opts) };
	const char *pattern = zoom->pattern;
	pid_t id = (pid_t)zoom->number;

	switch (zoom->kind) {
	case ZOOM_PID:
		opts.pids = &id;
		opts.n_pids = 1;
		break;
	case ZOOM_TID:
		opts.tids = &id;
		opts.n_tids = 1;
		break;
	case ZOOM_CPU:
		opts.cpus = &zoom->number;
		opts.n_cpus = 1;
		break;
	case ZOOM_COMM:
		opts.comms = &pattern;
		opts.n_comms = 1;
		break;
	case ZOOM_MODULE:
		opts.dsos = &pattern;
		opts.n_dsos = 1;
		break;
	case ZOOM_FOCUS:
		opts.focus = pattern;
		break;
	case ZOOM_IGNORE:
		opts.ignore = pattern;
		break;
	}
	return egret_profile__filter(from, &opts, to, err);
}

int browse_apply_zooms(struct browse *b, struct egret_error *err)
{
	struct egret_profile *profile = NULL;

	for (size_t i = 0; i < b->n_zooms; i++) {
		struct egret_profile *next;
		int ret = apply(profile ? profile : b->whole, &b->zooms[i], &next, err);

		egret_profile__destroy(profile);
		if (ret)
			return ret;
		profile = next;
	}
	egret_profile__destroy(b->zoomed);
	b->zoomed = profile;
	return 0;
}

static int add_zoom(struct browse *b, const struct browse_zoom *zoom)
{
	struct browse_zoom *larger = realloc(b->zooms, (b->n_zooms + 1) * sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	b->zooms = larger;
	b->zooms[b->n_zooms++] = *zoom;
	return 0;
}

/* Takes over what zoom owns. */
static int zoom_into(struct browse *b, struct browse_zoom zoom, struct egret_error *err)
{
	struct egret_profile *profile;
	int ret = -ENOMEM;

	snprintf(err->text, sizeof(err->text), "out of memory");
	if (zoom.text && (zoom.pattern || zoom.kind <= ZOOM_CPU))
		ret = apply(browse_profile(b), &zoom, &profile, err);
	if (!ret) {
		ret = add_zoom(b, &zoom);
		if (ret)
			egret_profile__destroy(profile);
	}
	if (ret) {
		zoom_deinit(&zoom);
		return ret;
	}
	egret_profile__destroy(b->zoomed);
	b->zoomed = profile;
	b->at = 0;
	return browse_refresh(b);
}

int browse_zoom_out(struct browse *b, struct egret_error *err)
{
	int ret;

	if (!b->n_zooms)
		return -ENOENT;
	zoom_deinit(&b->zooms[--b->n_zooms]);
	ret = browse_apply_zooms(b, err);
	return ret ? ret : browse_refresh(b);
}

/* ---- what is selected ----------------------------------------------------------------------- */

/* A pattern, or an expression, that only this text matches: "^\(...\)$". NULL without memory. */
static char *quote(const char *text, const char *special, bool is_regex)
{
	char *quoted = malloc(2 * strlen(text) + 3);
	char *to = quoted;

	if (!quoted)
		return NULL;
	if (is_regex)
		*to++ = '^';
	for (; *text; text++) {
		if (strchr(special, *text))
			*to++ = '\\';
		*to++ = *text;
	}
	if (is_regex)
		*to++ = '$';
	*to = 0;
	return quoted;
}

static char *labelled(const char *label, const char *text)
{
	char *joined;

	return asprintf(&joined, "%s %s", label, text) < 0 ? NULL : joined;
}

static int zoom_name(struct browse *b, enum browse_zoom_kind kind, const char *label,
		     const char *name, struct egret_error *err)
{
	bool is_regex = kind == ZOOM_FOCUS;
	struct browse_zoom zoom = {
		.kind = kind,
		.pattern = quote(name, is_regex ? "\\^$.[]|()?*+{}" : "\\*?[]", is_regex),
		.text = labelled(label, kind == ZOOM_MODULE ? text_file_name(name) : name),
	};

	return zoom_into(b, zoom, err);
}

static int zoom_number(struct browse *b, enum browse_zoom_kind kind, const char *label,
		       const char *number, const char *name, struct egret_error *err)
{
	struct browse_zoom zoom = { .kind = kind, .number = (uint32_t)strtoul(number, NULL, 10) };

	if (asprintf(&zoom.text, "%s %s%s%s", label, number, *name ? " " : "", name) < 0)
		zoom.text = NULL;
	return zoom_into(b, zoom, err);
}

static int nothing_to_zoom(struct egret_error *err)
{
	snprintf(err->text, sizeof(err->text), "this is nothing to zoom into");
	return -ENOENT;
}

/* By the narrowest key of the row that samples can be kept by. */
static int zoom_row(struct browse *b, const struct row *row, struct egret_error *err)
{
	const struct row_keys *keys = &b->keys;
	const char *text[NR_ROW_KEYS] = { NULL };

	switch (b->view) {
	case VIEW_PROCESSES:
		return zoom_number(b, ZOOM_PID, "process", row_text(row, 1), row_text(row, 0), err);
	case VIEW_THREADS:
		return zoom_number(b, ZOOM_TID, "thread", row_text(row, 2), row_text(row, 0), err);
	case VIEW_MODULES:
		return zoom_name(b, ZOOM_MODULE, "module", row_text(row, 0), err);
	case VIEW_CPUS:
		return zoom_number(b, ZOOM_CPU, "CPU", row_text(row, 0), "", err);
	default:
		break;
	}
	for (size_t i = 0; i < keys->n; i++)
		text[keys->key[i]] = row_text(row, i);
	if (text[KEY_TID])
		return zoom_number(b, ZOOM_TID, "thread", text[KEY_TID], "", err);
	if (text[KEY_PID])
		return zoom_number(b, ZOOM_PID, "process", text[KEY_PID], "", err);
	if (text[KEY_SYM])
		return zoom_name(b, ZOOM_FOCUS, "with", text[KEY_SYM], err);
	if (text[KEY_COMM])
		return zoom_name(b, ZOOM_COMM, "threads of", text[KEY_COMM], err);
	if (text[KEY_DSO])
		return zoom_name(b, ZOOM_MODULE, "module", text[KEY_DSO], err);
	return text[KEY_CPU] ? zoom_number(b, ZOOM_CPU, "CPU", text[KEY_CPU], "", err)
			     : nothing_to_zoom(err);
}

int browse_zoom_selected(struct browse *b, struct egret_error *err)
{
	const struct browse_item *item = browse_selected(b);
	const struct function *f = item ? browse_function(b, item) : NULL;
	int ret;

	if (f && f->is_process)
		return zoom_name(b, ZOOM_COMM, "threads of", f->name, err);
	if (f)
		return zoom_name(b, ZOOM_FOCUS, "with", f->name, err);
	if (!item || item->kind != ITEM_ROW)
		return nothing_to_zoom(err);
	ret = zoom_row(b, &b->rows.rows[item->number], err);
	return ret || b->view == VIEW_KEYS ? ret : browse_set_view(b, VIEW_FUNCTIONS);
}

int browse_zoom_module(struct browse *b, struct egret_error *err)
{
	const struct browse_item *item = browse_selected(b);
	const struct function *f = item ? browse_function(b, item) : NULL;

	if (!f || !*f->module)
		return nothing_to_zoom(err);
	return zoom_name(b, ZOOM_MODULE, "module", f->module, err);
}

int browse_zoom_regex(struct browse *b, const char *regex, bool ignore, struct egret_error *err)
{
	struct browse_zoom zoom = {
		.kind = ignore ? ZOOM_IGNORE : ZOOM_FOCUS,
		.pattern = strdup(regex),
		.text = labelled(ignore ? "without" : "with", regex),
	};

	return zoom_into(b, zoom, err);
}
