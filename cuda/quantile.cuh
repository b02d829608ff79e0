/* Order statistics of sorted rows: see kernels.h. */
#ifndef TENSOR_CUDA_QUANTILE_CUH
#define TENSOR_CUDA_QUANTILE_CUH

#include "common.cuh"

#include "lib/quantile_math.h"

/* How many of n sorted elements are numbers: NaN comes last. */
static __device__ __forceinline__ int64_t quantile_numbers(const double *x, int64_t n)
{
	int64_t low = 0, high = n;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (x[mid] == x[mid])
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static __device__ __forceinline__ double quantile_of(const double *x, int64_t n, double q,
						     const struct quantile_layout &l)
{
	const enum quantile_method method = (enum quantile_method)l.method;
	const enum dtype type = (enum dtype)l.type, rest = (enum dtype)l.rest;

	if (l.median) {
		double a = x[(n - 1) / 2], b = x[n / 2];

		return n % 2 ? a : (a + b) / 2;
	}
	struct quantile_position p = quantile_locate(q, n, method);

	return p.interpolate ? quantile_interpolate(x[p.previous], x[p.next], p.t, type, rest) : x[p.previous];
}

KERNEL(quantile_f64,
       (int64_t tasks, double *out, const double *x, const double *q, int64_t rows, struct quantile_layout l))
{
	EACH(t, tasks)
	{
		int64_t row, k = divided(t, rows, &row), n = quantile_numbers(x + row * l.n, l.n);

		out[t] = n == 0 || (n < l.n && !l.skip_nan) ? NAN : quantile_of(x + row * l.n, n, q[k], l);
	}
}

KERNEL(quantile_pick,
       (int64_t tasks, uint64_t *out, const uint64_t *x, const double *q, int64_t rows, struct quantile_layout l))
{
	EACH(t, tasks)
	{
		int64_t row, k = divided(t, rows, &row);

		out[t] = x[row * l.n + quantile_locate(q[k], l.n, (enum quantile_method)l.method).previous];
	}
}

#endif
