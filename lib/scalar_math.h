/*
 * The functions that the expr column of ops.def calls, for one element of type S: t_NAME_S(x).  What expr says,
 * t_NAME(x), chooses by the type of x: in C in scalar_generic.h, in CUDA C++ in cuda/scalar.cuh.
 *
 * Included by the loops, and by the CUDA kernels, which have functions of their own in place of those of <complex.h>.
 * What GCC is to vectorise has no branches: both sides are computed and one is chosen.
 */
#ifndef TENSOR_SCALAR_MATH_H
#define TENSOR_SCALAR_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "half.h"
#include "loops.h"
#include "scalar_double.h"
#include "scalar_single.h"

/* F(type, suffix) for each type of the class */
#define FOR_SIGNED(F) \
	F(int8_t, uint8_t, i8) F(int16_t, uint16_t, i16) F(int32_t, uint32_t, i32) F(int64_t, uint64_t, i64)
#define FOR_UNSIGNED(F) \
	F(uint8_t, uint8_t, u8) F(uint16_t, uint16_t, u16) F(uint32_t, uint32_t, u32) F(uint64_t, uint64_t, u64)
#define FOR_FLOAT(F) F(float, f32, f) F(double, f64, )
#define FOR_COMPLEX(F) F(c64, float, f32, c64, f) F(c128, double, f64, c128, )

/* -- integers: division by zero gives 0, everything wraps -- */

#define SIGNED_OPS(T, U, S) \
	static inline T t_floordiv_##S(T x, T y) \
	{ \
		/* -1 apart, because the smallest number divided by it traps. */ \
		T d = y == 0 || y == -1 ? 1 : y, q = x / d; \
\
		q -= x % d != 0 && (x < 0) != (d < 0); \
		return y == 0 ? 0 : y == -1 ? (T) - (U)x : q; \
	} \
	static inline T t_remainder_##S(T x, T y) \
	{ \
		T d = y == 0 || y == -1 ? 1 : y, r = x % d; \
\
		return r != 0 && (r < 0) != (d < 0) ? r + d : r; \
	} \
	static inline T t_fmod_##S(T x, T y) \
	{ \
		T d = y == 0 || y == -1 ? 1 : y; \
\
		return x % d; \
	} \
	static inline T t_pow_##S(T x, T y) \
	{ \
		U result = 1, square = (U)x; \
\
		for (U e = (U)y; e; e >>= 1) { \
			result *= e & 1 ? square : 1; \
			square *= square; \
		} \
		return (T)result; \
	} \
	static inline T t_shl_##S(T x, T y) \
	{ \
		return (U)y < 8 * sizeof(T) ? (T)((U)x << (y & (8 * sizeof(T) - 1))) : 0; \
	} \
	static inline T t_shr_##S(T x, T y) \
	{ \
		return x >> ((U)y < 8 * sizeof(T) ? y : (T)(8 * sizeof(T) - 1)); \
	} \
	static inline T t_gcd_##S(T x, T y) \
	{ \
		U a = x < 0 ? -(U)x : (U)x, b = y < 0 ? -(U)y : (U)y; \
\
		while (b) { \
			U r = a % b; \
\
			a = b; \
			b = r; \
		} \
		return (T)a; \
	} \
	static inline T t_lcm_##S(T x, T y) \
	{ \
		U a = x < 0 ? -(U)x : (U)x, b = y < 0 ? -(U)y : (U)y, g = (U)t_gcd_##S(x, y); \
\
		return g ? (T)(U)(a / g * b) : 0; \
	}
FOR_SIGNED(SIGNED_OPS)
#undef SIGNED_OPS

#define UNSIGNED_OPS(T, U, S) \
	static inline T t_floordiv_##S(T x, T y) \
	{ \
		return y ? x / (y ? y : 1) : 0; \
	} \
	static inline T t_remainder_##S(T x, T y) \
	{ \
		return y ? x % (y ? y : 1) : 0; \
	} \
	static inline T t_fmod_##S(T x, T y) \
	{ \
		return t_remainder_##S(x, y); \
	} \
	static inline T t_pow_##S(T x, T y) \
	{ \
		T result = 1, square = x; \
\
		for (T e = y; e; e >>= 1) { \
			result *= e & 1 ? square : 1; \
			square *= square; \
		} \
		return result; \
	} \
	static inline T t_shl_##S(T x, T y) \
	{ \
		return y < 8 * sizeof(T) ? (T)(x << (y & (8 * sizeof(T) - 1))) : 0; \
	} \
	static inline T t_shr_##S(T x, T y) \
	{ \
		return y < 8 * sizeof(T) ? (T)(x >> (y & (8 * sizeof(T) - 1))) : 0; \
	} \
	static inline T t_gcd_##S(T x, T y) \
	{ \
		while (y) { \
			T r = x % y; \
\
			x = y; \
			y = r; \
		} \
		return x; \
	} \
	static inline T t_lcm_##S(T x, T y) \
	{ \
		T g = t_gcd_##S(x, y); \
\
		return g ? (T)(x / g * y) : 0; \
	}
FOR_UNSIGNED(UNSIGNED_OPS)
#undef UNSIGNED_OPS

/* -- floats: what needs no series -- */

/* Division as Python's and NumPy's npy_divmod: the remainder has the sign of y. */
#define FLOAT_OPS(T, S, F) \
	static inline T t_abs_##S(T x) \
	{ \
		return __builtin_fabs##F(x); \
	} \
	static inline T t_remainder_##S(T x, T y) \
	{ \
		T r = fmod##F(x, y); \
		T sign = r != 0 ? ((y < 0) != (r < 0) ? r + y : r) : __builtin_copysign##F(0, y); \
\
		return y == 0 ? r : sign; \
	} \
	static inline T t_floordiv_##S(T x, T y) \
	{ \
		T r = fmod##F(x, y); \
		T q = (x - r) / y; \
		T down = r != 0 && (y < 0) != (r < 0) ? q - 1 : q; \
		T whole = __builtin_floor##F(down); \
		T near = down - whole > (T)0.5 ? whole + 1 : whole; \
\
		return y == 0 ? x / y : down != 0 ? near : __builtin_copysign##F(0, x / y); \
	} \
	static inline T t_fmod_##S(T x, T y) \
	{ \
		return fmod##F(x, y); \
	} \
	static inline T t_copysign_##S(T x, T y) \
	{ \
		return __builtin_copysign##F(x, y); \
	} \
	static inline T t_floor_##S(T x) \
	{ \
		return __builtin_floor##F(x); \
	} \
	static inline T t_ceil_##S(T x) \
	{ \
		return __builtin_ceil##F(x); \
	} \
	static inline T t_trunc_##S(T x) \
	{ \
		return __builtin_trunc##F(x); \
	} \
	static inline T t_round_##S(T x) \
	{ \
		return __builtin_rint##F(x); \
	} \
	static inline bool t_isinf_##S(T x) \
	{ \
		return __builtin_fabs##F(x) == (T)INFINITY; \
	} \
	static inline bool t_isfinite_##S(T x) \
	{ \
		return x - x == 0; \
	} \
	static inline T t_sqrt_##S(T x) \
	{ \
		return __builtin_sqrt##F(x); \
	} \
	static inline T t_angle_##S(T x) \
	{ \
		T half_turn = __builtin_copysign##F(1, x) < 0 ? (T)PI : 0; \
\
		return x != x ? x : half_turn; \
	}
FOR_FLOAT(FLOAT_OPS)
#undef FLOAT_OPS

/* The next number from x towards y, by the order of the bits: n of them, the top one the sign. */
#define NEXTAFTER(T, U, S, TO_BITS, FROM_BITS, IS_NAN, SMALLEST_NAN) \
	static inline T t_nextafter_##S(T x, T y) \
	{ \
		const U top = (U)((U)1 << (8 * sizeof(U) - 1)); \
		U a = TO_BITS(x), b = TO_BITS(y); \
		U magnitude_a = a & (U)~top, magnitude_b = b & (U)~top; \
		/* Monotonic in the value; both zeros at top. */ \
		U key_a = a & top ? (U)(top - magnitude_a) : (U)(top + magnitude_a); \
		U key_b = b & top ? (U)(top - magnitude_b) : (U)(top + magnitude_b); \
		U away = (U)((key_a < key_b) == !(a & top) ? a + 1 : a - 1); \
		U next = magnitude_a ? away : (U)((b & top) | 1); \
\
		next = key_a == key_b ? b : next; \
		next = magnitude_b >= SMALLEST_NAN ? b : next; \
		next = magnitude_a >= SMALLEST_NAN ? a : next; \
		return FROM_BITS(next); \
	}
#define F16_BITS(x) ((x).bits)
#define BITS_F16(u) ((struct f16){ u })
#define BITS_BF16(u) ((struct bf16){ u })
NEXTAFTER(struct f16, uint16_t, f16, F16_BITS, BITS_F16, , 0x7c01)
NEXTAFTER(struct bf16, uint16_t, bf16, F16_BITS, BITS_BF16, , 0x7f81)
NEXTAFTER(float, uint32_t, f32, float_bits, bits_float, , 0x7f800001)
NEXTAFTER(double, uint64_t, f64, double_bits, bits_double, , UINT64_C(0x7ff0000000000001))
#undef NEXTAFTER
#undef F16_BITS
#undef BITS_F16
#undef BITS_BF16

/* -- complex: order, arithmetic -- */

/*
 * -x where GCC does not see it: from a difference and a sum of products, as in a complex product, it makes a fused
 * multiply-add and -subtract, whatever -ffp-contract says (seen in GCC 12).
 */
static inline float flip_f32(float x)
{
	return bits_float(float_bits(x) ^ UINT32_C(0x80000000));
}

static inline double flip_f64(double x)
{
	return bits_double(double_bits(x) ^ UINT64_C(1) << 63);
}

#define COMPLEX_OPS(C, R, RS, S, F) \
	static inline C make_##S(R re, R im) \
	{ \
		return __builtin_complex(re, im); \
	} \
	static inline bool nan_##S(C x) \
	{ \
		return creal##F(x) != creal##F(x) || cimag##F(x) != cimag##F(x); \
	} \
	/* Lexicographic, as NumPy: a nan in an imaginary part makes all of them false. */ \
	static inline bool t_lt_##S(C x, C y) \
	{ \
		R a = creal##F(x), b = cimag##F(x), c = creal##F(y), d = cimag##F(y); \
\
		return (a < c && b == b && d == d) || (a == c && b < d); \
	} \
	static inline bool t_le_##S(C x, C y) \
	{ \
		R a = creal##F(x), b = cimag##F(x), c = creal##F(y), d = cimag##F(y); \
\
		return (a < c && b == b && d == d) || (a == c && b <= d); \
	} \
	static inline C t_mul_##S(C x, C y) \
	{ \
		R a = creal##F(x), b = cimag##F(x), c = creal##F(y), d = cimag##F(y); \
\
		return make_##S(a * c + flip_##RS(b * d), a * d + b * c); \
	} \
	/* Smith's method, as NumPy. */ \
	static inline C t_div_##S(C x, C y) \
	{ \
		R a = creal##F(x), b = cimag##F(x), c = creal##F(y), d = cimag##F(y); \
		R abs_c = __builtin_fabs##F(c), abs_d = __builtin_fabs##F(d); \
\
		if (abs_c >= abs_d) { \
			if (abs_c == 0 && abs_d == 0) \
				return make_##S(a / abs_c, b / abs_d); \
			R ratio = d / c, scale = 1 / (c + d * ratio); \
			return make_##S((a + b * ratio) * scale, (b - a * ratio) * scale); \
		} \
		R ratio = c / d, scale = 1 / (d + c * ratio); \
		return make_##S((a * ratio + b) * scale, (b * ratio - a) * scale); \
	} \
	static inline C t_reciprocal_##S(C x) \
	{ \
		R c = creal##F(x), d = cimag##F(x); \
\
		if (__builtin_fabs##F(d) <= __builtin_fabs##F(c)) { \
			R ratio = d / c, scale = c + d * ratio; \
			return make_##S(1 / scale, -ratio / scale); \
		} \
		R ratio = c / d, scale = c * ratio + d; \
		return make_##S(ratio / scale, -1 / scale); \
	} \
	static inline R t_abs_##S(C x) \
	{ \
		return cabs##F(x); \
	} \
	static inline R t_angle_##S(C x) \
	{ \
		return carg##F(x); \
	} \
	static inline C t_sign_##S(C x) \
	{ \
		R a = creal##F(x), b = cimag##F(x), r = cabs##F(x); \
\
		if (r != r || (isinf(a) && isinf(b))) \
			return make_##S((R)NAN, (R)NAN); \
		if (isinf(a)) \
			return make_##S(a > 0 ? 1 : -1, 0); \
		if (isinf(b)) \
			return make_##S(0, b > 0 ? 1 : -1); \
		return r == 0 ? make_##S(0, 0) : make_##S(a / r, b / r); \
	} \
	static inline C t_round_##S(C x) \
	{ \
		return make_##S(__builtin_rint##F(creal##F(x)), __builtin_rint##F(cimag##F(x))); \
	} \
	static inline bool t_isinf_##S(C x) \
	{ \
		return t_isinf_##RS(creal##F(x)) || t_isinf_##RS(cimag##F(x)); \
	} \
	static inline bool t_isfinite_##S(C x) \
	{ \
		return t_isfinite_##RS(creal##F(x)) && t_isfinite_##RS(cimag##F(x)); \
	}
FOR_COMPLEX(COMPLEX_OPS)
#undef COMPLEX_OPS

/* -- functions that round: of float32 by s_NAME or the short forms h_NAME in double where there are any, else by d_NAME -- */

#define ROUNDED1(name, of_float) \
	static inline float t_##name##_f32(float x) \
	{ \
		return (float)of_float(x); \
	} \
	static inline double t_##name##_f64(double x) \
	{ \
		return d_##name(x); \
	}
#define ROUNDED2(name, of_float) \
	static inline float t_##name##_f32(float x, float y) \
	{ \
		return (float)of_float(x, y); \
	} \
	static inline double t_##name##_f64(double x, double y) \
	{ \
		return d_##name(x, y); \
	}
ROUNDED1(exp, s_exp)
ROUNDED1(exp2, h_exp2)
ROUNDED1(expm1, h_expm1)
ROUNDED1(log, h_log)
ROUNDED1(log2, h_log2)
ROUNDED1(log10, h_log10)
ROUNDED1(log1p, h_log1p)
ROUNDED1(sin, m_sinf)
ROUNDED1(cos, m_cosf)
ROUNDED1(tan, m_tanf)
ROUNDED1(asin, d_asin)
ROUNDED1(acos, d_acos)
ROUNDED1(atan, d_atan)
ROUNDED1(sinh, h_sinh)
ROUNDED1(cosh, h_cosh)
ROUNDED1(tanh, h_tanh)
ROUNDED1(asinh, h_asinh)
ROUNDED1(acosh, h_acosh)
ROUNDED1(atanh, h_atanh)
ROUNDED1(cbrt, h_cbrt)
ROUNDED1(rsqrt, d_rsqrt)
ROUNDED1(erf, h_erf)
ROUNDED1(erfc, h_erfc)
ROUNDED1(erfinv, d_erfinv)
ROUNDED1(lgamma, d_lgamma)
ROUNDED1(digamma, d_digamma)
ROUNDED1(deg2rad, d_deg2rad)
ROUNDED1(rad2deg, d_rad2deg)
ROUNDED1(sinc, d_sinc)
ROUNDED1(logit, h_logit)
ROUNDED1(sigmoid, h_sigmoid)
ROUNDED1(softplus, h_softplus)
ROUNDED1(logsigmoid, h_logsigmoid)
ROUNDED1(silu, h_silu)
ROUNDED1(gelu, h_gelu)
ROUNDED1(gelu_tanh, h_gelu_tanh)
ROUNDED1(mish, h_mish)
ROUNDED1(selu, h_selu)
ROUNDED1(hardsigmoid, d_hardsigmoid)
ROUNDED1(hardswish, h_hardswish)
ROUNDED1(softsign, h_softsign)
ROUNDED2(elu, h_elu)
ROUNDED2(celu, h_celu)
ROUNDED2(polygamma, d_polygamma)
ROUNDED2(pow, h_pow)
ROUNDED2(atan2, d_atan2)
ROUNDED2(hypot, h_hypot)
ROUNDED2(logaddexp, h_logaddexp)
ROUNDED2(logaddexp2, h_logaddexp2)
ROUNDED2(xlogy, h_xlogy)
#undef ROUNDED1
#undef ROUNDED2

/* -- complex functions: the C library's, complex64 rounded from complex128 -- */

static inline c128 z_sqrt(c128 x)
{
	return csqrt(x);
}
static inline c128 z_exp(c128 x)
{
	return cexp(x);
}
static inline c128 z_log(c128 x)
{
	return clog(x);
}
static inline c128 z_sin(c128 x)
{
	return csin(x);
}
static inline c128 z_cos(c128 x)
{
	return ccos(x);
}
static inline c128 z_tan(c128 x)
{
	return ctan(x);
}
static inline c128 z_asin(c128 x)
{
	return casin(x);
}
static inline c128 z_acos(c128 x)
{
	return cacos(x);
}
static inline c128 z_atan(c128 x)
{
	return catan(x);
}
static inline c128 z_sinh(c128 x)
{
	return csinh(x);
}
static inline c128 z_cosh(c128 x)
{
	return ccosh(x);
}
static inline c128 z_tanh(c128 x)
{
	return ctanh(x);
}
static inline c128 z_asinh(c128 x)
{
	return casinh(x);
}
static inline c128 z_acosh(c128 x)
{
	return cacosh(x);
}
static inline c128 z_atanh(c128 x)
{
	return catanh(x);
}

static inline c128 z_rsqrt(c128 x)
{
	return t_reciprocal_c128(csqrt(x));
}

static inline c128 z_exp2(c128 x)
{
	return cexp(make_c128(creal(x) * LN2, cimag(x) * LN2));
}

static inline c128 z_log2(c128 x)
{
	c128 l = clog(x);

	return make_c128(creal(l) * LOG2_E, cimag(l) * LOG2_E);
}

static inline c128 z_log10(c128 x)
{
	c128 l = clog(x);

	return make_c128(creal(l) * LOG10_E, cimag(l) * LOG10_E);
}

static inline c128 z_expm1(c128 x)
{
	double a = sin(cimag(x) / 2);

	return make_c128(expm1(creal(x)) * cos(cimag(x)) - 2 * a * a, exp(creal(x)) * sin(cimag(x)));
}

static inline c128 z_log1p(c128 x)
{
	return make_c128(log(hypot(creal(x) + 1, cimag(x))), atan2(cimag(x), creal(x) + 1));
}

/* As npy_cpow: small whole exponents by multiplication, so that they are exact where they can be. */
static inline c128 z_pow(c128 x, c128 y)
{
	double re = creal(y);
	int n = re > -100 && re < 100 ? (int)re : 100;
	c128 result = 1, square = x;

	if (y == 0)
		return 1;
	if (x == 0)
		return re > 0 ? make_c128(0, 0) : make_c128((double)NAN, (double)NAN);
	if (cimag(y) != 0 || n == 100 || n != re)
		return cpow(x, y);
	for (int e = n < 0 ? -n : n; e; e >>= 1) {
		if (e & 1)
			result = result == 1 ? square : t_mul_c128(result, square);
		square = t_mul_c128(square, square);
	}
	return n < 0 ? t_div_c128(1, result) : result;
}

#define COMPLEX1(name) \
	static inline c64 t_##name##_c64(c64 x) \
	{ \
		return (c64)z_##name(x); \
	} \
	static inline c128 t_##name##_c128(c128 x) \
	{ \
		return z_##name(x); \
	}
COMPLEX1(sqrt)
COMPLEX1(rsqrt)
COMPLEX1(exp)
COMPLEX1(exp2)
COMPLEX1(expm1)
COMPLEX1(log)
COMPLEX1(log2)
COMPLEX1(log10)
COMPLEX1(log1p)
COMPLEX1(sin)
COMPLEX1(cos)
COMPLEX1(tan)
COMPLEX1(asin)
COMPLEX1(acos)
COMPLEX1(atan)
COMPLEX1(sinh)
COMPLEX1(cosh)
COMPLEX1(tanh)
COMPLEX1(asinh)
COMPLEX1(acosh)
COMPLEX1(atanh)
#undef COMPLEX1

static inline c64 t_pow_c64(c64 x, c64 y)
{
	return (c64)z_pow(x, y);
}

static inline c128 t_pow_c128(c128 x, c128 y)
{
	return z_pow(x, y);
}

/* -- expressions, the same for every type, of functions that are chosen by it -- */

/* nan if either is (maximum) or only if both are (fmax); ties and complex numbers as NumPy. */
#define t_maximum(x, y) (t_le(y, x) || t_isnan(x) ? (x) : (y))
#define t_minimum(x, y) (t_le(x, y) || t_isnan(x) ? (x) : (y))
#define t_fmax(x, y) (t_le(y, x) || t_isnan(y) ? (x) : (y))
#define t_fmin(x, y) (t_le(x, y) || t_isnan(y) ? (x) : (y))

/* PyTorch's form: exact at both ends. */
#define t_lerp(x, y, w) (t_abs(w) < 0.5f ? (x) + t_mul(w, (y) - (x)) : (y)-t_mul((y) - (x), 1 - (w)))

#endif
