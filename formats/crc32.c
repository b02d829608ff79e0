/*
 * CRC-32 by carry-less multiplication where the processor has it: zlib's tables take longer than reading the bytes does.
 *
 * The bytes are a polynomial over GF(2) in reflected bit order, and 128 bits of it can be replaced by their product with
 * x^n mod P further down the stream.  Source: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel 2009, from where the constants are.
 */
#include "formats/deflate.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define FOLDING __attribute__((target("pclmul,sse4.1")))

enum { STEP = 64, LEAST = 256 };

/* x moved on by the distance of the constants k, onto y. */
FOLDING static inline __m128i fold(__m128i x, __m128i k, __m128i y)
{
	return _mm_xor_si128(y, _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)));
}

FOLDING static inline __m128i load(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* The remainder of x by the polynomial: 128 bits to 64, to 32, Barrett's reduction. */
FOLDING static uint32_t reduce(__m128i x, __m128i by16)
{
	const __m128i by8 = _mm_set_epi64x(0, 0x163cd6124), barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
	const __m128i low32 = _mm_set_epi32(0, -1, 0, -1);
	__m128i t;

	x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by16, 0x10));
	t = _mm_srli_si128(x, 4);
	x = _mm_xor_si128(t, _mm_clmulepi64_si128(_mm_and_si128(x, low32), by8, 0x00));
	t = _mm_clmulepi64_si128(_mm_and_si128(x, low32), barrett, 0x10);
	t = _mm_clmulepi64_si128(_mm_and_si128(t, low32), barrett, 0x00);
	return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

/* n: a multiple of STEP, at least twice that; crc: inverted. */
FOLDING static uint32_t crc32_fold(uint32_t crc, const unsigned char *p, size_t n)
{
	const __m128i by64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4), by16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
	__m128i x[4];

	for (int i = 0; i < 4; i++)
		x[i] = load(p + 16 * i);
	x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)crc));
	for (p += STEP, n -= STEP; n; p += STEP, n -= STEP)
		for (int i = 0; i < 4; i++)
			x[i] = fold(x[i], by64, load(p + 16 * i));
	for (int i = 1; i < 4; i++)
		x[0] = fold(x[0], by16, x[i]);
	return reduce(x[0], by16);
}

uint32_t crc32_update(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *from = p;
	size_t whole = n < LEAST || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1")
			       ? 0
			       : n / STEP * STEP;

	if (whole)
		crc = ~crc32_fold(~crc, from, whole);
	return crc32_zlib(crc, from + whole, n - whole);
}

#else

uint32_t crc32_update(uint32_t crc, const void *p, size_t n)
{
	return crc32_zlib(crc, p, n);
}

#endif
