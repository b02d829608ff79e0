/* Searching sorted arrays, and arrays as sets: their distinct elements, and which are in another. */
#include "build_sort.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "build_index.h"
#include "engine.h"
#include "sort.h"

/* == searchsorted, digitize, isin: a sorted array as keys, which many elements are looked up in == */

struct search {
	const struct sort_loop *by; /* NULL: complex */
	enum look_up what;
	const void *sorted; /* keys, or complex128 */
	int64_t m, n;
	const void *x;
	size_t size;
	void *out;
};

/* Source: NumPy's order of complex numbers. */
static int complex_class(const double *a)
{
	return a[0] != a[0] ? 2 : a[1] != a[1];
}

static bool complex_less(const double *a, const double *b)
{
	int p = complex_class(a), q = complex_class(b);

	if (p != q)
		return p < q;
	if (p < 2 && a[0] != b[0])
		return a[0] < b[0];
	return p == 1 ? false : a[1] < b[1] || (a[1] == a[1] && b[1] != b[1]);
}

static int64_t complex_search(const double *sorted, int64_t m, const double *x, bool right)
{
	int64_t low = 0, high = m;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;
		const double *a = sorted + 2 * mid;

		if (right ? !complex_less(x, a) : complex_less(a, x))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void search_complex(const struct search *s, int64_t from, int64_t to)
{
	const double *x = s->x, *sorted = s->sorted;

	for (int64_t i = from; i < to; i++) {
		int64_t at = complex_search(sorted, s->m, x + 2 * i, s->what == LOOK_RIGHT);

		if (s->what <= LOOK_RIGHT)
			((int64_t *)s->out)[i] = at;
		else
			((unsigned char *)s->out)[i] =
				(s->what == LOOK_NOT_MEMBER) !=
				(at < s->m && x[2 * i] == sorted[2 * at] && x[2 * i + 1] == sorted[2 * at + 1]);
	}
}

static int search_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct search *s = arg;
	int64_t from = task * INDEX_TASK, to = from + INDEX_TASK < s->n ? from + INDEX_TASK : s->n;
	const char *x = (const char *)s->x + (size_t)from * s->size;

	(void)worker;
	(void)err;
	if (!s->by) {
		search_complex(s, from, to);
	} else if (s->what <= LOOK_RIGHT) {
		s->by->search(s->sorted, s->m, x, to - from, s->what == LOOK_RIGHT, (int64_t *)s->out + from);
	} else {
		s->by->member(s->sorted, s->m, x, to - from, s->what == LOOK_NOT_MEMBER,
			      (unsigned char *)s->out + from);
	}
	return 0;
}

/* in: sorted, elements of the same dtype.  u.block.i: what. */
static int search_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	enum dtype dtype = node->in[0]->dtype;
	struct search s = { .what = (enum look_up)node->u.block.i[0],
			    .sorted = in[0],
			    .m = node->in[0]->size,
			    .n = node->size,
			    .x = in[1],
			    .size = dtype_size(dtype),
			    .out = out };
	size_t nbytes = (size_t)s.m * s.size;
	void *keys = NULL;
	int ret;

	if (!dtype_is_complex(dtype)) {
		s.by = &sort_loops_get()->by[dtype];
		if (!(keys = buffer_alloc(nbytes, err)))
			return -1;
		s.by->keys(in[0], s.m, keys);
		s.sorted = keys;
	}
	ret = parallel((s.n + INDEX_TASK - 1) / INDEX_TASK, index_workers(s.n), search_task, &s, err);
	buffer_free(keys, nbytes);
	return ret;
}

static struct node *search_node(struct call *c, struct node *sorted, struct node *x, enum look_up what,
				struct error *err)
{
	struct node *y, *in[2] = { sorted, x };
	enum dtype dtype;

	if (nodes_result_type(&dtype, 2, in, err))
		return NULL;
	if (dtype_is_complex(dtype))
		dtype = DT_C128;
	if (!(in[0] = node_cast(c->graph, sorted, dtype, err)) || !(in[1] = node_cast(c->graph, x, dtype, err)))
		return NULL;
	/* What is searched for its members need not come sorted. */
	if (what >= LOOK_MEMBER && !(in[0] = sort_last(c, in[0], false, err)))
		return NULL;
	y = node_block(c->graph, BLOCK_SEARCH, search_block, 2, in, what <= LOOK_RIGHT ? DT_I64 : DT_BOOL, &x->shape,
		       err);
	if (y)
		y->u.block.i[0] = what;
	return y;
}

static int need_vector(const struct node *x, const char *what, struct error *err)
{
	char text[NODE_TEXT];

	return x->shape.ndim == 1 ? 0
				  : error_set(err, ERR_VALUE, "%s: %s must have one dimension",
					      node_text(x, text, sizeof(text)), what);
}

int build_searchsorted(struct call *c, struct error *err)
{
	struct node *sorted = index_array(c, c->in[0], false, err), *x = index_array(c, c->in[1], false, err);
	const char *side = attr_get(c, "side")->s;
	struct node *sorter = attr_get(c, "sorter")->node;

	if (!sorted || !x || need_vector(sorted, "the sorted array", err))
		return -1;
	if (!side || (strcmp(side, "left") && strcmp(side, "right")))
		return error_set(err, ERR_USAGE, "side '%s' is neither left nor right", side ? side : "none");
	if (sorter) {
		if (!(sorter = index_operand(c, sorter, err)))
			return -1;
		if (need_vector(sorter, "the sorter", err))
			return -1;
		if (sorter->size != sorted->size)
			return error_set(err, ERR_VALUE,
					 "sorter.size %" PRId64 " must equal the size of the array, %" PRId64,
					 sorter->size, sorted->size);
		if (!(sorted = along_last(c, sorted, sorter, err)))
			return -1;
	}
	return call_result(c, search_node(c, sorted, x, *side == 'r' ? LOOK_RIGHT : LOOK_LEFT, err), NULL, err);
}

int build_isin(struct call *c, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err), *test = index_array(c, c->in[1], false, err);

	if (!x || !test || !(test = node_reshape(c->graph, test, &(struct shape){ 1, { -1 } }, err)))
		return -1;
	return call_result(c, search_node(c, test, x, attr_get(c, "invert")->flag ? LOOK_NOT_MEMBER : LOOK_MEMBER, err),
			   NULL, err);
}

/* == distinct elements == */

/* Which results are wanted beside the values. */
struct wanted {
	bool index, inverse, counts, each_nan;
};

static bool complex_same(const double *a, const double *b, bool each_nan)
{
	if (complex_class(a) || complex_class(b))
		return complex_class(a) && complex_class(b) && !each_nan;
	return a[0] == b[0] && a[1] == b[1];
}

/* first[i]: is x[i] another one than x[i-1], for sorted elements? */
static void boundaries(enum dtype dtype, const void *x, int64_t n, bool each_nan, unsigned char *first)
{
	if (!dtype_is_complex(dtype)) {
		sort_loops_get()->by[dtype].boundaries(x, 0, n, each_nan, first);
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		double a[2] = { 0, 0 }, b[2];
		size_t size = dtype_size(dtype);

		if (i)
			cast_one(DT_C128, a, dtype, (const char *)x + (size_t)(i - 1) * size);
		cast_one(DT_C128, b, dtype, (const char *)x + (size_t)i * size);
		first[i] = i == 0 || !complex_same(a, b, each_nan);
	}
}

/* Columns by way of one row after the other, each in the given order. */
static int distinct_rows(const struct node *x, const char *rows, const int64_t *order, int64_t n, bool each_nan,
			 unsigned char *first, struct error *err)
{
	size_t size = dtype_size(x->dtype), nbytes = (size_t)n * (size + 1);
	char *row = buffer_alloc(nbytes, err);
	unsigned char *differ = (unsigned char *)row + (size_t)n * size;

	if (!row)
		return -1;
	memset(first, 0, (size_t)n);
	first[0] = 1;
	for (int64_t k = 0; k < x->size / n; k++) {
		for (int64_t i = 0; i < n; i++)
			memcpy(row + (size_t)i * size, rows + (size_t)(k * n + order[i]) * size, size);
		boundaries(x->dtype, row, n, each_nan, differ);
		for (int64_t i = 0; i < n; i++)
			first[i] |= differ[i];
	}
	buffer_free(row, nbytes);
	return 0;
}

/* in: n elements, sorted; or rows of n, and the order of the columns.  u.block.i[0]: is each NaN one of its own? */
static int distinct_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	const struct node *x = node->in[0];
	bool each_nan = node->u.block.i[0];

	if (node->nin > 1)
		return node->size ? distinct_rows(x, in[0], in[1], node->size, each_nan, out, err) : 0;
	boundaries(x->dtype, in[0], node->size, each_nan, out);
	return 0;
}

/* What the results are made of: columns in their order, and which of them are the first of those that are equal. */
struct sorted {
	struct node *order; /* NULL: they are sorted, and nothing asks where they were */
	struct mask first;
};

/* rows: (m, n) or (n); where order is NULL, (n), sorted */
static int sorted_init(struct sorted *s, struct call *c, struct node *rows, struct node *order, bool each_nan,
		       struct error *err)
{
	struct node *in[] = { rows, order }, *first;
	int64_t n = rows->shape.dim[rows->shape.ndim - 1];

	s->order = order;
	first = node_block(c->graph, BLOCK_DISTINCT, distinct_block, order ? 2 : 1, in, DT_BOOL,
			   &(struct shape){ 1, { n } }, err);
	if (!first)
		return -1;
	first->u.block.i[0] = each_nan;
	engine_pin(rows);
	if (order)
		engine_pin(order);
	return mask_count(&s->first, c, first, err);
}

static struct node *inverse(struct call *c, const struct sorted *s, const struct shape *shape, struct error *err)
{
	struct node *number = node_scan(c->graph, SCAN_SUM, s->first.mask, 0, DT_I64, err), *one, *y;

	if (!number || !(one = node_int(c->graph, 1, err)) ||
	    !(number = node_map(c->graph, MAP_subtract, (struct node *[]){ number, one }, err)) ||
	    !(y = op_apply(c->graph, "put", 3, (struct node *[]){ s->order, s->order, number }, err)))
		return NULL;
	return node_reshape(c->graph, y, shape, err);
}

/* From each first one to the next. */
static struct node *counts(struct call *c, const struct sorted *s, struct error *err)
{
	int64_t n = s->first.mask->size, k = s->first.count;
	struct scalar all = { .kind = SCALAR_INT, .magnitude = (uint64_t)n, .re = (double)n };
	struct node *pair[2] = { mask_nonzero(&s->first, true, err) }, *at;

	if (!pair[0] || !(pair[0] = node_reshape(c->graph, pair[0], &(struct shape){ 1, { k } }, err)) ||
	    !(pair[1] = node_full(c->graph, DT_I64, &(struct shape){ 1, { 1 } }, &all, err)) ||
	    !(at = node_concat(c->graph, 2, pair, 0, err)) ||
	    !(pair[0] = node_slice(c->graph, at, 0, k > 0, 1, k, err)) ||
	    !(pair[1] = node_slice(c->graph, at, 0, 0, 1, k, err)))
		return NULL;
	return node_map(c->graph, MAP_subtract, pair, err);
}

/* The distinct elements, by their places (index), or as they are; then the other results, 64-bit integers. */
static int results(struct call *c, const struct sorted *s, struct node *values, struct node *index,
		   const struct wanted *w, const struct shape *shape, struct error *err)
{
	bool named = w->index || w->inverse || w->counts;

	if (call_result(c, values, named ? "values" : NULL, err) ||
	    (w->index && call_result(c, index, "indices", err)) ||
	    (w->inverse && call_result(c, inverse(c, s, shape, err), "inverse_indices", err)) ||
	    (w->counts && call_result(c, counts(c, s, err), "counts", err)))
		return -1;
	return 0;
}

static int unique_flat(struct call *c, struct node *x, const struct wanted *w, struct error *err)
{
	bool need_order = w->index || w->inverse || dtype_is_complex(x->dtype);
	struct node *flat = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err), *order = NULL, *y, *index;
	struct sorted s;

	if (!flat)
		return -1;
	if (!need_order) {
		if (!(y = sort_last(c, flat, false, err)) || sorted_init(&s, c, y, NULL, w->each_nan, err))
			return -1;
		return results(c, &s, mask_select(&s.first, y, err), NULL, w, &x->shape, err);
	}
	if (!(order = argsort_last(c, flat, false, err)) || sorted_init(&s, c, flat, order, w->each_nan, err) ||
	    !(index = mask_select(&s.first, order, err)))
		return -1;
	return results(c, &s, index_take(c, flat, 0, index, INDEX_RAISE, err), index, w, &x->shape, err);
}

/* Distinct slices along an axis, in the order of their elements.  As in NumPy, those with a NaN are all distinct. */
static int unique_axis(struct call *c, struct node *x, int axis, const struct wanted *w, struct error *err)
{
	int64_t n = x->shape.dim[axis];
	struct shape rows = { 2, { n ? x->size / n : 0, n } }, vector = { 1, { n } };
	struct node *columns = axis_to_end(c, x, axis, err), *order, *index;
	struct sorted s;

	engine_pin(x);
	if (!columns || !(columns = node_reshape(c->graph, columns, &rows, err)) ||
	    !(order = lexsort_columns(c, columns, err)) || sorted_init(&s, c, columns, order, true, err) ||
	    !(index = mask_select(&s.first, order, err)))
		return -1;
	return results(c, &s, index_take(c, x, axis, index, INDEX_RAISE, err), index, w, &vector, err);
}

static int unique(struct call *c, const struct wanted *w, const struct attr *axis, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err);
	int k;

	if (!x)
		return -1;
	if (axis && !axis->none && axis_normalize(&k, axis->i, x->shape.ndim, err))
		return -1;
	return axis && !axis->none ? unique_axis(c, x, k, w, err) : unique_flat(c, x, w, err);
}

int build_unique(struct call *c, struct error *err)
{
	struct wanted w = { attr_get(c, "index")->flag, attr_get(c, "inverse")->flag, attr_get(c, "counts")->flag,
			    !attr_get(c, "equal_nan")->flag };

	return unique(c, &w, attr_get(c, "axis"), err);
}

/* The array API's: every NaN is distinct. */
int build_unique_values(struct call *c, struct error *err)
{
	return unique(c, &(struct wanted){ .each_nan = true }, NULL, err);
}

int build_unique_counts(struct call *c, struct error *err)
{
	return unique(c, &(struct wanted){ .counts = true, .each_nan = true }, NULL, err);
}

int build_unique_inverse(struct call *c, struct error *err)
{
	return unique(c, &(struct wanted){ .inverse = true, .each_nan = true }, NULL, err);
}

int build_unique_all(struct call *c, struct error *err)
{
	return unique(c, &(struct wanted){ true, true, true, true }, NULL, err);
}
