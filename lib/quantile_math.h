/*
 * Where quantiles lie in a sorted sample, and what they are between two of its elements.  C and CUDA C++; compile without contraction
 * to fused multiply-adds.
 */
#ifndef TENSOR_QUANTILE_MATH_H
#define TENSOR_QUANTILE_MATH_H

#include <math.h>

#include "quantile.h"

#ifdef __CUDACC__
#define QUANTILE_FN static __host__ __device__ inline
#else
#define QUANTILE_FN static inline
#endif

/* Where a quantile lies: between two sorted elements, at t from the first to the second. */
struct quantile_position {
	int64_t previous, next;
	double t;
	int interpolate; /* 0: it is the element previous */
};

QUANTILE_FN struct quantile_position quantile_position_of(int64_t previous, int64_t next, double t, int interpolate)
{
	struct quantile_position p = { previous, next, t, interpolate };

	return p;
}

/* x rounded to the values of type. */
QUANTILE_FN double quantile_round(enum dtype type, double x)
{
	int e;

	if (type == DT_F32)
		return (float)x;
	if (type != DT_F16 || !isfinite(x) || x == 0)
		return x;
	frexp(x, &e);
	e = (e < -13 ? -13 : e) - 11; /* 11 bits, or multiples of 2**-24 */
	x = ldexp(nearbyint(ldexp(x, -e)), e);
	return fabs(x) > 65504 ? copysign(INFINITY, x) : x;
}

QUANTILE_FN int64_t quantile_clamp(double i, int64_t n)
{
	return i < 0 ? 0 : i > (double)(n - 1) ? n - 1 : (int64_t)i;
}

/* The virtual index of the methods with parameters alpha and beta. */
QUANTILE_FN double quantile_virtual_index(double n, double q, double alpha, double beta)
{
	return n * q + (alpha + q * (1 - alpha - beta)) - 1;
}

/* The neighbours of virtual index v; outside of the sample its end, with t as NumPy has it there. */
QUANTILE_FN struct quantile_position quantile_between(double v, int64_t n)
{
	if (v >= (double)(n - 1))
		return quantile_position_of(n - 1, n - 1, v + 1, 1);
	if (v < 0)
		return quantile_position_of(0, 0, v, 1);
	return quantile_position_of((int64_t)floor(v), (int64_t)floor(v) + 1, v - floor(v), 1);
}

QUANTILE_FN struct quantile_position quantile_at(double i, int64_t n)
{
	return quantile_position_of(quantile_clamp(i, n), quantile_clamp(i, n), 0, 0);
}

QUANTILE_FN struct quantile_position quantile_locate(double q, int64_t n, enum quantile_method method)
{
	const double count = (double)n;
	const double linear = (count - 1) * q;
	struct quantile_position p = { 0, 0, 0, 0 };
	double v;

	switch (method) {
	case QUANTILE_INVERTED_CDF:
		v = count * q - 1;
		return quantile_at(v == floor(v) ? v : floor(v) + 1, n);
	case QUANTILE_AVERAGED_INVERTED_CDF:
		p = quantile_between(count * q - 1, n);
		p.t = p.t == 0 ? 0.5 : 1;
		return p;
	case QUANTILE_CLOSEST_OBSERVATION:
		v = count * q - 1 - 0.5;
		return quantile_at(v == floor(v) && fmod(floor(v), 2.0) != 0 ? v : floor(v) + 1, n);
	case QUANTILE_INTERPOLATED_INVERTED_CDF:
		return quantile_between(quantile_virtual_index(count, q, 0, 1), n);
	case QUANTILE_HAZEN:
		return quantile_between(quantile_virtual_index(count, q, 0.5, 0.5), n);
	case QUANTILE_WEIBULL:
		return quantile_between(quantile_virtual_index(count, q, 0, 0), n);
	case QUANTILE_LINEAR:
		return quantile_between(linear, n);
	case QUANTILE_MEDIAN_UNBIASED:
		return quantile_between(quantile_virtual_index(count, q, 1 / 3.0, 1 / 3.0), n);
	case QUANTILE_NORMAL_UNBIASED:
		return quantile_between(quantile_virtual_index(count, q, 3 / 8.0, 3 / 8.0), n);
	case QUANTILE_LOWER:
		return quantile_at(floor(linear), n);
	case QUANTILE_HIGHER:
		return quantile_at(ceil(linear), n);
	case QUANTILE_MIDPOINT:
		v = 0.5 * (floor(linear) + ceil(linear));
		p = quantile_between(v, n);
		p.t = v == floor(v) ? 0 : 0.5;
		return p;
	case QUANTILE_NEAREST:
		return quantile_at(nearbyint(linear), n);
	case NQUANTILE_METHODS:
		break;
	}
	return p;
}

/*
 * numpy.lib's _lerp: the neighbours are subtracted in their type, and every other operation is rounded to rest, which is float64
 * where q is an array, as that is of float64 and lifts them, and type where it is a number.
 */
QUANTILE_FN double quantile_interpolate(double a, double b, double t, enum dtype type, enum dtype rest)
{
	double d = quantile_round(type, b - a);

	if (t >= 0.5)
		return quantile_round(rest, b - quantile_round(rest, d * quantile_round(rest, 1 - t)));
	return quantile_round(rest, a + quantile_round(rest, d * quantile_round(rest, t)));
}

#endif
