/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/labels.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINER_ID_LEN 64
#define POD_UID_LEN 36
#define STATIC_POD_UID_LEN 32

void egret_labels_deinit(struct egret_process_labels *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		free(labels->items[i].key);
		free(labels->items[i].value);
	}
	labels->n = 0;
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* The length of a well-formed sequence of UTF-8 that is no control character; 0: none is there. */
static size_t character(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char mask, lead;
		size_t n;
		unsigned long least;
	} forms[] = { { 0xe0, 0xc0, 2, 0x80 },
		      { 0xf0, 0xe0, 3, 0x800 },
		      { 0xf8, 0xf0, 4, 0x10000 } };

	if (*s < 0x80)
		return *s >= 0x20 && *s != 0x7f;
	if (*s == 0xc2 && len > 1 && s[1] < 0xa0)
		return 0; /* of the C1 set */
	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		unsigned long code = *s & ~forms[f].mask & 0xff;

		if ((*s & forms[f].mask) != forms[f].lead || len < forms[f].n)
			continue;
		for (size_t i = 1; i < forms[f].n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		return code >= forms[f].least && code <= 0x10ffff && code >> 11 != 0x1b ? forms[f].n
											: 0;
	}
	return 0;
}

static bool is_text(const char *text, size_t len, size_t max)
{
	size_t n;

	if (!len || len > max)
		return false;
	for (size_t at = 0; at < len; at += n) {
		n = character((const unsigned char *)text + at, len - at);
		if (!n)
			return false;
	}
	return true;
}

static struct egret_process_label *find(struct egret_process_labels *labels, const char *key,
					size_t len)
{
	for (size_t i = 0; i < labels->n; i++)
		if (!strncmp(labels->items[i].key, key, len) && !labels->items[i].key[len])
			return &labels->items[i];
	return NULL;
}

void egret_labels_set(struct egret_process_labels *labels, const char *key, size_t key_len,
		      const char *value, size_t value_len)
{
	struct egret_process_label *label = find(labels, key, key_len), fresh;

	if (!value_len)
		return;
	if (!is_text(key, key_len, EGRET_LABEL_KEY_MAX) ||
	    !is_text(value, value_len, EGRET_LABEL_VALUE_MAX) ||
	    (!label && labels->n == EGRET_PROCESS_LABELS_MAX)) {
		labels->refused++;
		return;
	}
	fresh = (struct egret_process_label){ strndup(key, key_len), strndup(value, value_len) };
	if (!fresh.key || !fresh.value) {
		free(fresh.key);
		free(fresh.value);
		labels->no_memory = true;
		return;
	}
	if (label) {
		free(label->key);
		free(label->value);
	} else {
		label = &labels->items[labels->n++];
	}
	*label = fresh;
}

static void set(struct egret_process_labels *labels, const char *key, const char *value, size_t len)
{
	egret_labels_set(labels, key, strlen(key), value, len);
}

void egret_labels_pack(const struct egret_process_labels *labels, struct egret_buffer *to)
{
	for (size_t i = 0; i < labels->n; i++) {
		egret_buffer_add(to, labels->items[i].key, strlen(labels->items[i].key) + 1);
		egret_buffer_add(to, labels->items[i].value, strlen(labels->items[i].value) + 1);
	}
}

int egret_labels_unpack(struct egret_process_labels *labels, const char *bytes, size_t len)
{
	size_t key_len, value_len;

	for (size_t at = 0; at < len; at += key_len + value_len + 2) {
		key_len = strnlen(bytes + at, len - at);
		if (len - at < key_len + 2)
			return -EBADMSG;
		value_len = strnlen(bytes + at + key_len + 1, len - at - key_len - 1);
		if (len - at < key_len + value_len + 2)
			return -EBADMSG;
		egret_labels_set(labels, bytes + at, key_len, bytes + at + key_len + 1, value_len);
	}
	return 0;
}

/* ---- cgroups -------------------------------------------------------------------------------- */

/* One directory of a path. */
struct part {
	const char *text;
	size_t len;
};

static bool ends_in(const struct part *part, const char *end)
{
	size_t len = strlen(end);

	return part->len > len && !memcmp(part->text + part->len - len, end, len);
}

static bool begins_with(const struct part *part, const char *begin)
{
	size_t len = strlen(begin);

	return part->len > len && !memcmp(part->text, begin, len);
}

static size_t hex_digits(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && isxdigit((unsigned char)text[n]))
		n++;
	return n;
}

static int hex_value(const char *two)
{
	char text[3] = { two[0], two[1], 0 };

	return isxdigit((unsigned char)two[0]) && isxdigit((unsigned char)two[1])
		       ? (int)strtol(text, NULL, 16)
		       : -1;
}

/* A name without systemd's escapes, "\x2d" for '-' (systemd-escape(1)). */
static void set_unescaped(struct egret_process_labels *labels, const char *key, const char *text,
			  size_t len)
{
	char name[256];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int byte = i + 3 < len && text[i] == '\\' && text[i + 1] == 'x'
				   ? hex_value(text + i + 2)
				   : -1;

		if (n == sizeof(name)) {
			labels->refused++;
			return;
		}
		name[n++] = byte > 0 ? (char)byte : text[i];
		i += byte > 0 ? 3 : 0;
	}
	set(labels, key, name, n);
}

/* "docker-ID.scope", "cri-containerd-ID.scope", "crio-ID", "libpod-ID.scope/container", "ID". */
static bool container_id(struct egret_process_labels *labels, const struct part *part)
{
	size_t at = 0, n;

	/* Of the program that watches over a container, which is not in it. */
	if (memmem(part->text, part->len, "-conmon-", 8))
		return true;
	while (at < part->len) {
		n = hex_digits(part->text + at, part->len - at);
		if (n == CONTAINER_ID_LEN && (!at || !isalnum((unsigned char)part->text[at - 1]))) {
			set(labels, "container.id", part->text + at, n);
			return true;
		}
		at += n + 1;
	}
	return false;
}

/* "lxc.payload.NAME", "lxc/NAME"; "machine-NAME.scope" of systemd-nspawn, but not of QEMU. */
static void container_name(struct egret_process_labels *labels, const struct part *part,
			   const struct part *before)
{
	if (begins_with(part, "lxc.payload."))
		set(labels, "container.name", part->text + 12, part->len - 12);
	else if (before->len == 3 && !memcmp(before->text, "lxc", 3))
		set(labels, "container.name", part->text, part->len);
	else if (begins_with(part, "machine-") && ends_in(part, ".scope") && part->len > 14 &&
		 !begins_with(part, "machine-qemu"))
		set_unescaped(labels, "container.name", part->text + 8, part->len - 14);
}

/*
 * The length of a pod's UID: 8-4-4-4-12 digits, for which the driver systemd has '_' for '-' (that
 * means a slice below to it); or 32 digits, of a pod that kubelet itself was told of. 0: it is
 * none.
 */
static size_t uid_len(const char *text, size_t len)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t n = 0;

	if (hex_digits(text, len) == STATIC_POD_UID_LEN)
		return STATIC_POD_UID_LEN;
	while (n < POD_UID_LEN && n < len &&
	       (form[n] == 'x' ? isxdigit((unsigned char)text[n])
			       : text[n] == '-' || text[n] == '_'))
		n++;
	return n == POD_UID_LEN ? n : 0;
}

/* "pod<uid>" of the driver cgroupfs; "kubepods-burstable-pod<uid>.slice" of systemd's. */
static void pod_uid(struct egret_process_labels *labels, const struct part *part)
{
	char uid[POD_UID_LEN];

	for (size_t at = 0; at + 3 < part->len; at++) {
		const char *text = part->text + at + 3;
		size_t n = uid_len(text, part->len - at - 3);

		if (!n || memcmp(part->text + at, "pod", 3) || (at && part->text[at - 1] != '-'))
			continue;
		for (size_t i = 0; i < n; i++)
			uid[i] = text[i] == '_' ? '-' : text[i];
		set(labels, "k8s.pod.uid", uid, n);
		return;
	}
}

/* The innermost unit that runs something; user@1000.service only where none is below it. */
static bool is_unit(const struct part *part)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (ends_in(part, kinds[i]))
			return true;
	return false;
}

void egret_labels_of_cgroup(struct egret_process_labels *labels, const char *path)
{
	struct part before = { "", 0 }, last_unit = { NULL, 0 };

	set(labels, "process.linux.cgroup", path, strlen(path));
	while (*path) {
		struct part part = { path, strcspn(path, "/") };

		if (part.len && !container_id(labels, &part))
			container_name(labels, &part, &before);
		if (part.len)
			pod_uid(labels, &part);
		if (is_unit(&part))
			last_unit = part;
		before = part;
		path += part.len;
		path += *path == '/';
	}
	if (last_unit.text)
		set_unescaped(labels, "systemd.unit", last_unit.text, last_unit.len);
}

/* ---- the environment ------------------------------------------------------------------------ */

/* Decodes percent signs. The length, or -1: it cannot be decoded, or is longer than size. */
static long decode(const char *from, size_t len, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int byte = (unsigned char)from[i];

		if (n == size)
			return -1;
		if (from[i] == '%') {
			byte = i + 2 < len ? hex_value(from + i + 1) : -1;
			i += 2;
		}
		if (byte <= 0)
			return -1;
		to[n++] = (char)byte;
	}
	return (long)n;
}

static void trim(struct part *part)
{
	while (part->len && strchr(" \t", part->text[0])) {
		part->text++;
		part->len--;
	}
	while (part->len && strchr(" \t", part->text[part->len - 1]))
		part->len--;
}

/*
 * "key=value" of the list, or nothing; false: it is neither. Nothing is set where to is NULL. A '='
 * in a value should have been encoded; what reads these lists lets it pass.
 */
static bool attribute(struct part part, struct egret_process_labels *to)
{
	char key[EGRET_LABEL_KEY_MAX], value[EGRET_LABEL_VALUE_MAX];
	const char *equals;
	struct part name, text;
	long key_len, value_len;

	trim(&part);
	if (!part.len)
		return true;
	equals = memchr(part.text, '=', part.len);
	if (!equals)
		return false;
	name = (struct part){ part.text, (size_t)(equals - part.text) };
	text = (struct part){ equals + 1, part.len - name.len - 1 };
	trim(&name);
	trim(&text);
	key_len = decode(name.text, name.len, key, sizeof(key));
	value_len = decode(text.text, text.len, value, sizeof(value));
	if (key_len <= 0 || value_len < 0)
		return false;
	if (to)
		egret_labels_set(to, key, (size_t)key_len, value, (size_t)value_len);
	return true;
}

static bool attributes(const char *list, size_t len, struct egret_process_labels *to)
{
	const char *end = list + len;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		struct part part = { list, (size_t)((comma ? comma : end) - list) };

		if (!attribute(part, to))
			return false;
		list += part.len + 1;
	}
	return true;
}

/* The value of a variable, or NULL. */
static const char *variable(const char *bytes, size_t len, const char *name, size_t *value_len)
{
	size_t name_len = strlen(name);

	for (const char *at = bytes, *end = bytes + len; at < end;) {
		size_t n = strnlen(at, (size_t)(end - at));

		if (n > name_len && at[name_len] == '=' && !memcmp(at, name, name_len)) {
			*value_len = n - name_len - 1;
			return at + name_len + 1;
		}
		at += n + 1;
	}
	return NULL;
}

void egret_labels_of_environment(struct egret_process_labels *labels, const char *bytes, size_t len)
{
	size_t n;
	const char *value = variable(bytes, len, "OTEL_RESOURCE_ATTRIBUTES", &n);

	if (value && attributes(value, n, NULL))
		attributes(value, n, labels);
	else if (value)
		labels->refused++;
	value = variable(bytes, len, "OTEL_SERVICE_NAME", &n);
	if (value)
		set(labels, "service.name", value, n);
}
