/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* opt_test.c - argument vectors against tables of options. */
#include "cmd/opt.h"

#include <errno.h>

#include "test.h"

struct inner {
	uint64_t size;
	const char *mode;
};

struct values {
	bool all;
	bool tree; /* true by default */
	bool no_symbols;
	bool graph;
	const char *output;
	const char *rotate;
	uint32_t frames;
	uint32_t threads;
	uint64_t frequency;
	uint64_t duration;
	uint64_t delay;
	double percent;
	struct opt_strings events;
	struct opt_pids pids;
	struct opt_strings names;
	struct opt_cpus cpus;
	struct inner inner;
};

#define AT(member) offsetof(struct values, member)

static const char *const modes[] = { "none", "safe", "any", NULL };

static const struct opt main_options[] = {
	{ "all-cpus", 'a', OPT_FLAG, AT(all), NULL, "All", NULL },
	{ "tree", 0, OPT_FLAG, AT(tree), NULL, "Tree", NULL },
	{ "no-symbols", 0, OPT_FLAG, AT(no_symbols), NULL, "No symbols", NULL },
	{ "", 'g', OPT_FLAG, AT(graph), NULL, "Graph", NULL },
	{ "output", 'o', OPT_FILE, AT(output), "FILE", "Output", NULL },
	{ "rotate", 'r', OPT_OPTIONAL, AT(rotate), "SIZE", "Rotate", NULL },
	{ "frames", 0, OPT_U32, AT(frames), "N", "Frames", NULL },
	{ "threads", 0, OPT_COUNT, AT(threads), "N", "Threads", NULL },
	{ "freq", 'F', OPT_FREQUENCY, AT(frequency), "HZ", "Frequency", NULL },
	{ "duration", 'd', OPT_DURATION, AT(duration), "SECONDS", "Duration", NULL },
	{ "delay", 'D', OPT_MILLISECONDS, AT(delay), "MS", "Delay", NULL },
	{ "percent-limit", 0, OPT_PERCENT, AT(percent), "PERCENT", "Limit", NULL },
	{ "event", 'e', OPT_EVENTS, AT(events), "EVENT", "Event", NULL },
	{ "pid", 'p', OPT_PIDS, AT(pids), "PID", "Pid", NULL },
	{ "symbol", 0, OPT_STRINGS, AT(names), "NAME", "Name", NULL },
	{ "cpu", 'C', OPT_CPUS, AT(cpus), "CPU", "Cpu", NULL },
	{ 0 },
};
static const struct opt inner_options[] = {
	{ "stack-limit", 0, OPT_SIZE, offsetof(struct inner, size), "SIZE", "Size", NULL },
	{ "fault", 0, OPT_CHOICE, offsetof(struct inner, mode), "MODE", "Mode", modes },
	{ 0 },
};
static const struct opt_group groups[] = {
	{ "Main", main_options, 0 },
	{ "Inner", inner_options, AT(inner) },
	{ 0 },
};

static struct values v;
static struct egret_error err;
static bool help;

/* Parses what a shell would make of the line (words are separated by one blank). */
static int parse(const char *line)
{
	static char text[256];
	static char *argv[32];
	char *rest = text;
	int argc = 0;

	opt_deinit(groups, &v);
	memset(&v, 0, sizeof(v));
	v.tree = true;
	help = false;
	err.text[0] = 0;
	snprintf(text, sizeof(text), "cmd %s", line);
	while (rest && argc < 31)
		argv[argc++] = strsep(&rest, " ");
	argv[argc] = NULL;
	return opt_parse(groups, &v, argc, argv, &help, &err);
}

static void long_and_short_forms_mean_the_same(void)
{
	static const char *const forms[] = { "-F 99",	 "-F99",  "--freq 99", "--freq=99",
					     "--fre 99", "-aF99", "-gaF 99" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		CHECK(parse(forms[i]) > 0);
		CHECK_EQ(v.frequency, 99);
	}
	CHECK_EQ(v.all, true);
	CHECK_EQ(v.graph, true);
	CHECK_EQ(parse("-F max"), 3);
	CHECK_EQ(v.frequency == OPT_FREQUENCY_MAX, true);
}

static void first_operand_ends_options(void)
{
	CHECK_EQ(parse("-a make -j2 -o x"), 2);
	CHECK(!v.output);
	CHECK_EQ(parse("-a -- -odd -a"), 3);
	CHECK_EQ(parse("-o - x"), 3);
	CHECK_STR(v.output, "-");
	CHECK_EQ(parse("- x"), 1);
	CHECK_EQ(parse("-a"), 2);
}

static void flags_can_be_taken_back(void)
{
	CHECK_EQ(v.tree, true);
	CHECK(parse("--no-tree") > 0);
	CHECK_EQ(v.tree, false);
	CHECK(parse("--no-tree --tree") > 0);
	CHECK_EQ(v.tree, true);
	CHECK(parse("--no-symbols") > 0);
	CHECK_EQ(v.no_symbols, true);
	CHECK(parse("--no-symbols --symbols") > 0);
	CHECK_EQ(v.no_symbols, false);
	CHECK_EQ(parse("--no-output x"), -EINVAL);
	CHECK_EQ(parse("--no-help"), -EINVAL);
}

static void lists_grow(void)
{
	CHECK(parse("-e cycles:u,cpu/event=1,umask=2/u,sched:sched_switch --event r01c4") > 0);
	CHECK_EQ(v.events.n, 4);
	CHECK_STR(v.events.items[0], "cycles:u");
	CHECK_STR(v.events.items[1], "cpu/event=1,umask=2/u");
	CHECK_STR(v.events.items[2], "sched:sched_switch");
	CHECK_STR(v.events.items[3], "r01c4");
	CHECK(parse("-p 1,22 --pid=333") > 0);
	CHECK_EQ(v.pids.n, 3);
	CHECK_EQ(v.pids.items[1], 22);
	CHECK_EQ(v.pids.items[2], 333);
	CHECK(parse("--symbol map<int,char>::at(int,int),main --symbol a,b") > 0);
	CHECK_EQ(v.names.n, 4);
	CHECK_STR(v.names.items[0], "map<int,char>::at(int,int)");
	CHECK_STR(v.names.items[1], "main");
	CHECK_STR(v.names.items[3], "b");
	CHECK(parse("-C 0,2-4 --cpu=7") > 0);
	CHECK_EQ(v.cpus.n, 5);
	CHECK_EQ(v.cpus.items[0], 0);
	CHECK_EQ(v.cpus.items[3], 4);
	CHECK_EQ(v.cpus.items[4], 7);
	CHECK_EQ(parse("-C 3-1"), -EINVAL);
	CHECK_EQ(parse("-C 1-"), -EINVAL);
	CHECK_EQ(parse("-C 70000"), -EINVAL);
	CHECK_EQ(parse("--symbol a,"), -EINVAL);
	CHECK_EQ(parse("-e a,,b"), -EINVAL);
	CHECK_EQ(parse("-e a,"), -EINVAL);
	CHECK_EQ(parse("-p 1,"), -EINVAL);
	CHECK_EQ(parse("-p 0"), -EINVAL);
	CHECK_EQ(parse("-p -1"), -EINVAL);
	CHECK_EQ(parse("-p 99999999999"), -EINVAL);
}

static void sizes_have_suffixes(void)
{
	CHECK(parse("--stack-limit=4096") > 0);
	CHECK_EQ(v.inner.size, 4096);
	CHECK(parse("--stack-limit 256K") > 0);
	CHECK_EQ(v.inner.size, 256 << 10);
	CHECK(parse("--stack-limit 3m") > 0);
	CHECK_EQ(v.inner.size, 3 << 20);
	CHECK(parse("--stack-limit 1GiB") > 0);
	CHECK_EQ(v.inner.size, 1 << 30);
	CHECK(parse("--stack-limit 7B") > 0);
	CHECK_EQ(v.inner.size, 7);
	CHECK_EQ(parse("--stack-limit 0"), -EINVAL);
	CHECK_EQ(parse("--stack-limit 1X"), -EINVAL);
	CHECK_EQ(parse("--stack-limit -1"), -EINVAL);
	CHECK_EQ(parse("--stack-limit 99999999999T"), -EINVAL);
	CHECK_STR(err.text, "--stack-limit wants a size in bytes, such as 65536, 256K or 1M, not "
			    "'99999999999T'");
}

static void times_have_units(void)
{
	CHECK(parse("-d 10 -D 250") > 0);
	CHECK_EQ(v.duration, 10000);
	CHECK_EQ(v.delay, 250);
	CHECK(parse("-d 0.5 -D 2s") > 0);
	CHECK_EQ(v.duration, 500);
	CHECK_EQ(v.delay, 2000);
	CHECK(parse("-d 2m") > 0);
	CHECK_EQ(v.duration, 120000);
	CHECK(parse("-d 300ms") > 0);
	CHECK_EQ(v.duration, 300);
	CHECK_EQ(parse("-d 0"), -EINVAL);
	CHECK_EQ(parse("-d 1x"), -EINVAL);
	CHECK_EQ(parse("-d nan"), -EINVAL);
	CHECK_EQ(parse("-d 0x10"), -EINVAL);
	CHECK_EQ(parse("-d 1e300"), -EINVAL);
	CHECK_EQ(parse("-D -1"), -EINVAL);
}

static void numbers_are_checked(void)
{
	CHECK(parse("--frames 4294967295 --percent-limit 0.25") > 0);
	CHECK_EQ(v.frames, UINT32_MAX);
	CHECK(v.percent == 0.25);
	CHECK_EQ(parse("--frames 4294967296"), -EINVAL);
	CHECK_EQ(parse("--frames 0"), -EINVAL);
	CHECK_EQ(parse("--frames 1x"), -EINVAL);
	CHECK(parse("--threads 7 --threads 0") > 0);
	CHECK_EQ(v.threads, 0);
	CHECK(parse("--threads 4294967295") > 0);
	CHECK_EQ(v.threads, UINT32_MAX);
	CHECK_EQ(parse("--threads 4294967296"), -EINVAL);
	CHECK_EQ(parse("--threads -1"), -EINVAL);
	CHECK_EQ(parse("--threads x"), -EINVAL);
	CHECK_EQ(parse("--frames +1"), -EINVAL);
	CHECK(parse("--percent-limit 0.5%") > 0);
	CHECK(v.percent == 0.5);
	CHECK_EQ(parse("--percent-limit 0.5%%"), -EINVAL);
	CHECK_EQ(parse("--percent-limit %"), -EINVAL);
	CHECK_EQ(parse("--percent-limit 101"), -EINVAL);
	CHECK_EQ(parse("--percent-limit -1"), -EINVAL);
	CHECK_EQ(parse("-F 0"), -EINVAL);
	CHECK_EQ(parse("-F 99999999999999999999"), -EINVAL);
	CHECK_EQ(parse("-o ") < 0, true);
}

static void choices_are_checked(void)
{
	CHECK(parse("--fault=any") > 0);
	CHECK_STR(v.inner.mode, "any");
	CHECK_EQ(parse("--fault=some"), -EINVAL);
	CHECK_STR(err.text, "--fault wants none, safe or any, not 'some'");
}

static void optional_values_are_not_the_next_word(void)
{
	CHECK_EQ(parse("--rotate 5"), 2);
	CHECK_STR(v.rotate, "");
	CHECK_EQ(parse("--rotate=5 x"), 2);
	CHECK_STR(v.rotate, "5");
	CHECK_EQ(parse("-r5 x"), 2);
	CHECK_STR(v.rotate, "5");
	CHECK_EQ(parse("-r 5"), 2);
	CHECK_STR(v.rotate, "");
}

static void mistakes_are_named(void)
{
	CHECK_EQ(parse("--frequency 99"), -EINVAL);
	CHECK_STR(err.text, "unknown option '--frequency'; did you mean '--freq'?");
	CHECK_EQ(parse("--druation=3"), -EINVAL);
	CHECK_STR(err.text, "unknown option '--druation'; did you mean '--duration'?");
	CHECK_EQ(parse("--hepl"), -EINVAL);
	CHECK_STR(err.text, "unknown option '--hepl'; did you mean '--help'?");
	CHECK_EQ(parse("--xyzzy"), -EINVAL);
	CHECK_STR(err.text, "unknown option '--xyzzy'");
	CHECK_EQ(parse("-aX"), -EINVAL);
	CHECK_STR(err.text, "unknown option '-X'");
	CHECK_EQ(parse("--fr 3"), -EINVAL);
	CHECK_STR(err.text, "option '--fr' is ambiguous");
	CHECK_EQ(parse("--output"), -EINVAL);
	CHECK_STR(err.text, "--output wants a value: FILE");
	CHECK_EQ(parse("-F"), -EINVAL);
	CHECK_STR(err.text, "-F wants a value: HZ");
	CHECK_EQ(parse("--all-cpus=1"), -EINVAL);
	CHECK_STR(err.text, "--all-cpus takes no value");
}

static void help_ends_parsing(void)
{
	CHECK(parse("-a --help --xyzzy") > 0);
	CHECK_EQ(help, true);
	CHECK(parse("-ah") > 0);
	CHECK_EQ(help, true);
	CHECK(parse("-a x --help") > 0);
	CHECK_EQ(help, false);
}

static void help_lists_each_option(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	opt_print_help(groups, out);
	fclose(out);
	CHECK(strstr(text, "Main:\n  -a, --all-cpus            All\n"));
	CHECK(strstr(text, "\n  -g                        Graph\n"));
	CHECK(strstr(text, "\n  -r, --rotate[=SIZE]       Rotate\n"));
	CHECK(strstr(text, "\nInner:\n      --stack-limit=SIZE    Size\n"));
	CHECK(strstr(text, "\n  -h, --help                Print this help\n"));
	free(text);
}

static void count_option(const struct opt *opt, void *arg)
{
	++*(int *)arg;
}

static void each_option_is_visited(void)
{
	int n = 0;

	opt_each(groups, count_option, &n);
	CHECK_EQ(n, 16 + 2 + 1);
}

static const char *nth_word(size_t n, const void *arg)
{
	return ((const char *const *)arg)[n];
}

static void near_words(void)
{
	static const char *const words[] = { "record", "report", "replay", NULL };

	CHECK_STR(opt_nearest("recrod", nth_word, words), "record");
	CHECK_STR(opt_nearest("reprot", nth_word, words), "report");
	CHECK_STR(opt_nearest("repaly", nth_word, words), "replay");
	CHECK_STR(opt_nearest("x", nth_word, words), NULL);
	CHECK_STR(opt_nearest("", nth_word, words), NULL);
	CHECK_STR(opt_nearest("annotate", nth_word, words), NULL);
	CHECK_STR(opt_nearest("a-word-that-is-much-longer-than-any-option-can-ever-be", nth_word,
			      words),
		  NULL);
}

int main(void)
{
	parse("");
	RUN(long_and_short_forms_mean_the_same);
	RUN(first_operand_ends_options);
	RUN(flags_can_be_taken_back);
	RUN(lists_grow);
	RUN(sizes_have_suffixes);
	RUN(times_have_units);
	RUN(numbers_are_checked);
	RUN(choices_are_checked);
	RUN(optional_values_are_not_the_next_word);
	RUN(mistakes_are_named);
	RUN(help_ends_parsing);
	RUN(help_lists_each_option);
	RUN(each_option_is_visited);
	RUN(near_words);
	opt_deinit(groups, &v);
	return DONE();
}
