/*
 * t_NAME(x) of the expr column of ops.def: the function of scalar_math.h for the type of x.  This is C's way to choose;
 * CUDA C++'s is in cuda/scalar.cuh.
 */
#ifndef TENSOR_SCALAR_GENERIC_H
#define TENSOR_SCALAR_GENERIC_H

#include "scalar_math.h"

#define SELECT_SIGNED(f) \
int8_t: \
	f##_i8, int16_t : f##_i16, int32_t : f##_i32, int64_t : f##_i64
#define SELECT_UNSIGNED(f) \
uint8_t: \
	f##_u8, uint16_t : f##_u16, uint32_t : f##_u32, uint64_t : f##_u64
#define SELECT_INT(f) SELECT_SIGNED(f), SELECT_UNSIGNED(f)
#define SELECT_FLOAT(f) float : f##_f32, double : f##_f64
#define SELECT_COMPLEX(f) \
c64: \
	f##_c64, c128 : f##_c128
#define CHOOSE_F(f) SELECT_FLOAT(t_##f)
#define CHOOSE_FC(f) SELECT_FLOAT(t_##f), SELECT_COMPLEX(t_##f)

/* -- integers and floats -- */

#define t_shl(x, y) _Generic((x), SELECT_INT(t_shl))(x, y)
#define t_shr(x, y) _Generic((x), SELECT_INT(t_shr))(x, y)
#define t_gcd(x, y) _Generic((x), SELECT_INT(t_gcd))(x, y)
#define t_lcm(x, y) _Generic((x), SELECT_INT(t_lcm))(x, y)
#define t_nextafter(x, y) \
	_Generic((x), struct f16 : t_nextafter_f16, struct bf16 : t_nextafter_bf16, SELECT_FLOAT(t_nextafter))(x, y)
#define t_copysign(x, y) _Generic((x), SELECT_FLOAT(t_copysign))(x, y)
#define t_remainder(x, y) _Generic((x), SELECT_INT(t_remainder), SELECT_FLOAT(t_remainder))(x, y)
#define t_floordiv(x, y) _Generic((x), SELECT_INT(t_floordiv), SELECT_FLOAT(t_floordiv))(x, y)
#define t_fmod(x, y) _Generic((x), SELECT_INT(t_fmod), SELECT_FLOAT(t_fmod))(x, y)
#define t_floor(x) _Generic((x), float : t_floor_f32(x), double : t_floor_f64(x), default : (x))
#define t_ceil(x) _Generic((x), float : t_ceil_f32(x), double : t_ceil_f64(x), default : (x))
#define t_trunc(x) _Generic((x), float : t_trunc_f32(x), double : t_trunc_f64(x), default : (x))
#define t_signbit(x) \
	_Generic((x), float \
		 : float_bits((float)(x)) >> 31 != 0, double \
		 : double_bits((double)(x)) >> 63 != 0, default \
		 : (x) < 0)

/* -- complex: order, arithmetic -- */

#define t_mul(x, y) _Generic((x), c64 : t_mul_c64(x, y), c128 : t_mul_c128(x, y), default : (x) * (y))
#define t_div(x, y) _Generic((x), c64 : t_div_c64(x, y), c128 : t_div_c128(x, y), default : (x) / (y))
#define t_real(x) _Generic((x), c64 : crealf(x), c128 : creal(x), default : (x))
#define t_imag(x) _Generic((x), c64 : cimagf(x), c128 : cimag(x), default : 0)
#define t_conj(x) _Generic((x), c64 : conjf(x), c128 : conj(x), default : (x))
#define t_angle(x) _Generic((x), SELECT_FLOAT(t_angle), SELECT_COMPLEX(t_angle))(x)
#define t_round(x) \
	_Generic((x), float \
		 : t_round_f32(x), double \
		 : t_round_f64(x), c64 \
		 : t_round_c64(x), c128 \
		 : t_round_c128(x), default \
		 : (x))
#define t_reciprocal(x) \
	_Generic((x), float : 1 / (x), double : 1 / (x), c64 \
		 : t_reciprocal_c64(x), c128 \
		 : t_reciprocal_c128(x), default \
		 : t_reciprocal_int(x))
/* 0 but for 1 and -1. */
#define t_reciprocal_int(x) (t_real(x) > 0 ? (x) == 1 : -(-1 == (int64_t)t_real(x)))
#define t_lt(x, y) _Generic((x), c64 : t_lt_c64(x, y), c128 : t_lt_c128(x, y), default : t_real(x) < t_real(y))
#define t_le(x, y) _Generic((x), c64 : t_le_c64(x, y), c128 : t_le_c128(x, y), default : t_real(x) <= t_real(y))
#define t_isnan(x) _Generic((x), c64 : nan_c64(x), c128 : nan_c128(x), default : (x) != (x))
#define t_isinf(x) \
	_Generic((x), float \
		 : t_isinf_f32(x), double \
		 : t_isinf_f64(x), c64 \
		 : t_isinf_c64(x), c128 \
		 : t_isinf_c128(x), default \
		 : false)
#define t_isfinite(x) \
	_Generic((x), float \
		 : t_isfinite_f32(x), double \
		 : t_isfinite_f64(x), c64 \
		 : t_isfinite_c64(x), c128 \
		 : t_isfinite_c128(x), default \
		 : true)
#define t_abs(x) \
	_Generic((x), bool \
		 : (x), float \
		 : t_abs_f32(x), double \
		 : t_abs_f64(x), c64 \
		 : t_abs_c64(x), c128 \
		 : t_abs_c128(x), default \
		 : t_real(x) < 0 ? -(x) : (x))
#define t_sign(x) \
	_Generic((x), c64 \
		 : t_sign_c64(x), c128 \
		 : t_sign_c128(x), default \
		 : t_real(x) > 0   ? 1 \
		   : t_real(x) < 0 ? -1 \
		   : (x) == 0	   ? 0 \
				   : (x))

/* -- functions that round -- */

#define t_sqrt(x) _Generic((x), CHOOSE_FC(sqrt))(x)
#define t_rsqrt(x) _Generic((x), CHOOSE_FC(rsqrt))(x)
#define t_exp(x) _Generic((x), CHOOSE_FC(exp))(x)
#define t_exp2(x) _Generic((x), CHOOSE_FC(exp2))(x)
#define t_expm1(x) _Generic((x), CHOOSE_FC(expm1))(x)
#define t_log(x) _Generic((x), CHOOSE_FC(log))(x)
#define t_log2(x) _Generic((x), CHOOSE_FC(log2))(x)
#define t_log10(x) _Generic((x), CHOOSE_FC(log10))(x)
#define t_log1p(x) _Generic((x), CHOOSE_FC(log1p))(x)
#define t_sin(x) _Generic((x), CHOOSE_FC(sin))(x)
#define t_cos(x) _Generic((x), CHOOSE_FC(cos))(x)
#define t_tan(x) _Generic((x), CHOOSE_FC(tan))(x)
#define t_asin(x) _Generic((x), CHOOSE_FC(asin))(x)
#define t_acos(x) _Generic((x), CHOOSE_FC(acos))(x)
#define t_atan(x) _Generic((x), CHOOSE_FC(atan))(x)
#define t_sinh(x) _Generic((x), CHOOSE_FC(sinh))(x)
#define t_cosh(x) _Generic((x), CHOOSE_FC(cosh))(x)
#define t_tanh(x) _Generic((x), CHOOSE_FC(tanh))(x)
#define t_asinh(x) _Generic((x), CHOOSE_FC(asinh))(x)
#define t_acosh(x) _Generic((x), CHOOSE_FC(acosh))(x)
#define t_atanh(x) _Generic((x), CHOOSE_FC(atanh))(x)
#define t_cbrt(x) _Generic((x), CHOOSE_F(cbrt))(x)
#define t_erf(x) _Generic((x), CHOOSE_F(erf))(x)
#define t_erfc(x) _Generic((x), CHOOSE_F(erfc))(x)
#define t_lgamma(x) _Generic((x), CHOOSE_F(lgamma))(x)
#define t_deg2rad(x) _Generic((x), CHOOSE_F(deg2rad))(x)
#define t_rad2deg(x) _Generic((x), CHOOSE_F(rad2deg))(x)
#define t_sigmoid(x) _Generic((x), CHOOSE_F(sigmoid))(x)
#define t_softplus(x) _Generic((x), CHOOSE_F(softplus))(x)
#define t_logsigmoid(x) _Generic((x), CHOOSE_F(logsigmoid))(x)
#define t_silu(x) _Generic((x), CHOOSE_F(silu))(x)
#define t_gelu(x) _Generic((x), CHOOSE_F(gelu))(x)
#define t_gelu_tanh(x) _Generic((x), CHOOSE_F(gelu_tanh))(x)
#define t_mish(x) _Generic((x), CHOOSE_F(mish))(x)
#define t_selu(x) _Generic((x), CHOOSE_F(selu))(x)
#define t_logit(x) _Generic((x), CHOOSE_F(logit))(x)
#define t_sinc(x) _Generic((x), CHOOSE_F(sinc))(x)
#define t_digamma(x) _Generic((x), CHOOSE_F(digamma))(x)
#define t_polygamma(x, y) _Generic((x), CHOOSE_F(polygamma))(x, y)
#define t_erfinv(x) _Generic((x), CHOOSE_F(erfinv))(x)
#define t_hardsigmoid(x) _Generic((x), CHOOSE_F(hardsigmoid))(x)
#define t_hardswish(x) _Generic((x), CHOOSE_F(hardswish))(x)
#define t_softsign(x) _Generic((x), CHOOSE_F(softsign))(x)
#define t_elu(x, y) _Generic((x), CHOOSE_F(elu))(x, y)
#define t_celu(x, y) _Generic((x), CHOOSE_F(celu))(x, y)
#define t_pow(x, y) _Generic((x), SELECT_INT(t_pow), CHOOSE_FC(pow))(x, y)
#define t_atan2(x, y) _Generic((x), CHOOSE_F(atan2))(x, y)
#define t_hypot(x, y) _Generic((x), CHOOSE_F(hypot))(x, y)
#define t_logaddexp(x, y) _Generic((x), CHOOSE_F(logaddexp))(x, y)
#define t_logaddexp2(x, y) _Generic((x), CHOOSE_F(logaddexp2))(x, y)
#define t_xlogy(x, y) _Generic((x), CHOOSE_F(xlogy))(x, y)

/* -- the rest -- */

#define t_invert(x) _Generic((x), bool : !(x), default : ~(int64_t)t_real(x))

#endif
