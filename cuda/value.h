/* The elements of nodes that stay in device memory. */
#ifndef TENSOR_CUDA_VALUE_H
#define TENSOR_CUDA_VALUE_H

#include "cuda/cuda.h"

/* Contiguous, native, C order.  p == 0: none now; a pass has read the leaf, or the value was given up. */
struct value {
	struct kept kept;
	struct cuda *d;
	struct node *owner;
	uint64_t p;
	size_t nbytes;
	int pins; /* passes that are using it */
	struct value *next;
};

/* Of x, made when there is none; NULL on failure. */
struct value *value_get(struct cuda *d, struct node *x, struct error *err);

/* Is x on the device? */
bool value_here(const struct node *x);

uint64_t value_address(const struct node *x);

/* It stays until value_unpin. */
void value_pin(struct node *x);
void value_unpin(struct node *x);

/*
 * Device memory, for which values that can be computed again and are not pinned give way, the oldest first: what a graph keeps is
 * limited by the device, not by the length of the graph.
 */
int value_alloc(struct cuda *d, uint64_t *p, size_t n, struct error *err);

#endif
