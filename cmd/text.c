/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* text.c - numbers and names as people read them. */
#include "text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

struct text_number text_count(uint64_t n)
{
	struct text_number number;
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *out = number.text;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = 0;
	return number;
}

struct text_number text_bytes(uint64_t n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	struct text_number number;
	double scaled = (double)n;
	unsigned int unit = 0;

	while (scaled >= 999.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
		scaled /= 1000;
		unit++;
	}
	snprintf(number.text, sizeof(number.text), "%.*f %s", unit ? 1 : 0, scaled, units[unit]);
	return number;
}

struct text_number text_seconds(double seconds)
{
	struct text_number number;

	snprintf(number.text, sizeof(number.text), "%.1f s", seconds);
	return number;
}

struct text_number text_share(uint64_t part, uint64_t whole)
{
	struct text_number number;
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;
	/* The small addend undoes the rounding of the division: 29 of 100 are 29.0, not 28.9. */
	uint64_t tenths = (uint64_t)(percent * 10 + 1e-6);

	if (tenths >= 1000 && part < whole)
		tenths = 999;
	snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%" PRIu64 " %%", tenths / 10,
		 tenths % 10);
	return number;
}

bool text_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

const char *text_arrow(void)
{
	return text_is_utf8() ? "→" : "->";
}

const char *text_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

int text_terminal_width(FILE *stream)
{
	struct winsize size;

	if (!isatty(fileno(stream)))
		return INT_MAX;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, and the separators of lines and paragraphs.
 */
static bool changes_layout(wchar_t c)
{
	return c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* One character of a name, made safe. */
struct glyph {
	const char *bytes;
	size_t n_bytes; /* to print */
	size_t taken;	/* of the name */
	int columns;
};

static struct glyph next_glyph(const char *name)
{
	static const struct glyph unsafe = { "?", 1, 1, 1 };
	struct glyph glyph = unsafe;
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n;

	if ((unsigned char)*name < 0x80) {
		if (*name >= 0x20 && *name != 0x7f)
			glyph.bytes = name;
		return glyph;
	}
	n = mbrtowc(&c, name, strnlen(name, MB_LEN_MAX), &state);
	if (n == (size_t)-1 || n == (size_t)-2 || !n)
		return glyph;
	glyph.taken = n;
	if (wcwidth(c) < 0 || changes_layout(c))
		return glyph;
	return (struct glyph){ name, n, n, wcwidth(c) };
}

static int width_of(const char *name, int max)
{
	int columns = 0;

	while (*name && columns <= max) {
		struct glyph glyph = next_glyph(name);

		columns += glyph.columns;
		name += glyph.taken;
	}
	return columns;
}

int text_fit(char *to, size_t size, const char *name, int max)
{
	/* A name that does not fit ends in two dots, so that it is seen to be cut. */
	bool cut = width_of(name, max) > max;
	int room = cut ? max - 2 : max;
	int columns = 0;
	size_t len = 0;

	while (*name && room > 0) {
		struct glyph glyph = next_glyph(name);

		if (columns + glyph.columns > room || len + glyph.n_bytes + 3 > size)
			break;
		memcpy(to + len, glyph.bytes, glyph.n_bytes);
		len += glyph.n_bytes;
		columns += glyph.columns;
		name += glyph.taken;
	}
	if (cut && max >= 2) {
		memcpy(to + len, "..", 2);
		len += 2;
		columns += 2;
	}
	to[len] = 0;
	return columns;
}

int text_print(FILE *out, const char *name, int max)
{
	/* A name that does not fit ends in two dots, so that it is seen to be cut. */
	bool cut = max != INT_MAX && width_of(name, max) > max;
	int room = cut ? max - 2 : max;
	int columns = 0;

	while (*name) {
		struct glyph glyph = next_glyph(name);

		if (columns + glyph.columns > room)
			break;
		fwrite(glyph.bytes, 1, glyph.n_bytes, out);
		columns += glyph.columns;
		name += glyph.taken;
	}
	if (cut && max >= 2)
		columns += fprintf(out, "..");
	return columns;
}
