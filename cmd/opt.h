/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * opt.h - options as data.
 *
 * A command describes its options in one table: long name, letter, type, the member of the
 * command's struct that receives the value, and what it is for. The table drives parsing,
 * validation, --help, the completion of shells, and the check that the manual page names each
 * option.
 */
#ifndef EGRET_CMD_OPT_H
#define EGRET_CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <egret/egret.h>

enum opt_type {
	OPT_FLAG, /* bool; --no-NAME (or --NAME for a name that begins with "no-") takes it back */
	OPT_STRING,	  /* const char * */
	OPT_FILE,	  /* const char *, completed as a file name */
	OPT_DIRECTORY,	  /* const char *, completed as a directory name */
	OPT_OPTIONAL,	  /* const char *; "" where --NAME is given without =VALUE */
	OPT_CHOICE,	  /* const char *, one of choices */
	OPT_EVENTS,	  /* struct opt_strings; may be repeated, and separated by commas */
	OPT_STRINGS,	  /* struct opt_strings; likewise, but for commas within () [] {} <> */
	OPT_CPUS,	  /* struct opt_cpus; likewise, with ranges: 0,2-5 */
	OPT_PIDS,	  /* struct opt_pids; likewise */
	OPT_U32,	  /* uint32_t, above 0 */
	OPT_COUNT,	  /* uint32_t, which may be 0 */
	OPT_U64,	  /* uint64_t, above 0 */
	OPT_FREQUENCY,	  /* uint64_t, Hz; "max" is OPT_FREQUENCY_MAX */
	OPT_SIZE,	  /* uint64_t, bytes; suffixes K, M, G (powers of 1024) */
	OPT_DURATION,	  /* uint64_t, milliseconds; in seconds, or with a suffix ms, s, m, h */
	OPT_MILLISECONDS, /* uint64_t; suffixes as for OPT_DURATION */
	OPT_PERCENT,	  /* double, 0 to 100 */
};

#define OPT_FREQUENCY_MAX UINT64_MAX

struct opt_strings {
	char **items; /* each on the heap */
	size_t n;
};

struct opt_pids {
	pid_t *items;
	size_t n;
};

struct opt_cpus {
	uint32_t *items;
	size_t n;
};

struct opt {
	const char *name; /* without the dashes; "": it has only a letter; NULL ends a table */
	char letter;	  /* 0: none */
	enum opt_type type;
	size_t offset;		    /* of the member in the struct that the group fills */
	const char *arg;	    /* how the argument is called in --help; NULL for a flag */
	const char *help;	    /* a sentence without its full stop */
	const char *const *choices; /* OPT_CHOICE: ends with NULL. OPT_OPTIONAL: for completion */
};

/* A command line, to be parsed again; the strings are main's. */
struct opt_words {
	int argc;
	char **argv;
};

/* A table, and where the struct that it fills lies in the command's own. */
struct opt_group {
	const char *title; /* heading in --help; NULL ends a list of groups */
	const struct opt *opts;
	size_t offset;
};

/*
 * Parses argv[1] .. until the first argument that is no option, or after "--". Values are stored
 * in the struct at `values`. Long names may be shortened as long as they are unambiguous.
 * --help and -h are known to every command: *help is set, and parsing ends.
 * Returns the index of the first operand, or -EINVAL, -ENOMEM with one sentence in err.
 */
int opt_parse(const struct opt_group *groups, void *values, int argc, char **argv, bool *help,
	      struct egret_error *err);

/* Frees what opt_parse has put into values. */
void opt_deinit(const struct opt_group *groups, void *values);

/* The table of options of a command, for --help. */
void opt_print_help(const struct opt_group *groups, FILE *out);

typedef void (*opt_fn)(const struct opt *opt, void *arg);
void opt_each(const struct opt_group *groups, opt_fn fn, void *arg);

/*
 * Of the words that `next` yields (NULL at the end), the one that `word` may be a slip of; NULL
 * where none is near enough. Also used for the names of commands.
 */
typedef const char *(*opt_word_fn)(size_t n, const void *arg);
const char *opt_nearest(const char *word, opt_word_fn next, const void *arg);

/* The values of one option, each from its text: 0 or -EINVAL. */
int opt_number(const char *text, uint64_t *value);
int opt_size(const char *text, uint64_t *bytes);
int opt_duration(const char *text, uint64_t unit_ms, uint64_t *ms);

#endif
