/* Indexing: see kernels.h. */
#ifndef TENSOR_CUDA_INDEX_CUH
#define TENSOR_CUDA_INDEX_CUH

#include "common.cuh"

#define inline inline __device__
#include "lib/index_mode.h"
#undef inline

#define INDEX_FN static __device__ __forceinline__

/*
 * Index number at, which is to be of an axis of n; -1 if it is not.  The first such, and no other, whatever the order of threads, is what
 * *bad then tells: INT64_MAX minus its number, and 0 where all are good.
 */
INDEX_FN int64_t index_checked(const int64_t *index, int64_t at, int64_t n, int mode, unsigned long long *bad)
{
	int64_t k = index_resolve(index[at], n, (enum index_mode)mode);

	if (k < 0)
		atomicMax(bad, (unsigned long long)(INT64_MAX - at));
	return k;
}

KERNEL(index_check, (int64_t m, const int64_t *index, int64_t n, int mode, unsigned long long *bad))
{
	EACH(i, m)
	index_checked(index, i, n, mode, bad);
}

#define INDEX_SIZES(F) F(1) F(2) F(4) F(8) F(16)

#define TAKE(bytes) \
	KERNEL(take_##bytes, (int64_t size, move_##bytes * out, const move_##bytes *x, const int64_t *index, \
			      int64_t m, int64_t n, int64_t row, int mode, unsigned long long *bad)) \
	{ \
		EACH(i, size) \
		{ \
			int64_t r, at, o = divided(divided(i, row, &r), m, &at); \
			int64_t k = index_checked(index, at, n, mode, bad); \
\
			if (k >= 0) \
				out[i] = x[(o * n + k) * row + r]; \
		} \
	} \
	KERNEL(along_##bytes, (int64_t size, move_##bytes * out, const move_##bytes *x, const int64_t *index, \
			       int64_t m, int64_t n, int64_t inner, int mode, unsigned long long *bad)) \
	{ \
		EACH(i, size) \
		{ \
			int64_t r, o = divided(i, m * inner, &r), k = index_checked(index, i, n, mode, bad); \
\
			if (k < 0) \
				continue; \
			divided(r, inner, &r); \
			out[i] = x[(o * n + k) * inner + r]; \
		} \
	} \
	KERNEL(scatter_copy_##bytes, \
	       (int64_t n, move_##bytes * out, const move_##bytes *src, const unsigned long long *last, int64_t each)) \
	{ \
		EACH(i, n) \
		{ \
			if (last[i]) \
				out[i] = src[(int64_t)(last[i] - 1) % each]; \
		} \
	}
INDEX_SIZES(TAKE)

/* Where element number i of the source goes; -1: its index is bad. */
INDEX_FN int64_t scatter_place(int64_t i, const int64_t *index, const struct scatter_layout &l, unsigned long long *bad)
{
	int64_t place = 0, at = 0, k;

	ROLLED for (int d = (int)l.ndim - 1; d >= 0; d--)
	{
		int64_t r;

		i = divided(i, l.dim[d], &r);
		place += d == l.axis ? 0 : r * l.stride[d];
		at += r * l.istride[d];
	}
	k = index_checked(index, at, l.n, (int)l.mode, bad);
	return k < 0 ? -1 : place + k * l.stride[l.axis];
}

KERNEL(scatter_last, (int64_t count, unsigned long long *last, const int64_t *index, struct scatter_layout l,
		      unsigned long long *bad))
{
	EACH(i, count)
	{
		int64_t place = scatter_place(i, index, l, bad);

		if (place >= 0)
			atomicMax(&last[place], (unsigned long long)(i + 1));
	}
}

KERNEL(scatter_key, (int64_t count, uint64_t *keys, int64_t *order, const int64_t *index, struct scatter_layout l,
		     unsigned long long *bad))
{
	EACH(i, count)
	{
		int64_t place = scatter_place(i, index, l, bad);

		keys[i] = (uint64_t)place;
		order[i] = i;
	}
}

/* How the sums of elements of a type are computed. */
#define ADD_NUMBER(x, y) ((x) + (y))
#define ADD_BOOL(x, y) (uint8_t)(((x) | (y)) != 0)

/* The first of those that go to one place adds them all, in their order. */
#define SCATTER_ADD(s, T, ADD) \
	KERNEL(scatter_add_##s, (int64_t size, T * out, const T *src, const uint64_t *keys, const int64_t *order, \
				 int64_t m, int64_t n, int64_t inner)) \
	{ \
		EACH(i, size) \
		{ \
			int64_t r, j, o = divided(divided(i, inner, &r), m, &j); \
			const uint64_t key = keys[j]; \
			T *to = &out[(o * n + (int64_t)key) * inner + r], sum; \
\
			if (j > 0 && keys[j - 1] == key) \
				continue; \
			sum = *to; \
			for (; j < m && keys[j] == key; j++) \
				sum = (T)ADD(sum, src[(o * m + order[j]) * inner + r]); \
			*to = sum; \
		} \
	}
SCATTER_ADD(b, uint8_t, ADD_BOOL)
SCATTER_ADD(u8, uint8_t, ADD_NUMBER)
SCATTER_ADD(u16, uint16_t, ADD_NUMBER)
SCATTER_ADD(u32, uint32_t, ADD_NUMBER)
SCATTER_ADD(u64, uint64_t, ADD_NUMBER)
SCATTER_ADD(f32, float, ADD_NUMBER)
SCATTER_ADD(f64, double, ADD_NUMBER)
SCATTER_ADD(c64, c64, ADD_NUMBER)
SCATTER_ADD(c128, c128, ADD_NUMBER)

#endif
