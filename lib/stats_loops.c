/* Counting NaN, infinities and zeros: see stats_loops.h. */
#include "stats_loops.h"

#include <math.h>

#define STATS_NAME2(name, level) name##_##level
#define STATS_NAME(name, level) STATS_NAME2(name, level)

void STATS_NAME(stats_count_f64, LEVEL)(int64_t count[NCOUNTS], const double *x, int64_t n)
{
	int64_t nans = 0, infs = 0, zeros = 0;

	for (int64_t i = 0; i < n; i++) {
		nans += x[i] != x[i];
		infs += fabs(x[i]) == INFINITY;
		zeros += x[i] == 0;
	}
	count[COUNT_NAN] += nans;
	count[COUNT_INF] += infs;
	count[COUNT_ZERO] += zeros;
}

void STATS_NAME(stats_count_c128, LEVEL)(int64_t count[NCOUNTS], const double *x, int64_t n)
{
	int64_t nans = 0, infs = 0, zeros = 0;

	for (int64_t i = 0; i < n; i++) {
		double re = x[2 * i], im = x[2 * i + 1];

		nans += (re != re) | (im != im);
		infs += (fabs(re) == INFINITY) | (fabs(im) == INFINITY);
		zeros += (re == 0) & (im == 0);
	}
	count[COUNT_NAN] += nans;
	count[COUNT_INF] += infs;
	count[COUNT_ZERO] += zeros;
}
