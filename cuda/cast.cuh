/* Conversions between all pairs of element types, by the rules of lib/cast_loops.c: see kernels.h. */
#ifndef TENSOR_CUDA_CAST_CUH
#define TENSOR_CUDA_CAST_CUH

#include "common.cuh"

/* -- a real value as one of a type that the machine has: to_S(x) -- */

#define TO_INT(type, s, of_f32, of_f64) \
	static inline __device__ type to_##s(float x) \
	{ \
		return (type)of_f32(x); \
	} \
	static inline __device__ type to_##s(double x) \
	{ \
		return (type)of_f64(x); \
	} \
	template <class T> static inline __device__ type to_##s(T x) \
	{ \
		return (type)x; \
	}
TO_INT(int8_t, i8, int32_f32, int32_f64)
TO_INT(uint8_t, u8, int32_f32, int32_f64)
TO_INT(int16_t, i16, int32_f32, int32_f64)
TO_INT(uint16_t, u16, int32_f32, int32_f64)
TO_INT(int32_t, i32, int32_f32, int32_f64)
TO_INT(uint32_t, u32, int64_f32, int64_f64)
TO_INT(int64_t, i64, int64_f32, int64_f64)
TO_INT(uint64_t, u64, uint64_f32, uint64_f64)
#undef TO_INT

template <class T> static inline __device__ uint8_t to_b(T x)
{
	return x != 0;
}

template <class T> static inline __device__ float to_f32(T x)
{
	return (float)x;
}

template <class T> static inline __device__ double to_f64(T x)
{
	return (double)x;
}

template <class T> static inline __device__ c64 to_c64(T x)
{
	return c64((float)x);
}

template <class T> static inline __device__ c128 to_c128(T x)
{
	return c128((double)x);
}

/* -- as a small float: a float32 that rounds as the value would, then its bits -- */

static inline __device__ float to_odd(float x)
{
	return x;
}

static inline __device__ float to_odd(double x)
{
	return double_to_odd(x);
}

static inline __device__ float to_odd(int64_t x)
{
	return double_to_odd(i64_to_odd(x));
}

static inline __device__ float to_odd(uint64_t x)
{
	return double_to_odd(u64_to_odd(x));
}

/* Integers of up to 16 bits are floats, those of 32 are doubles. */
template <class T> static inline __device__ float to_odd(T x)
{
	return sizeof(T) < 4 ? (float)x : double_to_odd((double)x);
}

template <class T> static inline __device__ f16 to_f16(T x)
{
	f16 r = { float_to_f16(to_odd(x)) };

	return r;
}

template <class T> static inline __device__ bf16 to_bf16(T x)
{
	bf16 r = { float_to_bf16(to_odd(x)) };

	return r;
}

template <class T> static inline __device__ mem_e4m3 to_e4m3(T x)
{
	return float_to_e4m3(to_odd(x));
}

template <class T> static inline __device__ mem_e5m2 to_e5m2(T x)
{
	return float_to_e5m2(to_odd(x));
}

/* -- the value of an element in memory -- */

#define VALUE_b(x) ((x) != 0)
#define VALUE_f16(x) f16_to_float((x).bits)
#define VALUE_bf16(x) bf16_to_float((x).bits)
#define VALUE_e4m3(x) e4m3_to_float(x)
#define VALUE_e5m2(x) e5m2_to_float(x)
#define VALUE_i8(x) (x)
#define VALUE_u8(x) (x)
#define VALUE_i16(x) (x)
#define VALUE_u16(x) (x)
#define VALUE_i32(x) (x)
#define VALUE_u32(x) (x)
#define VALUE_i64(x) (x)
#define VALUE_u64(x) (x)
#define VALUE_f32(x) (x)
#define VALUE_f64(x) (x)

/* -- kernels -- */

#define CAST(from, to, expr) \
	KERNEL(cast_##from##_##to, (int64_t n, mem_##to * out, const mem_##from *x)) \
	{ \
		EACH(i, n) out[i] = (expr); \
	}

#define NUMBERS(F, ...) \
	F(i8, __VA_ARGS__) \
	F(u8, __VA_ARGS__) \
	F(i16, __VA_ARGS__) \
	F(u16, __VA_ARGS__) \
	F(i32, __VA_ARGS__) \
	F(u32, __VA_ARGS__) F(i64, __VA_ARGS__) F(u64, __VA_ARGS__) F(f32, __VA_ARGS__) F(f64, __VA_ARGS__)
#define FROM_REAL(to, from) CAST(from, to, to_##to(VALUE_##from(x[i])))
#define FROM_COMPLEX(to, from) CAST(from, to, to_##to(x[i].re))
#define FROM_ANY(from) \
	FROM_REAL(b, from) \
	NUMBERS(FROM_REAL, from) \
	FROM_REAL(c64, from) \
	FROM_REAL(c128, from)
FROM_ANY(b)
FROM_ANY(i8)
FROM_ANY(u8)
FROM_ANY(i16)
FROM_ANY(u16)
FROM_ANY(i32)
FROM_ANY(u32)
FROM_ANY(i64)
FROM_ANY(u64)
FROM_ANY(f16)
FROM_ANY(bf16)
FROM_ANY(f32)
FROM_ANY(f64)
FROM_ANY(e4m3)
FROM_ANY(e5m2)
CAST(c64, b, x[i] != 0)
NUMBERS(FROM_COMPLEX, c64)
CAST(c64, c64, x[i])
CAST(c64, c128, c128(x[i]))
CAST(c128, b, x[i] != 0)
NUMBERS(FROM_COMPLEX, c128)
CAST(c128, c64, c64(x[i]))
CAST(c128, c128, x[i])

/* to, and the three other small floats */
#define TO_SMALL(to, a, b_, c) \
	FROM_REAL(to, b) \
	FROM_REAL(to, i8) \
	FROM_REAL(to, u8) \
	FROM_REAL(to, i16) \
	FROM_REAL(to, u16) \
	FROM_REAL(to, i32) \
	FROM_REAL(to, u32) \
	FROM_REAL(to, i64) \
	FROM_REAL(to, u64) \
	FROM_REAL(to, f32) \
	FROM_REAL(to, f64) \
	FROM_COMPLEX(to, c64) \
	FROM_COMPLEX(to, c128) \
	FROM_REAL(to, a) FROM_REAL(to, b_) FROM_REAL(to, c) CAST(to, to, x[i])
TO_SMALL(f16, bf16, e4m3, e5m2)
TO_SMALL(bf16, f16, e4m3, e5m2)
TO_SMALL(e4m3, f16, bf16, e5m2)
TO_SMALL(e5m2, f16, bf16, e4m3)

#undef CAST
#undef NUMBERS
#undef FROM_REAL
#undef FROM_COMPLEX
#undef FROM_ANY
#undef TO_SMALL

#endif
