/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The report page: one HTML file that needs nothing else.
 *
 * The page is lib/export/page/page.html, built from page/ and embedded by page.S, with its two
 * @@marks@@ replaced by the data: deflated, in base64. Nothing of a profile gets into the page in
 * another way, so no name that a program chose can be taken for markup or script.
 */
#include <errno.h>
#include <libdeflate.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "export/export.h"
#include "export/page_tables.h"

extern const char egret_page_start[] __attribute__((visibility("hidden")));
extern const char egret_page_end[] __attribute__((visibility("hidden")));

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

/* Of 12. The slower ones save 2 % more. */
#define PACKING_LEVEL 9

/* What a mark stands for: bytes, packed. */
struct part {
	const char *mark;
	struct egret_buffer data;
};

static int pack(struct egret_buffer *data)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(PACKING_LEVEL);
	struct egret_buffer packed = { 0 };
	void *room;

	if (!c)
		return -ENOMEM;
	room = egret_buffer_reserve(&packed, libdeflate_zlib_compress_bound(c, data->len));
	if (room)
		packed.len = libdeflate_zlib_compress(c, data->data, data->len, room,
						      libdeflate_zlib_compress_bound(c, data->len));
	libdeflate_free_compressor(c);
	egret_buffer_deinit(data);
	*data = packed;
	return room ? 0 : -ENOMEM;
}

/* The page up to the mark, and what the mark stands for. Returns what is behind the mark. */
static const char *write_part(FILE *out, const char *page, const struct part *part)
{
	size_t len = (size_t)(egret_page_end - page);
	const char *mark = memmem(page, len, part->mark, strlen(part->mark));

	if (!mark)
		return page;
	fwrite(page, 1, (size_t)(mark - page), out);
	write_base64(out, part->data.data, part->data.len);
	return mark + strlen(part->mark);
}

static int fill(struct part *tables_part, struct part *samples_part,
		const struct egret_profile *profile, const struct egret_export_opts *opts)
{
	struct egret_page_tables tables = { 0 };
	int ret = egret_page_tables_fill(&tables, profile, opts);

	if (!ret)
		ret = egret_page_data(&tables, profile, opts, &tables_part->data);
	if (!ret && samples_part)
		ret = egret_page_samples(&tables, profile, opts, &samples_part->data);
	egret_page_tables_deinit(&tables);
	if (!ret)
		ret = pack(&tables_part->data);
	if (!ret && samples_part && samples_part->data.len)
		ret = pack(&samples_part->data);
	return ret;
}

static int write_page(const struct egret_profile *profile, const struct egret_export_opts *opts,
		      bool with_times, FILE *out, struct egret_error *err)
{
	struct part tables = { .mark = "@@profile@@" }, samples = { .mark = "@@samples@@" };
	int ret = fill(&tables, with_times ? &samples : NULL, profile, opts);
	const char *rest = egret_page_start;

	if (!ret) {
		rest = write_part(out, rest, &tables);
		rest = write_part(out, rest, &samples);
		fwrite(rest, 1, (size_t)(egret_page_end - rest), out);
	}
	egret_buffer_deinit(&tables.data);
	egret_buffer_deinit(&samples.data);
	return ret ? egret_fail(err, ENOMEM, "not enough memory for the page") : 0;
}

static int write_html(const struct egret_profile *profile, const struct egret_export_opts *opts,
		      FILE *out, struct egret_error *err)
{
	return write_page(profile, opts, true, out, err);
}

static int write_flamegraph(const struct egret_profile *profile,
			    const struct egret_export_opts *opts, FILE *out,
			    struct egret_error *err)
{
	return write_page(profile, opts, false, out, err);
}

const struct egret_exporter egret_exporter_html = {
	.name = "html",
	.text = "the report page: flame graph, callers and callees, time, threads, the accounting",
	.takes_samples = true,
	.takes_base = true,
	.write = write_html,
};

const struct egret_exporter egret_exporter_flamegraph = {
	.name = "flamegraph",
	.text = "the same page without the time of each sample: smaller",
	.takes_base = true,
	.write = write_flamegraph,
};
