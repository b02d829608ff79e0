/*
 * What the expr column of ops.def calls: the functions of lib/scalar_math.h, compiled for the device, and t_NAME(x),
 * which chooses one by the type of x, as lib/scalar_generic.h does in C.
 */
#ifndef TENSOR_CUDA_SCALAR_CUH
#define TENSOR_CUDA_SCALAR_CUH

#include "common.cuh"
#include "complex_math.cuh"

#define inline inline __device__
#include "lib/scalar_math.h"
#undef inline

#define CHOOSE1(name, type, s) \
	static inline __device__ auto t_##name(type x) \
	{ \
		return t_##name##_##s(x); \
	}
#define CHOOSE2(name, type, s) \
	static inline __device__ auto t_##name(type x, type y) \
	{ \
		return t_##name##_##s(x, y); \
	}
#define INTEGERS(F, name) \
	F(name, int8_t, i8) \
	F(name, int16_t, i16) \
	F(name, int32_t, i32) \
	F(name, int64_t, i64) \
	F(name, uint8_t, u8) F(name, uint16_t, u16) F(name, uint32_t, u32) F(name, uint64_t, u64)
#define FLOATS(F, name) F(name, float, f32) F(name, double, f64)
#define COMPLEXES(F, name) F(name, c64, c64) F(name, c128, c128)
/* Of the types that have no function of their own. */
#define OTHERWISE1(name, value) \
	template <class T> static inline __device__ auto t_##name(T x) \
	{ \
		return value; \
	}
#define OTHERWISE2(name, value) \
	template <class T> static inline __device__ auto t_##name(T x, T y) \
	{ \
		return value; \
	}

/* -- integers and floats -- */

INTEGERS(CHOOSE2, shl)
INTEGERS(CHOOSE2, shr)
INTEGERS(CHOOSE2, gcd)
INTEGERS(CHOOSE2, lcm)
INTEGERS(CHOOSE2, remainder)
FLOATS(CHOOSE2, remainder)
INTEGERS(CHOOSE2, floordiv)
FLOATS(CHOOSE2, floordiv)
INTEGERS(CHOOSE2, fmod)
FLOATS(CHOOSE2, fmod)
FLOATS(CHOOSE2, copysign)
CHOOSE2(nextafter, struct f16, f16)
CHOOSE2(nextafter, struct bf16, bf16)
FLOATS(CHOOSE2, nextafter)
FLOATS(CHOOSE1, floor)
OTHERWISE1(floor, x)
FLOATS(CHOOSE1, ceil)
OTHERWISE1(ceil, x)
FLOATS(CHOOSE1, trunc)
OTHERWISE1(trunc, x)

static inline __device__ bool t_signbit(float x)
{
	return float_bits(x) >> 31 != 0;
}

static inline __device__ bool t_signbit(double x)
{
	return double_bits(x) >> 63 != 0;
}

OTHERWISE1(signbit, x < 0)

/* -- complex: order, arithmetic -- */

static inline __device__ float t_real(c64 x)
{
	return x.re;
}

static inline __device__ double t_real(c128 x)
{
	return x.re;
}

OTHERWISE1(real, x)

static inline __device__ float t_imag(c64 x)
{
	return x.im;
}

static inline __device__ double t_imag(c128 x)
{
	return x.im;
}

OTHERWISE1(imag, ((void)x, (T)0))

static inline __device__ c64 t_conj(c64 x)
{
	return conjf(x);
}

static inline __device__ c128 t_conj(c128 x)
{
	return conj(x);
}

OTHERWISE1(conj, x)

static inline __device__ bool t_isnan(c64 x)
{
	return nan_c64(x);
}

static inline __device__ bool t_isnan(c128 x)
{
	return nan_c128(x);
}

OTHERWISE1(isnan, x != x)

static inline __device__ float t_reciprocal(float x)
{
	return 1 / x;
}

static inline __device__ double t_reciprocal(double x)
{
	return 1 / x;
}

COMPLEXES(CHOOSE1, reciprocal)
/* 0 but for 1 and -1. */
OTHERWISE1(reciprocal, (T)(x > 0 ? x == 1 : -(-1 == (int64_t)x)))

COMPLEXES(CHOOSE2, mul)
OTHERWISE2(mul, x *y)
COMPLEXES(CHOOSE2, div)
OTHERWISE2(div, x / y)
COMPLEXES(CHOOSE2, lt)
OTHERWISE2(lt, x < y)
COMPLEXES(CHOOSE2, le)
OTHERWISE2(le, x <= y)
FLOATS(CHOOSE1, angle)
COMPLEXES(CHOOSE1, angle)
FLOATS(CHOOSE1, round)
COMPLEXES(CHOOSE1, round)
FLOATS(CHOOSE1, isinf)
COMPLEXES(CHOOSE1, isinf)
OTHERWISE1(isinf, ((void)x, false))
FLOATS(CHOOSE1, isfinite)
COMPLEXES(CHOOSE1, isfinite)
OTHERWISE1(isfinite, ((void)x, true))
FLOATS(CHOOSE1, abs)
COMPLEXES(CHOOSE1, abs)
OTHERWISE1(abs, (T)(x < 0 ? -x : x))
COMPLEXES(CHOOSE1, sign)
OTHERWISE1(sign, (T)(x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x))

/* -- functions that round -- */

#define FLOATS1(name) FLOATS(CHOOSE1, name)
#define FLOATS2(name) FLOATS(CHOOSE2, name)
#define ALL1(name) FLOATS(CHOOSE1, name) COMPLEXES(CHOOSE1, name)
ALL1(sqrt)
ALL1(rsqrt)
ALL1(exp)
ALL1(exp2)
ALL1(expm1)
ALL1(log)
ALL1(log2)
ALL1(log10)
ALL1(log1p)
ALL1(sin)
ALL1(cos)
ALL1(tan)
ALL1(asin)
ALL1(acos)
ALL1(atan)
ALL1(sinh)
ALL1(cosh)
ALL1(tanh)
ALL1(asinh)
ALL1(acosh)
ALL1(atanh)
FLOATS1(cbrt)
FLOATS1(erf)
FLOATS1(erfc)
FLOATS1(erfinv)
FLOATS1(lgamma)
FLOATS1(digamma)
FLOATS1(deg2rad)
FLOATS1(rad2deg)
FLOATS1(sinc)
FLOATS1(logit)
FLOATS1(sigmoid)
FLOATS1(softplus)
FLOATS1(logsigmoid)
FLOATS1(silu)
FLOATS1(gelu)
FLOATS1(gelu_tanh)
FLOATS1(mish)
FLOATS1(selu)
FLOATS1(hardsigmoid)
FLOATS1(hardswish)
FLOATS1(softsign)
FLOATS2(elu)
FLOATS2(celu)
INTEGERS(CHOOSE2, pow)
FLOATS2(pow)
COMPLEXES(CHOOSE2, pow)
FLOATS2(polygamma)
FLOATS2(atan2)
FLOATS2(hypot)
FLOATS2(logaddexp)
FLOATS2(logaddexp2)
FLOATS2(xlogy)

/* -- the rest -- */

static inline __device__ bool t_invert(bool x)
{
	return !x;
}

OTHERWISE1(invert, (T)~x)

#undef CHOOSE1
#undef CHOOSE2
#undef INTEGERS
#undef FLOATS
#undef COMPLEXES
#undef OTHERWISE1
#undef OTHERWISE2
#undef FLOATS1
#undef FLOATS2
#undef ALL1

#endif
