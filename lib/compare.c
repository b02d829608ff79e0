/* Comparing two arrays: see compare.h. */
#include "compare.h"

#include <math.h>
#include <string.h>

#include "compare_loops.h"
#include "engine.h"

struct state {
	struct comparison *out;
	const struct tolerance *t;
	enum dtype type;	  /* what both are read as */
	enum dtype other;	  /* integers: what the second is read as */
	enum dtype units;	  /* the float type of a unit in the last place; NDTYPES: none */
	compare_ulp_fn *distance; /* in it */
	double rtol, atol;	  /* of the loops: 0 where units decide */
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

static const struct compare_loops *loops_get(void)
{
	static const struct compare_loops *const levels[] = {
#if X86_LEVELS
		&compare_v2,
		&compare_v3,
		&compare_v4,
#else
		&compare_base,
#endif
	};

	return levels[cpu_level()];
}

enum { BLOCK = 1024 };

/* A block of the elements of both: as they are compared, and in the type whose last place is a unit. */
struct block {
	const double *x, *y;
	int64_t start, n;
	_Alignas(64) char xu[(BLOCK + LOOP_PAD) * sizeof(double)], yu[(BLOCK + LOOP_PAD) * sizeof(double)];
};

static double units_between(const struct state *s, const struct block *b, int64_t i)
{
	size_t at = (size_t)i * dtype_size(s->units);
	struct compare_worst w;

	s->distance(&w, b->xu + at, b->yu + at, 1, 0);
	return (double)w.ulp;
}

static void differs(struct comparison *c, int64_t index, int64_t n)
{
	c->different += n;
	if (c->first < 0)
		c->first = index;
}

/* One element after the other: complex ones, and where there is a NaN or an infinity. */
static void compare_each(struct state *s, const struct block *at, int parts)
{
	struct comparison *c = s->out;
	const struct tolerance *t = s->t;
	const double *x = at->x, *y = at->y;

	for (int64_t i = 0; i < at->n; i++, x += parts, y += parts) {
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
				units = units_between(s, at, i);
			if (diff > 0) {
				worse(&c->abs, at->start + i, diff, a, b);
				worse(&c->rel, at->start + i, size > 0 ? diff / size : INFINITY, a, b);
				if (c->has_ulp)
					worse(&c->ulp, at->start + i, units, a, b);
			}
			same = !(diff > 0) ||
			       (t->ulp >= 0 ? c->has_ulp && units <= t->ulp : diff <= t->atol + t->rtol * size);
		}
		if (!same)
			differs(c, at->start + i, 1);
	}
}

/*
 * Finite real numbers: the loops find the worst, and which element that is is looked for only where it is worse than all before.
 * w is what they say.
 */
static void compare_worst(struct state *s, const struct block *at, const struct compare_worst *w)
{
	struct comparison *c = s->out;
	const struct tolerance *t = s->t;
	bool by_ulp = t->ulp >= 0 && c->has_ulp;
	int64_t beyond = by_ulp ? w->beyond_ulp : w->beyond;
	bool find = beyond && c->first < 0, find_abs = c->abs.index < 0 || w->abs > c->abs.error;
	bool find_rel = c->rel.index < 0 || w->rel > c->rel.error;
	bool find_ulp = c->has_ulp && (c->ulp.index < 0 || (double)w->ulp > c->ulp.error);

	for (int64_t i = 0; i < at->n && (find || find_abs || find_rel || find_ulp); i++) {
		double a[2] = { at->x[i], 0 }, b[2] = { at->y[i], 0 }, diff = fabs(a[0] - b[0]), size = fabs(b[0]);
		double units = c->has_ulp && (find_ulp || find) ? units_between(s, at, i) : 0;

		if (!(diff > 0))
			continue;
		if (find && (by_ulp ? units > t->ulp : !(diff <= s->atol + s->rtol * size))) {
			c->first = at->start + i;
			find = false;
		}
		if (find_abs && diff == w->abs) {
			worse(&c->abs, at->start + i, diff, a, b);
			find_abs = false;
		}
		if (find_rel && diff / size == w->rel) {
			worse(&c->rel, at->start + i, diff / size, a, b);
			find_rel = false;
		}
		if (find_ulp && units == (double)w->ulp) {
			worse(&c->ulp, at->start + i, units, a, b);
			find_ulp = false;
		}
	}
	c->different += beyond;
}

static void compare_floats(struct state *s, const double *x, const double *y, int parts, int64_t start, int64_t n)
{
	const struct compare_loops *loops = loops_get();
	double ulp = s->t->ulp < 0 ? 0 : s->t->ulp;

	for (int64_t i = 0; i < n; i += BLOCK) {
		struct block b = { .x = x + i * parts, .y = y + i * parts, .start = start + i };
		struct compare_worst w = { .abs = INFINITY };

		b.n = n - i < BLOCK ? n - i : BLOCK;
		if (s->out->has_ulp) {
			kernels_get()->cast[DT_F64][s->units](b.n, b.xu, b.x);
			kernels_get()->cast[DT_F64][s->units](b.n, b.yu, b.y);
		}
		if (parts == 1)
			loops->floats(&w, b.x, b.y, b.n, s->rtol, s->atol);
		if (!(w.abs < INFINITY)) {
			compare_each(s, &b, parts);
			continue;
		}
		if (!(w.abs > 0))
			continue;
		if (s->out->has_ulp)
			s->distance(&w, b.xu, b.yu, b.n, ulp < 0x1p63 ? (uint64_t)ulp : UINT64_MAX);
		compare_worst(s, &b, &w);
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
		if (s->t->ulp >= 0 || !(diff <= s->t->atol + s->t->rtol * size))
			differs(c, start + i, 1);
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
		if (memcmp(a + (size_t)i * size, b + (size_t)i * size, size))
			differs(s->out, start + i, 1);
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
	struct state s = { .out = out, .t = t, .type = DT_F64, .other = DT_F64, .units = NDTYPES };

	/* Where units are asked for, and there are none, any difference is one. */
	s.rtol = t->ulp >= 0 ? 0 : t->rtol;
	s.atol = t->ulp >= 0 ? 0 : t->atol;

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
		s.distance = s.units == DT_F64	 ? loops_get()->f64
			     : s.units == DT_F32 ? loops_get()->f32
						 : loops_get()->half;
		out->has_ulp = true;
	}
	a = node_cast(a->graph, a, s.type, err);
	b = a ? node_cast(b->graph, b, s.other, err) : NULL;
	return b ? engine_zip(a, b, compare_tile, &s, err) : -1;
}
