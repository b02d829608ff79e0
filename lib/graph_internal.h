/* For the files of lib/ that make nodes of their own kind. */
#ifndef TENSOR_GRAPH_INTERNAL_H
#define TENSOR_GRAPH_INTERNAL_H

#include "graph.h"

/* A new node of g with copies of shape and in.  ERR_VALUE where the shape is too big. */
struct node *graph_add(struct graph *g, enum node_kind kind, enum dtype dtype, const struct shape *shape, int nin,
		       struct node *const in[], struct error *err);

/*
 * x, or the node made earlier that computes the same from the same inputs: common subexpressions are computed once.  x is
 * the newest node of its graph, complete; it is gone if an earlier one is returned.
 */
struct node *graph_unique(struct node *x);

#endif
