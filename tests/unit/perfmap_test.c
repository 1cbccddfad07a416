/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/symbolize.h"

#include "test.h"

static struct egret_perfmap *parse(const char *text, size_t len)
{
	struct egret_error err = { "" };
	struct egret_perfmap *map = NULL;

	if (egret_perfmap_parse(text, len, &map, &err)) {
		printf("%s\n", err.text);
		exit(1);
	}
	return map;
}

static const char *name_at(const struct egret_perfmap *map, uint64_t addr)
{
	struct egret_symbol symbol;

	return egret_perfmap_find(map, addr, &symbol) ? symbol.name : NULL;
}

static void lines_as_node_writes_them(void)
{
	static const char text[] = "3ef414c0 398 RegExp:[{(]\n"
				   "0x7f00 0X20 LazyCompile:~foo /srv/app one.js:1:10\n"
				   "7f20 1 Builtin:X\n";
	struct egret_perfmap *map = parse(text, sizeof(text) - 1);
	struct egret_symbol symbol;

	CHECK(egret_perfmap_find(map, 0x3ef414c0 + 0x397, &symbol));
	CHECK_STR(symbol.name, "RegExp:[{(]");
	CHECK_EQ(symbol.start, 0x3ef414c0);
	CHECK_EQ(symbol.size, 0x398);
	CHECK_STR(name_at(map, 0x7f00), "LazyCompile:~foo /srv/app one.js:1:10");
	CHECK_STR(name_at(map, 0x7f1f), "LazyCompile:~foo /srv/app one.js:1:10");
	CHECK_STR(name_at(map, 0x7f20), "Builtin:X");
	CHECK_STR(name_at(map, 0x7f21), NULL);
	CHECK_STR(name_at(map, 0x7eff), NULL);
	CHECK_STR(name_at(map, 0x3ef414c0 + 0x398), NULL);
	egret_perfmap_destroy(map);
}

static void later_lines_win(void)
{
	static const char text[] = "1000 100 old\n"
				   "1040 20 inner\n"
				   "1050 100 across\n"
				   "1000 10 head\n"
				   "2000 10 first\n"
				   "2000 10 second\n"
				   "3010 10 small\n"
				   "3000 100 large\n";
	struct egret_perfmap *map = parse(text, sizeof(text) - 1);
	struct egret_symbol symbol;

	CHECK_STR(name_at(map, 0x1000), "head");
	CHECK_STR(name_at(map, 0x100f), "head");
	CHECK_STR(name_at(map, 0x1010), "old");
	CHECK_STR(name_at(map, 0x103f), "old");
	CHECK_STR(name_at(map, 0x1040), "inner");
	CHECK_STR(name_at(map, 0x104f), "inner");
	CHECK_STR(name_at(map, 0x1050), "across");
	CHECK_STR(name_at(map, 0x114f), "across");
	CHECK_STR(name_at(map, 0x1150), NULL);
	CHECK_STR(name_at(map, 0x2008), "second");
	CHECK_STR(name_at(map, 0x3018), "large");
	CHECK(egret_perfmap_find(map, 0x1020, &symbol));
	CHECK_EQ(symbol.start, 0x1000);
	CHECK_EQ(symbol.size, 0x100);
	egret_perfmap_destroy(map);
}

static void bad_lines_are_passed_over(void)
{
	static const char text[] = "\n"
				   "nonsense\n"
				   "1000\n"
				   "1000 10\n"
				   "1000 10 \n"
				   "1000 0 empty\n"
				   "10000000000000000 10 seventeen digits\n"
				   "ffffffffffffffff 2 wraps\n"
				   "-5 10 negative\n"
				   " 1000 10 indented\n"
				   "0x 10 no digits\n"
				   "4000 10 good\n"
				   "5000 10 cut sho";
	struct egret_perfmap *map = parse(text, sizeof(text) - 1);

	CHECK_STR(name_at(map, 0x1000), NULL);
	CHECK_STR(name_at(map, 0), NULL);
	CHECK_STR(name_at(map, UINT64_MAX), NULL);
	CHECK_STR(name_at(map, 0x4001), "good");
	CHECK_STR(name_at(map, 0x5001), "cut sho");
	egret_perfmap_destroy(map);
	map = parse("", 0);
	CHECK_STR(name_at(map, 0), NULL);
	egret_perfmap_destroy(map);
	map = parse(NULL, 0);
	CHECK_STR(name_at(map, 1), NULL);
	egret_perfmap_destroy(map);
}

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define SPACE 2000

/* Random overlaps, against the plain way: painting each line over what was there. */
static void agrees_with_painting(void)
{
	uint64_t random = 0x9e3779b97f4a7c15ull;

	for (int round = 0; round < 200; round++) {
		int owner[SPACE] = { 0 }, lines = 1 + (int)(xorshift(&random) % 100);
		char *text = NULL, want[16];
		struct egret_perfmap *map;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		for (int i = 1; i <= lines; i++) {
			size_t start = xorshift(&random) % SPACE;
			size_t size = 1 + xorshift(&random) % (round % 2 ? 500 : 30);

			fprintf(f, "%zx %zx f%d\n", start, size, i);
			for (size_t at = start; at < start + size && at < SPACE; at++)
				owner[at] = i;
		}
		fclose(f);
		map = parse(text, len);
		for (size_t at = 0; at < SPACE; at++) {
			snprintf(want, sizeof(want), "f%d", owner[at]);
			CHECK_STR(name_at(map, at), owner[at] ? want : NULL);
		}
		egret_perfmap_destroy(map);
		free(text);
	}
}

/* Nested lines, each within the one before, and the reverse: no blow-up of pieces or time. */
static void many_overlapping_lines(void)
{
	size_t n = 200000, len;
	char *text = NULL;
	struct egret_perfmap *map;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < n; i++)
		fprintf(f, "%zx %zx f%zu\n", i, 4 * n - 2 * i, i);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%zx %zx g%zu\n", 8 * n - i, 2 * i + 1, i);
	fclose(f);
	map = parse(text, len);
	CHECK_STR(name_at(map, 0), "f0");
	CHECK_STR(name_at(map, n - 1), "f199999");
	CHECK_STR(name_at(map, 4 * n - 1), "f0");
	CHECK_STR(name_at(map, 8 * n), "g199999");
	egret_perfmap_destroy(map);
	free(text);
}

static void damaged_text_does_no_harm(void)
{
	static const char text[] =
		"1000 100 alpha beta\n0x2000 50 gamma\n1080 20 delta\nffff 1 e\n";
	static const char values[] = "\n\n  \t0x9fF\xff";
	uint64_t random = 0x2545f4914f6cdd1dull;
	size_t len = sizeof(text) - 1;

	for (int i = 0; i < 20000; i++) {
		char *copy = malloc(len); /* of just this size, so that a sanitizer sees its end */
		size_t size = i % 4 ? len : xorshift(&random) % len;
		struct egret_perfmap *map;

		memcpy(copy, text, len);
		for (int times = i % 9; times--;)
			copy[xorshift(&random) % len] = values[xorshift(&random) % sizeof(values)];
		copy = realloc(copy, size ? size : 1);
		map = parse(copy, size);
		for (uint64_t at = 0xf00; at < 0x2100; at += 31) {
			struct egret_symbol symbol;

			if (egret_perfmap_find(map, at, &symbol))
				CHECK(symbol.start <= at && at - symbol.start < symbol.size &&
				      strlen(symbol.name) < len);
		}
		egret_perfmap_destroy(map);
		free(copy);
	}
}

int main(void)
{
	RUN(lines_as_node_writes_them);
	RUN(later_lines_win);
	RUN(bad_lines_are_passed_over);
	RUN(agrees_with_painting);
	RUN(many_overlapping_lines);
	RUN(damaged_text_does_no_harm);
	return DONE();
}
