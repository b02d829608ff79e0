/* What the builders of sorting and of sets share. */
#ifndef TENSOR_BUILD_SORT_H
#define TENSOR_BUILD_SORT_H

#include "op.h"

/* x sorted along its last axis, or the places of its elements in that order. */
struct node *sort_last(struct call *c, struct node *x, bool descending, struct error *err);
struct node *argsort_last(struct call *c, struct node *x, bool descending, struct error *err);

/* The order of the columns of a matrix, by their first elements, then by their second ones, ... */
struct node *lexsort_columns(struct call *c, struct node *x, struct error *err);

/* x with an axis moved to the end, and back. */
struct node *axis_to_end(struct call *c, struct node *x, int axis, struct error *err);
struct node *axis_from_end(struct call *c, struct node *x, int axis, struct error *err);

/* x[..., index], along the last axis */
struct node *along_last(struct call *c, struct node *x, struct node *index, struct error *err);

#endif
