/*
 * Functions of whole arrays on the device: reductions, scans, sorting, indexing, masks, products.  They queue launches of the kernels in
 * kernels.h on the main stream; temporary memory is theirs.  All addresses are of device memory, all elements contiguous
 * and native.  Unless said otherwise nothing waits for the device, and out is none of the inputs.
 *
 * They return 0, or -1 with ERR_RESOURCE where memory is short or the driver fails.
 */
#ifndef TENSOR_CUDA_WHOLE_H
#define TENSOR_CUDA_WHOLE_H

#include "cuda/cuda.h"
#include "cuda/kernels.h"
#include "lib/block.h"
#include "lib/index_mode.h"
#include "lib/quantile.h"
#include "lib/reduce.h"
#include "lib/scan_loops.h"

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

/* == products == */

/*
 * The products of p, of elements of dtype: bool, an integer, or a float from float16 (summed in float32) to complex128.  By the
 * kernels here, or by cuBLAS: where TENSOR_CUBLAS names it, and otherwise for floats, where they are so many that loading it pays.
 * The shape alone decides.  Where cuBLAS is not to be found the kernels do all; where TENSOR_CUBLAS names a file that cannot be
 * loaded, it fails.  float16 and bfloat16 are rounded once, from float32.  *by: what computes it, for notes: the library's file, or "matmul_f32".
 */
int cuda_matmul(struct cuda *d, enum dtype dtype, const struct product *p, uint64_t a, uint64_t b, uint64_t out,
		const char **by, struct error *err);

/* == sorting: rows of n elements, stable, NaN last, complex numbers by real part, then by imaginary part (lib/sort.h) == */

/* out = the rows sorted. */
int cuda_sort(struct cuda *d, enum dtype dtype, bool descending, uint64_t x, uint64_t out, int64_t rows, int64_t n,
	      struct error *err);

/* out = the places of the elements of each row in sorted order, int64. */
int cuda_argsort(struct cuda *d, enum dtype dtype, bool descending, uint64_t x, uint64_t out, int64_t rows, int64_t n,
		 struct error *err);

/* order, int64, a permutation of 0 .. n-1, sorted by the vector x: what is equal in x stays in the order it has. */
int cuda_argsort_next(struct cuda *d, enum dtype dtype, uint64_t x, uint64_t order, int64_t n, struct error *err);

/*
 * Elements x[0 .. n-1] looked up among m sorted ones, by what: out is int64 for LOOK_LEFT and LOOK_RIGHT, else bool.  Not of
 * complex64.
 */
int cuda_search(struct cuda *d, enum dtype dtype, enum look_up what, uint64_t sorted, int64_t m, uint64_t x, int64_t n,
		uint64_t out, struct error *err);

/*
 * first[i], bytes of 0 and 1: does column order[i] (order 0: i) of m rows of n elements differ from the one before?  Of the first it is
 * 1, as it is, with each_nan, where there is a NaN.  Columns come sorted.
 */
int cuda_distinct(struct cuda *d, enum dtype dtype, bool each_nan, uint64_t x, uint64_t order, int64_t m, int64_t n,
		  uint64_t first, struct error *err);

/*
 * == indexing ==
 *
 * Indices are int64.  One that is out of bounds, where the mode is INDEX_RAISE, is ERR_VALUE as the processor says it, of the first
 * such index; to know, these functions wait.  axis is for that message.
 */

/* out[o][k][r] = x[o][index[k]][r] for o < outer, k < m, r < row; x has n along the indexed axis.  size: bytes of an element. */
struct cuda_take {
	size_t size;
	int64_t outer, m, n, row;
	enum index_mode mode;
	int64_t axis;
};
int cuda_take(struct cuda *d, const struct cuda_take *t, uint64_t x, uint64_t index, uint64_t out, struct error *err);

/* out[o][k][r] = x[o][index[o][k][r]][r]: the indices have the shape of out. */
int cuda_along(struct cuda *d, const struct cuda_take *t, uint64_t x, uint64_t index, uint64_t out, struct error *err);

/*
 * out, a copy of x of count elements of dtype, with src written to (add: added at) indexed places, in the order of src: see struct scatter.
 * float16, bfloat16 and float8 are not added.
 */
int cuda_scatter(struct cuda *d, enum dtype dtype, const struct scatter *s, bool add, uint64_t x, int64_t count,
		 uint64_t index, uint64_t src, uint64_t out, struct error *err);

/* out, a copy of x of count elements of size bytes, with out[index[i]] = src[i % each], the last of them for each place. */
int cuda_put(struct cuda *d, size_t size, enum index_mode mode, uint64_t x, int64_t count, uint64_t index,
	     int64_t nindex, uint64_t src, int64_t each, uint64_t out, struct error *err);

/* == the places where a mask is true: n bytes, any of which but 0 is == */

/* out, int64: how many are true before each task of PLACES_TASK elements, then how many in all. */
int cuda_places_count(struct cuda *d, uint64_t mask, int64_t n, uint64_t out, struct error *err);

/* out = the places, in C order of the mask's shape, int64: (count, ndim), or with axes (ndim, count).  before: what was counted. */
int cuda_places(struct cuda *d, uint64_t mask, uint64_t before, const struct shape *shape, int64_t count, bool axes,
		uint64_t out, struct error *err);

/* out = those count of n rows of row elements of size bytes where the mask is true. */
int cuda_select(struct cuda *d, uint64_t mask, uint64_t before, int64_t n, int64_t count, size_t size, int64_t row,
		uint64_t x, uint64_t out, struct error *err);

/* == scans == */

/*
 * The scan of x, elements of acc (DT_I64, DT_U64, DT_F64 or DT_C128), along the middle axis of (outer, n, inner).  out is of the same
 * shape, of acc, or int64 of SCAN_ARGMAX and SCAN_ARGMIN.
 */
int cuda_scan(struct cuda *d, enum scan_op op, enum dtype acc, uint64_t x, uint64_t out, int64_t outer, int64_t n,
	      int64_t inner, struct error *err);

/* == order statistics == */

/*
 * out[k][row] = the s->q[k] quantile (or the median) of each of rows rows of s->n elements of x, of dtype: DT_F64, or DT_I64 or DT_U64 for
 * methods that pick an element.  out is of dtype, too.
 */
int cuda_quantile(struct cuda *d, const struct order_statistic *s, enum dtype dtype, uint64_t x, uint64_t out,
		  int64_t rows, struct error *err);

/* out = the permutation of 0 .. n-1, int64, that random_permutation makes of seed. */
int cuda_permutation(struct cuda *d, uint64_t seed, int64_t n, uint64_t out, struct error *err);

#endif
