/* Filling a block with random numbers, once an instruction set level: see random.h. */
#ifndef TENSOR_RANDOM_LOOPS_H
#define TENSOR_RANDOM_LOOPS_H

#include "random.h"

/* Elements low .. low+n-1 of those whose index has this high half; low + n <= 2**32. */
typedef void random_fill_fn(const struct random_param *p, uint32_t low, uint32_t high, int64_t n, void *out);

random_fill_fn random_fill_v2, random_fill_v3, random_fill_v4, random_fill_base;

#endif
