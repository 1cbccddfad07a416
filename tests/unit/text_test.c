/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* text_test.c - numbers and names as people read them. */
#include "cmd/text.h"

#include <locale.h>

#include "test.h"

static void counts(void)
{
	CHECK_STR(text_count(0).text, "0");
	CHECK_STR(text_count(999).text, "999");
	CHECK_STR(text_count(1000).text, "1,000");
	CHECK_STR(text_count(1234567).text, "1,234,567");
	CHECK_STR(text_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
}

static void sizes(void)
{
	CHECK_STR(text_bytes(0).text, "0 B");
	CHECK_STR(text_bytes(999).text, "999 B");
	CHECK_STR(text_bytes(1000).text, "1.0 kB");
	CHECK_STR(text_bytes(999949).text, "999.9 kB");
	CHECK_STR(text_bytes(999950).text, "1.0 MB");
	CHECK_STR(text_bytes(UINT64_MAX).text, "18446744.1 TB");
}

static void shares_are_rounded_down(void)
{
	CHECK_STR(text_share(0, 0).text, "0.0 %");
	CHECK_STR(text_share(1, 1).text, "100.0 %");
	CHECK_STR(text_share(99999, 100000).text, "99.9 %");
	CHECK_STR(text_share(UINT64_MAX - 1, UINT64_MAX).text, "99.9 %");
	CHECK_STR(text_share(29, 100).text, "29.0 %");
	CHECK_STR(text_share(1, 3).text, "33.3 %");
}

static void check_print(const char *name, int max, const char *want, int want_columns)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int columns = text_print(out, name, max);

	fclose(out);
	CHECK_STR(text, want);
	CHECK_EQ(columns, want_columns);
	free(text);
}

static void names_are_made_safe(void)
{
	check_print("main", INT_MAX, "main", 4);
	check_print("a\033[31mb\nc\177", INT_MAX, "a?[31mb?c?", 10);
	check_print("\xff\xfe", INT_MAX, "??", 2);
	check_print("gr\xc3\xb6\xc3\x9f"
		    "e",
		    INT_MAX, "größe", 5);
	check_print("a\xe2\x80\xae"
		    "b",
		    INT_MAX, "a?b", 3); /* U+202E turns the line round */
	check_print("a\xc2\x9b"
		    "1mb",
		    INT_MAX, "a?1mb", 5);	   /* U+009B is CSI */
	check_print("\xe2\x80", INT_MAX, "??", 2); /* ends in the middle of a character */
}

static void names_are_cut(void)
{
	check_print("abcdef", 6, "abcdef", 6);
	check_print("abcdefg", 6, "abcd..", 6);
	check_print("größe", 4, "gr..", 4);
	check_print("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0", 5, "\xe4\xbd\xa0..", 4); /* wide */
}

int main(void)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		SKIP("no locale C.UTF-8");
	RUN(counts);
	RUN(sizes);
	RUN(shares_are_rounded_down);
	RUN(names_are_made_safe);
	RUN(names_are_cut);
	return DONE();
}
