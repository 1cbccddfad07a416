/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* grant.c - what is opened for the session of another process: <egret/grant.h>. */
#include "session/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "session/session_impl.h"

static struct egret_grant *create(void)
{
	struct egret_grant *grant = calloc(1, sizeof(*grant));

	if (grant) {
		grant->kallsyms = -1;
		grant->process = getpid();
	}
	return grant;
}

void egret_grant__destroy(struct egret_grant *grant)
{
	struct egret_error err;

	if (!grant)
		return;
	/* What is mapped where the parent's rings were is not to be unmapped. */
	if (grant->capture && grant->process != getpid())
		egret_capture_after_fork(grant->capture, &err);
	egret_capture_destroy(grant->capture);
	for (size_t i = 0; grant->pidfds && i < grant->n_pids; i++)
		if (grant->pidfds[i] >= 0)
			close(grant->pidfds[i]);
	if (grant->kallsyms >= 0)
		close(grant->kallsyms);
	free(grant->specs);
	free(grant->pids);
	free(grant->pidfds);
	free(grant->bytes);
	free(grant->fds);
	free(grant);
}

const void *egret_grant__bytes(const struct egret_grant *grant, size_t *len)
{
	*len = grant->n_bytes;
	return grant->bytes;
}

const int *egret_grant__fds(const struct egret_grant *grant, size_t *n)
{
	*n = grant->n_fds;
	return grant->fds;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int describe(struct egret_grant *grant, struct egret_error *err)
{
	const struct egret_grant_extras extras = {
		.specs = grant->specs,
		.n_specs = grant->n_specs,
		.pids = grant->pids,
		.pidfds = grant->pidfds,
		.n_pids = grant->n_pids,
		.kallsyms = grant->kallsyms,
	};
	struct egret_grant_table table;
	int ret = egret_grant_describe(grant->capture, &extras, &table, &grant->fds, err);

	if (ret)
		return ret;
	grant->n_fds = table.head.n_fds;
	ret = egret_grant_write(&table, &grant->bytes, &grant->n_bytes, err);
	egret_grant_table_deinit(&table);
	return ret;
}

/* What is of no use without a session stays there. */
static int take_from(struct egret_session *session, const struct egret_session_opts *opts,
		     struct egret_grant *grant, struct egret_error *err)
{
	grant->scope = session->scope;
	grant->specs = steal_ptr(session->specs);
	grant->n_specs = session->n_specs;
	grant->capture = steal_ptr(session->capture);
	grant->pidfds = steal_ptr(session->pidfds);
	grant->n_pids = session->n_pidfds;
	session->n_pidfds = 0;
	grant->fault = (enum egret_fault_policy)egret_capture_fault(grant->capture);
	grant->pids = calloc(grant->n_pids + 1, sizeof(*grant->pids));
	if (!grant->pids)
		return egret_fail(err, ENOMEM, "out of memory");
	memcpy(grant->pids, opts->pids, grant->n_pids * sizeof(*grant->pids));
	if (!opts->exclude_kernel)
		grant->kallsyms = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	return describe(grant, err);
}

int egret_grant__open(const struct egret_session_opts *user_opts, struct egret_grant **out,
		      struct egret_error *err)
{
	struct egret_session *session = NULL;
	struct egret_session_opts opts, used;
	struct egret_grant *grant;
	int ret = egret_options_take(&opts, sizeof(opts), user_opts, "session options", err);

	if (ret)
		return ret;
	used = (struct egret_session_opts){
		.size = sizeof(used),
		.scope = opts.scope,
		.pids = opts.pids,
		.n_pids = opts.n_pids,
		.cgroup = opts.cgroup,
		.events = opts.events,
		.n_events = opts.n_events,
		.frequency = opts.frequency,
		.period = opts.period,
		.exclude_user = opts.exclude_user,
		.exclude_kernel = opts.exclude_kernel,
		.include_idle = opts.include_idle,
		.from_exec = opts.from_exec,
		.capture = opts.capture,
		.fault = opts.fault,
		.stack_limit = opts.stack_limit,
		.buffer_size = opts.buffer_size,
		.max_threads = opts.max_threads,
		.symbols_off = true,
		.log = opts.log,
		.log_arg = opts.log_arg,
	};
	grant = create();
	if (!grant)
		return egret_fail(err, ENOMEM, "out of memory");
	ret = egret_session__open(&used, &session, err);
	if (!ret)
		ret = take_from(session, &opts, grant, err);
	egret_session__destroy(session);
	if (ret) {
		egret_grant__destroy(grant);
		return ret;
	}
	*out = grant;
	return 0;
}

/* ---- adopting ----------------------------------------------------------------------------- */

static int take_specs(struct egret_grant *grant, const struct egret_grant_table *table)
{
	grant->specs = calloc(table->head.n_events, sizeof(*grant->specs));
	if (!grant->specs)
		return -ENOMEM;
	grant->n_specs = table->head.n_events;
	for (size_t i = 0; i < grant->n_specs; i++) {
		const struct egret_grant_event *from = &table->events[i];
		struct egret_event_spec *to = &grant->specs[i];

		memcpy(to->name, from->name, sizeof(to->name));
		memcpy(to->tracepoint, from->tracepoint, sizeof(to->tracepoint));
		to->source = from->tracepoint[0] ? EGRET_EVENT_TRACEPOINT : EGRET_EVENT_PERF;
		to->clock = from->clock;
		to->frequency = from->frequency;
		to->period = from->period;
	}
	return 0;
}

static int take_table(struct egret_grant *grant, const struct egret_grant_table *table,
		      const int *fds, const void *bytes, size_t len)
{
	size_t n = egret_grant_count(table, EGRET_GRANT_PROCESS);

	grant->scope = (enum egret_scope)table->head.scope;
	grant->fault = (enum egret_fault_policy)table->head.fault;
	grant->pids = calloc(n + 1, sizeof(*grant->pids));
	grant->pidfds = calloc(n + 1, sizeof(*grant->pidfds));
	grant->bytes = malloc(len);
	grant->fds = calloc(table->head.n_fds + 1, sizeof(*grant->fds));
	if (!grant->pids || !grant->pidfds || !grant->bytes || !grant->fds)
		return -ENOMEM;
	memcpy(grant->bytes, bytes, len);
	grant->n_bytes = len;
	memcpy(grant->fds, fds, table->head.n_fds * sizeof(*fds));
	grant->n_fds = table->head.n_fds;
	return take_specs(grant, table);
}

/* Nothing can fail any more: these are the grant's from now on. */
static void take_fds(struct egret_grant *grant, const struct egret_grant_table *table,
		     const int *fds)
{
	size_t first = table->first[EGRET_GRANT_PROCESS];

	grant->n_pids = egret_grant_count(table, EGRET_GRANT_PROCESS);
	for (size_t i = 0; i < grant->n_pids; i++) {
		grant->pids[i] = (pid_t)table->fds[first + i].id;
		grant->pidfds[i] = fds[first + i];
	}
	if (egret_grant_count(table, EGRET_GRANT_KALLSYMS))
		grant->kallsyms = fds[table->first[EGRET_GRANT_KALLSYMS]];
	for (size_t i = 0; i < grant->n_fds; i++)
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
}

int egret_grant__adopt(const void *bytes, size_t len, const int *fds, size_t n,
		       struct egret_grant **out, struct egret_error *err)
{
	struct egret_grant_table table;
	struct egret_grant *grant;
	int ret = egret_grant_parse(bytes, len, egret_grant_n_maps(), &table, err);

	if (ret)
		return ret;
	grant = create();
	ret = egret_grant_check(&table, fds, n, err);
	if (!ret && (!grant || take_table(grant, &table, fds, bytes, len)))
		ret = egret_fail(err, ENOMEM, "out of memory");
	if (!ret)
		ret = egret_capture_adopt(&table, fds, &grant->capture, err);
	if (!ret)
		take_fds(grant, &table, fds);
	egret_grant_table_deinit(&table);
	if (ret) {
		egret_grant__destroy(grant);
		return ret;
	}
	*out = grant;
	return 0;
}

/* ---- a session on it ---------------------------------------------------------------------- */

/* The option that says what the grant has said; NULL: none does. */
static const char *said_again(const struct egret_session_opts *opts)
{
	const struct {
		const char *name;
		bool is_set;
	} options[] = {
		{ "scope", opts->scope != 0 },
		{ "pids", opts->n_pids > 0 },
		{ "cgroup", opts->cgroup != NULL },
		{ "events", opts->n_events > 0 },
		{ "frequency", opts->frequency > 0 },
		{ "period", opts->period > 0 },
		{ "exclude_user", opts->exclude_user },
		{ "exclude_kernel", opts->exclude_kernel },
		{ "include_idle", opts->include_idle },
		{ "from_exec", opts->from_exec },
		{ "capture", opts->capture != NULL },
		{ "fault", opts->fault != NULL },
		{ "stack_limit", opts->stack_limit > 0 },
		{ "buffer_size", opts->buffer_size > 0 },
		{ "max_threads", opts->max_threads > 0 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].is_set)
			return options[i].name;
	return NULL;
}

int egret_grant_use(struct egret_grant *grant, struct egret_session_opts *opts,
		    struct egret_error *err)
{
	static const char *const faults[] = { "none", "safe", "any" };
	const char *again = said_again(opts);
	int ret;

	if (again)
		return egret_fail(err, EINVAL,
				  "a grant says what is sampled: '%s' of the options must be left "
				  "out",
				  again);
	if (!grant->capture || grant->sent)
		return egret_fail(err, EBUSY,
				  "a grant is for one session, and this one has been %s",
				  grant->sent ? "sent" : "used");
	if (grant->process != getpid()) {
		ret = egret_capture_after_fork(grant->capture, err);
		if (ret)
			return ret;
		grant->process = getpid();
	}
	opts->scope = grant->scope;
	opts->fault = faults[grant->fault];
	return 0;
}

void egret_grant_used(struct egret_grant *grant)
{
	grant->capture = NULL;
	grant->specs = NULL;
	grant->pidfds = NULL;
	grant->n_pids = grant->n_specs = 0;
	grant->n_fds = grant->n_bytes = 0;
	free(steal_ptr(grant->fds));
	free(steal_ptr(grant->bytes));
	grant->kallsyms = -1;
}
