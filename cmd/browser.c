/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browser.c - the browser: waits for keys, and for what is sampled. */
#include "browser.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "terminal.h"

void browser_say(struct browser *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->message, sizeof(b->message), format, args);
	va_end(args);
}

static int count_samples(const struct egret_stack *stack, void *arg)
{
	struct browser *b = arg;

	if (stack->event == b->model.event)
		b->whole_samples += stack->samples;
	return 0;
}

/* Of all samples, whatever is zoomed into. */
static void count_whole(struct browser *b)
{
	b->whole_samples = b->model.aggregate.samples;
	if (!b->model.n_zooms)
		return;
	b->whole_samples = 0;
	egret_profile__each_stack(b->model.whole, count_samples, b);
}

static int work(struct browser *b, struct egret_error *err)
{
	int ret = b->live->work(b->live->arg, &b->model, err);

	if (ret > 0)
		count_whole(b);
	return ret < 0 ? ret : 0;
}

static void take_keys(struct browser *b)
{
	int key;

	while (!b->quit && (key = terminal_key()) >= 0)
		browser_key(b, key);
}

static int run(struct browser *b, struct egret_error *err)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	int ret = 0;

	while (!b->quit && !ret) {
		browser_draw(b);
		if (b->live)
			fds[1].fd = b->live->fd;
		/* A signal, such as that of a new size, ends the wait as well. */
		poll(fds, 2, b->live ? b->live->wait_ms(b->live->arg) : -1);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			b->quit = true; /* the terminal has gone */
		take_keys(b);
		if (b->live && !b->quit)
			ret = work(b, err);
	}
	return ret;
}

int browser_run(struct browser *b)
{
	struct egret_error err = { "" };
	int ret;

	count_whole(b);
	ret = terminal_begin(&err);
	if (!ret)
		ret = run(b, &err);
	terminal_end();
	annotation_deinit(&b->annotation);
	if (!ret)
		return STATUS_OK;
	return *err.text ? say_failure(&err) : say_error("%s", strerror(-ret));
}
