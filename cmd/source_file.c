/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* source_file.c - the lines of source files. */
#include "source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_OF_SOURCE (32ul << 20)
#define LINE_MAX_OF_SOURCE 500 /* bytes that are shown */
#define TAB 8

static int read_all(int fd, char *to, size_t size)
{
	size_t at = 0;

	while (at < size) {
		ssize_t n = read(fd, to + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n)
			break;
		at += (size_t)n;
	}
	to[at] = 0;
	return 0;
}

static int read_text(struct source_file *file)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	else if ((uint64_t)st.st_size > SIZE_MAX_OF_SOURCE)
		error = EFBIG;
	if (!error && !(file->text = malloc((size_t)st.st_size + 1)))
		error = ENOMEM;
	if (!error)
		error = read_all(fd, file->text, (size_t)st.st_size);
	close(fd);
	return error;
}

static int split(struct source_file *file)
{
	size_t n = 1;

	for (const char *p = file->text; *p; p++)
		n += *p == '\n';
	file->lines = calloc(n, sizeof(*file->lines));
	if (!file->lines)
		return ENOMEM;
	for (char *rest = file->text; rest && *rest;)
		file->lines[file->n++] = strsep(&rest, "\n");
	return 0;
}

const struct source_file *source_files_get(struct source_files *files, const char *path)
{
	struct source_file *larger, *file;

	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(files->files[i].path, path))
			return &files->files[i];
	larger = realloc(files->files, (files->n + 1) * sizeof(*larger));
	if (!larger)
		return NULL;
	files->files = larger;
	file = &files->files[files->n];
	*file = (struct source_file){ .path = strdup(path) };
	if (!file->path)
		return NULL;
	files->n++;
	file->error = read_text(file);
	if (!file->error)
		file->error = split(file);
	return file;
}

void source_files_deinit(struct source_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->files[i].path);
		free(files->files[i].text);
		free(files->files[i].lines);
	}
	free(files->files);
	*files = (struct source_files){ 0 };
}

char *source_line(const struct source_file *file, uint32_t number)
{
	const char *from = number && number <= file->n ? file->lines[number - 1] : "";
	char *line = malloc(LINE_MAX_OF_SOURCE + TAB + 1);
	size_t n = 0;

	if (!line)
		return NULL;
	for (; *from && *from != '\r' && n < LINE_MAX_OF_SOURCE; from++) {
		if (*from != '\t') {
			line[n++] = *from;
			continue;
		}
		do
			line[n++] = ' ';
		while (n % TAB);
	}
	line[n] = 0;
	return line;
}
