/*
 * What the files reduce_*_loops.c share.  They are compiled once an instruction set level; every sum is cut into
 * lanes of a fixed number, whatever the width of the vectors, so that the level never changes a bit.
 */
#ifndef TENSOR_REDUCE_LOOPS_H
#define TENSOR_REDUCE_LOOPS_H

#include "cpu_level.h"
#include "accumulate.h"
#include "reduce.h"

/* The families of loops, a function each a level: NULL if the family has no loops for (id, acc). */
typedef const struct reduce_loops *reduce_find_fn(enum reduce_id id, enum dtype acc);

#define REDUCE_LEVEL_NAME(name, level) name##_##level
#define REDUCE_LEVEL_NAME2(name, level) REDUCE_LEVEL_NAME(name, level)
#define LEVEL_NAME(name) REDUCE_LEVEL_NAME2(name, LEVEL)

#define REDUCE_FAMILIES(level) \
	reduce_find_fn reduce_sum_##level; \
	reduce_find_fn reduce_order_##level; \
	reduce_find_fn reduce_var_##level; \
	reduce_find_fn reduce_norm_##level;

#if X86_LEVELS
REDUCE_FAMILIES(v2)
REDUCE_FAMILIES(v3)
REDUCE_FAMILIES(v4)
#else
REDUCE_FAMILIES(base)
#endif
#undef REDUCE_FAMILIES

/* One block of a tree: LANES sums of TREE elements each, element k * LANES + l into lane l. */
enum { LANES = 16, TREE = 16, BLOCK = LANES * TREE };

/*
 * op over f(0) .. f(15), as a balanced tree: no chain of dependent operations, and the rounding error of a sum
 * grows with the depth, 4.
 */
#define TREE4(op, f, k) op(op(f(k), f((k) + 1)), op(f((k) + 2), f((k) + 3)))
#define TREE16(op, f) op(op(TREE4(op, f, 0), TREE4(op, f, 4)), op(TREE4(op, f, 8), TREE4(op, f, 12)))

static inline double add_f64(double a, double b)
{
	return a + b;
}

/* Lanes l, l + 2, l + 4 .. into lane l, for l = 0 and 1. */
static inline void fold_lanes(double t[LANES])
{
	for (int l = 0; l < 8; l++)
		t[l] += t[l + 8];
	for (int l = 0; l < 4; l++)
		t[l] += t[l + 4];
	for (int l = 0; l < 2; l++)
		t[l] += t[l + 2];
}

/* The sum of a block of n <= BLOCK doubles, even and odd positions apart, into t[0] and t[1]. */
static inline void block_sum(double t[LANES], const double *x, int64_t n)
{
	if (n == BLOCK) {
#define TERM(k) x[(k)*LANES + l]
		for (int l = 0; l < LANES; l++)
			t[l] = TREE16(add_f64, TERM);
#undef TERM
	} else {
		int64_t i = 0;

		for (int l = 0; l < LANES; l++)
			t[l] = 0;
		for (; i + LANES <= n; i += LANES)
			for (int l = 0; l < LANES; l++)
				t[l] += x[i + l];
		for (int l = 0; i + l < n; l++)
			t[l] += x[i + l];
	}
	fold_lanes(t);
}

/* Fold x[0..n-1] into state, at least as accurately as pairwise summation. */
static inline void acc_run(struct acc *state, const double *x, int64_t n)
{
	struct acc a = *state; /* in registers: x could be the same memory, for all the compiler knows */

	for (int64_t i = 0; i < n; i += BLOCK) {
		int64_t m = n - i < BLOCK ? n - i : BLOCK;

		if (m < LANES) {
			for (int64_t k = 0; k < m; k++)
				acc_add(&a, x[i + k]);
		} else {
			double t[LANES];

			block_sum(t, x + i, m);
			acc_add(&a, t[0] + t[1]);
		}
	}
	*state = a;
}

#endif
