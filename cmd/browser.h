/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * browser.h - the browser on a terminal: the model (browse.h), its screen (browser_screen.c) and
 * its keys (browser_keys.c).
 */
#ifndef EGRET_CMD_BROWSER_H
#define EGRET_CMD_BROWSER_H

#include "annotation.h"
#include "browse.h"

/* What makes a browser live: egret top. */
struct browser_live {
	int fd; /* readable when there is work */
	/* Does what is to be done; 1: the model has changed, 0, or -errno. */
	int (*work)(void *arg, struct browse *browse, struct egret_error *err);
	int (*wait_ms)(void *arg);	  /* until there is work in any case */
	void (*zero)(void *arg);	  /* forgets what was sampled */
	const char *(*status)(void *arg); /* a few words on what is shown */
	void *arg;
	bool paused;
};

enum browser_mode { MODE_LIST, MODE_HELP, MODE_ANNOTATION };

/* What is asked for on the last line. */
enum browser_prompt { PROMPT_NONE, PROMPT_SEARCH, PROMPT_FOCUS, PROMPT_IGNORE };

struct browser {
	struct browse model;
	const char *title; /* of the recording */
	uint64_t lost;
	uint64_t whole_samples; /* of the event, whatever is zoomed into */
	struct browser_live *live;
	enum browser_mode mode;
	size_t top; /* first item on the screen */
	enum browser_prompt prompt;
	char typed[256];
	size_t typed_at; /* the item that was selected when a search began */
	char message[256];
	struct annotation annotation;
	struct annotation_opts annotation_opts;
	size_t line_top; /* first line of the annotation, or of the help, on the screen */
	size_t line_at;
	bool quit;
};

/*
 * Runs until the user quits. The model is the caller's, as browse_init left it. Returns an exit
 * status after having said what is wrong.
 */
int browser_run(struct browser *browser);

/* Draws everything. */
void browser_draw(struct browser *browser);
/* How many items, or lines, there is room for. */
int browser_body_rows(const struct browser *browser);
/* How many lines the help has, and one of them. */
size_t browser_n_help(const struct browser *browser);

/* Acts on a key. */
void browser_key(struct browser *browser, int key);
/* Says something in the last line, until the next key. */
void browser_say(struct browser *browser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Parts of the screen: the lines of an annotation. */
void browser_draw_annotation(struct browser *browser);

#endif
