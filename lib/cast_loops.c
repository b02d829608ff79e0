/*
 * The conversions between all pairs of element types, for one instruction set level (LEVEL).
 *
 * The small floats are read and written by way of a tile of float32 (which holds them exactly) or from float64.
 */
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "cast_scalar.h"
#include "half.h"
#include "loops.h"

/* The value v, of a real type, as one of type s. */
#define BY_INT32(v) _Generic((v), float : int32_f32(v), double : int32_f64(v), default : (v))
#define BY_INT64(v) _Generic((v), float : int64_f32(v), double : int64_f64(v), default : (v))
#define TO_b(v) ((v) != 0)
#define TO_i8(v) BY_INT32(v)
#define TO_u8(v) BY_INT32(v)
#define TO_i16(v) BY_INT32(v)
#define TO_u16(v) BY_INT32(v)
#define TO_i32(v) BY_INT32(v)
#define TO_u32(v) BY_INT64(v)
#define TO_i64(v) BY_INT64(v)
#define TO_u64(v) _Generic((v), float : uint64_f32(v), double : uint64_f64(v), default : (v))
#define TO_f32(v) ((float)(v))
#define TO_f64(v) ((double)(v))
#define TO_c64(v) ((float)(v))
#define TO_c128(v) ((double)(v))

/* -- loops between types that the machine has -- */

#define NATIVE_REAL(F, ...) \
	F(i8, __VA_ARGS__) \
	F(u8, __VA_ARGS__) \
	F(i16, __VA_ARGS__) \
	F(u16, __VA_ARGS__) \
	F(i32, __VA_ARGS__) \
	F(u32, __VA_ARGS__) F(i64, __VA_ARGS__) F(u64, __VA_ARGS__) F(f32, __VA_ARGS__) F(f64, __VA_ARGS__)

#define LOOP(from, to, expr) \
	static void from##_##to(int64_t n, void *out, const void *in) \
	{ \
		mem_##to *po = BLOCK(out); \
		const mem_##from *px = BLOCK(in); \
\
		n = padded(n); \
		INDEPENDENT \
		for (int64_t i = 0; i < n; i++) { \
			var_##from x = px[i]; \
\
			po[i] = (expr); \
		} \
	}
#define FROM_REAL(to, from) LOOP(from, to, TO_##to(x))
#define FROM_COMPLEX(to, from, real) LOOP(from, to, TO_##to(real(x)))
#define TO_ALL(from) \
	LOOP(from, b, TO_b(x)) \
	NATIVE_REAL(FROM_REAL, from) \
	FROM_REAL(c64, from) \
	FROM_REAL(c128, from)
TO_ALL(b)
TO_ALL(i8)
TO_ALL(u8)
TO_ALL(i16)
TO_ALL(u16)
TO_ALL(i32)
TO_ALL(u32)
TO_ALL(i64)
TO_ALL(u64)
TO_ALL(f32)
TO_ALL(f64)
LOOP(c64, b, x != 0)
NATIVE_REAL(FROM_COMPLEX, c64, crealf)
LOOP(c64, c64, x)
LOOP(c64, c128, x)
LOOP(c128, b, x != 0)
NATIVE_REAL(FROM_COMPLEX, c128, creal)
LOOP(c128, c64, x)
LOOP(c128, c128, x)

/* -- small floats -- */

#define WIDEN(from, type) \
	static void from##_f32(int64_t n, void *out, const void *in) \
	{ \
		float *po = BLOCK(out); \
		const type *px = BLOCK(in); \
\
		n = padded(n); \
		INDEPENDENT \
		for (int64_t i = 0; i < n; i++) \
			po[i] = from##_to_float(px[i]); \
	}
#define NARROW(from, to, type, value) \
	static void from##_##to(int64_t n, void *out, const void *in) \
	{ \
		type *po = BLOCK(out); \
		const mem_##from *px = BLOCK(in); \
\
		n = padded(n); \
		INDEPENDENT \
		for (int64_t i = 0; i < n; i++) { \
			mem_##from x = px[i]; \
\
			po[i] = float_to_##to(value); \
		} \
	}
/* Through a tile of another type; types have the sizes a, m and b. */
#define THROUGH(from, a, middle, m, to, b) \
	static void from##_##to(int64_t n, void *out, const void *in) \
	{ \
		_Alignas(64) char tile[512 * m]; \
\
		n = padded(n); \
		for (int64_t i = 0; i < n; i += 512) { \
			int64_t k = n - i < 512 ? n - i : 512; \
\
			from##_##middle(k, tile, (const char *)in + i * a); \
			middle##_##to(k, (char *)out + i * b, tile); \
		} \
	}
#define SMALL(s, type, size) \
	NARROW(f64, s, type, double_to_odd(x)) \
	NARROW(i64, s, type, double_to_odd(i64_to_odd(x))) \
	NARROW(u64, s, type, double_to_odd(u64_to_odd(x))) \
	THROUGH(b, 1, f32, 4, s, size) \
	THROUGH(i8, 1, f32, 4, s, size) \
	THROUGH(u8, 1, f32, 4, s, size) \
	THROUGH(i16, 2, f32, 4, s, size) \
	THROUGH(u16, 2, f32, 4, s, size) \
	THROUGH(i32, 4, f64, 8, s, size) \
	THROUGH(u32, 4, f64, 8, s, size) \
	THROUGH(c64, 8, f32, 4, s, size) \
	THROUGH(c128, 16, f64, 8, s, size) \
	THROUGH(s, size, f32, 4, b, 1) \
	THROUGH(s, size, f32, 4, i8, 1) \
	THROUGH(s, size, f32, 4, u8, 1) \
	THROUGH(s, size, f32, 4, i16, 2) \
	THROUGH(s, size, f32, 4, u16, 2) \
	THROUGH(s, size, f32, 4, i32, 4) \
	THROUGH(s, size, f32, 4, u32, 4) \
	THROUGH(s, size, f32, 4, i64, 8) \
	THROUGH(s, size, f32, 4, u64, 8) \
	THROUGH(s, size, f32, 4, f64, 8) \
	THROUGH(s, size, f32, 4, c64, 8) \
	THROUGH(s, size, f32, 4, c128, 16)
#if defined(__F16C__)
/* The instructions give the bits of half.h, those of nan included; GCC makes no vectors of them. */
static void f16_f32(int64_t n, void *out, const void *in)
{
	float *po = BLOCK(out);
	const uint16_t *px = BLOCK(in);

	n = padded(n);
	for (int64_t i = 0; i < n; i += 8)
		_mm256_store_ps(po + i, _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(const void *)(px + i))));
}

static void f32_f16(int64_t n, void *out, const void *in)
{
	uint16_t *po = BLOCK(out);
	const float *px = BLOCK(in);

	n = padded(n);
	for (int64_t i = 0; i < n; i += 8)
		_mm_store_si128((__m128i *)(void *)(po + i),
				_mm256_cvtps_ph(_mm256_load_ps(px + i), _MM_FROUND_TO_NEAREST_INT));
}
#else
WIDEN(f16, uint16_t)
NARROW(f32, f16, uint16_t, x)
#endif
WIDEN(bf16, uint16_t)
NARROW(f32, bf16, uint16_t, x)
WIDEN(e4m3, uint8_t)
NARROW(f32, e4m3, uint8_t, x)
WIDEN(e5m2, uint8_t)
NARROW(f32, e5m2, uint8_t, x)
SMALL(f16, uint16_t, 2)
SMALL(bf16, uint16_t, 2)
SMALL(e4m3, uint8_t, 1)
SMALL(e5m2, uint8_t, 1)

#define SAME(s, type) \
	static void s##_##s(int64_t n, void *out, const void *in) \
	{ \
		memcpy(out, in, (size_t)n * sizeof(type)); \
	}
SAME(f16, uint16_t)
SAME(bf16, uint16_t)
SAME(e4m3, uint8_t)
SAME(e5m2, uint8_t)
#define BETWEEN(a, sa, b, sb) THROUGH(a, sa, f32, 4, b, sb) THROUGH(b, sb, f32, 4, a, sa)
BETWEEN(f16, 2, bf16, 2)
BETWEEN(f16, 2, e4m3, 1)
BETWEEN(f16, 2, e5m2, 1)
BETWEEN(bf16, 2, e4m3, 1)
BETWEEN(bf16, 2, e5m2, 1)
BETWEEN(e4m3, 1, e5m2, 1)

#define ROW(s) \
	{ \
		s##_b, s##_i8, s##_u8, s##_i16, s##_u16, s##_i32, s##_u32, s##_i64, s##_u64, s##_f16, s##_bf16, \
			s##_f32, s##_f64, s##_c64, s##_c128, s##_e4m3, s##_e5m2 \
	}
extern cast_fn *const PASTE(cast_, LEVEL)[NDTYPES][NDTYPES];
cast_fn *const PASTE(cast_, LEVEL)[NDTYPES][NDTYPES] = {
	ROW(b),	  ROW(i8),   ROW(u8),  ROW(i16), ROW(u16), ROW(i32),  ROW(u32),	 ROW(i64),  ROW(u64),
	ROW(f16), ROW(bf16), ROW(f32), ROW(f64), ROW(c64), ROW(c128), ROW(e4m3), ROW(e5m2),
};
