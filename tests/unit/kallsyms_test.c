/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/symbolize.h"

#include <errno.h>

#include "test.h"

static struct egret_kallsyms *parse(const char *text, size_t len)
{
	struct egret_error err = { "" };
	struct egret_kallsyms *table = NULL;

	if (egret_kallsyms_parse(text, len, &table, &err)) {
		printf("%s\n", err.text);
		exit(1);
	}
	return table;
}

static struct egret_symbol at(const struct egret_kallsyms *table, uint64_t addr)
{
	struct egret_symbol symbol = { 0 };

	if (!egret_kallsyms_find(table, addr, &symbol))
		symbol = (struct egret_symbol){ 0 };
	return symbol;
}

static const char kernel[] = "ffffffff81000000 T _stext\n"
			     "ffffffff81000000 T _text\n"
			     "ffffffff81000000 T startup_64_of_the_kernel\n"
			     "ffffffff81000100 t local_one\n"
			     "ffffffff81000100 T a_global_one\n"
			     "ffffffff81000200 T __memcpy\n"
			     "ffffffff81000200 W memcpy\n"
			     "ffffffff81000300 t asm_exc_divide\n"
			     "ffffffff81000300 T __irqentry_text_start\n"
			     "ffffffff81000400 T before_data\n"
			     "ffffffff81000410 d table_in_text\n"
			     "ffffffff81001000 T last_function\n"
			     "ffffffff81002000 T _etext\n"
			     "ffffffff83000000 D jiffies\n"
			     "ffffffff83000000 T code_before_data\n"
			     "0000000000000000 A fixed_percpu_data\n"
			     "ffffffffc0100ff0 t nf_last\t[nf_tables]\n"
			     "ffffffffc0100000 t nf_first\t[nf_tables]\n"
			     "ffffffffc0500010 t bpf_prog_6deef7357e7b4530_sd\t[bpf]\n";

static void names_modules_and_sizes(void)
{
	struct egret_kallsyms *table = parse(kernel, sizeof(kernel) - 1);
	struct egret_symbol s = at(table, 0xffffffff81001fff);

	CHECK(!egret_kallsyms_hidden(table));
	CHECK_STR(s.name, "last_function");
	CHECK_STR(s.module, "[kernel.kallsyms]");
	CHECK_EQ(s.start, 0xffffffff81001000);
	CHECK_EQ(s.size, 0x1000);
	s = at(table, 0xffffffffc0100010);
	CHECK_STR(s.name, "nf_first");
	CHECK_STR(s.module, "[nf_tables]");
	CHECK_EQ(s.size, 0xff0);
	s = at(table, 0xffffffffc0500010);
	CHECK_STR(s.name, "bpf_prog_6deef7357e7b4530_sd");
	CHECK_STR(s.module, "[bpf]");
	egret_kallsyms_destroy(table);
}

static void of_aliases_the_function(void)
{
	struct egret_kallsyms *table = parse(kernel, sizeof(kernel) - 1);

	CHECK_STR(at(table, 0xffffffff81000000).name, "startup_64_of_the_kernel");
	CHECK_STR(at(table, 0xffffffff81000100).name, "a_global_one");
	CHECK_STR(at(table, 0xffffffff810002ff).name, "memcpy");
	CHECK_STR(at(table, 0xffffffff81000300).name, "asm_exc_divide");
	CHECK_STR(at(table, 0xffffffff83000000).name, "code_before_data");
	egret_kallsyms_destroy(table);
}

static void gaps_and_data_belong_to_nobody(void)
{
	struct egret_kallsyms *table = parse(kernel, sizeof(kernel) - 1);

	CHECK_STR(at(table, 0xffffffff8100040f).name, "before_data");
	CHECK_STR(at(table, 0xffffffff81000410).name, NULL);
	/* _etext does not take what follows the kernel. */
	CHECK_STR(at(table, 0xffffffff82ffffff).name, NULL);
	/* The last of a module ends with the page behind it. */
	CHECK_STR(at(table, 0xffffffffc0101fff).name, "nf_last");
	CHECK_STR(at(table, 0xffffffffc0102000).name, NULL);
	CHECK_STR(at(table, 0xffffffffc0501fff).name, "bpf_prog_6deef7357e7b4530_sd");
	CHECK_STR(at(table, 0xffffffffc0502000).name, NULL);
	CHECK_STR(at(table, 0).name, NULL);
	CHECK_STR(at(table, 0x1000).name, NULL);
	CHECK_STR(at(table, UINT64_MAX).name, NULL);
	egret_kallsyms_destroy(table);
}

static void hidden_addresses_are_told(void)
{
	static const char text[] = "0000000000000000 T _text\n0000000000000000 t f\n"
				   "0000000000000000 t g\t[m]\n";
	struct egret_kallsyms *table = parse(text, sizeof(text) - 1);

	CHECK(egret_kallsyms_hidden(table));
	CHECK_STR(at(table, 0).name, NULL);
	egret_kallsyms_destroy(table);
}

static void what_is_no_table_is_refused(void)
{
	struct egret_error err = { "" };
	struct egret_kallsyms *table = NULL;

	CHECK_EQ(egret_kallsyms_parse("", 0, &table, &err), -EBADMSG);
	CHECK_EQ(egret_kallsyms_parse("hello world\n", 12, &table, &err), -EBADMSG);
	CHECK(strstr(err.text, "/proc/kallsyms"));
	CHECK_EQ(egret_kallsyms_open("/no/such/kallsyms", &table, &err), -ENOENT);
	CHECK_STR(err.text, "/no/such/kallsyms: No such file or directory");
	CHECK_EQ(egret_kallsyms_open("/dev/null", &table, &err), -EBADMSG);
	CHECK(!strncmp(err.text, "/dev/null: no line", 18));
	CHECK_EQ(egret_kallsyms_open("/", &table, &err), -EISDIR);
	CHECK(!table);
}

/* Each code symbol of the running kernel is found at its address, by a name that stands there. */
static void the_running_kernel(void)
{
	char *line = NULL, name[512], type, want[600];
	struct egret_error err = { "" };
	struct egret_kallsyms *table;
	size_t capacity = 0, n = 0, wrong = 0;
	uint64_t addr, previous = 0;
	bool same = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	if (!f || egret_kallsyms_open("/proc/kallsyms", &table, &err))
		SKIP("there is no /proc/kallsyms");
	if (egret_kallsyms_hidden(table))
		SKIP("kernel addresses are hidden (kptr_restrict)");
	want[0] = '\0';
	/* Of a run of lines with one address, one must be the answer. */
	while (getline(&line, &capacity, f) > 0) {
		if (sscanf(line, "%" SCNx64 " %c %511s", &addr, &type, name) != 3 ||
		    !strchr("tTwW", type) || !addr)
			continue;
		if (addr != previous) {
			wrong += want[0] && !same;
			same = false;
			n++;
		}
		previous = addr;
		snprintf(want, sizeof(want), "%s", name);
		if (at(table, addr).name && at(table, addr).start == addr)
			same |= !strcmp(at(table, addr).name, want);
	}
	CHECK(n > 1000);
	CHECK_EQ(wrong, 0);
	printf("     %zu addresses\n", n);
	fclose(f);
	free(line);
	egret_kallsyms_destroy(table);
}

static uint64_t xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void damaged_text_does_no_harm(void)
{
	static const char values[] = "\n\n  \t0fTtD\xff";
	uint64_t random = 0x2545f4914f6cdd1dull;
	size_t len = sizeof(kernel) - 1, parsed = 0;

	for (int i = 0; i < 5000; i++) {
		size_t size = i % 4 ? len : xorshift(&random) % len;
		char *copy = malloc(size + 1);
		struct egret_kallsyms *table;
		struct egret_error err;

		memcpy(copy, kernel, size);
		for (int times = i % 30; size && times--;)
			copy[xorshift(&random) % size] = values[xorshift(&random) % sizeof(values)];
		copy = realloc(copy, size ? size : 1);
		if (!egret_kallsyms_parse(copy, size, &table, &err)) {
			parsed++;
			for (uint64_t a = 0xffffffff80fffff0; a < 0xffffffff81003000; a += 0x31)
				CHECK(!at(table, a).name || strlen(at(table, a).name) < len);
			egret_kallsyms_destroy(table);
		}
		free(copy);
	}
	CHECK(parsed > 4000);
}

int main(void)
{
	RUN(names_modules_and_sizes);
	RUN(of_aliases_the_function);
	RUN(gaps_and_data_belong_to_nobody);
	RUN(hidden_addresses_are_told);
	RUN(what_is_no_table_is_refused);
	RUN(damaged_text_does_no_harm);
	RUN(the_running_kernel);
	return DONE();
}
