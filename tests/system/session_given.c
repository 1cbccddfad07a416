/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_given.c - a broker that opens a grant, and a process that runs a session on it.
 *
 * session_given serve PATH BACKEND EVENT [PID|tid:TID|/CGROUP]: opens a grant, of the system or of
 *	that, sends it to whoever connects to the socket PATH, says "sent", and ends.
 * session_given hold BACKEND EVENT COMMAND...: opens one, and executes COMMAND, which inherits it:
 *	its bytes are on descriptor 3, the numbers of its descriptors in GRANT_FDS.
 * session_given receive PATH SAMPLES FILE: receives it, and writes a recording of so many
 *	samples to FILE, at most of 20 seconds.
 * session_given inherit SAMPLES FILE: the same of what was inherited.
 * session_given fork BACKEND SAMPLES FILE: opens it, and the session is that of a child that has
 *	no privileges.
 * session_given give BACKEND SAMPLES FILE COMMAND: the same over a socket pair, of COMMAND, which
 *	is run without privileges, too.
 * session_given refuse PATH: receives it, and tries what must be refused, a line "CASE: ERROR"
 *	each.
 */
#include <egret/grant.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534

static struct egret_error err;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err.text);
	exit(1);
}

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	snprintf(err.text, sizeof(err.text), "%s", strerror(errno));
	die(what);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

static void need(int ret, const char *what)
{
	if (ret < 0)
		die(what);
}

static int socket_at(const char *path, int type, bool listens)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (!listens) {
		must(connect(fd, (struct sockaddr *)&address, sizeof(address)), path);
		return fd;
	}
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)), path);
	must(chmod(path, 0666), path);
	must(listen(fd, 1), path);
	return fd;
}

/* "seqpacket" in the name of a socket's path chooses its type. */
static int type_of(const char *path)
{
	return strstr(path, "seqpacket") ? SOCK_SEQPACKET : SOCK_STREAM;
}

static struct egret_grant *open_grant(const char *backend, const char *event, const char *of)
{
	bool is_thread = of && !strncmp(of, "tid:", 4), is_cgroup = of && *of == '/';
	bool from_exec = of && !strncmp(of, "exec:", 5);
	pid_t pid = of ? atoi(of + 4 * is_thread + 5 * from_exec) : 0;
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .scope = of ? EGRET_SCOPE_PROCESS : EGRET_SCOPE_SYSTEM,
					   .pids = &pid,
					   .n_pids = of && !is_cgroup,
					   .from_exec = from_exec,
					   .events = &event,
					   .n_events = 1,
					   .capture = backend };
	struct egret_grant *grant;

	if (is_thread)
		opts.scope = EGRET_SCOPE_THREAD;
	if (is_cgroup) {
		opts.scope = EGRET_SCOPE_CGROUP;
		opts.cgroup = of;
	}
	if (!strchr(event, ':'))
		opts.frequency = 499;
	need(egret_grant__open(&opts, &grant, &err), "open");
	return grant;
}

static int serve(const char *path, const char *backend, const char *event, const char *pid)
{
	int listening = socket_at(path, type_of(path), true), fd;
	struct egret_grant *grant = open_grant(backend, event, pid);

	puts("ready");
	fflush(stdout);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	must(fd, "accept");
	need(egret_grant__send(grant, fd, 5000, &err), "send");
	if (egret_grant__send(grant, fd, 5000, &err) != -EBUSY)
		puts("it was sent twice");
	puts("sent");
	egret_grant__destroy(grant);
	return 0;
}

/* ---- who has it ---------------------------------------------------------------------------- */

static void say_who(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "Cap", 3) || !strncmp(line, "Uid", 3))
			fputs(line, stdout);
	if (status)
		fclose(status);
}

/* A session takes no option that the grant has said, and no process that it does not have. */
static void try_more(struct egret_session_opts opts, struct egret_session *session)
{
	struct egret_session *other;

	if (egret_session__add_process(session, getppid(), &err) != -EPERM)
		puts("a process was added");
	if (egret_session__open(&opts, &other, &err) != -EBUSY)
		puts("two sessions on one grant");
	opts.frequency = 99;
	if (egret_session__open(&opts, &other, &err) != -EINVAL || !strstr(err.text, "frequency"))
		printf("a frequency beside a grant: %s\n", err.text);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(struct egret_grant *grant, uint64_t samples, const char *path, bool is_whole)
{
	struct egret_session_opts opts = { .size = sizeof(opts), .grant = grant, .no_lines = true };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct egret_session *session;
	struct egret_progress progress = { .size = sizeof(progress) };
	double end = now() + 20;
	int ret = 1;

	must(fd, path);
	say_who();
	need(egret_session__open(&opts, &session, &err), "session");
	if (!is_whole)
		try_more(opts, session);
	egret_grant__destroy(grant);
	need(egret_session__set_output(session, fd, &err), "output");
	need(egret_session__start(session, &err), "start");
	puts("runs");
	fflush(stdout);
	while (ret > 0 && progress.samples < samples && now() < end) {
		ret = egret_session__poll(session, 50, &err);
		need(ret, "poll");
		egret_session__progress(session, &progress);
	}
	printf("backend %s\nends %d\n", egret_session__backend(session), ret);
	need(egret_session__stop(session, &err), "stop");
	need(egret_session__finish_output(session, &err), "finish");
	egret_session__destroy(session);
	return 0;
}

static struct egret_grant *receive(const char *path)
{
	struct egret_grant *grant;
	int fd = socket_at(path, type_of(path), false);

	need(egret_grant__receive(fd, 5000, &grant, &err), "receive");
	close(fd);
	return grant;
}

/* ---- inherited ----------------------------------------------------------------------------- */

static int hold(const char *backend, const char *event, char **command)
{
	struct egret_grant *grant = open_grant(backend, event, NULL);
	size_t len, n;
	const void *bytes = egret_grant__bytes(grant, &len);
	const int *fds = egret_grant__fds(grant, &n);
	int memory = memfd_create("grant", 0);
	char numbers[8192] = "";
	pid_t child;
	int status;

	must((int)write(memory, bytes, len), "memfd");
	for (size_t i = 0; i < n; i++) {
		/* Where the command has nothing of its own. */
		int fd = fcntl(fds[i], F_DUPFD, 100);

		snprintf(numbers + strlen(numbers), sizeof(numbers) - strlen(numbers), "%d ", fd);
	}
	setenv("GRANT_FDS", numbers, 1);
	child = fork();
	if (!child) {
		dup2(memory, 3);
		execvp(command[0], command);
		_exit(127);
	}
	must(waitpid(child, &status, 0), "waitpid");
	egret_grant__destroy(grant);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static struct egret_grant *inherit(void)
{
	char bytes[65536], *at = getenv("GRANT_FDS"), *rest;
	ssize_t len = pread(3, bytes, sizeof(bytes), 0);
	struct egret_grant *grant;
	int fds[1024];
	size_t n = 0;

	must((int)len, "bytes");
	for (long fd = strtol(at, &rest, 10); rest != at && n < 1024; fd = strtol(at, &rest, 10)) {
		fds[n++] = (int)fd;
		at = rest;
	}
	need(egret_grant__adopt(bytes, (size_t)len, fds, n, &grant, &err), "adopt");
	return grant;
}

static void become_nobody(void)
{
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(NOBODY, NOBODY, NOBODY), "setresgid");
	for (int i = 0; i < 64; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	must(setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
}

static int forked(const char *backend, uint64_t samples, const char *path)
{
	struct egret_grant *grant = open_grant(backend, "cpu-clock", NULL);
	pid_t child = fork();
	int status;

	if (!child) {
		become_nobody();
		exit(run(grant, samples, path, true));
	}
	must(waitpid(child, &status, 0), "waitpid");
	egret_grant__destroy(grant);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Closing all of it is as good as to end. */
static int give(const char *backend, uint64_t samples, const char *path, const char *command)
{
	struct egret_grant *grant;
	int pair[2], status;
	char pid[16];
	pid_t target = fork(), child;

	if (!target) {
		become_nobody();
		execl(command, command, "1", "600000", NULL);
		_exit(127);
	}
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	child = fork();
	if (!child) {
		close(pair[1]);
		become_nobody();
		need(egret_grant__receive(pair[0], -1, &grant, &err), "receive");
		exit(run(grant, samples, path, false));
	}
	close(pair[0]);
	snprintf(pid, sizeof(pid), "%d", target);
	grant = open_grant(backend, "cpu-clock", pid);
	need(egret_grant__send(grant, pair[1], 30000, &err), "send");
	egret_grant__destroy(grant);
	must(waitpid(child, &status, 0), "waitpid");
	kill(target, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- what must be refused ------------------------------------------------------------------ */

struct given {
	unsigned char *bytes;
	size_t len;
	int *fds;
	size_t n;
};

static void say(const char *name, int ret, struct egret_grant *grant)
{
	printf("%s: %s\n", name, ret ? err.text : "TAKEN");
	if (!ret)
		egret_grant__destroy(grant);
}

static void adopt(const char *name, const struct given *g)
{
	struct egret_grant *grant = NULL;
	int ret;

	snprintf(err.text, sizeof(err.text), "NOTHING SAID");
	ret = egret_grant__adopt(g->bytes, g->len, g->fds, g->n, &grant, &err);
	say(name, ret, grant);
}

/* With one byte of the bytes another one. */
static void with_byte(const char *name, const struct given *g, size_t at, unsigned char flip)
{
	g->bytes[at] ^= flip;
	adopt(name, g);
	g->bytes[at] ^= flip;
}

/* With one descriptor another one. */
static void with_fd(const char *name, const struct given *g, size_t at, int fd)
{
	int before = g->fds[at];

	g->fds[at] = fd;
	adopt(name, g);
	g->fds[at] = before;
}

static void try_bytes(const struct given *g)
{
	struct given part = *g;
	size_t taken = 0;

	for (part.len = 0; part.len < g->len; part.len++) {
		struct egret_grant *grant;

		if (!egret_grant__adopt(part.bytes, part.len, part.fds, part.n, &grant, &err))
			taken++;
	}
	printf("prefixes %zu taken %zu\n", g->len, taken);
	part.len = g->len - 1;
	adopt("cut", &part);
	with_byte("magic", g, 0, 1);
	with_byte("format", g, 8, 2);
	with_byte("version", g, 16, 7);
	with_byte("backend", g, 32, 0x20);
	with_byte("scope", g, 48, 0x40);
	with_byte("stack limit", g, 59, 0x7f);
	with_byte("id", g, g->len - g->n * 24 + 16, 0x55);
	with_byte("no id", g, g->len - 32, 0x55);
}

/* The rings of samples are behind the events of mappings, by CPU; then those of captures. */
static void try_fds(const struct given *g, size_t cpus)
{
	struct given part = *g;
	int pipes[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	must(pipe2(pipes, O_CLOEXEC), "pipe");
	part.n--;
	adopt("one less", &part);
	part.n = 0;
	adopt("none", &part);
	with_fd("closed", g, 0, 987);
	with_fd("negative", g, cpus, -1);
	with_fd("a pipe", g, cpus, pipes[0]);
	with_fd("a file", g, g->n - 2, null);
	with_fd("another ring", g, cpus, g->fds[2 * cpus]);
	with_fd("another event", g, 0, g->fds[3 * cpus]);
	with_fd("a map for an event", g, 0, g->fds[cpus]);
}

static void received(const char *name, const void *bytes, size_t len, const int *fd, bool is_open)
{
	struct egret_grant *grant = NULL;
	int pair[2], ret;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	if (fd) {
		char control[CMSG_SPACE(sizeof(int))] = { 0 };
		struct iovec part = { (void *)bytes, len };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), fd, sizeof(int));
		must((int)sendmsg(pair[1], &message, 0), "sendmsg");
	} else {
		must((int)write(pair[1], bytes, len), "write");
	}
	if (!is_open)
		shutdown(pair[1], SHUT_WR);
	snprintf(err.text, sizeof(err.text), "NOTHING SAID");
	ret = egret_grant__receive(pair[0], 100, &grant, &err);
	say(name, ret, grant);
	close(pair[0]);
	close(pair[1]);
}

static void try_sockets(void)
{
	char head[16] = "egretfds", huge[16], nothing[65536] = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	memcpy(huge, head, sizeof(head));
	memset(huge + 8, 0xff, 8);
	head[8] = 64;
	received("socket: nothing, and gone", nothing, 0, NULL, false);
	received("socket: one byte, and no more", nothing, 1, NULL, true);
	received("socket: zeros", nothing, sizeof(nothing), NULL, true);
	received("socket: sizes", huge, sizeof(huge), NULL, true);
	received("socket: the head only", head, sizeof(head), NULL, false);
	received("socket: a descriptor too early", head, sizeof(head), &null, true);
}

static size_t open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int refuse(const char *path)
{
	struct egret_grant *grant = receive(path);
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN), before;
	struct given g = { .len = 0 };
	const void *bytes;

	bytes = egret_grant__bytes(grant, &g.len);
	g.bytes = memcpy(malloc(g.len), bytes, g.len);
	egret_grant__fds(grant, &g.n);
	g.fds = calloc(g.n, sizeof(int));
	memcpy(g.fds, egret_grant__fds(grant, &g.n), g.n * sizeof(int));
	before = open_fds();
	try_bytes(&g);
	printf("descriptors left %zd\n", (ssize_t)(open_fds() - before));
	try_fds(&g, cpus);
	before = open_fds();
	try_sockets();
	printf("descriptors left %zd\n", (ssize_t)(open_fds() - before) - 1);
	egret_grant__destroy(grant);
	free(g.bytes);
	free(g.fds);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "serve") && argc >= 5)
		return serve(argv[2], argv[3], argv[4], argv[5]);
	if (!strcmp(what, "hold") && argc >= 5)
		return hold(argv[2], argv[3], argv + 4);
	if (!strcmp(what, "receive") && argc == 5)
		return run(receive(argv[2]), number(argv[3]), argv[4], false);
	if (!strcmp(what, "inherit") && argc == 4)
		return run(inherit(), number(argv[2]), argv[3], false);
	if (!strcmp(what, "fork") && argc == 5)
		return forked(argv[2], number(argv[3]), argv[4]);
	if (!strcmp(what, "give") && argc == 6)
		return give(argv[2], number(argv[3]), argv[4], argv[5]);
	if (!strcmp(what, "refuse") && argc == 3)
		return refuse(argv[2]);
	fprintf(stderr, "usage: session_given serve|hold|receive|inherit|fork|give|refuse ...\n");
	return 2;
}
