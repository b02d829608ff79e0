/*
 * Reductions: reduce_run_* and reduce_rows_* fold elements into states, reduce_merge_* states into fewer, reduce_finish_* makes
 * results of them.  See kernels.h for what each computes, whole.c for how they follow one another.
 *
 * What is folded together, and in which order, follows from the layout alone: so results depend on neither grids nor tiles.
 * The arithmetic is that of the loops of the processor (lib/accumulate.h).
 */
#include "common.cuh"

#include "lib/accumulate.h"

/* == a state and how it takes in elements and other states == */

/*
 * What every fold below has or replaces: run takes in x[0], x[step], ... x[(n - 1) * step], of which the first is
 * number index among the reduced elements and the others follow at the same step.
 */
template <class Fold, class Element> struct fold_of {
	typedef Element element;

	template <class State>
	static __device__ __forceinline__ void run(State *s, const Element *x, int n, int step, int64_t index,
						   double ord)
	{
		UNROLL_4 for (int i = 0; i < n; i++) Fold::add(s, x[i * step], index + i * step, ord);
	}
};

#define FOLD_FN static __device__ __forceinline__

/* Sums and products of one part: identity, operation. */
struct fold_sum_u64 : fold_of<fold_sum_u64, uint64_t> {
	typedef uint64_t state;
	FOLD_FN void init(state *s)
	{
		*s = 0;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t, double)
	{
		*s += x;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s += *o;
	}
};

struct fold_prod_u64 : fold_of<fold_prod_u64, uint64_t> {
	typedef uint64_t state;
	FOLD_FN void init(state *s)
	{
		*s = 1;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t, double)
	{
		*s *= x;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s *= *o;
	}
};

template <bool skip> struct fold_prod_f64_ : fold_of<fold_prod_f64_<skip>, double> {
	typedef double state;
	FOLD_FN void init(state *s)
	{
		*s = 1;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		*s *= skip && x != x ? 1 : x;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s *= *o;
	}
};
typedef fold_prod_f64_<false> fold_prod_f64;
typedef fold_prod_f64_<true> fold_nanprod_f64;

template <bool skip> struct fold_prod_c128_ : fold_of<fold_prod_c128_<skip>, c128> {
	typedef c128 state;
	FOLD_FN void init(state *s)
	{
		s->re = 1, s->im = 0;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		double re = s->re * o->re - s->im * o->im, im = s->re * o->im + s->im * o->re;

		s->re = re;
		s->im = im;
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double)
	{
		if (!skip || !is_nan_c128(x.re, x.im))
			merge(s, &x);
	}
};
typedef fold_prod_c128_<false> fold_prod_c128;
typedef fold_prod_c128_<true> fold_nanprod_c128;

template <bool skip> struct fold_sum_f64_ : fold_of<fold_sum_f64_<skip>, double> {
	typedef struct acc state;
	FOLD_FN void init(state *s)
	{
		s->sum = s->lost = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		acc_add(s, skip && x != x ? 0 : x);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		acc_merge(s, o);
	}
};
typedef fold_sum_f64_<false> fold_sum_f64;
typedef fold_sum_f64_<true> fold_nansum_f64;

struct sum_c128 {
	struct acc re, im;
};

template <bool skip> struct fold_sum_c128_ : fold_of<fold_sum_c128_<skip>, c128> {
	typedef struct sum_c128 state;
	FOLD_FN void init(state *s)
	{
		s->re.sum = s->re.lost = s->im.sum = s->im.lost = 0;
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double)
	{
		bool take = !skip || !is_nan_c128(x.re, x.im);

		acc_add(&s->re, take ? x.re : 0);
		acc_add(&s->im, take ? x.im : 0);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		acc_merge(&s->re, &o->re);
		acc_merge(&s->im, &o->im);
	}
};
typedef fold_sum_c128_<false> fold_sum_c128;
typedef fold_sum_c128_<true> fold_nansum_c128;

struct fold_nanmean_f64 : fold_of<fold_nanmean_f64, double> {
	typedef struct nanmean_f64 state;
	FOLD_FN void init(state *s)
	{
		s->sum.sum = s->sum.lost = s->count = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		acc_add(&s->sum, x == x ? x : 0);
		s->count += x == x ? 1 : 0;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		acc_merge(&s->sum, &o->sum);
		s->count += o->count;
	}
};

struct fold_nanmean_c128 : fold_of<fold_nanmean_c128, c128> {
	typedef struct nanmean_c128 state;
	FOLD_FN void init(state *s)
	{
		s->sum[0].sum = s->sum[0].lost = s->sum[1].sum = s->sum[1].lost = s->count = 0;
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double)
	{
		if (is_nan_c128(x.re, x.im))
			return;
		acc_add(&s->sum[0], x.re);
		acc_add(&s->sum[1], x.im);
		s->count += 1;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		acc_merge(&s->sum[0], &o->sum[0]);
		acc_merge(&s->sum[1], &o->sum[1]);
		s->count += o->count;
	}
};

/* Variance: elements side by side in two passes, others by Welford's step. */
template <bool skip> struct fold_var_f64_ {
	typedef double element;
	typedef struct moments_f64 state;
	FOLD_FN void init(state *s)
	{
		s->n = s->mean = s->rest = s->m2 = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		welford_f64(s, x, !skip || x == x);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		merge_f64(s, o);
	}
	FOLD_FN void run(state *s, const double *x, int n, int step, int64_t, double)
	{
		struct acc sum = { 0, 0 }, first = { 0, 0 }, second = { 0, 0 };
		state b = { 0, 0, 0, 0 };
		double s1;

		for (int i = 0; i < n; i++) {
			double v = x[i * step];

			if (skip && v != v)
				continue;
			acc_add(&sum, v);
			b.n += 1;
		}
		if (b.n == 0)
			return;
		b.mean = acc_value(&sum) / b.n;
		for (int i = 0; i < n; i++) {
			double v = x[i * step], d = v - b.mean;

			if (skip && v != v)
				continue;
			acc_add(&first, d);
			acc_add(&second, d * d);
		}
		s1 = acc_value(&first);
		b.rest = s1 / b.n;
		b.m2 = corrected(acc_value(&second), s1 * b.rest);
		merge_f64(s, &b);
	}
};
typedef fold_var_f64_<false> fold_var_f64;
typedef fold_var_f64_<true> fold_nanvar_f64;

template <bool skip> struct fold_var_c128_ {
	typedef c128 element;
	typedef struct moments_c128 state;
	FOLD_FN void init(state *s)
	{
		s->n = s->mean[0] = s->mean[1] = s->rest[0] = s->rest[1] = s->m2 = 0;
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double)
	{
		double z[2] = { x.re, x.im };

		welford_c128(s, z, !skip || !is_nan_c128(x.re, x.im));
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		merge_c128(s, o);
	}
	FOLD_FN void run(state *s, const c128 *x, int n, int step, int64_t, double)
	{
		struct acc re = { 0, 0 }, im = { 0, 0 }, second = { 0, 0 };
		double s1[2];
		state b;

		init(&b);
		ROLLED for (int i = 0; i < n; i++)
		{
			c128 z = x[i * step];

			if (skip && is_nan_c128(z.re, z.im))
				continue;
			acc_add(&re, z.re);
			acc_add(&im, z.im);
			b.n += 1;
		}
		if (b.n == 0)
			return;
		b.mean[0] = acc_value(&re) / b.n;
		b.mean[1] = acc_value(&im) / b.n;
		re.sum = re.lost = im.sum = im.lost = 0;
		ROLLED for (int i = 0; i < n; i++)
		{
			c128 z = x[i * step];
			double dr = z.re - b.mean[0], di = z.im - b.mean[1];

			if (skip && is_nan_c128(z.re, z.im))
				continue;
			acc_add(&re, dr);
			acc_add(&im, di);
			acc_add(&second, dr * dr + di * di);
		}
		s1[0] = acc_value(&re);
		s1[1] = acc_value(&im);
		b.rest[0] = s1[0] / b.n;
		b.rest[1] = s1[1] / b.n;
		b.m2 = corrected(acc_value(&second), s1[0] * b.rest[0] + s1[1] * b.rest[1]);
		merge_c128(s, &b);
	}
};
typedef fold_var_c128_<false> fold_var_c128;
typedef fold_var_c128_<true> fold_nanvar_c128;

/* Extremes: the largest key; flip makes one of an integer, sign of a float. */
#define KEY_LARGEST_I64 UINT64_C(0)
#define KEY_SMALLEST_I64 (~UINT64_C(0))
#define KEY_LARGEST_U64 (UINT64_C(1) << 63)
#define KEY_SMALLEST_U64 (~(UINT64_C(1) << 63))

template <uint64_t flip> struct fold_max_int : fold_of<fold_max_int<flip>, uint64_t> {
	typedef int64_t state;
	FOLD_FN void init(state *s)
	{
		*s = INT64_MIN;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t, double)
	{
		*s = max_i64(*s, (int64_t)(x ^ flip));
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s = max_i64(*s, *o);
	}
};
typedef fold_max_int<KEY_LARGEST_I64> fold_max_i64;
typedef fold_max_int<KEY_SMALLEST_I64> fold_min_i64;
typedef fold_max_int<KEY_LARGEST_U64> fold_max_u64;
typedef fold_max_int<KEY_SMALLEST_U64> fold_min_u64;

struct ptp_i64 {
	int64_t largest, smallest; /* keys: x ^ flip, ~x ^ flip */
};

template <uint64_t flip> struct fold_ptp_int : fold_of<fold_ptp_int<flip>, uint64_t> {
	typedef struct ptp_i64 state;
	FOLD_FN void init(state *s)
	{
		s->largest = s->smallest = INT64_MIN;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t, double)
	{
		s->largest = max_i64(s->largest, (int64_t)(x ^ flip));
		s->smallest = max_i64(s->smallest, (int64_t)(x ^ ~flip));
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		s->largest = max_i64(s->largest, o->largest);
		s->smallest = max_i64(s->smallest, o->smallest);
	}
};
typedef fold_ptp_int<KEY_LARGEST_I64> fold_ptp_i64;
typedef fold_ptp_int<KEY_LARGEST_U64> fold_ptp_u64;

/* Threads meet elements out of order, so of equal ones the lower index is looked for. */
template <uint64_t flip> struct fold_arg_int : fold_of<fold_arg_int<flip>, uint64_t> {
	typedef struct arg_i64 state;
	FOLD_FN void init(state *s)
	{
		s->key = INT64_MIN, s->index = 0;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t index, double)
	{
		int64_t key = (int64_t)(x ^ flip);

		if (key > s->key)
			s->key = key, s->index = index;
	}
	/* The smallest key of all is never "better": index 0 stands for it, and is the first. */
	FOLD_FN void merge(state *s, const state *o)
	{
		if (o->key > s->key || (o->key == s->key && o->index < s->index))
			*s = *o;
	}
};
typedef fold_arg_int<KEY_LARGEST_I64> fold_argmax_i64;
typedef fold_arg_int<KEY_SMALLEST_I64> fold_argmin_i64;
typedef fold_arg_int<KEY_LARGEST_U64> fold_argmax_u64;
typedef fold_arg_int<KEY_SMALLEST_U64> fold_argmin_u64;

template <int sign> struct fold_max_float : fold_of<fold_max_float<sign>, double> {
	typedef double state;
	FOLD_FN void init(state *s)
	{
		*s = -INFINITY;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		*s = max_nan(*s, sign * x);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s = max_nan(*s, *o);
	}
};
typedef fold_max_float<1> fold_max_f64;
typedef fold_max_float<-1> fold_min_f64;

template <int sign> struct fold_nanmax_float : fold_of<fold_nanmax_float<sign>, double> {
	typedef double state;
	FOLD_FN void init(state *s)
	{
		*s = NAN;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		*s = max_num(*s, sign * x);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s = max_num(*s, *o);
	}
};
typedef fold_nanmax_float<1> fold_nanmax_f64;
typedef fold_nanmax_float<-1> fold_nanmin_f64;

struct ptp_f64 {
	double largest, smallest; /* keys: x, -x */
};

struct fold_ptp_f64 : fold_of<fold_ptp_f64, double> {
	typedef struct ptp_f64 state;
	FOLD_FN void init(state *s)
	{
		s->largest = s->smallest = -INFINITY;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		s->largest = max_nan(s->largest, x);
		s->smallest = max_nan(s->smallest, -x);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		s->largest = max_nan(s->largest, o->largest);
		s->smallest = max_nan(s->smallest, o->smallest);
	}
};

template <int sign> struct fold_arg_float : fold_of<fold_arg_float<sign>, double> {
	typedef struct arg_f64 state;
	FOLD_FN void init(state *s)
	{
		s->key = -INFINITY, s->index = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t index, double)
	{
		if (arg_f64_better(sign * x, s->key))
			s->key = sign * x, s->index = (double)index;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		bool same = o->key == s->key || (o->key != o->key && s->key != s->key);

		if (arg_f64_better(o->key, s->key) || (same && o->index < s->index))
			*s = *o;
	}
};
typedef fold_arg_float<1> fold_argmax_f64;
typedef fold_arg_float<-1> fold_argmin_f64;

template <int sign, bool numbers> struct fold_arg_complex : fold_of<fold_arg_complex<sign, numbers>, c128> {
	typedef struct arg_c128 state;
	FOLD_FN int better(double re, double im, const state *s)
	{
		return numbers ? better_num(re, im, s) : better_nan(re, im, s);
	}
	FOLD_FN void init(state *s)
	{
		s->re = s->im = numbers ? NAN : -INFINITY;
		s->index = 0;
	}
	FOLD_FN void add(state *s, c128 x, int64_t index, double)
	{
		if (better(sign * x.re, sign * x.im, s))
			s->re = sign * x.re, s->im = sign * x.im, s->index = index;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		bool equal = o->re == s->re && o->im == s->im;
		bool nan = is_nan_c128(o->re, o->im) && is_nan_c128(s->re, s->im);

		if (better(o->re, o->im, s) || ((equal || nan) && o->index < s->index))
			*s = *o;
	}
};
typedef fold_arg_complex<1, false> fold_max_c128;
typedef fold_arg_complex<-1, false> fold_min_c128;
typedef fold_arg_complex<1, true> fold_nanmax_c128;
typedef fold_arg_complex<-1, true> fold_nanmin_c128;

/* How many are not zero: NaN is not, -0 is. */
struct fold_count_i64 : fold_of<fold_count_i64, uint64_t> {
	typedef uint64_t state;
	FOLD_FN void init(state *s)
	{
		*s = 0;
	}
	FOLD_FN void add(state *s, uint64_t x, int64_t, double)
	{
		*s += x != 0;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s += *o;
	}
};

struct fold_count_f64 : fold_of<fold_count_f64, double> {
	typedef uint64_t state;
	FOLD_FN void init(state *s)
	{
		*s = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		*s += x != 0;
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s += *o;
	}
};

struct fold_count_c128 : fold_of<fold_count_c128, c128> {
	typedef uint64_t state;
	FOLD_FN void init(state *s)
	{
		*s = 0;
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double)
	{
		*s += (x.re != 0) | (x.im != 0);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		*s += *o;
	}
};

/* norm: y is |x|, or its square for order 2 */
FOLD_FN void norm_add(struct norm *s, double y, double ord)
{
	if (ord == INFINITY)
		s->max = max_nan(s->max, y);
	else if (ord == -INFINITY)
		s->min = min_nan(s->min, y);
	else
		acc_add(&s->sum, ord == 2 || ord == 1 ? y : ord == 0 ? (double)(y != 0) : pow(y, ord));
}

struct fold_norm_f64 : fold_of<fold_norm_f64, double> {
	typedef struct norm state;
	FOLD_FN void init(state *s)
	{
		s->sum.sum = s->sum.lost = s->max = 0, s->min = INFINITY;
	}
	FOLD_FN void add(state *s, double x, int64_t, double ord)
	{
		norm_add(s, ord == 2 ? x * x : fabs(x), ord);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		norm_merge_one(s, o);
	}
};

struct fold_norm_c128 : fold_of<fold_norm_c128, c128> {
	typedef struct norm state;
	FOLD_FN void init(state *s)
	{
		fold_norm_f64::init(s);
	}
	FOLD_FN void add(state *s, c128 x, int64_t, double ord)
	{
		norm_add(s, ord == 2 ? x.re * x.re + x.im * x.im : hypot(x.re, x.im), ord);
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		norm_merge_one(s, o);
	}
};

struct fold_logsumexp_f64 {
	typedef double element;
	typedef struct logsumexp state;
	FOLD_FN void init(state *s)
	{
		s->max = -INFINITY, s->sum.sum = s->sum.lost = 0;
	}
	FOLD_FN void add(state *s, double x, int64_t, double)
	{
		logsumexp_add(s, x, 1, 0, exp_negative(logsumexp_below(x, s->max)));
	}
	FOLD_FN void merge(state *s, const state *o)
	{
		logsumexp_add(s, o->max, o->sum.sum, o->sum.lost, exp_negative(logsumexp_below(o->max, s->max)));
	}
	/* The largest first, so that each element costs one exponential and none is wasted. */
	FOLD_FN void run(state *s, const double *x, int n, int step, int64_t, double)
	{
		struct acc sum = { 0, 0 };
		double max = -INFINITY;

		/* NaN may be passed over here: it will be in the sum. */
		for (int i = 0; i < n; i++)
			max = x[i * step] > max ? x[i * step] : max;
		for (int i = 0; i < n; i++) {
			double v = x[i * step];

			/* The others count for nothing beside inf, and beside -inf there are no others. */
			if (max - max != 0)
				sum.sum += v != v ? v : v == max ? 1 : 0;
			else
				acc_add(&sum, exp_negative(v - max));
		}
		logsumexp_add(s, max, sum.sum, sum.lost, exp_negative(logsumexp_below(max, s->max)));
	}
};

/* == kernels == */

/* Where among the elements of one outer index the reduced index, or the result, number i is; odd: of the kept groups. */
FOLD_FN int64_t reduce_offset(const struct reduce_layout &l, int64_t i, int odd)
{
	int64_t step = 1, at = 0;

	ROLLED for (int g = (int)l.ngroups - 1; g >= 0; g--)
	{
		if (g % 2 == odd) {
			at += i % l.len[g] * step;
			i /= l.len[g];
		}
		step *= l.len[g];
	}
	return at;
}

/* A block per chunk: chunk number chunk of the whole array is elements chunk / chunks * run + chunk % chunks * unit ... */
template <class Fold>
__device__ __forceinline__ void reduce_run(typename Fold::state *states, const typename Fold::element *x,
					   const struct reduce_layout &l, int64_t first, int64_t n, double ord)
{
	typename Fold::state *shared = (typename Fold::state *)shared_memory<REDUCE_THREADS * sizeof(*states)>();
	const int64_t run = l.len[l.ngroups - 1], chunks = (run + l.unit - 1) / l.unit;
	const int64_t chunk0 = first / run * chunks + first % run / l.unit;
	const int64_t last = first + n - 1, end = last / run * chunks + last % run / l.unit + 1;

	ROLLED for (int64_t chunk = chunk0 + blockIdx.x; chunk < end; chunk += gridDim.x)
	{
		const int64_t c = chunk % chunks, from = c * l.unit;
		const int64_t m = run - from < l.unit ? run - from : l.unit;
		int64_t rest = chunk / chunks, at = rest * run + from - first, out = 0, red = 0, out_step = 1,
			red_step = 1;
		typename Fold::state s;

		Fold::init(&s);
		ROLLED for (int g = (int)l.ngroups - 2; g >= 0; g--)
		{
			int64_t i = rest % l.len[g];

			rest /= l.len[g];
			if (g % 2) {
				out += i * out_step;
				out_step *= l.len[g];
			} else {
				red += i * red_step;
				red_step *= l.len[g];
			}
		}
		if (threadIdx.x < m)
			Fold::run(&s, x + at + threadIdx.x,
				  ((int)m - (int)threadIdx.x + REDUCE_THREADS - 1) / REDUCE_THREADS, REDUCE_THREADS,
				  red * run + from + threadIdx.x, ord);
		shared[threadIdx.x] = s;
		ROLLED for (unsigned half = REDUCE_THREADS / 2; half; half /= 2)
		{
			__syncthreads();
			if (half < m && threadIdx.x < half && threadIdx.x + half < m)
				Fold::merge(&shared[threadIdx.x], &shared[threadIdx.x + half]);
		}
		if (threadIdx.x == 0)
			states[((rest - l.outer0) * l.out + out) * l.units + red * chunks + c] = shared[0];
		__syncthreads();
	}
}

/* A thread per unit of a result: those of outer indices, units and results of struct reduce_range. */
template <class Fold>
__device__ __forceinline__ void reduce_rows(typename Fold::state *states, const typename Fold::element *x,
					    const struct reduce_layout &l, const struct reduce_range &r, int64_t first,
					    int64_t n, double ord)
{
	const int inner =
		(int)(l.ngroups - 1) / 2 * 2; /* the innermost reduced group, and how far apart its elements are */
	const int64_t len = l.len[inner], step = inner == l.ngroups - 1 ? 1 : l.len[inner + 1];
	const int64_t threads = r.outers * r.units * r.outs;

	EACH(t, threads)
	{
		const int64_t o = r.out0 + t % r.outs, u = r.unit0 + t / r.outs % r.units,
			      q = r.outer0 + t / r.outs / r.units;
		const int64_t base = q * l.in + reduce_offset(l, o, 1),
			      end = l.red - u * l.unit < l.unit ? l.red : (u + 1) * l.unit;
		int64_t i = u * l.unit, high = end;
		typename Fold::state s, *state = &states[((q - l.outer0) * l.out + o) * l.units + u];

		/* The first of them that lies in the tile: places ascend with i. */
		while (i < high) {
			int64_t mid = i == u * l.unit && high == end ? i : i + (high - i) / 2;

			if (base + reduce_offset(l, mid, 0) < first)
				i = mid + 1;
			else
				high = mid;
		}
		if (i >= end || base + reduce_offset(l, i, 0) >= first + n)
			continue;
		s = *state;
		ROLLED while (i < end)
		{
			int64_t k = i % len, m = len - k < end - i ? len - k : end - i,
				at = base + reduce_offset(l, i, 0) - first;
			int64_t in_tile = (n - at + step - 1) / step;

			if (at >= n)
				break;
			m = m < in_tile ? m : in_tile;
			for (int64_t j = 0; j < m; j++)
				Fold::add(&s, x[at + j * step], i + j, ord);
			i += m;
			if (m == in_tile)
				break;
		}
		*state = s;
	}
}

template <class Fold> __device__ __forceinline__ void reduce_init(typename Fold::state *states, int64_t n)
{
	EACH(i, n)
	Fold::init(&states[i]);
}

/* units states of each of n results into units / REDUCE_MERGE, rounded up. */
template <class Fold>
__device__ __forceinline__ void reduce_merge(typename Fold::state *out, const typename Fold::state *in, int64_t n,
					     int64_t units)
{
	const int64_t fewer = (units + REDUCE_MERGE - 1) / REDUCE_MERGE;

	EACH(t, n * fewer)
	{
		int64_t u = t % fewer * REDUCE_MERGE;
		int64_t m = units - u < REDUCE_MERGE ? units - u : (int64_t)REDUCE_MERGE;
		const typename Fold::state *p = in + t / fewer * units + u;
		typename Fold::state s = p[0];

		for (int64_t k = 1; k < m; k++)
			Fold::merge(&s, &p[k]);
		out[t] = s;
	}
}

#define REDUCE_FOLD(fold, kind) \
	KERNEL_BLOCK(reduce_run_##fold, REDUCE_THREADS, \
		     (int64_t n, int64_t first, state_##kind * states, const fold_##fold::element *x, \
		      struct reduce_layout l, double ord)) \
	{ \
		reduce_run<fold_##fold>(states, x, l, first, n, ord); \
	} \
	KERNEL(reduce_rows_##fold, (int64_t n, int64_t first, state_##kind * states, const fold_##fold::element *x, \
				    struct reduce_layout l, struct reduce_range r, double ord)) \
	{ \
		reduce_rows<fold_##fold>(states, x, l, r, first, n, ord); \
	}

/* The first fold of each kind of state gives its name to what all of the kind share. */
#define REDUCE_STATE(kind) \
	typedef fold_##kind::state state_##kind; \
	KERNEL(reduce_init_##kind, (int64_t n, state_##kind * states)) \
	{ \
		reduce_init<fold_##kind>(states, n); \
	} \
	KERNEL(reduce_merge_##kind, (int64_t n, state_##kind * out, const state_##kind *in, int64_t units)) \
	{ \
		reduce_merge<fold_##kind>(out, in, n, units); \
	}

REDUCE_STATES(REDUCE_STATE)
REDUCE_FOLDS(REDUCE_FOLD)

/* == results == */

struct reduce_arguments {
	int64_t count;
	double correction, ord;
};

#define FINISH_FN static __device__ __forceinline__ void

FINISH_FN result_same_u64(uint64_t *out, const uint64_t *s, const reduce_arguments &)
{
	*out = *s;
}
FINISH_FN result_same_f64(double *out, const double *s, const reduce_arguments &)
{
	*out = *s;
}
FINISH_FN result_same_c128(c128 *out, const c128 *s, const reduce_arguments &)
{
	*out = *s;
}
FINISH_FN result_sum_f64(double *out, const struct acc *s, const reduce_arguments &)
{
	*out = acc_value(s);
}
FINISH_FN result_sum_c128(c128 *out, const struct sum_c128 *s, const reduce_arguments &)
{
	out->re = acc_value(&s->re);
	out->im = acc_value(&s->im);
}
FINISH_FN result_mean_f64(double *out, const struct acc *s, const reduce_arguments &a)
{
	*out = acc_value(s) / (double)a.count;
}
FINISH_FN result_mean_c128(c128 *out, const struct sum_c128 *s, const reduce_arguments &a)
{
	out->re = acc_value(&s->re) / (double)a.count;
	out->im = acc_value(&s->im) / (double)a.count;
}
FINISH_FN result_nanmean_f64(double *out, const struct nanmean_f64 *s, const reduce_arguments &)
{
	*out = acc_value(&s->sum) / s->count;
}
FINISH_FN result_nanmean_c128(c128 *out, const struct nanmean_c128 *s, const reduce_arguments &)
{
	out->re = acc_value(&s->sum[0]) / s->count;
	out->im = acc_value(&s->sum[1]) / s->count;
}
template <class State> FINISH_FN result_var(double *out, const State *s, const reduce_arguments &a)
{
	*out = variance(s->m2, s->n, a.correction);
}
template <class State> FINISH_FN result_std(double *out, const State *s, const reduce_arguments &a)
{
	*out = sqrt(variance(s->m2, s->n, a.correction));
}
template <class State> FINISH_FN result_nanvar(double *out, const State *s, const reduce_arguments &a)
{
	*out = nanvariance(s->m2, s->n, a.correction);
}
template <class State> FINISH_FN result_nanstd(double *out, const State *s, const reduce_arguments &a)
{
	*out = sqrt(nanvariance(s->m2, s->n, a.correction));
}
template <uint64_t flip> FINISH_FN result_max_int(uint64_t *out, const int64_t *s, const reduce_arguments &)
{
	*out = (uint64_t)*s ^ flip;
}
template <uint64_t flip> FINISH_FN result_ptp_int(uint64_t *out, const struct ptp_i64 *s, const reduce_arguments &)
{
	*out = ((uint64_t)s->largest ^ flip) - ((uint64_t)s->smallest ^ ~flip);
}
FINISH_FN result_min_f64(double *out, const double *s, const reduce_arguments &)
{
	*out = -*s;
}
FINISH_FN result_ptp_f64(double *out, const struct ptp_f64 *s, const reduce_arguments &)
{
	*out = s->largest + s->smallest;
}
FINISH_FN result_arg_i64(int64_t *out, const struct arg_i64 *s, const reduce_arguments &)
{
	*out = s->index;
}
FINISH_FN result_arg_f64(int64_t *out, const struct arg_f64 *s, const reduce_arguments &)
{
	*out = (int64_t)s->index;
}
FINISH_FN result_arg_c128(int64_t *out, const struct arg_c128 *s, const reduce_arguments &)
{
	*out = s->index;
}
template <int sign> FINISH_FN result_max_c128(c128 *out, const struct arg_c128 *s, const reduce_arguments &)
{
	out->re = sign * s->re;
	out->im = sign * s->im;
}
FINISH_FN result_any(uint8_t *out, const uint64_t *s, const reduce_arguments &)
{
	*out = *s > 0;
}
FINISH_FN result_all(uint8_t *out, const uint64_t *s, const reduce_arguments &a)
{
	*out = *s == (uint64_t)a.count;
}
FINISH_FN result_norm(double *out, const struct norm *s, const reduce_arguments &a)
{
	*out = norm_value(s, a.ord);
}
FINISH_FN result_logsumexp(double *out, const struct logsumexp *s, const reduce_arguments &)
{
	*out = s->max + log(acc_value(&s->sum));
}

#define REDUCE_RESULT(name, result, state, fn) \
	KERNEL(reduce_finish_##name, \
	       (int64_t n, result * out, const state_##state *states, int64_t count, double correction, double ord)) \
	{ \
		const reduce_arguments a = { count, correction, ord }; \
\
		EACH(i, n) \
		fn(&out[i], &states[i], a); \
	}

REDUCE_RESULT(same_u64, uint64_t, sum_u64, result_same_u64)
REDUCE_RESULT(same_f64, double, prod_f64, result_same_f64)
REDUCE_RESULT(same_c128, c128, prod_c128, result_same_c128)
REDUCE_RESULT(sum_f64, double, sum_f64, result_sum_f64)
REDUCE_RESULT(sum_c128, c128, sum_c128, result_sum_c128)
REDUCE_RESULT(mean_f64, double, sum_f64, result_mean_f64)
REDUCE_RESULT(mean_c128, c128, sum_c128, result_mean_c128)
REDUCE_RESULT(nanmean_f64, double, nanmean_f64, result_nanmean_f64)
REDUCE_RESULT(nanmean_c128, c128, nanmean_c128, result_nanmean_c128)
REDUCE_RESULT(var_f64, double, var_f64, result_var)
REDUCE_RESULT(std_f64, double, var_f64, result_std)
REDUCE_RESULT(nanvar_f64, double, var_f64, result_nanvar)
REDUCE_RESULT(nanstd_f64, double, var_f64, result_nanstd)
REDUCE_RESULT(var_c128, double, var_c128, result_var)
REDUCE_RESULT(std_c128, double, var_c128, result_std)
REDUCE_RESULT(nanvar_c128, double, var_c128, result_nanvar)
REDUCE_RESULT(nanstd_c128, double, var_c128, result_nanstd)
REDUCE_RESULT(max_i64, uint64_t, max_i64, result_max_int<KEY_LARGEST_I64>)
REDUCE_RESULT(min_i64, uint64_t, max_i64, result_max_int<KEY_SMALLEST_I64>)
REDUCE_RESULT(max_u64, uint64_t, max_i64, result_max_int<KEY_LARGEST_U64>)
REDUCE_RESULT(min_u64, uint64_t, max_i64, result_max_int<KEY_SMALLEST_U64>)
REDUCE_RESULT(min_f64, double, max_f64, result_min_f64)
REDUCE_RESULT(max_c128, c128, max_c128, result_max_c128<1>)
REDUCE_RESULT(min_c128, c128, max_c128, result_max_c128<-1>)
REDUCE_RESULT(ptp_i64, uint64_t, ptp_i64, result_ptp_int<KEY_LARGEST_I64>)
REDUCE_RESULT(ptp_u64, uint64_t, ptp_i64, result_ptp_int<KEY_LARGEST_U64>)
REDUCE_RESULT(ptp_f64, double, ptp_f64, result_ptp_f64)
REDUCE_RESULT(arg_i64, int64_t, argmax_i64, result_arg_i64)
REDUCE_RESULT(arg_f64, int64_t, argmax_f64, result_arg_f64)
REDUCE_RESULT(arg_c128, int64_t, max_c128, result_arg_c128)
REDUCE_RESULT(any, uint8_t, sum_u64, result_any)
REDUCE_RESULT(all, uint8_t, sum_u64, result_all)
REDUCE_RESULT(norm, double, norm_f64, result_norm)
REDUCE_RESULT(logsumexp, double, logsumexp_f64, result_logsumexp)
