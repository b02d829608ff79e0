/* Loops of sum, mean and prod and of their forms that skip NaN: see reduce.h. */
#include "reduce_loops.h"

#include <string.h>

/* == integers: signed and unsigned wrap alike == */

static inline uint64_t add_u64(uint64_t a, uint64_t b)
{
	return a + b;
}

static inline uint64_t mul_u64(uint64_t a, uint64_t b)
{
	return a * b;
}

static inline double mul_f64(double a, double b)
{
	return a * b;
}

/*
 * A reduction whose accumulator is one element and which has an exact identity: name_init, _run, _rows, _merge,
 * _finish.
 */
#define PLAIN(name, type, op, identity) \
	static void name##_init(void *states, int64_t n) \
	{ \
		type *s = states; \
\
		for (int64_t i = 0; i < n; i++) \
			s[i] = identity; \
	} \
\
	static void name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, \
			       const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		type *s = state; \
		const type *v = x; \
		type r = *s; \
		int64_t i = 0; \
\
		for (; i + BLOCK <= n; i += BLOCK, v += BLOCK) { \
			type t[LANES]; \
\
			for (int l = 0; l < LANES; l++) \
				t[l] = TREE16(op, TERM); \
			for (int l = 0; l < 8; l++) \
				t[l] = op(t[l], t[l + 8]); \
			for (int l = 0; l < 4; l++) \
				t[l] = op(t[l], t[l + 4]); \
			r = op(r, op(op(t[0], t[2]), op(t[1], t[3]))); \
		} \
		for (; i + 4 <= n; i += 4, v += 4) \
			r = op(r, op(op(v[0], v[1]), op(v[2], v[3]))); \
		for (; i < n; i++, v++) \
			r = op(r, v[0]); \
		*s = r; \
	} \
\
	static void name##_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED, \
				const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		type *restrict s = states; \
		const type *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) \
			s[i] = op(s[i], v[i]); \
	} \
\
	static void name##_merge(void *states, const void *others, int64_t n) \
	{ \
		name##_rows(states, others, n, 0, NULL); \
	} \
\
	static void name##_finish(void *out, const void *states, int64_t n, \
				  const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		memcpy(out, states, (size_t)n * sizeof(type)); \
	}

#define TERM(k) v[(k)*LANES + l]
PLAIN(sum_u64, uint64_t, add_u64, 0)
PLAIN(prod_u64, uint64_t, mul_u64, 1)
PLAIN(prod_f64, double, mul_f64, 1)
#undef TERM
#undef PLAIN

/* == sums of floats: a struct acc each; of complex numbers: one for the real and one for the imaginary part == */

static void sum_f64_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(struct acc));
}

static void sum_f64_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			const struct reduce_param *p TENSOR_UNUSED)
{
	acc_run(state, x, n);
}

static void sum_f64_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			 const struct reduce_param *p TENSOR_UNUSED)
{
	struct acc *restrict s = states;
	const double *restrict v = x;

	for (int64_t i = 0; i < n; i++)
		acc_add(&s[i], v[i]);
}

static void sum_f64_merge(void *restrict states, const void *restrict others, int64_t n)
{
	struct acc *restrict s = states;
	const struct acc *restrict o = others;

	for (int64_t i = 0; i < n; i++)
		acc_merge(&s[i], &o[i]);
}

static void sum_f64_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const struct acc *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = acc_value(&s[i]);
}

static void mean_f64_finish(void *out, const void *states, int64_t n, const struct reduce_param *p)
{
	const struct acc *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = acc_value(&s[i]) / (double)p->count;
}

static void sum_c128_init(void *states, int64_t n)
{
	sum_f64_init(states, 2 * n);
}

/* Elements are pairs, blocks hold whole pairs, and the lanes of one parity are the parts of one kind. */
static inline void acc_run_c128(struct acc state[2], const double *v, int64_t n)
{
	struct acc re = state[0], im = state[1];

	for (int64_t i = 0; i < 2 * n; i += BLOCK) {
		int64_t m = 2 * n - i < BLOCK ? 2 * n - i : BLOCK;

		if (m < LANES) {
			for (int64_t k = 0; k < m; k += 2) {
				acc_add(&re, v[i + k]);
				acc_add(&im, v[i + k + 1]);
			}
		} else {
			double t[LANES];

			block_sum(t, v + i, m);
			acc_add(&re, t[0]);
			acc_add(&im, t[1]);
		}
	}
	state[0] = re;
	state[1] = im;
}

static void sum_c128_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			 const struct reduce_param *p TENSOR_UNUSED)
{
	acc_run_c128(state, x, n);
}

static void sum_c128_rows(void *states, const void *x, int64_t n, int64_t index, const struct reduce_param *p)
{
	sum_f64_rows(states, x, 2 * n, index, p);
}

static void sum_c128_merge(void *states, const void *others, int64_t n)
{
	sum_f64_merge(states, others, 2 * n);
}

static void sum_c128_finish(void *out, const void *states, int64_t n, const struct reduce_param *p)
{
	sum_f64_finish(out, states, 2 * n, p);
}

static void mean_c128_finish(void *out, const void *states, int64_t n, const struct reduce_param *p)
{
	mean_f64_finish(out, states, 2 * n, p);
}

/* == product of complex numbers: z[2] each == */

static void prod_c128_init(void *states, int64_t n)
{
	double *s = states;

	for (int64_t i = 0; i < n; i++) {
		s[2 * i] = 1;
		s[2 * i + 1] = 0;
	}
}

/*
 * GCC 12 fuses a multiplication with an alternating subtraction and addition (vfmaddsub), -ffp-contract=off
 * or not.  Where all are additions it does not; that the factor is -1 it must not know.
 */
static const volatile double minus_one = -1;

static void prod_c128_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			   const struct reduce_param *p TENSOR_UNUSED)
{
	double *restrict s = states;
	const double *restrict v = x;
	const double minus = minus_one;

	for (int64_t i = 0; i < n; i++) {
		double re = s[2 * i] * v[2 * i] + (minus * s[2 * i + 1]) * v[2 * i + 1];
		double im = s[2 * i] * v[2 * i + 1] + s[2 * i + 1] * v[2 * i];

		s[2 * i] = re;
		s[2 * i + 1] = im;
	}
}

/* Eight products side by side hide the latency of one; short runs go one by one. */
static void prod_c128_run(void *state, const void *x, int64_t n, int64_t index, const struct reduce_param *p)
{
	double part[16];
	const double *v = x;
	int64_t i = 0;

	if (n >= 32) {
		memcpy(part, v, sizeof(part));
		for (i = 8; i + 8 <= n; i += 8)
			prod_c128_rows(part, v + 2 * i, 8, index, p);
		for (int k = 0; k < 8; k++)
			prod_c128_rows(state, part + 2 * k, 1, index, p);
	}
	for (; i < n; i++)
		prod_c128_rows(state, v + 2 * i, 1, index, p);
}

static void prod_c128_merge(void *states, const void *others, int64_t n)
{
	prod_c128_rows(states, others, n, 0, NULL);
}

static void prod_c128_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	memcpy(out, states, (size_t)n * 2 * sizeof(double));
}

/* == without NaN == */

/*
 * Blocks without a NaN, the usual ones, go straight into the loops above; from others the NaNs are taken out first.
 * width is the number of doubles an element has; an element is left out if one of them is NaN.
 */
static inline int64_t drop_nan(double *out, const double *x, int64_t n, int width)
{
	int64_t k = 0;

	for (int64_t i = 0; i < n; i++) {
		out[k * width] = x[i * width];
		out[k * width + width - 1] = x[i * width + width - 1];
		k += (x[i * width] == x[i * width]) & (x[i * width + width - 1] == x[i * width + width - 1]);
	}
	return k;
}

static inline int has_nan(const double *x, int64_t n)
{
	int64_t bad = 0;

	for (int64_t i = 0; i < n; i++)
		bad |= x[i] != x[i];
	return bad != 0;
}

typedef void run_fn(void *state, const void *x, int64_t n, int64_t index, const struct reduce_param *p);

/* Fold the elements of x that are numbers into state; returns how many they are. */
static inline int64_t run_numbers(run_fn *run, void *state, const double *x, int64_t n, int width)
{
	double numbers[BLOCK];
	int64_t total = 0;

	for (int64_t i = 0; i < n; i += BLOCK / width) {
		int64_t m = n - i < BLOCK / width ? n - i : BLOCK / width;
		const double *v = x + i * width;

		if (has_nan(v, m * width)) {
			m = drop_nan(numbers, v, m, width);
			v = numbers;
		}
		run(state, v, m, 0, NULL);
		total += m;
	}
	return total;
}

/* out[i] = x[i], or other if it is NaN. */
static inline void replace_nan(double *restrict out, const double *restrict x, int64_t n, int width, double other)
{
	if (width == 1) {
		for (int64_t i = 0; i < n; i++)
			out[i] = x[i] == x[i] ? x[i] : other;
	} else {
		for (int64_t i = 0; i < n; i++) {
			int ok = (x[2 * i] == x[2 * i]) & (x[2 * i + 1] == x[2 * i + 1]);

			out[2 * i] = ok ? x[2 * i] : other;
			out[2 * i + 1] = ok ? x[2 * i + 1] : 0;
		}
	}
}

/* nan##name: as name, with other, its identity, in place of NaN. */
#define SKIPPING(name, width, other) \
	static void nan##name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, \
				    const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		run_numbers(name##_run, state, x, n, width); \
	} \
\
	static void nan##name##_rows(void *states, const void *x, int64_t n, int64_t index, \
				     const struct reduce_param *p) \
	{ \
		const size_t size = name##_size; \
		double v[BLOCK]; \
\
		for (int64_t i = 0; i < n; i += BLOCK / width) { \
			int64_t m = n - i < BLOCK / width ? n - i : BLOCK / width; \
\
			replace_nan(v, (const double *)x + i * width, m, width, other); \
			name##_rows((char *)states + (size_t)i * size, v, m, index, p); \
		} \
	}

enum {
	sum_f64_size = sizeof(struct acc),
	sum_c128_size = 2 * sizeof(struct acc),
	prod_f64_size = sizeof(double),
	prod_c128_size = 2 * sizeof(double),
};

SKIPPING(sum_f64, 1, 0)
SKIPPING(sum_c128, 2, 0)
SKIPPING(prod_f64, 1, 1)
SKIPPING(prod_c128, 2, 1)
#undef SKIPPING

/* == mean without NaN: the sum and the number of numbers == */

static void nanmean_f64_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(struct nanmean_f64));
}

static void nanmean_c128_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(struct nanmean_c128));
}

static void nanmean_f64_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			    const struct reduce_param *p TENSOR_UNUSED)
{
	struct nanmean_f64 *s = state;

	s->count += (double)run_numbers(sum_f64_run, &s->sum, x, n, 1);
}

static void nanmean_c128_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			     const struct reduce_param *p TENSOR_UNUSED)
{
	struct nanmean_c128 *s = state;

	s->count += (double)run_numbers(sum_c128_run, s->sum, x, n, 2);
}

static void nanmean_f64_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			     const struct reduce_param *p TENSOR_UNUSED)
{
	struct nanmean_f64 *restrict s = states;
	const double *restrict v = x;

#pragma omp simd
	for (int64_t i = 0; i < n; i++) {
		acc_add(&s[i].sum, v[i] == v[i] ? v[i] : 0);
		s[i].count += v[i] == v[i] ? 1 : 0;
	}
}

static void nanmean_c128_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			      const struct reduce_param *p TENSOR_UNUSED)
{
	struct nanmean_c128 *restrict s = states;
	const double *restrict v = x;

	for (int64_t i = 0; i < n; i++) {
		int ok = (v[2 * i] == v[2 * i]) & (v[2 * i + 1] == v[2 * i + 1]);

		acc_add(&s[i].sum[0], ok ? v[2 * i] : 0);
		acc_add(&s[i].sum[1], ok ? v[2 * i + 1] : 0);
		s[i].count += ok;
	}
}

static void nanmean_f64_merge(void *states, const void *others, int64_t n)
{
	struct nanmean_f64 *s = states;
	const struct nanmean_f64 *o = others;

	for (int64_t i = 0; i < n; i++) {
		sum_f64_merge(&s[i].sum, &o[i].sum, 1);
		s[i].count += o[i].count;
	}
}

static void nanmean_c128_merge(void *states, const void *others, int64_t n)
{
	struct nanmean_c128 *s = states;
	const struct nanmean_c128 *o = others;

	for (int64_t i = 0; i < n; i++) {
		sum_f64_merge(s[i].sum, o[i].sum, 2);
		s[i].count += o[i].count;
	}
}

static void nanmean_f64_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const struct nanmean_f64 *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = acc_value(&s[i].sum) / s[i].count;
}

static void nanmean_c128_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const struct nanmean_c128 *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++) {
		r[2 * i] = acc_value(&s[i].sum[0]) / s[i].count;
		r[2 * i + 1] = acc_value(&s[i].sum[1]) / s[i].count;
	}
}

/* clang-format off */
static const struct reduce_loops sum_i64 = { 8, DT_I64, sum_u64_init, sum_u64_run, sum_u64_rows, sum_u64_merge, sum_u64_finish };
static const struct reduce_loops sum_u64 = { 8, DT_U64, sum_u64_init, sum_u64_run, sum_u64_rows, sum_u64_merge, sum_u64_finish };
static const struct reduce_loops sum_f64 = { sizeof(struct acc), DT_F64, sum_f64_init, sum_f64_run, sum_f64_rows, sum_f64_merge, sum_f64_finish };
static const struct reduce_loops sum_c128 = { 2 * sizeof(struct acc), DT_C128, sum_c128_init, sum_c128_run, sum_c128_rows, sum_c128_merge, sum_c128_finish };
static const struct reduce_loops mean_f64 = { sizeof(struct acc), DT_F64, sum_f64_init, sum_f64_run, sum_f64_rows, sum_f64_merge, mean_f64_finish };
static const struct reduce_loops mean_c128 = { 2 * sizeof(struct acc), DT_C128, sum_c128_init, sum_c128_run, sum_c128_rows, sum_c128_merge, mean_c128_finish };
static const struct reduce_loops prod_i64 = { 8, DT_I64, prod_u64_init, prod_u64_run, prod_u64_rows, prod_u64_merge, prod_u64_finish };
static const struct reduce_loops prod_u64 = { 8, DT_U64, prod_u64_init, prod_u64_run, prod_u64_rows, prod_u64_merge, prod_u64_finish };
static const struct reduce_loops prod_f64 = { 8, DT_F64, prod_f64_init, prod_f64_run, prod_f64_rows, prod_f64_merge, prod_f64_finish };
static const struct reduce_loops prod_c128 = { 16, DT_C128, prod_c128_init, prod_c128_run, prod_c128_rows, prod_c128_merge, prod_c128_finish };
static const struct reduce_loops nansum_f64 = { sizeof(struct acc), DT_F64, sum_f64_init, nansum_f64_run, nansum_f64_rows, sum_f64_merge, sum_f64_finish };
static const struct reduce_loops nansum_c128 = { 2 * sizeof(struct acc), DT_C128, sum_c128_init, nansum_c128_run, nansum_c128_rows, sum_c128_merge, sum_c128_finish };
static const struct reduce_loops nanprod_f64 = { 8, DT_F64, prod_f64_init, nanprod_f64_run, nanprod_f64_rows, prod_f64_merge, prod_f64_finish };
static const struct reduce_loops nanprod_c128 = { 16, DT_C128, prod_c128_init, nanprod_c128_run, nanprod_c128_rows, prod_c128_merge, prod_c128_finish };
static const struct reduce_loops nanmean_f64 = { sizeof(struct nanmean_f64), DT_F64, nanmean_f64_init, nanmean_f64_run, nanmean_f64_rows, nanmean_f64_merge, nanmean_f64_finish };
static const struct reduce_loops nanmean_c128 = { sizeof(struct nanmean_c128), DT_C128, nanmean_c128_init, nanmean_c128_run, nanmean_c128_rows, nanmean_c128_merge, nanmean_c128_finish };

const struct reduce_loops *LEVEL_NAME(reduce_sum)(enum reduce_id id, enum dtype acc)
{
	static const struct reduce_loops *const table[NREDUCES][NDTYPES] = {
		[REDUCE_sum]     = { [DT_I64] = &sum_i64,  [DT_U64] = &sum_u64,  [DT_F64] = &sum_f64,     [DT_C128] = &sum_c128 },
		[REDUCE_nansum]  = { [DT_I64] = &sum_i64,  [DT_U64] = &sum_u64,  [DT_F64] = &nansum_f64,  [DT_C128] = &nansum_c128 },
		[REDUCE_prod]    = { [DT_I64] = &prod_i64, [DT_U64] = &prod_u64, [DT_F64] = &prod_f64,    [DT_C128] = &prod_c128 },
		[REDUCE_nanprod] = { [DT_I64] = &prod_i64, [DT_U64] = &prod_u64, [DT_F64] = &nanprod_f64, [DT_C128] = &nanprod_c128 },
		[REDUCE_mean]    = { [DT_F64] = &mean_f64,    [DT_C128] = &mean_c128 },
		[REDUCE_nanmean] = { [DT_F64] = &nanmean_f64, [DT_C128] = &nanmean_c128 },
	};

	return table[id][acc];
}
/* clang-format on */
