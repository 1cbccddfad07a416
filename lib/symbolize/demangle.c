/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libiberty knows the manglings; this keeps hostile names within bounds. A mangled name may refer
 * back to its own parts, so that a few hundred bytes can ask for more output than any memory holds
 * (a pair of pairs of pairs ...). libiberty limits recursion, not output.
 */
#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/symbolize.h"

#define NAME_MAX_LEN 4096   /* bytes of a mangled name; libiberty itself takes half of it or less */
#define OUTPUT_MAX_LEN 8192 /* bytes; what is longer ends in "..." */

/* Steps that a demangler which cannot be stopped may take. */
#define WORK_MAX (4u << 20)

struct output {
	char text[OUTPUT_MAX_LEN + sizeof("...")];
	size_t len;
	jmp_buf full;
};

static void append(const char *text, size_t len, void *arg)
{
	struct output *out = arg;
	size_t room = OUTPUT_MAX_LEN - out->len;

	memcpy(out->text + out->len, text, len < room ? len : room);
	out->len += len < room ? len : room;
	if (len > room)
		longjmp(out->full, 1);
}

/* Ends the text in "..." without cutting a UTF-8 sequence. */
static void mark_cut(struct output *out)
{
	while (out->len && ((unsigned char)out->text[out->len - 1] & 0xc0) == 0x80)
		out->len--;
	if (out->len && (unsigned char)out->text[out->len - 1] >= 0xc0)
		out->len--;
	memcpy(out->text + out->len, "...", 3);
	out->len += 3;
}

typedef int (*demangle_fn)(const char *mangled, int options, demangle_callbackref callback,
			   void *opaque);

/*
 * The callback forms of libiberty's demanglers hold no memory while they call back (but see
 * may_hold_memory), and so may be left by longjmp: there is no other way to stop them.
 */
static bool run(demangle_fn demangle, const char *mangled, int options, struct output *out)
{
	out->len = 0;
	if (setjmp(out->full)) {
		mark_cut(out);
		return true;
	}
	return demangle(mangled, options, append, out) && out->len;
}

/*
 * Whether work stays below WORK_MAX however the back references in a name are nested: n of them
 * multiply its length by 3^(n/3) at most.
 */
static bool is_bounded(const char *mangled, char back_reference)
{
	size_t work = strlen(mangled), n = 0;

	for (const char *p = strchr(mangled, back_reference); p;
	     p = strchr(p + 1, back_reference)) {
		if (++n % 3)
			continue;
		work *= 3;
		if (work > WORK_MAX)
			return false;
	}
	return true;
}

/* Rust v0 names with punycode ("u5abcde") are the one case of memory held during a call back. */
static bool may_hold_memory(const char *mangled)
{
	for (const char *p = strchr(mangled, 'u'); p; p = strchr(p + 1, 'u'))
		if (isdigit((unsigned char)p[1]))
			return true;
	return false;
}

static bool demangle_rust_v0(const char *mangled, struct output *out)
{
	if (may_hold_memory(mangled) && !is_bounded(mangled, 'B'))
		return false;
	return run(rust_demangle_callback, mangled, DMGL_NO_OPTS, out);
}

/* D's demangler has no callback form. */
static bool demangle_d(const char *mangled, struct output *out)
{
	char *text = is_bounded(mangled, 'Q') ? dlang_demangle(mangled, DMGL_NO_OPTS) : NULL;

	if (!text)
		return false;
	out->len = strnlen(text, OUTPUT_MAX_LEN + 1);
	if (out->len > OUTPUT_MAX_LEN) {
		out->len = OUTPUT_MAX_LEN;
		memcpy(out->text, text, out->len);
		mark_cut(out);
	} else {
		memcpy(out->text, text, out->len);
	}
	free(text);
	return out->len != 0;
}

/* A name of Rust's older mangling ends in a hash: "17h" and 16 digits. Few of C++ have that. */
static bool demangle_rust_legacy(const char *mangled, struct output *out)
{
	return strstr(mangled, "17h") && run(rust_demangle_callback, mangled, DMGL_NO_OPTS, out);
}

/* By the prefix alone: a C function may be called anything. */
static bool demangle_into(const char *mangled, bool is_short, struct output *out)
{
	int params = is_short ? 0 : DMGL_PARAMS;

	if (!strncmp(mangled, "__Z", 3))
		mangled++;
	if (!strncmp(mangled, "_ZN", 3) && demangle_rust_legacy(mangled, out))
		return true;
	if (!strncmp(mangled, "_Z", 2))
		return run(cplus_demangle_v3_callback, mangled, params | DMGL_ANSI, out);
	if (!strncmp(mangled, "_R", 2))
		return demangle_rust_v0(mangled, out);
	if (!strncmp(mangled, "_D", 2))
		return demangle_d(mangled, out);
	return false;
}

static char *demangle(const char *name, bool is_short)
{
	struct output *out;
	char *mangled, *result = NULL;
	size_t len, tail;

	if (name[0] != '_')
		return NULL;
	/* Behind '@': "@plt", or a version. It is no part of the mangled name, and is kept. */
	len = strcspn(name, "@");
	tail = strlen(name + len);
	if (len > NAME_MAX_LEN || tail > NAME_MAX_LEN)
		return NULL;
	mangled = strndup(name, len);
	out = malloc(sizeof(*out));
	if (mangled && out && demangle_into(mangled, is_short, out))
		result = malloc(out->len + tail + 1);
	if (result) {
		memcpy(result, out->text, out->len);
		memcpy(result + out->len, name + len, tail + 1);
	}
	free(mangled);
	free(out);
	return result;
}

char *egret_demangle(const char *name)
{
	return demangle(name, false);
}

char *egret_demangle_short(const char *name)
{
	char *text = demangle(name, true);

	if (text)
		egret_shorten_name(text);
	return text;
}
