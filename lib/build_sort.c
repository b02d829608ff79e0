/* Sorting along an axis, and what is a part of it: the order, the largest few, the k-th. */
#include "build_sort.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "build_index.h"
#include "sort.h"

struct node *axis_to_end(struct call *c, struct node *x, int axis, struct error *err)
{
	int order[MAX_NDIM], n = x->shape.ndim;

	if (axis == n - 1)
		return x;
	for (int i = 0; i < n; i++)
		order[i] = i == n - 1 ? axis : i < axis ? i : i + 1;
	return node_permute(c->graph, x, order, err);
}

struct node *axis_from_end(struct call *c, struct node *x, int axis, struct error *err)
{
	int order[MAX_NDIM], n = x->shape.ndim;

	if (axis == n - 1)
		return x;
	for (int i = 0; i < n; i++)
		order[i] = i < axis ? i : i == axis ? n - 1 : i - 1;
	return node_permute(c->graph, x, order, err);
}

struct node *along_last(struct call *c, struct node *x, struct node *index, struct error *err)
{
	return op_apply(c->graph, "take_along_axis", 2, (struct node *[]){ x, index }, err);
}

/* u.block.i[0]: descending */
static int sort_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	int64_t n = node->shape.dim[node->shape.ndim - 1];

	return sort_rows(node->dtype, node->u.block.i[0], in[0], out, n ? node->size / n : 0, n, err);
}

static int argsort_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	int64_t n = node->shape.dim[node->shape.ndim - 1];

	return argsort_rows(node->in[0]->dtype, node->u.block.i[0], in[0], out, n ? node->size / n : 0, n,
			    node->u.block.i[1], err);
}

struct node *argsort_last(struct call *c, struct node *x, bool descending, struct error *err)
{
	struct node *y = node_block(c->graph, BLOCK_ARGSORT, argsort_block, 1, &x, DT_I64, &x->shape, err);

	if (y)
		y->u.block.i[0] = descending;
	return y;
}

struct node *sort_last(struct call *c, struct node *x, bool descending, struct error *err)
{
	struct node *y;

	if (dtype_is_complex(x->dtype)) {
		y = argsort_last(c, x, descending, err);
		return y ? along_last(c, x, y, err) : NULL;
	}
	y = node_block(c->graph, BLOCK_SORT, sort_block, 1, &x, x->dtype, &x->shape, err);
	if (y)
		y->u.block.i[0] = descending;
	return y;
}

/* The operand with attr "axis" (none: flattened) at the end. */
static struct node *sort_operand(struct call *c, int *axis, bool scalar, struct error *err)
{
	const struct attr *a = attr_get(c, "axis");
	struct node *x = index_array(c, c->in[0], scalar, err);

	if (!x)
		return NULL;
	*axis = 0;
	if (a->none)
		return node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err);
	if (axis_normalize(axis, a->i, x->shape.ndim, err))
		return NULL;
	return axis_to_end(c, x, *axis, err);
}

int build_sort(struct call *c, struct error *err)
{
	int axis;
	struct node *x = sort_operand(c, &axis, false, err);

	if (!x || !(x = sort_last(c, x, attr_get(c, "descending")->flag, err)))
		return -1;
	return call_result(c, axis_from_end(c, x, axis, err), NULL, err);
}

int build_msort(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err);
	int axis;

	if (!x || axis_normalize(&axis, 0, x->shape.ndim, err) || !(x = axis_to_end(c, x, 0, err)) ||
	    !(x = sort_last(c, x, false, err)))
		return -1;
	return call_result(c, axis_from_end(c, x, 0, err), NULL, err);
}

int build_argsort(struct call *c, struct error *err)
{
	int axis;
	/* As in NumPy, a single element has an order, too: (1,). */
	struct node *x = sort_operand(c, &axis, true, err);

	if (!x || !(x = argsort_last(c, x, attr_get(c, "descending")->flag, err)))
		return -1;
	return call_result(c, axis_from_end(c, x, axis, err), NULL, err);
}

/* Elements from .. from+count-1 of each row in sorted order, and their places. */
static int ranked(struct call *c, struct node *x, int axis, bool descending, int64_t from, int64_t count, bool squeeze,
		  struct error *err)
{
	struct node *index = argsort_last(c, x, descending, err), *out[2];
	int last = x->shape.ndim - 1;

	if (!index)
		return -1;
	index->u.block.i[1] = from + count;
	if (!(index = node_slice(c->graph, index, last, from, 1, count, err)) ||
	    !(out[0] = along_last(c, x, index, err)))
		return -1;
	out[1] = index;
	for (int i = 0; i < 2; i++) {
		struct node *y =
			squeeze ? node_squeeze(c->graph, out[i], last, err) : axis_from_end(c, out[i], axis, err);

		if (call_result(c, y, i ? "indices" : "values", err))
			return -1;
	}
	return 0;
}

static int rank_check(const struct call *c, int64_t k, int64_t low, int64_t n, struct error *err)
{
	if (k >= low && k <= n)
		return 0;
	return error_set(err, ERR_VALUE, "%s: k %" PRId64 " is out of range for an axis of size %" PRId64, c->name, k,
			 n);
}

int build_topk(struct call *c, struct error *err)
{
	int64_t k = attr_get(c, "k")->i;
	int axis;
	struct node *x = sort_operand(c, &axis, true, err);

	if (!x || rank_check(c, k, 0, x->shape.dim[x->shape.ndim - 1], err))
		return -1;
	return ranked(c, x, axis, attr_get(c, "largest")->flag, 0, k, false, err);
}

int build_kthvalue(struct call *c, struct error *err)
{
	int64_t k = attr_get(c, "k")->i;
	int axis;
	struct node *x = sort_operand(c, &axis, true, err);

	if (!x || rank_check(c, k, 1, x->shape.dim[x->shape.ndim - 1], err))
		return -1;
	return ranked(c, x, axis, false, k - 1, 1, !attr_get(c, "keepdims")->flag, err);
}

/* in: rows of keys of one length, the last the first that counts; u.block.i[0]: the first is. */
static int lexsort_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	bool first = node->u.block.i[0];
	int64_t n = node->size, *order = out;

	for (int64_t i = 0; i < n; i++)
		order[i] = i;
	for (int k = 0; n && k < node->nin; k++) {
		const struct node *keys = node->in[first ? node->nin - 1 - k : k];
		const char *x = in[first ? node->nin - 1 - k : k];
		int64_t rows = keys->size / n;

		for (int64_t i = 0; i < rows; i++)
			if (argsort_next(keys->dtype,
					 x + (size_t)((first ? rows - 1 - i : i) * n) * dtype_size(keys->dtype), order,
					 n, err))
				return -1;
	}
	return 0;
}

struct node *lexsort_columns(struct call *c, struct node *x, struct error *err)
{
	struct node *y = node_block(c->graph, BLOCK_LEXSORT, lexsort_block, 1, &x, DT_I64,
				    &(struct shape){ 1, { x->shape.dim[1] } }, err);

	if (y)
		y->u.block.i[0] = true;
	return y;
}

int build_lexsort(struct call *c, struct error *err)
{
	char a[NODE_TEXT], b[NODE_TEXT];

	for (int i = 0; i < c->nin; i++) {
		if (!(c->in[i] = index_array(c, c->in[i], true, err)))
			return -1;
		if (c->in[i]->shape.ndim != 1 || c->in[i]->size != c->in[0]->size)
			return error_set(err, ERR_VALUE, "%s and %s: the keys must be vectors of one size",
					 node_text(c->in[0], a, sizeof(a)), node_text(c->in[i], b, sizeof(b)));
	}
	return call_result(c,
			   node_block(c->graph, BLOCK_LEXSORT, lexsort_block, c->nin, c->in, DT_I64, &c->in[0]->shape,
				      err),
			   NULL, err);
}
