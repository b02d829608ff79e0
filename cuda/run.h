/* Passes on the device: computing nodes tile by tile. */
#ifndef TENSOR_CUDA_RUN_H
#define TENSOR_CUDA_RUN_H

#include "cuda/cuda.h"

/* struct device.run */
int cuda_run(struct device *device, struct node *x, struct sink *sink, struct error *err);

/*
 * Compute the elements of x from low to high - 1.  Tiles come in ascending order: size tells how many elements from start on are in the next,
 * 1 .. most, and take gets their address on the device, to queue on the main stream what reads them.
 */
struct taker {
	int64_t (*size)(void *arg, int64_t start, int64_t most);
	int (*take)(void *arg, uint64_t elements, int64_t start, int64_t n, struct error *err);
	void *arg;
};
int cuda_pass(struct cuda *d, struct node *x, int64_t low, int64_t high, const struct taker *taker, struct error *err);

/* The suffix of a type in the names of kernels: "f32", "b", "e4m3". */
const char *kernel_suffix(enum dtype d);

/* Queue an elementwise kernel over n elements. */
int launch_map(struct cuda *d, const char *kernel, int64_t n, void **params, struct error *err);

/* out[0..n-1] = in[0..n-1] in another type. */
int launch_cast(struct cuda *d, enum dtype to, uint64_t out, enum dtype from, uint64_t in, int64_t n,
		struct error *err);

/* All of x, of which no element is on the device yet, into device memory at out. */
int cuda_reduce(struct cuda *d, struct node *x, uint64_t out, struct error *err);
int cuda_scan_node(struct cuda *d, struct node *x, uint64_t out, struct error *err);
/* dtype: x's; or, of a product, that of both factors, a half type, which the result is rounded to. */
int cuda_block(struct cuda *d, struct node *x, enum dtype dtype, const uint64_t in[], uint64_t out, struct error *err);

#endif
