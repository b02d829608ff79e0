/*
 * Functions of whole arrays on the device: reductions, scans, sorting, indexing, products.  They queue launches of the kernels in
 * kernels.h on the main stream; temporary memory is theirs.  All addresses are of device memory, all elements contiguous
 * and native.  Unless said otherwise nothing waits for the device, and out is none of the inputs.
 *
 * They return 0, or -1 with ERR_RESOURCE where memory is short or the driver fails.
 */
#ifndef TENSOR_CUDA_WHOLE_H
#define TENSOR_CUDA_WHOLE_H

#include "cuda/cuda.h"
#include "cuda/kernels.h"
#include "lib/reduce.h"

/* == reductions: begin, fold tiles in ascending order, end == */

struct cuda_reduction {
	struct cuda *d;
	const struct reduce_parts *parts; /* the kernels */
	struct reduce_param param;
	struct reduce_layout l;
	uint64_t out, states, merged; /* states: of batch outer indices; merged: of as many results, but fewer units */
	int64_t outer, batch;
	size_t state_size, result_size;
	bool run; /* the form */
};

/*
 * A reduction of elements of acc in C order of shape s over the axes reduced[i]; out takes the results, in C order of what is kept, of
 * the type reduce_loops_get(id, acc)->result.  Release it on every path.
 */
int cuda_reduce_begin(struct cuda_reduction *r, struct cuda *d, enum reduce_id id, enum dtype acc,
		      const struct shape *s, const bool reduced[], const struct reduce_param *p, uint64_t out,
		      struct error *err);

/* How many elements from start on the next tile may have: at most most, where that is CUDA_REDUCE_TILE or more. */
enum { CUDA_REDUCE_TILE = 4096 };
int64_t cuda_reduce_tile(const struct cuda_reduction *r, int64_t start, int64_t most);

/* Fold elements start .. start+n-1, which lie at x, as acc; the first tile starts at 0, each other where the last ended. */
int cuda_reduce_fold(struct cuda_reduction *r, uint64_t x, int64_t start, int64_t n, struct error *err);

/* After the last tile; an array without elements has none. */
int cuda_reduce_end(struct cuda_reduction *r, struct error *err);
void cuda_reduce_release(struct cuda_reduction *r);

#endif
