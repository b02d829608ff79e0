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

/* Elements or rows in sorted order, and where each of them came from. */
struct sorted {
	const unsigned char *x; /* in sorted order, or NULL: rows of all at order[i] */
	const unsigned char *all;
	size_t size;		    /* bytes of one */
	const int64_t *order;	    /* NULL where nothing needs it */
	const unsigned char *first; /* the first of those that are equal? */
	int64_t n, distinct;
};

static void *distinct_values(const struct sorted *s, struct error *err)
{
	unsigned char *out = buffer_alloc((size_t)s->distinct * s->size, err), *to = out;

	for (int64_t i = 0; out && i < s->n; i++)
		if (s->first[i]) {
			memcpy(to, s->x ? s->x + (size_t)i * s->size : s->all + (size_t)s->order[i] * s->size, s->size);
			to += s->size;
		}
	return out;
}

static int int_result(struct call *c, int64_t *elements, const struct shape *shape, const char *name, struct error *err)
{
	return elements ? call_result(c, node_memory(c->graph, DT_I64, shape, elements, err), name, err) : -1;
}

/* All results but the values: 64-bit integers. */
static int distinct_results(struct call *c, const struct sorted *s, const struct wanted *w, const struct shape *shape,
			    struct error *err)
{
	const struct shape vector = { 1, { s->distinct } };
	size_t nbytes = (size_t)s->distinct * sizeof(int64_t);

	if (w->index) {
		int64_t *out = buffer_alloc(nbytes, err);

		for (int64_t i = 0, k = 0; out && i < s->n; i++)
			if (s->first[i])
				out[k++] = s->order[i];
		if (int_result(c, out, &vector, "indices", err))
			return -1;
	}
	if (w->inverse) {
		int64_t *out = buffer_alloc((size_t)s->n * sizeof(*out), err);

		for (int64_t i = 0, k = -1; out && i < s->n; i++)
			out[s->order[i]] = k += s->first[i];
		if (int_result(c, out, shape, "inverse_indices", err))
			return -1;
	}
	if (w->counts) {
		int64_t *out = buffer_alloc(nbytes, err);

		for (int64_t i = 0, k = -1; out && i < s->n; i++) {
			if (s->first[i])
				out[++k] = 0;
			out[k]++;
		}
		if (int_result(c, out, &vector, "counts", err))
			return -1;
	}
	return 0;
}

static int64_t count_first(const unsigned char *first, int64_t n)
{
	int64_t k = 0;

	for (int64_t i = 0; i < n; i++)
		k += first[i];
	return k;
}

static bool complex_same(const double *a, const double *b, bool each_nan)
{
	if (complex_class(a) || complex_class(b))
		return complex_class(a) && complex_class(b) && !each_nan;
	return a[0] == b[0] && a[1] == b[1];
}

/* first[i] for sorted elements */
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

static int unique_flat(struct call *c, struct node *x, const struct wanted *w, struct error *err)
{
	bool need_order = w->index || w->inverse || dtype_is_complex(x->dtype);
	struct node *flat = node_reshape(c->graph, x, &(struct shape){ 1, { -1 } }, err), *order = NULL, *y;
	struct sorted s = { .size = dtype_size(x->dtype), .n = x->size };
	unsigned char *first;
	int ret = -1;

	if (!flat || (need_order && !(order = argsort_last(c, flat, false, err))))
		return -1;
	y = order ? along_last(c, flat, order, err) : sort_last(c, flat, false, err);
	if (!y || engine_keep(order ? 3 : 1, order ? (struct node *[]){ flat, order, y } : &y, err))
		return -1;
	first = buffer_alloc((size_t)s.n, err);
	if (!first)
		return -1;
	boundaries(x->dtype, node_data(y), s.n, w->each_nan, first);
	s.x = node_data(y);
	s.order = order ? node_data(order) : NULL;
	s.first = first;
	s.distinct = count_first(first, s.n);

	void *values = distinct_values(&s, err);

	if (values &&
	    !call_result(c, node_memory(c->graph, x->dtype, &(struct shape){ 1, { s.distinct } }, values, err),
			 w->index || w->inverse || w->counts ? "values" : NULL, err))
		ret = distinct_results(c, &s, w, &x->shape, err);
	buffer_free(first, (size_t)s.n);
	return ret;
}

/* The order of rows by their columns, and which differ from the one before. */
static int sort_by_columns(enum dtype dtype, const char *columns, int64_t n, int64_t m, int64_t *order,
			   unsigned char *first, struct error *err)
{
	size_t size = dtype_size(dtype), nbytes = (size_t)n * (size + 1);
	char *column = buffer_alloc(nbytes, err);
	unsigned char *differ = (unsigned char *)column + (size_t)n * size;
	int ret = -1;

	if (!column)
		return -1;
	for (int64_t i = 0; i < n; i++)
		order[i] = i;
	for (int64_t k = m; k-- > 0;)
		if (argsort_next(dtype, columns + (size_t)(k * n) * size, order, n, err))
			goto done;
	memset(first, 0, (size_t)n);
	for (int64_t k = 0; k < m; k++) {
		for (int64_t i = 0; i < n; i++)
			memcpy(column + (size_t)i * size, columns + (size_t)(k * n + order[i]) * size, size);
		boundaries(dtype, column, n, true, differ);
		for (int64_t i = 0; i < n; i++)
			first[i] |= differ[i];
	}
	if (n)
		first[0] = 1;
	ret = 0;
done:
	buffer_free(column, nbytes);
	return ret;
}

/* Distinct slices along an axis, in the order of their elements.  As in NumPy, those with a NaN are all distinct. */
static int unique_axis(struct call *c, struct node *x, int axis, const struct wanted *w, struct error *err)
{
	int64_t n = x->shape.dim[axis], m = 1;
	struct node *columns = axis_to_end(c, x, axis, err), *rows = NULL, *y;
	struct shape shape;
	struct sorted s = { .n = n };
	unsigned char *first = NULL;
	int64_t *order = NULL;
	int ret = -1;

	if (!columns)
		return -1;
	shape = columns->shape;
	for (int i = 0; i < shape.ndim - 1; i++)
		m *= shape.dim[i];
	if (!(rows = node_reshape(c->graph, columns, &(struct shape){ 2, { m, n } }, err)) ||
	    !(rows = node_permute(c->graph, rows, (int[]){ 1, 0 }, err)) ||
	    engine_keep(2, (struct node *[]){ columns, rows }, err))
		return -1;
	if (!(order = buffer_alloc((size_t)n * sizeof(*order), err)) || !(first = buffer_alloc((size_t)n, err)) ||
	    sort_by_columns(x->dtype, node_data(columns), n, m, order, first, err))
		goto done;
	s.all = node_data(rows);
	s.size = (size_t)m * dtype_size(x->dtype);
	s.order = order;
	s.first = first;
	s.distinct = count_first(first, n);

	void *values = distinct_values(&s, err);

	if (!values || !(y = node_memory(c->graph, x->dtype, &(struct shape){ 2, { s.distinct, m } }, values, err)) ||
	    !(y = node_permute(c->graph, y, (int[]){ 1, 0 }, err)))
		goto done;
	shape.dim[shape.ndim - 1] = s.distinct;
	if (!(y = node_reshape(c->graph, y, &shape, err)) || !(y = axis_from_end(c, y, axis, err)) ||
	    call_result(c, y, w->index || w->inverse || w->counts ? "values" : NULL, err))
		goto done;
	ret = distinct_results(c, &s, w, &(struct shape){ 1, { n } }, err);
done:
	buffer_free(order, (size_t)n * sizeof(*order));
	buffer_free(first, (size_t)n);
	return ret;
}

static int unique(struct call *c, const struct wanted *w, const struct attr *axis, struct error *err)
{
	struct node *x = index_array(c, c->in[0], false, err);
	int k;

	if (!x)
		return -1;
	if (axis && !axis->none && axis_normalize(&k, axis->i, x->shape.ndim, err))
		return -1;
	if (c->dry)
		return error_set(err, ERR_VALUE, "%s: the shape of the result depends on the values", c->name);
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
