/* What the files whole_*.c share. */
#ifndef TENSOR_CUDA_WHOLE_INTERNAL_H
#define TENSOR_CUDA_WHOLE_INTERNAL_H

#include "cuda/whole.h"

/* Of a launch that takes any grid, and the most blocks of any launch: a thread then does several of the tasks. */
enum { ANY_THREADS = 256, MOST_BLOCKS = 1 << 20 };

static inline int64_t pieces(int64_t n, int64_t each)
{
	return n / each + (n % each != 0);
}

static inline int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A kernel that takes any grid, for n tasks. */
static inline int launch_any(struct cuda *d, const char *kernel, int64_t n, void **params, struct error *err)
{
	return launch(d, kernel, least(pieces(n, ANY_THREADS), MOST_BLOCKS), ANY_THREADS, 0, params, err);
}

/* Sorting by keys: rows of n keys, with their places, from one pair of arrays to the other and back. */
struct sorting {
	struct cuda *d;
	int64_t rows, n;
	uint64_t keys[2], index[2]; /* index[0]: the caller's; the rest is released */
	int start;		    /* which pair takes what is to be sorted; the result is in keys[0] and index[0] */
	uint64_t flip;		    /* of sort_key_<s> */
};

/* rows and n are not 0.  wide: keys of 64 bits, not 32.  Release it on every path. */
int sorting_init(struct sorting *s, struct cuda *d, bool wide, bool descending, uint64_t index, int64_t rows, int64_t n,
		 struct error *err);
/* Sort keys[start] and index[start]; wide: no wider than what sorting_init was told. */
int sorting_run(struct sorting *s, bool wide, struct error *err);
void sorting_release(struct sorting *s);

#endif
