/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tables of Go made by hand, in both layouts; tests/system/names_go.sh has a real program's. */
#include "symbolize/gopclntab.h"

#include "test.h"

#define TEXT 0x401000
#define MAX 16

/* One program: the bytes of its table, and of its inline trees. */
struct program {
	uint8_t table[1024], gofunc[64];
	size_t size;
	struct egret_gopclntab_bytes bytes;
};

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static const char names[] = "\0main.f\0main.g\0main.h";
enum { NAME_F = 1, NAME_G = 8, NAME_H = 15 };
static const char files[] = "a.go\0b.go";

/*
 * Tables of values, each from its own offset on: (change of the value, zigzag; bytes of code) ...
 * File 0 up to 0x20, then 1; line 10 up to 0x10, then 7 up to 0x20, then 5; no inlined call up to
 * 0x10, node 1 up to 0x20, then node 0.
 */
static const uint8_t pctab[] = { 0, /* offset 0: none */
				 2,    0x20, 2, 0x20, 0, 22,   0x10, 5,	   0x10, 3,
				 0x20, 0,    0, 0x10, 4, 0x10, 1,    0x20, 0 };
enum { PC_FILE = 1, PC_LINE = 6, PC_INLINED = 13 };

/* Function f of 0x40 bytes, with g inlined at 0x20 (node 0), and h inlined into that at 0x10. */
static void make(struct program *p, bool is_1_20)
{
	unsigned int words = is_1_20 ? 11 : 10;
	uint8_t *t = p->table, *f;
	size_t at = 72;

	memset(p, 0, sizeof(*p));
	put32(t, is_1_20 ? 0xfffffff1 : 0xfffffff0);
	t[6] = 1;
	t[7] = 8;
	put64(t + 8, 1);   /* functions */
	put64(t + 16, 2);  /* files */
	put64(t + 32, at); /* names */
	memcpy(t + at, names, sizeof(names));
	at += sizeof(names);
	put64(t + 40, at); /* cutab: this unit's files begin at entry 1 */
	put32(t + at + 4, 0);
	put32(t + at + 8, 5);
	at += 12;
	put64(t + 48, at);
	memcpy(t + at, files, sizeof(files));
	at += sizeof(files);
	put64(t + 56, at);
	memcpy(t + at, pctab, sizeof(pctab));
	at += sizeof(pctab);
	put64(t + 64, at); /* functab */
	put32(t + at, 0x100);
	put32(t + at + 4, 12);
	put32(t + at + 8, 0x140); /* the end */
	f = t + at + 12;
	put32(f, 0x100);
	put32(f + 4, NAME_F);
	put32(f + 20, PC_FILE);
	put32(f + 24, PC_LINE);
	put32(f + 28, 3);     /* tables of pcdata */
	put32(f + 32, 1);     /* first file */
	f[4 * words - 1] = 4; /* funcdata */
	put32(f + 4 * words + 8, PC_INLINED);
	for (size_t i = 0; i < 3; i++)
		put32(f + 4 * words + 12 + 4 * i, UINT32_MAX);
	put32(f + 4 * words + 24, 0); /* the tree: at the beginning of gofunc */
	p->size = (size_t)(f + 4 * words + 28 - t);
	if (is_1_20) {
		put32(p->gofunc + 4, NAME_G);
		put32(p->gofunc + 8, 0x8);
		put32(p->gofunc + 20, NAME_H);
		put32(p->gofunc + 24, 0x28);
	} else {
		put32(p->gofunc, 0xffff); /* parent: none */
		put32(p->gofunc + 8, 10);
		put32(p->gofunc + 12, NAME_G);
		put32(p->gofunc + 20, 0); /* parent: node 0 */
		put32(p->gofunc + 24, 1);
		put32(p->gofunc + 28, 5);
		put32(p->gofunc + 32, NAME_H);
	}
	p->bytes = (struct egret_gopclntab_bytes){ p->table, p->size, TEXT, p->gofunc, 40 };
}

/* "innermost file:line < ... < outermost file:line" at an offset in text. */
static const char *at(const struct program *p, uint64_t pc)
{
	static char text[512];
	struct egret_dwarf_line lines[MAX];
	size_t n = egret_gopclntab_find_in(&p->bytes, TEXT + pc, lines, MAX), len = 0;

	text[0] = 0;
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(lines[i].is_inlined, i + 1 < n);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %s:%u",
					i ? " < " : "", lines[i].function, lines[i].file,
					lines[i].line);
	}
	return text;
}

static void both_layouts(void)
{
	for (unsigned int is_1_20 = 0; is_1_20 < 2; is_1_20++) {
		struct program p;

		make(&p, is_1_20);
		CHECK(egret_gopclntab_is_known(&p.bytes));
		CHECK_STR(at(&p, 0xff), "");
		CHECK_STR(at(&p, 0x100), "main.f a.go:10");
		CHECK_STR(at(&p, 0x10f), "main.f a.go:10");
		CHECK_STR(at(&p, 0x110), "main.h a.go:7 < main.g b.go:5 < main.f a.go:10");
		CHECK_STR(at(&p, 0x120), "main.g b.go:5 < main.f a.go:10");
		CHECK_STR(at(&p, 0x13f), "main.g b.go:5 < main.f a.go:10");
		CHECK_STR(at(&p, 0x140), "");
		CHECK_STR(at(&p, UINT64_MAX - TEXT), "");
		/* Without the trees, the function and its line are what there is. */
		p.bytes.gofunc = NULL;
		CHECK_STR(at(&p, 0x120), "main.f b.go:5");
	}
}

static void no_more_lines_than_asked_for(void)
{
	struct egret_dwarf_line lines[2];
	struct program p;

	make(&p, true);
	CHECK_EQ(egret_gopclntab_find_in(&p.bytes, TEXT + 0x110, lines, 2), 2);
	CHECK_STR(lines[0].function, "main.h");
	CHECK_STR(lines[1].function, "main.f");
	CHECK_EQ(egret_gopclntab_find_in(&p.bytes, TEXT + 0x110, lines, 1), 1);
	CHECK_STR(lines[0].function, "main.f");
	CHECK_EQ(egret_gopclntab_find_in(&p.bytes, TEXT + 0x110, lines, 0), 0);
}

/* A call that is inlined into itself, or into a node that is inlined into it, ends at the limit. */
static void trees_that_go_round(void)
{
	struct egret_dwarf_line lines[MAX];
	struct program p;

	make(&p, true);
	put32(p.gofunc + 8, 0x28);
	CHECK_EQ(egret_gopclntab_find_in(&p.bytes, TEXT + 0x120, lines, MAX), MAX);
	make(&p, false);
	put32(p.gofunc, 1);
	CHECK_EQ(egret_gopclntab_find_in(&p.bytes, TEXT + 0x120, lines, MAX), MAX);
}

static void versions_that_are_not_known(void)
{
	struct program p;

	make(&p, true);
	put32(p.table, 0xfffffffb); /* Go 1.2 */
	CHECK(!egret_gopclntab_is_known(&p.bytes));
	CHECK_STR(at(&p, 0x100), "");
	make(&p, true);
	p.table[7] = 4; /* 32-bit pointers */
	CHECK(!egret_gopclntab_is_known(&p.bytes));
	make(&p, true);
	p.bytes.size = 71;
	CHECK(!egret_gopclntab_is_known(&p.bytes));
	make(&p, true);
	put64(p.table + 8, UINT64_MAX); /* functions */
	CHECK(!egret_gopclntab_is_known(&p.bytes));
}

/* Each byte with each bit turned, at each address, in memory that ends with the table. */
static void damaged_tables(void)
{
	struct egret_dwarf_line lines[MAX];
	struct program p;

	for (unsigned int is_1_20 = 0; is_1_20 < 2; is_1_20++) {
		make(&p, is_1_20);
		for (size_t bit = 0; bit < p.size * 8; bit++) {
			uint8_t *copy = malloc(p.size);
			struct egret_gopclntab_bytes bytes = p.bytes;

			memcpy(copy, p.table, p.size);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			bytes.table = copy;
			for (uint64_t pc = 0xf0; pc < 0x150; pc += 8) {
				size_t n = egret_gopclntab_find_in(&bytes, TEXT + pc, lines, MAX);

				for (size_t i = 0; i < n; i++)
					CHECK(!lines[i].file || strlen(lines[i].file) < p.size);
			}
			free(copy);
		}
		for (size_t size = 0; size < p.size; size++) {
			uint8_t *copy = malloc(size ? size : 1);
			struct egret_gopclntab_bytes bytes = p.bytes;

			memcpy(copy, p.table, size);
			bytes.table = copy;
			bytes.size = size;
			egret_gopclntab_find_in(&bytes, TEXT + 0x110, lines, MAX);
			free(copy);
		}
	}
}

int main(void)
{
	RUN(both_layouts);
	RUN(no_more_lines_than_asked_for);
	RUN(trees_that_go_round);
	RUN(versions_that_are_not_known);
	RUN(damaged_tables);
	return DONE();
}
