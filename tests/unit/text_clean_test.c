/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What becomes of names that are no text. */
#include "test.h"

#include "export/text.h"

static struct egret_arena arena;

static void becomes(const char *text, const char *want)
{
	CHECK_STR(egret_text_clean(&arena, text), want);
}

static void text_stays(void)
{
	static const char *const texts[] = {
		"",	  "main",      "std::map<int, \"x\">::~map()", "\u00e4\u20ac\U0001f600",
		"\u00a0", "\U0010ffff"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(egret_text_clean(&arena, texts[i]) == texts[i]);
	becomes(NULL, "");
}

static void others_are_replaced(void)
{
	becomes("a\x1b[31m\nb\x7f", "a?[31m?b?");
	becomes("\x80\xc3", "??");		    /* the end of a character, the start of one */
	becomes("\xc0\xaf \xe0\x80\xaf", "?? ???"); /* '/' in more bytes than it needs */
	becomes("\xed\xa0\x80", "???");		    /* half a pair */
	becomes("\xf4\x90\x80\x80\xff", "?????");   /* beyond Unicode */
	becomes("\xc2\x9b"
		"31m",
		"??31m");	   /* a control character of two bytes */
	becomes("\xe2\x82", "??"); /* cut */
}

int main(void)
{
	RUN(text_stays);
	RUN(others_are_replaced);
	egret_arena_deinit(&arena);
	return DONE();
}
