/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What other profilers write, as folded lines of what was made of it. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "import/import.h"

static struct egret_profile *read_text(const struct egret_importer *importer, const char *text,
				       int want, const char *want_error)
{
	struct egret_error err = { "" };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	egret_profile_keep_samples(p);
	CHECK_EQ(importer->read(text, strlen(text), p, &err), want);
	CHECK_STR(err.text, want_error);
	return p;
}

/* The lines of what a text is read as. */
static void becomes(const struct egret_importer *importer, const char *text, const char *want)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .by_thread = true };
	struct egret_profile *p = read_text(importer, text, 0, "");
	FILE *file = tmpfile();
	char got[4096] = "";

	CHECK_EQ(egret_profile__export(p, "folded", fileno(file), &opts, NULL), 0);
	CHECK(pread(fileno(file), got, sizeof(got) - 1, 0) >= 0);
	CHECK_STR(got, want);
	fclose(file);
	egret_profile__destroy(p);
}

static void is_refused(const struct egret_importer *importer, const char *text, const char *error)
{
	egret_profile__destroy(read_text(importer, text, -EBADMSG, error));
}

static void folded(void)
{
	becomes(&egret_importer_folded,
		"a-1/2;main;f;g_[i];sys_[k] 3\na-1/2;main;f;g_[i];sys_[k] 1\n",
		"a-1/2;main;f;g_[i];sys_[k] 4\n");
	becomes(&egret_importer_folded, "# a comment\nx;js_[j];[cut: hole] 2\nx 1\n\nx;none 0\n",
		"x-0/0 1\nx-0/0;js_[j];[cut: hole] 2\n");
	becomes(&egret_importer_folded, "a-b/c;f g 2\n", "a-b/c-0/0;f g 2\n");
	is_refused(&egret_importer_folded, "a;b\n", "line 1: no count behind a stack");
	is_refused(&egret_importer_folded, "a;b 1\na;b 2x\n", "line 2: no count behind a stack");
	is_refused(&egret_importer_folded, "a;b 1\na;b 2",
		   "line 2: it has no end, the file is cut");
	is_refused(&egret_importer_folded, "\n", "it has no stacks in it");
}

/* More samples than are kept one by one: a line is a sample of that value. */
static void folded_values(void)
{
	struct egret_profile *p = read_text(&egret_importer_folded, "a;b 90000000000\na;c 5\n", 0,
					    "");

	CHECK_EQ(egret_profile_n_samples(p), 2);
	CHECK_EQ(egret_profile_get_sample(p, 0)->value, 90000000000);
	CHECK_EQ(egret_profile_get_sample(p, 1)->value, 5);
	egret_profile__destroy(p);
}

static void perf_script(void)
{
	/* A name with blanks, process, CPU, period; inlined functions; a name with brackets. */
	becomes(&egret_importer_perf_script,
		"# cmdline : x\n"
		"my prog 1 7/8 [001] 10.5:    100 cpu-clock:u: \n"
		"\tffffffff81000010 do_syscall_64+0x10 ([kernel.kallsyms])\n"
		"\t     10 inner (inlined)\n"
		"\t     10 operator()(int)+0x4 (/bin/a (b))\n"
		"  a.c:12\n"
		"\t      0 [unknown] (/bin/a (b))\n\n",
		"my prog 1-7/8;[a (b)+0x0];operator()(int);inner_[i];do_syscall_64_[k] 1\n");
	/* Neither CPU nor period nor process, and the only frame on the first line. */
	becomes(&egret_importer_perf_script,
		"sh 9 1.000001: cycles:  12 f+0x1 (/memfd:x (deleted))\n"
		"sh 9 2.000001: cycles: 12 g (/odd(name)\n",
		"sh-9/9;f 1\nsh-9/9;g 1\n");
	/* What stands behind a tracepoint is no frame. */
	becomes(&egret_importer_perf_script, "sh 9 2.000001: sched:sched_switch: prev_comm=a\n",
		"sh-9/9 1\n");
	is_refused(&egret_importer_perf_script, "hello\n",
		   "line 1: not the first line of a sample of perf script");
	is_refused(&egret_importer_perf_script, "sh 9 1.000001: cycles: \n\tzz\n\n",
		   "line 2: neither a frame nor a sample");
	is_refused(&egret_importer_perf_script, "sh 9 1.000001: cycles: \n\t12 f",
		   "line 2: it has no end, the file is cut");
}

static void times_and_events(void)
{
	struct egret_profile *p = read_text(&egret_importer_perf_script,
					    "sh 9 1.000001: 7 cycles: \n\t1 f (a)\n\n"
					    "sh 9 [065] 2.000000003: 8 cpu-clock: \n\t1 f (a)\n\n",
					    0, "");
	const struct egret_profile_sample *s = egret_profile_get_sample(p, 1);

	CHECK_EQ(egret_profile__n_events(p), 2);
	CHECK_STR(egret_profile__event(p, 0)->name, "cycles");
	CHECK_STR(egret_profile__event(p, 1)->unit, "nanoseconds");
	CHECK_EQ(egret_profile_get_sample(p, 0)->time, 1000001000);
	CHECK_EQ(egret_profile_get_sample(p, 0)->value, 7);
	CHECK_EQ(s->time, 2000000003);
	CHECK_EQ(s->cpu, 65);
	CHECK_EQ(s->value, 8);
	egret_profile__destroy(p);
}

/* Code that is made anew at an address is other code, up to a number of times. */
static void one_address_many_names(void)
{
	becomes(&egret_importer_perf_script,
		"n 1 1.0: e: \n\t10 first ([jit])\n\n"
		"n 1 2.0: e: \n\t10 second ([jit])\n\n"
		"n 1 3.0: e: \n\t10 first ([jit])\n\n",
		"n-1/1;first_[j] 2\nn-1/1;second_[j] 1\n");
}

static void pprof(void)
{
	is_refused(&egret_importer_pprof, "\x0a\x04\x08\x01",
		   "it is no profile of pprof, or damaged");
	is_refused(&egret_importer_pprof, "\x1f\x8b\x08", "its gzip stream is cut or damaged");
	is_refused(&egret_importer_pprof, "", "its list of values is damaged");
}

static void told_apart(void)
{
	CHECK(egret_importer_pprof.is("\x1f\x8b\x08", 3));
	CHECK(!egret_importer_pprof.is("a;b 1\n", 6));
	CHECK(egret_importer_perf_script.is("\n# x\nsh 9 1.5: cycles: \n", 24));
	CHECK(!egret_importer_perf_script.is("a;b 1\n", 6));
	CHECK(egret_importer_find("folded") == &egret_importer_folded);
	CHECK(!egret_importer_find("perf-data"));
	CHECK_STR(egret_import_format_name(0), "perf-data");
	CHECK(!egret_import_format_name(4));
}

int main(void)
{
	RUN(folded);
	RUN(folded_values);
	RUN(perf_script);
	RUN(times_and_events);
	RUN(one_address_many_names);
	RUN(pprof);
	RUN(told_apart);
	return DONE();
}
