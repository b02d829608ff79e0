/* Views: reshape, permute, broadcast, slice, diagonal, and basic indexing.  Strides only; no element moves. */
#include "graph_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * The node whose bytes x's strides refer to, with those strides; for anything but leaf and view x itself, contiguous, or what x is a
 * reshape of, which has the same elements.
 */
struct strided {
	struct node *base;
	int64_t strides[MAX_NDIM], offset;
};

static void strided_of(struct strided *l, struct node *x)
{
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		l->base = x->kind == NODE_VIEW ? x->in[0] : x;
		l->offset = x->offset;
		memcpy(l->strides, x->strides, sizeof(l->strides));
	} else {
		l->base = x->kind == NODE_RESHAPE && x->in[0]->kind != NODE_LEAF && x->in[0]->kind != NODE_VIEW
				  ? x->in[0]
				  : x;
		l->offset = 0;
		shape_strides(&x->shape, dtype_size(x->dtype), false, l->strides);
	}
}

static struct node *view_make(struct graph *g, struct node *x, const struct strided *l, const struct shape *shape,
			      struct error *err)
{
	struct node *base = l->base, *v = graph_add(g, NODE_VIEW, x->dtype, shape, 1, &base, err);

	if (v) {
		memcpy(v->strides, l->strides, sizeof(v->strides));
		v->offset = l->offset;
		v->label = x->label;
	}
	return graph_unique(v);
}

/* Constants have no strides: another shape of the same value. */
static struct node *const_shaped(struct graph *g, struct node *x, const struct shape *shape, struct error *err)
{
	struct node *y = graph_add(g, NODE_CONST, x->dtype, shape, 0, NULL, err);

	if (y) {
		y->scalar = x->scalar;
		y->label = x->label;
	}
	return y;
}

/*
 * Strides for shape `to` over the elements of a strided shape `from`, in C order, if there are any.
 * Source: the algorithm of numpy's _attempt_nocopy_reshape.
 */
static bool restride(const struct shape *from, const int64_t *strides, const struct shape *to, size_t itemsize,
		     int64_t *out)
{
	struct shape s = { 0 };
	int64_t st[MAX_NDIM];
	int i = 0, k = 0;

	for (int j = 0; j < from->ndim; j++)
		if (from->dim[j] != 1) {
			st[s.ndim] = strides[j];
			s.dim[s.ndim++] = from->dim[j];
		}
	while (i < s.ndim && k < to->ndim) {
		int i1 = i + 1, k1 = k + 1;
		int64_t a = s.dim[i], b = to->dim[k];

		/* The smallest groups of axes with the same number of elements. */
		while (a != b)
			if (a < b)
				a *= s.dim[i1++];
			else
				b *= to->dim[k1++];
		for (int j = i; j + 1 < i1; j++)
			if (st[j] != s.dim[j + 1] * st[j + 1])
				return false;
		out[k1 - 1] = st[i1 - 1];
		for (int j = k1 - 1; j > k; j--)
			out[j - 1] = out[j] * to->dim[j];
		i = i1;
		k = k1;
	}
	for (; k < to->ndim; k++)
		out[k] = k ? out[k - 1] : (int64_t)itemsize;
	return true;
}

struct node *node_reshape(struct graph *g, struct node *x, const struct shape *shape, struct error *err)
{
	struct shape to = *shape;
	int64_t known = 1;
	int infer = -1;
	struct node *y;

	for (int i = 0; i < to.ndim; i++)
		if (to.dim[i] == -1) {
			if (infer >= 0) {
				error_set(err, ERR_VALUE, "can only specify one unknown dimension");
				return NULL;
			}
			infer = i;
		} else if (to.dim[i] < 0) {
			error_set(err, ERR_VALUE, "negative dimensions are not allowed");
			return NULL;
		} else if (__builtin_mul_overflow(known, to.dim[i], &known)) {
			known = 0;
		}
	if (infer >= 0)
		to.dim[infer] = known && x->size % known == 0 ? x->size / known : -1;
	if ((infer >= 0 && to.dim[infer] < 0) || shape_size(&to) != x->size) {
		char text[NODE_TEXT], want[SHAPE_TEXT];

		error_set(err, ERR_VALUE, "%s: cannot reshape array of size %" PRId64 " into shape %s",
			  node_text(x, text, sizeof(text)), x->size, shape_text(shape, want, sizeof(want)));
		return NULL;
	}
	if (shape_equal(&to, &x->shape) && !x->weak)
		return x;
	if (x->kind == NODE_CONST)
		return const_shaped(g, x, &to, err);
	if (x->kind == NODE_RESHAPE)
		x = x->in[0];
	if (x->kind == NODE_LEAF || x->kind == NODE_VIEW) {
		struct strided l, m;

		strided_of(&l, x);
		m = l;
		if (x->size == 0) {
			shape_strides(&to, dtype_size(x->dtype), false, m.strides);
			return view_make(g, x, &m, &to, err);
		}
		if (restride(&x->shape, l.strides, &to, dtype_size(x->dtype), m.strides))
			return view_make(g, x, &m, &to, err);
	}
	y = graph_add(g, NODE_RESHAPE, x->dtype, &to, 1, &x, err);
	if (y)
		y->label = x->label;
	return graph_unique(y);
}

struct node *node_permute(struct graph *g, struct node *x, const int *axes, struct error *err)
{
	struct strided l, m;
	struct shape shape = { x->shape.ndim, { 0 } };

	strided_of(&l, x);
	m = l;
	for (int i = 0; i < x->shape.ndim; i++) {
		shape.dim[i] = x->shape.dim[axes[i]];
		m.strides[i] = l.strides[axes[i]];
	}
	if (x->kind == NODE_CONST)
		return const_shaped(g, x, &shape, err);
	return view_make(g, x, &m, &shape, err);
}

struct node *node_broadcast(struct graph *g, struct node *x, const struct shape *shape, struct error *err)
{
	struct strided l, m;
	int more = shape->ndim - x->shape.ndim;
	bool fits = more >= 0;

	if (shape_equal(&x->shape, shape))
		return x;
	strided_of(&l, x);
	m = l;
	for (int i = 0; fits && i < shape->ndim; i++) {
		int k = i - more;

		if (k < 0)
			m.strides[i] = 0;
		else if (x->shape.dim[k] == shape->dim[i])
			m.strides[i] = l.strides[k];
		else if (x->shape.dim[k] == 1)
			m.strides[i] = 0;
		else
			fits = false;
	}
	if (!fits) {
		char text[NODE_TEXT], want[SHAPE_TEXT];

		error_set(err, ERR_VALUE, "%s cannot be broadcast to shape %s", node_text(x, text, sizeof(text)),
			  shape_text(shape, want, sizeof(want)));
		return NULL;
	}
	if (x->kind == NODE_CONST)
		return const_shaped(g, x, shape, err);
	return view_make(g, x, &m, shape, err);
}

struct node *node_slice(struct graph *g, struct node *x, int axis, int64_t start, int64_t step, int64_t count,
			struct error *err)
{
	struct shape shape = x->shape;
	struct strided l;

	shape.dim[axis] = count;
	if (x->kind == NODE_CONST)
		return const_shaped(g, x, &shape, err);
	strided_of(&l, x);
	if (count)
		l.offset += start * l.strides[axis];
	if (count > 1)
		l.strides[axis] *= step;
	return view_make(g, x, &l, &shape, err);
}

struct node *node_diagonal(struct graph *g, struct node *x, int axis1, int axis2, int64_t k, struct error *err)
{
	struct strided l, m;
	int64_t rows = x->shape.dim[axis1], cols = x->shape.dim[axis2], n;
	struct shape shape = { 0 };

	if (k > cols || k < -rows)
		k = k > 0 ? cols : -rows;
	n = k >= 0 ? (cols - k < rows ? cols - k : rows) : (rows + k < cols ? rows + k : cols);
	if (k > cols || -k > rows || n < 0)
		n = 0;
	strided_of(&l, x);
	m = l;
	for (int i = 0; i < x->shape.ndim; i++)
		if (i != axis1 && i != axis2) {
			m.strides[shape.ndim] = l.strides[i];
			shape.dim[shape.ndim++] = x->shape.dim[i];
		}
	m.strides[shape.ndim] = l.strides[axis1] + l.strides[axis2];
	shape.dim[shape.ndim++] = n;
	if (n)
		m.offset += k >= 0 ? k * l.strides[axis2] : -k * l.strides[axis1];
	if (x->kind == NODE_CONST)
		return const_shaped(g, x, &shape, err);
	return view_make(g, x, &m, &shape, err);
}

struct node *node_expand_dims(struct graph *g, struct node *x, int axis, struct error *err)
{
	struct shape shape = x->shape;

	if (shape.ndim == MAX_NDIM) {
		error_set(err, ERR_VALUE, "more than %d dimensions", MAX_NDIM);
		return NULL;
	}
	memmove(shape.dim + axis + 1, shape.dim + axis, (size_t)(shape.ndim - axis) * sizeof(shape.dim[0]));
	shape.dim[axis] = 1;
	shape.ndim++;
	return node_reshape(g, x, &shape, err);
}

struct node *node_squeeze(struct graph *g, struct node *x, int axis, struct error *err)
{
	struct shape shape = x->shape;

	memmove(shape.dim + axis, shape.dim + axis + 1, (size_t)(shape.ndim - axis - 1) * sizeof(shape.dim[0]));
	shape.ndim--;
	return node_reshape(g, x, &shape, err);
}

/* A signed integer that starts at *p; advances. */
static bool scan_int(const char **p, int64_t *out)
{
	const char *s = *p;
	bool negative = *s == '-';
	uint64_t v = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (*s < '0' || *s > '9')
		return false;
	/* Beyond int64 is beyond every array: as far as int64 goes. */
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) ||
		    v > INT64_MAX)
			v = INT64_MAX;
	*out = negative ? -(int64_t)v : (int64_t)v;
	*p = s + strspn(s, " ");
	return true;
}

/* Of "start:stop:step" behind start, on an axis of size n. */
static int index_range(struct index_item *item, int64_t n, const char **p, bool has_start, int64_t start,
		       struct error *err)
{
	int64_t stop = 0, step = 1, count;
	bool has_stop, has_step = false;

	++*p; /* the colon */
	*p += strspn(*p, " ");
	has_stop = scan_int(p, &stop);
	if (**p == ':') {
		++*p;
		*p += strspn(*p, " ");
		has_step = scan_int(p, &step);
	}
	if (has_step && step == 0)
		return error_set(err, ERR_VALUE, "slice step cannot be zero");
	/* CPython's PySlice_AdjustIndices. */
	if (!has_start)
		start = step < 0 ? n - 1 : 0;
	else if (start < 0)
		start = start + n < 0 ? (step < 0 ? -1 : 0) : start + n;
	else if (start >= n)
		start = step < 0 ? n - 1 : n;
	if (!has_stop)
		stop = step < 0 ? -1 : n;
	else if (stop < 0)
		stop = stop + n < 0 ? (step < 0 ? -1 : 0) : stop + n;
	else if (stop >= n)
		stop = step < 0 ? n - 1 : n;
	if (step < 0)
		count = stop < start ? (start - stop - 1) / -(step < -INT64_MAX ? -INT64_MAX : step) + 1 : 0;
	else
		count = start < stop ? (stop - start - 1) / step + 1 : 0;
	*item = (struct index_item){ INDEX_RANGE, start, step, count };
	return 0;
}

static int bad_slice(const char *slices, const char *what, struct error *err)
{
	return error_set(err, ERR_USAGE, "bad slice '%s': %s", slices, what);
}

int index_parse(struct index_item *items, const struct shape *shape, const char *slices, struct error *err)
{
	static const char expected[] = "expected items such as 2, 0:3, ::-1, ..., None";
	const char *p = slices;
	int n = 0, used = 0, axis = 0, left;
	bool ellipsis = false;

	/* How many axes the items use up, so that "..." knows how many it stands for. */
	for (const char *s = slices; *s;) {
		s += strspn(s, " ");
		size_t len = strcspn(s, ",");

		if (!strncmp(s, "...", 3))
			ellipsis = true;
		else if (strncmp(s, "None", 4) && strncmp(s, "newaxis", 7))
			used++;
		s += len + (s[len] == ',');
	}
	left = shape->ndim - used;
	if (left < 0)
		return error_set(err, ERR_VALUE, "too many indices: the array is %d-dimensional, but %d were indexed",
				 shape->ndim, used);
	while (*p) {
		int64_t i = 0;

		while (*p == ' ')
			p++;
		if (n + left >= MAX_INDEX_ITEMS)
			return bad_slice(slices, "too many items", err);
		if (!strncmp(p, "...", 3)) {
			if (!ellipsis)
				return bad_slice(slices, "only one '...'", err);
			ellipsis = false;
			for (; left > 0; left--, axis++)
				items[n++] = (struct index_item){ INDEX_RANGE, 0, 1, shape->dim[axis] };
			p += 3;
		} else if (!strncmp(p, "None", 4) || !strncmp(p, "newaxis", 7)) {
			items[n++] = (struct index_item){ INDEX_NEW, 0, 1, 1 };
			p += *p == 'N' ? 4 : 7;
		} else {
			bool has = scan_int(&p, &i);
			int64_t size = shape->dim[axis];

			if (*p == ':') {
				if (index_range(&items[n++], size, &p, has, i, err))
					return -1;
			} else if (!has) {
				return bad_slice(slices, expected, err);
			} else {
				if (i < -size || i >= size)
					return error_set(err, ERR_VALUE,
							 "index %" PRId64
							 " is out of bounds for axis %d with size %" PRId64,
							 i, axis, size);
				items[n++] = (struct index_item){ INDEX_ONE, i < 0 ? i + size : i, 1, 1 };
			}
			axis++;
		}
		while (*p == ' ')
			p++;
		if (*p && *p++ != ',')
			return bad_slice(slices, expected, err);
	}
	for (; axis < shape->ndim; axis++)
		items[n++] = (struct index_item){ INDEX_RANGE, 0, 1, shape->dim[axis] };
	return n;
}

struct node *node_index(struct graph *g, struct node *x, const char *slices, struct error *err)
{
	struct index_item items[MAX_INDEX_ITEMS + MAX_NDIM];
	int n = index_parse(items, &x->shape, slices, err), axis = 0;

	if (n < 0 || (x->weak && !(x = node_cast(g, x, x->dtype, err))))
		return NULL;
	for (int i = 0; x && i < n; i++) {
		const struct index_item *item = &items[i];

		if (item->kind == INDEX_NEW) {
			x = node_expand_dims(g, x, axis++, err);
			continue;
		}
		if (item->start || item->step != 1 || item->count != x->shape.dim[axis])
			x = node_slice(g, x, axis, item->start, item->step, item->count, err);
		if (item->kind == INDEX_RANGE)
			axis++;
		else if (x)
			x = node_squeeze(g, x, axis, err);
	}
	return x;
}

/* Zeros of n along an axis of x's shape otherwise. */
static struct node *zeros_along(struct node *x, int axis, int64_t n, struct error *err)
{
	static const struct scalar zero = { .kind = SCALAR_INT };
	struct shape shape = x->shape;

	shape.dim[axis] = n;
	return node_full(x->graph, x->dtype, &shape, &zero, err);
}

/* x at start, start + step, ... of n along an axis, zeros elsewhere. */
static struct node *spread(struct node *x, int axis, const struct index_item *item, int64_t n, struct error *err)
{
	struct graph *g = x->graph;
	int64_t start = item->start, step = item->step, count = item->count;
	struct node *part[3];
	int parts = 0;

	if (count == 0)
		return zeros_along(x, axis, n, err);
	if (step < 0) {
		if (!(x = node_slice(g, x, axis, count - 1, -1, count, err)))
			return NULL;
		start += (count - 1) * step;
		step = -step;
	}
	if (step > 1 && count > 1) {
		struct shape merged = x->shape;

		merged.dim[axis] = count * step;
		part[0] = node_expand_dims(g, x, axis + 1, err);
		part[1] = part[0] ? zeros_along(part[0], axis + 1, step - 1, err) : NULL;
		if (!part[1] || !(x = node_concat(g, 2, part, axis + 1, err)) ||
		    !(x = node_reshape(g, x, &merged, err)) ||
		    !(x = node_slice(g, x, axis, 0, 1, (count - 1) * step + 1, err)))
			return NULL;
	}
	if (start && !(part[parts++] = zeros_along(x, axis, start, err)))
		return NULL;
	part[parts++] = x;
	if (start + x->shape.dim[axis] < n &&
	    !(part[parts++] = zeros_along(x, axis, n - start - x->shape.dim[axis], err)))
		return NULL;
	return parts == 1 ? x : node_concat(g, parts, part, axis, err);
}

struct node *node_unindex(struct graph *g, struct node *x, const struct shape *shape, const char *slices,
			  struct error *err)
{
	struct index_item items[MAX_INDEX_ITEMS + MAX_NDIM];
	int n = index_parse(items, shape, slices, err), axis = 0;
	struct shape kept = { 0 };

	if (n < 0)
		return NULL;
	for (int i = 0; i < n; i++)
		if (items[i].kind != INDEX_NEW)
			kept.dim[kept.ndim++] = items[i].count;
	if (!(x = node_reshape(g, x, &kept, err)))
		return NULL;
	for (int i = 0; x && i < n; i++)
		if (items[i].kind != INDEX_NEW) {
			x = spread(x, axis, &items[i], shape->dim[axis], err);
			axis++;
		}
	return x;
}
