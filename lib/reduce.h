/*
 * Reductions: the accumulators and their loops.  The engine converts every block to one of four accumulation
 * types (DT_I64, DT_U64, DT_F64, DT_C128), cuts the reduced elements into pieces that depend on the shape alone, and
 * merges the accumulators of the pieces in ascending order; so results depend neither on threads nor on tiles.
 */
#ifndef TENSOR_REDUCE_H
#define TENSOR_REDUCE_H

#include <stdint.h>

#include "dtype.h"

enum reduce_id {
#define REDUCE(id, ...) REDUCE_##id,
#include "ops.def"
	NREDUCES
};

/* Elements folded into one accumulator before it is merged, where all of an array are reduced to one result. */
enum { REDUCE_PIECE = 1 << 17 };

/* The attributes that some reductions have. */
struct reduce_param {
	int64_t count;	   /* reduced elements per result */
	double correction; /* var, std: divisor is max(count - correction, 0), as NumPy */
	double ord;	   /* norm: inf, -inf, 0, 1, 2, p */
};

/*
 * The loops for one reduction in one accumulation type.  States are packed arrays of state_size bytes each
 * (a multiple of 8, 8-byte aligned).  x is contiguous, in the accumulation type.
 */
struct reduce_loops {
	size_t state_size; /* bytes; 0: this reduction has no loop for the type */
	enum dtype result; /* DT_BOOL, DT_I64, DT_U64, DT_F64 or DT_C128: what finish writes */
	/* n fresh accumulators. */
	void (*init)(void *states, int64_t n);
	/* Fold x[0..n-1] into ONE accumulator; index is the position of x[0] among the reduced elements. */
	void (*run)(void *state, const void *x, int64_t n, int64_t index, const struct reduce_param *p);
	/* Fold x[i] into accumulator i, for i < n; index is the position of this row among the reduced elements. */
	void (*rows)(void *states, const void *x, int64_t n, int64_t index, const struct reduce_param *p);
	/* states[i] takes in others[i], which covers later elements, for i < n. */
	void (*merge)(void *states, const void *others, int64_t n);
	/* n results of type result from n accumulators. */
	void (*finish)(void *out, const void *states, int64_t n, const struct reduce_param *p);
};

/* The loops for reduction id in accumulation type acc, or NULL. */
const struct reduce_loops *reduce_loops_get(enum reduce_id id, enum dtype acc);

#endif
