/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * names_fuzz.c - the readers of what others say of names. The first byte of an input chooses: 0 a
 * perf map, 1 a jitdump, 2 kallsyms, 3 the tables of a Go program, 4 an ELF file's symbols; the
 * next one says how it is cut.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/debug_find.h"
#include "symbolize/file_names.h"
#include "symbolize/gopclntab.h"
#include "symbolize/jitdump.h"

#define MAX_LINES 8

/* Addresses to look at: around each number that the input holds. */
static uint64_t address(const uint8_t *bytes, size_t len, size_t i)
{
	uint64_t value = 0;

	if (len >= sizeof(value))
		memcpy(&value, bytes + i * 8 % (len - 7), sizeof(value));
	return value + i % 3 - 1;
}

static size_t touch(const char *text)
{
	return text ? strlen(text) : 0;
}

static void perfmap(const uint8_t *bytes, size_t len)
{
	struct egret_perfmap *map;
	struct egret_symbol symbol;

	if (egret_perfmap_parse((const char *)bytes, len, &map, NULL))
		return;
	for (uint64_t at = 0; at < 0x4000; at += 0x55)
		if (egret_perfmap_find(map, at, &symbol))
			touch(symbol.name);
	egret_perfmap_destroy(map);
}

static void jitdump(const uint8_t *bytes, size_t len, uint8_t piece)
{
	struct egret_jitdump *dump;
	struct egret_jit_code code;

	if (egret_jitdump_create(&dump))
		return;
	/* As it grows. */
	for (size_t at = 0; at < len; at += piece + 1u) {
		size_t n = len - at < piece + 1u ? len - at : piece + 1u;

		if (egret_jitdump_feed(dump, bytes + at, n))
			break;
	}
	for (size_t i = 0; i < 64; i++) {
		uint64_t at = address(bytes, len, i);

		if (egret_jitdump_at(dump, at, i & 1 ? UINT64_MAX : at, &code) ||
		    egret_jitdump_of(dump, at, (uint32_t)i, &code)) {
			touch(code.name);
			touch(code.file);
		}
	}
	egret_jitdump_destroy(dump);
}

static void kallsyms(const uint8_t *bytes, size_t len)
{
	struct egret_kallsyms *table;
	struct egret_symbol symbol;

	if (egret_kallsyms_parse((const char *)bytes, len, &table, NULL))
		return;
	for (uint64_t at = 0; at < 0x4000; at += 0x55)
		if (egret_kallsyms_find(table, at, &symbol)) {
			touch(symbol.name);
			touch(symbol.module);
		}
	egret_kallsyms_destroy(table);
}

static void gopclntab(const uint8_t *bytes, size_t len, uint8_t split)
{
	size_t size = len - len * split / 255;
	struct egret_gopclntab_bytes table = { bytes, size, 0x401000, bytes + size, len - size };
	struct egret_dwarf_line lines[MAX_LINES];

	for (uint64_t at = 0; at < 0x1000; at += 0x11) {
		size_t n = egret_gopclntab_find_in(&table, 0x401000 + at, lines, MAX_LINES);

		for (size_t i = 0; i < n; i++) {
			touch(lines[i].function);
			touch(lines[i].file);
		}
	}
}

/* As a parser is asked: of a few addresses. */
static void of_few(const struct egret_elf *elf, const uint8_t *bytes, size_t len)
{
	struct egret_symbol_run run;
	struct egret_file_names *names;
	uint64_t vaddrs[8];

	for (size_t i = 0; i < 8; i++)
		vaddrs[i] = address(bytes, len, i);
	if (egret_file_names_create_for(elf, NULL, vaddrs, 8, &names, NULL))
		return;
	for (size_t i = 0; i < 8; i++) {
		egret_file_names_run(names, vaddrs[i], &run, NULL);
		if (vaddrs[i] != UINT64_MAX && (vaddrs[i] < run.start || vaddrs[i] >= run.end))
			abort();
		if (run.name)
			touch(run.name);
	}
	egret_file_names_destroy(names);
}

static void elf_file(const uint8_t *bytes, size_t len)
{
	struct egret_debug_want want = { .path = "/nowhere/at/all" };
	struct egret_elf *elf, *debug = NULL;
	struct egret_file_names *names;
	enum egret_name_reason why;
	struct egret_symbol symbol;

	if (egret_elf_open_memory(bytes, len, "fuzz", &elf, NULL))
		return;
	want.elf = elf;
	if (!egret_debug_find(NULL, &want, &debug))
		egret_elf_destroy(debug);
	if (!egret_file_names_create(elf, NULL, &names, NULL)) {
		for (size_t i = 0; i < 256; i++)
			if (egret_file_names_find(names, address(bytes, len, i), &symbol, &why))
				touch(symbol.name);
		egret_file_names_destroy(names);
	}
	of_few(elf, bytes, len);
	egret_elf_destroy(elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	switch (data[0]) {
	case 0:
		perfmap(data + 2, size - 2);
		break;
	case 1:
		jitdump(data + 2, size - 2, data[1]);
		break;
	case 2:
		kallsyms(data + 2, size - 2);
		break;
	case 3:
		gopclntab(data + 2, size - 2, data[1]);
		break;
	case 4:
		elf_file(data + 2, size - 2);
		break;
	default:
		break;
	}
	return 0;
}
