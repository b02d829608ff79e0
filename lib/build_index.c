/* Indexing: elements by integer arrays (take, gather) and by masks.  Scattering is in build_scatter.c. */
#include "build_index.h"

#include "engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* == what the builders share == */

int index_error(int64_t i, int64_t axis, int64_t n, struct error *err)
{
	return error_set(err, ERR_VALUE, "index %" PRId64 " is out of bounds for axis %" PRId64 " with size %" PRId64,
			 i, axis, n);
}

struct node *index_operand(struct call *c, struct node *x, struct error *err)
{
	char text[NODE_TEXT];

	if (!dtype_is_int(x->dtype)) {
		error_set(err, ERR_VALUE, "%s: indices must be integers, not %s%s", node_text(x, text, sizeof(text)),
			  dtype_name(x->dtype), x->dtype == DT_BOOL ? " (masked_select takes a mask)" : "");
		return NULL;
	}
	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return NULL;
	/* From 2**63 on the cast would make negative numbers, which are indices, too. */
	if (x->dtype == DT_U64) {
		struct node *most = node_int(c->graph, INT64_MAX, err);

		if (!most || !(x = node_map(c->graph, MAP_minimum, (struct node *[]){ x, most }, err)))
			return NULL;
	}
	return node_cast(c->graph, x, DT_I64, err);
}

struct node *index_array(struct call *c, struct node *x, bool vector, struct error *err)
{
	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return NULL;
	if (vector && x->shape.ndim == 0)
		return node_reshape(c->graph, x, &(struct shape){ 1, { 1 } }, err);
	return x;
}

int index_mode_get(const struct call *c, enum index_mode *out, struct error *err)
{
	static const char *const names[] = { "raise", "wrap", "clip" };
	const struct attr *mode = attr_get(c, "mode");

	for (int i = 0; i < 3; i++)
		if (mode->s && !strcmp(mode->s, names[i])) {
			*out = (enum index_mode)i;
			return 0;
		}
	return error_set(err, ERR_USAGE, "mode '%s' is none of raise, wrap, clip", mode->s ? mode->s : "none");
}

int index_workers(int64_t n)
{
	return n < INDEX_PARALLEL_FROM ? 1 : engine_threads();
}

/* The product of dimensions from .. to-1. */
static int64_t product(const struct shape *s, int from, int to)
{
	int64_t n = 1;

	for (int i = from; i < to; i++)
		n *= s->dim[i];
	return n;
}

static int too_many_dims(int ndim, struct error *err)
{
	return ndim > MAX_NDIM ? error_set(err, ERR_VALUE, "the result has %d dimensions, more than %d", ndim, MAX_NDIM)
			       : 0;
}

/* For each size of element: the type that copies it.  X(name, type) */
struct pair64 {
	uint64_t a, b;
};
#define ELEMENTS(X) X(1, uint8_t) X(2, uint16_t) X(4, uint32_t) X(8, uint64_t) X(16, struct pair64)

/* == take: out[o, k, ...] = x[o, index[k], ...] == */

struct take {
	const int64_t *index;
	const unsigned char *x;
	unsigned char *out;
	int64_t m, n, row, rows; /* indices, size of the axis, bytes of a row, rows of the result */
	int64_t step;		 /* rows a task */
	int64_t axis;
	enum index_mode mode;
};

/* Copies rows until an index is bad; returns how many. */
#define TAKE_ROWS(size, type) \
	static int64_t take_##size(const struct take *t, unsigned char *out, const unsigned char *base, \
				   const int64_t *index, int64_t count) \
	{ \
		/* blocks are aligned to more than an element */ \
		const type *x = (const type *)(const void *)base; \
		type *o = (type *)(void *)out; \
\
		for (int64_t i = 0; i < count; i++) { \
			int64_t k = index_resolve(index[i], t->n, t->mode); \
\
			if (k < 0) \
				return i; \
			o[i] = x[k]; \
		} \
		return count; \
	}
ELEMENTS(TAKE_ROWS)
#undef TAKE_ROWS

static int64_t take_bytes(const struct take *t, unsigned char *out, const unsigned char *base, const int64_t *index,
			  int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		int64_t k = index_resolve(index[i], t->n, t->mode);

		if (k < 0)
			return i;
		memcpy(out + i * t->row, base + k * t->row, (size_t)t->row);
	}
	return count;
}

static int64_t take_run(const struct take *t, unsigned char *out, const unsigned char *base, const int64_t *index,
			int64_t count)
{
	switch (t->row) {
#define TAKE_CASE(size, type) \
	case size: \
		return take_##size(t, out, base, index, count);
		ELEMENTS(TAKE_CASE)
#undef TAKE_CASE
	}
	return take_bytes(t, out, base, index, count);
}

static int take_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct take *t = arg;
	int64_t r = task * t->step, end = r + t->step < t->rows ? r + t->step : t->rows;

	(void)worker;
	while (r < end) {
		int64_t o = r / t->m, k = r % t->m, count = t->m - k < end - r ? t->m - k : end - r;
		int64_t done = take_run(t, t->out + r * t->row, t->x + o * t->n * t->row, t->index + k, count);

		if (done < count)
			return index_error(t->index[k + done], t->axis, t->n, err);
		r += count;
	}
	return 0;
}

/* u.block.i: the size of the axis, bytes of a row, the axis, the mode. */
static int take_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const int64_t *p = node->u.block.i;
	int64_t nbytes = node->size * (int64_t)dtype_size(node->dtype);
	struct take t = { .index = in[1],
			  .x = in[0],
			  .out = out,
			  .m = node->in[1]->size,
			  .n = p[0],
			  .row = p[1],
			  .axis = p[2],
			  .mode = (enum index_mode)p[3] };

	/* As in NumPy, indices count where it is the rows that are empty, but not where there is nothing to index. */
	if (!nbytes) {
		for (int64_t i = 0; t.row == 0 && i < t.m; i++)
			if (index_resolve(t.index[i], t.n, t.mode) < 0)
				return index_error(t.index[i], t.axis, t.n, err);
		return 0;
	}
	t.rows = nbytes / t.row;
	t.step = INDEX_TASK / t.row + 1;
	return parallel((t.rows + t.step - 1) / t.step, index_workers(nbytes), take_task, &t, err);
}

struct node *index_take(struct call *c, struct node *x, int axis, struct node *index, enum index_mode mode,
			struct error *err)
{
	struct shape shape = { 0 };
	int64_t n = axis < 0 ? x->size : x->shape.dim[axis];
	int end = axis < 0 ? x->shape.ndim : axis + 1;
	struct node *y;

	if (too_many_dims((axis < 0 ? 0 : x->shape.ndim - 1) + index->shape.ndim, err))
		return NULL;
	for (int i = 0; i < axis; i++)
		shape.dim[shape.ndim++] = x->shape.dim[i];
	for (int i = 0; i < index->shape.ndim; i++)
		shape.dim[shape.ndim++] = index->shape.dim[i];
	for (int i = end; i < x->shape.ndim; i++)
		shape.dim[shape.ndim++] = x->shape.dim[i];
	if (n == 0 && index->size > 0) {
		char text[NODE_TEXT];

		error_set(err, ERR_VALUE, "%s: cannot take elements from an empty axis",
			  node_text(x, text, sizeof(text)));
		return NULL;
	}
	y = node_block(c->graph, BLOCK_TAKE, take_block, 2, (struct node *[]){ x, index }, x->dtype, &shape, err);
	if (!y)
		return NULL;
	y->u.block.i[0] = n;
	y->u.block.i[1] = product(&x->shape, end, x->shape.ndim) * (int64_t)dtype_size(x->dtype);
	y->u.block.i[2] = axis < 0 ? 0 : axis;
	y->u.block.i[3] = mode;
	return y;
}

/* The attribute "axis" of x, which has at least one; -1 for none. */
static int axis_get(const struct call *c, const struct node *x, int *out, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis");

	*out = -1;
	return axis->none ? 0 : axis_normalize(out, axis->i, x->shape.ndim, err);
}

int build_take(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], true, err), *index = index_operand(c, c->in[1], err);
	enum index_mode mode;
	int axis;

	if (!x || !index || index_mode_get(c, &mode, err) || axis_get(c, x, &axis, err))
		return -1;
	return call_result(c, index_take(c, x, axis, index, mode, err), NULL, err);
}

/* == along an axis: out[o, k, i] = x[o, index[o, k, i], i] == */

struct along {
	const int64_t *index;
	const void *x;
	void *out;
	int64_t m, n, inner; /* sizes of the axis in the indices and in x, elements after it */
	int64_t size;
	int64_t axis;
	size_t itemsize;
};

/* out[j] = x[index[j] * inner + j * step], until an index is bad; returns how many. */
#define ALONG_RUN(size, type) \
	static int64_t along_##size(const struct along *a, int64_t at, int64_t from, int64_t count, int64_t step) \
	{ \
		const type *x = (const type *)a->x + from; \
		type *out = (type *)a->out + at; \
		const int64_t *index = a->index + at; \
\
		for (int64_t j = 0; j < count; j++) { \
			int64_t k = index_resolve(index[j], a->n, INDEX_RAISE); \
\
			if (k < 0) \
				return j; \
			out[j] = x[k * a->inner + j * step]; \
		} \
		return count; \
	}
ELEMENTS(ALONG_RUN)
#undef ALONG_RUN

static int64_t along_run(const struct along *a, int64_t at, int64_t from, int64_t count, int64_t step)
{
	switch (a->itemsize) {
#define ALONG_CASE(size, type) \
	case size: \
		return along_##size(a, at, from, count, step);
		ELEMENTS(ALONG_CASE)
#undef ALONG_CASE
	}
	return 0;
}

static int along_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct along *a = arg;
	int64_t at = task * INDEX_TASK, end = at + INDEX_TASK < a->size ? at + INDEX_TASK : a->size;

	(void)worker;
	while (at < end) {
		int64_t o = at / (a->m * a->inner), i = at % a->inner;
		/* Where the axis is the last one, a run is along it; else along what follows it. */
		int64_t count = a->inner == 1 ? a->m - at % a->m : a->inner - i, done;

		count = count < end - at ? count : end - at;
		done = along_run(a, at, o * a->n * a->inner + i, count, a->inner != 1);
		if (done < count)
			return index_error(a->index[at + done], a->axis, a->n, err);
		at += count;
	}
	return 0;
}

/* u.block.i: the size of the axis in x, in the indices, elements after it, the axis. */
static int along_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const int64_t *p = node->u.block.i;
	struct along a = { .index = in[1],
			   .x = in[0],
			   .out = out,
			   .n = p[0],
			   .m = p[1],
			   .inner = p[2],
			   .axis = p[3],
			   .size = node->size,
			   .itemsize = dtype_size(node->dtype) };

	return parallel((a.size + INDEX_TASK - 1) / INDEX_TASK, index_workers(a.size), along_task, &a, err);
}

/* x and index agree in all axes but axis. */
static struct node *along(struct call *c, struct node *x, struct node *index, int axis, struct error *err)
{
	struct node *y;

	if (index->size > 0 && x->shape.dim[axis] == 0) {
		index_error(0, axis, 0, err);
		return NULL;
	}
	y = node_block(c->graph, BLOCK_ALONG, along_block, 2, (struct node *[]){ x, index }, x->dtype, &index->shape,
		       err);
	if (!y)
		return NULL;
	y->u.block.i[0] = x->shape.dim[axis];
	y->u.block.i[1] = index->shape.dim[axis];
	y->u.block.i[2] = product(&x->shape, axis + 1, x->shape.ndim);
	y->u.block.i[3] = axis;
	return y;
}

static int same_ndim(const struct node *x, const struct node *index, struct error *err)
{
	char a[NODE_TEXT], b[NODE_TEXT];

	if (x->shape.ndim == index->shape.ndim)
		return 0;
	return error_set(err, ERR_VALUE, "%s and %s: the array and the indices must have the same number of dimensions",
			 node_text(x, a, sizeof(a)), node_text(index, b, sizeof(b)));
}

/* NumPy's rule: all axes but one broadcast. */
int build_take_along_axis(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err), *index = index_operand(c, c->in[1], err);
	struct shape xs, is;
	int axis;

	if (!x || !index)
		return -1;
	if (attr_get(c, "axis")->none && !(x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err)))
		return -1;
	if (axis_get(c, x, &axis, err) || same_ndim(x, index, err))
		return -1;
	if (axis < 0)
		axis = 0;
	xs = x->shape;
	is = index->shape;
	for (int i = 0; i < xs.ndim; i++) {
		char a[NODE_TEXT], b[NODE_TEXT];

		if (i == axis || xs.dim[i] == is.dim[i])
			continue;
		if (xs.dim[i] != 1 && is.dim[i] != 1)
			return error_set(err, ERR_VALUE, "%s and %s: shapes do not broadcast outside of axis %d",
					 node_text(x, a, sizeof(a)), node_text(index, b, sizeof(b)), axis);
		if (xs.dim[i] == 1)
			xs.dim[i] = is.dim[i];
		else
			is.dim[i] = xs.dim[i];
	}
	if (!(x = node_broadcast(c->graph, x, &xs, err)) || !(index = node_broadcast(c->graph, index, &is, err)))
		return -1;
	return call_result(c, along(c, x, index, axis, err), NULL, err);
}

/* PyTorch's rule: the indices may be smaller than the array, whose first elements they then stand for. */
int build_gather(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], true, err), *index = index_operand(c, c->in[1], err);
	struct shape shape;
	int axis;

	if (!x || !index)
		return -1;
	shape = index->shape;
	if (!(index = index_array(c, index, true, err)) || axis_get(c, x, &axis, err) || same_ndim(x, index, err))
		return -1;
	if (axis < 0)
		return error_set(err, ERR_USAGE, "%s needs an axis", c->name);
	for (int i = 0; i < x->shape.ndim; i++) {
		char a[NODE_TEXT], b[NODE_TEXT];

		if (i == axis || x->shape.dim[i] == index->shape.dim[i])
			continue;
		if (x->shape.dim[i] < index->shape.dim[i])
			return error_set(err, ERR_VALUE,
					 "%s and %s: the indices must not be larger than the array outside of axis %d",
					 node_text(x, a, sizeof(a)), node_text(index, b, sizeof(b)), axis);
		if (!(x = node_slice(c->graph, x, i, 0, 1, index->shape.dim[i], err)))
			return -1;
	}
	if (!(x = along(c, x, index, axis, err)))
		return -1;
	return call_result(c, node_reshape(c->graph, x, &shape, err), NULL, err);
}
