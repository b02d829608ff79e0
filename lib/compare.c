/* Comparing two arrays: see compare.h. */
#include "compare.h"

#include <math.h>
#include <string.h>

#include "engine.h"

struct state {
	struct comparison *out;
	const struct tolerance *t;
	enum dtype type;  /* what both are read as */
	enum dtype other; /* integers: what the second is read as */
	enum dtype units; /* the float type of a unit in the last place; NDTYPES: none */
};

static void worse(struct worst *w, int64_t index, double error, const double a[2], const double b[2])
{
	if (w->index >= 0 && !(error > w->error))
		return;
	w->index = index;
	w->error = error;
	memcpy(w->a, a, sizeof(w->a));
	memcpy(w->b, b, sizeof(w->b));
}

/* Floats as integers in the order of their values: the distance is the number of floats in between. */
static double ulp_distance(enum dtype d, double a, double b)
{
	union {
		double d;
		float f;
		uint16_t h;
		uint64_t u;
		uint32_t v;
	} x = { 0 }, y = { 0 };
	int64_t p, q;

	cast_one(d, &x, DT_F64, &a);
	cast_one(d, &y, DT_F64, &b);
	switch (d) {
	case DT_F64:
		p = x.u >> 63 ? -(int64_t)(x.u & INT64_MAX) : (int64_t)x.u;
		q = y.u >> 63 ? -(int64_t)(y.u & INT64_MAX) : (int64_t)y.u;
		break;
	case DT_F32:
		p = x.v >> 31 ? -(int64_t)(x.v & INT32_MAX) : (int64_t)x.v;
		q = y.v >> 31 ? -(int64_t)(y.v & INT32_MAX) : (int64_t)y.v;
		break;
	default:
		p = x.h >> 15 ? -(int64_t)(x.h & 0x7fff) : (int64_t)x.h;
		q = y.h >> 15 ? -(int64_t)(y.h & 0x7fff) : (int64_t)y.h;
		break;
	}
	/* The difference of the integers first: it may be small where they are beyond 2**53. */
	return (double)(p > q ? (uint64_t)p - (uint64_t)q : (uint64_t)q - (uint64_t)p);
}

static void compare_floats(struct state *s, const double *x, const double *y, int parts, int64_t start, int64_t n)
{
	struct comparison *c = s->out;
	const struct tolerance *t = s->t;

	for (int64_t i = 0; i < n; i++, x += parts, y += parts) {
		double a[2] = { x[0], parts == 2 ? x[1] : 0 }, b[2] = { y[0], parts == 2 ? y[1] : 0 };
		bool na = isnan(a[0]) || isnan(a[1]), nb = isnan(b[0]) || isnan(b[1]);
		bool ia = isinf(a[0]) || isinf(a[1]), ib = isinf(b[0]) || isinf(b[1]), same;
		double diff, size, units = 0;

		if (na || nb) {
			c->nan_a += na;
			c->nan_b += nb;
			c->nan_both += na && nb;
			same = na && nb && (t->equal_nan || t->ulp >= 0);
		} else if (ia || ib) {
			same = a[0] == b[0] && a[1] == b[1];
			c->inf_mismatch += !same;
		} else {
			diff = parts == 2 ? hypot(a[0] - b[0], a[1] - b[1]) : fabs(a[0] - b[0]);
			size = parts == 2 ? hypot(b[0], b[1]) : fabs(b[0]);
			if (c->has_ulp)
				units = ulp_distance(s->units, a[0], b[0]);
			if (diff > 0) {
				worse(&c->abs, start + i, diff, a, b);
				worse(&c->rel, start + i, size > 0 ? diff / size : INFINITY, a, b);
				if (c->has_ulp)
					worse(&c->ulp, start + i, units, a, b);
			}
			same = !(diff > 0) ||
			       (t->ulp >= 0 ? c->has_ulp && units <= t->ulp : diff <= t->atol + t->rtol * size);
		}
		if (!same) {
			c->different++;
			if (c->first < 0)
				c->first = start + i;
		}
	}
}

static void compare_ints(struct state *s, const void *x, const void *y, int64_t start, int64_t n)
{
	struct comparison *c = s->out;

	for (int64_t i = 0; i < n; i++) {
		uint64_t p = ((const uint64_t *)x)[i], q = ((const uint64_t *)y)[i];
		bool minus_p = s->type == DT_I64 && p >> 63, minus_q = s->other == DT_I64 && q >> 63;
		double size = minus_q ? (double)-q : (double)q, diff, a[2] = { 0 }, b[2] = { 0 };

		if (p == q && minus_p == minus_q)
			continue;
		if (minus_p == minus_q)
			diff = (double)(p < q ? q - p : p - q);
		else
			diff = (minus_p ? (double)-p : (double)p) + size;
		memcpy(a, &p, sizeof(p));
		memcpy(b, &q, sizeof(q));
		worse(&c->abs, start + i, diff, a, b);
		worse(&c->rel, start + i, q ? diff / size : INFINITY, a, b);
		if (s->t->ulp >= 0 || !(diff <= s->t->atol + s->t->rtol * size)) {
			c->different++;
			if (c->first < 0)
				c->first = start + i;
		}
	}
}

/* Most of what is compared is the same: are these n elements, and is none of them NaN? */
static bool same_numbers(const struct state *s, const void *x, const void *y, int64_t n)
{
	size_t parts = s->type == DT_C128 ? 2 : 1;
	const double *v = x;
	int64_t nans = 0;

	if (s->type != s->other || memcmp(x, y, (size_t)n * parts * sizeof(*v)))
		return false;
	for (size_t i = 0; !s->out->integers && i < (size_t)n * parts; i++)
		nans += isnan(v[i]);
	return !nans;
}

static int compare_tile(void *arg, const void *x, const void *y, int64_t start, int64_t n, struct error *err)
{
	struct state *s = arg;

	(void)err;
	if (same_numbers(s, x, y, n))
		return 0;
	if (s->out->integers)
		compare_ints(s, x, y, start, n);
	else
		compare_floats(s, x, y, s->type == DT_C128 ? 2 : 1, start, n);
	return 0;
}

/* The same bits: every byte. */
static int compare_bytes(void *arg, const void *x, const void *y, int64_t start, int64_t n, struct error *err)
{
	struct state *s = arg;
	size_t size = dtype_size(s->type);
	const char *a = x, *b = y;

	(void)err;
	if (!memcmp(a, b, (size_t)n * size))
		return 0;
	for (int64_t i = 0; i < n; i++)
		if (memcmp(a + (size_t)i * size, b + (size_t)i * size, size)) {
			s->out->different++;
			if (s->out->first < 0)
				s->out->first = start + i;
		}
	return 0;
}

static enum dtype widest(enum dtype d)
{
	return dtype_info[d].kind == 'u' ? DT_U64 : DT_I64;
}

/* Bits of the significand. */
static int precision(enum dtype d)
{
	return d == DT_F64 ? 53 : d == DT_F32 ? 24 : d == DT_F16 ? 11 : 8;
}

int compare_nodes(struct comparison *out, struct node *a, struct node *b, const struct tolerance *t, struct error *err)
{
	enum dtype d = dtype_promote(a->dtype, b->dtype);
	struct state s = { out, t, DT_F64, DT_F64, NDTYPES };

	memset(out, 0, sizeof(*out));
	out->size = a->size;
	out->first = out->abs.index = out->rel.index = out->ulp.index = -1;
	if (t->exact && a->dtype == b->dtype) {
		s.type = a->dtype;
		return engine_zip(a, b, compare_bytes, &s, err);
	}
	out->integers =
		(a->dtype == DT_BOOL || dtype_is_int(a->dtype)) && (b->dtype == DT_BOOL || dtype_is_int(b->dtype));
	s.type = out->integers ? widest(a->dtype) : dtype_is_complex(d) ? DT_C128 : DT_F64;
	s.other = out->integers ? widest(b->dtype) : s.type;
	/* A unit is that of the less precise of the two: where they are equal to it, nothing was lost. */
	if (dtype_is_float(a->dtype) && dtype_is_float(b->dtype) && a->dtype <= DT_C128 && b->dtype <= DT_C128) {
		s.units = precision(a->dtype) < precision(b->dtype) ? a->dtype : b->dtype;
		out->has_ulp = true;
	}
	a = node_cast(a->graph, a, s.type, err);
	b = a ? node_cast(b->graph, b, s.other, err) : NULL;
	return b ? engine_zip(a, b, compare_tile, &s, err) : -1;
}
