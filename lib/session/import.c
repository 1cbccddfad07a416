/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Recordings of other profilers: opened, told apart, and given to who reads them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/options.h"
#include "import/import.h"
#include "import/perf_file.h"
#include "session/import_perf.h"

#define PERF_DATA "perf-data"

/* A file in memory: mapped, or read where it is none that could be. */
struct content {
	const void *bytes;
	size_t size;
	void *map; /* NULL: not mapped */
	struct egret_buffer read;
};

static int read_all(struct content *content, int fd, const char *path, struct egret_error *err)
{
	ssize_t n;

	do {
		void *to = egret_buffer_reserve(&content->read, 1u << 18);

		if (!to)
			return egret_fail(err, ENOMEM, "out of memory");
		n = read(fd, to, 1u << 18);
		content->read.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	content->bytes = content->read.data;
	content->size = content->read.len;
	return n < 0 ? egret_fail(err, errno, "%s: %s", path, strerror(errno)) : 0;
}

static int content_open(struct content *content, const char *path, struct egret_error *err)
{
	__close_ int opened = -1;
	int fd = STDIN_FILENO;
	struct stat st;

	if (strcmp(path, "-"))
		fd = opened = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return egret_fail(err, ENOTSUP,
				  "%s: a directory; recordings of perf record --threads are not "
				  "read",
				  path);
	if (S_ISREG(st.st_mode) && st.st_size) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (map != MAP_FAILED) {
			content->map = map;
			content->bytes = map;
			content->size = (size_t)st.st_size;
			return 0;
		}
	}
	return read_all(content, fd, path, err);
}

static void content_close(struct content *content)
{
	if (content->map)
		munmap(content->map, content->size);
	egret_buffer_deinit(&content->read);
}

const char *egret_import_format_name(size_t n)
{
	if (!n)
		return PERF_DATA;
	for (size_t i = 0; egret_importers[i]; i++)
		if (i + 1 == n)
			return egret_importers[i]->name;
	return NULL;
}

static const struct egret_importer *by_content(const struct content *content)
{
	size_t i = 0;

	while (egret_importers[i + 1] && !egret_importers[i]->is(content->bytes, content->size))
		i++;
	return egret_importers[i];
}

static int import_profile(const struct egret_importer *importer, const struct content *content,
			  int fd, struct egret_error *err)
{
	struct egret_profile *profile = NULL;
	int ret = egret_profile_create(&profile);

	if (ret)
		return egret_fail(err, ENOMEM, "out of memory");
	egret_profile_keep_samples(profile);
	ret = importer->read(content->bytes, content->size, profile, err);
	if (!ret && egret_profile_sort_samples(profile))
		ret = egret_fail(err, ENOMEM, "out of memory");
	if (!ret)
		ret = egret_profile__save(profile, fd, err);
	egret_profile__destroy(profile);
	return ret;
}

static int import(const struct content *content, int fd, const struct egret_import_opts *opts,
		  struct egret_error *err)
{
	const struct egret_importer *importer;

	if (!content->size)
		return egret_fail(err, EBADMSG, "it is empty");
	if (opts->format ? !strcmp(opts->format, PERF_DATA)
			 : egret_perf_is(content->bytes, content->size))
		return egret_import_perf(content->bytes, content->size, fd, opts, err);
	importer = opts->format ? egret_importer_find(opts->format) : by_content(content);
	if (!importer)
		return egret_fail(err, EINVAL, "there is no format '%s' to import", opts->format);
	return import_profile(importer, content, fd, err);
}

int egret_import(const char *path, int fd, const struct egret_import_opts *user_opts,
		 struct egret_error *err)
{
	struct content content = { 0 };
	struct egret_import_opts opts;
	int ret = egret_options_take(&opts, sizeof(opts), user_opts, "import options", err);

	if (!ret)
		ret = content_open(&content, path, err);
	if (!ret) {
		ret = import(&content, fd, &opts, err);
		if (ret)
			egret_fail_in(err, ret, "%s", path);
	}
	content_close(&content);
	return ret;
}
