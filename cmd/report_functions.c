/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_functions.c - functions as a table of text. */
#include "report_functions.h"

#include "text.h"

#define NAME_COLUMNS 48 /* of a function, where there is no terminal to fill */
#define LEAST_COLUMNS 20

static int shares_width(const struct functions_table *o)
{
	return o->no_total ? 21 : 31;
}

/* On a terminal two thirds of what is left are for the name, and the rest for the module. */
static int name_columns(const struct functions_table *o, int width)
{
	int columns = NAME_COLUMNS;

	if (width != INT_MAX)
		columns = (width - shares_width(o)) * 2 / 3;
	return columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
}

static void print_function(const struct functions_table *o, const struct function *function,
			   uint64_t whole, int width, FILE *out)
{
	int columns = name_columns(o, width);
	int printed;

	fprintf(out, "%8s  ", text_share(function->self, whole).text);
	if (!o->no_total)
		fprintf(out, "%8s  ", text_share(function->total, whole).text);
	fprintf(out, "%9s  ", text_count(function->samples).text);
	printed = text_print(out, function->name, width == INT_MAX ? INT_MAX : columns);
	fprintf(out, "%*s  ", printed < columns ? columns - printed : 0, "");
	text_print(out, text_file_name(function->module),
		   width == INT_MAX ? INT_MAX : width - shares_width(o) - columns - 2);
	fprintf(out, "\n");
}

void report_functions_print(const struct functions_table *o, const struct aggregate *a,
			    const struct function **functions, size_t n, int width, FILE *out)
{
	bool by_total = o->by_total;
	double least = (double)a->value * o->percent_limit / 100;
	size_t shown;

	fprintf(out, "%8s  ", "Self");
	if (!o->no_total)
		fprintf(out, "%8s  ", "Total");
	fprintf(out, "%9s  %-*s  Module\n", "Samples", name_columns(o, width), "Function");
	for (shown = 0; shown < n; shown++) {
		const struct function *function = functions[shown];

		if ((double)(by_total ? function->total : function->self) < least ||
		    (o->limit && shown == o->limit))
			break;
		print_function(o, function, a->value, width, out);
	}
	if (shown < n)
		fprintf(out, "%*s(%s more, of a smaller %s)\n", shares_width(o), "",
			text_count(n - shown).text, by_total ? "total" : "self");
}
