/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A flame graph as a picture: SVG 1.1 without a script, for documents, mails and reviews.
 *
 * Each process is a frame above the root of its stacks; children are in the order of their names,
 * as FlameGraph draws them, so that two pictures can be laid side by side.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "export/by_label.h"
#include "export/export.h"
#include "export/intern.h"
#include "export/text.h"

#define WIDTH 1200.0
#define ROW 17
#define MARGIN 10
#define TOP 48
#define BOTTOM 30
#define LEAST_WIDTH 0.1 /* what is narrower is left out, and counted */
#define CHARACTER 6.7	/* the width of one, of a monospaced font of 11 px */

enum colour { ALL, PROCESS, USER, KERNEL, INLINED, JIT, VDSO, UNNAMED, CUT, NR_COLOURS };

/* Red, green, blue of the lightest shade. */
static const uint8_t colours[NR_COLOURS][3] = {
	[ALL] = { 226, 229, 233 },    [PROCESS] = { 214, 219, 225 }, [USER] = { 250, 205, 136 },
	[KERNEL] = { 172, 205, 240 }, [INLINED] = { 226, 226, 146 }, [JIT] = { 168, 224, 176 },
	[VDSO] = { 214, 190, 236 },   [UNNAMED] = { 224, 222, 214 }, [CUT] = { 240, 150, 140 },
};

#define NONE EGRET_INDEX_NONE

struct node {
	uint32_t parent;
	uint32_t name;	 /* string */
	uint32_t module; /* string */
	uint32_t colour; /* the key ends here */
	uint32_t child, sibling;
	uint64_t samples;  /* with those of its children */
	bool is_recovered; /* one of its frames was found without CFI */
};

struct svg {
	const struct egret_profile *profile;
	const struct egret_export_opts *opts;
	struct egret_arena texts;
	struct egret_interned strings, nodes;
	uint32_t depth; /* of the deepest node that is drawn */
	uint64_t left_out;
	FILE *out;
};

/* ---- the tree ------------------------------------------------------------------------------- */

static struct node *node_at(const struct svg *s, uint32_t number)
{
	return egret_interned_item(&s->nodes, number);
}

static const char *text_of(const struct svg *s, uint32_t string)
{
	return ((const char *const *)s->strings.items)[string];
}

static enum colour colour_of(const struct egret_frame *frame)
{
	switch (frame->kind) {
	case EGRET_FRAME_KERNEL:
		return KERNEL;
	case EGRET_FRAME_JIT:
		return JIT;
	case EGRET_FRAME_VDSO:
		return VDSO;
	case EGRET_FRAME_CUT:
		return CUT;
	}
	if (frame->flags & EGRET_FRAME_F_UNNAMED)
		return UNNAMED;
	return frame->flags & EGRET_FRAME_F_INLINED ? INLINED : USER;
}

/* One step up from a node: its child of that name, which then has so many samples more. */
static uint32_t step(struct svg *s, uint32_t parent, const char *name, const char *module,
		     enum colour colour, uint64_t samples)
{
	const char *clean = egret_text_clean(&s->texts, name);
	const char *clean_module = egret_text_clean(&s->texts, module);
	struct node node = { .parent = parent, .colour = colour };
	uint32_t number;

	if (!clean || !clean_module)
		return NONE;
	node.name = egret_interned_put_string(&s->strings, clean);
	node.module = egret_interned_put_string(&s->strings, clean_module);
	if (node.name == NONE || node.module == NONE)
		return NONE;
	number = egret_interned_put(&s->nodes, &node);
	if (number != NONE)
		node_at(s, number)->samples += samples;
	return number;
}

/* One step up, to what the stacks of a label's value stand on. */
static uint32_t step_to_label(struct svg *s, uint32_t parent, const struct egret_stack *stack)
{
	struct egret_buffer text = { 0 };
	const char *kept;

	egret_by_label_add(&text, stack->thread, s->opts->by_label);
	kept = text.failed ? NULL : egret_arena_text(&s->texts, (char *)text.data, text.len);
	egret_buffer_deinit(&text);
	return kept ? step(s, parent, kept, "", PROCESS, stack->samples) : NONE;
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct svg *s = arg;
	uint32_t node;

	if (stack->event != s->opts->event)
		return 0;
	node = step(s, NONE, "all", "", ALL, stack->samples);
	if (node != NONE && s->opts->by_label)
		node = step_to_label(s, node, stack);
	if (node != NONE)
		node = step(s, node, stack->thread->process, "", PROCESS, stack->samples);
	for (size_t i = stack->n_frames; i-- && node != NONE;) {
		const struct egret_frame *frame = stack->frames[i];

		if (!s->opts->no_kernel || frame->kind != EGRET_FRAME_KERNEL)
			node = step(s, node, frame->name, frame->module, colour_of(frame),
				    stack->samples);
		if (node != NONE && frame->flags & EGRET_FRAME_F_RECOVERED)
			node_at(s, node)->is_recovered = true;
	}
	return node == NONE ? -ENOMEM : 0;
}

static int compare_nodes(const void *x, const void *y, void *arg)
{
	const struct svg *s = arg;
	const struct node *a = node_at(s, *(const uint32_t *)x);
	const struct node *b = node_at(s, *(const uint32_t *)y);
	int by_name;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	by_name = strcmp(text_of(s, a->name), text_of(s, b->name));
	return by_name ? by_name : *(const uint32_t *)x < *(const uint32_t *)y ? -1 : 1;
}

/* Links the children of each node, in the order of their names. */
static int link_children(struct svg *s)
{
	uint32_t *order = malloc((s->nodes.n + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->nodes.n; i++) {
		order[i] = i;
		node_at(s, i)->child = node_at(s, i)->sibling = NONE;
	}
	qsort_r(order, s->nodes.n, sizeof(*order), compare_nodes, s);
	for (size_t i = s->nodes.n; i--;) {
		struct node *node = node_at(s, order[i]);

		if (node->parent == NONE)
			continue;
		node->sibling = node_at(s, node->parent)->child;
		node_at(s, node->parent)->child = order[i];
	}
	free(order);
	return 0;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void print_escaped(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		default:
			putc(text[i], out);
		}
	}
}

/* Bytes of the first n characters of a text of UTF-8. */
static size_t prefix_len(const char *text, size_t n)
{
	size_t len = 0;

	while (text[len] && n--)
		do
			len++;
		while (((unsigned char)text[len] & 0xc0) == 0x80);
	return len;
}

static void print_colour(const struct svg *s, const struct node *node)
{
	const uint8_t *rgb = colours[node->colour];
	unsigned int shade = (unsigned int)(egret_hash_bytes(text_of(s, node->name),
							     strlen(text_of(s, node->name))) %
					    5);

	fprintf(s->out, "#%02x%02x%02x", rgb[0] - 5 * shade, rgb[1] - 5 * shade,
		rgb[2] - 5 * shade);
}

/* The name, as far as there is room for it. */
static void print_label(const struct svg *s, const struct node *node, double x, double y,
			double width)
{
	size_t room = (size_t)((width - 6) / CHARACTER);
	const char *name = text_of(s, node->name);
	size_t len;

	if (width < 3 * CHARACTER + 6)
		return;
	len = prefix_len(name, room);
	fprintf(s->out, "<text x=\"%.1f\" y=\"%.1f\">", x + 3, y + ROW - 5);
	if (name[len])
		len = prefix_len(name, room - 2);
	print_escaped(s->out, name, len);
	fprintf(s->out, "%s</text>", name[len] ? ".." : "");
}

static void print_node(const struct svg *s, const struct node *node, double x, double y,
		       double width, uint64_t all)
{
	const char *module = text_of(s, node->module);

	fputs("<g><title>", s->out);
	print_escaped(s->out, text_of(s, node->name), strlen(text_of(s, node->name)));
	if (*module) {
		fputs("\n", s->out);
		print_escaped(s->out, module, strlen(module));
	}
	fprintf(s->out, "\n%" PRIu64 " samples, %.2f %%", node->samples,
		100.0 * (double)node->samples / (double)all);
	fputs(node->is_recovered ? "\nits caller was found without CFI</title>" : "</title>",
	      s->out);
	fprintf(s->out, "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"", x, y,
		width, ROW - 1);
	print_colour(s, node);
	fputs("\"/>", s->out);
	print_label(s, node, x, y, width);
	fputs("</g>\n", s->out);
}

struct place {
	uint32_t node, depth;
	double x;
};

/* Visits what is wide enough to be drawn, without recursion: stacks may be thousands deep. */
typedef void (*visit_fn)(struct svg *s, const struct node *node, const struct place *at,
			 double width);

static int visit(struct svg *s, visit_fn fn)
{
	struct place *places = malloc((s->nodes.n + 1) * sizeof(*places));
	double scale;
	size_t n = 0;

	if (!places)
		return -ENOMEM;
	scale = (WIDTH - 2 * MARGIN) / (double)node_at(s, 0)->samples;
	s->left_out = 0;
	places[n++] = (struct place){ 0, 0, MARGIN };
	while (n) {
		struct place at = places[--n];
		const struct node *node = node_at(s, at.node);
		double x = at.x;

		fn(s, node, &at, (double)node->samples * scale);
		for (uint32_t c = node->child; c != NONE; c = node_at(s, c)->sibling) {
			double width = (double)node_at(s, c)->samples * scale;

			if (width >= LEAST_WIDTH)
				places[n++] = (struct place){ c, at.depth + 1, x };
			else
				s->left_out += node_at(s, c)->samples;
			x += width;
		}
	}
	free(places);
	return 0;
}

static void measure(struct svg *s, const struct node *node, const struct place *at, double width)
{
	if (at->depth > s->depth)
		s->depth = at->depth;
}

static void draw(struct svg *s, const struct node *node, const struct place *at, double width)
{
	print_node(s, node, at->x, TOP + (double)(s->depth - at->depth) * ROW, width,
		   node_at(s, 0)->samples);
}

static void print_head(struct svg *s, const char *title, int height)
{
	fprintf(s->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
		"height=\"%d\" viewBox=\"0 0 %.0f %d\">\n"
		"<style>text{font:11px monospace;fill:#15181d;white-space:pre}"
		"rect{stroke:none}g:hover rect{stroke:#15181d}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		WIDTH, height, WIDTH, height);
	fprintf(s->out,
		"<text x=\"%.0f\" y=\"22\" text-anchor=\"middle\" font-size=\"15\" "
		"style=\"font-size:15px\">",
		WIDTH / 2);
	print_escaped(s->out, title, prefix_len(title, 120));
	fputs("</text>\n", s->out);
}

static void print_foot(struct svg *s, int height)
{
	const struct egret_event *event = egret_profile__event(s->profile, s->opts->event);
	const char *name = event ? egret_text_clean(&s->texts, event->name) : "";

	fprintf(s->out, "<text x=\"%d\" y=\"%d\">%" PRIu64 " samples", MARGIN, height - 10,
		node_at(s, 0)->samples);
	if (name && *name) {
		fputs(" of ", s->out);
		print_escaped(s->out, name, prefix_len(name, 60));
	}
	if (s->left_out)
		fprintf(s->out, "; %" PRIu64 " of them end in frames too narrow to be drawn",
			s->left_out);
	fputs("</text>\n</svg>\n", s->out);
}

static int print_all(struct svg *s)
{
	const char *title = s->opts->title ? s->opts->title
					   : egret_profile__meta(s->profile, "command");
	int ret, height;

	title = egret_text_clean(&s->texts, title && *title ? title : "egret");
	/* Nothing was recorded: a picture that says so. */
	if (!s->nodes.n && step(s, NONE, "no samples", "", ALL, 0) == NONE)
		return -ENOMEM;
	ret = !title ? -ENOMEM : link_children(s);
	if (!ret)
		ret = visit(s, measure);
	if (ret)
		return ret;
	height = TOP + (int)(s->depth + 1) * ROW + BOTTOM;
	print_head(s, title, height);
	if (node_at(s, 0)->samples)
		ret = visit(s, draw);
	print_foot(s, height);
	return ret;
}

static int write_svg(const struct egret_profile *profile, const struct egret_export_opts *opts,
		     FILE *out, struct egret_error *err)
{
	struct svg s = { .profile = profile, .opts = opts, .out = out };
	int ret;

	egret_interned_init(&s.strings, sizeof(const char *), sizeof(const char *));
	egret_interned_init(&s.nodes, sizeof(struct node), offsetof(struct node, child));
	ret = egret_profile__each_stack(profile, add_stack, &s);
	if (!ret)
		ret = print_all(&s);
	egret_interned_deinit(&s.strings);
	egret_interned_deinit(&s.nodes);
	egret_arena_deinit(&s.texts);
	return ret ? egret_fail(err, ENOMEM, "not enough memory for the picture") : 0;
}

const struct egret_exporter egret_exporter_svg = {
	.name = "svg",
	.text = "a flame graph as a picture that opens anywhere, without a script",
	.write = write_svg,
};
