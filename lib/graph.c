/* The graph: making nodes, one function a kind.  Views are in view.c, elementwise inference in map.c. */
#include "device.h"
#include "graph_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graph *graph_new(struct error *err)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (!g)
		error_memory(err, sizeof(*g));
	return g;
}

static void node_free(struct node *x)
{
	if (x->kind == NODE_LEAF)
		array_release(&x->u.array);
	if (x->kind == NODE_BLOCK)
		free(x->u.block.data);
	source_unref(x->value);
	source_unref(x->loaded);
	if (x->kept)
		x->kept->release(x->kept);
	free(x->layout);
	free(x->held);
	free(x->in);
	free(x);
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->n; i++)
		node_free(g->nodes[i]);
	for (int i = 0; i < g->nstrings; i++)
		free(g->strings[i]);
	free(g->nodes);
	free(g->strings);
	free(g->steps);
	free(g);
}

void *graph_alloc(struct graph *g, size_t n, struct error *err)
{
	void *p;

	if (g->nstrings == g->strings_room) {
		int room = g->strings_room ? 2 * g->strings_room : 16;
		char **strings = realloc(g->strings, (size_t)room * sizeof(*strings));

		if (!strings) {
			error_memory(err, n);
			return NULL;
		}
		g->strings = strings;
		g->strings_room = room;
	}
	p = calloc(1, n ? n : 1);
	if (!p) {
		error_memory(err, n);
		return NULL;
	}
	g->strings[g->nstrings++] = p;
	return p;
}

const char *graph_string(struct graph *g, const char *s)
{
	struct error ignored = ERROR_INIT;
	char *copy = s ? graph_alloc(g, strlen(s) + 1, &ignored) : NULL;

	return copy ? strcpy(copy, s) : NULL;
}

struct node *graph_add(struct graph *g, enum node_kind kind, enum dtype dtype, const struct shape *shape, int nin,
		       struct node *const in[], struct error *err)
{
	int64_t size = shape_size(shape);
	struct node *x = NULL;

	/* An empty array's other sizes must fit, too, as in NumPy. */
	struct shape full = *shape;
	for (int i = 0; i < full.ndim; i++)
		full.dim[i] += !full.dim[i];
	if (size < 0 || size > INT64_MAX / 16 || shape_size(&full) < 0 || shape_size(&full) > INT64_MAX / 16) {
		char text[SHAPE_TEXT];

		error_set(err, ERR_VALUE, "an array of shape %s is too big", shape_text(shape, text, sizeof(text)));
		return NULL;
	}
	if (g->n == g->room) {
		int room = g->room ? 2 * g->room : 16;
		struct node **nodes = realloc(g->nodes, (size_t)room * sizeof(*nodes));

		if (!nodes)
			goto memory;
		g->nodes = nodes;
		g->room = room;
	}
	x = calloc(1, sizeof(*x));
	if (!x || (nin && !(x->in = calloc((size_t)nin, sizeof(*x->in)))))
		goto memory;
	if (nin)
		memcpy(x->in, in, (size_t)nin * sizeof(*in));
	x->nin = nin;
	x->graph = g;
	x->kind = kind;
	x->dtype = dtype;
	x->shape = *shape;
	x->size = size;
	x->slot = -1;
	g->nodes[g->n++] = x;
	return x;
memory:
	free(x);
	error_memory(err, sizeof(*x));
	return NULL;
}

static bool same_number(double a, double b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static bool same_const(const struct node *a, const struct node *b)
{
	const struct scalar *p = &a->scalar, *q = &b->scalar;

	return a->kind == NODE_CONST && b->kind == NODE_CONST && a->dtype == b->dtype && a->weak == b->weak &&
	       shape_equal(&a->shape, &b->shape) && p->kind == q->kind && p->negative == q->negative &&
	       p->magnitude == q->magnitude && p->huge == q->huge && same_number(p->re, q->re) &&
	       same_number(p->im, q->im);
}

static bool same_node(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->dtype != b->dtype || a->nin != b->nin || !shape_equal(&a->shape, &b->shape))
		return false;
	if (a->step && a->step->cut) /* detached: of all else gradients go further */
		return false;
	for (int i = 0; i < a->nin; i++)
		if (a->in[i] != b->in[i] && !same_const(a->in[i], b->in[i]))
			return false;
	switch (a->kind) {
	case NODE_MAP:
		return a->u.map.id == b->u.map.id && a->u.map.loop == b->u.map.loop;
	case NODE_CAST:
	case NODE_RESHAPE:
		return true;
	case NODE_VIEW:
		return a->offset == b->offset &&
		       !memcmp(a->strides, b->strides, (size_t)a->shape.ndim * sizeof(a->strides[0]));
	case NODE_CONCAT:
		return a->u.axis == b->u.axis;
	case NODE_REDUCE:
		return a->u.reduce.id == b->u.reduce.id && a->u.reduce.acc == b->u.reduce.acc &&
		       !memcmp(a->u.reduce.reduced, b->u.reduce.reduced, sizeof(a->u.reduce.reduced)) &&
		       a->u.reduce.param.count == b->u.reduce.param.count &&
		       same_number(a->u.reduce.param.correction, b->u.reduce.param.correction) &&
		       same_number(a->u.reduce.param.ord, b->u.reduce.param.ord);
	case NODE_SCAN:
		return a->u.scan.op == b->u.scan.op && a->u.scan.axis == b->u.scan.axis &&
		       a->u.scan.acc == b->u.scan.acc;
	default:
		return false;
	}
}

enum { LOOK_BACK = 256 };

struct node *graph_unique(struct node *x)
{
	struct graph *g = x ? x->graph : NULL;

	for (int i = x ? g->n - 2 : -1; x && i >= g->fence && i >= g->n - LOOK_BACK; i--)
		if (same_node(g->nodes[i], x)) {
			g->n--;
			node_free(x);
			return g->nodes[i];
		}
	return x;
}

char *node_text(const struct node *x, char *buf, size_t n)
{
	char shape[SHAPE_TEXT];

	shape_text(&x->shape, shape, sizeof(shape));
	if (x->label)
		snprintf(buf, n, "%s %s", x->label, shape);
	else
		snprintf(buf, n, "%s", shape);
	return buf;
}

static struct node *labelled(struct node *x, const char *label, struct error *err)
{
	x->label = graph_string(x->graph, label);
	if (label && !x->label) {
		error_memory(err, strlen(label) + 1);
		return NULL;
	}
	return x;
}

struct node *node_leaf(struct graph *g, struct array *a, const char *label, struct error *err)
{
	struct node *x = graph_add(g, NODE_LEAF, a->dtype, &a->shape, 0, NULL, err);

	if (!x) {
		array_release(a);
		return NULL;
	}
	x->u.array = *a;
	memcpy(x->strides, a->strides, sizeof(x->strides));
	x->offset = a->offset;
	memset(a, 0, sizeof(*a));
	return labelled(x, label, err);
}

bool node_contiguous(const struct node *x)
{
	uint64_t step = dtype_size(x->dtype);

	for (int i = x->shape.ndim - 1; i >= 0; i--) {
		if (x->shape.dim[i] != 1 && x->strides[i] != (int64_t)step)
			return false;
		step *= (uint64_t)x->shape.dim[i];
	}
	return true;
}

struct node *node_memory(struct graph *g, enum dtype dtype, const struct shape *shape, void *elements,
			 struct error *err)
{
	struct array a = { .dtype = dtype, .shape = *shape };

	shape_strides(shape, dtype_size(dtype), false, a.strides);
	a.src = buffer_source(elements, (size_t)shape_size(shape) * dtype_size(dtype), NULL, err);
	return a.src ? node_leaf(g, &a, NULL, err) : NULL;
}

struct node *node_full(struct graph *g, enum dtype dtype, const struct shape *shape, const struct scalar *s,
		       struct error *err)
{
	struct node *x;

	if (s->kind == SCALAR_INT && !scalar_fits(s, dtype)) {
		error_set(err, ERR_VALUE, "integer %s%" PRIu64 " is out of bounds for %s", s->negative ? "-" : "",
			  s->magnitude, dtype_name(dtype));
		return NULL;
	}
	x = graph_add(g, NODE_CONST, dtype, shape, 0, NULL, err);
	if (x)
		x->scalar = *s;
	return x;
}

static enum dtype scalar_dtype(const struct scalar *s)
{
	switch (s->kind) {
	case SCALAR_BOOL:
		return DT_BOOL;
	case SCALAR_INT:
		/* More than 64 bits: only with floats. */
		if (s->huge)
			return DT_F64;
		return !s->negative && s->magnitude > INT64_MAX ? DT_U64 : DT_I64;
	case SCALAR_FLOAT:
		return DT_F64;
	case SCALAR_COMPLEX:
		break;
	}
	return DT_C128;
}

struct node *node_scalar(struct graph *g, const struct scalar *s, const char *label, struct error *err)
{
	struct node *x = node_full(g, scalar_dtype(s), &(struct shape){ 0 }, s, err);

	if (!x)
		return NULL;
	x->weak = true;
	return labelled(x, label, err);
}

struct node *node_int(struct graph *g, int64_t v, struct error *err)
{
	struct scalar s = {
		.kind = SCALAR_INT, .negative = v < 0, .magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v, .re = (double)v
	};

	return node_scalar(g, &s, NULL, err);
}

struct node *node_float(struct graph *g, double v, struct error *err)
{
	struct scalar s = { .kind = SCALAR_FLOAT, .re = v };

	return node_scalar(g, &s, NULL, err);
}

struct node *node_range(struct graph *g, enum dtype dtype, int64_t n, const struct range *r, struct error *err)
{
	struct node *x = graph_add(g, NODE_RANGE, dtype, &(struct shape){ 1, { n } }, 0, NULL, err);

	if (x)
		x->u.range = *r;
	return x;
}

enum dtype range_type(const struct node *x)
{
	const struct range *r = &x->u.range;
	bool single = x->dtype == DT_F32 || x->dtype == DT_F16 || x->dtype == DT_BF16;

	/* NumPy computes float32 ranges of arange in float32; linspace always in float64. */
	return r->integer ? DT_I64 : single && r->kind == RANGE_ARANGE ? DT_F32 : DT_F64;
}

struct node *node_iota(struct graph *g, const struct shape *shape, int axis, struct error *err)
{
	struct node *x = graph_add(g, NODE_IOTA, DT_I64, shape, 0, NULL, err);

	if (x)
		x->u.axis = axis;
	return x;
}

struct node *node_random(struct graph *g, enum dtype dtype, const struct shape *shape, const struct random_param *p,
			 struct error *err)
{
	struct node *x = graph_add(g, NODE_RANDOM, dtype, shape, 0, NULL, err);

	if (x)
		x->u.random = *p;
	return x;
}

struct node *node_cast(struct graph *g, struct node *x, enum dtype dtype, struct error *err)
{
	struct node *y;

	if (x->kind == NODE_CONST && x->weak)
		return node_full(g, dtype, &x->shape, &x->scalar, err);
	if (x->dtype == dtype)
		return x;
	y = graph_add(g, NODE_CAST, dtype, &x->shape, 1, &x, err);
	if (y)
		y->label = x->label;
	return graph_unique(y);
}

struct node *node_concat(struct graph *g, int n, struct node *const in[], int axis, struct error *err)
{
	struct shape shape = in[0]->shape;
	struct node **cast = NULL, *x = NULL;
	enum dtype dtype;

	if (shape.ndim == 0) {
		error_set(err, ERR_VALUE, "zero-dimensional arrays cannot be concatenated");
		return NULL;
	}
	for (int i = 1; i < n; i++) {
		char a[NODE_TEXT], b[NODE_TEXT];

		if (in[i]->shape.ndim != shape.ndim) {
			error_set(err, ERR_VALUE,
				  "%s and %s: arrays to concatenate must have the same number of dimensions",
				  node_text(in[0], a, sizeof(a)), node_text(in[i], b, sizeof(b)));
			return NULL;
		}
		for (int k = 0; k < shape.ndim; k++)
			if (k != axis && in[i]->shape.dim[k] != shape.dim[k]) {
				error_set(
					err, ERR_VALUE,
					"%s and %s: dimensions must match except along axis %d; axis %d has sizes %" PRId64
					" and %" PRId64,
					node_text(in[0], a, sizeof(a)), node_text(in[i], b, sizeof(b)), axis, k,
					shape.dim[k], in[i]->shape.dim[k]);
				return NULL;
			}
		if (__builtin_add_overflow(shape.dim[axis], in[i]->shape.dim[axis], &shape.dim[axis])) {
			error_set(err, ERR_VALUE, "the concatenated array is too big");
			return NULL;
		}
	}
	if (nodes_result_type(&dtype, n, in, err))
		return NULL;
	if (!(cast = calloc((size_t)n, sizeof(*cast)))) {
		error_memory(err, (size_t)n * sizeof(*cast));
		return NULL;
	}
	for (int i = 0; i < n; i++)
		if (!(cast[i] = node_cast(g, in[i], dtype, err)))
			goto done;
	x = graph_add(g, NODE_CONCAT, dtype, &shape, n, cast, err);
	if (x)
		x->u.axis = axis;
	x = graph_unique(x);
done:
	free(cast);
	return x;
}

struct node *node_scan(struct graph *g, enum scan_op op, struct node *x, int axis, enum dtype dtype, struct error *err)
{
	struct node *y = graph_add(g, NODE_SCAN, dtype, &x->shape, 1, &x, err);
	enum dtype of = op == SCAN_ARGMAX || op == SCAN_ARGMIN ? x->dtype : dtype;

	if (!y)
		return NULL;
	y->u.scan.op = op;
	y->u.scan.axis = axis;
	y->u.scan.acc = dtype_is_complex(of) ? DT_C128 : dtype_is_float(of) ? DT_F64 : of == DT_U64 ? DT_U64 : DT_I64;
	return graph_unique(y);
}

struct node *node_block(struct graph *g, enum block_id id, block_fn *fn, int n, struct node *const in[],
			enum dtype dtype, const struct shape *shape, struct error *err)
{
	struct node *x = graph_add(g, NODE_BLOCK, dtype, shape, n, in, err);

	if (x) {
		x->u.block.id = id;
		x->u.block.fn = fn;
	}
	return x;
}

int axis_normalize(int *out, int64_t axis, int ndim, struct error *err)
{
	if (axis < -ndim || axis >= ndim)
		return error_set(err, ERR_VALUE, "axis %" PRId64 " is out of bounds for an array of %d dimension%s",
				 axis, ndim, ndim == 1 ? "" : "s");
	*out = (int)(axis < 0 ? axis + ndim : axis);
	return 0;
}

int shape_broadcast(struct shape *out, int n, struct node *const in[], struct error *err)
{
	out->ndim = 0;
	for (int i = 0; i < n; i++) {
		const struct shape *s = &in[i]->shape;

		/* Grow out to s's rank, then merge from the last axis. */
		if (s->ndim > out->ndim) {
			int more = s->ndim - out->ndim;

			memmove(out->dim + more, out->dim, (size_t)out->ndim * sizeof(out->dim[0]));
			for (int k = 0; k < more; k++)
				out->dim[k] = 1;
			out->ndim = s->ndim;
		}
		for (int k = 0; k < s->ndim; k++) {
			int64_t d = s->dim[s->ndim - 1 - k], *o = &out->dim[out->ndim - 1 - k];

			if (*o == 1)
				*o = d;
			else if (d != 1 && d != *o)
				goto mismatch;
		}
	}
	return 0;
mismatch:;
	struct text {
		char s[NODE_TEXT];
	} a, b;
	int first = 0, second = n - 1;

	/* Name the pair that clashes. */
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < n; j++)
			for (int k = 1; k <= in[i]->shape.ndim && k <= in[j]->shape.ndim; k++) {
				int64_t p = in[i]->shape.dim[in[i]->shape.ndim - k],
					q = in[j]->shape.dim[in[j]->shape.ndim - k];

				if (p != q && p != 1 && q != 1) {
					first = i;
					second = j;
				}
			}
	return error_set(err, ERR_VALUE, "%s and %s: shapes do not broadcast", node_text(in[first], a.s, sizeof(a.s)),
			 node_text(in[second], b.s, sizeof(b.s)));
}

int nodes_result_type(enum dtype *out, int n, struct node *const in[], struct error *err)
{
	bool strong = false;
	enum scalar_kind weak = SCALAR_BOOL;
	enum dtype d = DT_BOOL;

	for (int i = 0; i < n; i++)
		if (in[i]->weak) {
			if (in[i]->scalar.kind > weak)
				weak = in[i]->scalar.kind;
		} else {
			d = strong ? dtype_promote(d, in[i]->dtype) : in[i]->dtype;
			strong = true;
		}
	if (!strong) {
		d = DT_BOOL;
		for (int i = 0; i < n; i++)
			d = i ? dtype_promote(d, in[i]->dtype) : in[i]->dtype;
		*out = d;
		return 0;
	}
	/* NEP 50: a scalar of a higher kind lifts the kind, to the default size where the kind changes. */
	if (d > DT_C128 && n > 1 && weak > SCALAR_BOOL)
		d = DT_F32;
	if (weak == SCALAR_INT && d == DT_BOOL)
		d = DT_I64;
	if (weak == SCALAR_FLOAT && d < DT_F16)
		d = DT_F64;
	if (weak == SCALAR_COMPLEX && !dtype_is_complex(d))
		d = d == DT_F16 || d == DT_BF16 || d == DT_F32 ? DT_C64 : DT_C128;
	for (int i = 0; i < n; i++)
		if (in[i]->weak && in[i]->scalar.kind == SCALAR_INT && dtype_is_int(d) &&
		    !scalar_fits(&in[i]->scalar, d))
			return in[i]->label ? error_set(err, ERR_VALUE, "integer %s is out of bounds for %s",
							in[i]->label, dtype_name(d))
					    : error_set(err, ERR_VALUE, "integer %s%" PRIu64 " is out of bounds for %s",
							in[i]->scalar.negative ? "-" : "", in[i]->scalar.magnitude,
							dtype_name(d));
	*out = d;
	return 0;
}
