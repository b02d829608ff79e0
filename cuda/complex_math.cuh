/*
 * The elementary functions of complex numbers, under the names of <complex.h>, in float64.  Values at infinities,
 * zeros and nan are those of C11, Annex G.  Within a few ULP in each part, but for cpow, whose error grows with the
 * logarithm of its result.
 *
 * They are functions, not copied into each kernel that calls them: the image would be several times as large.
 */
#ifndef TENSOR_CUDA_COMPLEX_MATH_CUH
#define TENSOR_CUDA_COMPLEX_MATH_CUH

#include "common.cuh"

#define COMPLEX_FN static __noinline__ __device__

#define HALF_PI 1.570796326794896619231
#define EPSILON 0x1p-52

/* -- square root, exponential, logarithm, power -- */

COMPLEX_FN c128 csqrt(c128 z)
{
	double x = z.re, y = z.im, scale = 1, back = 1, d, r;

	if (isinf(y))
		return c128((double)INFINITY, y);
	if (isinf(x) && x > 0)
		return c128(x, y != y ? y : copysign(0.0, y));
	if (isinf(x))
		return c128(y != y ? y : 0, y != y ? x : copysign((double)INFINITY, y));
	if (x != x || y != y)
		return c128(x + y, x + y);
	if (x == 0 && y == 0)
		return c128(0, y);
	/* Powers of 4, so that squares neither overflow nor vanish. */
	d = fmax(fabs(x), fabs(y));
	if (d > 0x1p1000) {
		scale = 0x1p-4;
		back = 0x1p2;
	} else if (d < 0x1p-900) {
		scale = 0x1p160;
		back = 0x1p-80;
	}
	x *= scale;
	y *= scale;
	d = hypot(x, y);
	/* The larger part from a sum, the other from the product of both. */
	r = sqrt(0.5 * (d + fabs(x)));
	d = 0.5 * (fabs(y) / r);
	return x >= 0 ? c128(back * r, copysign(back * d, z.im)) : c128(back * d, copysign(back * r, z.im));
}

/* size exp(x) (c, s), where exp(x) may overflow or vanish.  After three steps nothing is finite any more but 0. */
static inline __device__ c128 exp_times(double x, double size, double c, double s)
{
	ROLLED for (int step = 0; step < 3; step++)
	{
		double part = x > 700 ? 700 : x < -700 ? -700 : x, factor = exp(part) * (step ? 1 : size);

		c *= factor;
		s *= factor;
		x -= part;
	}
	return c128(c, s);
}

COMPLEX_FN c128 cexp(c128 z)
{
	double x = z.re, y = z.im;

	if (y == 0)
		return c128(exp(x), y);
	if (isinf(y) || y != y) {
		if (x == -(double)INFINITY)
			return c128(0, copysign(0.0, y));
		return c128(x == (double)INFINITY ? x : (double)NAN, (double)NAN);
	}
	if (isinf(x)) {
		double size = x > 0 ? (double)INFINITY : 0;

		return c128(copysign(size, cos(y)), copysign(size, sin(y)));
	}
	return exp_times(x, 1, cos(y), sin(y));
}

/* log(hypot(x, y)) */
static inline __device__ double log_modulus(double x, double y)
{
	double a = fmax(fabs(x), fabs(y)), b = fmin(fabs(x), fabs(y)), scale = 0, h, l, h_lost, l_lost, one;

	if (isinf(x) || isinf(y))
		return (double)INFINITY;
	if (x != x || y != y)
		return x + y;
	if (a > 0x1p500) {
		a *= 0x1p-600;
		b *= 0x1p-600;
		scale = 600;
	} else if (a < 0x1p-400) {
		a *= 0x1p600;
		b *= 0x1p600;
		scale = -600;
	}
	h = a * a;
	l = b * b;
	if (scale != 0 || h + l < 0.5 || h + l > 3)
		return 0.5 * log(h + l) + scale * 0.693147180559945309417;
	/* Next to 1: what the squares lose, and the sums. */
	h_lost = fma(a, a, -h);
	l_lost = fma(b, b, -l);
	one = h - 1;
	h_lost += (h - (one + 1)) + ((one + 1) - one - 1);
	h = one + l;
	l_lost += fabs(one) > l ? (one - h) + l : (l - h) + one;
	return 0.5 * log1p(h + (h_lost + l_lost));
}

COMPLEX_FN c128 clog(c128 z)
{
	return c128(log_modulus(z.re, z.im), atan2(z.im, z.re));
}

/* The product of Annex G: infinite operands make it infinite, whatever nan the parts give. */
static inline __device__ c128 infinite_product(c128 z, c128 w)
{
	double a = z.re, b = z.im, c = w.re, d = w.im, x = a * c - b * d, y = a * d + b * c;
	bool again = false;

	if (x == x || y == y)
		return c128(x, y);
	if (isinf(a) || isinf(b)) {
		a = copysign(isinf(a) ? 1.0 : 0.0, a);
		b = copysign(isinf(b) ? 1.0 : 0.0, b);
		c = c != c ? copysign(0.0, c) : c;
		d = d != d ? copysign(0.0, d) : d;
		again = true;
	}
	if (isinf(c) || isinf(d)) {
		c = copysign(isinf(c) ? 1.0 : 0.0, c);
		d = copysign(isinf(d) ? 1.0 : 0.0, d);
		a = a != a ? copysign(0.0, a) : a;
		b = b != b ? copysign(0.0, b) : b;
		again = true;
	}
	return again ? c128((double)INFINITY * (a * c - b * d), (double)INFINITY * (a * d + b * c)) : c128(x, y);
}

static inline __device__ c128 cpow(c128 x, c128 y)
{
	return cexp(infinite_product(y, clog(x)));
}

/* -- hyperbolic functions, and with i the circular ones -- */

COMPLEX_FN c128 csinh(c128 z)
{
	double x = z.re, y = z.im;

	if (isinf(y) || y != y)
		return c128(x == 0 || isinf(x) ? x : (double)NAN, (double)NAN);
	if (x != x)
		return c128(x, y == 0 ? y : x);
	if (y == 0)
		return c128(sinh(x), y);
	if (isinf(x))
		return c128(copysign(x, x * cos(y)), copysign((double)INFINITY, sin(y)));
	if (fabs(x) > 700)
		return exp_times(fabs(x), 0.5, copysign(1.0, x) * cos(y), sin(y));
	return c128(sinh(x) * cos(y), cosh(x) * sin(y));
}

COMPLEX_FN c128 ccosh(c128 z)
{
	double x = z.re, y = z.im;

	if (isinf(y) || y != y)
		return c128(isinf(x) ? fabs(x) : (double)NAN, x == 0 ? 0 : (double)NAN);
	if (x != x)
		return c128(x, y == 0 ? y : x);
	if (isinf(x))
		return y == 0 ? c128(fabs(x), y * copysign(1.0, x))
			      : c128(copysign(x, cos(y)), copysign((double)INFINITY, x * sin(y)));
	if (fabs(x) > 700)
		return exp_times(fabs(x), 0.5, cos(y), copysign(1.0, x) * sin(y));
	return c128(cosh(x) * cos(y), sinh(x) * sin(y));
}

/* Kahan, "Branch cuts for complex elementary functions", 1987. */
COMPLEX_FN c128 ctanh(c128 z)
{
	double x = z.re, y = z.im, t, beta, s, below;

	if (isinf(x))
		return c128(copysign(1.0, x), isinf(y) || y != y ? copysign(0.0, y) : copysign(0.0, sin(y) * cos(y)));
	if (x != x)
		return c128(x, y == 0 ? y : x);
	if (isinf(y) || y != y)
		return c128(x == 0 ? x : (double)NAN, (double)NAN);
	if (fabs(x) > 22) {
		s = exp(-fabs(x));
		return c128(copysign(1.0, x), 4 * sin(y) * cos(y) * s * s);
	}
	t = tan(y);
	beta = 1 + t * t;
	s = sinh(x);
	below = 1 + beta * s * s;
	return c128(beta * sqrt(1 + s * s) * s / below, t / below);
}

/* f(i z) / i */
static inline __device__ c128 csin(c128 z)
{
	c128 w = csinh(c128(-z.im, z.re));

	return c128(w.im, -w.re);
}

static inline __device__ c128 ccos(c128 z)
{
	return ccosh(c128(-z.im, z.re));
}

static inline __device__ c128 ctan(c128 z)
{
	c128 w = ctanh(c128(-z.im, z.re));

	return c128(w.im, -w.re);
}

/*
 * -- the inverses of sinh, sin, cos and cosh --
 *
 * Source: Hull, Fairgrieve, Tang, "Implementing the complex arcsine and arccosine functions using exception
 * handling", ACM TOMS 23 (1997).  For u, v >= 0 with a = (hypot(u, v + 1) + hypot(u, v - 1)) / 2 and b = v / a:
 * asinh(u + i v) = acosh(a) + i asin(b).
 */

/* (hypot(u, w) - w) / 2, which cancels where w > 0 */
static inline __device__ double half_excess(double u, double w, double modulus)
{
	return w < 0 ? (modulus - w) / 2 : w == 0 ? u / 2 : u * u / (modulus + w) / 2;
}

struct inverse {
	double acosh_a;
	double opposite, adjacent; /* of the angle asin(b): its sine to its cosine */
};

COMPLEX_FN struct inverse inverse_parts(double u, double v)
{
	double r = hypot(u, v + 1), s = hypot(u, v - 1), a = fmax(0.5 * (r + s), 1.0), gap = fabs(v - 1), over;
	struct inverse p;

	if (a >= 10)
		p.acosh_a = log(a + sqrt(a * a - 1));
	else if (u >= EPSILON * gap && u > EPSILON * EPSILON) {
		over = half_excess(u, 1 + v, r) + half_excess(u, 1 - v, s); /* a - 1 */
		p.acosh_a = log1p(over + sqrt(over * (a + 1)));
	} else if (v == 1)
		p.acosh_a = sqrt(u);
	else if (v < 1)
		p.acosh_a = u / sqrt((1 - v) * (1 + v));
	else
		p.acosh_a = log1p(gap + sqrt(gap * (v + 1)));

	/* The cosine is sqrt(a*a - v*v) / a. */
	p.opposite = v;
	if (v <= 0.6 * a)
		p.adjacent = sqrt((a - v) * (a + v));
	else if (u >= EPSILON * gap && u > EPSILON * EPSILON)
		p.adjacent = sqrt((half_excess(u, v + 1, r) + half_excess(u, v - 1, s)) * (a + v));
	else if (v == 1)
		p.adjacent = sqrt(u) * sqrt(0.5 * (a + v));
	else if (v < 1)
		p.adjacent = sqrt((1 - v) * (1 + v));
	else {
		/* Small: both are scaled. */
		p.opposite = v * 0x1p106;
		p.adjacent = u * 0x1p106 * v / sqrt((v + 1) * (v - 1));
	}
	return p;
}

/* Beyond 2**52 the functions are logarithms of 2 |z|. */
static inline __device__ bool is_large(double x, double y)
{
	return fabs(x) > 1 / EPSILON || fabs(y) > 1 / EPSILON;
}

static inline __device__ double log_twice(double x, double y)
{
	return log_modulus(x, y) + 0.693147180559945309417;
}

COMPLEX_FN c128 casinh(c128 z)
{
	double x = z.re, y = z.im;
	struct inverse p;

	if (x != x || y != y) {
		if (isinf(x))
			return c128(x, y);
		if (isinf(y))
			return c128(copysign((double)INFINITY, x), x);
		return y == 0 ? z : c128(x + y, x + y);
	}
	if (is_large(x, y))
		return c128(copysign(log_twice(x, y), x), copysign(atan2(fabs(y), fabs(x)), y));
	if (fabs(x) < 0x1p-28 && fabs(y) < 0x1p-28)
		return z;
	p = inverse_parts(fabs(x), fabs(y));
	return c128(copysign(p.acosh_a, x), copysign(atan2(p.opposite, p.adjacent), y));
}

COMPLEX_FN c128 cacos(c128 z)
{
	double x = z.re, y = z.im;
	struct inverse p;

	if (x != x || y != y) {
		if (isinf(x))
			return c128(y, -(double)INFINITY);
		if (isinf(y))
			return c128(x, -y);
		return c128(x == 0 ? HALF_PI : x + y, x + y);
	}
	if (is_large(x, y))
		return c128(atan2(fabs(y), x), copysign(log_twice(x, y), -y));
	if (fabs(x) < 0x1p-54 && fabs(y) < 0x1p-54)
		return c128(HALF_PI, -y);
	p = inverse_parts(fabs(y), fabs(x));
	return c128(atan2(p.adjacent, copysign(p.opposite, x)), copysign(p.acosh_a, -y));
}

static inline __device__ c128 casin(c128 z)
{
	c128 w = casinh(c128(z.im, z.re));

	return c128(w.im, w.re);
}

static inline __device__ c128 cacosh(c128 z)
{
	c128 w = cacos(z);

	if (w.re != w.re)
		return c128(fabs(w.im), w.re);
	if (w.im != w.im)
		return c128(w.im, w.re);
	return c128(fabs(w.im), copysign(w.re, z.im));
}

/* -- the inverses of tanh and tan -- */

/* x / (x*x + y*y) for a large operand */
static inline __device__ double real_of_reciprocal(double x, double y)
{
	if (isinf(x) || isinf(y))
		return copysign(0.0, x);
	if (fabs(x) >= fabs(y))
		return 1 / (x + y / x * y);
	return x / y / (x / y * x + y);
}

COMPLEX_FN c128 catanh(c128 z)
{
	double x = z.re, y = z.im, a = fabs(x), b = fabs(y), re, im;

	if (y == 0 && a <= 1)
		return c128(atanh(x), y);
	if (x == 0)
		return c128(x, atan(y));
	if (x != x || y != y) {
		if (isinf(x))
			return c128(copysign(0.0, x), y);
		if (isinf(y))
			return c128(copysign(0.0, x), copysign(HALF_PI, y));
		return c128(x + y, x + y);
	}
	if (is_large(x, y))
		return c128(real_of_reciprocal(x, y), copysign(HALF_PI, y));
	if (a < 0x1p-28 && b < 0x1p-28)
		return z;
	if (a == 1 && b < EPSILON)
		re = 0.5 * (0.693147180559945309417 - log(b));
	else
		re = 0.25 * log1p(4 * a / ((a - 1) * (a - 1) + (b < 0x1p-500 ? 0 : b * b)));
	if (a == 1)
		im = atan2(2.0, -b);
	else
		im = atan2(2 * b, (1 - a) * (1 + a) - (b < EPSILON ? 0 : b * b));
	return c128(copysign(re, x), copysign(0.5 * im, y));
}

static inline __device__ c128 catan(c128 z)
{
	c128 w = catanh(c128(z.im, z.re));

	return c128(w.im, w.re);
}

#undef COMPLEX_FN
#undef HALF_PI
#undef EPSILON

#endif
