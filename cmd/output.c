/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* output.c - a file that bears its name only when it is whole. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct egret_error *err, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(struct egret_error *err, int errnum, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -errnum;
}

static void output_close(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	free(output->path);
	free(output->part);
	*output = OUTPUT_NONE;
}

static int open_stdout(struct output *output, bool is_binary, struct egret_error *err)
{
	if (is_binary && isatty(STDOUT_FILENO))
		return fail(err, EINVAL,
			    "not writing to a terminal: redirect standard output, or give -o FILE");
	output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (output->fd < 0)
		return fail(err, errno, "cannot write standard output: %s", strerror(errno));
	return 0;
}

static int open_directly(struct output *output, const char *path, struct egret_error *err)
{
	output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (output->fd < 0)
		return fail(err, errno, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

/* Moves a part out of the way that a killed recording has left; it holds what was recorded. */
static int keep_stale_part(const char *part, struct egret_error *err)
{
	__attribute__((cleanup(output_close))) struct output stale = OUTPUT_NONE;
	char *old = NULL;
	int ret = 0;

	stale.fd = open(part, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (stale.fd < 0)
		return errno == ENOENT
			       ? 0
			       : fail(err, errno, "cannot replace '%s': %s", part, strerror(errno));
	if (flock(stale.fd, LOCK_EX | LOCK_NB))
		return fail(err, EBUSY, "'%s' is being written by another recording; give -o FILE",
			    part);
	if (!output_size(&stale))
		return unlink(part)
			       ? fail(err, errno, "cannot remove '%s': %s", part, strerror(errno))
			       : 0;
	if (asprintf(&old, "%s.old", part) < 0)
		return fail(err, ENOMEM, "out of memory");
	if (rename(part, old))
		ret = fail(err, errno, "cannot rename '%s' to '%s': %s", part, old,
			   strerror(errno));
	free(old);
	return ret;
}

static int open_part(struct output *output, struct egret_error *err)
{
	int ret;

	if (asprintf(&output->part, "%s.part", output->path) < 0) {
		output->part = NULL;
		return fail(err, ENOMEM, "out of memory");
	}
	ret = keep_stale_part(output->part, err);
	if (!ret) {
		output->fd = open(output->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				  0600);
		if (output->fd < 0)
			ret = fail(err, errno, "cannot create '%s': %s", output->part,
				   strerror(errno));
	}
	if (ret) { /* the part, if there is one, is not ours */
		free(output->part);
		output->part = NULL;
		return ret;
	}
	flock(output->fd, LOCK_EX | LOCK_NB); /* some file systems have no locks */
	return 0;
}

int output_open(struct output *output, const char *path, bool is_binary, struct egret_error *err)
{
	struct stat st;
	int ret;

	*output = OUTPUT_NONE;
	output->path = strdup(path);
	if (!output->path)
		return fail(err, ENOMEM, "out of memory");
	if (!strcmp(path, "-"))
		ret = open_stdout(output, is_binary, err);
	else if (stat(path, &st) || S_ISREG(st.st_mode))
		ret = open_part(output, err);
	else if (S_ISDIR(st.st_mode))
		ret = fail(err, EISDIR, "cannot write '%s': it is a directory", path);
	else
		ret = open_directly(output, path, err);
	if (ret)
		output_close(output);
	return ret;
}

/* ---- until it is whole ---------------------------------------------------------------------- */

/* Of the output that output_open_whole has opened; "": none. */
static char part_to_remove[4096];
static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP };

/* May run at any moment: only what signal-safety(7) allows. */
static void on_ending(int number)
{
	if (*part_to_remove)
		unlink(part_to_remove);
	signal(number, SIG_DFL);
	raise(number); /* is delivered when this returns */
}

int output_open_whole(struct output *output, const char *path, bool is_binary,
		      struct egret_error *err)
{
	struct sigaction action = { .sa_handler = on_ending, .sa_flags = SA_RESTART }, before;
	int ret = output_open(output, path, is_binary, err);

	if (ret || !output->part || strlen(output->part) >= sizeof(part_to_remove))
		return ret;
	strcpy(part_to_remove, output->part);
	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(*ending_signals); i++)
		if (!sigaction(ending_signals[i], NULL, &before) && before.sa_handler == SIG_DFL)
			sigaction(ending_signals[i], &action, NULL);
	return 0;
}

static int rename_old(const char *name, struct egret_error *err)
{
	char *old = NULL;
	int ret = 0;

	if (asprintf(&old, "%s.old", name) < 0)
		return fail(err, ENOMEM, "out of memory");
	if (rename(name, old) && errno != ENOENT)
		ret = fail(err, errno, "cannot rename '%s' to '%s': %s", name, old,
			   strerror(errno));
	free(old);
	return ret;
}

static int close_checked(struct output *output, struct egret_error *err)
{
	int fd = output->fd;

	output->fd = -1;
	if (close(fd)) /* NFS tells of a full disk here */
		return fail(err, errno, "cannot write '%s': %s",
			    output->part ? output->part : output->path, strerror(errno));
	return 0;
}

int output_commit(struct output *output, const char *name, bool keep_old, struct egret_error *err)
{
	int ret;

	if (!name)
		name = output->path;
	ret = close_checked(output, err);
	if (!ret && output->part && keep_old)
		ret = rename_old(name, err);
	part_to_remove[0] = 0;
	if (!ret && output->part && rename(output->part, name))
		ret = fail(err, errno, "cannot rename '%s' to '%s': %s", output->part, name,
			   strerror(errno));
	output_close(output);
	return ret;
}

void output_discard(struct output *output)
{
	part_to_remove[0] = 0;
	if (output->part)
		unlink(output->part);
	output_close(output);
}

void output_leave(struct output *output)
{
	output_close(output);
}

uint64_t output_size(const struct output *output)
{
	struct stat st;

	if (output->fd < 0 || fstat(output->fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}
