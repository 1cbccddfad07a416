/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* opt_value.c - the text of an option's value, as a value. */
#include "opt_value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int opt_number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*text)) /* strtoull takes signs and blanks */
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

int opt_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	unsigned int shift;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	if (!*end || !strcmp(end, "B"))
		return 0;
	suffix = strchr(suffixes, toupper((unsigned char)*end));
	if (!suffix)
		return -EINVAL;
	end++;
	if (*end == 'i')
		end++;
	if (*end == 'B')
		end++;
	shift = 10 * (unsigned int)(suffix - suffixes + 1);
	if (*end || *bytes > UINT64_MAX >> shift)
		return -EINVAL;
	*bytes <<= shift;
	return 0;
}

int opt_duration(const char *text, uint64_t unit_ms, uint64_t *ms)
{
	static const struct {
		const char *suffix;
		unsigned int ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 } };
	double number;
	char *end;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return -EINVAL;
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		return -EINVAL;
	number = strtod(text, &end);
	if (end == text)
		return -EINVAL;
	for (size_t i = 0; *end && i < sizeof(units) / sizeof(*units); i++) {
		if (!strcmp(end, units[i].suffix)) {
			unit_ms = units[i].ms;
			end += strlen(end);
		}
	}
	number *= (double)unit_ms;
	if (*end || !(number <= (double)UINT32_MAX * 1000))
		return -EINVAL;
	*ms = (uint64_t)(number + 0.5);
	return 0;
}

static int set_string(const struct opt *opt, const char *text, void *member)
{
	*(const char **)member = text;
	return 0;
}

static int set_file(const struct opt *opt, const char *text, void *member)
{
	if (!*text)
		return -EINVAL;
	*(const char **)member = text;
	return 0;
}

static int set_choice(const struct opt *opt, const char *text, void *member)
{
	for (const char *const *choice = opt->choices; *choice; choice++) {
		if (!strcmp(*choice, text)) {
			*(const char **)member = *choice;
			return 0;
		}
	}
	return -EINVAL;
}

static int strings_add(struct opt_strings *strings, const char *text, size_t len)
{
	char **items = realloc(strings->items, (strings->n + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	strings->items = items;
	items[strings->n] = strndup(text, len);
	if (!items[strings->n])
		return -ENOMEM;
	strings->n++;
	return 0;
}

/* The length of the first event of a list: a comma inside cpu/event=1,umask=2/ does not end it. */
static size_t event_len(const char *text)
{
	bool in_terms = false;
	size_t len;

	for (len = 0; text[len] && (in_terms || text[len] != ','); len++)
		if (text[len] == '/')
			in_terms = !in_terms;
	return len;
}

static int set_events(const struct opt *opt, const char *text, void *member)
{
	for (;;) {
		size_t len = event_len(text);
		int ret;

		if (!len)
			return -EINVAL;
		ret = strings_add(member, text, len);
		if (ret)
			return ret;
		text += len;
		if (!*text)
			return 0;
		text++;
	}
}

/* The length of the first of a list: "map<int, char>" is one. */
static size_t item_len(const char *text)
{
	unsigned int depth = 0;
	size_t len;

	for (len = 0; text[len] && (depth || text[len] != ','); len++) {
		if (strchr("([{<", text[len]))
			depth++;
		else if (depth && strchr(")]}>", text[len]))
			depth--;
	}
	return len;
}

static int set_strings(const struct opt *opt, const char *text, void *member)
{
	for (;;) {
		size_t len = item_len(text);
		int ret = len ? strings_add(member, text, len) : -EINVAL;

		if (ret || !text[len])
			return ret;
		text += len + 1;
	}
}

#define CPU_MAX 65535u

static int cpus_add(struct opt_cpus *cpus, uint32_t first, uint32_t last)
{
	size_t n = last - first + 1;
	uint32_t *items = realloc(cpus->items, (cpus->n + n) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	cpus->items = items;
	for (size_t i = 0; i < n; i++)
		items[cpus->n++] = first + (uint32_t)i;
	return 0;
}

static int set_cpus(const struct opt *opt, const char *text, void *member)
{
	for (;;) {
		unsigned long first, last;
		char *end;
		int ret;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (first > last || last > CPU_MAX || (*end && *end != ','))
			return -EINVAL;
		ret = cpus_add(member, (uint32_t)first, (uint32_t)last);
		if (ret || !*end)
			return ret;
		text = end + 1;
	}
}

static int pids_add(struct opt_pids *pids, pid_t pid)
{
	pid_t *items = realloc(pids->items, (pids->n + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	pids->items = items;
	items[pids->n++] = pid;
	return 0;
}

static int set_pids(const struct opt *opt, const char *text, void *member)
{
	for (;;) {
		char *end;
		long pid;
		int ret;

		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		errno = 0;
		pid = strtol(text, &end, 10);
		if (errno || pid <= 0 || pid > INT_MAX || (*end && *end != ','))
			return -EINVAL;
		ret = pids_add(member, (pid_t)pid);
		if (ret)
			return ret;
		if (!*end)
			return 0;
		text = end + 1;
	}
}

static int set_u32(const struct opt *opt, const char *text, void *member)
{
	uint64_t value;

	if (opt_number(text, &value) || !value || value > UINT32_MAX)
		return -EINVAL;
	*(uint32_t *)member = (uint32_t)value;
	return 0;
}

static int set_count(const struct opt *opt, const char *text, void *member)
{
	uint64_t value;

	if (opt_number(text, &value) || value > UINT32_MAX)
		return -EINVAL;
	*(uint32_t *)member = (uint32_t)value;
	return 0;
}

static int set_u64(const struct opt *opt, const char *text, void *member)
{
	uint64_t value;

	if (opt_number(text, &value) || !value)
		return -EINVAL;
	*(uint64_t *)member = value;
	return 0;
}

static int set_frequency(const struct opt *opt, const char *text, void *member)
{
	if (strcmp(text, "max"))
		return set_u64(opt, text, member);
	*(uint64_t *)member = OPT_FREQUENCY_MAX;
	return 0;
}

static int set_size(const struct opt *opt, const char *text, void *member)
{
	uint64_t bytes;

	if (opt_size(text, &bytes) || !bytes)
		return -EINVAL;
	*(uint64_t *)member = bytes;
	return 0;
}

static int set_duration(const struct opt *opt, const char *text, void *member)
{
	uint64_t ms;

	if (opt_duration(text, 1000, &ms) || !ms)
		return -EINVAL;
	*(uint64_t *)member = ms;
	return 0;
}

static int set_milliseconds(const struct opt *opt, const char *text, void *member)
{
	return opt_duration(text, 1, member);
}

static int set_percent(const struct opt *opt, const char *text, void *member)
{
	char *end;
	double percent;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return -EINVAL;
	percent = strtod(text, &end);
	if (end == text || strcmp(end, *end ? "%" : "") != 0 || !(percent <= 100))
		return -EINVAL;
	*(double *)member = percent;
	return 0;
}

static const struct {
	int (*set)(const struct opt *opt, const char *text, void *member);
	const char *wanted; /* completes "wants ..." */
} types[] = {
	[OPT_STRING] = { set_string, "a value" },
	[OPT_FILE] = { set_file, "the name of a file" },
	[OPT_DIRECTORY] = { set_file, "the name of a directory" },
	[OPT_OPTIONAL] = { set_string, "a value" },
	[OPT_CHOICE] = { set_choice, NULL },
	[OPT_EVENTS] = { set_events, "events, separated by commas" },
	[OPT_STRINGS] = { set_strings, "names, separated by commas" },
	[OPT_CPUS] = { set_cpus, "numbers of CPUs, such as 0,2-5" },
	[OPT_PIDS] = { set_pids, "numbers above 0, separated by commas" },
	[OPT_U32] = { set_u32, "a number above 0" },
	[OPT_COUNT] = { set_count, "a number" },
	[OPT_U64] = { set_u64, "a number above 0" },
	[OPT_FREQUENCY] = { set_frequency, "a number above 0, or 'max'" },
	[OPT_SIZE] = { set_size, "a size in bytes, such as 65536, 256K or 1M" },
	[OPT_DURATION] = { set_duration, "a time in seconds, such as 10, 0.5 or 2m" },
	[OPT_MILLISECONDS] = { set_milliseconds, "a time in milliseconds" },
	[OPT_PERCENT] = { set_percent, "a number from 0 to 100" },
};

int opt_set(const struct opt *opt, const char *text, void *member)
{
	return types[opt->type].set(opt, text, member);
}

void opt_describe_wanted(const struct opt *opt, char *text, size_t size)
{
	size_t len = 0;

	if (opt->type != OPT_CHOICE) {
		snprintf(text, size, "%s", types[opt->type].wanted);
		return;
	}
	text[0] = 0;
	for (const char *const *choice = opt->choices; *choice && len < size; choice++) {
		const char *separator = choice == opt->choices ? "" : choice[1] ? ", " : " or ";

		len += (size_t)snprintf(text + len, size - len, "%s%s", separator, *choice);
	}
}

void opt_clear(const struct opt *opt, void *member)
{
	if (opt->type == OPT_EVENTS || opt->type == OPT_STRINGS) {
		struct opt_strings *strings = member;

		while (strings->n)
			free(strings->items[--strings->n]);
		free(strings->items);
		strings->items = NULL;
	} else if (opt->type == OPT_CPUS) {
		struct opt_cpus *cpus = member;

		free(cpus->items);
		*cpus = (struct opt_cpus){ 0 };
	} else if (opt->type == OPT_PIDS) {
		struct opt_pids *pids = member;

		free(pids->items);
		*pids = (struct opt_pids){ 0 };
	}
}
