/* Kernels that make elements of their index: ranges and random numbers; see kernels.h. */
#ifndef TENSOR_CUDA_CREATE_CUH
#define TENSOR_CUDA_CREATE_CUH

#include "common.cuh"

/* -- ranges: pull_range in lib/pull.c -- */

KERNEL(range_i64, (int64_t n, int64_t *out, int64_t start, int64_t first, int64_t step))
{
	EACH(i, n) out[i] = (int64_t)((uint64_t)first + (uint64_t)(start + i) * (uint64_t)step);
}

KERNEL(range_f32, (int64_t n, float *out, int64_t start, double first, double step))
{
	float from = (float)first, by = (float)step;

	EACH(i, n) out[i] = from + (float)(start + i) * by;
}

/* base**y; whole powers that are whole numbers below 2**53 are exact, as they are in the C library. */
static inline __device__ double range_power(double base, double y)
{
	double power = 1, square = base;

	if (!(y >= 0 && y <= 64 && y == floor(y)))
		return pow(base, y);
	ROLLED for (int e = (int)y; e; e >>= 1)
	{
		if (e & 1)
			power *= square;
		square *= square;
	}
	return fabs(power) <= 0x1p53 && power == floor(power) ? power : pow(base, y);
}

static inline __device__ double range_element(int kind, int64_t i, double first, double step, double stop, double base,
					      int64_t pinned)
{
	if (kind == CUDA_GEOMSPACE) {
		if (i == 0)
			return base;
		return i == pinned ? stop : copysign(range_power(10, (double)i * step + first), base);
	}
	if (i == pinned)
		return stop;
	double v = first + (double)i * step;
	return kind == CUDA_LOGSPACE ? range_power(base, v) : v;
}

KERNEL(range_f64, (int64_t n, double *out, int64_t start, int kind, double first, double step, double stop, double base,
		   int64_t pinned, int whole))
{
	EACH(i, n)
	{
		double v = range_element(kind, start + i, first, step, stop, base, pinned);

		out[i] = whole && kind != CUDA_GEOMSPACE ? floor(v) : v;
	}
}

/* -- random numbers: the same text as the CPU's, lib/philox.h -- */

#define RANDOM(name, type, stream, expr) \
	KERNEL(random_##name, \
	       (int64_t n, type * out, int64_t start, uint64_t seed, double a, double b, uint64_t lo, uint64_t range)) \
	{ \
		(void)a, (void)b, (void)lo, (void)range; \
		EACH(i, n) \
		{ \
			struct philox_bits r = philox_draw(seed, (uint64_t)(start + i), stream); \
\
			out[i] = (type)(expr); \
		} \
	}
RANDOM(uniform, double, PHILOX_UNIFORM, a + (b - a) * philox_unit(r.a))
RANDOM(normal, double, PHILOX_NORMAL, a + b * philox_normal(r))
RANDOM(exponential, double, PHILOX_EXPONENTIAL, a *philox_exponential(r))
RANDOM(bernoulli, int64_t, PHILOX_BERNOULLI, philox_unit(r.a) < a)
RANDOM(integer, int64_t, PHILOX_INTEGER, lo + philox_below(r, range))
#undef RANDOM

#endif
