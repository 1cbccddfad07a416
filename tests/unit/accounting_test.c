/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* accounting_test.c - the identity of the accounting, held and broken, and how it is printed. */
#include "cmd/accounting.h"

#include "test.h"

static struct accounting accounting;

static void add(const char *name, uint64_t value)
{
	struct egret_stat stat = { name, "text", value };

	CHECK_EQ(accounting_add(&stat, &accounting), 0);
}

/* 100 expected = 97 + 0 + 1 + 2; 97 = 5 + 90 + 2; 90 = 88 + 2 = 80 + 10. */
static void add_balanced(void)
{
	add("witness.expected", 100);
	add("witness.never-ran", 2);
	add("witness.late", 0);
	add("witness.idle", 1);
	add("interrupts", 97);
	add("filtered.not-target", 4);
	add("filtered.idle", 1);
	add("samples.written", 90);
	add("samples.dropped.ring-full", 2);
	add("capture.whole", 88);
	add("capture.exec", 2);
	add("unwind.root", 78);
	add("unwind.no-cfi", 2);
	add("unwind.not-user", 10);
	add("something.new", 7);
}

static char *printed(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	accounting_print(&accounting, out);
	fclose(out);
	return text;
}

static void values_and_sums(void)
{
	add_balanced();
	CHECK_EQ(accounting_value(&accounting, "interrupts"), 97);
	CHECK_EQ(accounting_value(&accounting, "filtered.*"), 5);
	CHECK_EQ(accounting_value(&accounting, "filtered"), 0);
	CHECK_EQ(accounting_value(&accounting, "nothing.*"), 0);
	accounting_deinit(&accounting);
}

static void balanced(void)
{
	char *text;

	add_balanced();
	CHECK_EQ(accounting_differences(&accounting), 0);
	text = printed();
	CHECK(strstr(text,
		     "interrupts 97 + witness.late 0 + witness.idle 1 + witness.never-ran 2 = "
		     "witness.expected 100   ok\n"));
	CHECK(strstr(text, "filtered.* 5 + samples.written 90 + samples.dropped.* 2 = "
			   "interrupts 97   ok\n"));
	CHECK(strstr(text, "capture.* 90 = samples.written 90   ok\n"));
	CHECK(strstr(text, "unwind.* 90 = samples.written 90   ok\n"));
	CHECK(!strstr(text, "DIFFERS"));
	free(text);
	accounting_deinit(&accounting);
}

static void unknown_names_are_printed_and_groups_stay_together(void)
{
	char *text;

	add_balanced();
	add("filtered.late", 0);
	text = printed();
	CHECK(strstr(text, "\nsomething.new                7  text\n"));
	CHECK(strstr(text, "filtered.idle                1  text\n"
			   "filtered.late                0  text\n\n"));
	free(text);
	accounting_deinit(&accounting);
}

static void differences_are_said(void)
{
	char *text;

	add_balanced();
	add("capture.lost", 4);
	add("samples.dropped.other", 0);
	accounting.items[1].value = 0; /* never-ran */
	CHECK_EQ(accounting_differences(&accounting), 2);
	text = printed();
	CHECK(strstr(text, "= witness.expected 100   DIFFERS by -2\n"));
	CHECK(strstr(text, "capture.* 94 = samples.written 90   DIFFERS by 4\n"));
	CHECK(strstr(text, "= interrupts 97   ok\n"));
	free(text);
	accounting_deinit(&accounting);
}

static void absent_numbers_are_no_difference(void)
{
	char *text;

	add("samples.written", 5);
	CHECK_EQ(accounting_differences(&accounting), 0);
	text = printed();
	CHECK(!strstr(text, " = "));
	free(text);
	accounting_deinit(&accounting);
	text = printed();
	CHECK_STR(text, "no accounting\n");
	free(text);
}

static void summary(void)
{
	struct accounting_summary sum;

	add_balanced();
	sum = accounting_summary(&accounting);
	CHECK_EQ(sum.samples, 90);
	CHECK_EQ(sum.user_stacks, 80);
	CHECK_EQ(sum.complete, 78);
	CHECK_EQ(sum.lost, 4); /* neither late nor idle ones are */
	accounting_deinit(&accounting);
}

int main(void)
{
	RUN(values_and_sums);
	RUN(balanced);
	RUN(unknown_names_are_printed_and_groups_stay_together);
	RUN(differences_are_said);
	RUN(absent_numbers_are_no_difference);
	RUN(summary);
	return DONE();
}
