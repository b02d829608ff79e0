/* What an index means: C and CUDA C++. */
#ifndef TENSOR_INDEX_MODE_H
#define TENSOR_INDEX_MODE_H

#include <stdint.h>

enum index_mode { INDEX_RAISE, INDEX_WRAP, INDEX_CLIP };

/*
 * Index i of an axis of n > 0 elements, counted from its start; -1 if it is out of bounds and mode is INDEX_RAISE.  Negative
 * ones count from the end, but INDEX_CLIP makes them 0.  Source: numpy.take.
 */
static inline int64_t index_resolve(int64_t i, int64_t n, enum index_mode mode)
{
	/* Without a branch: signs are often random. */
	if (mode != INDEX_CLIP)
		i += i >> 63 & n;
	if ((uint64_t)i < (uint64_t)n)
		return i;
	if (mode == INDEX_RAISE)
		return -1;
	if (mode == INDEX_WRAP)
		return i < 0 ? n - 1 - (-1 - i) % n : i % n;
	return i < 0 ? 0 : n - 1;
}

#endif
