/*
 * One random number from (seed, index): Philox4x32-10 and the distributions.  C and CUDA C++: both devices compile this
 * text, so that they draw the same bits.  Only IEEE + - * / sqrt and integers, in a fixed order: compile without
 * contraction to fused multiply-adds (-ffp-contract=off, nvcc -fmad=false).
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef TENSOR_PHILOX_H
#define TENSOR_PHILOX_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define PHILOX_FN static __host__ __device__ __forceinline__
#else
#define PHILOX_FN static inline
#endif

/* The third counter word tells the distributions apart, so that equal seeds give unrelated arrays. */
enum philox_stream {
	PHILOX_UNIFORM = 1,
	PHILOX_NORMAL = 2,
	PHILOX_EXPONENTIAL = 3,
	PHILOX_BERNOULLI = 4,
	PHILOX_INTEGER = 5,
	PHILOX_PERMUTATION = 6,
};

struct philox {
	uint32_t x, y, z, w;
};

PHILOX_FN struct philox philox_round(struct philox c, uint32_t k0, uint32_t k1)
{
	uint64_t p = (uint64_t)0xD2511F53 * c.x;
	uint64_t q = (uint64_t)0xCD9E8D57 * c.z;
	struct philox r;

	r.x = (uint32_t)(q >> 32) ^ c.y ^ k0;
	r.y = (uint32_t)q;
	r.z = (uint32_t)(p >> 32) ^ c.w ^ k1;
	r.w = (uint32_t)p;
	return r;
}

/* The ten rounds, written out so that loops around them vectorise. */
PHILOX_FN struct philox philox4x32(struct philox c, uint32_t k0, uint32_t k1)
{
	const uint32_t d0 = 0x9E3779B9, d1 = 0xBB67AE85;

	c = philox_round(c, k0, k1);
	c = philox_round(c, k0 + d0, k1 + d1);
	c = philox_round(c, k0 + 2 * d0, k1 + 2 * d1);
	c = philox_round(c, k0 + 3 * d0, k1 + 3 * d1);
	c = philox_round(c, k0 + 4 * d0, k1 + 4 * d1);
	c = philox_round(c, k0 + 5 * d0, k1 + 5 * d1);
	c = philox_round(c, k0 + 6 * d0, k1 + 6 * d1);
	c = philox_round(c, k0 + 7 * d0, k1 + 7 * d1);
	c = philox_round(c, k0 + 8 * d0, k1 + 8 * d1);
	return philox_round(c, k0 + 9 * d0, k1 + 9 * d1);
}

/* The 128 bits of one element: low and high are the halves of its index. */
PHILOX_FN struct philox philox_draw(uint64_t seed, uint32_t low, uint32_t high, uint32_t stream)
{
	struct philox c;

	c.x = low;
	c.y = high;
	c.z = stream;
	c.w = 0;
	return philox4x32(c, (uint32_t)seed, (uint32_t)(seed >> 32));
}

PHILOX_FN uint64_t philox_u64(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

/*
 * x as a double, exactly.  Conversions from signed 32-bit integers exist as vectors everywhere, from unsigned and
 * 64-bit ones they do not.
 */
PHILOX_FN double philox_double(uint32_t x)
{
	return (double)(int32_t)(x ^ 0x80000000) + 0x1p31;
}

/* A multiple of 2**-53 in [0, 1): the upper 53 of 64 bits. */
PHILOX_FN double philox_unit(uint32_t high, uint32_t low)
{
	return philox_double(high) * 0x1p-32 + (double)(int32_t)(low >> 11) * 0x1p-53;
}

/*
 * ln(x) for normal x > 0, within 1 ULP.  x = 2**k m, sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f / (2 + f):
 * ln(1 + f) = 2 s + s R(s*s) = f - (f*f/2 - s (f*f/2 + R)); R is a minimax polynomial, relative error 2**-59.
 */
PHILOX_FN double philox_log(double x)
{
	const uint64_t root = 0x3FE6A09E667F3BCD; /* the bits of sqrt(1/2) */
	const uint64_t magic = 0x4330000000000000; /* of 2**52 */
	uint64_t bits, e;
	double m, k;

	memcpy(&bits, &x, sizeof(bits));
	bits += 0x3FF0000000000000 - root;
	e = (bits >> 52) | magic;
	bits = (bits & 0x000FFFFFFFFFFFFF) + root;
	memcpy(&k, &e, sizeof(k));
	memcpy(&m, &bits, sizeof(m));
	k -= 0x1p52 + 1023;

	double f = m - 1;
	double s = f / (2 + f);
	double z = s * s;
	double half = 0.5 * f * f;
	double r = 0x1.2ec884c4b5d82p-3;

	r = r * z + 0x1.39a83ddafa35cp-3;
	r = r * z + 0x1.7465f85e4a7d2p-3;
	r = r * z + 0x1.c71c53875697ap-3;
	r = r * z + 0x1.2492493fd9881p-2;
	r = r * z + 0x1.9999999982a95p-2;
	r = r * z + 0x1.5555555555588p-1;
	r = r * z;
	return k * 0x1.62e42feep-1 - ((half - (s * (half + r) + k * 0x1.a39ef35793c76p-33)) - f);
}

/* sin(2 pi y) for |y| <= 1/4, within 1 ULP: y P(y*y), the leading coefficient as two doubles. */
PHILOX_FN double philox_sin2pi(double y)
{
	double z = y * y;
	double r = 0x1.9d1b87bdd0b8cp-4;

	r = r * z - 0x1.6f797715f4673p-1;
	r = r * z + 0x1.e8f35e9d9abe9p+1;
	r = r * z - 0x1.e3074ddd1e56bp+3;
	r = r * z + 0x1.50783485190e8p+5;
	r = r * z - 0x1.32d2cce627543p+6;
	r = r * z + 0x1.466bc6775aa6ep+6;
	r = r * z - 0x1.4abbce625be52p+5;
	r = r * z + 0x1.1885634875771p-52;
	return y * 0x1.921fb54442d18p+2 + y * r;
}

/* -ln(1 - u) for u from philox_unit: 1 - u is exact and not 0. */
PHILOX_FN double philox_exponential(struct philox r)
{
	return 0 - philox_log(1 - philox_unit(r.x, r.y));
}

/* Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v); the cosine is a sine of the distance from a quarter, exactly. */
PHILOX_FN double philox_normal(struct philox r)
{
	double radius = sqrt(2 * philox_exponential(r));
	double y = 0.25 - fabs(philox_unit(r.z, r.w) - 0.5);

	return radius * philox_sin2pi(y);
}

/* The upper 64 bits of a * b; of 32-bit products, which there are vectors of. */
PHILOX_FN uint64_t philox_mulhi(uint64_t a, uint64_t b)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t mid = ah * bl + (al * bl >> 32);
	uint64_t mid2 = al * bh + (uint32_t)mid;

	return ah * bh + (mid >> 32) + (mid2 >> 32);
}

/* 0 .. range-1; range 0 means 2**64. */
PHILOX_FN uint64_t philox_below(struct philox r, uint64_t range)
{
	uint64_t bits = philox_u64(r.x, r.y);

	return range ? philox_mulhi(bits, range) : bits;
}

#endif
