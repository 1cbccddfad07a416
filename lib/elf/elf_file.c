/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/elf_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* The kernel and ld.so map whole pages, whatever p_align says. */
#define PAGE_SIZE 4096ull

/* No section is decompressed to more than this: a small file must not be able to ask for all
 * memory. */
#define SECTION_SIZE_MAX (4ull << 30)

#define DEBUG_ROOT "/usr/lib/debug"

/* What is needed of an ELF header, of either class. */
struct header {
	bool is_64;
	uint16_t type, machine;
	uint64_t phoff;
	uint32_t phentsize;
	uint32_t phnum;
};

struct egret_elf {
	uint8_t *bytes;
	size_t size;
	bool is_mapped; /* bytes are of mmap; else of malloc */
	char *name;
	Elf *handle;
	pthread_mutex_t lock; /* of handle */
	struct header header;
	struct egret_elf_segment *segments; /* PT_LOAD only */
	size_t n_segments;
	struct egret_build_id build_id;
	bool has_owner; /* nobody but owner may write the file */
	uid_t owner;
	struct egret_elf_facts *told; /* see egret_elf_open_told; NULL: it was read here */
	int fd;			      /* told only */
};

/* ---- headers: bytes in, numbers out ------------------------------------------------------- */

/* False: not an ELF file, or of the other byte order (no such program runs on x86). */
static bool read_header(const uint8_t *bytes, size_t size, struct header *out)
{
	Elf64_Ehdr ehdr64;
	Elf32_Ehdr ehdr32;

	if (size < sizeof(ehdr32) || memcmp(bytes, ELFMAG, SELFMAG) ||
	    bytes[EI_DATA] != ELFDATA2LSB)
		return false;
	if (bytes[EI_CLASS] == ELFCLASS64 && size >= sizeof(ehdr64)) {
		memcpy(&ehdr64, bytes, sizeof(ehdr64));
		*out = (struct header){ true,		ehdr64.e_type,	    ehdr64.e_machine,
					ehdr64.e_phoff, ehdr64.e_phentsize, ehdr64.e_phnum };
		return true;
	}
	if (bytes[EI_CLASS] == ELFCLASS32) {
		memcpy(&ehdr32, bytes, sizeof(ehdr32));
		*out = (struct header){ false,		ehdr32.e_type,	    ehdr32.e_machine,
					ehdr32.e_phoff, ehdr32.e_phentsize, ehdr32.e_phnum };
		return true;
	}
	return false;
}

/* False where program header i is not within the bytes. */
static bool read_segment(const uint8_t *bytes, size_t size, const struct header *header, uint32_t i,
			 struct egret_elf_segment *out)
{
	size_t len = header->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t at = header->phoff + (uint64_t)i * header->phentsize;

	if (header->phentsize < len || header->phoff > size || at > size || size - at < len)
		return false;
	if (header->is_64) {
		Elf64_Phdr p;

		memcpy(&p, bytes + at, sizeof(p));
		*out = (struct egret_elf_segment){ p.p_type,   p.p_flags, p.p_offset, p.p_vaddr,
						   p.p_filesz, p.p_memsz, p.p_align };
	} else {
		Elf32_Phdr p;

		memcpy(&p, bytes + at, sizeof(p));
		*out = (struct egret_elf_segment){ p.p_type,   p.p_flags, p.p_offset, p.p_vaddr,
						   p.p_filesz, p.p_memsz, p.p_align };
	}
	return true;
}

/* ---- the build-id ------------------------------------------------------------------------- */

/*
 * Looks for NT_GNU_BUILD_ID in a note segment or section. An id of more than EGRET_BUILD_ID_MAX
 * bytes counts as none, as it does for the kernel, so that both say the same of a file.
 */
static bool find_build_id(const uint8_t *notes, uint64_t len, uint64_t align,
			  struct egret_build_id *out)
{
	uint64_t at = 0;

	align = align == 8 ? 8 : 4;
	while (at < len && len - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		desc = (name + note.n_namesz + align - 1) & ~(align - 1);
		if (desc > len || note.n_descsz > len - desc)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz &&
		    note.n_descsz <= EGRET_BUILD_ID_MAX && !memcmp(notes + name, "GNU", 4)) {
			out->len = (uint8_t)note.n_descsz;
			memcpy(out->bytes, notes + desc, note.n_descsz);
			return true;
		}
		at = (desc + note.n_descsz + align - 1) & ~(align - 1);
	}
	return false;
}

static bool build_id_of_segments(const uint8_t *bytes, size_t size, const struct header *header,
				 struct egret_build_id *out)
{
	struct egret_elf_segment s;

	for (uint32_t i = 0; i < header->phnum && read_segment(bytes, size, header, i, &s); i++) {
		if (s.type != PT_NOTE || s.offset > size)
			continue;
		if (s.filesz > size - s.offset)
			s.filesz = size - s.offset;
		if (find_build_id(bytes + s.offset, s.filesz, s.align, out))
			return true;
	}
	return false;
}

/* True where the section's bytes are all in the file. */
static bool section_in_file(const struct egret_elf *elf, const GElf_Shdr *shdr)
{
	return shdr->sh_type != SHT_NOBITS && shdr->sh_offset <= elf->size &&
	       shdr->sh_size <= elf->size - shdr->sh_offset;
}

static bool build_id_of_sections(const struct egret_elf *elf, struct egret_build_id *out)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf->handle, scn)))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_NOTE &&
		    section_in_file(elf, &shdr) &&
		    find_build_id(elf->bytes + shdr.sh_offset, shdr.sh_size, shdr.sh_addralign,
				  out))
			return true;
	return false;
}

struct egret_build_id egret_elf_build_id_of_head(const void *head, size_t len)
{
	struct egret_build_id id = { 0 };
	struct header header;

	if (read_header(head, len, &header))
		build_id_of_segments(head, len, &header, &id);
	return id;
}

struct egret_build_id egret_build_id_of_notes(const void *notes, size_t len)
{
	struct egret_build_id id = { 0 };

	find_build_id(notes, len, 4, &id);
	return id;
}

struct egret_build_id egret_elf_build_id(const struct egret_elf *elf)
{
	return elf->build_id;
}

char *egret_build_id_hex(const struct egret_build_id *id, char *to)
{
	static const char digits[] = "0123456789abcdef";
	char *p = to;

	for (unsigned int i = 0; i < id->len && i < EGRET_BUILD_ID_MAX; i++) {
		*p++ = digits[id->bytes[i] >> 4];
		*p++ = digits[id->bytes[i] & 15];
	}
	*p = '\0';
	return to;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int load_segments(struct egret_elf *elf, struct egret_error *err)
{
	struct egret_elf_segment s;
	size_t n = 0;

	for (uint32_t i = 0; i < elf->header.phnum; i++)
		if (read_segment(elf->bytes, elf->size, &elf->header, i, &s) && s.type == PT_LOAD)
			n++;
	elf->segments = calloc(n ? n : 1, sizeof(*elf->segments));
	if (!elf->segments)
		return egret_fail(err, ENOMEM, "%s: no memory for its program headers", elf->name);
	for (uint32_t i = 0; i < elf->header.phnum; i++)
		if (read_segment(elf->bytes, elf->size, &elf->header, i, &s) && s.type == PT_LOAD)
			elf->segments[elf->n_segments++] = s;
	return 0;
}

static int open_handle(struct egret_elf *elf, struct egret_error *err)
{
	/* Idempotent; libelf refuses to work before it. */
	elf_version(EV_CURRENT);
	elf->handle = elf_memory((char *)elf->bytes, elf->size);
	if (!elf->handle || elf_kind(elf->handle) != ELF_K_ELF)
		return egret_fail(err, ENOEXEC, "%s: libelf cannot read it: %s", elf->name,
				  elf_errmsg(-1));
	return 0;
}

/* elf has its bytes. Takes it over: it is *out, or destroyed. */
static int open_bytes(struct egret_elf *elf, const char *name, struct egret_elf **out,
		      struct egret_error *err)
{
	int ret;

	pthread_mutex_init(&elf->lock, NULL);
	elf->name = strdup(name ? name : "?");
	if (!elf->name)
		ret = egret_fail(err, ENOMEM, "%s: no memory to open it", name);
	else if (!read_header(elf->bytes, elf->size, &elf->header))
		ret = egret_fail(err, ENOEXEC, "%s: not a little-endian ELF file", name);
	else
		ret = open_handle(elf, err);
	if (!ret)
		ret = load_segments(elf, err);
	if (ret) {
		egret_elf_destroy(elf);
		return ret;
	}
	if (!build_id_of_segments(elf->bytes, elf->size, &elf->header, &elf->build_id))
		build_id_of_sections(elf, &elf->build_id);
	*out = elf;
	return 0;
}

/*
 * The pages are the file's own: a file that another process truncates while it is mapped makes a
 * read of it raise SIGBUS, as for everyone who maps a file. The library installs no handler; the
 * command line does (cmd/cut_files.h), and libegret(3) says what a program that embeds it can do.
 */
static int map_file(int fd, const char *name, struct egret_elf **out, struct egret_error *err)
{
	struct egret_elf *elf;
	struct stat st;

	if (fstat(fd, &st))
		return egret_fail(err, errno, "%s: cannot stat: %s", name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return egret_fail(err, ENOEXEC, "%s: not a regular file", name);
	if (!st.st_size)
		return egret_fail(err, ENOEXEC, "%s: is empty", name);
	elf = calloc(1, sizeof(*elf));
	if (!elf)
		return egret_fail(err, ENOMEM, "%s: no memory to open it", name);
	elf->fd = -1;
	elf->is_mapped = true;
	elf->owner = st.st_uid;
	/* A group of the same number is the user's own (or root's). */
	elf->has_owner = !(st.st_mode & S_IWOTH) &&
			 (!(st.st_mode & S_IWGRP) || st.st_gid == st.st_uid);
	elf->size = (size_t)st.st_size;
	/* Writable, though the file never is: libelf notes in the headers what it has decompressed.
	 */
	elf->bytes = mmap(NULL, elf->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd,
			  0);
	if (elf->bytes == MAP_FAILED) {
		int errnum = errno;

		free(elf);
		return egret_fail(err, errnum, "%s: cannot map: %s", name, strerror(errnum));
	}
	*out = elf;
	return 0;
}

int egret_elf_open_fd(int fd, const char *name, struct egret_elf **out, struct egret_error *err)
{
	struct egret_elf *elf;
	int ret = map_file(fd, name, &elf, err);

	return ret ? ret : open_bytes(elf, name, out, err);
}

int egret_elf_open_by(const struct egret_elf_opener *opener, int fd, const char *name,
		      struct egret_elf **out, struct egret_error *err)
{
	return opener && opener->open ? opener->open(opener->arg, fd, name, out, err)
				      : egret_elf_open_fd(fd, name, out, err);
}

int egret_elf_open_memory(const void *bytes, size_t size, const char *name, struct egret_elf **out,
			  struct egret_error *err)
{
	struct egret_elf *elf = calloc(1, sizeof(*elf));

	if (!elf)
		return egret_fail(err, ENOMEM, "%s: no memory to open it", name);
	elf->bytes = malloc(size ? size : 1);
	if (!elf->bytes) {
		free(elf);
		return egret_fail(err, ENOMEM, "%s: no memory for a copy of it", name);
	}
	if (size)
		memcpy(elf->bytes, bytes, size);
	elf->fd = -1;
	elf->size = size;
	return open_bytes(elf, name, out, err);
}

bool egret_elf_owner(const struct egret_elf *elf, uid_t *owner)
{
	*owner = elf->owner;
	return elf->has_owner;
}

void egret_elf_destroy(struct egret_elf *elf)
{
	if (!elf)
		return;
	elf_end(elf->handle);
	pthread_mutex_destroy(&elf->lock);
	if (elf->is_mapped)
		munmap(elf->bytes, elf->size);
	else
		free(elf->bytes);
	if (elf->fd >= 0)
		close(elf->fd);
	free(elf->told);
	free(elf->segments);
	free(elf->name);
	free(elf);
}

int egret_elf_open_debug_below(const char *root, const struct egret_build_id *id,
			       struct egret_elf **out, struct egret_error *err)
{
	char hex[2 * EGRET_BUILD_ID_MAX + 1];
	struct egret_elf *elf;
	__free_ char *path = NULL;
	__close_ int fd = -1;
	int ret;

	if (id->len < 2)
		return egret_fail(err, ENOENT, "without a build-id no debug file can be found");
	egret_build_id_hex(id, hex);
	if (asprintf(&path, "%s/.build-id/%.2s/%s.debug", root, hex, hex + 2) < 0) {
		path = NULL;
		return egret_fail(err, ENOMEM, "no memory for the path of a debug file");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	ret = egret_elf_open_fd(fd, path, &elf, err);
	if (ret)
		return ret;
	if (elf->build_id.len != id->len || memcmp(elf->build_id.bytes, id->bytes, id->len)) {
		egret_elf_destroy(elf);
		return egret_fail(err, ESTALE, "%s: is of another build than its name says", path);
	}
	*out = elf;
	return 0;
}

int egret_elf_open_debug(const struct egret_build_id *id, struct egret_elf **out,
			 struct egret_error *err)
{
	return egret_elf_open_debug_below(DEBUG_ROOT, id, out, err);
}

/* ---- what it holds ------------------------------------------------------------------------ */

Elf *egret_elf_handle(const struct egret_elf *elf)
{
	return elf->handle;
}

void egret_elf_lock(const struct egret_elf *elf)
{
	pthread_mutex_lock((pthread_mutex_t *)&elf->lock);
}

void egret_elf_unlock(const struct egret_elf *elf)
{
	pthread_mutex_unlock((pthread_mutex_t *)&elf->lock);
}

const void *egret_elf_bytes(const struct egret_elf *elf, size_t *size)
{
	*size = elf->size;
	return elf->bytes;
}

const char *egret_elf_name(const struct egret_elf *elf)
{
	return elf->name;
}

unsigned int egret_elf_machine(const struct egret_elf *elf)
{
	return elf->header.machine;
}

bool egret_elf_is_64(const struct egret_elf *elf)
{
	return elf->header.is_64;
}

uint64_t egret_elf_entry(const struct egret_elf *elf)
{
	GElf_Ehdr ehdr;

	if (elf->told)
		return elf->told->entry;
	return gelf_getehdr(elf->handle, &ehdr) ? ehdr.e_entry : 0;
}

bool egret_elf_is_relocatable(const struct egret_elf *elf)
{
	return elf->header.type == ET_REL;
}

const struct egret_elf_segment *egret_elf_segment(const struct egret_elf *elf, size_t i)
{
	return i < elf->n_segments ? &elf->segments[i] : NULL;
}

/* A run of n addresses from `from` on, that stands for one from `to` on. */
struct run {
	uint64_t from, to, n;
};

/* The pages that hold the run: what is mapped when it is. */
static struct run whole_pages(struct run run)
{
	uint64_t before = run.from % PAGE_SIZE;
	uint64_t n = run.n + before;

	if (n < run.n || n > UINT64_MAX - PAGE_SIZE)
		return run;
	n = (n + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
	return (struct run){ run.from - before, run.to - before, n };
}

/* By the first segment of that kind whose bytes, or whose pages, hold x. */
static bool translate_by(const struct egret_elf *elf, bool from_offset, bool executable, bool pages,
			 uint64_t x, uint64_t *out)
{
	for (size_t i = 0; i < elf->n_segments; i++) {
		const struct egret_elf_segment *s = &elf->segments[i];
		struct run run = from_offset ? (struct run){ s->offset, s->vaddr, s->filesz }
					     : (struct run){ s->vaddr, s->offset, s->filesz };

		if (!!(s->flags & PF_X) != executable)
			continue;
		if (pages)
			run = whole_pages(run);
		if (x < run.from || x - run.from >= run.n)
			continue;
		*out = run.to + (x - run.from);
		return true;
	}
	return false;
}

/*
 * All of the pages of the code come before the data: lld lays files out so that one page of the
 * file has the end of the read-only data and the start of the code, and is mapped twice. The
 * mapping of the code then begins with bytes of the other segment.
 */
bool egret_elf_offset_to_vaddr(const struct egret_elf *elf, uint64_t offset, uint64_t *vaddr)
{
	return translate_by(elf, true, true, false, offset, vaddr) ||
	       translate_by(elf, true, true, true, offset, vaddr) ||
	       translate_by(elf, true, false, false, offset, vaddr);
}

bool egret_elf_vaddr_to_offset(const struct egret_elf *elf, uint64_t vaddr, uint64_t *offset)
{
	return translate_by(elf, false, true, false, vaddr, offset) ||
	       translate_by(elf, false, false, false, vaddr, offset) ||
	       translate_by(elf, false, true, true, vaddr, offset);
}

/* Replaces the section's bytes by what they are compressed from, within libelf. */
static bool decompress(Elf_Scn *scn)
{
	GElf_Chdr chdr;

	return gelf_getchdr(scn, &chdr) && chdr.ch_size <= SECTION_SIZE_MAX &&
	       elf_compress(scn, 0, 0) >= 0;
}

/*
 * The bytes are libelf's: once a section is decompressed, by us or by libdw, its header has lost
 * the flag and only libelf knows that the bytes are not those of the file.
 */
static bool read_section(const struct egret_elf *elf, Elf_Scn *scn, struct egret_section *out)
{
	Elf_Data *data;

	*out = (struct egret_section){ .scn = scn };
	if (!gelf_getshdr(scn, &out->shdr))
		return false;
	if (out->shdr.sh_type == SHT_NOBITS)
		return true;
	if ((out->shdr.sh_flags & SHF_COMPRESSED) &&
	    (!decompress(scn) || !gelf_getshdr(scn, &out->shdr)))
		return false;
	data = elf_rawdata(scn, NULL);
	if (!data)
		return false;
	out->data = data->d_buf ? data->d_buf : elf->bytes;
	out->size = data->d_buf ? data->d_size : 0;
	return true;
}

static Elf_Scn *find_section(const struct egret_elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t strings;

	if (elf_getshdrstrndx(elf->handle, &strings))
		return NULL;
	while ((scn = elf_nextscn(elf->handle, scn))) {
		const char *found;

		if (!gelf_getshdr(scn, &shdr))
			continue;
		found = elf_strptr(elf->handle, strings, shdr.sh_name);
		if (found && !strcmp(found, name))
			return scn;
	}
	return NULL;
}

bool egret_elf_section(const struct egret_elf *elf, const char *name, struct egret_section *out)
{
	Elf_Scn *scn;
	bool found;

	egret_elf_lock(elf);
	scn = find_section(elf, name);
	found = scn && read_section(elf, scn, out);
	egret_elf_unlock(elf);
	return found;
}

bool egret_elf_stored_section(const struct egret_elf *elf, const char *name,
			      struct egret_section *out)
{
	Elf_Scn *scn;
	bool found;

	egret_elf_lock(elf);
	scn = find_section(elf, name);
	*out = (struct egret_section){ .scn = scn };
	found = scn && gelf_getshdr(scn, &out->shdr) && section_in_file(elf, &out->shdr);
	egret_elf_unlock(elf);
	if (!found)
		return false;
	out->data = elf->bytes + out->shdr.sh_offset;
	out->size = out->shdr.sh_size;
	return true;
}

/* ---- what is told of it ------------------------------------------------------------------- */

bool egret_elf_has_more(const struct egret_elf *elf)
{
	struct egret_section section;

	if (elf->told)
		return elf->told->has_more;
	return egret_elf_stored_section(elf, ".symtab", &section) ||
	       egret_elf_stored_section(elf, ".debug_info", &section) ||
	       egret_elf_stored_section(elf, ".zdebug_info", &section);
}

const char *egret_elf_debuglink(const struct egret_elf *elf, uint32_t *crc)
{
	struct egret_section section;
	const char *name;
	size_t len;

	if (elf->told) {
		*crc = elf->told->link_crc;
		return elf->told->link[0] ? elf->told->link : NULL;
	}
	if (!egret_elf_section(elf, ".gnu_debuglink", &section) || !section.data)
		return NULL;
	name = section.data;
	len = strnlen(name, section.size);
	if (!len || section.size < 4 || len > section.size - 4 || memchr(name, '/', len))
		return NULL;
	/* The CRC is behind the name, at the next multiple of 4. */
	len = (len + 4) & ~(size_t)3;
	if (len > section.size - 4)
		return NULL;
	memcpy(crc, name + len, sizeof(*crc));
	return name;
}

void egret_elf_facts(const struct egret_elf *elf, struct egret_elf_facts *out)
{
	const char *link;

	memset(out, 0, sizeof(*out));
	out->type = elf->header.type;
	out->machine = elf->header.machine;
	out->is_64 = elf->header.is_64;
	out->has_more = egret_elf_has_more(elf);
	link = egret_elf_debuglink(elf, &out->link_crc);
	if (link && strlen(link) < sizeof(out->link))
		memcpy(out->link, link, strlen(link));
	out->entry = egret_elf_entry(elf);
	out->build_id = elf->build_id;
	for (size_t i = 0; i < elf->n_segments && i < EGRET_ELF_SEGMENTS_MAX; i++)
		out->segments[out->n_segments++] = elf->segments[i];
}

/* Segments may say anything: addresses are looked up in them, and offsets held against the size. */
static bool are_facts(const struct egret_elf_facts *facts)
{
	return facts->n_segments <= EGRET_ELF_SEGMENTS_MAX &&
	       facts->build_id.len <= EGRET_BUILD_ID_MAX &&
	       memchr(facts->link, 0, sizeof(facts->link)) && !strchr(facts->link, '/');
}

static int tell(struct egret_elf *elf, int fd, const char *name,
		const struct egret_elf_facts *facts)
{
	elf->told = malloc(sizeof(*elf->told));
	elf->name = strdup(name ? name : "?");
	elf->segments = calloc(facts->n_segments + 1, sizeof(*elf->segments));
	if (!elf->told || !elf->name || !elf->segments)
		return -ENOMEM;
	*elf->told = *facts;
	memcpy(elf->segments, facts->segments, facts->n_segments * sizeof(*elf->segments));
	elf->n_segments = facts->n_segments;
	elf->build_id = facts->build_id;
	elf->header = (struct header){ .is_64 = facts->is_64,
				       .type = facts->type,
				       .machine = facts->machine };
	elf->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return elf->fd < 0 ? -errno : 0;
}

int egret_elf_open_told(int fd, const char *name, const struct egret_elf_facts *facts,
			struct egret_elf **out, struct egret_error *err)
{
	struct egret_elf *elf;
	int ret;

	if (!are_facts(facts))
		return egret_fail(err, EBADMSG, "%s: what was told of it cannot be", name);
	ret = map_file(fd, name, &elf, err);
	if (ret)
		return ret;
	pthread_mutex_init(&elf->lock, NULL);
	ret = tell(elf, fd, name, facts);
	if (ret) {
		egret_elf_destroy(elf);
		return egret_fail(err, -ret, "%s: cannot be kept open: %s", name, strerror(-ret));
	}
	*out = elf;
	return 0;
}

int egret_elf_told_fd(const struct egret_elf *elf)
{
	return elf->fd;
}
