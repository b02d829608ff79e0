/* Writing elements to indexed places: scatter, scatter_add, index_add, put.  Each result starts as a copy of the array. */
#include "build_index.h"

#include "engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const int64_t *index;
	const void *src;
	void *out; /* where index 0 of the row goes */
	int64_t count, n;
	int64_t istride; /* indices: 0 or 1 */
	int64_t step;	 /* from one element of the row to the next, in out: 0 along the axis itself */
	int64_t stride;	 /* of an index, in out */
	enum index_mode mode;
};

/* Handles a row until an index is bad; returns how many elements. */
typedef int64_t row_fn(const struct row *r);

#define SCATTER_ROW(name, type, put) \
	static int64_t row_##name(const struct row *r) \
	{ \
		type *out = r->out; \
		const type *src = r->src; \
\
		for (int64_t i = 0; i < r->count; i++) { \
			int64_t k = index_resolve(r->index[i * r->istride], r->n, r->mode); \
			type *o, x = src[i]; \
\
			if (k < 0) \
				return i; \
			o = out + k * r->stride + i * r->step; \
			put; \
		} \
		return r->count; \
	}

struct pair64 {
	uint64_t a, b;
};
struct complex64 {
	float re, im;
};
struct complex128 {
	double re, im;
};

/* Copies by the size of an element; sums by its type, where integers wrap and bool is or. */
SCATTER_ROW(copy1, uint8_t, *o = x)
SCATTER_ROW(copy2, uint16_t, *o = x)
SCATTER_ROW(copy4, uint32_t, *o = x)
SCATTER_ROW(copy8, uint64_t, *o = x)
SCATTER_ROW(copy16, struct pair64, *o = x)
SCATTER_ROW(add_bool, uint8_t, *o = (*o | x) != 0)
SCATTER_ROW(add1, uint8_t, *o = (uint8_t)(*o + x))
SCATTER_ROW(add2, uint16_t, *o = (uint16_t)(*o + x))
SCATTER_ROW(add4, uint32_t, *o += x)
SCATTER_ROW(add8, uint64_t, *o += x)
SCATTER_ROW(add_f32, float, *o += x)
SCATTER_ROW(add_f64, double, *o += x)
SCATTER_ROW(add_c64, struct complex64, (o->re += x.re, o->im += x.im))
SCATTER_ROW(add_c128, struct complex128, (o->re += x.re, o->im += x.im))
#undef SCATTER_ROW

static row_fn *copy_fn(size_t itemsize)
{
	switch (itemsize) {
	case 1:
		return row_copy1;
	case 2:
		return row_copy2;
	case 4:
		return row_copy4;
	case 8:
		return row_copy8;
	}
	return row_copy16;
}

/* NULL: sums of d are computed in another type. */
static row_fn *add_fn(enum dtype d)
{
	switch (d) {
	case DT_BOOL:
		return row_add_bool;
	case DT_I8:
	case DT_U8:
		return row_add1;
	case DT_I16:
	case DT_U16:
		return row_add2;
	case DT_I32:
	case DT_U32:
		return row_add4;
	case DT_I64:
	case DT_U64:
		return row_add8;
	case DT_F32:
		return row_add_f32;
	case DT_F64:
		return row_add_f64;
	case DT_C64:
		return row_add_c64;
	case DT_C128:
		return row_add_c128;
	case DT_F16:
	case DT_BF16:
	case DT_F8E4M3:
	case DT_F8E5M2:
	case NDTYPES:
		break;
	}
	return NULL;
}

struct scatter_run {
	const struct scatter *s;
	row_fn *fn;
	size_t itemsize;
	int64_t each; /* elements of src a task */
	const int64_t *index;
	const unsigned char *src;
	unsigned char *out;
};

static int scatter_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct scatter_run *t = arg;
	const struct scatter *s = t->s;
	int64_t at[MAX_NDIM] = { 0 }, to = 0, from = 0, rest = task;
	int last = s->ndim - 1;

	(void)worker;
	for (int d = s->axis - 1; d >= 0; d--) {
		at[d] = rest % s->dim[d];
		rest /= s->dim[d];
		to += at[d] * s->stride[d];
		from += at[d] * s->istride[d];
	}
	for (int64_t done = 0; done < t->each; done += s->dim[last]) {
		struct row r = { .index = t->index + from,
				 .out = t->out + to * (int64_t)t->itemsize,
				 .src = t->src + (task * t->each + done) * (int64_t)t->itemsize,
				 .count = s->dim[last],
				 .n = s->n,
				 .istride = s->istride[last],
				 .step = last == s->axis ? 0 : s->stride[last],
				 .stride = s->stride[s->axis] };
		int64_t good = t->fn(&r);

		if (good < r.count)
			return index_error(r.index[good * r.istride], s->axis, s->n, err);
		/* The next row; the axis itself moves no place in out, its index does. */
		for (int d = last - 1; d >= s->axis; d--) {
			at[d]++;
			to += d == s->axis ? 0 : s->stride[d];
			from += s->istride[d];
			if (at[d] < s->dim[d])
				break;
			to -= d == s->axis ? 0 : s->stride[d] * s->dim[d];
			from -= s->istride[d] * s->dim[d];
			at[d] = 0;
		}
	}
	return 0;
}

/* Inputs: the array, the indices, src.  u.block.i[0]: add? */
static int scatter_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const struct scatter *s = node->u.block.data;
	size_t itemsize = dtype_size(node->dtype);
	struct scatter_run t = { .s = s,
				 .itemsize = itemsize,
				 .each = 1,
				 .index = in[1],
				 .src = in[2],
				 .out = out,
				 .fn = node->u.block.i[0] ? add_fn(node->dtype) : copy_fn(itemsize) };
	int64_t tasks = 1, size;

	memcpy(out, in[0], (size_t)node->size * itemsize);
	for (int i = 0; i < s->ndim; i++)
		*(i < s->axis ? &tasks : &t.each) *= s->dim[i];
	size = tasks * t.each;
	return size ? parallel(tasks, index_workers(size), scatter_task, &t, err) : 0;
}

/* src as dtype, where that loses no more than precision: what "same_kind" allows.  x is what it goes into. */
static struct node *source_operand(struct call *c, struct node *src, const struct node *x, enum dtype dtype,
				   struct error *err)
{
	char a[NODE_TEXT], b[NODE_TEXT];
	enum dtype own = src->dtype;

	/* A weak integer fits into any number, if it is in range; node_cast sees to that. */
	if (src->weak && src->scalar.kind == SCALAR_INT && x->dtype != DT_BOOL)
		own = x->dtype;
	if (src->weak && src->scalar.kind == SCALAR_FLOAT)
		own = DT_F16;
	if (src->weak && src->scalar.kind == SCALAR_COMPLEX)
		own = DT_C64;
	if (!dtype_can_cast(own, x->dtype, CASTING_SAME_KIND)) {
		error_set(err, ERR_VALUE, "%s of %s cannot be put into %s of %s; astype one of them first",
			  node_text(src, a, sizeof(a)), dtype_name(src->dtype), node_text(x, b, sizeof(b)),
			  dtype_name(x->dtype));
		return NULL;
	}
	if (src->weak && src->scalar.kind == SCALAR_INT && !node_cast(c->graph, src, x->dtype, err))
		return NULL;
	return node_cast(c->graph, src, dtype, err);
}

/*
 * x with src at the indices along axis; src has the shape of the indices, or of what istride makes of them.
 * Half types are added in float32 and rounded once.
 */
static struct node *scatter(struct call *c, struct node *x, struct node *index, struct node *src, int axis, bool vector,
			    bool add, struct error *err)
{
	enum dtype result = add && x->dtype > DT_C128 ? DT_F32 : x->dtype,
		   work = add && !add_fn(x->dtype) ? DT_F32 : x->dtype;
	struct scatter *s;
	struct node *y;

	if (!(src = source_operand(c, src, x, work, err)))
		return NULL;
	if (src->size > 0 && x->shape.dim[axis] == 0) {
		index_error(0, axis, 0, err);
		return NULL;
	}
	if (!(x = node_cast(c->graph, x, work, err)) ||
	    !(y = node_block(c->graph, BLOCK_SCATTER, scatter_block, 3, (struct node *[]){ x, index, src }, work,
			     &x->shape, err)))
		return NULL;
	if (!(s = y->u.block.data = calloc(1, sizeof(*s)))) {
		error_memory(err, sizeof(*s));
		return NULL;
	}
	y->u.block.i[0] = add;
	s->ndim = src->shape.ndim;
	s->axis = axis;
	s->n = x->shape.dim[axis];
	shape_strides(&x->shape, 1, false, s->stride);
	if (vector)
		s->istride[axis] = 1;
	else
		shape_strides(&index->shape, 1, false, s->istride);
	memcpy(s->dim, src->shape.dim, sizeof(s->dim));
	return node_cast(c->graph, y, result, err);
}

/* PyTorch's checks: the indices may be smaller than src, and than the array outside of the axis. */
static int scatter_shapes(struct call *c, const struct node *x, const struct node *index, struct node **src, int axis,
			  struct error *err)
{
	char a[NODE_TEXT], b[NODE_TEXT], d[NODE_TEXT];

	if (x->shape.ndim != index->shape.ndim || (*src)->shape.ndim != index->shape.ndim)
		return error_set(err, ERR_VALUE, "%s, indices %s and %s must have the same number of dimensions",
				 node_text(x, a, sizeof(a)), node_text(index, b, sizeof(b)),
				 node_text(*src, d, sizeof(d)));
	for (int i = 0; i < x->shape.ndim; i++) {
		int64_t n = index->shape.dim[i];

		if (n > (*src)->shape.dim[i])
			return error_set(err, ERR_VALUE, "the indices %s must not be larger than %s",
					 node_text(index, a, sizeof(a)), node_text(*src, b, sizeof(b)));
		if (i != axis && n > x->shape.dim[i])
			return error_set(err, ERR_VALUE, "the indices %s must not be larger than %s outside of axis %d",
					 node_text(index, a, sizeof(a)), node_text(x, b, sizeof(b)), axis);
		if (n < (*src)->shape.dim[i] && !(*src = node_slice(c->graph, *src, i, 0, 1, n, err)))
			return -1;
	}
	return 0;
}

static int build_scatter_op(struct call *c, bool add, struct error *err)
{
	struct node *x = index_array(c, c->in[0], true, err), *index = index_operand(c, c->in[1], err), *src = c->in[2];
	const struct attr *attr = attr_get(c, "axis");
	int axis;

	if (!x || !index || !(index = index_array(c, index, true, err)))
		return -1;
	if (attr->none)
		return error_set(err, ERR_USAGE, "%s needs an axis", c->name);
	if (axis_normalize(&axis, attr->i, x->shape.ndim, err))
		return -1;
	/* A scalar goes everywhere. */
	if (src->weak && (!(src = source_operand(c, src, x, x->dtype, err)) ||
			  !(src = node_broadcast(c->graph, src, &index->shape, err))))
		return -1;
	if (!(src = index_array(c, src, true, err)))
		return -1;
	/* No indices: nothing to put, whatever the shapes. */
	if (!index->size)
		return call_result(c, c->in[0], NULL, err);
	if (scatter_shapes(c, x, index, &src, axis, err) || !(x = scatter(c, x, index, src, axis, false, add, err)))
		return -1;
	return call_result(c, node_reshape(c->graph, x, &c->in[0]->shape, err), NULL, err);
}

int build_scatter(struct call *c, struct error *err)
{
	return build_scatter_op(c, false, err);
}

int build_scatter_add(struct call *c, struct error *err)
{
	return build_scatter_op(c, true, err);
}

/* out[..., index[k], ...] += alpha * src[..., k, ...] */
int build_index_add(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], true, err), *index = index_operand(c, c->in[1], err), *src = c->in[2];
	const struct attr *attr = attr_get(c, "axis"), *alpha = attr_get(c, "alpha");
	char a[NODE_TEXT], b[NODE_TEXT], d[NODE_TEXT];
	struct shape want;
	int axis;

	if (!x || !index || !(index = index_array(c, index, true, err)))
		return -1;
	if (attr->none)
		return error_set(err, ERR_USAGE, "%s needs an axis", c->name);
	if (axis_normalize(&axis, attr->i, x->shape.ndim, err))
		return -1;
	if (index->shape.ndim != 1)
		return error_set(err, ERR_VALUE, "%s: the indices of %s must have one dimension",
				 node_text(index, a, sizeof(a)), c->name);
	want = x->shape;
	want.dim[axis] = index->shape.dim[0];
	if (src->weak &&
	    (!(src = source_operand(c, src, x, x->dtype, err)) || !(src = node_broadcast(c->graph, src, &want, err))))
		return -1;
	if (!(src = index_array(c, src, true, err)))
		return -1;
	if (!shape_equal(&src->shape, &want))
		return error_set(err, ERR_VALUE, "%s and indices %s need an array of shape %s to add, not %s",
				 node_text(x, a, sizeof(a)), node_text(index, b, sizeof(b)),
				 shape_text(&want, d, sizeof(d)), node_text(src, (char[NODE_TEXT]){ "" }, NODE_TEXT));
	if (alpha->given && !(src = op_apply(c->graph, "multiply", 2, (struct node *[]){ src, alpha->node }, err)))
		return -1;
	if (!(x = scatter(c, x, index, src, axis, true, true, err)))
		return -1;
	return call_result(c, node_reshape(c->graph, x, &c->in[0]->shape, err), NULL, err);
}

/* == put: out.flat[index[i]] = src[i], src repeated as needed == */

/* Inputs: the array, the indices, src, which is not empty.  u.block.i[0]: the mode. */
static int put_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	size_t size = dtype_size(node->dtype);
	int64_t count = node->in[1]->size, each = node->in[2]->size;
	row_fn *fn = copy_fn(size);

	memcpy(out, in[0], (size_t)node->size * size);
	for (int64_t i = 0; i < count; i += each) {
		struct row r = { .index = (const int64_t *)in[1] + i,
				 .src = in[2],
				 .out = out,
				 .n = node->size,
				 .count = count - i < each ? count - i : each,
				 .istride = 1,
				 .stride = 1,
				 .mode = (enum index_mode)node->u.block.i[0] };
		int64_t good = fn(&r);

		if (good < r.count)
			return index_error(r.index[good], 0, node->size, err);
	}
	return 0;
}

int build_put(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err), *index = index_operand(c, c->in[1], err), *src, *y;
	enum index_mode mode;
	char text[NODE_TEXT];

	if (!x || !index || index_mode_get(c, &mode, err))
		return -1;
	if (!(src = source_operand(c, c->in[2], x, x->dtype, err)))
		return -1;
	if (!index->size)
		return call_result(c, x, NULL, err);
	if (!x->size)
		return error_set(err, ERR_VALUE, "%s: cannot replace elements of an empty array",
				 node_text(x, text, sizeof(text)));
	if (!src->size)
		return call_result(c, x, NULL, err);
	y = node_block(c->graph, BLOCK_PUT, put_block, 3, (struct node *[]){ x, index, src }, x->dtype, &x->shape, err);
	if (y)
		y->u.block.i[0] = mode;
	return call_result(c, y, NULL, err);
}
