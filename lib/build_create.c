/* Build functions of the create family: see ops.def. */
#include "op.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static enum dtype dtype_or(const struct attr *d, enum dtype otherwise)
{
	return d && !d->none ? d->dtype : otherwise;
}

static int shape_attr(struct shape *s, const struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "shape");

	s->ndim = 0;
	if (a->none)
		return 0;
	if (a->n > MAX_NDIM)
		return error_set(err, ERR_VALUE, "%d dimensions; at most %d are supported", a->n, MAX_NDIM);
	s->ndim = a->n;
	for (int i = 0; i < a->n; i++) {
		if (a->list[i] < 0)
			return error_set(err, ERR_VALUE, "negative dimensions are not allowed");
		s->dim[i] = a->list[i];
	}
	return 0;
}

static const struct scalar zero = { .kind = SCALAR_INT }, one = { .kind = SCALAR_INT, .magnitude = 1, .re = 1 };

static int constant(struct call *c, enum dtype dtype, const struct shape *s, const struct scalar *v, struct error *err)
{
	return call_result(c, node_full(c->graph, dtype, s, v, err), NULL, err);
}

static int filled(struct call *c, const struct scalar *v, struct error *err)
{
	struct shape s;

	if (shape_attr(&s, c, err))
		return -1;
	return constant(c, dtype_or(attr_get(c, "dtype"), c->default_float), &s, v, err);
}

int build_zeros(struct call *c, struct error *err)
{
	return filled(c, &zero, err);
}

int build_ones(struct call *c, struct error *err)
{
	return filled(c, &one, err);
}

/* Memory without values would leak what was there before: zeros. */
int build_empty(struct call *c, struct error *err)
{
	return filled(c, &zero, err);
}

/* The value broadcast to the shape; of the value's own type unless one is asked for. */
static int full(struct call *c, const struct shape *s, enum dtype dtype, bool has_dtype, struct error *err)
{
	struct node *v = attr_get(c, "value")->node;

	if (!has_dtype)
		dtype = v->weak && v->scalar.kind == SCALAR_FLOAT			? c->default_float
			: v->weak && v->scalar.kind == SCALAR_INT && v->dtype == DT_I64 ? c->default_int
											: v->dtype;
	if (v->kind == NODE_CONST)
		return constant(c, dtype, s, &v->scalar, err);
	v = node_cast(c->graph, v, dtype, err);
	return call_result(c, v ? node_broadcast(c->graph, v, s, err) : NULL, NULL, err);
}

int build_full(struct call *c, struct error *err)
{
	const struct attr *d = attr_get(c, "dtype");
	struct shape s;

	return shape_attr(&s, c, err) || full(c, &s, d->dtype, !d->none, err) ? -1 : 0;
}

static int like(struct call *c, const struct scalar *v, struct error *err)
{
	return constant(c, dtype_or(attr_get(c, "dtype"), c->in[0]->dtype), &c->in[0]->shape, v, err);
}

int build_zeros_like(struct call *c, struct error *err)
{
	return like(c, &zero, err);
}

int build_ones_like(struct call *c, struct error *err)
{
	return like(c, &one, err);
}

int build_empty_like(struct call *c, struct error *err)
{
	return like(c, &zero, err);
}

int build_full_like(struct call *c, struct error *err)
{
	return full(c, &c->in[0]->shape, dtype_or(attr_get(c, "dtype"), c->in[0]->dtype), true, err);
}

int build_array(struct call *c, struct error *err)
{
	const struct attr *d = attr_get(c, "dtype");
	struct node *x = c->in[0];

	if (!d->none)
		x = node_cast(c->graph, x, d->dtype, err);
	else if (x->dtype == DT_F64)
		x = node_cast(c->graph, x, c->default_float, err);
	else if (x->dtype == DT_I64)
		x = node_cast(c->graph, x, c->default_int, err);
	return call_result(c, x, NULL, err);
}

/* The real number that an attribute holds as text. */
static int number(struct scalar *out, const struct attr *a, struct error *err)
{
	if (!scalar_parse(out, a->s, strlen(a->s)))
		return error_set(err, ERR_USAGE, "%s '%s' is not a number", a->name, a->s);
	if (out->kind == SCALAR_COMPLEX)
		return error_set(err, ERR_VALUE, "%s '%s' is complex; a range takes real numbers", a->name, a->s);
	if (out->kind == SCALAR_BOOL)
		out->kind = SCALAR_INT;
	return 0;
}

static int64_t integer(const struct scalar *s)
{
	return s->negative ? -(int64_t)s->magnitude : (int64_t)s->magnitude;
}

int build_arange(struct call *c, struct error *err)
{
	const struct attr *a = attr_get(c, "start"), *b = attr_get(c, "stop"), *d = attr_get(c, "step"),
			  *t = attr_get(c, "dtype");
	struct scalar start = zero, stop, step = one;
	struct range r = { .kind = RANGE_ARANGE, .pinned = -1 };
	enum dtype dtype;
	int64_t n;

	if (a->none && b->none)
		return error_set(err, ERR_USAGE, "arange needs a stop: create arange [START] STOP [STEP]");
	/* arange(stop), as NumPy: one number is the end */
	if (b->none ? number(&stop, a, err) : number(&stop, b, err) || (!a->none && number(&start, a, err)))
		return -1;
	if (!d->none && number(&step, d, err))
		return -1;
	r.integer = start.kind == SCALAR_INT && stop.kind == SCALAR_INT && step.kind == SCALAR_INT;
	if (r.integer) {
		__int128 x, y, z, count;

		if (start.magnitude > INT64_MAX || stop.magnitude > INT64_MAX || step.magnitude > INT64_MAX)
			return error_set(err, ERR_VALUE, "arange: the numbers do not fit in int64");
		x = r.istart = integer(&start);
		y = integer(&stop);
		z = r.istep = integer(&step);
		if (z == 0)
			return error_set(err, ERR_VALUE, "arange: step must not be zero");
		count = z > 0 ? (y - x + z - 1) / z : (x - y - z - 1) / -z;
		n = count < 0 ? 0 : count > INT64_MAX / 16 ? INT64_MAX : (int64_t)count;
	} else {
		double count;

		r.start = start.re;
		r.step = step.re;
		if (r.step == 0)
			return error_set(err, ERR_VALUE, "arange: step must not be zero");
		count = ceil((stop.re - r.start) / r.step);
		if (!isfinite(count))
			return error_set(err, ERR_VALUE, "arange: the range from %g to %g by %g has no length", r.start,
					 stop.re, r.step);
		n = count <= 0 ? 0 : count > 0x1p58 ? INT64_MAX : (int64_t)count;
		/* NumPy steps by the difference of the first two elements. */
		r.step = (r.start + r.step) - r.start;
	}
	if (n > INT64_MAX / 16)
		return error_set(err, ERR_VALUE, "arange: an array of that many elements is too big");
	dtype = dtype_or(t, r.integer ? c->default_int : c->default_float);
	if (dtype == DT_BOOL && n > 2)
		return error_set(err, ERR_VALUE, "arange: no bool range is longer than 2");
	if (r.integer && !dtype_is_int(dtype)) {
		r.integer = false;
		r.start = (double)r.istart;
		r.step = (double)r.istep;
	} else if (!r.integer && dtype_is_int(dtype)) {
		/* As NumPy: the first two elements are cast, and their difference is the step. */
		double second = r.start + r.step;

		r.integer = true;
		r.istart = (int64_t)r.start;
		r.istep = (int64_t)second - r.istart;
	}
	return call_result(c, node_range(c->graph, dtype, n, &r, err), NULL, err);
}

static int spaced(struct call *c, struct range *r, double from, double to, struct error *err)
{
	const struct attr *t = attr_get(c, "dtype");
	int64_t n = attr_get(c, "num")->i, parts;
	bool endpoint = !attr_get(c, "no_endpoint")->flag;

	if (n < 0)
		return error_set(err, ERR_VALUE, "the number of samples, %" PRId64 ", must be non-negative", n);
	parts = endpoint ? n - 1 : n;
	r->start = from;
	r->step = parts > 0 ? (to - from) / (double)parts : 0;
	r->pinned = endpoint && n > 1 ? n - 1 : -1;
	return call_result(c, node_range(c->graph, dtype_or(t, c->default_float), n, r, err), NULL, err);
}

int build_linspace(struct call *c, struct error *err)
{
	double from = attr_get(c, "start")->f, to = attr_get(c, "stop")->f;
	struct range r = { .kind = RANGE_LINSPACE, .stop = to };

	return spaced(c, &r, from, to, err);
}

int build_logspace(struct call *c, struct error *err)
{
	double from = attr_get(c, "start")->f, to = attr_get(c, "stop")->f, base = attr_get(c, "base")->f;
	struct range r = { .kind = RANGE_LOGSPACE, .base = base, .stop = pow(base, to) };

	return spaced(c, &r, from, to, err);
}

int build_geomspace(struct call *c, struct error *err)
{
	double from = attr_get(c, "start")->f, to = attr_get(c, "stop")->f;
	struct range r = { .kind = RANGE_GEOMSPACE, .base = from, .stop = to };

	if (from == 0 || to == 0)
		return error_set(err, ERR_VALUE, "geometric sequence cannot include zero");
	if ((from < 0) != (to < 0))
		return error_set(err, ERR_VALUE, "geometric sequence from %g to %g would be complex", from, to);
	return spaced(c, &r, log10(fabs(from)), log10(fabs(to)), err);
}

static int drawn(struct call *c, struct random_param *p, const struct shape *s, enum dtype dtype, struct error *err)
{
	const struct attr *seed = attr_get(c, "seed");

	if (!seed->given) {
		c->seed = random_seed() >> 1; /* so that it can be given back with --seed */
	} else {
		c->seed = (uint64_t)seed->i;
	}
	c->random = true;
	p->seed = c->seed;
	return call_result(c, node_random(c->graph, dtype, s, p, err), NULL, err);
}

static int drawn_floats(struct call *c, enum random_id id, double a, double b, struct error *err)
{
	struct random_param p = { .id = id, .a = a, .b = b };
	enum dtype dtype = dtype_or(attr_get(c, "dtype"),
				    c->nin && dtype_is_float(c->in[0]->dtype) ? c->in[0]->dtype : c->default_float);
	struct shape s;

	if (!c->nin && shape_attr(&s, c, err))
		return -1;
	if (!dtype_is_float(dtype))
		return error_set(err, ERR_VALUE, "%s makes floats, not %s", c->name, dtype_name(dtype));
	return drawn(c, &p, c->nin ? &c->in[0]->shape : &s, dtype, err);
}

int build_rand(struct call *c, struct error *err)
{
	return drawn_floats(c, RANDOM_uniform, 0, 1, err);
}

int build_randn(struct call *c, struct error *err)
{
	return drawn_floats(c, RANDOM_normal, 0, 1, err);
}

int build_rand_like(struct call *c, struct error *err)
{
	return drawn_floats(c, RANDOM_uniform, 0, 1, err);
}

int build_randn_like(struct call *c, struct error *err)
{
	return drawn_floats(c, RANDOM_normal, 0, 1, err);
}

int build_uniform(struct call *c, struct error *err)
{
	double low = attr_get(c, "low")->f, high = attr_get(c, "high")->f;

	if (!isfinite(high - low))
		return error_set(err, ERR_VALUE, "uniform: the range from %g to %g is not finite", low, high);
	return drawn_floats(c, RANDOM_uniform, low, high, err);
}

int build_normal(struct call *c, struct error *err)
{
	double std = attr_get(c, "std")->f;

	if (!(std >= 0))
		return error_set(err, ERR_VALUE, "normal: std %g is negative", std);
	return drawn_floats(c, RANDOM_normal, attr_get(c, "mean")->f, std, err);
}

int build_exponential(struct call *c, struct error *err)
{
	double scale = attr_get(c, "scale")->f;

	if (!(scale >= 0))
		return error_set(err, ERR_VALUE, "exponential: scale %g is negative", scale);
	return drawn_floats(c, RANDOM_exponential, scale, 0, err);
}

int build_bernoulli(struct call *c, struct error *err)
{
	double p = attr_get(c, "p")->f;
	struct random_param param = { .id = RANDOM_bernoulli, .a = p };
	struct shape s;

	if (!(p >= 0 && p <= 1))
		return error_set(err, ERR_VALUE, "bernoulli: p %g is not between 0 and 1", p);
	if (shape_attr(&s, c, err))
		return -1;
	return drawn(c, &param, &s, dtype_or(attr_get(c, "dtype"), c->default_float), err);
}

int build_randint(struct call *c, struct error *err)
{
	int64_t low = attr_get(c, "low")->i, high = attr_get(c, "high")->i;
	struct random_param p = { .id = RANDOM_integer, .lo = low, .range = (uint64_t)high - (uint64_t)low };
	enum dtype dtype = dtype_or(attr_get(c, "dtype"), c->default_int);
	struct scalar first = { .kind = SCALAR_INT,
				.negative = low < 0,
				.magnitude = low < 0 ? -(uint64_t)low : (uint64_t)low };
	struct scalar last = { .kind = SCALAR_INT,
			       .negative = high <= 0,
			       .magnitude = high <= 0 ? (uint64_t)1 - (uint64_t)high : (uint64_t)high - 1 };
	struct shape s;

	if (low >= high)
		return error_set(err, ERR_VALUE, "randint: low %" PRId64 " must be below high %" PRId64, low, high);
	if (shape_attr(&s, c, err))
		return -1;
	if (dtype_is_int(dtype) && (!scalar_fits(&first, dtype) || !scalar_fits(&last, dtype)))
		return error_set(err, ERR_VALUE, "randint: %" PRId64 " to %" PRId64 " does not fit in %s", low, high,
				 dtype_name(dtype));
	return drawn(c, &p, &s, dtype, err);
}

static int shuffle(const struct node *x, const void *const in[], void *out, struct error *err)
{
	(void)in;
	(void)err;
	random_permutation((uint64_t)x->u.block.i[0], x->size, out);
	return 0;
}

int build_randperm(struct call *c, struct error *err)
{
	const struct attr *seed = attr_get(c, "seed"), *t = attr_get(c, "dtype");
	int64_t n = attr_get(c, "n")->i;
	struct node *x;

	if (n < 0)
		return error_set(err, ERR_VALUE, "negative dimensions are not allowed");
	x = node_block(c->graph, BLOCK_PERMUTATION, shuffle, 0, NULL, DT_I64, &(struct shape){ 1, { n } }, err);
	if (!x)
		return -1;
	c->seed = seed->given ? (uint64_t)seed->i : random_seed() >> 1;
	c->random = true;
	x->u.block.i[0] = (int64_t)c->seed;
	return call_result(c, node_cast(c->graph, x, dtype_or(t, c->default_int), err), NULL, err);
}
