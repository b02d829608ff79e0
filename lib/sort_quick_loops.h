/*
 * Quicksort in place of unsigned keys of KEY_BITS, 32 or 64, with the vectors of AVX-512, and their way down a tree of
 * splitters: for sort_loops.c, once for each.
 *
 * A vector is partitioned by compressing what is below the pivot and what is not; up to LEAF_VECTORS of keys are sorted by
 * bitonic networks in registers.
 */
#ifndef ALWAYS
#define ALWAYS inline __attribute__((always_inline))
/* A loop that is unrolled, for vectors in an array that shall be registers. */
#define UNROLLED(i, n, by) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i += (by))
enum { LEAF_VECTORS = 16, PART_VECTORS = 4 };
#endif

#define LANES (512 / KEY_BITS)
#define KEYS PASTE(PASTE(uint, KEY_BITS), _t)
#define NAME(f) PASTE(PASTE(quick, KEY_BITS), _##f)
#define EPI(op) PASTE(_mm512_##op##_epi, KEY_BITS)
#define EPU(op) PASTE(_mm512_##op##_epu, KEY_BITS)
#define EPU_MASK(op) PASTE(PASTE(_mm512_##op##_epu, KEY_BITS), _mask)

#if KEY_BITS == 32
typedef __mmask16 NAME(mask);
#define IOTA _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define SET1(x) _mm512_set1_epi32((int)(x))
/* The lanes in which bit is set. */
#define LANES_WITH(bit) ((bit) == 8 ? 0xff00 : (bit) == 4 ? 0xf0f0 : (bit) == 2 ? 0xcccc : 0xaaaa)
/* x[i * step] for all lanes i */
#define GATHER(x, step) _mm512_i32gather_epi32(_mm512_mullo_epi32(IOTA, SET1(step)), x, 4)
#define STORE_BYTES(to, v) _mm_storeu_si128((__m128i *)(void *)(to), _mm512_cvtepi32_epi8(v))
#else
typedef __mmask8 NAME(mask);
#define IOTA _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#define SET1(x) _mm512_set1_epi64((long long)(x))
#define GATHER(x, step) _mm512_i64gather_epi64(_mm512_mullo_epi64(IOTA, SET1(step)), x, 8)
#define STORE_BYTES(to, v) _mm_storel_epi64((__m128i *)(void *)(to), _mm512_cvtepi64_epi8(v))
#define LANES_WITH(bit) ((bit) == 4 ? 0xf0 : (bit) == 2 ? 0xcc : 0xaa)
#endif

/* == networks == */

/* Lane i against lane i ^ by, the smaller to where the highest bit of by, top, is 0. */
static ALWAYS __m512i NAME(exchange)(__m512i v, int by, int top)
{
	__m512i other = EPI(permutexvar)(_mm512_xor_si512(IOTA, SET1(by)), v);

	return EPU(mask_max)(EPU(min)(v, other), (NAME(mask))LANES_WITH(top), v, other);
}

/* A vector that rises, then falls. */
static ALWAYS __m512i NAME(merge_one)(__m512i v)
{
	if (LANES == 16)
		v = NAME(exchange)(v, 8, 8);
	v = NAME(exchange)(v, 4, 4);
	v = NAME(exchange)(v, 2, 2);
	return NAME(exchange)(v, 1, 1);
}

static ALWAYS __m512i NAME(sort_one)(__m512i v)
{
	v = NAME(exchange)(v, 1, 1);
	v = NAME(exchange)(v, 3, 2);
	v = NAME(exchange)(v, 1, 1);
	v = NAME(exchange)(v, 7, 4);
	v = NAME(exchange)(v, 2, 2);
	v = NAME(exchange)(v, 1, 1);
	if (LANES == 8)
		return v;
	v = NAME(exchange)(v, 15, 8);
	v = NAME(exchange)(v, 4, 4);
	v = NAME(exchange)(v, 2, 2);
	return NAME(exchange)(v, 1, 1);
}

static ALWAYS void NAME(halves)(__m512i *v, int count, int by)
{
	UNROLLED (i, count, 1)
		if (!(i & by)) {
			__m512i a = v[i], b = v[i + by];

			v[i] = EPU(min)(a, b);
			v[i + by] = EPU(max)(a, b);
		}
}

static ALWAYS void NAME(merge)(__m512i *v, int count)
{
	if (count > 4)
		NAME(halves)(v, count, 4);
	if (count > 2)
		NAME(halves)(v, count, 2);
	if (count > 1)
		NAME(halves)(v, count, 1);
	UNROLLED (i, count, 1)
		v[i] = NAME(merge_one)(v[i]);
}

/* Of count vectors, each 2 * m: two sorted halves to one sorted whole. */
static ALWAYS void NAME(join)(__m512i *v, int count, int m)
{
	__m512i back = _mm512_xor_si512(IOTA, SET1(LANES - 1)), t[LEAF_VECTORS / 2];

	UNROLLED (at, count, 2 * m) {
		UNROLLED (i, m, 1)
			t[i] = EPI(permutexvar)(back, v[at + 2 * m - 1 - i]);
		UNROLLED (i, m, 1) {
			__m512i a = v[at + i];

			v[at + i] = EPU(min)(a, t[i]);
			v[at + m + i] = EPU(max)(a, t[i]);
		}
		NAME(merge)(v + at, m);
		NAME(merge)(v + at + m, m);
	}
}

static ALWAYS void NAME(sort_vectors)(__m512i *v, int count)
{
	UNROLLED (i, count, 1)
		v[i] = NAME(sort_one)(v[i]);
	if (count > 1)
		NAME(join)(v, count, 1);
	if (count > 2)
		NAME(join)(v, count, 2);
	if (count > 4)
		NAME(join)(v, count, 4);
	if (count > 8)
		NAME(join)(v, count, 8);
}

/* The first n lanes. */
static ALWAYS NAME(mask) NAME(first)(int64_t n)
{
	return (NAME(mask))(n >= LANES ? ~0U : n > 0 ? (1U << n) - 1 : 0);
}

static ALWAYS void NAME(leaf_of)(KEYS *k, int64_t n, int count)
{
	__m512i v[LEAF_VECTORS];

	UNROLLED (i, count, 1)
		v[i] = EPI(mask_loadu)(SET1(-1), NAME(first)(n - i * LANES), k + i * LANES);
	NAME(sort_vectors)(v, count);
	UNROLLED (i, count, 1)
		EPI(mask_storeu)(k + i * LANES, NAME(first)(n - i * LANES), v[i]);
}

static void NAME(leaf)(KEYS *k, int64_t n)
{
	if (n <= LANES)
		NAME(leaf_of)(k, n, 1);
	else if (n <= 2 * LANES)
		NAME(leaf_of)(k, n, 2);
	else if (n <= 4 * LANES)
		NAME(leaf_of)(k, n, 4);
	else if (n <= 8 * LANES)
		NAME(leaf_of)(k, n, 8);
	else
		NAME(leaf_of)(k, n, 16);
}

/* == partition == */

/*
 * The free places *low .. *high-1 take those lanes of v that are in some: what is below the pivot in front, the rest behind.
 * LANES or more are free.  Registers are compressed: compressing to memory takes a hundred cycles on Zen 4.
 */
static ALWAYS void NAME(put)(__m512i v, NAME(mask) some, __m512i pivot, KEYS **low, KEYS **high)
{
	NAME(mask) above = EPU_MASK(mask_cmpge)(some, v, pivot), below = (NAME(mask))(some & ~above);

	_mm512_storeu_si512(*low, EPI(maskz_compress)(below, v));
	*low += __builtin_popcount(below);
	*high -= __builtin_popcount(above);
	EPI(mask_storeu)(*high, NAME(first)(__builtin_popcount(above)), EPI(maskz_compress)(above, v));
}

/* Keys below pivot to the front, of more than LEAF_VECTORS of them; returns how many. */
static int64_t NAME(partition)(KEYS *k, int64_t n, KEYS pivot)
{
	enum { STEP = PART_VECTORS * LANES };
	const NAME(mask) all = NAME(first)(LANES);
	__m512i p = SET1(pivot), head[PART_VECTORS], tail[PART_VECTORS], v[PART_VECTORS];
	KEYS *low = k, *high = k + n, *from = k + STEP, *to = k + n - STEP;

	UNROLLED (j, PART_VECTORS, 1) {
		head[j] = _mm512_loadu_si512(k + j * LANES);
		tail[j] = _mm512_loadu_si512(to + j * LANES);
	}
	while (to - from >= STEP) {
		/* From the end with less room, which then has room for all. */
		bool front = from - low <= high - to;
		const KEYS *x = front ? from : to - STEP;

		from += front ? STEP : 0;
		to -= front ? 0 : STEP;
		UNROLLED (j, PART_VECTORS, 1)
			v[j] = _mm512_loadu_si512(x + j * LANES);
		UNROLLED (j, PART_VECTORS, 1)
			NAME(put)(v[j], all, p, &low, &high);
	}
	/* What is left is less than that, and the tail stands behind it. */
	UNROLLED (j, PART_VECTORS, 1)
		v[j] = _mm512_loadu_si512(from + j * LANES);
	UNROLLED (j, PART_VECTORS, 1)
		NAME(put)(v[j], NAME(first)(to - from - j * LANES), p, &low, &high);
	UNROLLED (j, PART_VECTORS, 1)
		NAME(put)(head[j], all, p, &low, &high);
	UNROLLED (j, PART_VECTORS, 1)
		NAME(put)(tail[j], all, p, &low, &high);
	return low - k;
}

static void NAME(bounds)(const KEYS *k, int64_t n, KEYS *least, KEYS *most)
{
	KEYS low = k[0], high = k[0];

	for (int64_t i = 1; i < n; i++) {
		low = k[i] < low ? k[i] : low;
		high = k[i] > high ? k[i] : high;
	}
	*least = low;
	*most = high;
}

/* Evenly spaced keys, sorted; returns how many. */
static int NAME(sample)(const KEYS *k, int64_t n, KEYS *sample)
{
	int count = n < 64 * LANES ? 1 : 4;
	int64_t step = n / (count * LANES);
	__m512i v[4];

	if (step > INT32_MAX / LANES) /* gathers have indices of 32 bits */
		step = INT32_MAX / LANES;
	UNROLLED (i, 4, 1)
		if (i < count)
			v[i] = GATHER(k + step / 2 + i * LANES * step, step);
	if (count == 1)
		v[0] = NAME(sort_one)(v[0]);
	else
		NAME(sort_vectors)(v, 4);
	UNROLLED (i, 4, 1)
		if (i < count)
			_mm512_storeu_si512(sample + i * LANES, v[i]);
	return count * LANES;
}

/* A key such that some are below it and some are not; false: all are equal.  halve: one that halves the range of keys. */
static bool NAME(pivot)(const KEYS *k, int64_t n, bool halve, KEYS *pivot)
{
	KEYS sample[4 * LANES], low, high;
	int count = NAME(sample)(k, n, sample);
	bool equal = sample[0] == sample[count - 1];

	/* Where many are equal to the least, the pivot after it parts those from all others. */
	*pivot = (KEYS)(sample[count / 2] + (sample[count / 2] == sample[0]));
	if (!equal && !halve)
		return true;
	NAME(bounds)(k, n, &low, &high);
	if (low == high)
		return false;
	*pivot = (KEYS)(equal ? sample[0] + (sample[0] == low) : low + (high - low) / 2 + 1);
	return true;
}

/*
 * Where a pivot from a sample was a bad one, the next halves the range of keys, which can happen KEY_BITS times: no input
 * takes more passes than some for each bit and some for each doubling of n.
 */
static void NAME(sort)(KEYS *k, int64_t n, bool halve)
{
	KEYS pivot;

	while (n > LEAF_VECTORS * LANES) {
		int64_t below;

		if (!NAME(pivot)(k, n, halve, &pivot))
			return;
		below = NAME(partition)(k, n, pivot);
		halve = below < n / 8 || n - below < n / 8;
		if (below < n - below) {
			NAME(sort)(k, below, halve);
			k += below;
			n -= below;
		} else {
			NAME(sort)(k + below, n - below, halve);
			n = below;
		}
	}
	NAME(leaf)(k, n);
}

/* == buckets == */

/* row[at % N] of N = 2, 4, 8, 16 times LANES nodes */
static ALWAYS __m512i NAME(look_up2)(const KEYS *row, __m512i at)
{
	return EPI(permutex2var)(_mm512_loadu_si512(row), at, _mm512_loadu_si512(row + LANES));
}

#define LOOK_UP(whole, half, n) \
	static ALWAYS __m512i NAME(whole)(const KEYS *row, __m512i at) \
	{ \
		return EPI(mask_blend)(PASTE(EPI(test), _mask)(at, SET1((n)*LANES)), NAME(half)(row, at), \
				       NAME(half)(row + (n)*LANES, at)); \
	}
LOOK_UP(look_up4, look_up2, 2)
LOOK_UP(look_up8, look_up4, 4)
#if KEY_BITS == 64
LOOK_UP(look_up16, look_up8, 8)
#endif

static ALWAYS __m512i NAME(step)(__m512i at, __m512i node, __m512i k)
{
	at = EPI(add)(at, at);
	return EPI(mask_add)(at, EPU_MASK(cmple)(node, k), at, SET1(1));
}

/* Where a vector of keys comes to in the tree: no gathers, which cost as much as their loads one by one. */
static ALWAYS void NAME(descend)(const KEYS *tree, const KEYS *keys, unsigned char *bucket)
{
	__m512i k = _mm512_loadu_si512(keys), at = SET1(1);

	UNROLLED (i, KEY_BITS == 32 ? 5 : 4, 1)
		at = NAME(step)(at, NAME(look_up2)(tree, at), k);
	at = NAME(step)(at, NAME(look_up2)(tree + 2 * LANES, at), k);
	at = NAME(step)(at, NAME(look_up4)(tree + 4 * LANES, at), k);
	at = NAME(step)(at, NAME(look_up8)(tree + 8 * LANES, at), k);
#if KEY_BITS == 64
	at = NAME(step)(at, NAME(look_up16)(tree + 16 * LANES, at), k);
#endif
	STORE_BYTES(bucket, at);
}

#undef LOOK_UP
#undef LANES
#undef KEYS
#undef NAME
#undef EPI
#undef EPU
#undef EPU_MASK
#undef IOTA
#undef SET1
#undef LANES_WITH
#undef GATHER
#undef STORE_BYTES
#undef KEY_BITS
