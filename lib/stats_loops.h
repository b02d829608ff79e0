/* Counting special values: the loops of stats.c, compiled once a level. */
#ifndef TENSOR_STATS_LOOPS_H
#define TENSOR_STATS_LOOPS_H

#include <stdint.h>

#include "cpu_level.h"

enum { COUNT_NAN, COUNT_INF, COUNT_ZERO, NCOUNTS };

/* Add to count what there is of each in n doubles, or n complex numbers, which are any of it when a part is (zero: both). */
typedef void stats_count_fn(int64_t count[NCOUNTS], const double *x, int64_t n);

#define STATS_LEVEL(level) stats_count_fn stats_count_f64_##level, stats_count_c128_##level;
#if X86_LEVELS
STATS_LEVEL(v2)
STATS_LEVEL(v3)
STATS_LEVEL(v4)
#else
STATS_LEVEL(base)
#endif
#undef STATS_LEVEL

#endif
