/* How one float becomes an integer, in the loops and the CUDA kernels alike. */
#ifndef TENSOR_CAST_SCALAR_H
#define TENSOR_CAST_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Floats to integers, as NumPy's loops do on x86: truncated to int32 or int64, and to the smallest of those where the
 * value is beyond them or nan; narrower integers take the low bits.
 */
static inline int32_t int32_f32(float x)
{
	return (int32_t)(x >= -0x1p31f && x < 0x1p31f ? x : -0x1p31f);
}

static inline int32_t int32_f64(double x)
{
	return (int32_t)(x > -0x1.00000002p31 && x < 0x1p31 ? x : -0x1p31);
}

static inline int64_t int64_f32(float x)
{
	return (int64_t)(x >= -0x1p63f && x < 0x1p63f ? x : -0x1p63f);
}

static inline int64_t int64_f64(double x)
{
	return (int64_t)(x >= -0x1p63 && x < 0x1p63 ? x : -0x1p63);
}

static inline uint64_t uint64_f32(float x)
{
	bool high = x >= 0x1p63f;

	return (uint64_t)int64_f32(high ? x - 0x1p63f : x) ^ (uint64_t)high << 63;
}

static inline uint64_t uint64_f64(double x)
{
	bool high = x >= 0x1p63;

	return (uint64_t)int64_f64(high ? x - 0x1p63 : x) ^ (uint64_t)high << 63;
}

#endif
