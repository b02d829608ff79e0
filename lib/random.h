/*
 * Random numbers: Philox4x32-10, one counter per element index, so that the same seed gives the same array on
 * every device, thread count and tile size.  Everything is computed with IEEE + - * / sqrt only (no
 * libm, no contraction), so that the bits are the same everywhere.
 */
#ifndef TENSOR_RANDOM_H
#define TENSOR_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

enum random_id {
	RANDOM_uniform,	    /* [a, b): a + (b - a) * u, u a multiple of 2**-53 in [0, 1) */
	RANDOM_normal,	    /* mean a, standard deviation b */
	RANDOM_exponential, /* scale a */
	RANDOM_bernoulli,   /* 1 with probability a, else 0 */
	RANDOM_integer,	    /* lo .. lo + range - 1, range up to 2**64 (0 means 2**64), unbiased to 2**-64 */
};

struct random_param {
	enum random_id id;
	uint64_t seed;
	double a, b;
	int64_t lo;
	uint64_t range;
};

/*
 * Elements start .. start+n-1 into out: DT_F64 for the float distributions, DT_I64 for
 * RANDOM_integer and RANDOM_bernoulli (for a uint64 range, the same bits as int64).
 */
void random_fill(const struct random_param *p, int64_t start, int64_t n, void *out);

/* DT_F64 or DT_I64: what random_fill makes. */
enum dtype random_type(const struct random_param *p);

/*
 * Rounded to a smaller type, uniform numbers must not reach the open end of their interval: true if they are to be limited to *most
 * before they are converted to d.
 */
bool random_limit(const struct random_param *p, enum dtype d, double *most);

/* A random permutation of 0..n-1 into out (Fisher-Yates with Philox draws; always the same for a seed). */
void random_permutation(uint64_t seed, int64_t n, int64_t *out);

/* 64 random bits from the system, for when no seed is given. */
uint64_t random_seed(void);

#endif
