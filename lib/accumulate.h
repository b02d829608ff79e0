/*
 * The accumulators of the reductions, element by element.  C and CUDA C++: the loops of this processor (reduce_*_loops.c) and
 * the kernels of devices (cuda/reduce.cuh) compile this text.  Only IEEE operations in a fixed order: compile without
 * contraction to fused multiply-adds.
 */
#ifndef TENSOR_ACCUMULATE_H
#define TENSOR_ACCUMULATE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define ACC_FN static __host__ __device__ __forceinline__
#else
#define ACC_FN static inline
#endif

/* == sums == */

/* a + b = *sum + the result, exactly (Knuth); not a number once an operand is infinite. */
ACC_FN double two_sum(double a, double b, double *sum)
{
	double s = a + b;
	double t = s - a;

	*sum = s;
	return (a - (s - t)) + (b - t);
}

/* a sum and what its roundings lost */
struct acc {
	double sum, lost;
};

ACC_FN void acc_add(struct acc *a, double x)
{
	a->lost += two_sum(a->sum, x, &a->sum);
}

ACC_FN void acc_merge(struct acc *a, const struct acc *b)
{
	a->lost += b->lost + two_sum(a->sum, b->sum, &a->sum);
}

/* Infinite and overflown sums have a correction that is not a number; they need none. */
ACC_FN double acc_value(const struct acc *a)
{
	double s = a->sum + a->lost;

	return s - s == 0 ? s : a->sum;
}

/* == extremes: all look for the largest key == */

ACC_FN int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

ACC_FN double max_nan(double a, double b)
{
	return ((a > b) | (a != a)) ? a : b;
}

ACC_FN double min_nan(double a, double b)
{
	return ((a < b) | (a != a)) ? a : b;
}

/* The largest that is a number; NaN only if both are. */
ACC_FN double max_num(double a, double b)
{
	return ((b > a) | (a != a)) ? b : a;
}

/* The key of the best element and where it is; 0, if every element has the smallest key. */
struct arg_i64 {
	int64_t key, index;
};

/*
 * The key of the best element and its index, which is a double so that the rows vectorise: exact up to 2**53.  The
 * first NaN is the best of all.
 */
struct arg_f64 {
	double key, index;
};

ACC_FN int arg_f64_better(double key, double best)
{
	return (key > best) | ((key != key) & (best == best));
}

/* Complex numbers are ordered by the real, then the imaginary part, as NumPy does. */
struct arg_c128 {
	double re, im; /* key */
	int64_t index;
};

ACC_FN int is_nan_c128(double re, double im)
{
	return (re != re) | (im != im);
}

/* Does key z come before key s for a maximum that takes the first NaN? */
ACC_FN int better_nan(double re, double im, const struct arg_c128 *s)
{
	if (is_nan_c128(s->re, s->im))
		return 0;
	return (re > s->re) | ((re == s->re) & (im > s->im)) | is_nan_c128(re, im);
}

/* The same where numbers come before NaN. */
ACC_FN int better_num(double re, double im, const struct arg_c128 *s)
{
	if (is_nan_c128(re, im))
		return 0;
	return (re > s->re) | ((re == s->re) & (im > s->im)) | is_nan_c128(s->re, s->im);
}

/* == norm == */

/* The order is known only where elements are folded in and at the end, so that an accumulator is good for every order. */
struct norm {
	struct acc sum;
	double max, min;
};

ACC_FN void norm_merge_one(struct norm *s, const struct norm *o)
{
	acc_merge(&s->sum, &o->sum);
	s->max = max_nan(s->max, o->max);
	s->min = min_nan(s->min, o->min);
}

ACC_FN double norm_value(const struct norm *s, double ord)
{
	if (ord == INFINITY)
		return s->max;
	if (ord == -INFINITY)
		return s->min;
	if (ord == 2)
		return sqrt(acc_value(&s->sum));
	if (ord == 1 || ord == 0)
		return acc_value(&s->sum);
	return pow(acc_value(&s->sum), 1 / ord);
}

/* == logsumexp: the largest element and the sum of exp(x - largest) == */

struct logsumexp {
	double max;
	struct acc sum;
};

/*
 * exp(x) for x <= 0, within 2 ULP; 0 below -700, which is nothing beside the 1 of the largest element.
 * x = k ln 2 + r, exp(r) = 1 + r + r r Q(r), Q a minimax polynomial for |r| <= ln(2) / 2, relative error 2**-57.
 * The C library's would be a call for each element.
 */
ACC_FN double exp_negative(double x)
{
	const double round = 0x1.8p52; /* adding it rounds to an integer, in the lowest bits of the sum */
	double shifted = x * 0x1.71547652b82fep+0 + round, k = shifted - round;
	double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
	double q = 0x1.ad7f9f0333dccp-26, power;
	uint64_t bits;

	q = q * r + 0x1.28ad68064d6c8p-22;
	q = q * r + 0x1.71df25270b99ap-19;
	q = q * r + 0x1.a0199a1c0e8d8p-16;
	q = q * r + 0x1.a01a012a75daap-13;
	q = q * r + 0x1.6c16c18422490p-10;
	q = q * r + 0x1.1111111127b55p-7;
	q = q * r + 0x1.55555555508aep-5;
	q = q * r + 0x1.55555555554fap-3;
	q = q * r + 0x1.000000000000ap-1;
	memcpy(&bits, &shifted, sizeof(bits));
	bits = (bits + 1023) << 52;
	memcpy(&power, &bits, sizeof(power));
	return x < -700 ? 0 : (1 + (r + r * r * q)) * power;
}

/* How far the lower of two maxima is below the higher, at most 0; 0 for equal infinities. */
ACC_FN double logsumexp_below(double a, double b)
{
	return a > b ? b - a : a == b ? 0 : a - b;
}

/* Add sum * exp(max) to s; e is exp_negative(logsumexp_below(max, s->max)). */
ACC_FN void logsumexp_add(struct logsumexp *s, double max, double sum, double lost, double e)
{
	int above = max > s->max;
	double before = above ? e : 1, now = above ? 1 : e;

	s->max = above ? max : s->max;
	s->sum.lost = s->sum.lost * before + lost * now;
	s->sum.lost += two_sum(s->sum.sum * before, sum * now, &s->sum.sum);
}

/* == variance == */

/* The number of elements, their mean, which is mean + rest, and the sum of the squared distances from it. */
struct moments_f64 {
	double n, mean, rest, m2;
};

struct moments_c128 {
	double n, mean[2], rest[2], m2;
};

/* Source: Chan, Golub, LeVeque. */
ACC_FN void merge_f64(struct moments_f64 *a, const struct moments_f64 *b)
{
	double n = a->n + b->n;
	double d = (b->mean - a->mean) + (b->rest - a->rest);

	if (b->n == 0)
		return;
	if (a->n == 0) {
		*a = *b;
		return;
	}
	a->rest += two_sum(a->mean, d * (b->n / n), &a->mean);
	a->m2 += b->m2 + d * d * (a->n * (b->n / n));
	a->n = n;
}

ACC_FN void merge_c128(struct moments_c128 *a, const struct moments_c128 *b)
{
	double n = a->n + b->n;

	if (b->n == 0)
		return;
	if (a->n == 0) {
		*a = *b;
		return;
	}
	for (int k = 0; k < 2; k++) {
		double d = (b->mean[k] - a->mean[k]) + (b->rest[k] - a->rest[k]);

		a->rest[k] += two_sum(a->mean[k], d * (b->n / n), &a->mean[k]);
		a->m2 += d * d * (a->n * (b->n / n));
	}
	a->m2 += b->m2;
	a->n = n;
}

/* s1 * s1 / n corrects the sum of squares for the rounding of the mean they are taken about. */
ACC_FN double corrected(double s2, double correction)
{
	double m2 = s2 - correction;

	return m2 < 0 ? 0 : m2;
}

/* Welford's step, with a mean of twice the precision; nothing happens if take is 0. */
ACC_FN void welford_f64(struct moments_f64 *s, double x, int take)
{
	double n = take ? s->n + 1 : s->n;
	double before = (x - s->mean) - s->rest, mean;
	double lost = two_sum(s->mean, before / (s->n + 1), &mean);
	double rest = s->rest + lost;
	double m2 = s->m2 + before * ((x - mean) - rest);

	s->mean = take ? mean : s->mean;
	s->rest = take ? rest : s->rest;
	s->m2 = take ? m2 : s->m2;
	s->n = n;
}

ACC_FN void welford_c128(struct moments_c128 *s, const double x[2], int take)
{
	if (!take)
		return;
	s->n += 1;
	for (int k = 0; k < 2; k++) {
		double d = (x[k] - s->mean[k]) - s->rest[k];

		s->rest[k] += two_sum(s->mean[k], d / s->n, &s->mean[k]);
		s->m2 += d * ((x[k] - s->mean[k]) - s->rest[k]);
	}
}

/* NumPy's divisor: var of too few elements is nan or inf. */
ACC_FN double variance(double m2, double n, double correction)
{
	double divisor = n - correction;

	return m2 / (divisor > 0 ? divisor : 0);
}

/* np.nanvar: of too few elements it is nan. */
ACC_FN double nanvariance(double m2, double n, double correction)
{
	return n - correction > 0 ? m2 / (n - correction) : NAN;
}

/* == mean without NaN: the sum and the number of numbers == */

struct nanmean_f64 {
	struct acc sum;
	double count; /* as wide as the others, so that the rows vectorise */
};

struct nanmean_c128 {
	struct acc sum[2];
	double count;
};

#endif
