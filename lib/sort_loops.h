/*
 * The loops of sorting: elements as keys, unsigned integers in the same order.  Pairs of keys and places are sorted digit by
 * digit, the lowest first; keys alone by quicksort where its vectors are (AVX-512), else by their digits, too.
 *
 * A NaN of any sign is the largest key.  An order "flip" of all ones reverses the order (what is equal stays in
 * order); it is 0 otherwise.
 */
#ifndef TENSOR_SORT_LOOPS_H
#define TENSOR_SORT_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, MAX_PASSES = 8, SORT_SMALL = 32, BUCKETS = 256 };

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

	bool in_place; /* sort needs no other */

	/* tree[1] .. tree[BUCKETS-1]: keys that part x into buckets about as large as each other, for bucket. */
	void (*splitters)(const void *x, int64_t n, void *tree, uint64_t flip);
	/* bucket[i] of x[i]; counts[bucket[i]]++ */
	void (*bucket)(const void *x, int64_t n, const void *tree, unsigned char *bucket, int64_t *counts,
		       uint64_t flip);
	/* The keys of each bucket to keys[offset[bucket]] and on, in the order of x */
	void (*scatter)(const void *x, int64_t n, const unsigned char *bucket, const int64_t *offset, void *keys,
			uint64_t flip);
	/* The key of x[i] to keys[i] */
	void (*ordered)(const void *x, int64_t n, void *keys, uint64_t flip);
	/* out = the elements of n keys, sorted, by way of other; out may be keys or other. */
	void (*sort)(void *keys, void *other, int64_t n, void *out, uint64_t flip);
	/* n <= SORT_SMALL elements, stable */
	void (*small)(const void *x, int64_t n, void *out, uint64_t flip);
	/* Put zeros and NaNs, which keys do not tell apart, in the order they have in x; NULL: nothing to do. */
	void (*repair)(const void *x, int64_t n, void *out, uint64_t flip);

	/* pairs[i - from] for from <= i < to: keys of x[order[i] * stride]; order NULL: i.  counts[pass][digit]++ for all. */
	void (*pairs32)(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to,
			struct pair32 *pairs, digit_counts *counts, uint64_t flip);
	void (*pairs64)(const void *x, int64_t stride, const int64_t *order, int64_t from, int64_t to,
			struct pair64 *pairs, digit_counts *counts, uint64_t flip);

	/*
	 * The places from *from on, before n, of what comes before x[limit], to index, until room of them are there; *from is
	 * then where to go on.  Returns how many.
	 */
	int64_t (*before)(const void *x, int64_t *from, int64_t n, int64_t limit, int64_t *index, int64_t room,
			  uint64_t flip);

	/* keys[i] of x[i], the same for 0 and -0 */
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
