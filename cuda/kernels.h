/*
 * The kernels of the module image, and how they are launched: for the executor (run.c), for tests, and for anybody
 * else who loads the image.  C and CUDA C++.
 *
 * Every kernel has a plain name (extern "C").  Parameters are passed in the order given here; int64_t, uint64_t,
 * double and pointers to device memory take 8 bytes, int takes 4, structs are those below, by value.  Blocks of
 * elements are contiguous, in native byte order, and aligned to the size of an element (16 for complex128).  n counts
 * elements.
 *
 * <s> is the suffix of an element type:
 *
 *	b i8 u8 i16 u16 i32 u32 i64 u64 f16 bf16 f32 f64 c64 c128 e4m3 e5m2
 *
 * bool (b) is a byte, true where it is not 0, and 1 where a kernel writes it; f16, bf16, e4m3 and e5m2 are bits in 2
 * or 1 bytes; c64 and c128 are (real, imaginary).
 *
 * Launch: "any" is any one-dimensional grid and block, each thread takes every (gridDim * blockDim)-th element; the
 * result does not depend on it.  "block N" is blocks of exactly N threads.  No kernel needs dynamic shared memory.
 */
#ifndef TENSOR_CUDA_KERNELS_H
#define TENSOR_CUDA_KERNELS_H

#include <stdint.h>

enum { CUDA_MAX_NDIM = 64 };

/* A strided array: element (i, j, ...) is at base + i * stride[0] + j * stride[1] + ... bytes. */
struct strided_layout {
	int64_t ndim;
	int64_t dim[CUDA_MAX_NDIM];    /* elements */
	int64_t stride[CUDA_MAX_NDIM]; /* bytes, may be negative or 0 */
};

/* int kind of range_f64: enum range_kind of lib/graph.h. */
enum { CUDA_ARANGE, CUDA_LINSPACE, CUDA_LOGSPACE, CUDA_GEOMSPACE };

/*
 * == elementwise ops: map.cuh; launch: any ==
 *
 * map_<op>_<s>(int64_t n, void *out, const void *x[, const void *y[, const void *z]])
 *	<op>: the id of a MAP row of lib/ops.def; <s>: a type of its types column (Bool, Int, Unsigned, Float,
 *	Complex; H is f16 and bf16 as bits); as many operands as its column nin says, all of type <s>, but the first
 *	of "where", which is b.  out has type <s>, or b where the column result is BOOL, or the real type of <s> where
 *	it is REAL (c64: f32, c128: f64).  out[i] = expr of x[i], y[i], z[i].  out may be one of the operands, if their
 *	elements have the same size.  Exponents of map_power_<signed> must not be negative.  Integers, bools, arithmetic
 *	and comparisons have the bits of the CPU, and so have most functions of float32, which are computed in double
 *	by the text of lib/scalar_double.h; the other ones, and those of complex64, are rounded once from CUDA's for
 *	double.  Functions of float64 are CUDA's, at most 2 ULP from the exact result (lgamma more next to its zeros),
 *	or made of several.
 *
 * == casts: cast.cuh; launch: any ==
 *
 * cast_<from>_<to>(int64_t n, void *out, const void *x)		<from>, <to>: any two of the 17 types
 *	out[i] = x[i] as ndarray.astype has it on x86 (lib/cast_loops.c); out is not x.  Which nan a nan becomes is
 *	not specified.
 *
 * == elements from their index: create.cuh; launch: any ==
 *
 * range_i64(int64_t n, int64_t *out, int64_t start, int64_t first, int64_t step)
 *	out[i] = first + (start + i) * step, modulo 2**64.
 *
 * range_f32(int64_t n, float *out, int64_t start, double first, double step)
 *	out[i] = first + (start + i) * step, all in float32; first and step are float32 values.
 *
 * range_f64(int64_t n, double *out, int64_t start, int kind, double first, double step, double stop, double base,
 *	     int64_t pinned, int whole)
 *	With k = start + i and v = first + k * step: v for CUDA_ARANGE and CUDA_LINSPACE, base**v for CUDA_LOGSPACE,
 *	stop for k == pinned (-1: none).  CUDA_GEOMSPACE: 10**v with the sign of base, base for k == 0, stop for k ==
 *	pinned.  whole != 0: rounded down (not for CUDA_GEOMSPACE).
 *
 * random_<dist>(int64_t n, void *out, int64_t start, uint64_t seed, double a, double b, uint64_t lo, uint64_t range)
 *	<dist>: uniform normal exponential (out is double), bernoulli integer (out is int64).  out[i] = element start
 *	+ i of the array that lib/random.h describes; the same bits as the CPU's.
 *
 * == moves: move.cuh; launch: any ==
 *
 * fill_<bytes>(int64_t n, void *out, uint64_t lo, uint64_t hi)		bytes: 1 2 4 8 16
 *	out[i] = the value whose bits are the low <bytes> bytes of lo, and for 16 bytes hi after lo.
 *
 * strided_<bytes>(int64_t n, void *out, const void *base, int64_t start, struct strided_layout l)
 *	bytes: 1 2 4 8 16.
 *	out[i] = element start + i, in C order, of the array l; base points to its element (0, 0, ...).
 *
 * iota(int64_t n, int64_t *out, int64_t start, int64_t inner, int64_t dim)
 *	out[i] = (start + i) / inner % dim: the index along an axis of dim elements, whose later axes have inner
 *	elements together.
 *
 * concat_<bytes>(int64_t n, void *out, int64_t start, const void *in, int64_t row, int64_t first,
 *		int64_t width)		bytes: 1 2 4 8 16
 *	One input of a concatenation.  A row of the result has row elements, of which those from first to first +
 *	width - 1 come from in, whose rows have width elements.  out[0 .. n-1] are the elements start .. of the
 *	result: those from this input are written.
 *
 * swap_<unit>(int64_t n, void *x)		unit: 2 4 8
 *	Reverses the bytes of each of n units, in place.
 *
 * limit_f64(int64_t n, double *x, double most)
 *	x[i] = most where x[i] > most.
 *
 * any_negative_<s>(int64_t n, const void *x, int *flag)		<s>: i8 i16 i32 i64
 *	*flag = 1 if some x[i] < 0; else it is left alone.
 */

/*
 * == reductions: reduce.cuh ==
 *
 * Elements have been converted to an accumulation type: i64, u64 (both passed as uint64_t), f64 or c128.  They are folded into
 * states, structs of 8-byte members (lib/accumulate.h); which elements make a state, and in which order states are
 * merged, follows from the layout alone.
 *
 * The axes of the array, those of length 1 left out and neighbours of a kind merged, are: one that is kept (outer, perhaps of length 1),
 * then groups that are reduced and kept in turn, the first reduced: len[0] reduced, len[1] kept, len[2] reduced ...
 * Elements are numbered in C order.  Of one outer index there are in elements, out results and red elements to a result;
 * the reduced elements of a result are numbered in C order, too, and cut into units of at most unit elements:
 *
 *   run form (the last group is reduced):  the last group is cut into chunks of unit elements, the last of them shorter; unit number
 *	i * chunks + c of a result is chunk c of the i-th combination of the other reduced groups' indices
 *   rows form:  unit number u has the reduced elements u * unit ... (u + 1) * unit - 1
 *
 * states[((outer index - outer0) * out + result) * units + unit number]
 */
enum { REDUCE_THREADS = 256, REDUCE_MERGE = 32 };

struct reduce_layout {
	int64_t ngroups;
	int64_t len[CUDA_MAX_NDIM];
	int64_t in, out, red; /* the product of len, of those kept, of those reduced */
	int64_t outer0;	      /* outer index of the first state */
	int64_t unit, units;  /* elements of a unit at most; units of a result */
};

/* The states that a launch in rows form looks at: outer indices, units and results. */
struct reduce_range {
	int64_t outer0, outers, unit0, units, out0, outs;
};

/*
 * reduce_init_<state>(int64_t n, <state> *states)					launch: any
 *	n states of no elements.
 *
 * reduce_run_<fold>(int64_t n, int64_t first, <state> *states, const <acc> *x, struct reduce_layout l, double ord)
 *	launch: block REDUCE_THREADS, any grid.  x[0 .. n-1] are the elements first .. first+n-1, which are whole chunks; their states are
 *	written.  Thread t of a block folds the elements t, t + REDUCE_THREADS ... of a chunk, then threads t and t + half are merged
 *	for half = REDUCE_THREADS / 2, ... 1.  ord is that of norm.
 *
 * reduce_rows_<fold>(int64_t n, int64_t first, <state> *states, const <acc> *x, struct reduce_layout l, struct reduce_range r,
 *		      double ord)							launch: any
 *	x[0 .. n-1] are the elements first .. first+n-1, any; those that belong to the states in r are folded into them, one after the
 *	other.  Elements must come in ascending order from launch to launch.
 *
 * reduce_merge_<state>(int64_t n, <state> *out, const <state> *in, int64_t units)	launch: any
 *	in has units states of each of n results; out[i * fewer + k] = in[i * units + k * REDUCE_MERGE] and the up to
 *	REDUCE_MERGE - 1 that follow it, merged in order; fewer = units / REDUCE_MERGE, rounded up.
 *
 * reduce_finish_<result>(int64_t n, <type> *out, const <state> *states, int64_t count, double correction, double ord)
 *	launch: any.  out[i] is the result of states[i]: int64_t, uint64_t, double, c128 or, of any and all, bool as uint8_t.
 *	count: elements of a result; correction: of var and std; ord: of norm.
 */

/* clang-format off */
/* X(state): kinds of states, each named as its first fold */
#define REDUCE_STATES(X) \
	X(sum_u64) X(prod_u64) X(prod_f64) X(prod_c128) X(sum_f64) X(sum_c128) X(nanmean_f64) X(nanmean_c128) X(var_f64) \
	X(var_c128) X(max_i64) X(ptp_i64) X(argmax_i64) X(max_f64) X(nanmax_f64) X(ptp_f64) X(argmax_f64) X(max_c128) \
	X(nanmax_c128) X(norm_f64) X(logsumexp_f64)

/* X(fold, state) */
#define REDUCE_FOLDS(X) \
	X(sum_u64, sum_u64) X(prod_u64, prod_u64) \
	X(sum_f64, sum_f64) X(nansum_f64, sum_f64) X(sum_c128, sum_c128) X(nansum_c128, sum_c128) \
	X(prod_f64, prod_f64) X(nanprod_f64, prod_f64) X(prod_c128, prod_c128) X(nanprod_c128, prod_c128) \
	X(nanmean_f64, nanmean_f64) X(nanmean_c128, nanmean_c128) \
	X(var_f64, var_f64) X(nanvar_f64, var_f64) X(var_c128, var_c128) X(nanvar_c128, var_c128) \
	X(max_i64, max_i64) X(min_i64, max_i64) X(max_u64, max_i64) X(min_u64, max_i64) \
	X(ptp_i64, ptp_i64) X(ptp_u64, ptp_i64) X(ptp_f64, ptp_f64) \
	X(argmax_i64, argmax_i64) X(argmin_i64, argmax_i64) X(argmax_u64, argmax_i64) X(argmin_u64, argmax_i64) \
	X(max_f64, max_f64) X(min_f64, max_f64) X(nanmax_f64, nanmax_f64) X(nanmin_f64, nanmax_f64) \
	X(argmax_f64, argmax_f64) X(argmin_f64, argmax_f64) \
	X(max_c128, max_c128) X(min_c128, max_c128) X(nanmax_c128, nanmax_c128) X(nanmin_c128, nanmax_c128) \
	X(count_i64, sum_u64) X(count_f64, sum_u64) X(count_c128, sum_u64) \
	X(norm_f64, norm_f64) X(norm_c128, norm_f64) X(logsumexp_f64, logsumexp_f64)

/* X(id, acc, fold, state, result): what a reduction of lib/ops.def is made of */
#define REDUCE_PARTS(X) \
	X(sum, I64, sum_u64, sum_u64, same_u64) X(sum, U64, sum_u64, sum_u64, same_u64) \
	X(sum, F64, sum_f64, sum_f64, sum_f64) X(sum, C128, sum_c128, sum_c128, sum_c128) \
	X(nansum, I64, sum_u64, sum_u64, same_u64) X(nansum, U64, sum_u64, sum_u64, same_u64) \
	X(nansum, F64, nansum_f64, sum_f64, sum_f64) X(nansum, C128, nansum_c128, sum_c128, sum_c128) \
	X(prod, I64, prod_u64, prod_u64, same_u64) X(prod, U64, prod_u64, prod_u64, same_u64) \
	X(prod, F64, prod_f64, prod_f64, same_f64) X(prod, C128, prod_c128, prod_c128, same_c128) \
	X(nanprod, I64, prod_u64, prod_u64, same_u64) X(nanprod, U64, prod_u64, prod_u64, same_u64) \
	X(nanprod, F64, nanprod_f64, prod_f64, same_f64) X(nanprod, C128, nanprod_c128, prod_c128, same_c128) \
	X(mean, F64, sum_f64, sum_f64, mean_f64) X(mean, C128, sum_c128, sum_c128, mean_c128) \
	X(nanmean, F64, nanmean_f64, nanmean_f64, nanmean_f64) X(nanmean, C128, nanmean_c128, nanmean_c128, nanmean_c128) \
	X(var, F64, var_f64, var_f64, var_f64) X(var, C128, var_c128, var_c128, var_c128) \
	X(std, F64, var_f64, var_f64, std_f64) X(std, C128, var_c128, var_c128, std_c128) \
	X(nanvar, F64, nanvar_f64, var_f64, nanvar_f64) X(nanvar, C128, nanvar_c128, var_c128, nanvar_c128) \
	X(nanstd, F64, nanvar_f64, var_f64, nanstd_f64) X(nanstd, C128, nanvar_c128, var_c128, nanstd_c128) \
	X(max, I64, max_i64, max_i64, max_i64) X(max, U64, max_u64, max_i64, max_u64) \
	X(max, F64, max_f64, max_f64, same_f64) X(max, C128, max_c128, max_c128, max_c128) \
	X(min, I64, min_i64, max_i64, min_i64) X(min, U64, min_u64, max_i64, min_u64) \
	X(min, F64, min_f64, max_f64, min_f64) X(min, C128, min_c128, max_c128, min_c128) \
	X(nanmax, I64, max_i64, max_i64, max_i64) X(nanmax, U64, max_u64, max_i64, max_u64) \
	X(nanmax, F64, nanmax_f64, nanmax_f64, same_f64) X(nanmax, C128, nanmax_c128, nanmax_c128, max_c128) \
	X(nanmin, I64, min_i64, max_i64, min_i64) X(nanmin, U64, min_u64, max_i64, min_u64) \
	X(nanmin, F64, nanmin_f64, nanmax_f64, min_f64) X(nanmin, C128, nanmin_c128, nanmax_c128, min_c128) \
	X(ptp, I64, ptp_i64, ptp_i64, ptp_i64) X(ptp, U64, ptp_u64, ptp_i64, ptp_u64) X(ptp, F64, ptp_f64, ptp_f64, ptp_f64) \
	X(argmax, I64, argmax_i64, argmax_i64, arg_i64) X(argmax, U64, argmax_u64, argmax_i64, arg_i64) \
	X(argmax, F64, argmax_f64, argmax_f64, arg_f64) X(argmax, C128, max_c128, max_c128, arg_c128) \
	X(argmin, I64, argmin_i64, argmax_i64, arg_i64) X(argmin, U64, argmin_u64, argmax_i64, arg_i64) \
	X(argmin, F64, argmin_f64, argmax_f64, arg_f64) X(argmin, C128, min_c128, max_c128, arg_c128) \
	X(any, I64, count_i64, sum_u64, any) X(any, U64, count_i64, sum_u64, any) \
	X(any, F64, count_f64, sum_u64, any) X(any, C128, count_c128, sum_u64, any) \
	X(all, I64, count_i64, sum_u64, all) X(all, U64, count_i64, sum_u64, all) \
	X(all, F64, count_f64, sum_u64, all) X(all, C128, count_c128, sum_u64, all) \
	X(count_nonzero, I64, count_i64, sum_u64, same_u64) X(count_nonzero, U64, count_i64, sum_u64, same_u64) \
	X(count_nonzero, F64, count_f64, sum_u64, same_u64) X(count_nonzero, C128, count_c128, sum_u64, same_u64) \
	X(norm, F64, norm_f64, norm_f64, norm) X(norm, C128, norm_c128, norm_f64, norm) \
	X(logsumexp, F64, logsumexp_f64, logsumexp_f64, logsumexp)
/* clang-format on */

/*
 * == matrix products: matmul.cuh ==
 *
 * matmul_<s>(<s> *out, <piece> *pieces, const <s> *a, const <s> *b, struct matmul_layout l)		launch: block MATMUL_THREADS, any grid
 *	<s>: b i8 u8 i16 u16 i32 u32 i64 u64 f16 bf16 f32 f64 c64 c128
 *	out[batch][i][j], C order, = the sum over kk of a[i * a_row + kk * a_col] * b[kk * b_row + j * b_col], of integers wrapping, of
 *	bools "or" of "and"; a and b begin a_step and b_step elements further for each step of a batch dimension.
 *	With splits > 1, out is not used; instead split s of k, s * each ... (s + 1) * each - 1, gives pieces[s][batch][i][j], where
 *	<piece> is double for real types, c128 for complex ones, uint32_t for integers up to 32 bits and bool, else uint64_t.
 *
 *	float16 and bfloat16 are multiplied and summed as float32.  Floats are summed with fused multiply-adds in the element's precision
 *	over DEPTH products at a time (32 of f32, f16 and bf16, 16 of others), and those sums with twice the precision: the error
 *	is at most DEPTH ULP of the sum of magnitudes, whatever k.
 *
 * matmul_sum_<s>(int64_t n, <s> *out, const <piece> *pieces, int64_t splits)			launch: any
 *	out[i] = the sum of pieces[k * n + i] over the splits k
 */
enum { MATMUL_THREADS = 256 };

struct matmul_layout {
	int64_t m, n, k;
	int64_t a_row, a_col, b_row, b_col; /* elements */
	int64_t splits, each;		    /* splits of k, of each: a multiple of 32 */
	int64_t count;			    /* batches: the product of dim */
	int64_t nbatch, dim[CUDA_MAX_NDIM], a_step[CUDA_MAX_NDIM],
		b_step[CUDA_MAX_NDIM]; /* elements; 0: the same matrix again */
};

#define MATMUL_TYPES(X) \
	X(b) X(i8) X(u8) X(i16) X(u16) X(i32) X(u32) X(i64) X(u64) X(f16) X(bf16) X(f32) X(f64) X(c64) X(c128)

/*
 * == sorting: sort.cuh ==
 *
 * Rows of len elements are sorted by keys, unsigned integers in the order of the elements (lib/sort_keys.h): uint32_t for
 * elements of up to 4 bytes and for classes of complex numbers, else uint64_t.  <K> is that type, <bits> 32 or 64.
 *
 * sort_key_<s>(int64_t n, <K> *keys, int64_t *index, const <s> *x, const int64_t *order, int64_t len, int64_t stride, uint64_t flip)
 *	launch: any.  <s>: i8 u8 (bool, too) i16 u16 i32 u32 i64 u64 e4m3 e5m2 f16 bf16 f32 f64.  For element i of row r = i / len, its
 *	place at = order[i], or i % len where order is 0: keys[i] = the key of x[(r * len + at) * stride], which is the same for
 *	0 and -0, the largest for NaN, and all of whose bits are inverted where flip is ~0 and not 0 (the reverse
 *	order); index[i] = at, where index is not 0.  index may be order.
 *
 * sort_class_<s>(int64_t n, uint32_t *keys, int64_t *index, const <s> *x, const int64_t *order, int64_t len, uint64_t flip)
 *	launch: any.  <s>: c64 c128.  The same with the key 2 where the real part is NaN, 1 where only the imaginary part is, else 0;
 *	of flip only the lower 8 bits count.
 *
 * sort_tile_<bits>(int64_t rows, int64_t len, <K> *keys, int64_t *index)		launch: block SORT_THREADS, any grid
 *	Each row is cut into tiles of SORT_TILE; each is sorted in place, stably, by keys, with index alike.
 *
 * sort_merge_<bits>(int64_t rows, int64_t len, <K> *keys, int64_t *index, const <K> *from_keys, const int64_t *from_index, int64_t run)
 *	launch: any.  Each row is sorted in runs of run elements, a multiple of SORT_TILE, counted from its start; neighbouring runs, the
 *	first and the second and so on, are merged.
 *
 * search_<bits>(int64_t n, int64_t *out, const <K> *keys, int64_t m, const <K> *x, int right)	launch: any
 *	out[i] = how many of the m sorted keys are below x[i], right: not above it.
 *
 * member_<bits>(int64_t n, uint8_t *out, const <K> *keys, int64_t m, const <K> *x, int invert, uint64_t nan)	launch: any
 *	out[i] = is x[i] one of the m sorted keys?  invert: is it not?  nan: the key that is none of them, 0: none.
 *
 * search_c128(int64_t n, int64_t *out, const c128 *sorted, int64_t m, const c128 *x, int right)	launch: any
 * member_c128(int64_t n, uint8_t *out, const c128 *sorted, int64_t m, const c128 *x, int invert)	launch: any
 *	The same for complex numbers, sorted, not keys.
 */
/*
 * distinct_<bits>(int64_t n, uint8_t *first, const <K> *keys, const int64_t *order, int64_t m, uint64_t nan)	launch: any
 *	Of m rows of n keys: first[i] = 1 where column order[i] (order 0: i) is another one than column order[i - 1], where i is 0, and where
 *	one of its keys is nan, 0: none; else 0.
 *
 * distinct_<s>(int64_t n, uint8_t *first, const <s> *x, const int64_t *order, int64_t m, int each_nan)	launch: any
 *	<s>: c64 c128.  The same of complex numbers: those with a NaN are equal, or each differs from all.
 */
enum { SORT_THREADS = 256, SORT_ITEMS = 8, SORT_TILE = SORT_THREADS * SORT_ITEMS };

/*
 * == indexing: index.cuh; launch: any ==
 *
 * Indices count from the end where they are negative; mode is that of enum index_mode (lib/index_mode.h): 0 raise, 1 wrap, 2 clip.
 * *bad is 0 before; where the mode is raise and an index is out of bounds, it becomes INT64_MAX minus the number of the first such index,
 * and what that index was to do is left out.
 *
 * index_check(int64_t m, const int64_t *index, int64_t n, int mode, uint64_t *bad)
 *	Are index[0 .. m-1] indices of an axis of n?
 *
 * take_<bytes>(int64_t size, void *out, const void *x, const int64_t *index, int64_t m, int64_t n, int64_t row, int mode, uint64_t *bad)
 *	bytes: 1 2 4 8 16.  For the size elements of out: out[o][k][r] = x[o][index[k]][r], k < m, r < row; x has n along the axis.
 *
 * along_<bytes>(int64_t size, void *out, const void *x, const int64_t *index, int64_t m, int64_t n, int64_t inner, int mode, uint64_t *bad)
 *	out[o][k][r] = x[o][index[o][k][r]][r], k < m, r < inner
 *
 * scatter_last(int64_t count, uint64_t *last, const int64_t *index, struct scatter_layout l, uint64_t *bad)
 *	last has been zeros; for each place of the result, it becomes 1 + the number of the last of count elements that goes there.
 *
 * scatter_copy_<bytes>(int64_t n, void *out, const void *src, const uint64_t *last, int64_t each)
 *	out[i] = src[(last[i] - 1) % each] where last[i] is not 0, for i < n.
 *
 * scatter_key(int64_t count, uint64_t *keys, int64_t *order, const int64_t *index, struct scatter_layout l, uint64_t *bad)
 *	keys[i] = the place where element i goes, order[i] = i: then sort_tile_64, sort_merge_64.
 *
 * scatter_add_<s>(int64_t size, <s> *out, const <s> *src, const uint64_t *keys, const int64_t *order, int64_t m, int64_t n, int64_t inner)
 *	<s>: b u8 u16 u32 u64 (signed integers as unsigned) f32 f64 c64 c128.  size = outer * m * inner.  For each j < m, o, r:
 *	out[o][keys[j]][r] += src[o][order[j]][r], r < inner; out has n along the middle axis.  keys are sorted; what has the same
 *	key is added in the order of j, rounded after each.  Bools are or-ed.
 */

/* Element i of the source, in C order of dim, goes to place sum of at[d] * stride[d], with its index in place of at[axis]. */
struct scatter_layout {
	int64_t ndim, axis;
	int64_t dim[CUDA_MAX_NDIM];	/* of the source */
	int64_t stride[CUDA_MAX_NDIM];	/* of the result, elements */
	int64_t istride[CUDA_MAX_NDIM]; /* of the indices, elements */
	int64_t n, mode;		/* size of the result along the axis; enum index_mode */
};

/*
 * == the places where a mask is true: places.cuh ==
 *
 * A mask is n bytes, true where they are not 0, in pieces of task, a multiple of PLACES_THREADS, the last one shorter.  before[k] is how many
 * are true before piece k.
 *
 * places_count(int64_t n, int64_t *counts, const uint8_t *mask, int64_t task)		launch: block PLACES_THREADS, any grid
 *	counts[0] = 0, counts[k + 1] = how many of piece k are true: their running sum is before.
 *
 * places_index(int64_t n, int64_t *out, const uint8_t *mask, const int64_t *before, int64_t task)	launch: block PLACES_THREADS, any grid
 *	out[k] = the place of the k-th that is true.
 *
 * places_coordinates(int64_t size, int64_t *out, const int64_t *index, int64_t count, int axes, struct strided_layout l)	launch: any
 *	size = count * l.ndim.  out[k][d], or with axes out[d][k], = index[k] / l.stride[d] % l.dim[d], k < count.
 */
enum { PLACES_THREADS = 256 };

/*
 * == scans: scan.cuh; launch: any, but for scan_in_order ==
 *
 * Running sums, products and extremes of n rows of inner columns, for each of outer arrays: element i of a result comes of the elements up to
 * i.  Elements are of an accumulation type: i64, u64, f64 or c128; sums and products of i64 are those of u64, sums of c128 those
 * of f64 with twice the columns.  Rows are cut into pieces of each rows, the last of them shorter.  <state> is private to the kernels,
 * of as many bytes as SCANS says.  tasks is outer * pieces * inner, task t that of array t / inner / pieces, piece t / inner % pieces, column t % inner.
 *
 * scan_total_<name>(int64_t tasks, <state> *totals, const <acc> *x, int64_t n, int64_t inner, int64_t each)
 *	totals[t] = the state of task t's elements.
 *
 * scan_fold_<name>(int64_t tasks, <state> *out, const <state> *totals, int64_t n, int64_t inner)
 *	n states in place of rows, pieces of SCAN_ROWS of them: out[t] = the states of task t merged.
 *
 * scan_bases_<name>(int64_t tasks, <state> *totals, const <state> *bases, int64_t n, int64_t inner, const <acc> *x, int64_t len, int64_t each)
 *	The same tasks; each state of totals is replaced by what comes before it: bases[t] (bases 0: nothing) merged with those
 *	before it in its piece.  x has len rows, of which a state of totals has each; a sum that overflowed is made of them again.
 *
 * scan_apply_<name>(int64_t tasks, <result> *out, const <acc> *x, const <state> *bases, int64_t n, int64_t inner, int64_t each)
 *	The scan of task t's elements, going on from bases[t] (bases 0: nothing).  <result> is <acc>, of argmax and argmin int64_t.
 *
 * Sums of f64 keep twice the precision: each result is the exact sum rounded once, but for n * 2**-104 of the magnitudes.
 *
 * scan_in_order_<name>(int64_t outer, <acc> *out, const <acc> *x, int64_t n, int64_t inner)	launch: block SCAN_THREADS, any grid
 *	Products of floats, each the one before times the element: where they overflow, or underflow, depends on that.
 */
enum { SCAN_ROWS = 64, SCAN_THREADS = 256, SCAN_COLUMNS = 32, SCAN_STAGE = 2048 /* elements */ };

/* clang-format off */
#define SCANS_OF_PIECES(X) \
	X(sum_u64) X(prod_u64) X(sum_f64) X(max_i64) X(max_u64) X(max_f64) X(min_i64) X(min_u64) X(min_f64) \
	X(argmax_i64) X(argmax_u64) X(argmax_f64) X(argmin_i64) X(argmin_u64) X(argmin_f64) \
	X(logsumexp_f64) X(max_c128) X(min_c128) X(argmax_c128) X(argmin_c128)
#define SCANS_IN_ORDER(X) X(prod_f64) X(prod_c128)

/* X(op, acc, name, bytes): enum scan_op; bytes of a state, 0: in order */
#define SCANS(X) \
	X(SUM, I64, sum_u64, 8) X(SUM, U64, sum_u64, 8) X(SUM, F64, sum_f64, 24) \
	X(PROD, I64, prod_u64, 8) X(PROD, U64, prod_u64, 8) X(PROD, F64, prod_f64, 0) X(PROD, C128, prod_c128, 0) \
	X(MAX, I64, max_i64, 8) X(MAX, U64, max_u64, 8) X(MAX, F64, max_f64, 8) X(MAX, C128, max_c128, 32) \
	X(MIN, I64, min_i64, 8) X(MIN, U64, min_u64, 8) X(MIN, F64, min_f64, 8) X(MIN, C128, min_c128, 32) \
	X(LOGSUMEXP, F64, logsumexp_f64, 16) \
	X(ARGMAX, I64, argmax_i64, 16) X(ARGMAX, U64, argmax_u64, 16) X(ARGMAX, F64, argmax_f64, 16) X(ARGMAX, C128, argmax_c128, 32) \
	X(ARGMIN, I64, argmin_i64, 16) X(ARGMIN, U64, argmin_u64, 16) X(ARGMIN, F64, argmin_f64, 16) X(ARGMIN, C128, argmin_c128, 32)
/* clang-format on */

/*
 * == order statistics: quantile.cuh; launch: any ==
 *
 * quantile_f64(int64_t tasks, double *out, const double *x, const double *q, int64_t rows, struct quantile_layout l)
 *	tasks is rows times the number of q.  out[k * rows + row] = the q[k] quantile of the l.n elements of that row of x, which is sorted,
 *	NaN last; NaN where there is a NaN (skip_nan: of the other elements) or no element.
 *
 * quantile_pick(int64_t tasks, uint64_t *out, const uint64_t *x, const double *q, int64_t rows, struct quantile_layout l)
 *	The same of 64-bit integers, signed or not, for a method that picks an element.
 */
struct quantile_layout {
	int64_t n;
	int64_t median, skip_nan;   /* 0 or 1: struct order_statistic of lib/quantile.h */
	int64_t method, type, rest; /* enum quantile_method; enum dtype: 12 float64, 11 float32, 9 float16 */
};

/*
 * == random permutations: permutation.cuh; launch: any ==
 *
 * permutation_draw(int64_t n, uint64_t *keys, int64_t *order, uint64_t seed)
 *	keys[i] = a random number of 0 .. i, order[i] = i: then sort_tile_64, sort_merge_64.
 *
 * permutation_link(int64_t n, int64_t *first, int64_t *place, const uint64_t *keys, const int64_t *order)
 *	first has been zeros; first[k] = 1 + where key k is first, place[order[s]] = s.
 *
 * permutation_walk(int64_t n, int64_t *out, const uint64_t *keys, const int64_t *order, const int64_t *first, const int64_t *place)
 *	out = the permutation that exchanging elements i and keys[i] for i = n-1 .. 1 makes of 0 .. n-1.
 */

#endif
