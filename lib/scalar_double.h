/*
 * The elementary and special functions of the loops, computed in double.
 *
 * d_NAME are right to 1 ULP of a double, through SLEEF (m_NAME) or pairs of doubles (scalar_pair.h).  h_NAME ("half the
 * digits") are short forms of the same functions, right to 2**-36 or better for arguments in float32's range: rounded
 * once they are right to 0.501 ULP in float32.  They need no library, and compositions such as the sigmoid lose nothing
 * on the way.  Sums of products are written without fused multiply-adds, so every processor computes the same bits.
 */
#ifndef TENSOR_SCALAR_DOUBLE_H
#define TENSOR_SCALAR_DOUBLE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "vmath.h"

#define LN2 0.693147180559945309417
#define LN2_REST 2.319046813846299558e-17 /* the rest of it */
#define LOG2_E 1.442695040888963407360
#define LOG10_2 0.301029995663981195214
#define LOG10_E 0.434294481903251827651
#define PI 3.141592653589793238463
#define SQRT_HALF 0.707106781186547524401
#define SQRT_HALF_REST -4.833646656726456726e-17 /* the rest of it */

static inline uint64_t double_bits(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline double bits_double(uint64_t u)
{
	double x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

/*
 * c ? a : b, for what goes into or comes out of a call.  GCC would make ?: a branch there, to save the call or one with
 * a constant, and not vectorise the loop.
 */
static inline double pick(bool c, double a, double b)
{
	uint64_t mask = -(uint64_t)c;

	return bits_double((double_bits(a) & mask) | (double_bits(b) & ~mask));
}

/* -- h: exponential -- */

/*
 * scale - 1 + scale * (e**r - 1), for x = k ln 2 + r, scale = 2**k.  What is added to 2**k is passed as base: with
 * scale itself the sum is e**x.
 */
static inline double h_exp_from(double shifted, double r, double minus)
{
	double g =
		0.5 +
		r * (0.16666666719028936 +
		     r * (0.04166666671901226 +
			  r * (0.00833329846980059 + r * (0.001388885403566671 +
							  r * (0.00019899285575896282 + r * 2.4859589834589056e-05)))));
	double scale = bits_double((double_bits(shifted) + 1023) << 52);

	return (scale - minus) + scale * (r + r * r * g);
}

/* Adding this rounds to an integer, which then stands in the last bits of the sum. */
#define TO_INTEGER 0x1.8p52

static inline double h_limit(double x, double limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

static inline double h_exp(double x)
{
	double limited = h_limit(x, 700), shifted = limited * LOG2_E + TO_INTEGER;

	return h_exp_from(shifted, limited - (shifted - TO_INTEGER) * LN2, 0);
}

static inline double h_expm1(double x)
{
	double limited = h_limit(x, 700), shifted = limited * LOG2_E + TO_INTEGER;
	double result = h_exp_from(shifted, limited - (shifted - TO_INTEGER) * LN2, 1);

	return x == 0 ? x : result;
}

static inline double h_exp2(double x)
{
	double limited = h_limit(x, 1000), shifted = limited + TO_INTEGER;

	return h_exp_from(shifted, (limited - (shifted - TO_INTEGER)) * LN2, 0);
}

/* -- h: logarithm -- */

/* log((1 + s) / (1 - s)) for |s| <= 0.172 */
static inline double h_log_series(double s)
{
	double z = s * s;

	return 2 * s +
	       s * z *
		       (0.6666666666666208 +
			z * (0.400000000112122 +
			     z * (0.2857142413651635 +
				  z * (0.22222862476849542 + z * (0.18140185202493248 + z * 0.166219470901774)))));
}

/* x = 2**k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2); x positive, normal. */
static inline double h_split(double x, double *f)
{
	uint64_t above = double_bits(x) - double_bits(SQRT_HALF);
	uint64_t k = (above + (UINT64_C(1024) << 52)) >> 52; /* biased by 1024 */

	*f = bits_double(double_bits(x) - (k << 52) + (UINT64_C(1024) << 52)) - 1;
	return bits_double(k | double_bits(0x1p52)) - (0x1p52 + 1024);
}

/* The logarithm of x is value, but for the x that have none. */
static inline double h_log_special(double x, double value)
{
	double positive = x == (double)INFINITY ? x : value;

	return x > 0 ? positive : x == 0 ? -(double)INFINITY : (double)NAN;
}

static inline double h_log(double x)
{
	double f, k = h_split(x, &f);

	return h_log_special(x, k * LN2 + h_log_series(f / (2 + f)));
}

static inline double h_log2(double x)
{
	double f, k = h_split(x, &f);

	return h_log_special(x, k + h_log_series(f / (2 + f)) * LOG2_E);
}

static inline double h_log10(double x)
{
	double f, k = h_split(x, &f);

	return h_log_special(x, k * LOG10_2 + h_log_series(f / (2 + f)) * LOG10_E);
}

static inline double h_log1p(double x)
{
	double u = 1 + x, rounded, k = h_split(u, &rounded), f = k == 0 ? x : rounded;
	double value = h_log_special(u, k * LN2 + h_log_series(f / (2 + f)));

	return x == 0 ? x : value;
}

/* -- h: hyperbolic functions -- */

static inline double h_tanh(double x)
{
	double e = h_expm1(2 * h_limit(__builtin_fabs(x), 20));

	return __builtin_copysign(e / (e + 2), x);
}

static inline double h_sinh(double x)
{
	double e = h_expm1(__builtin_fabs(x));

	return __builtin_copysign(0.5 * (e + e / (e + 1)), x);
}

static inline double h_cosh(double x)
{
	double e = h_exp(x);

	return 0.5 * (e + 1 / e);
}

static inline double h_asinh(double x)
{
	double a = __builtin_fabs(x);

	double less = a * a / (1 + __builtin_sqrt(1 + a * a)); /* sqrt(1 + a*a) - 1 */

	return __builtin_copysign(h_log1p(a + (a > 1e15 ? a : less)), x);
}

static inline double h_acosh(double x)
{
	double t = x - 1, value = h_log1p(t + __builtin_sqrt(t * (t + 2)));

	return x < 1 ? (double)NAN : value;
}

static inline double h_atanh(double x)
{
	double a = __builtin_fabs(x);

	return __builtin_copysign(0.5 * h_log1p(2 * a / (1 - a)), x);
}

/* -- h: error function -- */

/* erfc(a) for a >= 0: exp(-a*a) times a polynomial in (a - 3.75) / (a + 3.75). */
static inline double h_erfc_positive(double a)
{
	double limited = h_limit(a, 12), w = (limited - 3.75) / (limited + 3.75);
	double p =
		0.14558972127501785 +
		w * (-0.27342193149658695 +
		     w * (0.2260080669219633 +
			  w * (-0.16357189542893202 +
			       w * (0.10260431184925961 +
				    w * (-0.05480232901718317 +
					 w * (0.024143225575541005 +
					      w * (-0.00822059585256309 +
						   w * (0.0018029655260707034 +
							w * (-2.5672275306451882e-05 +
							     w * (-0.0001525629786330233 +
								  w * (4.824871849093618e-05 +
								       w * (4.037770604944291e-06 +
									    w * (-6.4617715888076124e-06 +
										 w * (4.957357769896697e-08 +
										      w * 4.5263714671777776e-07))))))))))))));

	return h_exp(-limited * limited) * p;
}

static inline double h_erfc(double x)
{
	double tail = h_erfc_positive(__builtin_fabs(x));

	return x < 0 ? 2 - tail : tail;
}

static inline double h_erf(double x)
{
	double a = __builtin_fabs(x), z = x * x, tail = 1 - h_erfc_positive(a);
	double p = a * (1.1283791670946768 +
			z * (-0.3761263888963531 +
			     z * (0.11283791308604582 +
				  z * (-0.026866133235095593 +
				       z * (0.005223783477189248 +
					    z * (-0.0008542637997087229 +
						 z * (0.0001195656256820733 +
						      z * (-1.3909340021874599e-05 + z * 1.058938064107502e-06))))))));

	return __builtin_copysign(a < 1 ? p : tail, x);
}

/* -- h: powers -- */

static inline double h_cbrt(double x)
{
	return __builtin_copysign(h_exp(h_log(__builtin_fabs(x)) * (1.0 / 3)), x);
}

static inline double h_pow(double x, double y)
{
	double a = __builtin_fabs(x);
	double power = h_exp2(y * h_log2(a));
	double whole = __builtin_floor(y), half = y * 0.5;
	double odd = half != __builtin_floor(half) ? -power : power;
	double of_negative = whole == y ? odd : a == 0 || a == (double)INFINITY ? power : (double)NAN;
	/* -0 counts as negative: its odd powers have a sign. */
	double value = double_bits(x) >> 63 ? of_negative : power;

	/* 1 to any power, and -1 to an infinite one. */
	return y == 0 || x == 1 || (x == -1 && __builtin_fabs(y) == (double)INFINITY) ? 1 : value;
}

static inline double h_hypot(double x, double y)
{
	double value = __builtin_sqrt(x * x + y * y);
	double inf = (double)INFINITY;

	return __builtin_fabs(x) == inf || __builtin_fabs(y) == inf ? inf : value;
}

/* -- d -- */

#define THROUGH_SLEEF(name) \
	static inline double d_##name(double x) \
	{ \
		return m_##name(x); \
	}
THROUGH_SLEEF(exp)
THROUGH_SLEEF(exp2)
THROUGH_SLEEF(expm1)
THROUGH_SLEEF(log)
THROUGH_SLEEF(log2)
THROUGH_SLEEF(log10)
THROUGH_SLEEF(sin)
THROUGH_SLEEF(cos)
THROUGH_SLEEF(asin)
THROUGH_SLEEF(acos)
THROUGH_SLEEF(atan)
THROUGH_SLEEF(cbrt)
THROUGH_SLEEF(erf)
THROUGH_SLEEF(lgamma)
#undef THROUGH_SLEEF

/* The vector function is an infinity for the largest x, which is within its bound, and within nobody's expectation. */
static inline double d_pow(double x, double y)
{
	return pick(y == 1, x, m_pow(x, y));
}

/* The vector function loses digits of quotients that underflow. */
static inline double d_atan2(double y, double x)
{
	double q = y / x;

	return pick(x > 0 && __builtin_fabs(q) < 0x1p-28, q, m_atan2(y, x));
}

static inline double d_hypot(double x, double y)
{
	return m_hypot(x, y);
}

/*
 * What SLEEF leaves to be done: near 0 it may be a full ULP away from what is x to the last bit, and where an argument
 * or an intermediate result overflows it gives inf.
 */

#define TINY 1e-9

static inline double d_log1p(double x)
{
	bool huge = x > 1e300;
	double value = m_log1p(pick(huge, __builtin_sqrt(x), x)) * pick(huge, 2, 1);

	return pick(__builtin_fabs(x) < TINY * TINY, x, value);
}

static inline double d_tan(double x)
{
	return pick(__builtin_fabs(x) < TINY, x, m_tan(x));
}

static inline double d_tanh(double x)
{
	return pick(__builtin_fabs(x) < TINY, x, m_tanh(x));
}

static inline double d_atanh(double x)
{
	return pick(__builtin_fabs(x) < TINY, x, m_atanh(x));
}

/* Of large a both inverses are log(2 a), twice the value at sqrt(a / 2). */
static inline double d_asinh(double x)
{
	double a = __builtin_fabs(x);
	bool large = a > 1e150;
	double value = m_asinh(pick(large, __builtin_sqrt(0.5 * a), a)) * pick(large, 2, 1);

	return __builtin_copysign(pick(a < TINY, a, value), x);
}

static inline double d_acosh(double x)
{
	bool large = x > 1e150;

	return m_acosh(pick(large, __builtin_sqrt(0.5 * x), x)) * pick(large, 2, 1);
}

/*
 * What is lost in p = a * b, where nothing underflows and neither is above 2**996.  Exact, and so the same with a fused
 * multiply-add, which is fast where the processor has it, as in parts of 26 bits.
 */
#if defined(__FMA__) || defined(__cplusplus)
static inline double product_error(double a, double b, double p)
{
	return fma(a, b, -p);
}
#else
static inline double leading(double x)
{
	return bits_double((double_bits(x) + 0x4000000) & ~UINT64_C(0x7ffffff));
}

static inline double product_error(double a, double b, double p)
{
	double a1 = leading(a), a2 = a - a1, b1 = leading(b), b2 = b - b1;

	return ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2;
}
#endif

/* 1 / sqrt(x) rounds twice: one step of Newton's method on the exact residual 1 - x*y*y. */
static inline double d_rsqrt(double x)
{
	bool huge = x > 0x1p900;
	double a = x * pick(huge, 0x1p-200, 1), y = 1 / __builtin_sqrt(a), ay = a * y, one = ay * y;
	double residual = (1 - one) - product_error(ay, y, one) - product_error(a, y, ay) * y;
	double better = y + 0.5 * y * residual;

	return pick(better == better, better, y) * pick(huge, 0x1p-100, 1);
}

static inline double d_deg2rad(double x)
{
	return x * (PI / 180);
}

static inline double d_rad2deg(double x)
{
	return x * (180 / PI);
}

static inline double d_hardsigmoid(double x)
{
	return x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6;
}

#include "scalar_pair.h"

/* Hurwitz's zeta function for s > 1, q > 0: terms up to s + 10, the rest by Euler and Maclaurin.  Source: cephes, zeta. */
static inline double d_hurwitz(double s, double q)
{
	/* (2k)! / B(2k) */
	static const double a[] = { 12.0,
				    -720.0,
				    30240.0,
				    -1209600.0,
				    47900160.0,
				    -1.8924375803183791606e9,
				    7.47242496e10,
				    -2.950130727918164224e12,
				    1.1646782814350067249e14,
				    -4.5979787224074726105e15,
				    1.8152105401943546773e17,
				    -7.1661652561756670113e18 };
	double sum = 0, power, factor = 1, up = 0;

	for (; q < s + 10; q += 1) {
		power = m_pow(q, -s);
		sum += power;
		/* Each term is at most exp(-s / (q + 1)) of the one before it. */
		if (power <= sum * 0x1p-70)
			return sum;
	}
	power = m_pow(q, -s);
	sum += power * q / (s - 1) + power / 2;
	for (int i = 0; i < 12; i++) {
		factor *= s + up;
		power /= q;
		sum += factor * power / a[i];
		factor *= s + up + 1;
		power /= q;
		up += 2;
	}
	return sum;
}

/*
 * The derivative of order n of digamma, +-n! zeta(n + 1, x).  For x < 0 the sum runs over all integers, but for those that
 * zeta(n + 1, 1 - x) has; it is counted from the one next to x, where that matters exactly.
 */
static inline double d_polygamma(double n, double x)
{
	double sign = __builtin_fmod(n, 2) == 0 ? -1 : 1, factorial = 1, z;

	if (n == 0)
		return d_digamma(x);
	/* The factorial of more is beyond float64, and the sum as long as n. */
	if (!(n > 0 && n <= 170) || n != __builtin_floor(n) || x != x || x == -(double)INFINITY)
		return (double)NAN;
	if (x == (double)INFINITY)
		return sign * 0;
	if (x <= 0) {
		double part = x - __builtin_rint(x);

		if (part == 0)
			return sign * (double)INFINITY;
		z = m_pow(__builtin_fabs(part), -(n + 1)) * (part < 0 ? sign : 1) + d_hurwitz(n + 1, 1 + part) +
		    sign * (d_hurwitz(n + 1, 1 - part) - d_hurwitz(n + 1, 1 - x));
	} else {
		z = d_hurwitz(n + 1, x);
	}
	for (double i = 2; i <= n && factorial < (double)INFINITY; i += 1)
		factorial *= i;
	return sign * factorial * z;
}

/* -- h: compositions; d_NAME are in scalar_pair.h -- */

/* So that -inf times the 0 that a function tends to is 0. */
static inline double finite_below(double x)
{
	return pick(x == -(double)INFINITY, 0, x);
}

static inline double h_sigmoid(double x)
{
	double e = h_exp(-__builtin_fabs(x));

	return pick(x < 0, e, 1) / (1 + e);
}

static inline double h_softplus(double x)
{
	double low = h_log1p(h_exp(-__builtin_fabs(x)));

	return pick(x > 0, x, 0) + low;
}

static inline double h_logsigmoid(double x)
{
	return -h_softplus(-x);
}

static inline double h_silu(double x)
{
	return finite_below(x) * h_sigmoid(x);
}

/* 0.5 (1 + tanh u) is the sigmoid of 2 u. */
static inline double h_gelu_tanh(double x)
{
	return finite_below(x) * h_sigmoid(1.5957691216057307117597842397375 * (x + 0.044715 * x * x * x));
}

/* x tanh(log(1 + e)) with e = exp(x), as a fraction that never subtracts */
static inline double h_mish(double x)
{
	double e = h_exp(-__builtin_fabs(x));
	double top = pick(x < 0, e * (e + 2), 1 + 2 * e), bottom = top + pick(x < 0, 2, 2 * e * e);

	return finite_below(x) * (top / bottom);
}

/* Beyond -40 the result underflows, but for large x times what erfc is there. */
static inline double h_gelu(double x)
{
	double a = pick(x < -40, -40, x);

	return 0.5 * a * h_erfc(-a * SQRT_HALF);
}

static inline double h_elu(double x, double alpha)
{
	double low = alpha * h_expm1(pick(x > 0, 0, x));

	return pick(x > 0, x, low);
}

static inline double h_celu(double x, double alpha)
{
	double low = alpha * h_expm1(pick(x > 0, 0, x) / alpha);

	return pick(x > 0, x, low);
}

static inline double h_selu(double x)
{
	double low = 1.7580993408473768599402175208123 * h_expm1(pick(x > 0, 0, x));

	return pick(x > 0, 1.0507009873554804934193349852946 * x, low);
}

static inline double h_logaddexp(double x, double y)
{
	double sum = pick(x > y, x, y) + h_log1p(h_exp(-__builtin_fabs(x - y)));

	/* Equal infinities have no difference. */
	return pick(x == y, x + LN2, pick(x != x, x, sum));
}

static inline double h_logaddexp2(double x, double y)
{
	double sum = pick(x > y, x, y) + h_log1p(h_exp2(-__builtin_fabs(x - y))) * LOG2_E;

	return pick(x == y, x + 1, pick(x != x, x, sum));
}

static inline double h_xlogy(double x, double y)
{
	double product = x * h_log(y);

	return pick(x == 0 && y == y, 0, product);
}

/* log(x / (1 - x)); the other form where x / (1 - x) is near 1 */
static inline double h_logit(double x)
{
	double middle = 2 * h_atanh(2 * x - 1), outer = h_log(x / (1 - x));

	return pick(__builtin_fabs(x - 0.5) < 0.25, middle, outer);
}

static inline double h_softsign(double x)
{
	return x / (1 + __builtin_fabs(x));
}

static inline double h_hardswish(double x)
{
	return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
}

#endif
