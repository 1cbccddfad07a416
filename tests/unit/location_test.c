/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cmd/location.h"

#include <locale.h>

#include "test.h"

static const struct egret_frame chain[] = {
	{ .name = "inner",
	  .module = "/bin/x",
	  .file = "/src/a.c",
	  .offset = 0x139,
	  .line = 3,
	  .flags = EGRET_FRAME_F_INLINED },
	{ .name = "outer\x1b[31m\t\xff", .module = "/bin/x", .offset = 0x139 },
};
static const struct egret_location inlined = { .address = 0x1139, .frames = chain, .n_frames = 2 };

static const struct egret_frame made = {
	.name = "[x+0x10]", .module = "", .offset = 0x10, .flags = EGRET_FRAME_F_UNNAMED
};
static const struct egret_location unknown = {
	.address = UINT64_MAX, .frames = &made, .n_frames = 1, .why = "no symbol \"covers\" it"
};

/* What fn writes. The caller frees it. */
static char *text_of(const struct egret_location *location, int with_module)
{
	struct location_text *writer = calloc(1, sizeof(*writer));
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (with_module < 0)
		CHECK_EQ(location_print_json(out, location), 0);
	else
		CHECK_EQ(location_print_text(out, location, with_module, writer), 0);
	location_text_flush(out, writer);
	fclose(out);
	location_text_deinit(writer);
	free(writer);
	return text;
}

static void check(const struct egret_location *location, int with_module, const char *want)
{
	char *got = text_of(location, with_module);

	CHECK_STR(got, want);
	free(got);
}

static void text_has_a_line_a_frame(void)
{
	check(&inlined, 0, "0x1139\tinner\t/src/a.c:3\n\touter?[31m??\t??:0\n");
	check(&inlined, 1, "0x1139\tinner\t/src/a.c:3\t/bin/x\n\touter?[31m??\t??:0\t/bin/x\n");
	check(&unknown, 1, "0xffffffffffffffff\t[x+0x10]\t??:0\t??\n");
}

/* Names of any length, the empty one, and the same ones again. */
static void long_and_repeated_names(void)
{
	char long_name[20001], want[20100];
	struct egret_frame frames[3] = { { .name = long_name, .module = "m", .file = "" },
					 { .name = "x", .module = "m", .file = "f" },
					 { .name = "x", .module = "m", .file = "f" } };
	struct egret_location location = { .frames = frames, .n_frames = 3 };

	memset(long_name, 'n', 20000);
	long_name[20000] = '\0';
	snprintf(want, sizeof(want), "0x0\t%s\t:0\n\tx\tf:0\n\tx\tf:0\n", long_name);
	check(&location, 0, want);
}

static void json_has_what_is_known(void)
{
	check(&inlined, -1,
	      "{\"address\":\"0x1139\",\"module\":\"/bin/x\",\"offset\":\"0x139\",\"frames\":["
	      "{\"function\":\"inner\",\"file\":\"/src/a.c\",\"line\":3,\"inlined\":true},"
	      "{\"function\":\"outer\\u001b[31m\\t?\"}]}\n");
	check(&unknown, -1,
	      "{\"address\":\"0xffffffffffffffff\",\"offset\":\"0x10\",\"frames\":[{}],"
	      "\"why\":\"no symbol \\\"covers\\\" it\"}\n");
}

/* Good sequences stay, each byte of the others is replaced: the output is always UTF-8. */
static void json_is_utf8(void)
{
	static const struct {
		const char *name, *want;
	} pairs[] = {
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "\xf0\x9f\x90\xa6", "\xf0\x9f\x90\xa6" },
		{ "\xc0\x80", "??" },
		{ "\xe0\x9f\xbf", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xf8", "?" },
		{ "\xe2\x82", "??" },
		{ "\xe2", "?" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct egret_frame frame = { .name = pairs[i].name, .module = "m" };
		struct egret_location location = { .frames = &frame, .n_frames = 1 };
		char want[200];

		snprintf(want, sizeof(want),
			 "{\"address\":\"0x0\",\"module\":\"m\",\"offset\":\"0x0\",\"frames\":["
			 "{\"function\":\"%s\"}]}\n",
			 pairs[i].want);
		check(&location, -1, want);
	}
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	RUN(text_has_a_line_a_frame);
	RUN(long_and_repeated_names);
	RUN(json_has_what_is_known);
	RUN(json_is_utf8);
	return DONE();
}
