/* Build functions of the shape and join families, and of composites that are no expression: see ops.def. */
#include "graph_internal.h"
#include "op.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A scalar becomes an array of its default type where strides or a type are asked of it. */
static struct node *strong(struct call *c, int i, struct error *err)
{
	struct node *x = c->in[i];

	return x->weak ? node_cast(c->graph, x, x->dtype, err) : x;
}

static int shape_from(struct shape *s, const struct attr *a, struct error *err)
{
	if (a->n > MAX_NDIM)
		return error_set(err, ERR_VALUE, "%d dimensions; at most %d are supported", a->n, MAX_NDIM);
	s->ndim = a->n;
	memcpy(s->dim, a->list, (size_t)a->n * sizeof(*a->list));
	return 0;
}

/* axis k of the list, normalised against ndim */
static int axis_item(int *out, const struct attr *a, int k, int ndim, struct error *err)
{
	return axis_normalize(out, a->list[k], ndim, err);
}

int build_reshape(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	struct shape s;

	if (!x || shape_from(&s, attr_get(c, "shape"), err))
		return -1;
	return call_result(c, node_reshape(c->graph, x, &s, err), NULL, err);
}

int build_flatten(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	struct shape s = { 0 };
	int first = 0, last = 0;

	if (!x)
		return -1;
	if (x->shape.ndim && (axis_normalize(&first, attr_get(c, "start_dim")->i, x->shape.ndim, err) ||
			      axis_normalize(&last, attr_get(c, "end_dim")->i, x->shape.ndim, err)))
		return -1;
	if (first > last)
		return error_set(err, ERR_VALUE, "start_dim %d is after end_dim %d", first, last);
	if (!x->shape.ndim)
		s.dim[s.ndim++] = 1;
	for (int i = 0; i < x->shape.ndim; i++)
		if (i > first && i <= last)
			s.dim[s.ndim - 1] *= x->shape.dim[i];
		else
			s.dim[s.ndim++] = x->shape.dim[i];
	return call_result(c, node_reshape(c->graph, x, &s, err), NULL, err);
}

int build_squeeze(struct call *c, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis");
	struct node *x = strong(c, 0, err);
	bool drop[MAX_NDIM];
	struct shape s = { 0 };

	if (!x || attr_axes(axis, x->shape.ndim, drop, err))
		return -1;
	for (int i = 0; i < x->shape.ndim; i++) {
		if (drop[i] && x->shape.dim[i] == 1)
			continue;
		if (drop[i] && !axis->none) {
			char text[NODE_TEXT];

			return error_set(err, ERR_VALUE, "%s: cannot squeeze axis %d, its size is not 1",
					 node_text(x, text, sizeof(text)), i);
		}
		s.dim[s.ndim++] = x->shape.dim[i];
	}
	return call_result(c, node_reshape(c->graph, x, &s, err), NULL, err);
}

int build_expand_dims(struct call *c, struct error *err)
{
	const struct attr *axis = attr_get(c, "axis");
	struct node *x = strong(c, 0, err);
	bool added[MAX_NDIM];
	struct shape s = { 0 };
	int k = 0;

	if (!x)
		return -1;
	s.ndim = x->shape.ndim + axis->n;
	if (s.ndim > MAX_NDIM)
		return error_set(err, ERR_VALUE, "%d dimensions; at most %d are supported", s.ndim, MAX_NDIM);
	if (attr_axes(axis, s.ndim, added, err))
		return -1;
	for (int i = 0; i < s.ndim; i++)
		s.dim[i] = added[i] ? 1 : x->shape.dim[k++];
	return call_result(c, node_reshape(c->graph, x, &s, err), NULL, err);
}

static int permute(struct call *c, struct node *x, const int *axes, struct error *err)
{
	return call_result(c, node_permute(c->graph, x, axes, err), NULL, err);
}

static int permutation(int axes[MAX_NDIM], const struct attr *a, int ndim, struct error *err)
{
	bool seen[MAX_NDIM] = { false };

	if (a->n != ndim)
		return error_set(err, ERR_VALUE, "axes don't match the array: %d axes for %d dimension%s", a->n, ndim,
				 ndim == 1 ? "" : "s");
	for (int i = 0; i < ndim; i++) {
		if (axis_item(&axes[i], a, i, ndim, err))
			return -1;
		if (seen[axes[i]])
			return error_set(err, ERR_VALUE, "repeated axis %" PRId64 " in axes", a->list[i]);
		seen[axes[i]] = true;
	}
	return 0;
}

int build_permute_dims(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	int axes[MAX_NDIM];

	if (!x || permutation(axes, attr_get(c, "axes"), x->shape.ndim, err))
		return -1;
	return permute(c, x, axes, err);
}

int build_transpose(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "axes");
	struct node *x = strong(c, 0, err);
	int axes[MAX_NDIM];

	if (!x)
		return -1;
	if (!a->none && permutation(axes, a, x->shape.ndim, err))
		return -1;
	for (int i = 0; a->none && i < x->shape.ndim; i++)
		axes[i] = x->shape.ndim - 1 - i;
	return permute(c, x, axes, err);
}

int build_matrix_transpose(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	int axes[MAX_NDIM], n;

	if (!x)
		return -1;
	n = x->shape.ndim;
	if (n < 2)
		return error_set(err, ERR_VALUE, "matrix_transpose needs at least 2 dimensions, the array has %d", n);
	for (int i = 0; i < n; i++)
		axes[i] = i;
	axes[n - 1] = n - 2;
	axes[n - 2] = n - 1;
	return permute(c, x, axes, err);
}

int build_swapaxes(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "axes");
	struct node *x = strong(c, 0, err);
	int axes[MAX_NDIM], p, q;

	if (!x)
		return -1;
	if (a->n != 2)
		return error_set(err, ERR_USAGE, "swapaxes takes two axes, %d given", a->n);
	if (axis_item(&p, a, 0, x->shape.ndim, err) || axis_item(&q, a, 1, x->shape.ndim, err))
		return -1;
	for (int i = 0; i < x->shape.ndim; i++)
		axes[i] = i == p ? q : i == q ? p : i;
	return permute(c, x, axes, err);
}

int build_moveaxis(struct call *c, struct error *err)
{
	const struct attr *from = attr_get(c, "source"), *to = attr_get(c, "destination");
	struct node *x = strong(c, 0, err);
	int axes[MAX_NDIM], n, k = 0;
	bool moved[MAX_NDIM], taken[MAX_NDIM];

	if (!x)
		return -1;
	n = x->shape.ndim;
	if (from->n != to->n)
		return error_set(err, ERR_VALUE, "source and destination must have the same number of elements");
	if (attr_axes(from, n, moved, err) || attr_axes(to, n, taken, err))
		return -1;
	for (int i = 0; i < n; i++) {
		if (taken[i])
			continue;
		while (moved[k])
			k++;
		axes[i] = k++;
	}
	for (int i = 0; i < from->n; i++) {
		int s = 0, d = 0;

		axis_item(&s, from, i, n, err);
		axis_item(&d, to, i, n, err);
		axes[d] = s;
	}
	return permute(c, x, axes, err);
}

int build_broadcast_to(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	struct shape s;

	if (!x || shape_from(&s, attr_get(c, "shape"), err))
		return -1;
	for (int i = 0; i < s.ndim; i++) {
		int k = i - (s.ndim - x->shape.ndim);

		/* torch.Tensor.expand: -1 keeps the dimension */
		if (s.dim[i] == -1 && k >= 0)
			s.dim[i] = x->shape.dim[k];
		if (s.dim[i] < 0)
			return error_set(err, ERR_VALUE, "negative dimensions are not allowed");
	}
	return call_result(c, node_broadcast(c->graph, x, &s, err), NULL, err);
}

int build_slice_backward(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	struct shape s;

	if (!x || shape_from(&s, attr_get(c, "shape"), err))
		return -1;
	for (int i = 0; i < s.ndim; i++)
		if (s.dim[i] < 0)
			return error_set(err, ERR_VALUE, "negative dimensions are not allowed");
	return call_result(c, node_unindex(c->graph, x, &s, attr_get(c, "slice")->s, err), NULL, err);
}

int build_sum_to_size(struct call *c, struct error *err)
{
	static const struct reduce_param none;
	struct node *x = strong(c, 0, err);
	bool reduced[MAX_NDIM] = { false }, any = false;
	char a[NODE_TEXT], b[SHAPE_TEXT];
	struct shape s;

	if (!x || shape_from(&s, attr_get(c, "shape"), err))
		return -1;
	bool fits = s.ndim <= x->shape.ndim;
	for (int i = 0; fits && i < x->shape.ndim; i++) {
		int k = i - (x->shape.ndim - s.ndim);

		reduced[i] = k < 0 || (s.dim[k] == 1 && x->shape.dim[i] != 1);
		fits = reduced[i] || s.dim[k] == x->shape.dim[i];
		any |= reduced[i];
	}
	if (!fits)
		return error_set(err, ERR_VALUE, "%s is not what broadcasting from %s gives",
				 node_text(x, a, sizeof(a)), shape_text(&s, b, sizeof(b)));
	if (any && !(x = node_reduce(c->graph, REDUCE_sum, x, reduced, true, x->dtype, true, &none, err)))
		return -1;
	return call_result(c, node_reshape(c->graph, x, &s, err), NULL, err);
}

int build_concat(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "axis");
	int axis = 0;

	for (int i = 0; i < c->nin; i++) {
		struct node *x = strong(c, i, err);

		if (x && a->none)
			x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
		if (!x)
			return -1;
		c->in[i] = x;
	}
	if (!a->none && (a->n != 1 || c->in[0]->shape.ndim)) {
		if (a->n != 1)
			return error_set(err, ERR_USAGE, "%s takes one axis", c->name);
		if (axis_item(&axis, a, 0, c->in[0]->shape.ndim, err))
			return -1;
	}
	return call_result(c, node_concat(c->graph, c->nin, c->in, axis, err), NULL, err);
}

int build_stack(struct call *c, struct error *err)
{
	int axis;

	if (axis_normalize(&axis, attr_get(c, "axis")->i, c->in[0]->shape.ndim + 1, err))
		return -1;
	for (int i = 0; i < c->nin; i++) {
		char a[NODE_TEXT], b[NODE_TEXT];

		if (!shape_equal(&c->in[i]->shape, &c->in[0]->shape))
			return error_set(err, ERR_VALUE, "%s and %s: all arrays to stack must have the same shape",
					 node_text(c->in[0], a, sizeof(a)), node_text(c->in[i], b, sizeof(b)));
	}
	for (int i = 0; i < c->nin; i++) {
		struct node *x = strong(c, i, err);

		if (!x || !(c->in[i] = node_expand_dims(c->graph, x, axis, err)))
			return -1;
	}
	return call_result(c, node_concat(c->graph, c->nin, c->in, axis, err), NULL, err);
}

/* hstack and vstack: arrays of too few dimensions get more, then concat along axis (0 for 1-D in hstack). */
static int stack_along(struct call *c, int least, int axis, struct error *err)
{
	for (int i = 0; i < c->nin; i++) {
		struct node *x = strong(c, i, err);

		while (x && x->shape.ndim < least)
			x = node_expand_dims(c->graph, x, 0, err);
		if (!x)
			return -1;
		c->in[i] = x;
	}
	if (c->in[0]->shape.ndim <= axis)
		axis = 0;
	return call_result(c, node_concat(c->graph, c->nin, c->in, axis, err), NULL, err);
}

int build_hstack(struct call *c, struct error *err)
{
	return stack_along(c, 1, 1, err);
}

int build_vstack(struct call *c, struct error *err)
{
	return stack_along(c, 2, 0, err);
}

static int split_piece(struct call *c, struct node *x, int axis, int64_t from, int64_t to, struct error *err)
{
	int64_t n = x->shape.dim[axis];

	from = from < 0 ? (from + n < 0 ? 0 : from + n) : from > n ? n : from;
	to = to < 0 ? (to + n < 0 ? 0 : to + n) : to > n ? n : to;
	return call_result(c, node_slice(c->graph, x, axis, from, 1, to > from ? to - from : 0, err), NULL, err);
}

int build_split(struct call *c, struct error *err)
{
	const struct attr *s = attr_get(c, "sections");
	struct node *x = strong(c, 0, err);
	bool chunk = !strcmp(c->name, "chunk"), uneven = !strcmp(c->name, "array_split");
	int axis;
	int64_t n, count;

	if (!x || axis_normalize(&axis, attr_get(c, "axis")->i, x->shape.ndim, err))
		return -1;
	n = x->shape.dim[axis];
	if (s->s && strpbrk(s->s, ",([")) {
		int64_t from = 0;

		for (int i = 0; i < s->n; i++) {
			if (split_piece(c, x, axis, from, s->list[i], err))
				return -1;
			from = s->list[i];
		}
		return split_piece(c, x, axis, from, n, err);
	}
	count = s->list[0];
	if (count < 1)
		return error_set(err, ERR_VALUE, "the number of sections must be larger than 0");
	if (count > 1 << 20)
		return error_set(err, ERR_VALUE, "%" PRId64 " sections are too many", count);
	if (chunk) {
		/* torch.chunk: pieces of the rounded-up size, perhaps fewer of them. */
		int64_t size = (n + count - 1) / count;

		for (int64_t at = 0; at < n || at == 0; at += size ? size : 1)
			if (split_piece(c, x, axis, at, at + size > n ? n : at + size, err))
				return -1;
		return 0;
	}
	if (n % count && !uneven) {
		char text[NODE_TEXT];

		return error_set(err, ERR_VALUE,
				 "%s: %" PRId64 " sections do not divide axis %d of size %" PRId64
				 " equally (array_split and chunk allow it)",
				 node_text(x, text, sizeof(text)), count, axis, n);
	}
	for (int64_t i = 0, at = 0; i < count; i++) {
		int64_t size = n / count + (i < n % count);

		if (split_piece(c, x, axis, at, at + size, err))
			return -1;
		at += size;
	}
	return 0;
}

int build_unstack(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	int axis;

	if (!x || axis_normalize(&axis, attr_get(c, "axis")->i, x->shape.ndim, err))
		return -1;
	for (int64_t i = 0; i < x->shape.dim[axis]; i++) {
		struct node *y = node_slice(c->graph, x, axis, i, 1, 1, err);

		if (!y || call_result(c, node_squeeze(c->graph, y, axis, err), NULL, err))
			return -1;
	}
	return 0;
}

int build_tile(struct call *c, struct error *err)
{
	const struct attr *r = attr_get(c, "repetitions");
	struct node *x = strong(c, 0, err);
	struct shape split = { 0 }, wide = { 0 }, out = { 0 };
	int n;

	if (!x)
		return -1;
	n = r->n > x->shape.ndim ? r->n : x->shape.ndim;
	if (2 * n > MAX_NDIM)
		return error_set(err, ERR_VALUE, "tile takes at most %d dimensions", MAX_NDIM / 2);
	/* (a, b) -> (1, a, 1, b) -> (r, a, s, b) -> (r * a, s * b) */
	for (int i = 0; i < n; i++) {
		int k = i - (n - x->shape.ndim), j = i - (n - r->n);
		int64_t d = k < 0 ? 1 : x->shape.dim[k], times = j < 0 ? 1 : r->list[j];

		if (times < 0)
			return error_set(err, ERR_VALUE, "negative repetitions are not allowed");
		split.dim[split.ndim++] = 1;
		split.dim[split.ndim++] = d;
		wide.dim[wide.ndim++] = times;
		wide.dim[wide.ndim++] = d;
		if (__builtin_mul_overflow(d, times, &out.dim[out.ndim++]))
			return error_set(err, ERR_VALUE, "the tiled array is too big");
	}
	x = node_reshape(c->graph, x, &split, err);
	if (x)
		x = node_broadcast(c->graph, x, &wide, err);
	return call_result(c, x ? node_reshape(c->graph, x, &out, err) : NULL, NULL, err);
}

int build_repeat(struct call *c, struct error *err)
{
	const struct attr *r = attr_get(c, "repeats"), *a = attr_get(c, "axis");
	struct node *x = strong(c, 0, err), **parts;
	struct shape wide, out;
	int axis = 0, ret = -1;
	int64_t n;

	if (x && a->none)
		x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
	if (!x || (!a->none && (a->n != 1 ? error_set(err, ERR_USAGE, "repeat takes one axis")
					  : axis_item(&axis, a, 0, x->shape.ndim, err))))
		return -1;
	n = x->shape.dim[axis];
	for (int i = 0; i < r->n; i++)
		if (r->list[i] < 0)
			return error_set(err, ERR_VALUE, "repeats may not contain negative values");
	if (r->n != 1 && r->n != n)
		return error_set(err, ERR_VALUE, "repeats has %d values, axis %d has size %" PRId64, r->n, axis, n);
	if (r->n != 1 || n == 0) {
		/* Each element its own number of times. */
		if (n == 0)
			return call_result(c, x, NULL, err);
		if (!(parts = calloc((size_t)n, sizeof(*parts))))
			return error_memory(err, (size_t)n * sizeof(*parts));
		for (int64_t i = 0; i < n; i++) {
			parts[i] = node_slice(c->graph, x, axis, i, 1, 1, err);
			wide = x->shape;
			wide.dim[axis] = r->list[i];
			if (!parts[i] || !(parts[i] = node_broadcast(c->graph, parts[i], &wide, err)))
				goto done;
		}
		ret = call_result(c, node_concat(c->graph, (int)n, parts, axis, err), NULL, err);
done:
		free(parts);
		return ret;
	}
	/* (.., n, ..) -> (.., n, 1, ..) -> (.., n, r, ..) -> (.., n * r, ..) */
	out = x->shape;
	if (__builtin_mul_overflow(n, r->list[0], &out.dim[axis]))
		return error_set(err, ERR_VALUE, "the repeated array is too big");
	x = node_expand_dims(c->graph, x, axis + 1, err);
	if (!x)
		return -1;
	wide = x->shape;
	wide.dim[axis + 1] = r->list[0];
	x = node_broadcast(c->graph, x, &wide, err);
	return call_result(c, x ? node_reshape(c->graph, x, &out, err) : NULL, NULL, err);
}

static struct node *flip(struct graph *g, struct node *x, int axis, struct error *err)
{
	int64_t n = x->shape.dim[axis];

	return node_slice(g, x, axis, n - 1, -1, n, err);
}

int build_flip(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	bool axes[MAX_NDIM];

	if (!x || attr_axes(attr_get(c, "axes"), x->shape.ndim, axes, err))
		return -1;
	for (int i = 0; x && i < x->shape.ndim; i++)
		if (axes[i])
			x = flip(c->graph, x, i, err);
	return call_result(c, x, NULL, err);
}

static struct node *roll(struct graph *g, struct node *x, int axis, int64_t shift, struct error *err)
{
	int64_t n = x->shape.dim[axis];
	struct node *part[2];

	shift = n ? shift % n : 0;
	shift = shift < 0 ? shift + n : shift;
	if (!shift)
		return x;
	part[0] = node_slice(g, x, axis, n - shift, 1, shift, err);
	part[1] = node_slice(g, x, axis, 0, 1, n - shift, err);
	return part[0] && part[1] ? node_concat(g, 2, part, axis, err) : NULL;
}

int build_roll(struct call *c, struct error *err)
{
	const struct attr *s = attr_get(c, "shift"), *a = attr_get(c, "axis");
	struct node *x = strong(c, 0, err);
	struct shape shape;

	if (!x)
		return -1;
	shape = x->shape;
	if (a->none) {
		int64_t total = 0;

		for (int i = 0; i < s->n; i++)
			total += s->list[i];
		x = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
		if (x)
			x = roll(c->graph, x, 0, total, err);
		return call_result(c, x ? node_reshape(c->graph, x, &shape, err) : NULL, NULL, err);
	}
	if (s->n != a->n && s->n != 1 && a->n != 1)
		return error_set(err, ERR_VALUE, "shift has %d values, axis has %d", s->n, a->n);
	for (int i = 0; x && i < (s->n > a->n ? s->n : a->n); i++) {
		int axis;

		if (axis_item(&axis, a, a->n == 1 ? 0 : i, shape.ndim, err))
			return -1;
		x = roll(c->graph, x, axis, s->list[s->n == 1 ? 0 : i], err);
	}
	return call_result(c, x, NULL, err);
}

int build_rot90(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "axes");
	struct node *x = strong(c, 0, err);
	int64_t k = ((attr_get(c, "k")->i % 4) + 4) % 4;
	int axes[MAX_NDIM], p, q;

	if (!x)
		return -1;
	if (a->n != 2)
		return error_set(err, ERR_USAGE, "rot90 takes two axes, %d given", a->n);
	if (axis_item(&p, a, 0, x->shape.ndim, err) || axis_item(&q, a, 1, x->shape.ndim, err))
		return -1;
	if (p == q)
		return error_set(err, ERR_VALUE, "rot90 needs two different axes");
	for (int i = 0; i < x->shape.ndim; i++)
		axes[i] = i == p ? q : i == q ? p : i;
	/* numpy.rot90: 1 is flip q, then swap; 3 is swap, then flip q. */
	if (k == 2) {
		x = flip(c->graph, x, p, err);
		if (x)
			x = flip(c->graph, x, q, err);
	} else if (k == 1) {
		x = flip(c->graph, x, q, err);
		if (x)
			x = node_permute(c->graph, x, axes, err);
	} else if (k == 3) {
		x = node_permute(c->graph, x, axes, err);
		if (x)
			x = flip(c->graph, x, q, err);
	}
	return call_result(c, x, NULL, err);
}

/* n elements of padding before (or after) x along axis, taken from x itself; for modes but constant, n <= what the mode can give. */
static struct node *pad_part(struct graph *g, struct node *x, int axis, int64_t n, bool before, const char *mode,
			     struct error *err)
{
	int64_t size = x->shape.dim[axis];
	struct shape wide = x->shape;

	wide.dim[axis] = n;
	if (!strcmp(mode, "edge")) {
		x = node_slice(g, x, axis, before ? 0 : size - 1, 1, 1, err);
		return x ? node_broadcast(g, x, &wide, err) : NULL;
	}
	if (!strcmp(mode, "wrap"))
		return node_slice(g, x, axis, before ? size - n : 0, 1, n, err);
	if (!strcmp(mode, "reflect"))
		return node_slice(g, x, axis, before ? n : size - 2, -1, n, err);
	return node_slice(g, x, axis, before ? n - 1 : size - 1, -1, n, err); /* symmetric */
}

static struct node *pad_axis(struct graph *g, struct node *x, int axis, int64_t before, int64_t after, const char *mode,
			     struct node *value, struct error *err)
{
	struct node *part[3];
	int n = 0;

	if (!strcmp(mode, "constant")) {
		struct shape s = x->shape;
		struct node *fill = node_cast(g, value, x->dtype, err);

		s.dim[axis] = before;
		if (!fill || (before && !(part[n++] = node_broadcast(g, fill, &s, err))))
			return NULL;
		part[n++] = x;
		s.dim[axis] = after;
		if (after && !(part[n++] = node_broadcast(g, fill, &s, err)))
			return NULL;
		return node_concat(g, n, part, axis, err);
	}
	/* What does not fit in one go is added in several, as NumPy does: each step pads the array made so far. */
	while (before || after) {
		int64_t size = x->shape.dim[axis], most = !strcmp(mode, "reflect") ? size - 1
							  : !strcmp(mode, "edge")  ? INT64_MAX
										   : size;
		int64_t b = before < most ? before : most, a = after < most ? after : most;

		if (size < 1) {
			error_set(err, ERR_VALUE, "cannot pad the empty axis %d with mode '%s'", axis, mode);
			return NULL;
		}
		if (most < 1) {
			/* One element reflects into itself. */
			most = INT64_MAX;
			b = before;
			a = after;
			mode = "edge";
		}
		n = 0;
		if (b && !(part[n++] = pad_part(g, x, axis, b, true, mode, err)))
			return NULL;
		part[n++] = x;
		if (a && !(part[n++] = pad_part(g, x, axis, a, false, mode, err)))
			return NULL;
		x = node_concat(g, n, part, axis, err);
		if (!x)
			return NULL;
		before -= b;
		after -= a;
	}
	return x;
}

int build_pad(struct call *c, struct error *err)
{
	const struct attr *p = attr_get(c, "pad"), *m = attr_get(c, "mode");
	struct node *x = strong(c, 0, err), *value = attr_get(c, "value")->node;
	const char *mode = m->s;

	if (!x)
		return -1;
	if (!strcmp(mode, "replicate"))
		mode = "edge";
	if (!strcmp(mode, "circular"))
		mode = "wrap";
	if (strcmp(mode, "constant") && strcmp(mode, "edge") && strcmp(mode, "reflect") && strcmp(mode, "wrap") &&
	    strcmp(mode, "symmetric"))
		return error_set(err, ERR_USAGE, "unknown mode '%s': one of constant, edge, reflect, symmetric, wrap",
				 m->s);
	if (p->n != 1 && p->n != 2 && p->n != 2 * x->shape.ndim)
		return error_set(err, ERR_VALUE, "pad has %d values: it takes 1, 2, or 2 for each of the %d axes", p->n,
				 x->shape.ndim);
	for (int i = 0; i < p->n; i++)
		if (p->list[i] < 0)
			return error_set(err, ERR_VALUE, "pad cannot be negative");
	for (int i = 0; x && i < x->shape.ndim; i++) {
		int64_t before = p->list[p->n == 2 * x->shape.ndim ? 2 * i : 0];
		int64_t after = p->list[p->n == 2 * x->shape.ndim ? 2 * i + 1 : p->n - 1];

		if (before || after)
			x = pad_axis(c->graph, x, i, before, after, mode, value, err);
	}
	return call_result(c, x, NULL, err);
}

int build_slice(struct call *c, struct error *err)
{
	return call_result(c, node_index(c->graph, c->in[0], attr_get(c, "slice")->s, err), NULL, err);
}

int build_diagonal(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	int p, q;

	if (!x)
		return -1;
	if (x->shape.ndim < 2)
		return error_set(err, ERR_VALUE, "diagonal needs at least 2 dimensions, the array has %d",
				 x->shape.ndim);
	if (axis_normalize(&p, attr_get(c, "axis1")->i, x->shape.ndim, err) ||
	    axis_normalize(&q, attr_get(c, "axis2")->i, x->shape.ndim, err))
		return -1;
	if (p == q)
		return error_set(err, ERR_VALUE, "axis1 and axis2 cannot be the same axis");
	return call_result(c, node_diagonal(c->graph, x, p, q, attr_get(c, "k")->i, err), NULL, err);
}

/* row + k compared with column, for the last two axes of s: the masks of eye, tril, triu. */
static struct node *index_mask(struct graph *g, const struct shape *s, int64_t k, enum map_id compare,
			       struct error *err)
{
	struct node *row = node_iota(g, s, s->ndim - 2, err), *col = node_iota(g, s, s->ndim - 1, err),
		    *shift = node_int(g, k, err);

	if (!row || !col || !shift)
		return NULL;
	row = node_map(g, MAP_add, (struct node *[]){ row, shift }, err);
	return row ? node_map(g, compare, (struct node *[]){ row, col }, err) : NULL;
}

/* x where the mask holds, else 0 */
static struct node *masked(struct graph *g, struct node *mask, struct node *x, struct error *err)
{
	struct node *zero = node_full(g, x->dtype, &(struct shape){ 0 }, &(struct scalar){ .kind = SCALAR_INT }, err);

	return mask && zero ? node_map(g, MAP_where, (struct node *[]){ mask, x, zero }, err) : NULL;
}

static int triangle(struct call *c, enum map_id compare, struct error *err)
{
	struct node *x = strong(c, 0, err);

	if (!x)
		return -1;
	if (x->shape.ndim == 1) {
		/* numpy.tril of a vector: of the square matrix with it in every row */
		struct shape s = { 2, { x->shape.dim[0], x->shape.dim[0] } };

		x = node_broadcast(c->graph, x, &s, err);
		if (!x)
			return -1;
	}
	if (x->shape.ndim < 2)
		return error_set(err, ERR_VALUE, "%s needs at least 1 dimension", c->name);
	return call_result(c,
			   masked(c->graph, index_mask(c->graph, &x->shape, attr_get(c, "k")->i, compare, err), x, err),
			   NULL, err);
}

int build_tril(struct call *c, struct error *err)
{
	return triangle(c, MAP_greater_equal, err);
}

int build_triu(struct call *c, struct error *err)
{
	return triangle(c, MAP_less_equal, err);
}

int build_diag(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);
	int64_t k = attr_get(c, "k")->i, n;
	struct shape s = { 2, { 0 } };
	struct node *pad[3];
	int parts = 0;

	if (!x)
		return -1;
	if (x->shape.ndim == 2)
		return call_result(c, node_diagonal(c->graph, x, 0, 1, k, err), NULL, err);
	if (x->shape.ndim != 1)
		return error_set(err, ERR_VALUE, "diag takes 1 or 2 dimensions, the array has %d", x->shape.ndim);
	/* The vector along the rows, shifted down by -k, masked where row + k == column. */
	n = x->shape.dim[0];
	if (k > INT32_MAX || k < -INT32_MAX)
		return error_set(err, ERR_VALUE, "a matrix with the diagonal %" PRId64 " is too big", k);
	s.dim[0] = s.dim[1] = n + (k < 0 ? -k : k);
	if (k > 0 || k < 0) {
		struct scalar zero = { .kind = SCALAR_INT };
		struct node *fill = node_full(c->graph, x->dtype, &(struct shape){ 1, { k < 0 ? -k : k } }, &zero, err);

		if (!fill)
			return -1;
		if (k > 0)
			pad[parts++] = fill;
		pad[parts++] = x;
		if (k < 0)
			pad[parts++] = fill;
		x = node_concat(c->graph, parts, pad, 0, err);
		if (!x)
			return -1;
	}
	x = node_broadcast(c->graph, x, &s, err);
	return call_result(c, x ? masked(c->graph, index_mask(c->graph, &s, k, MAP_equal, err), x, err) : NULL, NULL,
			   err);
}

int build_eye(struct call *c, struct error *err)
{
	const struct attr *m = attr_get(c, "m"), *d = attr_get(c, "dtype");
	int64_t n = attr_get(c, "n")->i;
	struct shape s = { 2, { n, m->none ? n : m->i } };
	enum dtype dtype = d->none ? c->default_float : d->dtype;
	struct node *x;

	if (s.dim[0] < 0 || s.dim[1] < 0)
		return error_set(err, ERR_VALUE, "negative dimensions are not allowed");
	x = index_mask(c->graph, &s, attr_get(c, "k")->i, MAP_equal, err);
	return call_result(c, x ? node_cast(c->graph, x, dtype, err) : NULL, NULL, err);
}

int build_astype(struct call *c, struct error *err)
{
	return call_result(c, node_cast(c->graph, c->in[0], attr_get(c, "dtype")->dtype, err), NULL, err);
}

/* A trace needs a node of its own: a tensor with a history of its own, or, detached, without one. */
int build_clone(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);

	if (x && c->graph->tracing)
		x = graph_add(c->graph, NODE_RESHAPE, x->dtype, &x->shape, 1, &x, err);
	return call_result(c, x, NULL, err);
}

int build_detach(struct call *c, struct error *err)
{
	return build_clone(c, err);
}

/* v with x's dtype and shape: what x.copy_(v), x.fill_(v) write. */
static int overwrite(struct call *c, struct node *v, struct error *err)
{
	struct node *x = strong(c, 0, err);
	char a[NODE_TEXT], b[NODE_TEXT];

	if (!x)
		return -1;
	if (!v->weak && !dtype_can_cast(v->dtype, x->dtype, CASTING_SAME_KIND))
		return error_set(err, ERR_VALUE,
				 "%s %s cannot be cast to %s %s under the rule same_kind; use astype first",
				 node_text(v, a, sizeof(a)), dtype_name(v->dtype), node_text(x, b, sizeof(b)),
				 dtype_name(x->dtype));
	v = node_cast(c->graph, v, x->dtype, err);
	return call_result(c, v ? node_broadcast(c->graph, v, &x->shape, err) : NULL, NULL, err);
}

int build_copyto(struct call *c, struct error *err)
{
	return overwrite(c, c->in[1], err);
}

int build_fill(struct call *c, struct error *err)
{
	return overwrite(c, attr_get(c, "value")->node, err);
}

int build_zero(struct call *c, struct error *err)
{
	struct node *zero = node_int(c->graph, 0, err);

	return zero ? overwrite(c, zero, err) : -1;
}

int build_clip(struct call *c, struct error *err)
{
	struct node *x = c->in[0], *low = attr_get(c, "min")->node, *high = attr_get(c, "max")->node;

	if (!low && !high)
		return error_set(err, ERR_USAGE, "%s needs --min, --max or both", c->name);
	if (low)
		x = node_map(c->graph, MAP_maximum, (struct node *[]){ x, low }, err);
	if (x && high)
		x = node_map(c->graph, MAP_minimum, (struct node *[]){ x, high }, err);
	return call_result(c, x, NULL, err);
}

int build_gelu(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "approximate");
	const char *how = a->none ? "none" : a->s;

	if (strcmp(how, "none") && strcmp(how, "tanh"))
		return error_set(err, ERR_USAGE, "approximate '%s' is neither none nor tanh", how);
	return call_result(c, node_map(c->graph, *how == 't' ? MAP_gelu_tanh : MAP_gelu_erf, c->in, err), NULL, err);
}

int build_round(struct call *c, struct error *err)
{
	int64_t decimals = attr_get(c, "decimals")->i;
	struct node *x = c->in[0], *scale;

	if (dtype_is_int(x->dtype) && decimals >= 0)
		return call_result(c, strong(c, 0, err), NULL, err);
	if (decimals == 0)
		return call_result(c, node_map(c->graph, MAP_rint, c->in, err), NULL, err);
	if (decimals > 300 || decimals < -300)
		return error_set(err, ERR_VALUE, "decimals %" PRId64 " is out of range", decimals);
	/* numpy.round: scale, round, scale back */
	scale = node_float(c->graph, 1, err);
	if (!scale)
		return -1;
	for (int64_t i = decimals < 0 ? -decimals : decimals; i; i--)
		scale->scalar.re *= 10;
	if (dtype_is_int(x->dtype)) {
		/* whole tens, by way of float64 as NumPy */
		enum dtype d = x->dtype;

		x = node_cast(c->graph, x, DT_F64, err);
		x = x ? node_map(c->graph, MAP_divide, (struct node *[]){ x, scale }, err) : NULL;
		x = x ? node_map(c->graph, MAP_rint, &x, err) : NULL;
		x = x ? node_map(c->graph, MAP_multiply, (struct node *[]){ x, scale }, err) : NULL;
		return call_result(c, x ? node_cast(c->graph, x, d, err) : NULL, NULL, err);
	}
	x = node_map(c->graph, decimals > 0 ? MAP_multiply : MAP_divide, (struct node *[]){ x, scale }, err);
	x = x ? node_map(c->graph, MAP_rint, &x, err) : NULL;
	x = x ? node_map(c->graph, decimals > 0 ? MAP_divide : MAP_multiply, (struct node *[]){ x, scale }, err) : NULL;
	return call_result(c, x, NULL, err);
}

/* The largest finite number of a float type. */
static double largest(enum dtype d)
{
	return d == DT_F64 ? DBL_MAX : d == DT_F16 ? 65504 : d == DT_BF16 ? 0x1.fep127 : FLT_MAX;
}

/* The floats x with nan and the infinities replaced. */
static struct node *finite_floats(struct call *c, struct node *x, struct error *err)
{
	struct node *nan = attr_get(c, "nan")->node, *test = node_map(c->graph, MAP_isnan, &x, err), *y;
	const char *names[] = { "posinf", "neginf" };

	y = test ? node_map(c->graph, MAP_where, (struct node *[]){ test, nan, x }, err) : NULL;
	for (int i = 0; y && i < 2; i++) {
		struct node *limit = attr_get(c, names[i])->node,
			    *inf = node_float(c->graph, i ? -INFINITY : INFINITY, err);

		if (!limit)
			limit = node_float(c->graph, i ? -largest(x->dtype) : largest(x->dtype), err);
		test = limit && inf ? node_map(c->graph, MAP_equal, (struct node *[]){ x, inf }, err) : NULL;
		y = test ? node_map(c->graph, MAP_where, (struct node *[]){ test, limit, y }, err) : NULL;
	}
	return y;
}

/*
 * Each part for itself.  re - |im| * -1j has re and |im| with the signs of their zeros, which a sum would lose; its conjugate
 * is taken where im is negative.  Infinite replacements would make nan of the other part.
 */
static struct node *finite_complex(struct call *c, struct node *x, struct error *err)
{
	static const struct scalar down = { .kind = SCALAR_COMPLEX, .im = -1 };
	struct graph *g = c->graph;
	struct node *re = node_map(g, MAP_real, &x, err), *im = re ? node_map(g, MAP_imag, &x, err) : NULL, *size,
		    *turn, *up, *negative;

	for (int k = 0; k < c->nattrs; k++)
		if (c->attrs[k].node && c->attrs[k].node->weak && !isfinite(c->attrs[k].node->scalar.re)) {
			error_set(err, ERR_VALUE, "nan_to_num of %s takes finite replacements", dtype_name(x->dtype));
			return NULL;
		}
	if (!im || !(re = finite_floats(c, re, err)) || !(im = finite_floats(c, im, err)) ||
	    !(negative = node_map(g, MAP_signbit, &im, err)) || !(size = node_map(g, MAP_abs, &im, err)) ||
	    !(turn = node_scalar(g, &down, NULL, err)) ||
	    !(size = node_map(g, MAP_multiply, (struct node *[]){ size, turn }, err)) ||
	    !(up = node_map(g, MAP_subtract, (struct node *[]){ re, size }, err)) ||
	    !(turn = node_map(g, MAP_conj, &up, err)))
		return NULL;
	return node_map(g, MAP_where, (struct node *[]){ negative, turn, up }, err);
}

int build_nan_to_num(struct call *c, struct error *err)
{
	struct node *x = strong(c, 0, err);

	if (!x)
		return -1;
	if (x->dtype == DT_BOOL || dtype_is_int(x->dtype))
		return call_result(c, x, NULL, err);
	return call_result(c, dtype_is_complex(x->dtype) ? finite_complex(c, x, err) : finite_floats(c, x, err), NULL,
			   err);
}
