/* Quantiles and medians of one sample, as NumPy computes them. */
#ifndef TENSOR_QUANTILE_H
#define TENSOR_QUANTILE_H

#include <stdint.h>

#include "dtype.h"

/* NumPy's names: the nine of Hyndman and Fan, then four more. */
enum quantile_method {
	QUANTILE_INVERTED_CDF,
	QUANTILE_AVERAGED_INVERTED_CDF,
	QUANTILE_CLOSEST_OBSERVATION,
	QUANTILE_INTERPOLATED_INVERTED_CDF,
	QUANTILE_HAZEN,
	QUANTILE_WEIBULL,
	QUANTILE_LINEAR,
	QUANTILE_MEDIAN_UNBIASED,
	QUANTILE_NORMAL_UNBIASED,
	QUANTILE_LOWER,
	QUANTILE_HIGHER,
	QUANTILE_MIDPOINT,
	QUANTILE_NEAREST,
	NQUANTILE_METHODS
};

extern const char *const quantile_method_name[NQUANTILE_METHODS];

/* What BLOCK_QUANTILE computes of each row of n elements, the row being the reduced elements of one result. */
struct order_statistic {
	int64_t n;
	bool median;
	bool skip_nan;
	enum quantile_method method;
	enum dtype type, rest; /* as for quantile_run */
	int nq;		       /* results a row: out[k][row] */
	double q[];
};

/* The method of this name, or -1. */
int quantile_method_find(const char *name);

/*
 * out[i] = the q[i] quantile of x[0..n-1], n >= 1, 0 <= q[i] <= 1; NaN if x holds one.  x is reordered.  O(n) for few q,
 * O(n log n) at worst.
 *
 * type is the element type that NumPy subtracts neighbours in: DT_F64, or DT_F32 or DT_F16 for an x whose elements come
 * from such an array.  rest is what it interpolates in: the same for a Python float q (results then have that type's
 * values), DT_F64 for an array.  Integers count as DT_F64, bfloat16 as DT_F32.
 * Source: numpy.quantile, NumPy 2.4.
 */
void quantile_run(double *x, int64_t n, const double *q, int nq, enum quantile_method method, enum dtype type,
		  enum dtype rest, double *out);

/* The median of x[0..n-1]: the mean of the middle two if n is even; NaN if x holds one or n is 0.  x is reordered. */
double median_run(double *x, int64_t n);

#endif
