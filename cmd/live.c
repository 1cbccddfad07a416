/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* live.c - the last seconds of a session that runs. */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accounting.h"
#include "text.h"

#define POLL_MS 100 /* the library wants to be asked this often */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- pieces --------------------------------------------------------------------------------- */

static void drop_pieces(struct live *live, size_t n)
{
	for (size_t i = 0; i < n; i++)
		egret_profile__destroy(live->pieces[i]);
	live->n -= n;
	memmove(live->pieces, live->pieces + n, live->n * sizeof(struct egret_profile *));
}

/* Without a window there is one piece, of all there was. */
static size_t most_pieces(const struct live *live)
{
	return live->n_window ? live->n_window : 1;
}

static int merge_all(const struct live *live, struct egret_profile **out, struct egret_error *err)
{
	return egret_profile__merge((const struct egret_profile *const *)live->pieces, live->n, out,
				    err);
}

static int take_piece(struct live *live, struct egret_error *err)
{
	struct egret_profile *all;
	int ret;

	if (live->n_window && live->n == live->n_window)
		drop_pieces(live, 1);
	ret = egret_session__take(live->session, &live->pieces[live->n], err);
	if (ret)
		return ret;
	live->n++;
	if (live->n_window || live->n < 2)
		return 0;
	ret = merge_all(live, &all, err);
	if (ret)
		return ret;
	drop_pieces(live, live->n);
	live->pieces[live->n++] = all;
	return 0;
}

static void count_lost(struct live *live)
{
	struct accounting accounting = { 0 };

	if (!egret_session__each_stat(live->session, accounting_add, &accounting))
		live->lost = accounting_summary(&accounting).lost;
	accounting_deinit(&accounting);
}

/* ---- what is shown -------------------------------------------------------------------------- */

static int show_pieces(struct live *live, struct egret_error *err)
{
	struct egret_profile *shown, *before = live->shown;
	int ret = merge_all(live, &shown, err);

	if (ret)
		return ret;
	live->shown = shown;
	if (live->browser) {
		live->browser->lost = live->lost;
		ret = browse_replace(&live->browser->model, shown, live->browser->model.event);
	}
	egret_profile__destroy(before);
	return ret ? ret : 1;
}

int live_init(struct live *live, struct egret_session *session, uint64_t delay_ms,
	      uint64_t window_ms, struct egret_error *err)
{
	*live = (struct live){ .session = session, .delay_ms = delay_ms };
	if (window_ms)
		live->n_window = (size_t)((window_ms + delay_ms - 1) / delay_ms);
	if (live->n_window > 100000)
		live->n_window = 100000;
	live->next_ms = now_ms() + delay_ms;
	live->pieces = calloc(most_pieces(live) + 1, sizeof(struct egret_profile *));
	if (live->pieces)
		return egret_session__take(session, &live->shown, err);
	snprintf(err->text, sizeof(err->text), "out of memory");
	return -ENOMEM;
}

void live_deinit(struct live *live)
{
	drop_pieces(live, live->n);
	free(live->pieces);
	egret_profile__destroy(live->shown);
	*live = (struct live){ 0 };
}

static int wait_ms(const struct live *live)
{
	uint64_t now = now_ms();

	if (live->ended)
		return -1;
	if (live->next_ms <= now)
		return 0;
	return live->next_ms - now < POLL_MS ? (int)(live->next_ms - now) : POLL_MS;
}

void live_wait(const struct live *live)
{
	struct pollfd fd = { .fd = egret_session__fd(live->session), .events = POLLIN };

	poll(&fd, 1, wait_ms(live));
}

int live_work(struct live *live, struct egret_error *err)
{
	bool paused = live->browser && live->browser->live->paused;
	uint64_t now;
	int ret;

	if (live->ended)
		return 0;
	ret = egret_session__poll(live->session, 0, err);
	if (ret < 0 && ret != -EINTR)
		return ret;
	live->ended = !ret;
	now = now_ms();
	if (now < live->next_ms && !live->ended)
		return 0;
	/* After a long wait (a machine that slept) there is one picture, not many. */
	live->next_ms += live->delay_ms;
	if (live->next_ms < now)
		live->next_ms = now + live->delay_ms;
	ret = take_piece(live, err);
	count_lost(live);
	return ret || paused ? ret : show_pieces(live, err);
}

uint64_t live_lost(const struct live *live)
{
	return live->lost;
}

const char *live_status(const struct live *live)
{
	char *status = ((struct live *)live)->status;
	uint64_t window_ms = live->n_window * live->delay_ms;

	if (live->n_window)
		snprintf(status, sizeof(live->status), "the last %g s", (double)window_ms / 1000);
	else
		snprintf(status, sizeof(live->status), "all since the start");
	return status;
}

/* ---- of a browser --------------------------------------------------------------------------- */

static int work(void *arg, struct browse *browse, struct egret_error *err)
{
	struct live *live = arg;
	int ret = live_work(live, err);

	if (live->ended)
		live->browser->live->fd = -1; /* it would be readable for ever */
	return ret;
}

static int browser_wait_ms(void *arg)
{
	return wait_ms(arg);
}

static void zero(void *arg)
{
	drop_pieces(arg, ((struct live *)arg)->n);
}

static const char *status(void *arg)
{
	struct live *live = arg;

	if (live->ended)
		return "what was sampled has ended";
	return live->browser->live->paused ? "paused: p goes on" : live_status(live);
}

struct browser_live live_hooks(struct live *live, struct browser *browser)
{
	live->browser = browser;
	return (struct browser_live){
		.fd = egret_session__fd(live->session),
		.work = work,
		.wait_ms = browser_wait_ms,
		.zero = zero,
		.status = status,
		.arg = live,
	};
}
