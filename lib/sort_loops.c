/* The loops of sorting for one instruction set level: see sort_loops.h. */
#include "sort_loops.h"

#include <string.h>

#include "loops.h"
#include "sort_keys.h"

#define BACK_uint(U, k) (k)
#define BACK_int(U, k) ((U)((k) ^ SIGN(U)))
#define BACK_float(U, k) ((k)&SIGN(U) ? (U)((k) ^ SIGN(U)) : (U) ~(k))

#define DIGIT(k, pass) ((k) >> ((pass)*DIGIT_BITS) & (DIGITS - 1))

/* == keys alone == */

#define RADIX(U) \
	/* n keys digit by digit, through other in turn; returns which of the two has them in the end. */ \
	static U *radix_##U(U *keys, U *other, int64_t n) \
	{ \
		U differ = 0; \
\
		for (int64_t i = 0; i < n; i++) \
			differ |= keys[i] ^ keys[0]; \
		for (int pass = 0; pass < (int)sizeof(U); pass++) { \
			int64_t offset[DIGITS] = { 0 }, at = 0; \
			U *t = keys; \
\
			if (!DIGIT(differ, pass)) \
				continue; \
			for (int64_t i = 0; i < n; i++) \
				offset[DIGIT(keys[i], pass)]++; \
			for (int d = 0; d < DIGITS; d++) { \
				int64_t count = offset[d]; \
\
				offset[d] = at; \
				at += count; \
			} \
			for (int64_t i = 0; i < n; i++) \
				other[offset[DIGIT(keys[i], pass)]++] = keys[i]; \
			keys = other; \
			other = t; \
		} \
		return keys; \
	}

/* ABREAST keys go down a tree of splitters together, of a block that is made into keys at once. */
enum { ABREAST = 16, KEYS_BLOCK = 256 };

#define DESCEND(U, at_type) \
	static inline void descend_##U(const U *tree, const U *keys, unsigned char *bucket) \
	{ \
		at_type at[ABREAST]; \
\
		for (int j = 0; j < ABREAST; j++) \
			at[j] = 1; \
		for (int row = 1; row < BUCKETS; row *= 2) \
			for (int j = 0; j < ABREAST; j++) \
				at[j] = 2 * at[j] + (tree[at[j]] <= keys[j]); \
		for (int j = 0; j < ABREAST; j++) \
			bucket[j] = (unsigned char)at[j]; \
	}

RADIX(uint8_t)
RADIX(uint16_t)
DESCEND(uint8_t, uint32_t)
DESCEND(uint16_t, uint32_t)

#ifdef __AVX512F__
#include <immintrin.h>

#define KEY_BITS 32
#include "sort_quick_loops.h"
#define KEY_BITS 64
#include "sort_quick_loops.h"
#define QUICK(U, bits) \
	static U *quick_##U(U *keys, U *other, int64_t n) \
	{ \
		(void)other; \
		quick##bits##_sort(keys, n, false); \
		return keys; \
	} \
\
	static inline void descend_##U(const U *tree, const U *keys, unsigned char *bucket) \
	{ \
		for (int j = 0; j < ABREAST; j += 512 / bits) \
			quick##bits##_descend(tree, keys + j, bucket + j); \
	}
QUICK(uint32_t, 32)
QUICK(uint64_t, 64)
#define SORT_uint32_t quick_uint32_t
#define SORT_uint64_t quick_uint64_t
#define IN_PLACE(bytes) ((bytes) >= 4)
#else
RADIX(uint32_t)
RADIX(uint64_t)
DESCEND(uint32_t, uint32_t)
DESCEND(uint64_t, uint64_t)
#define SORT_uint32_t radix_uint32_t
#define SORT_uint64_t radix_uint64_t
#define IN_PLACE(bytes) false
#endif
#define SORT_uint8_t radix_uint8_t
#define SORT_uint16_t radix_uint16_t

/* 16 for each splitter keep nearly all buckets below twice their share. */
enum { SAMPLE = 16 * BUCKETS };

#define SORT_VALUES(name, U, kind, inf) \
	static void name##_splitters(const void *x, int64_t n, void *tree, uint64_t flip) \
	{ \
		const U *p = x; \
		U keys[SAMPLE], other[SAMPLE], *node = tree; \
		const U *sorted; \
		uint64_t random = 0; \
\
		/* Not evenly: no pattern in x may meet that of the sample. */ \
		for (int i = 0; i < SAMPLE; i++) { \
			U u; \
\
			random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); \
			u = p[(int64_t)((unsigned __int128)random * (uint64_t)n >> 64)]; \
			keys[i] = KEY_##kind(U, u, inf) ^ (U)flip; \
		} \
		sorted = SORT_##U(keys, other, SAMPLE); \
		/* Node i of a row of the tree has as many splitters on its left as on its right. */ \
		for (int row = 1; row < BUCKETS; row *= 2) \
			for (int i = 0; i < row; i++) { \
				int at = (2 * i + 1) * (SAMPLE / 2 / row); \
				U k = sorted[at]; \
				/* A key so frequent that it would split twice gets a bucket of its own. */ \
				bool again = k == sorted[at - SAMPLE / BUCKETS] && at > SAMPLE / BUCKETS; \
\
				node[row + i] = (U)(k + (again && k != ONES(U))); \
			} \
	} \
\
	static void name##_ordered(const void *x, int64_t n, void *keys, uint64_t flip) \
	{ \
		const U *p = x; \
		U *k = keys; \
\
		for (int64_t i = 0; i < n; i++) { \
			U u = p[i]; \
\
			k[i] = KEY_##kind(U, u, inf) ^ (U)flip; \
		} \
	} \
\
	static void name##_bucket(const void *x, int64_t n, const void *tree, unsigned char *bucket, int64_t *counts, \
				  uint64_t flip) \
	{ \
		U keys[KEYS_BLOCK] = { 0 }; \
		unsigned char b[KEYS_BLOCK]; \
\
		for (int64_t i = 0; i < n; i += KEYS_BLOCK) { \
			int count = n - i < KEYS_BLOCK ? (int)(n - i) : KEYS_BLOCK; \
\
			name##_ordered((const U *)x + i, count, keys, flip); \
			for (int j = 0; j < count; j += ABREAST) \
				descend_##U(tree, keys + j, b + j); \
			memcpy(bucket + i, b, (size_t)count); \
			for (int j = 0; j < count; j++) \
				counts[b[j]]++; \
		} \
	} \
\
	static void name##_scatter(const void *x, int64_t n, const unsigned char *bucket, const int64_t *offset, \
				   void *keys, uint64_t flip) \
	{ \
		const U *p = x; \
		U *to[BUCKETS]; \
\
		for (int b = 0; b < BUCKETS; b++) \
			to[b] = (U *)keys + offset[b]; \
		for (int64_t i = 0; i < n; i++) { \
			U u = p[i]; \
\
			*to[bucket[i]]++ = KEY_##kind(U, u, inf) ^ (U)flip; \
		} \
	} \
\
	static void name##_sort(void *keys, void *other, int64_t n, void *out, uint64_t flip) \
	{ \
		const U *k = SORT_##U(keys, other, n); \
		U *o = out; \
\
		INDEPENDENT \
		for (int64_t i = 0; i < n; i++) { \
			U u = k[i] ^ (U)flip; \
\
			o[i] = BACK_##kind(U, u); \
		} \
	}

/* == a few elements; searches == */

#define SORT_KEYS(name, U, kind, inf) \
	static void name##_small(const void *x, int64_t n, void *out, uint64_t flip) \
	{ \
		const U *p = x; \
		U *o = out, keys[SORT_SMALL]; \
\
		for (int64_t i = 0; i < n; i++) { \
			U u = p[i], k = SAME_##kind(U, u, inf) ^ (U)flip; \
			int64_t j = i; \
\
			for (; j > 0 && keys[j - 1] > k; j--) { \
				keys[j] = keys[j - 1]; \
				o[j] = o[j - 1]; \
			} \
			keys[j] = k; \
			o[j] = u; \
		} \
	} \
\
	static inline void name##_pair(U u, U flip, uint64_t *key) \
	{ \
		*key = (U)(SAME_##kind(U, u, inf) ^ flip); \
	} \
\
	static void name##_keys(const void *x, int64_t n, void *keys) \
	{ \
		const U *p = x; \
		U *k = keys; \
\
		for (int64_t i = 0; i < n; i++) \
			k[i] = SAME_##kind(U, p[i], inf); \
	} \
\
	static int64_t name##_before(const void *x, int64_t *from, int64_t n, int64_t limit, int64_t *index, \
				     int64_t room, uint64_t flip) \
	{ \
		const U *p = x; \
		U last = SAME_##kind(U, p[limit], inf) ^ (U)flip; \
		int64_t i = *from, count = 0; \
\
		while (i < n && count < room) { \
			int64_t end = n - i < KEYS_BLOCK ? n : i + KEYS_BLOCK; \
			U any = 0; \
\
			for (int64_t j = i; j < end; j++) \
				any |= (U)((U)(SAME_##kind(U, p[j], inf) ^ (U)flip) < last); \
			for (; any && i < end && count < room; i++) \
				if ((U)(SAME_##kind(U, p[i], inf) ^ (U)flip) < last) \
					index[count++] = i; \
			i = any ? i : end; \
		} \
		*from = i; \
		return count; \
	} \
\
	/* Several at once: a search waits for memory, and all take the same steps. */ \
	static inline void name##_positions(const U *keys, int64_t m, const U *k, int count, bool right, int64_t *at) \
	{ \
		for (int j = 0; j < count; j++) \
			at[j] = 0; \
		for (int64_t len = m; len > 0; len /= 2) { \
			int64_t half = (len + 1) / 2; \
\
			for (int j = 0; j < count; j++) { \
				/* Between at and at + len; a step too far is not taken. */ \
				int64_t next = at[j] + half; \
				bool in = next <= m; \
				U at_key = keys[in ? next - 1 : 0]; \
\
				at[j] = in && (right ? at_key <= k[j] : at_key < k[j]) ? next : at[j]; \
			} \
		} \
	} \
\
	static void name##_search(const void *keys, int64_t m, const void *x, int64_t n, bool right, int64_t *out) \
	{ \
		const U *p = x; \
		U k[ABREAST]; \
\
		for (int64_t i = 0; i < n; i += ABREAST) { \
			int count = n - i < ABREAST ? (int)(n - i) : ABREAST; \
\
			for (int j = 0; j < ABREAST; j++) \
				k[j] = j < count ? SAME_##kind(U, p[i + j], inf) : 0; \
			if (right) \
				name##_positions(keys, m, k, count, true, out + i); \
			else \
				name##_positions(keys, m, k, count, false, out + i); \
		} \
	} \
\
	static void name##_member(const void *keys, int64_t m, const void *x, int64_t n, bool invert, \
				  unsigned char *out) \
	{ \
		const U *p = x, *sorted = keys; \
		int64_t at[ABREAST]; \
		U k[ABREAST]; \
\
		for (int64_t i = 0; i < n; i += ABREAST) { \
			int count = n - i < ABREAST ? (int)(n - i) : ABREAST; \
\
			for (int j = 0; j < ABREAST; j++) \
				k[j] = j < count ? SAME_##kind(U, p[i + j], inf) : 0; \
			name##_positions(sorted, m, k, count, false, at); \
			for (int j = 0; j < count; j++) { \
				bool found = at[j] < m && sorted[at[j]] == k[j] && !IS_NAN_##kind(U, p[i + j], inf); \
\
				out[i + j] = found != invert; \
			} \
		} \
	} \
\
	static void name##_boundaries(const void *x, int64_t from, int64_t to, bool each_nan, unsigned char *first) \
	{ \
		const U *p = x; \
\
		for (int64_t i = from; i < to; i++) { \
			U a = i ? p[i - 1] : 0, b = p[i]; \
			bool other = SAME_##kind(U, a, inf) != SAME_##kind(U, b, inf); \
\
			first[i] = i == 0 || other || (each_nan && IS_NAN_##kind(U, b, inf)); \
		} \
	}

/* -- elements that are equal but not the same: zeros, NaNs -- */

#define SORT_REPAIR(name, U, inf) \
	/* The first of n sorted elements whose key is not below k. */ \
	static int64_t name##_bound(const U *x, int64_t n, U k, U flip) \
	{ \
		int64_t low = 0, high = n; \
\
		while (low < high) { \
			int64_t mid = low + (high - low) / 2; \
			U u = x[mid], at = KEY_float(U, u, inf) ^ flip; \
\
			if (at < k) \
				low = mid + 1; \
			else \
				high = mid; \
		} \
		return low; \
	} \
\
	static void name##_repair(const void *x, int64_t n, void *out, uint64_t flip) \
	{ \
		const U *p = x; \
		U *o = out, f = (U)flip, below = (U)(~SIGN(U) ^ f), above = (U)(SIGN(U) ^ f); \
		int64_t zero = name##_bound(o, n, below < above ? below : above, f); \
		int64_t nan = f ? 0 : name##_bound(o, n, ONES(U), f); \
		int64_t zeros, nans = f ? name##_bound(o, n, 1, f) : n - nan; \
\
		above = (U)((below < above ? above : below) + 1); \
		zeros = name##_bound(o, n, above, f) - zero; \
		if (zeros && o[zero] == o[zero + zeros - 1]) \
			zeros = 0; \
		if (!zeros && !nans) \
			return; \
		for (int64_t i = 0; i < n; i++) { \
			U u = p[i]; \
\
			if (MAGNITUDE(U, u) == 0 && zeros) \
				o[zero++] = u; \
			else if (IS_NAN_float(U, u, inf)) \
				o[nan++] = u; \
		} \
	}

/* -- pairs -- */

#define SORT_PAIRS(name, U, P) \
	static inline void name##_##P##_(const U *x, int64_t stride, const int64_t *order, int64_t from, int64_t to, \
					 struct P *pairs, digit_counts *counts, uint64_t flip) \
	{ \
		for (int64_t i = from; i < to; i++) { \
			int64_t at = order ? order[i] : i; \
			uint64_t k; \
\
			name##_pair(x[at * stride], (U)flip, &k); \
			for (int pass = 0; pass < (int)sizeof(U); pass++) \
				counts[pass][DIGIT(k, pass)]++; \
			SET_##P(pairs, k, at); \
			pairs++; \
		} \
	} \
\
	static void name##_##P(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to, \
			       struct P *pairs, digit_counts *counts, uint64_t flip) \
	{ \
		if (stride == 1 && !order) \
			name##_##P##_(x, 1, NULL, from, to, pairs, counts, flip); \
		else \
			name##_##P##_(x, stride, order, from, to, pairs, counts, flip); \
	}

#define SET_pair32(p, k, at) ((p)->key = (uint32_t)(k), (p)->index = (uint32_t)(at))
#define SET_pair64(p, k, at) ((p)->key = (k), (p)->index = (uint64_t)(at))

#define SORT_32(name, U, kind, inf) \
	SORT_VALUES(name, U, kind, inf) \
	SORT_KEYS(name, U, kind, inf) SORT_PAIRS(name, U, pair32) SORT_PAIRS(name, U, pair64)
#define SORT_64(name, U, kind, inf) \
	SORT_VALUES(name, U, kind, inf) SORT_KEYS(name, U, kind, inf) SORT_PAIRS(name, U, pair64)
SORT_KEYS_32(SORT_32)
SORT_KEYS_64(SORT_64)
SORT_REPAIR(e4m3, uint8_t, 0x7e)
SORT_REPAIR(e5m2, uint8_t, 0x7c)
SORT_REPAIR(f16, uint16_t, 0x7c00)
SORT_REPAIR(bf16, uint16_t, 0x7f80)
SORT_REPAIR(f32, uint32_t, 0x7f800000)
SORT_REPAIR(f64, uint64_t, 0x7ff0000000000000)

#define PAIR_LOOPS(P, K) \
	static void P##_count(const void *pairs, int64_t n, int pass, int64_t *counts) \
	{ \
		const struct P *p = pairs; \
\
		for (int64_t i = 0; i < n; i++) \
			counts[DIGIT(p[i].key, pass)]++; \
	} \
\
	static void P##_scatter(const void *from, int64_t n, int pass, int64_t *offset, void *to) \
	{ \
		const struct P *p = from; \
		struct P *o = to; \
\
		for (int64_t i = 0; i < n; i++) \
			o[offset[DIGIT(p[i].key, pass)]++] = p[i]; \
	} \
\
	static void P##_small(void *pairs, int64_t n) \
	{ \
		struct P *p = pairs; \
\
		for (int64_t i = 1; i < n; i++) { \
			struct P v = p[i]; \
			int64_t j = i; \
\
			for (; j > 0 && p[j - 1].key > v.key; j--) \
				p[j] = p[j - 1]; \
			p[j] = v; \
		} \
	} \
\
	static void P##_indices(const void *pairs, int64_t n, int64_t *out) \
	{ \
		const struct P *p = pairs; \
\
		for (int64_t i = 0; i < n; i++) \
			out[i] = (int64_t)p[i].index; \
	}
PAIR_LOOPS(pair32, uint32_t)
PAIR_LOOPS(pair64, uint64_t)

/*
 * Complex numbers: after those with no NaN come those with a NaN for the imaginary part, then those with a NaN for the real
 * one.  Source: NumPy's order of complex numbers.
 */
#define COMPLEX_CLASS(name, type, P) \
	static void name##_##P(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to, \
			       struct P *pairs, digit_counts *counts, uint64_t flip) \
	{ \
		const type *p = x; \
\
		for (int64_t i = from; i < to; i++) { \
			int64_t at = order ? order[i] : i; \
			type re = p[at * stride], im = p[at * stride + 1]; \
			uint64_t k = (re != re ? 2 : im != im ? 1 : 0) ^ (flip & 0xff); \
\
			counts[0][k]++; \
			SET_##P(pairs, k, at); \
			pairs++; \
		} \
	}
COMPLEX_CLASS(class64, float, pair32)
COMPLEX_CLASS(class64, float, pair64)
COMPLEX_CLASS(class128, double, pair64)

#define BY(name, bytes, fix, p32) \
	{ \
		.size = bytes, .in_place = IN_PLACE(bytes), .splitters = name##_splitters, .bucket = name##_bucket, \
		.scatter = name##_scatter, .ordered = name##_ordered, .sort = name##_sort, .small = name##_small, \
		.repair = fix, .pairs32 = p32, .pairs64 = name##_pair64, .before = name##_before, .keys = name##_keys, \
		.search = name##_search, .member = name##_member, .boundaries = name##_boundaries \
	}

extern const struct sort_loops PASTE(sort_, LEVEL);
const struct sort_loops PASTE(sort_, LEVEL) = {
	.by = {
		[DT_BOOL] = BY(u8, 1, NULL, u8_pair32),
		[DT_I8] = BY(i8, 1, NULL, i8_pair32),
		[DT_U8] = BY(u8, 1, NULL, u8_pair32),
		[DT_I16] = BY(i16, 2, NULL, i16_pair32),
		[DT_U16] = BY(u16, 2, NULL, u16_pair32),
		[DT_I32] = BY(i32, 4, NULL, i32_pair32),
		[DT_U32] = BY(u32, 4, NULL, u32_pair32),
		[DT_I64] = BY(i64, 8, NULL, NULL),
		[DT_U64] = BY(u64, 8, NULL, NULL),
		[DT_F16] = BY(f16, 2, f16_repair, f16_pair32),
		[DT_BF16] = BY(bf16, 2, bf16_repair, bf16_pair32),
		[DT_F32] = BY(f32, 4, f32_repair, f32_pair32),
		[DT_F64] = BY(f64, 8, f64_repair, NULL),
		[DT_F8E4M3] = BY(e4m3, 1, e4m3_repair, e4m3_pair32),
		[DT_F8E5M2] = BY(e5m2, 1, e5m2_repair, e5m2_pair32),
		[SORT_CLASS64] = { .size = 1, .pairs32 = class64_pair32, .pairs64 = class64_pair64 },
		[SORT_CLASS128] = { .size = 1, .pairs64 = class128_pair64 },
	},
	.pair32 = { pair32_count, pair32_scatter, pair32_small, pair32_indices },
	.pair64 = { pair64_count, pair64_scatter, pair64_small, pair64_indices },
};
