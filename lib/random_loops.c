/*
 * The loops of random_fill: see random_loops.h.  Blocks of bits are drawn, then turned into numbers by philox.h.
 *
 * philox_draw is what is drawn; but compilers do not find the vector instruction for the product of the lower halves
 * of 64-bit lanes, which is all that Philox needs, so the rounds are written with it here.
 */
#include "random_loops.h"

#include "philox.h"

#define LEVEL_NAME2(name, level) name##_##level
#define LEVEL_NAME1(name, level) LEVEL_NAME2(name, level)
#define LEVEL_NAME(name) LEVEL_NAME1(name, LEVEL)

/* Elements drawn at once: a multiple of every vector's length. */
enum { DRAWN = 128 };

#if defined(__SSE2__)

#include <immintrin.h>

#if defined(__AVX512F__)
typedef __m512i vec;
#define VEC(op) _mm512_##op
#define VEC_BITS(op) _mm512_##op##_si512
#elif defined(__AVX2__)
typedef __m256i vec;
#define VEC(op) _mm256_##op
#define VEC_BITS(op) _mm256_##op##_si256
#else
typedef __m128i vec;
#define VEC(op) _mm_##op
#define VEC_BITS(op) _mm_##op##_si128
#endif

enum { WIDTH = sizeof(vec) / sizeof(uint64_t) };

static inline vec all_lanes(uint32_t x)
{
	return VEC(set1_epi32)((int32_t)x);
}

/* One round on the lower halves of the lanes; what the upper ones hold is of no consequence. */
static inline void round_lanes(vec c[4], uint32_t k0, uint32_t k1)
{
	vec p = VEC(mul_epu32)(c[0], all_lanes(0xD2511F53));
	vec q = VEC(mul_epu32)(c[2], all_lanes(0xCD9E8D57));

	c[0] = VEC_BITS(xor)(VEC_BITS(xor)(VEC(srli_epi64)(q, 32), c[1]), all_lanes(k0));
	c[1] = q;
	c[2] = VEC_BITS(xor)(VEC_BITS(xor)(VEC(srli_epi64)(p, 32), c[3]), all_lanes(k1));
	c[3] = p;
}

/* The upper word in the upper half of each lane, the lower one in the lower. */
static inline vec join(vec upper, vec lower)
{
	return VEC_BITS(or)(VEC(slli_epi64)(upper, 32), VEC(srli_epi64)(VEC(slli_epi64)(lower, 32), 32));
}

static void draw(uint64_t seed, uint32_t low, uint32_t high, uint32_t stream, uint64_t a[DRAWN], uint64_t b[DRAWN])
{
	for (int i = 0; i < DRAWN; i += WIDTH) {
		uint64_t index[WIDTH];
		vec c[4] = { all_lanes(0), all_lanes(high), all_lanes(stream), all_lanes(0) };
		uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

		for (int l = 0; l < WIDTH; l++)
			index[l] = low + (uint32_t)(i + l);
		memcpy(&c[0], index, sizeof(c[0]));
		for (int r = 0; r < 10; r++) {
			round_lanes(c, k0, k1);
			k0 += 0x9E3779B9;
			k1 += 0xBB67AE85;
		}
		c[0] = join(c[0], c[1]);
		c[2] = join(c[2], c[3]);
		memcpy(a + i, &c[0], sizeof(c[0]));
		memcpy(b + i, &c[2], sizeof(c[2]));
	}
}

#undef VEC
#undef VEC_BITS

#else

static void draw(uint64_t seed, uint32_t low, uint32_t high, uint32_t stream, uint64_t a[DRAWN], uint64_t b[DRAWN])
{
	for (int i = 0; i < DRAWN; i++) {
		struct philox_bits r = philox_draw(seed, (uint64_t)high << 32 | (low + (uint32_t)i), stream);

		a[i] = r.a;
		b[i] = r.b;
	}
}

#endif

#define FILL(name, type, stream, expr) \
	static void fill_##name(const struct random_param *p, uint32_t low, uint32_t high, int64_t n, \
				type *restrict out) \
	{ \
		const double a TENSOR_UNUSED = p->a, b TENSOR_UNUSED = p->b; \
		const uint64_t lo TENSOR_UNUSED = (uint64_t)p->lo, range TENSOR_UNUSED = p->range; \
		struct philox_bits r; \
		uint64_t first[DRAWN], second[DRAWN]; \
\
		for (int64_t i = 0; i < n; i += DRAWN) { \
			int64_t m = n - i < DRAWN ? n - i : DRAWN; \
\
			draw(p->seed, low + (uint32_t)i, high, stream, first, second); \
			for (int64_t k = 0; k < m; k++) { \
				r.a = first[k]; \
				r.b = second[k]; \
				out[i + k] = expr; \
			} \
		} \
	}

FILL(uniform, double, PHILOX_UNIFORM, a + (b - a) * philox_unit(r.a))
FILL(normal, double, PHILOX_NORMAL, a + b * philox_normal(r))
FILL(exponential, double, PHILOX_EXPONENTIAL, a *philox_exponential(r))
FILL(bernoulli, uint64_t, PHILOX_BERNOULLI, philox_unit(r.a) < a)
FILL(integer, uint64_t, PHILOX_INTEGER, lo + philox_mulhi(r.a, range))
FILL(bits, uint64_t, PHILOX_INTEGER, lo + r.a)
#undef FILL

void LEVEL_NAME(random_fill)(const struct random_param *p, uint32_t low, uint32_t high, int64_t n, void *out)
{
	switch (p->id) {
	case RANDOM_uniform:
		fill_uniform(p, low, high, n, out);
		return;
	case RANDOM_normal:
		fill_normal(p, low, high, n, out);
		return;
	case RANDOM_exponential:
		fill_exponential(p, low, high, n, out);
		return;
	case RANDOM_bernoulli:
		fill_bernoulli(p, low, high, n, out);
		return;
	case RANDOM_integer:
		if (p->range)
			fill_integer(p, low, high, n, out);
		else
			fill_bits(p, low, high, n, out);
		return;
	}
}
