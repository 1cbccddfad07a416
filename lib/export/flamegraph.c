/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flame graph page: one HTML file that needs nothing else.
 *
 * The page is lib/export/page/template.html with its @@part@@ marks replaced by the files that
 * page.S embeds and by the data: JSON, deflated, in base64. Nothing of a profile gets into the page
 * in another way, so no name that a program chose can be taken for markup or script.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "export/export.h"
#include "export/page_tables.h"

#define PARTS(X) X(style) X(renderer) X(data) X(tree) X(colours) X(chart) X(panels) X(main)

#define DECLARE(name)                                                                              \
	extern const char egret_page_##name##_start[] __attribute__((visibility("hidden")));       \
	extern const char egret_page_##name##_end[] __attribute__((visibility("hidden")));
DECLARE(template)
PARTS(DECLARE)
#undef DECLARE

struct part {
	const char *name;
	const char *start;
	const char *end;
};

static const struct part parts[] = {
#define PART(name) { #name, egret_page_##name##_start, egret_page_##name##_end },
	PARTS(PART)
#undef PART
};

static void write_base64(FILE *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;
		char four[4];

		if (i + 1 < len)
			three |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < len)
			three |= bytes[i + 2];
		four[0] = digits[three >> 18];
		four[1] = digits[three >> 12 & 63];
		four[2] = i + 1 < len ? digits[three >> 6 & 63] : '=';
		four[3] = i + 2 < len ? digits[three & 63] : '=';
		fwrite(four, 1, sizeof(four), out);
	}
}

static void write_part(FILE *out, const char *name, size_t len, const uint8_t *data,
		       size_t data_len)
{
	if (len == strlen("profile") && !memcmp(name, "profile", len)) {
		write_base64(out, data, data_len);
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strlen(parts[i].name) == len && !memcmp(parts[i].name, name, len))
			fwrite(parts[i].start, 1, (size_t)(parts[i].end - parts[i].start), out);
}

/* Every second piece between two @@ is the name of a part. */
static void write_page(FILE *out, const uint8_t *data, size_t data_len)
{
	const char *p = egret_page_template_start, *end = egret_page_template_end;
	bool is_mark = false;

	while (p < end) {
		const char *next = memmem(p, (size_t)(end - p), "@@", 2);
		size_t len = (size_t)((next ? next : end) - p);

		if (is_mark)
			write_part(out, p, len, data, data_len);
		else
			fwrite(p, 1, len, out);
		p = next ? next + 2 : end;
		is_mark = !is_mark;
	}
}

static int write_flamegraph(const struct egret_profile *profile,
			    const struct egret_export_opts *opts, FILE *out,
			    struct egret_error *err)
{
	struct egret_buffer json = { 0 };
	__free_ uint8_t *data = NULL;
	uLongf data_len;
	int ret;

	ret = egret_page_json(profile, opts, &json);
	if (!ret) {
		data_len = compressBound(json.len);
		data = malloc(data_len);
		if (!data || compress2(data, &data_len, json.data, json.len, 6) != Z_OK)
			ret = -ENOMEM;
	}
	egret_buffer_deinit(&json);
	if (ret == -ENOMEM)
		return egret_fail(err, ENOMEM, "not enough memory for the flame graph");
	if (ret)
		return egret_fail(err, -ret, "the profile cannot be read: %s", strerror(-ret));
	write_page(out, data, data_len);
	return 0;
}

const struct egret_exporter egret_exporter_flamegraph = {
	.name = "flamegraph",
	.text = "a flame graph: one HTML file with zoom, search and the accounting",
	.write = write_flamegraph,
};
