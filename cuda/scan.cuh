/*
 * Scans: see kernels.h.  Rows are cut into pieces, a thread for each and each column; what the pieces come to is scanned in the same way,
 * and every piece then goes on from what is before it.  Products of floats are computed in order: there blocks stage rows in shared memory
 * for the threads that have a column.
 */
#ifndef TENSOR_CUDA_SCAN_CUH
#define TENSOR_CUDA_SCAN_CUH

#include "common.cuh"

#include "lib/accumulate.h"

#define SCAN_FN static __device__ __forceinline__

/* == a state, and how it goes on: element number index, or a state of elements that follow == */

struct scan_sum_u64 {
	typedef uint64_t element, state, result;
	SCAN_FN void init(state *s)
	{
		*s = 0;
	}
	SCAN_FN void add(state *s, element x, int64_t)
	{
		*s += x;
	}
	SCAN_FN void merge(state *s, const state *o)
	{
		*s += *o;
	}
	SCAN_FN bool again(const state &)
	{
		return false;
	}
	SCAN_FN result value(const state &s)
	{
		return s;
	}
};

struct scan_prod_u64 {
	typedef uint64_t element, state, result;
	SCAN_FN void init(state *s)
	{
		*s = 1;
	}
	SCAN_FN void add(state *s, element x, int64_t)
	{
		*s *= x;
	}
	SCAN_FN void merge(state *s, const state *o)
	{
		*s *= *o;
	}
	SCAN_FN bool again(const state &)
	{
		return false;
	}
	SCAN_FN result value(const state &s)
	{
		return s;
	}
};

/*
 * Sums of twice the precision.  What is infinite or NaN is kept apart, so that a sum that is infinite has overflown: its terms are
 * then added again, after what is before them, where they need not overflow.
 */
struct scan_state_sum_f64 {
	struct acc sum;
	double special; /* 0: none */
};

struct scan_sum_f64 {
	typedef double element, result;
	typedef scan_state_sum_f64 state;
	/* -0 changes nothing that follows, -0 included. */
	SCAN_FN void init(state *s)
	{
		s->sum.sum = -0.0;
		s->sum.lost = s->special = 0;
	}
	SCAN_FN void add(state *s, element x, int64_t)
	{
		if (x - x == 0)
			acc_add(&s->sum, x);
		else
			s->special += x;
	}
	SCAN_FN void merge(state *s, const state *o)
	{
		acc_merge(&s->sum, &o->sum);
		s->special += o->special;
	}
	SCAN_FN bool again(const state &o)
	{
		return !(o.sum.sum - o.sum.sum == 0);
	}
	SCAN_FN result value(const state &s)
	{
		double sum = s.sum.lost == 0 ? s.sum.sum : acc_value(&s.sum);

		return s.special != 0 ? s.special + sum : sum;
	}
};

/* Of equal ones the later; the first NaN stays.  Source: numpy.maximum.accumulate. */
#define SCAN_EXTREME(name, T, CMP, first) \
	struct scan_##name { \
		typedef T element, state, result; \
		SCAN_FN void init(state *s) \
		{ \
			*s = first; \
		} \
		SCAN_FN void add(state *s, element x, int64_t) \
		{ \
			*s = *s CMP x || *s != *s ? *s : x; \
		} \
		SCAN_FN void merge(state *s, const state *o) \
		{ \
			add(s, *o, 0); \
		} \
		SCAN_FN bool again(const state &) \
		{ \
			return false; \
		} \
		SCAN_FN result value(const state &s) \
		{ \
			return s; \
		} \
	};
SCAN_EXTREME(max_i64, int64_t, >, INT64_MIN)
SCAN_EXTREME(max_u64, uint64_t, >, 0)
SCAN_EXTREME(max_f64, double, >, -INFINITY)
SCAN_EXTREME(min_i64, int64_t, <, INT64_MAX)
SCAN_EXTREME(min_u64, uint64_t, <, UINT64_MAX)
SCAN_EXTREME(min_f64, double, <, INFINITY)

/* Of equal ones the last, of NaNs, too.  Source: torch.cummax. */
template <class T> struct scan_state_arg {
	T value;
	int64_t index;
};

#define SCAN_ARG(name, T, CMP, first) \
	struct scan_##name { \
		typedef T element; \
		typedef scan_state_arg<T> state; \
		typedef int64_t result; \
		SCAN_FN void init(state *s) \
		{ \
			s->value = first, s->index = 0; \
		} \
		SCAN_FN void add(state *s, element x, int64_t index) \
		{ \
			if (x != x || x CMP s->value) \
				s->value = x, s->index = index; \
		} \
		SCAN_FN void merge(state *s, const state *o) \
		{ \
			add(s, o->value, o->index); \
		} \
		SCAN_FN bool again(const state &) \
		{ \
			return false; \
		} \
		SCAN_FN result value(const state &s) \
		{ \
			return s.index; \
		} \
	};
SCAN_ARG(argmax_i64, int64_t, >=, INT64_MIN)
SCAN_ARG(argmax_u64, uint64_t, >=, 0)
SCAN_ARG(argmax_f64, double, >=, -INFINITY)
SCAN_ARG(argmin_i64, int64_t, <=, INT64_MAX)
SCAN_ARG(argmin_u64, uint64_t, <=, UINT64_MAX)
SCAN_ARG(argmin_f64, double, <=, INFINITY)

/* The sum of exp(x - max), where max is the largest so far. */
struct scan_logsumexp_f64 {
	typedef double element, result;
	struct state {
		double max, sum;
	};
	SCAN_FN void init(state *s)
	{
		s->max = -INFINITY;
		s->sum = 0;
	}
	SCAN_FN void add(state *s, element x, int64_t)
	{
		const state o = { x, 1 };

		merge(s, &o);
	}
	SCAN_FN void merge(state *s, const state *o)
	{
		if (o->max != o->max) {
			*s = *o;
		} else if (o->max == s->max) {
			s->sum += o->sum; /* infinities, too */
		} else if (o->max > s->max) {
			s->sum = s->sum * exp(s->max - o->max) + o->sum;
			s->max = o->max;
		} else {
			s->sum += o->sum * exp(o->max - s->max);
		}
	}
	SCAN_FN bool again(const state &)
	{
		return false;
	}
	SCAN_FN result value(const state &s)
	{
		return s.sum == 1 ? s.max : s.max + log(s.sum);
	}
};

/* NumPy's order: by real part, then by imaginary part; anything with a NaN is before and after all. */
SCAN_FN bool scan_complex_greater(c128 a, c128 b)
{
	return a.re > b.re ? b.im == b.im : a.re == b.re && a.im > b.im;
}

template <bool largest, bool index_wanted, class R> struct scan_complex {
	typedef c128 element;
	typedef R result;
	struct state {
		c128 value;
		int64_t index;
	};
	SCAN_FN bool keeps(c128 a, c128 b)
	{
		if (a.re != a.re || a.im != a.im)
			return true;
		if (b.re != b.re || b.im != b.im)
			return false;
		return (largest ? scan_complex_greater(a, b) : scan_complex_greater(b, a)) ||
		       (a.re == b.re && a.im == b.im && !index_wanted);
	}
	/* index -1: there is none */
	SCAN_FN void init(state *s)
	{
		s->value = c128(0, 0);
		s->index = -1;
	}
	SCAN_FN void add(state *s, element x, int64_t index)
	{
		if (s->index < 0 || !keeps(s->value, x)) {
			s->value = x;
			s->index = index;
		}
	}
	SCAN_FN void merge(state *s, const state *o)
	{
		add(s, o->value, o->index);
	}
	SCAN_FN bool again(const state &)
	{
		return false;
	}
	SCAN_FN void get(const state &s, c128 *out)
	{
		*out = s.value;
	}
	SCAN_FN void get(const state &s, int64_t *out)
	{
		*out = s.index;
	}
	SCAN_FN result value(const state &s)
	{
		result r;

		get(s, &r);
		return r;
	}
};
typedef scan_complex<true, false, c128> scan_max_c128;
typedef scan_complex<false, false, c128> scan_min_c128;
typedef scan_complex<true, true, int64_t> scan_argmax_c128;
typedef scan_complex<false, true, int64_t> scan_argmin_c128;

/* -- in order: a product that overflows or underflows on its way stays so, wherever that is -- */

struct scan_prod_f64 {
	typedef double element, state, result;
	SCAN_FN void init(state *s)
	{
		*s = 1;
	}
	SCAN_FN void add(state *s, element x, int64_t)
	{
		*s *= x;
	}
	SCAN_FN result value(const state &s)
	{
		return s;
	}
};

/* By the formula, without the corrections that C makes for infinities; NumPy has none. */
struct scan_prod_c128 {
	typedef c128 element, state, result;
	SCAN_FN void init(state *s)
	{
		*s = c128(1, 0);
	}
	SCAN_FN void add(state *s, element x, int64_t row)
	{
		*s = row == 0 ? x : c128(s->re * x.re - s->im * x.im, s->re * x.im + s->im * x.re);
	}
	SCAN_FN result value(const state &s)
	{
		return s;
	}
};

/* == kernels == */

/* Task t of (outer, pieces, inner): its column, its rows, and where its first row is. */
struct scan_task {
	int64_t outer, piece, column, first, rows;

	__device__ __forceinline__ scan_task(int64_t t, int64_t n, int64_t inner, int64_t each)
	{
		int64_t pieces = (n + each - 1) / each;

		outer = divided(divided(t, inner, &column), pieces, &piece);
		first = piece * each;
		rows = n - first < each ? n - first : each;
	}
};

template <class S>
SCAN_FN void scan_total(int64_t tasks, typename S::state *totals, const typename S::element *x, int64_t n,
			int64_t inner, int64_t each)
{
	EACH(t, tasks)
	{
		const scan_task k(t, n, inner, each);
		const typename S::element *p = x + (k.outer * n + k.first) * inner + k.column;
		typename S::state s;

		S::init(&s);
		for (int64_t i = 0; i < k.rows; i++)
			S::add(&s, p[i * inner], k.first + i);
		totals[t] = s;
	}
}

template <class S>
SCAN_FN void scan_fold(int64_t tasks, typename S::state *out, const typename S::state *totals, int64_t n, int64_t inner)
{
	EACH(t, tasks)
	{
		const scan_task k(t, n, inner, SCAN_ROWS);
		const typename S::state *p = totals + (k.outer * n + k.first) * inner + k.column;
		typename S::state s = p[0];

		for (int64_t i = 1; i < k.rows; i++)
			S::merge(&s, &p[i * inner]);
		out[t] = s;
	}
}

template <class S>
SCAN_FN void scan_bases(int64_t tasks, typename S::state *totals, const typename S::state *bases, int64_t n,
			int64_t inner, const typename S::element *x, int64_t len, int64_t each)
{
	EACH(t, tasks)
	{
		const scan_task k(t, n, inner, SCAN_ROWS);
		typename S::state *p = totals + (k.outer * n + k.first) * inner + k.column, s;

		S::init(&s);
		if (bases)
			s = bases[t];
		ROLLED for (int64_t i = 0; i < k.rows; i++)
		{
			const typename S::state total = p[i * inner];

			p[i * inner] = s;
			if (!S::again(total)) {
				S::merge(&s, &total);
				continue;
			}

			const int64_t first = (k.first + i) * each, end = len - first < each ? len : first + each;

			ROLLED for (int64_t row = first; row < end; row++)
				S::add(&s, x[(k.outer * len + row) * inner + k.column], row);
		}
	}
}

template <class S>
SCAN_FN void scan_apply(int64_t tasks, typename S::result *out, const typename S::element *x,
			const typename S::state *bases, int64_t n, int64_t inner, int64_t each)
{
	EACH(t, tasks)
	{
		const scan_task k(t, n, inner, each);
		const int64_t at = (k.outer * n + k.first) * inner + k.column;
		typename S::state s;

		S::init(&s);
		if (bases)
			s = bases[t];
		for (int64_t i = 0; i < k.rows; i++) {
			S::add(&s, x[at + i * inner], k.first + i);
			out[at + i * inner] = S::value(s);
		}
	}
}

/* A block per SCAN_COLUMNS neighbouring columns, as many rows at a time as shared memory takes. */
template <class S>
SCAN_FN void scan_in_order(int64_t outer, typename S::result *out, const typename S::element *x, int64_t n,
			   int64_t inner)
{
	typedef typename S::result value;
	value *stage = (value *)shared_memory<SCAN_STAGE * sizeof(value)>();
	const int64_t groups = (inner + SCAN_COLUMNS - 1) / SCAN_COLUMNS;
	const int thread = (int)threadIdx.x;

	ROLLED for (int64_t t = blockIdx.x; t < outer * groups; t += gridDim.x)
	{
		const int64_t column = t % groups * SCAN_COLUMNS, at = t / groups * n * inner + column;
		const int width = inner - column < SCAN_COLUMNS ? (int)(inner - column) : (int)SCAN_COLUMNS;
		const int rows = SCAN_STAGE / width;
		typename S::state s;

		S::init(&s);
		ROLLED for (int64_t row = 0; row < n; row += rows)
		{
			const int count = (n - row < rows ? (int)(n - row) : rows) * width;

			for (int i = thread; i < count; i += SCAN_THREADS)
				stage[i] = x[at + (row + i / width) * inner + i % width];
			__syncthreads();
			if (thread < width)
				UNROLL_4 for (int i = thread; i < count; i += width)
				{
					S::add(&s, stage[i], row + i / width);
					stage[i] = S::value(s);
				}
			__syncthreads();
			for (int i = thread; i < count; i += SCAN_THREADS)
				out[at + (row + i / width) * inner + i % width] = stage[i];
			__syncthreads();
		}
	}
}

#define SCAN_IN_ORDER(name) \
	KERNEL_BLOCK(scan_in_order_##name, SCAN_THREADS, \
		     (int64_t outer, scan_##name::result * out, const scan_##name::element *x, int64_t n, \
		      int64_t inner)) \
	{ \
		scan_in_order<scan_##name>(outer, out, x, n, inner); \
	}
#define SCAN_APPLY(name) \
	KERNEL(scan_apply_##name, (int64_t tasks, scan_##name::result * out, const scan_##name::element *x, \
				   const scan_##name::state *bases, int64_t n, int64_t inner, int64_t each)) \
	{ \
		scan_apply<scan_##name>(tasks, out, x, bases, n, inner, each); \
	}
#define SCAN_PIECES(name) \
	KERNEL(scan_total_##name, (int64_t tasks, scan_##name::state * totals, const scan_##name::element *x, \
				   int64_t n, int64_t inner, int64_t each)) \
	{ \
		scan_total<scan_##name>(tasks, totals, x, n, inner, each); \
	} \
	KERNEL(scan_fold_##name, \
	       (int64_t tasks, scan_##name::state * out, const scan_##name::state *totals, int64_t n, int64_t inner)) \
	{ \
		scan_fold<scan_##name>(tasks, out, totals, n, inner); \
	} \
	KERNEL(scan_bases_##name, \
	       (int64_t tasks, scan_##name::state * totals, const scan_##name::state *bases, int64_t n, int64_t inner, \
		const scan_##name::element *x, int64_t len, int64_t each)) \
	{ \
		scan_bases<scan_##name>(tasks, totals, bases, n, inner, x, len, each); \
	}
#define SCAN_BYTES(op, acc, name, bytes) static_assert(!bytes || sizeof(scan_##name::state) == bytes, #name);
SCANS(SCAN_BYTES)
SCANS_OF_PIECES(SCAN_PIECES)
SCANS_OF_PIECES(SCAN_APPLY)
SCANS_IN_ORDER(SCAN_IN_ORDER)

#endif
