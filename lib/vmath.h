/*
 * The elementary functions that the loops call, one element or one vector register at a time.
 *
 * They are SLEEF's, to 1 ULP, behind pointers that vmath_load (kernels.h) fills in: SLEEF is opened when the first loop
 * that needs it is about to run.  GCC turns a call of m_NAME in a loop into calls of its vector variants, which
 * vmath.c defines under the names of the x86 vector ABI.
 */
#ifndef TENSOR_VMATH_H
#define TENSOR_VMATH_H

#ifdef __cplusplus
#include <math.h>
#endif

#include "error.h"

/* F(name, the suffix of SLEEF's function: its bound in tenths of an ULP) */
#define VMATH1(F) \
	F(exp, u10) \
	F(exp2, u10) \
	F(expm1, u10) \
	F(log, u10) \
	F(log2, u10) \
	F(log10, u10) \
	F(log1p, u10) \
	F(sin, u10) \
	F(cos, u10) \
	F(tan, u10) \
	F(asin, u10) \
	F(acos, u10) \
	F(atan, u10) \
	F(tanh, u10) \
	F(asinh, u10) \
	F(acosh, u10) \
	F(atanh, u10) \
	F(cbrt, u10) \
	F(erf, u10) \
	F(lgamma, u10)

/* Of float32, where no form in scalar_double.h is as fast. */
#define VMATH1F(F) \
	F(sinf, u10) \
	F(cosf, u10) \
	F(tanf, u10)

#define VMATH2(F) \
	F(pow, u10) \
	F(atan2, u10) \
	F(hypot, u05)

#ifdef __cplusplus

/* In CUDA C++ they are its own functions; those of float32 by way of float64, which rounds once. */
#define DEVICE1(name, bound) \
	static inline double m_##name(double x) \
	{ \
		return name(x); \
	}
#define DEVICE2(name, bound) \
	static inline double m_##name(double x, double y) \
	{ \
		return name(x, y); \
	}
VMATH1(DEVICE1)
VMATH2(DEVICE2)
#undef DEVICE1
#undef DEVICE2

static inline float m_sinf(float x)
{
	return (float)sin((double)x);
}

static inline float m_cosf(float x)
{
	return (float)cos((double)x);
}

static inline float m_tanf(float x)
{
	return (float)tan((double)x);
}

#else

/* In the loops, calls may become calls of vector variants, which vmath.c writes itself. */
#if defined(LEVEL) && defined(__x86_64__) && !defined(TENSOR_PLAIN) && defined(__GNUC__) && !defined(__clang__)
#define VARIANTS simd("notinbranch"),
#else
#define VARIANTS
#endif

#define DECLARE1(name, bound) double m_##name(double x) __attribute__((VARIANTS const, nothrow, leaf));
#define DECLARE1F(name, bound) float m_##name(float x) __attribute__((VARIANTS const, nothrow, leaf));
#define DECLARE2(name, bound) double m_##name(double x, double y) __attribute__((VARIANTS const, nothrow, leaf));
VMATH1(DECLARE1)
VMATH1F(DECLARE1F)
VMATH2(DECLARE2)
#undef DECLARE1
#undef DECLARE1F
#undef DECLARE2
#undef VARIANTS

#endif

#endif
