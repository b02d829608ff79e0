/*
 * The loops of sorting: elements as keys, unsigned integers in the same order, which are sorted digit by digit, the lowest first.
 *
 * A NaN of any sign is the largest key.  An order "flip" of all ones reverses the order (what is equal stays in
 * order); it is 0 otherwise.
 */
#ifndef TENSOR_SORT_LOOPS_H
#define TENSOR_SORT_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, MAX_PASSES = 8, SORT_SMALL = 32 };

/* An element's key, and where it came from. */
struct pair32 {
	uint32_t key, index;
};
struct pair64 {
	uint64_t key, index;
};

typedef int64_t digit_counts[DIGITS];

/* Keys that are sorted by themselves tell 0 from -0, which they must give back; other keys do not. */
struct sort_loop {
	int size; /* bytes of a key */

	/* counts[pass][digit]++ for all x; counts[0] of one pass, for keys */
	void (*histogram)(const void *x, int64_t n, digit_counts *counts, uint64_t flip);
	void (*count)(const void *keys, int64_t n, int pass, int64_t *counts);
	/* To to[offset[digit]++], from elements (first) or keys, to elements (last) or keys. */
	void (*scatter)(const void *from, int64_t n, int pass, int64_t *offset, void *to, uint64_t flip, bool first,
			bool last);
	/* n <= SORT_SMALL elements, stable */
	void (*small)(const void *x, int64_t n, void *out, uint64_t flip);
	/* Put zeros and NaNs, which keys do not tell apart, in the order they have in x; NULL: nothing to do. */
	void (*repair)(const void *x, int64_t n, void *out, uint64_t flip);

	/* pairs[i - from] for from <= i < to: keys of x[order[i] * stride]; order NULL: i.  Counted as histogram does. */
	void (*pairs32)(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to,
			struct pair32 *pairs, digit_counts *counts, uint64_t flip);
	void (*pairs64)(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to,
			struct pair64 *pairs, digit_counts *counts, uint64_t flip);

	/* keys[i] of x[i] */
	void (*keys)(const void *x, int64_t n, void *keys);
	/* How many of m sorted keys are below x[i] (right: not above) */
	void (*search)(const void *keys, int64_t m, const void *x, int64_t n, bool right, int64_t *out);
	/* Is x[i] one of m sorted keys?  NaN is not. */
	void (*member)(const void *keys, int64_t m, const void *x, int64_t n, bool invert, unsigned char *out);
	/* first[i]: is x[i] another one than x[i-1]?  each_nan: a NaN always is.  x[-1] is read where i > 0. */
	void (*boundaries)(const void *x, int64_t from, int64_t to, bool each_nan, unsigned char *first);
};

struct pair_loop {
	void (*count)(const void *pairs, int64_t n, int pass, int64_t *counts);
	void (*scatter)(const void *from, int64_t n, int pass, int64_t *offset, void *to);
	void (*small)(void *pairs, int64_t n);
	void (*indices)(const void *pairs, int64_t n, int64_t *out);
};

/* By dtype, up to float64 and the float8s; then, what is NaN of complex64 and complex128: stride is in parts. */
enum { SORT_CLASS64 = NDTYPES, SORT_CLASS128, NSORTS };

struct sort_loops {
	struct sort_loop by[NSORTS];
	struct pair_loop pair32, pair64;
};

extern const struct sort_loops sort_v2, sort_v3, sort_v4, sort_base;

#endif
