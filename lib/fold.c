/* Arithmetic of Python-like scalars: see fold.h. */
#include "fold.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for every sum and most products of two 64-bit integers with a sign. */
__extension__ typedef __int128 wide;

static wide wide_of(const struct scalar *s)
{
	return s->negative ? -(wide)s->magnitude : (wide)s->magnitude;
}

static struct scalar int_scalar(wide v)
{
	wide size = v < 0 ? -v : v;
	struct scalar s = { .kind = SCALAR_INT, .negative = v < 0, .re = (double)v };

	s.huge = size > (wide)UINT64_MAX;
	s.magnitude = s.huge ? UINT64_MAX : (uint64_t)size;
	return s;
}

static struct scalar float_scalar(double v)
{
	return (struct scalar){ .kind = SCALAR_FLOAT, .re = v };
}

static struct scalar bool_scalar(bool v)
{
	return (struct scalar){ .kind = SCALAR_BOOL, .magnitude = v, .re = v };
}

/* An integer that is too large to be exact. */
static struct scalar huge_scalar(double v)
{
	return (struct scalar){ .kind = SCALAR_INT, .negative = v < 0, .magnitude = UINT64_MAX, .re = v, .huge = true };
}

static bool compare(struct scalar *out, const char *op, int order, bool ordered)
{
	bool r;

	if (!strcmp(op, "equal"))
		r = ordered && order == 0;
	else if (!strcmp(op, "not_equal"))
		r = !ordered || order != 0;
	else if (!strcmp(op, "less"))
		r = ordered && order < 0;
	else if (!strcmp(op, "less_equal"))
		r = ordered && order <= 0;
	else if (!strcmp(op, "greater"))
		r = ordered && order > 0;
	else if (!strcmp(op, "greater_equal"))
		r = ordered && order >= 0;
	else
		return false;
	*out = bool_scalar(r);
	return true;
}

static bool int_power(struct scalar *out, wide x, wide y, double fx, double fy)
{
	wide r = 1;

	if (y < 0) {
		*out = float_scalar(pow(fx, fy));
		return true;
	}
	for (; y; y >>= 1) {
		if (y & 1 && __builtin_mul_overflow(r, x, &r)) {
			*out = huge_scalar(pow(fx, fy));
			return true;
		}
		if (y > 1 && __builtin_mul_overflow(x, x, &x)) {
			*out = huge_scalar(pow(fx, fy));
			return true;
		}
	}
	*out = int_scalar(r);
	return true;
}

static bool shift(struct scalar *out, bool left, wide x, wide y, double fx)
{
	if (y < 0)
		return false;
	if (!left)
		*out = int_scalar(x >> (y > 126 ? 126 : (int)y));
	else if (x == 0 || y < 62)
		*out = int_scalar(x * ((wide)1 << (x ? (int)y : 0)));
	else
		*out = huge_scalar(ldexp(fx, y > 4000 ? 4000 : (int)y));
	return true;
}

static bool fold_int(struct scalar *out, const char *op, const struct scalar *a, const struct scalar *b)
{
	wide x = wide_of(a), y = wide_of(b), r;
	bool bools = a->kind == SCALAR_BOOL && b->kind == SCALAR_BOOL;

	if (compare(out, op, x < y ? -1 : x > y, true))
		return true;
	if (!strcmp(op, "power"))
		return int_power(out, x, y, a->re, b->re);
	if (!strcmp(op, "bitwise_left_shift") || !strcmp(op, "bitwise_right_shift"))
		return shift(out, op[8] == 'l', x, y, a->re);
	if (!strcmp(op, "add")) {
		r = x + y;
	} else if (!strcmp(op, "subtract")) {
		r = x - y;
	} else if (!strcmp(op, "multiply")) {
		if (__builtin_mul_overflow(x, y, &r)) {
			*out = huge_scalar(a->re * b->re);
			return true;
		}
	} else if (!strcmp(op, "floor_divide")) {
		r = y ? x / y - (x % y != 0 && (x < 0) != (y < 0)) : 0;
	} else if (!strcmp(op, "remainder")) {
		r = y ? x % y : 0;
		r += r && (r < 0) != (y < 0) ? y : 0;
	} else if (!strcmp(op, "bitwise_and")) {
		r = x & y;
	} else if (!strcmp(op, "bitwise_or")) {
		r = x | y;
	} else if (!strcmp(op, "bitwise_xor")) {
		r = x ^ y;
	} else {
		return false;
	}
	*out = bools && !strncmp(op, "bitwise", 7) ? bool_scalar(r != 0) : int_scalar(r);
	return true;
}

static double float_remainder(double x, double y)
{
	double r = fmod(x, y);

	if (r != 0 && (r < 0) != (y < 0))
		return r + y;
	return r == 0 ? copysign(0, y) : r;
}

static double float_floordiv(double x, double y)
{
	double r = fmod(x, y), q = (x - r) / y;

	if (y == 0)
		return x / y;
	if (r != 0 && (r < 0) != (y < 0))
		q--;
	if (q == 0)
		return copysign(0, x / y);
	return q - floor(q) > 0.5 ? floor(q) + 1 : floor(q);
}

static struct scalar complex_scalar(double re, double im)
{
	return (struct scalar){ .kind = SCALAR_COMPLEX, .re = re, .im = im };
}

/* By Smith's method, as Python and NumPy divide. */
static struct scalar complex_divide(const struct scalar *a, const struct scalar *b)
{
	if (fabs(b->re) >= fabs(b->im)) {
		double ratio = b->im / b->re, d = b->re + b->im * ratio;

		if (b->re == 0 && b->im == 0)
			return complex_scalar(a->re / fabs(b->re), a->im / fabs(b->re));
		return complex_scalar((a->re + a->im * ratio) / d, (a->im - a->re * ratio) / d);
	}
	double ratio = b->re / b->im, d = b->re * ratio + b->im;

	return complex_scalar((a->re * ratio + a->im) / d, (a->im * ratio - a->re) / d);
}

static struct scalar complex_power(const struct scalar *a, const struct scalar *b)
{
	if (b->im == 0 && b->re == floor(b->re) && fabs(b->re) <= 100) {
		struct scalar r = complex_scalar(1, 0), p = *a;

		for (int n = abs((int)b->re); n; n >>= 1) {
			if (n & 1)
				r = complex_scalar(r.re * p.re - r.im * p.im, r.re * p.im + r.im * p.re);
			p = complex_scalar(p.re * p.re - p.im * p.im, p.re * p.im + p.im * p.re);
		}
		return b->re < 0 ? complex_divide(&(struct scalar){ .re = 1 }, &r) : r;
	}
	double _Complex v = cpow(a->re + a->im * I, b->re + b->im * I);

	return complex_scalar(creal(v), cimag(v));
}

static bool fold_complex(struct scalar *out, const char *op, const struct scalar *a, const struct scalar *b)
{
	if (!strcmp(op, "add"))
		*out = complex_scalar(a->re + b->re, a->im + b->im);
	else if (!strcmp(op, "subtract"))
		*out = complex_scalar(a->re - b->re, a->im - b->im);
	else if (!strcmp(op, "multiply"))
		*out = complex_scalar(a->re * b->re - a->im * b->im, a->re * b->im + a->im * b->re);
	else if (!strcmp(op, "divide"))
		*out = complex_divide(a, b);
	else if (!strcmp(op, "power"))
		*out = complex_power(a, b);
	else if (!strcmp(op, "equal") || !strcmp(op, "not_equal"))
		*out = bool_scalar((a->re == b->re && a->im == b->im) == (*op == 'e'));
	else
		return false;
	return true;
}

static bool fold_float(struct scalar *out, const char *op, const struct scalar *a, const struct scalar *b)
{
	double x = a->re, y = b->re;

	if (compare(out, op, x < y ? -1 : x > y, !isnan(x) && !isnan(y)))
		return true;
	if (!strcmp(op, "add"))
		*out = float_scalar(x + y);
	else if (!strcmp(op, "subtract"))
		*out = float_scalar(x - y);
	else if (!strcmp(op, "multiply"))
		*out = float_scalar(x * y);
	else if (!strcmp(op, "divide"))
		*out = float_scalar(x / y);
	else if (!strcmp(op, "floor_divide"))
		*out = float_scalar(float_floordiv(x, y));
	else if (!strcmp(op, "remainder"))
		*out = float_scalar(float_remainder(x, y));
	else if (!strcmp(op, "power") && x < 0 && isfinite(x) && isfinite(y) && y != floor(y))
		*out = complex_power(a, b);
	else if (!strcmp(op, "power"))
		*out = float_scalar(pow(x, y));
	else
		return false;
	return true;
}

bool fold_binary(struct scalar *out, const char *op, const struct scalar *x, const struct scalar *y)
{
	if (x->kind == SCALAR_COMPLEX || y->kind == SCALAR_COMPLEX)
		return fold_complex(out, op, x, y);
	if (x->kind == SCALAR_FLOAT || y->kind == SCALAR_FLOAT || !strcmp(op, "divide"))
		return fold_float(out, op, x, y);
	return !x->huge && !y->huge && fold_int(out, op, x, y);
}

bool fold_unary(struct scalar *out, const char *op, const struct scalar *x)
{
	*out = *x;
	if (x->kind == SCALAR_BOOL)
		out->kind = SCALAR_INT;
	if (!strcmp(op, "positive"))
		return true;
	if (!strcmp(op, "negative")) {
		out->negative = out->kind == SCALAR_INT && x->magnitude && !x->negative;
		/* 0 is an integer: there is no -0 */
		out->re = out->kind == SCALAR_INT && !x->magnitude ? 0 : -x->re;
		out->im = x->kind == SCALAR_COMPLEX ? -x->im : 0;
		return true;
	}
	if (!strcmp(op, "real") || !strcmp(op, "imag")) {
		if (x->kind == SCALAR_COMPLEX)
			*out = float_scalar(*op == 'r' ? x->re : x->im);
		else if (*op == 'i')
			*out = out->kind == SCALAR_INT ? int_scalar(0) : float_scalar(0);
		return true;
	}
	if (strcmp(op, "bitwise_invert") || out->kind != SCALAR_INT || x->huge)
		return false;
	*out = int_scalar(-wide_of(x) - 1);
	return true;
}
