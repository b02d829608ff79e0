/*
 * Loops of var and std and of their forms that skip NaN: see reduce.h.
 *
 * An accumulator holds the number of elements, their mean (as two doubles) and the sum of the squared distances from it.
 * Runs compute these of a block in two passes; accumulators are merged by the formula of Chan, Golub and LeVeque.
 */
#include "reduce_loops.h"

#include <math.h>
#include <string.h>

/* Elements per two-pass block: they are still in the first-level cache for the second. */
enum { PASS = 4 * BLOCK };

/*
 * s1[0], s1[1]: the sums of x[i] - shift[i & 1] over even and over odd i < n; returns the sum of their squares.
 * n <= PASS.
 */
static inline double shifted_sums(double s1[2], const double *x, int64_t n, const double shift[2])
{
	struct acc sum[2] = { { 0, 0 }, { 0, 0 } }, squares = { 0, 0 };
	double at[LANES], d[BLOCK], t[LANES];

	for (int l = 0; l < LANES; l++)
		at[l] = shift[l & 1];
	for (int64_t i = 0; i < n; i += BLOCK) {
		int64_t m = n - i < BLOCK ? n - i : BLOCK;
		int64_t k = 0;

		for (; k + LANES <= m; k += LANES)
			for (int l = 0; l < LANES; l++)
				d[k + l] = x[i + k + l] - at[l];
		for (int l = 0; k + l < m; l++)
			d[k + l] = x[i + k + l] - at[l];
		block_sum(t, d, m);
		acc_add(&sum[0], t[0]);
		acc_add(&sum[1], t[1]);
		for (k = 0; k < m; k++)
			d[k] *= d[k];
		block_sum(t, d, m);
		acc_add(&squares, t[0] + t[1]);
	}
	s1[0] = acc_value(&sum[0]);
	s1[1] = acc_value(&sum[1]);
	return acc_value(&squares);
}

static void var_f64_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(struct moments_f64));
}

static void var_c128_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(struct moments_c128));
}

static void var_f64_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			const struct reduce_param *p TENSOR_UNUSED)
{
	const double *v = x;

	for (int64_t i = 0; i < n; i += PASS) {
		int64_t m = n - i < PASS ? n - i : PASS;
		struct acc sum = { 0, 0 };
		double s1[2], s2;

		acc_run(&sum, v + i, m);

		struct moments_f64 b = { .n = (double)m, .mean = acc_value(&sum) / (double)m };

		s2 = shifted_sums(s1, v + i, m, (double[2]){ b.mean, b.mean });
		b.rest = (s1[0] + s1[1]) / b.n;
		b.m2 = corrected(s2, (s1[0] + s1[1]) * b.rest);
		merge_f64(state, &b);
	}
}

static void var_c128_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			 const struct reduce_param *p TENSOR_UNUSED)
{
	static const double zero[2] = { 0, 0 };
	const double *v = x;

	for (int64_t i = 0; i < n; i += PASS / 2) {
		int64_t m = n - i < PASS / 2 ? n - i : PASS / 2;
		struct moments_c128 b = { .n = (double)m };
		double s1[2], s2;

		shifted_sums(s1, v + 2 * i, 2 * m, zero);
		b.mean[0] = s1[0] / b.n;
		b.mean[1] = s1[1] / b.n;
		s2 = shifted_sums(s1, v + 2 * i, 2 * m, b.mean);
		b.rest[0] = s1[0] / b.n;
		b.rest[1] = s1[1] / b.n;
		b.m2 = corrected(s2, s1[0] * b.rest[0] + s1[1] * b.rest[1]);
		merge_c128(state, &b);
	}
}

static void var_f64_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			 const struct reduce_param *p TENSOR_UNUSED)
{
	struct moments_f64 *restrict s = states;
	const double *restrict v = x;

#pragma omp simd
	for (int64_t i = 0; i < n; i++)
		welford_f64(&s[i], v[i], 1);
}

static void var_c128_rows(void *states, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			  const struct reduce_param *p TENSOR_UNUSED)
{
	struct moments_c128 *s = states;
	const double *v = x;

	for (int64_t i = 0; i < n; i++)
		welford_c128(&s[i], v + 2 * i, 1);
}

static void var_f64_merge(void *states, const void *others, int64_t n)
{
	struct moments_f64 *s = states;
	const struct moments_f64 *o = others;

	for (int64_t i = 0; i < n; i++)
		merge_f64(&s[i], &o[i]);
}

static void var_c128_merge(void *states, const void *others, int64_t n)
{
	struct moments_c128 *s = states;
	const struct moments_c128 *o = others;

	for (int64_t i = 0; i < n; i++)
		merge_c128(&s[i], &o[i]);
}

/* == without NaN == */

static inline int is_number(const double *x, int width)
{
	return (x[0] == x[0]) & (x[width - 1] == x[width - 1]);
}

static void nanvar_f64_run(void *state, const void *x, int64_t n, int64_t index, const struct reduce_param *p)
{
	double numbers[PASS];
	const double *v = x;

	for (int64_t i = 0; i < n; i += PASS) {
		int64_t m = n - i < PASS ? n - i : PASS;
		int64_t k = 0;

		for (int64_t j = 0; j < m; j++) {
			numbers[k] = v[i + j];
			k += is_number(v + i + j, 1);
		}
		var_f64_run(state, numbers, k, index, p);
	}
}

static void nanvar_c128_run(void *state, const void *x, int64_t n, int64_t index, const struct reduce_param *p)
{
	double numbers[PASS];
	const double *v = x;

	for (int64_t i = 0; i < n; i += PASS / 2) {
		int64_t m = n - i < PASS / 2 ? n - i : PASS / 2;
		int64_t k = 0;

		for (int64_t j = i; j < i + m; j++) {
			numbers[2 * k] = v[2 * j];
			numbers[2 * k + 1] = v[2 * j + 1];
			k += is_number(v + 2 * j, 2);
		}
		var_c128_run(state, numbers, k, index, p);
	}
}

static void nanvar_f64_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			    const struct reduce_param *p TENSOR_UNUSED)
{
	struct moments_f64 *restrict s = states;
	const double *restrict v = x;

#pragma omp simd
	for (int64_t i = 0; i < n; i++)
		welford_f64(&s[i], v[i], v[i] == v[i]);
}

static void nanvar_c128_rows(void *states, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			     const struct reduce_param *p TENSOR_UNUSED)
{
	struct moments_c128 *s = states;
	const double *v = x;

	for (int64_t i = 0; i < n; i++)
		welford_c128(&s[i], v + 2 * i, is_number(v + 2 * i, 2));
}

/* == results == */

static inline double identity(double x)
{
	return x;
}

#define FINISH(name, state, variance, root) \
	static void name##_finish(void *out, const void *states, int64_t n, const struct reduce_param *p) \
	{ \
		const struct state *s = states; \
		double *r = out; \
\
		for (int64_t i = 0; i < n; i++) \
			r[i] = root(variance(s[i].m2, s[i].n, p->correction)); \
	}

FINISH(var_f64, moments_f64, variance, identity)
FINISH(std_f64, moments_f64, variance, sqrt)
FINISH(nanvar_f64, moments_f64, nanvariance, identity)
FINISH(nanstd_f64, moments_f64, nanvariance, sqrt)
FINISH(var_c128, moments_c128, variance, identity)
FINISH(std_c128, moments_c128, variance, sqrt)
FINISH(nanvar_c128, moments_c128, nanvariance, identity)
FINISH(nanstd_c128, moments_c128, nanvariance, sqrt)
#undef FINISH

/* clang-format off */
#define LOOPS(name, loops, type) \
	static const struct reduce_loops name##_##type##_loops = { sizeof(struct moments_##type), DT_F64, var_##type##_init, \
		loops##_##type##_run, loops##_##type##_rows, var_##type##_merge, name##_##type##_finish };
LOOPS(var, var, f64)
LOOPS(var, var, c128)
LOOPS(std, var, f64)
LOOPS(std, var, c128)
LOOPS(nanvar, nanvar, f64)
LOOPS(nanvar, nanvar, c128)
LOOPS(nanstd, nanvar, f64)
LOOPS(nanstd, nanvar, c128)
#undef LOOPS

const struct reduce_loops *LEVEL_NAME(reduce_var)(enum reduce_id id, enum dtype acc)
{
	static const struct reduce_loops *const table[NREDUCES][NDTYPES] = {
		[REDUCE_var]    = { [DT_F64] = &var_f64_loops,    [DT_C128] = &var_c128_loops },
		[REDUCE_std]    = { [DT_F64] = &std_f64_loops,    [DT_C128] = &std_c128_loops },
		[REDUCE_nanvar] = { [DT_F64] = &nanvar_f64_loops, [DT_C128] = &nanvar_c128_loops },
		[REDUCE_nanstd] = { [DT_F64] = &nanstd_f64_loops, [DT_C128] = &nanstd_c128_loops },
	};

	return table[id][acc];
}
/* clang-format on */
