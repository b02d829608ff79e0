/* What the builders of indexing ops share. */
#ifndef TENSOR_BUILD_INDEX_H
#define TENSOR_BUILD_INDEX_H

#include "op.h"

enum index_mode { INDEX_RAISE, INDEX_WRAP, INDEX_CLIP };

/* Tasks of about this many elements: much more than a thread costs, much less than a large array. */
enum { INDEX_TASK = 1 << 15, INDEX_PARALLEL_FROM = 1 << 18 };

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

/* "index 5 is out of bounds for axis 0 with size 3"; -1. */
int index_error(int64_t i, int64_t axis, int64_t n, struct error *err);

/* x as int64, for any integer type; what does not fit is out of any bounds.  ERR_VALUE for other types. */
struct node *index_operand(struct call *c, struct node *x, struct error *err);

/* x, with the type its value has where it is a weak scalar; of shape (1,) where it has none and vector is true. */
struct node *index_array(struct call *c, struct node *x, bool vector, struct error *err);

/* The attribute "mode". */
int index_mode_get(const struct call *c, enum index_mode *out, struct error *err);

/* As many threads as n elements are worth. */
int index_workers(int64_t n);

#endif
