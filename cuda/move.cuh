/* Kernels that move elements without looking at them: see kernels.h. */
#ifndef TENSOR_CUDA_MOVE_CUH
#define TENSOR_CUDA_MOVE_CUH

#include "common.cuh"

#define MOVE_SIZES(F) F(1) F(2) F(4) F(8) F(16)

#define FROM_BITS_1(lo, hi) (move_1)(lo)
#define FROM_BITS_2(lo, hi) (move_2)(lo)
#define FROM_BITS_4(lo, hi) (move_4)(lo)
#define FROM_BITS_8(lo, hi) (lo)
#define FROM_BITS_16(lo, hi) \
	move_16 \
	{ \
		lo, hi \
	}

#define FILL(bytes) \
	KERNEL(fill_##bytes, (int64_t n, move_##bytes * out, uint64_t lo, uint64_t hi)) \
	{ \
		(void)hi; \
		EACH(i, n) out[i] = FROM_BITS_##bytes(lo, hi); \
	}
MOVE_SIZES(FILL)
#undef FILL

/* Where element i in C order is, in bytes from element 0. */
static inline __device__ int64_t strided_offset(const struct strided_layout *l, int64_t i)
{
	int64_t at = 0;

	ROLLED for (int64_t axis = l->ndim - 1; axis >= 0; axis--)
	{
		int64_t index;

		i = divided(i, l->dim[axis], &index);
		at += index * l->stride[axis];
	}
	return at;
}

#define STRIDED(bytes) \
	KERNEL(strided_##bytes, \
	       (int64_t n, move_##bytes * out, const char *base, int64_t start, const struct strided_layout l)) \
	{ \
		EACH(i, n) out[i] = *(const move_##bytes *)(base + strided_offset(&l, start + i)); \
	}
MOVE_SIZES(STRIDED)
#undef STRIDED

KERNEL(iota, (int64_t n, int64_t *out, int64_t start, int64_t inner, int64_t dim))
{
	EACH(i, n)
	{
		int64_t in_row, index;

		divided(divided(start + i, inner, &in_row), dim, &index);
		out[i] = index;
	}
}

#define CONCAT(bytes) \
	KERNEL(concat_##bytes, (int64_t n, move_##bytes * out, int64_t start, const move_##bytes *in, int64_t row, \
				int64_t first, int64_t width)) \
	{ \
		EACH(i, n) \
		{ \
			int64_t at, outer = divided(start + i, row, &at); \
\
			if (at >= first && at - first < width) \
				out[i] = in[outer * width + (at - first)]; \
		} \
	}
MOVE_SIZES(CONCAT)
#undef CONCAT

KERNEL(swap_2, (int64_t n, uint16_t *x))
{
	EACH(i, n) x[i] = (uint16_t)(x[i] << 8 | x[i] >> 8);
}

static inline __device__ uint32_t swapped(uint32_t x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}

KERNEL(swap_4, (int64_t n, uint32_t *x))
{
	EACH(i, n) x[i] = swapped(x[i]);
}

KERNEL(swap_8, (int64_t n, uint64_t *x))
{
	EACH(i, n) x[i] = (uint64_t)swapped((uint32_t)x[i]) << 32 | swapped((uint32_t)(x[i] >> 32));
}

/* -- tests of values -- */

#define ANY_NEGATIVE(s) \
	KERNEL(any_negative_##s, (int64_t n, const mem_##s *x, int *flag)) \
	{ \
		EACH(i, n) if (x[i] < 0) *flag = 1; \
	}
ANY_NEGATIVE(i8)
ANY_NEGATIVE(i16)
ANY_NEGATIVE(i32)
ANY_NEGATIVE(i64)
#undef ANY_NEGATIVE

KERNEL(limit_f64, (int64_t n, double *x, double most))
{
	EACH(i, n) x[i] = x[i] > most ? most : x[i];
}

#endif
