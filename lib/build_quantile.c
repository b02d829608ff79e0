/* Medians and quantiles over axes: reductions that need all elements of a sample at once. */
#include "engine.h"
#include "op.h"
#include "quantile_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_Q = 1 << 16 };

struct stat_run {
	const struct order_statistic *s;
	const unsigned char *x;
	enum dtype dtype;
	double *out;
	int64_t *iout; /* for 64-bit integers, exactly */
	const double *rank;
	int64_t rows, step; /* rows a task */
	double **scratch;   /* one a worker: n elements, then nq results */
};

enum { PIECE = 4096 }; /* elements converted at once */

/* The row as float64.  Loops want aligned blocks, which rows are not. */
static void load_row(const struct stat_run *t, int64_t row, double *x)
{
	size_t size = dtype_size(t->dtype);
	const unsigned char *from = t->x + (size_t)(row * t->s->n) * size;
	_Alignas(64) unsigned char block[(PIECE + LOOP_PAD) * 8];

	if (t->dtype == DT_F64) {
		memcpy(x, from, (size_t)t->s->n * size);
		return;
	}
	for (int64_t i = 0; i < t->s->n; i += PIECE) {
		int64_t n = t->s->n - i < PIECE ? t->s->n - i : PIECE;

		memcpy(block, from + (size_t)i * size, (size_t)n * size);
		kernels_get()->cast[t->dtype][DT_F64](n, x + i, block);
	}
}

static int64_t drop_nan(double *x, int64_t n)
{
	int64_t k = 0;

	for (int64_t i = 0; i < n; i++) {
		x[k] = x[i];
		k += x[i] == x[i];
	}
	return k;
}

static void stat_row(const struct stat_run *t, int64_t row, double *x)
{
	const struct order_statistic *s = t->s;
	double *result = x + s->n;
	int64_t n = s->n;

	load_row(t, row, x);
	if (s->skip_nan)
		n = drop_nan(x, n);
	if (s->median)
		result[0] = median_run(x, n);
	else if (n > 0)
		quantile_run(x, n, s->q, s->nq, s->method, s->type, s->rest, result);
	else
		for (int k = 0; k < s->nq; k++)
			result[k] = NAN;
	for (int k = 0; k < s->nq; k++)
		t->out[k * t->rows + row] = result[k];
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/*
 * 64-bit integers by rank, of which float64 holds but the upper bits: it tells which elements come before the wanted one
 * for certain, and which few are the same to it.
 */
static void integer_row(const struct stat_run *t, int64_t row, double *scratch)
{
	const struct order_statistic *s = t->s;
	const int64_t *x = (const int64_t *)(const void *)t->x + row * s->n;
	double *result = scratch + s->n;
	int64_t *same = (int64_t *)(void *)scratch;
	bool sign = t->dtype == DT_I64;

	load_row(t, row, scratch);
	quantile_run(scratch, s->n, s->q, s->nq, s->method, DT_F64, DT_F64, result);
	for (int k = 0; k < s->nq; k++) {
		int64_t before = 0, nsame = 0;

		for (int64_t i = 0; i < s->n; i++) {
			double v = sign ? (double)x[i] : (double)(uint64_t)x[i];

			before += v < result[k];
			same[nsame] = x[i];
			nsame += v == result[k];
		}
		qsort(same, (size_t)nsame, sizeof(*same), sign ? compare_i64 : compare_u64);
		t->iout[k * t->rows + row] = same[(int64_t)t->rank[k] - before];
	}
}

static int stat_task(void *arg, int64_t task, int worker, struct error *err)
{
	const struct stat_run *t = arg;
	int64_t end = (task + 1) * t->step < t->rows ? (task + 1) * t->step : t->rows;

	(void)err;
	for (int64_t row = task * t->step; row < end; row++)
		if (t->iout)
			integer_row(t, row, t->scratch[worker]);
		else
			stat_row(t, row, t->scratch[worker]);
	return 0;
}

/* Position in the sorted row that each q selects: the quantiles of 0, 1, ... n-1. */
static void ranks(const struct order_statistic *s, double *x, double *rank)
{
	for (int64_t i = 0; i < s->n; i++)
		x[i] = (double)i;
	quantile_run(x, s->n, s->q, s->nq, s->method, DT_F64, DT_F64, rank);
}

static int stat_block(const struct node *node, const void *const in[], void *out, struct error *err)
{
	enum { PARALLEL_FROM = 1 << 15 }; /* elements; each costs some ten times a sum's */
	const struct order_statistic *s = node->u.block.data;
	struct stat_run t = { .s = s, .x = in[0], .dtype = node->in[0]->dtype, .out = out };
	size_t nbytes;
	int workers, ret = -1;

	if (!node->size)
		return 0;
	t.rows = node->size / s->nq;
	t.step = s->n >= PARALLEL_FROM ? 1 : PARALLEL_FROM / (s->n + 1) + 1;
	workers = t.rows <= t.step ? 1 : engine_threads();
	if (workers > (t.rows + t.step - 1) / t.step)
		workers = (int)((t.rows + t.step - 1) / t.step);
	nbytes = ((size_t)s->n + (size_t)s->nq) * sizeof(double);
	t.scratch = calloc((size_t)workers, sizeof(*t.scratch));
	if (!t.scratch)
		return error_memory(err, (size_t)workers * sizeof(*t.scratch));
	for (int i = 0; i < workers; i++)
		if (!(t.scratch[i] = buffer_alloc(nbytes, err)))
			goto done;
	if (node->dtype == DT_I64 || node->dtype == DT_U64) {
		double *rank = calloc((size_t)s->nq, sizeof(*rank));

		if (!rank) {
			error_memory(err, (size_t)s->nq * sizeof(*rank));
			goto done;
		}
		ranks(s, t.scratch[0], rank);
		t.rank = rank;
		t.iout = out;
	}
	ret = parallel((t.rows + t.step - 1) / t.step, workers, stat_task, &t, err);
	free((void *)t.rank);
done:
	for (int i = 0; i < workers; i++)
		buffer_free(t.scratch[i], nbytes);
	free(t.scratch);
	return ret;
}

/* == builders == */

static int bad_q(const char *text, struct error *err)
{
	return error_set(err, ERR_USAGE, "q '%s' is neither a number nor a list such as 0.25,0.5", text);
}

/* The numbers p .. end, divided by scale, into s->q, which has room for them. */
static int parse_items(struct order_statistic *s, const char *name, const char *text, const char *p, const char *end,
		       double scale, struct error *err)
{
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end, *last = stop;
		struct scalar v;

		while (p < last && *p == ' ')
			p++;
		while (last > p && last[-1] == ' ')
			last--;
		if (!scalar_parse(&v, p, (size_t)(last - p)) || v.kind == SCALAR_COMPLEX || v.kind == SCALAR_BOOL)
			return bad_q(text, err);
		s->q[s->nq] = v.re / scale;
		if (!(s->q[s->nq] >= 0 && s->q[s->nq] <= 1))
			return error_set(err, ERR_VALUE, "%s: q must be in the range [0, %g], not %.*s", name, scale,
					 (int)(last - p), p);
		s->nq++;
		p = comma ? comma + 1 : end;
	}
	return 0;
}

/* A stat for the numbers in text.  Commas or brackets make them a list. */
static struct order_statistic *parse_q(const char *name, const char *text, double scale, bool *list, struct error *err)
{
	const char *end = text + strlen(text), *p = text;
	bool bracket = *text == '(' || *text == '[';
	size_t room = 1;
	struct order_statistic *s;

	for (const char *c = text; *c; c++)
		room += *c == ',';
	*list = bracket || room > 1;
	if (bracket && (end == text + 1 || *--end != (*p++ == '(' ? ')' : ']'))) {
		bad_q(text, err);
		return NULL;
	}
	if (room > MAX_Q) {
		error_set(err, ERR_VALUE, "%s: more than %d values of q", name, MAX_Q);
		return NULL;
	}
	s = calloc(1, sizeof(*s) + room * sizeof(s->q[0]));
	if (!s) {
		error_memory(err, room * sizeof(s->q[0]));
		return NULL;
	}
	if (parse_items(s, name, text, p, end, scale, err) || (!s->nq && !bracket && bad_q(text, err))) {
		free(s);
		return NULL;
	}
	return s;
}

/* x with the reduced axes last; their elements in *n, the shape of the result in *shape. */
static struct node *reduced_last(struct call *c, struct node *x, int64_t *n, struct shape *shape, struct error *err)
{
	const struct attr *keepdims = attr_get(c, "keepdims");
	bool reduced[MAX_NDIM], sorted = true;
	int order[MAX_NDIM], k = 0;

	if (attr_axes(attr_get(c, "axis"), x->shape.ndim, reduced, err))
		return NULL;
	*n = 1;
	shape->ndim = 0;
	for (int i = 0; i < x->shape.ndim; i++) {
		if (!reduced[i])
			order[k++] = i;
		if (!reduced[i] || keepdims->flag)
			shape->dim[shape->ndim++] = reduced[i] ? 1 : x->shape.dim[i];
	}
	for (int i = 0; i < x->shape.ndim; i++)
		if (reduced[i]) {
			*n *= x->shape.dim[i];
			order[k++] = i;
		}
	for (int i = 0; i < k; i++)
		sorted &= order[i] == i;
	return sorted ? x : node_permute(c->graph, x, order, err);
}

/* Takes s over. */
static int stat_result(struct call *c, struct node *x, struct order_statistic *s, enum dtype dtype,
		       const struct shape *shape, struct error *err)
{
	bool exact = dtype == DT_I64 || dtype == DT_U64;
	struct node *y = node_block(c->graph, BLOCK_QUANTILE, stat_block, 1, &x, exact ? dtype : DT_F64, shape, err);

	if (!y) {
		free(s);
		return -1;
	}
	y->u.block.data = s;
	return call_result(c, node_cast(c->graph, y, dtype, err), NULL, err);
}

static int bad_dtype(struct call *c, const struct node *x, struct error *err)
{
	return error_set(err, ERR_VALUE, "%s does not take %s", c->name, dtype_name(x->dtype));
}

/* The type of a mean: float64 for integers. */
static enum dtype mean_dtype(enum dtype d)
{
	return d > DT_C128 ? DT_F32 : dtype_is_float(d) ? d : DT_F64;
}

static int median(struct call *c, bool skip_nan, struct error *err)
{
	struct node *x = c->in[0];
	struct shape shape;
	struct order_statistic *s;
	int64_t n;

	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return -1;
	if (dtype_is_complex(x->dtype))
		return bad_dtype(c, x, err);
	if (!(x = reduced_last(c, x, &n, &shape, err)))
		return -1;
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_memory(err, sizeof(*s));
	s->n = n;
	s->nq = 1;
	s->median = true;
	s->skip_nan = skip_nan;
	return stat_result(c, x, s, mean_dtype(x->dtype), &shape, err);
}

int build_median(struct call *c, struct error *err)
{
	return median(c, false, err);
}

int build_nanmedian(struct call *c, struct error *err)
{
	return median(c, true, err);
}

static int method_get(struct call *c, enum quantile_method *out, struct error *err)
{
	const struct attr *method = attr_get(c, "method");
	const char *name = method->none || !method->s ? "linear" : method->s;
	char names[512] = "";
	int m = quantile_method_find(name);

	*out = (enum quantile_method)m;
	if (m >= 0)
		return 0;
	for (int i = 0; i < NQUANTILE_METHODS; i++) {
		strcat(names, i ? " " : "");
		strcat(names, quantile_method_name[i]);
	}
	return error_set(err, ERR_USAGE, "method '%s' is none of %s", name, names);
}

/* Methods that pick an element, of any type; the others interpolate. */
static bool picks(enum quantile_method m)
{
	return m == QUANTILE_INVERTED_CDF || m == QUANTILE_CLOSEST_OBSERVATION || m == QUANTILE_LOWER ||
	       m == QUANTILE_HIGHER || m == QUANTILE_NEAREST;
}

/* What quantile_run calls the type of the elements. */
static enum dtype interpolation_dtype(enum dtype d)
{
	return d == DT_F16 || d == DT_F32 ? d : dtype_is_float(d) && d != DT_F64 ? DT_F32 : DT_F64;
}

static int quantile(struct call *c, double scale, bool skip_nan, struct error *err)
{
	struct node *x = c->in[0];
	enum quantile_method method;
	enum dtype dtype;
	struct shape shape;
	struct order_statistic *s;
	bool list;
	int64_t n;

	if (method_get(c, &method, err))
		return -1;
	if (x->weak && !(x = node_cast(c->graph, x, x->dtype, err)))
		return -1;
	if (dtype_is_complex(x->dtype) || (x->dtype == DT_BOOL && !picks(method)))
		return bad_dtype(c, x, err);
	if (!(x = reduced_last(c, x, &n, &shape, err)))
		return -1;
	if (!(s = parse_q(c->name, attr_get(c, "q")->s ? attr_get(c, "q")->s : "none", scale, &list, err)))
		return -1;
	if (n == 0 && !skip_nan && s->nq && shape_size(&shape) > 0) {
		char text[NODE_TEXT];

		free(s);
		return error_set(err, ERR_VALUE, "%s: no elements to take a %s of",
				 node_text(c->in[0], text, sizeof(text)), c->name);
	}
	if (list) {
		if (shape.ndim == MAX_NDIM) {
			free(s);
			return error_set(err, ERR_VALUE, "the result has more than %d dimensions", MAX_NDIM);
		}
		memmove(shape.dim + 1, shape.dim, (size_t)shape.ndim * sizeof(shape.dim[0]));
		shape.dim[0] = s->nq;
		shape.ndim++;
	}
	s->n = n;
	s->method = method;
	s->skip_nan = skip_nan;
	s->type = interpolation_dtype(x->dtype);
	s->rest = list ? DT_F64 : s->type;
	/* NumPy: a number q is weak, an array of them float64. */
	dtype = picks(method) && n > 0 ? (x->dtype > DT_C128 ? DT_F32 : x->dtype)
		: list		       ? DT_F64
				       : mean_dtype(x->dtype);
	return stat_result(c, x, s, dtype, &shape, err);
}

int build_quantile(struct call *c, struct error *err)
{
	return quantile(c, 1, false, err);
}

int build_percentile(struct call *c, struct error *err)
{
	return quantile(c, 100, false, err);
}

int build_nanquantile(struct call *c, struct error *err)
{
	return quantile(c, 1, true, err);
}

int build_nanpercentile(struct call *c, struct error *err)
{
	return quantile(c, 100, true, err);
}
