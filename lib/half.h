/*
 * float16, bfloat16, float8_e4m3fn and float8_e5m2 to and from float32, without a branch, so that loops over them
 * vectorise.  Everything rounds to nearest even.  Beyond the range: float16, bfloat16 and e5m2 give inf, e4m3fn, which
 * has none, nan (as ml_dtypes).
 *
 * A double must not become one of them by way of the nearest float32, which would round twice: double_to_odd first.
 */
#ifndef TENSOR_HALF_H
#define TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline float bits_float(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

/*
 * The float32 x rounds to with the last bit set if anything was lost ("round to odd").  Rounded again, to at most 22
 * significant bits, it gives what x itself would have given, subnormals and overflow included.
 */
static inline float double_to_odd(double x)
{
	float f = (float)x;
	double back = f;
	uint32_t u = float_bits(f);

	u -= (back < 0 ? -back : back) > (x < 0 ? -x : x);
	u |= back != x;
	return bits_float(u);
}

/* A 64-bit integer as a double that rounds to at most 51 bits as the integer would. */
static inline double u64_to_odd(uint64_t x)
{
	uint64_t sticky = (x & ~UINT64_C(0x7ff)) | ((uint64_t)((x & 0x7ff) != 0) << 11);

	return (double)(x >> 53 ? sticky : x);
}

static inline double i64_to_odd(int64_t x)
{
	double magnitude = u64_to_odd(x < 0 ? -(uint64_t)x : (uint64_t)x);

	return x < 0 ? -magnitude : magnitude;
}

static inline float bf16_to_float(uint16_t h)
{
	return bits_float((uint32_t)h << 16);
}

static inline uint16_t float_to_bf16(float x)
{
	uint32_t u = float_bits(x);
	uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
	uint32_t nan = ((u >> 16) & 0x8000) | 0x7fc0;

	return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

static inline float f16_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	uint32_t magnitude = h & 0x7fff;
	/* The exponent is rebiased by a multiplication, which normalises subnormals, too. */
	uint32_t finite = float_bits(bits_float(magnitude << 13) * 0x1p112f);
	uint32_t special = 0x7f800000 | magnitude << 13 | (uint32_t)(magnitude > 0x7c00) << 22;

	return bits_float(sign | (magnitude >= 0x7c00 ? special : finite));
}

/*
 * The magnitude of a small float with M bits of mantissa and exponent bias B, for the bits of a non-negative float32.
 * Values beyond the largest come out as larger codes, up to 0x7f800000 >> (23 - M) - ..., which the caller replaces.
 */
#define SMALL_FLOAT(magnitude, M, B) \
	((magnitude) < (uint32_t)(128 - (B)) << 23 \
		 ? /* Subnormal: adding 2**k puts the last bit of the result at the last bit of the sum. */ \
		 float_bits(bits_float(magnitude) + bits_float((uint32_t)(127 + 24 - (B) - (M)) << 23)) - \
			 ((uint32_t)(127 + 24 - (B) - (M)) << 23) \
		 : (((magnitude) + (1u << (22 - (M))) - 1 + (((magnitude) >> (23 - (M))) & 1)) >> (23 - (M))) - \
			   ((uint32_t)(127 - (B)) << (M)))

static inline uint16_t float_to_f16(float x)
{
	uint32_t u = float_bits(x), magnitude = u & 0x7fffffff;
	uint32_t code = SMALL_FLOAT(magnitude, 10, 15);

	code = code > 0x7c00 ? 0x7c00 : code;
	code = magnitude > 0x7f800000 ? 0x7e00 | ((u >> 13) & 0x1ff) : code;
	return (uint16_t)(code | (u >> 16 & 0x8000));
}

static inline float e5m2_to_float(uint8_t b)
{
	return f16_to_float((uint16_t)(b << 8));
}

static inline uint8_t float_to_e5m2(float x)
{
	uint32_t u = float_bits(x), magnitude = u & 0x7fffffff;
	uint32_t code = SMALL_FLOAT(magnitude, 2, 15);

	code = code > 0x7c ? 0x7c : code;
	code |= (uint32_t)(magnitude > 0x7f800000) << 1;
	return (uint8_t)(code | (u >> 24 & 0x80));
}

static inline float e4m3_to_float(uint8_t b)
{
	uint32_t sign = (uint32_t)(b & 0x80) << 24;
	uint32_t magnitude = b & 0x7f;
	uint32_t finite = float_bits(bits_float(magnitude << 20) * 0x1p120f);

	return bits_float(sign | (magnitude == 0x7f ? 0x7fc00000 : finite));
}

static inline uint8_t float_to_e4m3(float x)
{
	uint32_t u = float_bits(x), magnitude = u & 0x7fffffff;
	uint32_t code = SMALL_FLOAT(magnitude, 3, 7);

	code = code > 0x7e ? 0x7f : code;
	return (uint8_t)(code | (u >> 24 & 0x80));
}

#undef SMALL_FLOAT

#endif
