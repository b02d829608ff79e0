/*
 * Transposes of files that are larger than what should be in memory at once: a strip of their rows at a time, which is a piece of
 * every column.  The pieces of a few columns are read next to each other and copied, still in the cache, to where their elements
 * belong in the rows.
 */
#include <inttypes.h>
#include <string.h>

#include "passes.h"

enum {
	LEAST = 1 << 10, /* bytes of a piece: shorter ones take longer than having all in memory */
	BEST = 1 << 13,	 /* longer ones gain nothing */
	ROOM = 48 << 20, /* bytes of a strip, of which there are two, unless its pieces became too short */
	WORTH = 64 << 20,
	GROUP = 64, /* columns */
	LINE = 64,
};

/* Rows of a strip of x; 0: it is no transpose of a file, or is better loaded. */
static int64_t strip_rows(const struct node *x)
{
	const struct node *leaf = x->kind == NODE_VIEW ? x->in[0] : x;
	int64_t size = (int64_t)dtype_size(x->dtype), rows, all, first;
	bool small = engine_tile();
	struct layout l;

	if (leaf->kind != NODE_LEAF || leaf->value || leaf->u.array.src->data || leaf->u.array.src->sequential ||
	    x->loaded || !node_scattered(x))
		return 0;
	layout_axes(&l, x);
	all = strided_span(&x->shape, x->strides, x->offset, (size_t)size, &first);
	if (l.ndim != 2 || !layout_turned(&l, (size_t)size) || imaxabs(l.strides[1]) / size < l.dim[0] ||
	    (!small && all < WORTH))
		return 0;
	for (rows = (small ? LINE : BEST) / size; rows * size > LEAST && rows * size > ROOM / l.dim[1]; rows /= 2)
		;
	return rows <= l.dim[0] / 4 ? rows : 0;
}

/* Are the elements of x computed of those with the same index, so that a pass reads its leaves from the first to the last? */
static bool by_index(struct node *x, int pass)
{
	if (x->pass == pass || x->value)
		return true;
	x->pass = pass;
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW)
		return true;
	if (x->kind != NODE_MAP && x->kind != NODE_CAST && x->kind != NODE_RESHAPE)
		return !x->nin;
	for (int i = 0; i < x->nin; i++)
		if (!by_index(x->in[i], pass))
			return false;
	return true;
}

typedef int leaf_fn(struct node *x, void *arg, struct error *err);

/* Call fn for the leaves and views below x that its pass reads. */
static int each_leaf(struct node *x, int pass, leaf_fn *fn, void *arg, struct error *err)
{
	if (x->pass == pass || x->value)
		return 0;
	x->pass = pass;
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW)
		return fn(x, arg, err);
	for (int i = 0; i < x->nin && x->kind != NODE_BLOCK; i++)
		if (!is_barrier(x->in[i]) && each_leaf(x->in[i], pass, fn, arg, err))
			return -1;
	return 0;
}

struct found {
	bool allowed;
	int n;
	int64_t rows, cols; /* of the transposes found so far: a strip begins with the same element in all */
};

static int find(struct node *x, void *arg, struct error *err)
{
	struct found *f = arg;
	struct layout l;

	(void)err;
	if (!f->allowed)
		x->strip = -1;
	else if (!x->strip)
		x->strip = strip_rows(x);
	if (x->strip <= 0)
		return 0;
	layout_axes(&l, x);
	if (f->n == MAX_STRIPS || (f->n && (f->rows != l.dim[0] || f->cols != l.dim[1]))) {
		x->strip = -1;
		return 0;
	}
	f->n++;
	f->rows = l.dim[0];
	f->cols = l.dim[1];
	return 0;
}

void strips_find(struct node *root, bool allowed)
{
	struct found f = { allowed && by_index(root, next_pass()), 0, 0, 0 };

	each_leaf(root, next_pass(), find, &f, NULL);
}

/* Bytes from column to column of a group: a line more than the pieces have, so that they do not share a set of the cache. */
static int64_t pitch(int64_t rows, size_t size)
{
	return rows * (int64_t)size + LINE;
}

static size_t groups_room(int64_t rows, size_t size)
{
	return (size_t)(engine_threads() * GROUP * pitch(rows, size));
}

/* Rows begin with a line, so that they can be written past the caches, a line at a time. */
static int64_t row_pitch(int64_t cols, size_t size)
{
	return (cols * (int64_t)size + LINE - 1) / LINE * LINE;
}

static size_t strip_room(int64_t rows, int64_t cols, size_t size)
{
	return (size_t)(rows * row_pitch(cols, size)) + LOOP_PAD * size;
}

int64_t strip_bytes(const struct node *x)
{
	size_t size = dtype_size(x->dtype);
	struct layout l;

	if (x->strip <= 0)
		return 0;
	layout_axes(&l, x);
	return (int64_t)(2 * strip_room(x->strip, l.dim[1], size) + groups_room(x->strip, size));
}

static int add(struct node *x, void *arg, struct error *err)
{
	struct strips *s = arg;
	struct layout *l = x->layout;

	(void)err;
	if (!l->strip.rows)
		return 0;
	s->rows = s->n && s->rows < l->strip.rows ? s->rows : l->strip.rows;
	s->cols = l->dim[1];
	s->leaves[s->n++] = x;
	return 0;
}

int strips_open(struct strips *s, struct node *root, struct error *err)
{
	s->n = 0;
	if (each_leaf(root, next_pass(), add, s, err))
		return -1;
	s->groups = (s->cols + GROUP - 1) / GROUP;
	for (int i = 0; i < s->n; i++) {
		struct layout *l = s->leaves[i]->layout;
		size_t size = dtype_size(s->leaves[i]->dtype);

		l->strip.rows = s->rows;
		l->strip.pitch = row_pitch(s->cols, size);
		l->strip.half = strip_room(s->rows, s->cols, size);
		l->strip.room = 2 * l->strip.half + groups_room(s->rows, size);
		if (!(l->strip.data = buffer_alloc(l->strip.room, err)))
			return -1;
	}
	return 0;
}

void strips_close(struct strips *s)
{
	for (int i = 0; i < s->n; i++) {
		struct layout *l = s->leaves[i]->layout;

		buffer_free(l->strip.data, l->strip.room);
		l->strip.data = NULL;
	}
}

int strips_load(const struct strips *s, int64_t strip, int64_t task, int worker, struct error *err)
{
	const struct node *x = s->leaves[task / s->groups];
	const struct layout *l = x->layout;
	int64_t size = (int64_t)dtype_size(x->dtype), step = pitch(s->rows, (size_t)size),
		unit = dtype_info[x->dtype].swapsize;
	int64_t row = strip * s->rows, rows = l->dim[0] - row < s->rows ? l->dim[0] - row : s->rows;
	int64_t col = task % s->groups * GROUP, cols = s->cols - col < GROUP ? s->cols - col : GROUP;
	int64_t at = l->offset + row * size + col * l->strides[1];
	unsigned char *group = l->strip.data + 2 * l->strip.half + worker * GROUP * step;
	unsigned char *to = l->strip.data + (strip % 2 ? l->strip.half : 0) + col * size;

	for (int64_t i = 0; i < cols; i++, at += l->strides[1]) {
		if (source_read(l->bytes, group + i * step, (size_t)(rows * size), at, err))
			return -1;
		if (l->swap)
			swap_units(group + i * step, rows * size / unit, (size_t)unit);
	}
	kernels_get()->turn_out[__builtin_ctzl((size_t)size)](to, l->strip.pitch, group, rows, cols, step);
	return 0;
}
