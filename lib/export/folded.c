/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * "process;root;...;leaf count": the lines that FlameGraph's and many other tools read.
 *
 * A line can be long and there can be half a million of them, so lines are never made before they
 * are written: stacks are merged in a tree of labels, and the tree is walked in the order of the
 * lines. That order is bytewise, as sort(1) has it in the C locale for the text before the count.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/index.h"
#include "export/by_label.h"
#include "export/export.h"

/* The text of a frame as it stands in a line, NUL-terminated at texts + text. */
struct label {
	size_t text;
	uint32_t len;
	/* Place in the order of all labels, as the end of a line and with a ';' behind. */
	uint32_t rank_last;
	uint32_t rank_inner;
};

/* Stacks that begin alike share nodes. Node 0 is before the process, or before its label. */
struct node {
	uint32_t parent;
	uint32_t label;
	uint32_t child;	  /* first; 0: none */
	uint32_t sibling; /* next; 0: none */
	uint64_t samples; /* of lines that end here */
};

/* Which label a frame has: names are owned by the profile, so the pointer tells the name. */
struct known_name {
	const char *name;
	const char *suffix;
	uint32_t label;
};

struct folded {
	const struct egret_export_opts *opts;
	struct egret_buffer texts;
	struct egret_buffer scratch;
	struct label *labels;
	size_t n_labels, labels_capacity;
	struct egret_index label_index;
	struct known_name *names;
	size_t n_names, names_capacity;
	struct egret_index name_index;
	struct node *nodes;
	size_t n_nodes, nodes_capacity;
	struct egret_index node_index;
};

static void folded_deinit(struct folded *f)
{
	egret_buffer_deinit(&f->texts);
	egret_buffer_deinit(&f->scratch);
	free(f->labels);
	egret_index_deinit(&f->label_index);
	free(f->names);
	egret_index_deinit(&f->name_index);
	free(f->nodes);
	egret_index_deinit(&f->node_index);
}

/* items, or a larger copy of them, with room for one more; NULL without memory. */
static void *room(void *items, size_t n, size_t *capacity, size_t item_size)
{
	size_t larger = *capacity + *capacity / 2 + 64;
	void *moved;

	if (n < *capacity)
		return items;
	moved = n < UINT32_MAX - 1 ? realloc(items, larger * item_size) : NULL;
	if (moved)
		*capacity = larger;
	return moved;
}

#define ROOM(items, n, capacity)                                                                   \
	({                                                                                         \
		void *moved_ = room(items, n, &(capacity), sizeof(*(items)));                      \
		if (moved_)                                                                        \
			(items) = moved_;                                                          \
		moved_ != NULL;                                                                    \
	})

/* ---- labels ---- */

static bool label_equal(const void *owner, uint32_t value, const void *key)
{
	const struct folded *f = owner;
	const struct egret_buffer *want = key;
	const struct label *label = &f->labels[value];

	return label->len == want->len &&
	       !memcmp(f->texts.data + label->text, want->data, want->len);
}

/* The label of the text in f->scratch. UINT32_MAX without memory. */
static uint32_t intern_label(struct folded *f)
{
	uint64_t hash = egret_hash_bytes(f->scratch.data, f->scratch.len);
	uint32_t found = egret_index_find(&f->label_index, hash, &f->scratch, label_equal, f);
	struct label label = { .text = f->texts.len, .len = (uint32_t)f->scratch.len };

	if (found != EGRET_INDEX_NONE || f->scratch.failed)
		return found;
	egret_buffer_add(&f->texts, f->scratch.data, f->scratch.len);
	egret_buffer_add(&f->texts, "", 1);
	if (f->texts.failed || !ROOM(f->labels, f->n_labels, f->labels_capacity) ||
	    egret_index_add(&f->label_index, hash, (uint32_t)f->n_labels))
		return UINT32_MAX;
	f->labels[f->n_labels] = label;
	return (uint32_t)f->n_labels++;
}

/* What would end a frame or a line cannot stand in a name. Bytes of UTF-8 stay. */
static void add_clean(struct egret_buffer *to, const char *text)
{
	size_t from = to->len;

	egret_buffer_add_string(to, text);
	for (size_t i = from; i < to->len; i++) {
		if (to->data[i] == ';')
			to->data[i] = ':';
		else if (to->data[i] < 0x20 || to->data[i] == 0x7f)
			to->data[i] = '?';
	}
}

static bool name_equal(const void *owner, uint32_t value, const void *key)
{
	const struct known_name *have = &((const struct folded *)owner)->names[value];
	const struct known_name *want = key;

	return have->name == want->name && have->suffix == want->suffix;
}

/* FlameGraph's annotations, by which its palettes tell kinds of code apart. */
static const char *suffix_of(const struct folded *f, const struct egret_frame *frame)
{
	if (f->opts->mark_recovered && frame->flags & EGRET_FRAME_F_RECOVERED)
		return "_[r]";
	if (frame->kind == EGRET_FRAME_KERNEL)
		return "_[k]";
	if (frame->kind == EGRET_FRAME_JIT)
		return "_[j]";
	return frame->flags & EGRET_FRAME_F_INLINED ? "_[i]" : "";
}

static uint32_t label_of(struct folded *f, const struct egret_frame *frame)
{
	struct known_name name = { .name = frame->name, .suffix = suffix_of(f, frame) };
	uint64_t hash = egret_hash64((uintptr_t)name.name) ^ egret_hash64((uintptr_t)name.suffix);
	uint32_t found = egret_index_find(&f->name_index, hash, &name, name_equal, f);

	if (found != EGRET_INDEX_NONE)
		return f->names[found].label;
	egret_buffer_clear(&f->scratch);
	add_clean(&f->scratch, name.name);
	egret_buffer_add_string(&f->scratch, name.suffix);
	name.label = intern_label(f);
	if (name.label == UINT32_MAX || !ROOM(f->names, f->n_names, f->names_capacity) ||
	    egret_index_add(&f->name_index, hash, (uint32_t)f->n_names))
		return UINT32_MAX;
	f->names[f->n_names++] = name;
	return name.label;
}

/* Of the frame before it, where the process's labels are told apart. */
static uint32_t label_of_group(struct folded *f, const struct egret_thread *thread)
{
	struct egret_buffer text = { 0 };
	uint32_t label = UINT32_MAX;

	egret_by_label_add(&text, thread, f->opts->by_label);
	egret_buffer_add(&text, "", 1);
	egret_buffer_clear(&f->scratch);
	if (!text.failed) {
		add_clean(&f->scratch, (char *)text.data);
		label = intern_label(f);
	}
	egret_buffer_deinit(&text);
	return label;
}

/* The first label of a line: the process, or with by_thread "comm-pid/tid", as FlameGraph's --tid.
 */
static uint32_t label_of_thread(struct folded *f, const struct egret_thread *thread)
{
	const char *name = f->opts->by_thread ? thread->comm : thread->process;

	egret_buffer_clear(&f->scratch);
	add_clean(&f->scratch, *name ? name : "[unknown]");
	if (f->opts->by_thread)
		egret_buffer_printf(&f->scratch, "-%d/%d", thread->pid, thread->tid);
	return intern_label(f);
}

/* ---- the tree ---- */

struct child_key {
	uint32_t parent;
	uint32_t label;
};

static bool node_equal(const void *owner, uint32_t value, const void *key)
{
	const struct node *node = &((const struct folded *)owner)->nodes[value];
	const struct child_key *want = key;

	return node->parent == want->parent && node->label == want->label;
}

/* The child of a node with a label, made when there is none yet. UINT32_MAX without memory. */
static uint32_t child_of(struct folded *f, uint32_t parent, uint32_t label)
{
	struct child_key key = { parent, label };
	uint64_t hash = egret_hash64((uint64_t)parent << 32 | label);
	uint32_t found;

	if (label == UINT32_MAX)
		return UINT32_MAX;
	found = egret_index_find(&f->node_index, hash, &key, node_equal, f);
	if (found != EGRET_INDEX_NONE)
		return found;
	if (!ROOM(f->nodes, f->n_nodes, f->nodes_capacity) ||
	    egret_index_add(&f->node_index, hash, (uint32_t)f->n_nodes))
		return UINT32_MAX;
	found = (uint32_t)f->n_nodes++;
	f->nodes[found] = (struct node){
		.parent = parent,
		.label = label,
		.sibling = f->nodes[parent].child,
	};
	f->nodes[parent].child = found;
	return found;
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct folded *f = arg;
	uint32_t node = 0;

	if (stack->event != f->opts->event)
		return 0;
	if (f->opts->by_label)
		node = child_of(f, node, label_of_group(f, stack->thread));
	if (node != UINT32_MAX)
		node = child_of(f, node, label_of_thread(f, stack->thread));
	for (size_t i = stack->n_frames; i-- > 0 && node != UINT32_MAX;) {
		const struct egret_frame *frame = stack->frames[i];

		if (frame->kind != EGRET_FRAME_KERNEL || !f->opts->no_kernel)
			node = child_of(f, node, label_of(f, frame));
	}
	if (node == UINT32_MAX)
		return -ENOMEM;
	f->nodes[node].samples += stack->samples;
	return 0;
}

/* ---- the order of lines ---- */

/* A label at the end of a line, or one that a ';' follows: these do not sort alike. */
struct ranked {
	const unsigned char *text;
	uint32_t label;
	bool inner;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	const unsigned char *p = x->text, *q = y->text;
	int c, d;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	c = *p ? *p : x->inner ? ';' : 0;
	d = *q ? *q : y->inner ? ';' : 0;
	return c - d;
}

static int rank_labels(struct folded *f)
{
	size_t n = f->n_labels * 2;
	struct ranked *all = malloc(n * sizeof(*all) + 1);

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct ranked){
			.text = f->texts.data + f->labels[i / 2].text,
			.label = (uint32_t)(i / 2),
			.inner = i % 2,
		};
	qsort(all, n, sizeof(*all), compare_ranked);
	for (size_t i = 0; i < n; i++) {
		struct label *label = &f->labels[all[i].label];

		*(all[i].inner ? &label->rank_inner : &label->rank_last) = (uint32_t)i;
	}
	free(all);
	return 0;
}

/* What is still to be written: a line that ends at a node, or all the lines below it. */
struct step {
	uint32_t rank;
	uint32_t node;
	uint32_t depth; /* labels before this one */
	bool inner;
};

struct walk {
	struct step *steps; /* the next one last */
	size_t n, capacity;
	uint32_t *path; /* labels of the line under way */
	size_t path_capacity;
};

static int compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return x->rank < y->rank ? 1 : x->rank > y->rank ? -1 : 0;
}

static int push(struct walk *walk, struct step step)
{
	if (!ROOM(walk->steps, walk->n, walk->capacity))
		return -ENOMEM;
	walk->steps[walk->n++] = step;
	return 0;
}

static int push_children(const struct folded *f, struct walk *walk, uint32_t parent, uint32_t depth)
{
	size_t first = walk->n;

	for (uint32_t i = f->nodes[parent].child; i; i = f->nodes[i].sibling) {
		const struct node *node = &f->nodes[i];
		const struct label *label = &f->labels[node->label];
		struct step last = { .rank = label->rank_last, .node = i, .depth = depth };
		struct step inner = {
			.rank = label->rank_inner, .node = i, .depth = depth, .inner = true
		};

		if ((node->samples && push(walk, last)) || (node->child && push(walk, inner)))
			return -ENOMEM;
	}
	if (walk->n - first > 1)
		qsort(walk->steps + first, walk->n - first, sizeof(*walk->steps), compare_steps);
	return 0;
}

static void write_line(const struct folded *f, const uint32_t *path, size_t n, uint64_t samples,
		       FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct label *label = &f->labels[path[i]];

		if (i)
			putc_unlocked(';', out);
		fwrite_unlocked(f->texts.data + label->text, 1, label->len, out);
	}
	fprintf(out, " %" PRIu64 "\n", samples);
}

static int walk_tree(const struct folded *f, struct walk *walk, FILE *out)
{
	int ret = push_children(f, walk, 0, 0);

	while (!ret && walk->n && !ferror(out)) {
		struct step step = walk->steps[--walk->n];
		const struct node *node = &f->nodes[step.node];

		if (!ROOM(walk->path, step.depth, walk->path_capacity))
			return -ENOMEM;
		walk->path[step.depth] = node->label;
		if (step.inner)
			ret = push_children(f, walk, step.node, step.depth + 1);
		else
			write_line(f, walk->path, step.depth + 1, node->samples, out);
	}
	return ret;
}

static int write_tree(struct folded *f, FILE *out)
{
	struct walk walk = { 0 };
	int ret;

	/* The indexes have done their work, and the walk needs memory too. */
	egret_index_deinit(&f->node_index);
	egret_index_deinit(&f->name_index);
	ret = rank_labels(f);
	if (!ret)
		ret = walk_tree(f, &walk, out);
	free(walk.steps);
	free(walk.path);
	return ret;
}

static int write_folded(const struct egret_profile *profile, const struct egret_export_opts *opts,
			FILE *out, struct egret_error *err)
{
	struct folded f = { .opts = opts };
	int ret = -ENOMEM;

	if (ROOM(f.nodes, f.n_nodes, f.nodes_capacity)) {
		f.nodes[f.n_nodes++] = (struct node){ 0 };
		ret = egret_profile__each_stack(profile, add_stack, &f);
	}
	if (!ret)
		ret = write_tree(&f, out);
	folded_deinit(&f);
	return ret ? egret_fail(err, -ret, "no memory for the folded lines") : 0;
}

const struct egret_exporter egret_exporter_folded = {
	.name = "folded",
	.text = "one line per stack, \"process;root;...;leaf count\", for FlameGraph and the like",
	.write = write_folded,
};
