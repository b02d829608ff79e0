/* What the builders of indexing ops share. */
#ifndef TENSOR_BUILD_INDEX_H
#define TENSOR_BUILD_INDEX_H

#include "index_mode.h"
#include "op.h"

/* Tasks of about this many elements: much more than a thread costs, much less than a large array. */
enum { INDEX_TASK = 1 << 15, INDEX_PARALLEL_FROM = 1 << 18 };

/* "index 5 is out of bounds for axis 0 with size 3"; -1. */
int index_error(int64_t i, int64_t axis, int64_t n, struct error *err);

/* x as int64, for any integer type; what does not fit is out of any bounds.  ERR_VALUE for other types. */
struct node *index_operand(struct call *c, struct node *x, struct error *err);

/* x, with the type its value has where it is a weak scalar; of shape (1,) where it has none and vector is true. */
struct node *index_array(struct call *c, struct node *x, bool vector, struct error *err);

/* The attribute "mode". */
int index_mode_get(const struct call *c, enum index_mode *out, struct error *err);

/*
 * A mask whose true elements have been counted: it has been computed, and stays.  ERR_VALUE in a dry run.  Results come in C order.
 */
struct mask {
	struct node *mask, *before; /* BLOCK_COUNT */
	int64_t count;
};
int mask_count(struct mask *m, struct call *c, struct node *mask, struct error *err);
/* The rows of x, as many as the mask has elements, where it is true; the axes of the mask are x's first. */
struct node *mask_select(const struct mask *m, struct node *x, struct error *err);
/* The places where it is true: (count, ndim), or with axes (ndim, count). */
struct node *mask_nonzero(const struct mask *m, bool axes, struct error *err);

/* x along axis (-1: flattened) at an index of int64. */
struct node *index_take(struct call *c, struct node *x, int axis, struct node *index, enum index_mode mode,
			struct error *err);

/* As many threads as n elements are worth. */
int index_workers(int64_t n);

#endif
