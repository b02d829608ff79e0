/*
 * Sorting and searching by keys: see kernels.h.  A block sorts a tile in shared memory, then runs are merged in pairs.  Each thread
 * makes SORT_ITEMS neighbouring elements of a merged run: a binary search tells how many of the elements before them come from
 * the first run.  All of it is stable.
 */
#ifndef TENSOR_CUDA_SORT_CUH
#define TENSOR_CUDA_SORT_CUH

#include "common.cuh"

#include "lib/sort_keys.h"

#define SORT_FN static __device__ __forceinline__

/* == keys == */

#define SORT_KEY(K, s, U, kind, inf) \
	KERNEL(sort_key_##s, (int64_t n, K * keys, int64_t * index, const U *x, const int64_t *order, int64_t len, \
			      int64_t stride, uint64_t flip)) \
	{ \
		EACH(i, n) \
		{ \
			int64_t at, row = divided(i, len, &at); \
			U u; \
\
			at = order ? order[i] : at; \
			u = x[(row * len + at) * stride]; \
			keys[i] = (K)(U)(SAME_##kind(U, u, inf) ^ (U)flip); \
			if (index) \
				index[i] = at; \
		} \
	}
#define SORT_KEY_32(s, U, kind, inf) SORT_KEY(uint32_t, s, U, kind, inf)
#define SORT_KEY_64(s, U, kind, inf) SORT_KEY(uint64_t, s, U, kind, inf)
SORT_KEYS_32(SORT_KEY_32)
SORT_KEYS_64(SORT_KEY_64)

/* Complex numbers: 2 where the real part is NaN, 1 where only the imaginary one is, else 0. */
template <class C>
SORT_FN void sort_class(int64_t n, uint32_t *keys, int64_t *index, const C *x, const int64_t *order, int64_t len,
			uint64_t flip)
{
	EACH(i, n)
	{
		int64_t at, row = divided(i, len, &at);

		at = order ? order[i] : at;

		C z = x[row * len + at];

		keys[i] = (z.re != z.re ? 2u : z.im != z.im ? 1u : 0u) ^ (uint32_t)(flip & 0xff);
		index[i] = at;
	}
}

KERNEL(sort_class_c64,
       (int64_t n, uint32_t *keys, int64_t *index, const c64 *x, const int64_t *order, int64_t len, uint64_t flip))
{
	sort_class(n, keys, index, x, order, len, flip);
}

KERNEL(sort_class_c128,
       (int64_t n, uint32_t *keys, int64_t *index, const c128 *x, const int64_t *order, int64_t len, uint64_t flip))
{
	sort_class(n, keys, index, x, order, len, flip);
}

/* == merging == */

/*
 * Of two sorted runs a and b, merged: how many of the first place elements are a's.  Of equal ones, a's come first.
 */
template <class K> SORT_FN int64_t merge_split(const K *a, int64_t na, const K *b, int64_t nb, int64_t place)
{
	int64_t low = place > nb ? place - nb : 0, high = place < na ? place : na;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (a[mid] <= b[place - 1 - mid])
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * The places place .. place + SORT_ITEMS - 1 of two neighbouring runs of keys of len in all, merged: which keys, by their places.  Returns how
 * many there are.  keys is where the first run begins.
 */
template <class K> SORT_FN int merge_items(const K *keys, int64_t run, int64_t len, int64_t place, int64_t *from)
{
	const int64_t na = run < len ? run : len, nb = len - na;
	const K *b = keys + na;
	int64_t i = merge_split(keys, na, b, nb, place), j = place - i;
	int count = len - place < SORT_ITEMS ? (int)(len - place) : (int)SORT_ITEMS;

	for (int k = 0; k < SORT_ITEMS; k++) {
		bool first = i < na && (j >= nb || keys[i] <= b[j]);

		if (k >= count)
			break;
		from[k] = first ? i++ : na + j++;
	}
	return count;
}

/* A block per tile of SORT_TILE elements of a row. */
template <class K> SORT_FN void sort_tile(int64_t rows, int64_t len, K *keys, int64_t *index)
{
	const int64_t tiles = (len + SORT_TILE - 1) / SORT_TILE;
	K *shared = (K *)shared_memory<SORT_TILE * sizeof(K) + SORT_TILE * sizeof(uint16_t)>();
	uint16_t *places = (uint16_t *)(shared + SORT_TILE);
	const int first = (int)threadIdx.x * SORT_ITEMS;

	ROLLED for (int64_t t = blockIdx.x; t < rows * tiles; t += gridDim.x)
	{
		const int64_t at = t / tiles * len + t % tiles * SORT_TILE, left = len - t % tiles * SORT_TILE;
		const int n = left < SORT_TILE ? (int)left : (int)SORT_TILE;
		int64_t moved[SORT_ITEMS];
		K key[SORT_ITEMS];
		uint16_t place[SORT_ITEMS];

		for (int i = (int)threadIdx.x; i < n; i += SORT_THREADS)
			shared[i] = keys[at + i];
		__syncthreads();
		/* Eight a thread, by exchanging neighbours; those that are not there stay behind. */
		for (int k = 0; k < SORT_ITEMS; k++) {
			key[k] = first + k < n ? shared[first + k] : (K) ~(K)0;
			place[k] = (uint16_t)(first + k);
		}
		for (int round = 0; round < SORT_ITEMS; round++)
			for (int k = round % 2; k + 1 < SORT_ITEMS; k += 2)
				if (key[k] > key[k + 1]) {
					K swap = key[k];
					uint16_t swap_place = place[k];

					key[k] = key[k + 1];
					key[k + 1] = swap;
					place[k] = place[k + 1];
					place[k + 1] = swap_place;
				}
		ROLLED for (int run = SORT_ITEMS;; run *= 2)
		{
			for (int k = 0; k < SORT_ITEMS; k++)
				if (first + k < n) {
					shared[first + k] = key[k];
					places[first + k] = place[k];
				}
			__syncthreads();
			if (run >= n)
				break;
			if (first < n) {
				const int begin = first / (2 * run) * (2 * run);
				const int count = merge_items(shared + begin, (int64_t)run,
							      (int64_t)(n - begin < 2 * run ? n - begin : 2 * run),
							      (int64_t)(first - begin), moved);

				for (int k = 0; k < SORT_ITEMS; k++)
					if (k < count) {
						key[k] = shared[begin + moved[k]];
						place[k] = places[begin + moved[k]];
					}
			}
			__syncthreads();
		}
		/* index is read and written by the same thread for one place only at a time: all reads come first. */
		for (int k = 0; k < SORT_ITEMS; k++) {
			const int i = (int)threadIdx.x + k * SORT_THREADS;

			if (i < n)
				moved[k] = index[at + places[i]];
		}
		__syncthreads();
		for (int k = 0; k < SORT_ITEMS; k++) {
			const int i = (int)threadIdx.x + k * SORT_THREADS;

			if (i < n) {
				keys[at + i] = shared[i];
				index[at + i] = moved[k];
			}
		}
		__syncthreads();
	}
}

template <class K>
SORT_FN void sort_merge(int64_t rows, int64_t len, K *keys, int64_t *index, const K *from_keys,
			const int64_t *from_index, int64_t run)
{
	const int64_t each = (len + SORT_ITEMS - 1) / SORT_ITEMS;

	EACH(t, rows * each)
	{
		int64_t part, row = divided(t, each, &part);
		int64_t begin = part * SORT_ITEMS / (2 * run) * (2 * run);
		int64_t at = row * len + begin, out = row * len + part * SORT_ITEMS, moved[SORT_ITEMS];
		int count = merge_items(from_keys + at, run, len - begin < 2 * run ? len - begin : 2 * run,
					part * SORT_ITEMS - begin, moved);

		for (int k = 0; k < SORT_ITEMS; k++)
			if (k < count) {
				keys[out + k] = from_keys[at + moved[k]];
				index[out + k] = from_index[at + moved[k]];
			}
	}
}

#define SORT(bits) \
	KERNEL_BLOCK(sort_tile_##bits, SORT_THREADS, \
		     (int64_t rows, int64_t len, uint##bits##_t * keys, int64_t * index)) \
	{ \
		sort_tile(rows, len, keys, index); \
	} \
	KERNEL(sort_merge_##bits, (int64_t rows, int64_t len, uint##bits##_t * keys, int64_t * index, \
				   const uint##bits##_t *from_keys, const int64_t *from_index, int64_t run)) \
	{ \
		sort_merge(rows, len, keys, index, from_keys, from_index, run); \
	}
SORT(32)
SORT(64)

/* == searching == */

/* How many of m sorted keys are below k (right: not above). */
template <class K> SORT_FN int64_t search_place(const K *keys, int64_t m, K k, bool right)
{
	int64_t low = 0, high = m;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (right ? keys[mid] <= k : keys[mid] < k)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

#define SEARCH(bits) \
	KERNEL(search_##bits, \
	       (int64_t n, int64_t * out, const uint##bits##_t *keys, int64_t m, const uint##bits##_t *x, int right)) \
	{ \
		EACH(i, n) \
		out[i] = search_place(keys, m, x[i], right != 0); \
	} \
	KERNEL(member_##bits, (int64_t n, uint8_t * out, const uint##bits##_t *keys, int64_t m, \
			       const uint##bits##_t *x, int invert, uint64_t nan)) \
	{ \
		EACH(i, n) \
		{ \
			int64_t at = search_place(keys, m, x[i], false); \
			bool found = at < m && keys[at] == x[i] && !(nan && x[i] == nan); \
\
			out[i] = found != (invert != 0); \
		} \
	}
SEARCH(32)
SEARCH(64)

/* Source: NumPy's order of complex numbers. */
SORT_FN int complex_class(c128 a)
{
	return a.re != a.re ? 2 : a.im != a.im;
}

SORT_FN bool complex_less(c128 a, c128 b)
{
	int p = complex_class(a), q = complex_class(b);

	if (p != q)
		return p < q;
	if (p < 2 && a.re != b.re)
		return a.re < b.re;
	return p == 1 ? false : a.im < b.im || (a.im == a.im && b.im != b.im);
}

SORT_FN int64_t complex_search(const c128 *sorted, int64_t m, c128 x, bool right)
{
	int64_t low = 0, high = m;

	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (right ? !complex_less(x, sorted[mid]) : complex_less(sorted[mid], x))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

KERNEL(search_c128, (int64_t n, int64_t *out, const c128 *sorted, int64_t m, const c128 *x, int right))
{
	EACH(i, n)
	out[i] = complex_search(sorted, m, x[i], right != 0);
}

KERNEL(member_c128, (int64_t n, uint8_t *out, const c128 *sorted, int64_t m, const c128 *x, int invert))
{
	EACH(i, n)
	{
		int64_t at = complex_search(sorted, m, x[i], false);

		out[i] = (at < m && x[i] == sorted[at]) != (invert != 0);
	}
}

/* == what differs from the one before == */

#define DISTINCT(bits, K) \
	KERNEL(distinct_##bits, \
	       (int64_t n, uint8_t * first, const K *keys, const int64_t *order, int64_t m, uint64_t nan)) \
	{ \
		EACH(i, n) \
		{ \
			const int64_t at = order ? order[i] : i, before = i == 0 ? at : order ? order[i - 1] : i - 1; \
			bool other = i == 0; \
\
			ROLLED for (int64_t k = 0; k < m && !other; k++) \
			{ \
				const K key = keys[k * n + at]; \
\
				other = key != keys[k * n + before] || (nan && key == nan); \
			} \
			first[i] = other; \
		} \
	}
DISTINCT(32, uint32_t)
DISTINCT(64, uint64_t)
#undef DISTINCT

template <class C>
SORT_FN void distinct(int64_t n, uint8_t *first, const C *x, const int64_t *order, int64_t m, bool each_nan)
{
	EACH(i, n)
	{
		const int64_t at = order ? order[i] : i, before = i == 0 ? at : order ? order[i - 1] : i - 1;
		bool other = i == 0;

		ROLLED for (int64_t k = 0; k < m && !other; k++)
		{
			const C a = x[k * n + before], b = x[k * n + at];
			const bool a_nan = a.re != a.re || a.im != a.im, b_nan = b.re != b.re || b.im != b.im;

			other = a_nan || b_nan ? !(a_nan && b_nan) || each_nan : a.re != b.re || a.im != b.im;
		}
		first[i] = other;
	}
}

KERNEL(distinct_c64, (int64_t n, uint8_t *first, const c64 *x, const int64_t *order, int64_t m, int each_nan))
{
	distinct(n, first, x, order, m, each_nan);
}

KERNEL(distinct_c128, (int64_t n, uint8_t *first, const c128 *x, const int64_t *order, int64_t m, int each_nan))
{
	distinct(n, first, x, order, m, each_nan);
}

#endif
