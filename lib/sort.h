/*
 * Sorting arrays: stable, in NumPy's order (NaN last, complex numbers by real part, then by imaginary part).  What is
 * equal, 0 and -0 included, stays in order, also where the order is descending.
 */
#ifndef TENSOR_SORT_H
#define TENSOR_SORT_H

#include "dtype.h"
#include "sort_loops.h"

/* The loops for this processor. */
const struct sort_loops *sort_loops_get(void);

/* out = each of rows rows of n elements sorted.  No complex dtype: those are sorted by argsort. */
int sort_rows(enum dtype dtype, bool descending, const void *x, void *out, int64_t rows, int64_t n, struct error *err);

/* out = the places of the elements of each row in sorted order, or (first not 0) only the first ones of each row. */
int argsort_rows(enum dtype dtype, bool descending, const void *x, int64_t *out, int64_t rows, int64_t n, int64_t first,
		 struct error *err);

/* order, a permutation of 0 .. n-1, sorted by x: what is equal in x stays in the order it has. */
int argsort_next(enum dtype dtype, const void *x, int64_t *order, int64_t n, struct error *err);

/* The memory in bytes that sorting rows of n elements takes besides its input and output; pairs: by argsort, with its first. */
int64_t sort_scratch(enum dtype dtype, bool pairs, int64_t rows, int64_t n, int64_t first);

#endif
