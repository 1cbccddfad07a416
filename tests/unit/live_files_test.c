/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The file of a mapping, where the process has another one at that address by the time that it is
 * opened: this program's own mappings, told as they were before.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "elf_fixture.h"
#include "maps/modules.h"

/* A file that is mapped at [start, end), as a kernel tells it without build-ids. */
struct mapped {
	char *path;
	struct egret_build_id id;
	struct egret_map_info info;
};

static struct mapped map_file(const char *name, const char *source)
{
	struct mapped m = { .path = fixture_compile(name, source, "-shared -Wl,--build-id=sha1") };
	struct egret_elf *elf = fixture_open(m.path);
	int fd = open(m.path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;

	if (fd < 0 || fstat(fd, &st))
		abort();
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		abort();
	close(fd);
	m.id = egret_elf_build_id(elf);
	egret_elf_destroy(elf);
	m.info = (struct egret_map_info){
		.pid = getpid(),
		.start = (uint64_t)(uintptr_t)at,
		.end = (uint64_t)(uintptr_t)at + (((uint64_t)st.st_size + 4095) & ~4095ull),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.path = m.path,
		.executable = true,
	};
	return m;
}

static void unmap_file(struct mapped *m)
{
	munmap((void *)(uintptr_t)m->info.start, (size_t)(m->info.end - m->info.start));
	free(m->path);
}

/* Whether /proc/PID/map_files can be followed, which takes privileges: proc_pid_map_files(5). */
static bool follows(const struct mapped *m)
{
	char link[128];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/map_files/%llx-%llx",
		 (unsigned long long)m->info.start, (unsigned long long)m->info.end);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Opens what info tells: it is the file with that build-id; NULL: there must be none. */
static void check_opens(const struct egret_map_info *info, const struct egret_build_id *id,
			int error)
{
	struct egret_error err = { "" };
	struct egret_elf *elf = NULL;
	int ret = egret_module_source_live.open_elf(NULL, info, &elf, &err);

	CHECK_EQ(ret, error);
	CHECK_EQ(elf != NULL, id != NULL);
	if (elf && id) {
		struct egret_build_id got = egret_elf_build_id(elf);

		CHECK(got.len == id->len && !memcmp(got.bytes, id->bytes, id->len));
	}
	CHECK(error == 0 || strstr(err.text, info->path));
	egret_elf_destroy(elf);
}

static void another_file_is_mapped_by_now(void)
{
	struct mapped a = map_file("a.c", "int a(void) { return 1; }");
	struct mapped b = map_file("b.c", "int b(void) { return 2; }");
	struct egret_map_info info = a.info;

	info.start = b.info.start;
	info.end = b.info.end;
	check_opens(&info, &a.id, 0);
	info.build_id = a.id;
	check_opens(&info, &a.id, 0);
	unlink(a.path);
	check_opens(&info, NULL, follows(&b) ? -ESTALE : -EPERM);
	info.build_id.len = 0;
	check_opens(&info, NULL, follows(&b) ? -ESTALE : -EPERM);
	unmap_file(&a);
	unmap_file(&b);
}

static void it_is_gone_from_its_path(void)
{
	struct mapped a = map_file("a.c", "int a(void) { return 1; }");
	struct egret_map_info info = a.info;

	unlink(a.path);
	check_opens(&info, follows(&a) ? &a.id : NULL, follows(&a) ? 0 : -EPERM);
	unmap_file(&a);
}

/* A file system on others tells another inode, and a container another path. */
static void the_inode_is_another_one_where_it_is_opened(void)
{
	struct mapped a = map_file("a.c", "int a(void) { return 1; }");
	struct egret_map_info info = a.info;
	bool privileged = follows(&a);

	info.ino += 12345;
	check_opens(&info, privileged ? &a.id : NULL, privileged ? 0 : -ESTALE);
	info.path = strrchr(a.path, '/');
	check_opens(&info, privileged ? &a.id : NULL, privileged ? 0 : -EPERM);
	unlink(a.path);
	check_opens(&info, privileged ? &a.id : NULL, privileged ? 0 : -EPERM);
	info.path = "/b.c.elf";
	check_opens(&info, NULL, privileged ? -ESTALE : -EPERM);
	unmap_file(&a);
}

int main(void)
{
	RUN(another_file_is_mapped_by_now);
	RUN(it_is_gone_from_its_path);
	RUN(the_inode_is_another_one_where_it_is_opened);
	return DONE();
}
