/* Measuring how far the elements of two blocks are apart: the loops of compare.c, compiled once a level. */
#ifndef TENSOR_COMPARE_LOOPS_H
#define TENSOR_COMPARE_LOOPS_H

#include <stdint.h>

#include "cpu_level.h"

/* What n elements x and y say: the worst of each measure, and how many are further apart than atol + rtol * |y|. */
struct compare_worst {
	double abs, rel; /* not below infinity: one of the elements is not finite, and nothing else holds */
	uint64_t ulp;
	int64_t beyond, beyond_ulp; /* elements */
};

/* |x - y| and, where it is not zero, by |y|. */
typedef void compare_fn(struct compare_worst *w, const double *x, const double *y, int64_t n, double rtol, double atol);

/* Units in the last place between finite elements; those of more than ulp are beyond_ulp. */
typedef void compare_ulp_fn(struct compare_worst *w, const void *x, const void *y, int64_t n, uint64_t ulp);

struct compare_loops {
	compare_fn *floats;
	compare_ulp_fn *f64, *f32, *half; /* half: float16 and bfloat16 */
};

extern const struct compare_loops
#if X86_LEVELS
	compare_v2,
	compare_v3, compare_v4;
#else
	compare_base;
#endif

#endif
