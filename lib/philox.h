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

/* The 128 random bits of one element. */
struct philox_bits {
	uint64_t a, b;
};

PHILOX_FN struct philox_bits philox_draw(uint64_t seed, uint64_t index, uint32_t stream)
{
	struct philox_bits r;
	struct philox c;

	c.x = (uint32_t)index;
	c.y = (uint32_t)(index >> 32);
	c.z = stream;
	c.w = 0;
	c = philox4x32(c, (uint32_t)seed, (uint32_t)(seed >> 32));
	r.a = (uint64_t)c.x << 32 | c.y;
	r.b = (uint64_t)c.z << 32 | c.w;
	return r;
}

/*
 * x < 2**52 as a double, exactly: as the last bits of 2**52 + x, because not every processor has vectors that convert
 * 64-bit integers.
 */
PHILOX_FN double philox_double(uint64_t x)
{
	double d;

	x |= 0x4330000000000000;
	memcpy(&d, &x, sizeof(d));
	return d - 0x1p52;
}

/* A multiple of 2**-53 in [0, 1): the upper 53 bits. */
PHILOX_FN double philox_unit(uint64_t bits)
{
	return philox_double(bits >> 32) * 0x1p-32 + philox_double(bits >> 11 & 0x1FFFFF) * 0x1p-53;
}

/*
 * ln(x) for normal x > 0, within 1 ULP.  x = 2**k m, sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f / (2 + f):
 * ln(1 + f) = 2 s + s R(s*s) = f - (f*f/2 - s (f*f/2 + R)); R is a minimax polynomial, relative error 2**-59.
 */
PHILOX_FN double philox_log(double x)
{
	const uint64_t root = 0x3FE6A09E667F3BCD; /* the bits of sqrt(1/2) */
	uint64_t bits;
	double m, k;

	memcpy(&bits, &x, sizeof(bits));
	bits += 0x3FF0000000000000 - root;
	k = philox_double(bits >> 52) - 1023;
	bits = (bits & 0x000FFFFFFFFFFFFF) + root;
	memcpy(&m, &bits, sizeof(m));

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

/* sin(2 pi y) for |y| <= 1/4, within 3 ULP: y P(y*y), the leading coefficient as two doubles. */
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
PHILOX_FN double philox_exponential(struct philox_bits r)
{
	return 0 - philox_log(1 - philox_unit(r.a));
}

/* Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v); the cosine is a sine of the distance from a quarter, exactly. */
PHILOX_FN double philox_normal(struct philox_bits r)
{
	double radius = sqrt(2 * philox_exponential(r));
	double y = 0.25 - fabs(philox_unit(r.b) - 0.5);

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
PHILOX_FN uint64_t philox_below(struct philox_bits r, uint64_t range)
{
	return range ? philox_mulhi(r.a, range) : r.a;
}

#endif
