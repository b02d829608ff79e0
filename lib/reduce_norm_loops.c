/* Loops of any, all, count_nonzero, norm and logsumexp: see reduce.h. */
#include "reduce_loops.h"

#include <math.h>
#include <string.h>

/* == how many elements are nonzero; any and all follow from it == */

/* The bits of a float without the sign: -0 is zero, NaN is not. */
static inline uint64_t magnitude(uint64_t bits)
{
	return bits << 1;
}

#define NONZERO_INT(x, i) ((x)[i] != 0)
#define NONZERO_FLOAT(x, i) (magnitude((x)[i]) != 0)
#define NONZERO_COMPLEX(x, i) ((magnitude((x)[2 * (i)]) | magnitude((x)[2 * (i) + 1])) != 0)

#define COUNT(name, nonzero) \
	static void name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, \
			       const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		const uint64_t *v = x; \
		int64_t count = 0; \
\
		for (int64_t i = 0; i < n; i++) \
			count += nonzero(v, i); \
		*(int64_t *)state += count; \
	} \
\
	static void name##_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED, \
				const struct reduce_param *p TENSOR_UNUSED) \
	{ \
		int64_t *restrict s = states; \
		const uint64_t *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) \
			s[i] += nonzero(v, i); \
	}

COUNT(count_i64, NONZERO_INT)
COUNT(count_f64, NONZERO_FLOAT)
COUNT(count_c128, NONZERO_COMPLEX)
#undef COUNT
#undef NONZERO_INT
#undef NONZERO_FLOAT
#undef NONZERO_COMPLEX

static void count_init(void *states, int64_t n)
{
	memset(states, 0, (size_t)n * sizeof(int64_t));
}

static void count_merge(void *states, const void *others, int64_t n)
{
	int64_t *s = states;
	const int64_t *o = others;

	for (int64_t i = 0; i < n; i++)
		s[i] += o[i];
}

static void count_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	memcpy(out, states, (size_t)n * sizeof(int64_t));
}

static void any_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const int64_t *s = states;
	unsigned char *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[i] > 0;
}

static void all_finish(void *out, const void *states, int64_t n, const struct reduce_param *p)
{
	const int64_t *s = states;
	unsigned char *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[i] == p->count;
}

/* == norm == */

static void norm_init(void *states, int64_t n)
{
	struct norm *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct norm){ { 0, 0 }, 0, INFINITY };
}

/* What is summed or compared: y[i] = |x[i]|**ord, |x[i]| or x[i] != 0. */
static inline void norm_terms(double *restrict y, const double *restrict x, int64_t n, double ord)
{
	if (ord == 2)
		for (int64_t i = 0; i < n; i++)
			y[i] = x[i] * x[i];
	else if (ord == 1 || isinf(ord))
		for (int64_t i = 0; i < n; i++)
			y[i] = fabs(x[i]);
	else if (ord == 0)
		for (int64_t i = 0; i < n; i++)
			y[i] = x[i] != 0 ? 1 : 0;
	else
		for (int64_t i = 0; i < n; i++)
			y[i] = pow(fabs(x[i]), ord);
}

/* The same for complex numbers; no need of hypot where the square is wanted. */
static inline void norm_terms_c128(double *restrict y, const double *restrict x, int64_t n, double ord)
{
	double v[BLOCK];

	if (ord == 2) {
		for (int64_t i = 0; i < n; i++)
			y[i] = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1];
		return;
	}
	for (int64_t i = 0; i < n; i++)
		v[i] = hypot(x[2 * i], x[2 * i + 1]);
	norm_terms(y, v, n, ord);
}

static inline void norm_fold_run(struct norm *s, const double *y, int64_t n, double ord)
{
	if (ord == INFINITY)
		for (int64_t i = 0; i < n; i++)
			s->max = max_nan(s->max, y[i]);
	else if (ord == -INFINITY)
		for (int64_t i = 0; i < n; i++)
			s->min = min_nan(s->min, y[i]);
	else
		acc_run(&s->sum, y, n);
}

static inline void norm_fold_rows(struct norm *restrict s, const double *restrict y, int64_t n, double ord)
{
	if (ord == INFINITY)
		for (int64_t i = 0; i < n; i++)
			s[i].max = max_nan(s[i].max, y[i]);
	else if (ord == -INFINITY)
		for (int64_t i = 0; i < n; i++)
			s[i].min = min_nan(s[i].min, y[i]);
	else
		for (int64_t i = 0; i < n; i++)
			acc_add(&s[i].sum, y[i]);
}

#define NORM(name, width, terms) \
	static void name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, \
			       const struct reduce_param *p) \
	{ \
		const double *v = x; \
		double y[BLOCK]; \
\
		for (int64_t i = 0; i < n; i += BLOCK) { \
			int64_t m = n - i < BLOCK ? n - i : BLOCK; \
\
			terms(y, v + i * width, m, p->ord); \
			norm_fold_run(state, y, m, p->ord); \
		} \
	} \
\
	static void name##_rows(void *states, const void *x, int64_t n, int64_t index TENSOR_UNUSED, \
				const struct reduce_param *p) \
	{ \
		struct norm *s = states; \
		const double *v = x; \
		double y[BLOCK]; \
\
		for (int64_t i = 0; i < n; i += BLOCK) { \
			int64_t m = n - i < BLOCK ? n - i : BLOCK; \
\
			terms(y, v + i * width, m, p->ord); \
			norm_fold_rows(s + i, y, m, p->ord); \
		} \
	}

NORM(norm_f64, 1, norm_terms)
NORM(norm_c128, 2, norm_terms_c128)
#undef NORM

static void norm_merge(void *states, const void *others, int64_t n)
{
	struct norm *s = states;
	const struct norm *o = others;

	for (int64_t i = 0; i < n; i++)
		norm_merge_one(&s[i], &o[i]);
}

static void norm_finish(void *out, const void *states, int64_t n, const struct reduce_param *p)
{
	const struct norm *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = norm_value(&s[i], p->ord);
}

/* == logsumexp == */

static void logsumexp_init(void *states, int64_t n)
{
	struct logsumexp *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct logsumexp){ -INFINITY, { 0, 0 } };
}

static void logsumexp_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			  const struct reduce_param *p TENSOR_UNUSED)
{
	struct logsumexp *s = state;
	const double *v = x;
	double y[BLOCK];

	for (int64_t i = 0; i < n; i += BLOCK) {
		int64_t m = n - i < BLOCK ? n - i : BLOCK, k = 0;
		struct acc sum = { 0, 0 };
		double t[LANES], max;

		/* NaN may be passed over here: it will be in the sum. */
		for (int l = 0; l < LANES; l++)
			t[l] = -INFINITY;
		for (; k + LANES <= m; k += LANES)
			for (int l = 0; l < LANES; l++)
				t[l] = v[i + k + l] > t[l] ? v[i + k + l] : t[l];
		max = -INFINITY;
		for (int l = 0; l < LANES; l++)
			max = t[l] > max ? t[l] : max;
		for (; k < m; k++)
			max = v[i + k] > max ? v[i + k] : max;
		if (isinf(max)) {
			/* The others count for nothing beside inf, and beside -inf there are no others; but NaN does. */
			for (k = 0; k < m; k++)
				sum.sum += v[i + k] == v[i + k] ? 1 : NAN;
		} else {
			for (k = 0; k < m; k++)
				y[k] = exp_negative(v[i + k] - max);
			acc_run(&sum, y, m);
		}
		logsumexp_add(s, max, sum.sum, sum.lost, exp_negative(logsumexp_below(max, s->max)));
	}
}

static void logsumexp_rows(void *states, const void *x, int64_t n, int64_t index TENSOR_UNUSED,
			   const struct reduce_param *p TENSOR_UNUSED)
{
	const double *v = x;
	double e[BLOCK];

	/* In three steps, so that the costly one vectorises. */
	for (int64_t i = 0; i < n; i += BLOCK) {
		struct logsumexp *s = (struct logsumexp *)states + i;
		int64_t m = n - i < BLOCK ? n - i : BLOCK;

		for (int64_t k = 0; k < m; k++)
			e[k] = logsumexp_below(v[i + k], s[k].max);
		for (int64_t k = 0; k < m; k++)
			e[k] = exp_negative(e[k]);
		for (int64_t k = 0; k < m; k++)
			logsumexp_add(&s[k], v[i + k], 1, 0, e[k]);
	}
}

static void logsumexp_merge(void *states, const void *others, int64_t n)
{
	struct logsumexp *s = states;
	const struct logsumexp *o = others;

	for (int64_t i = 0; i < n; i++)
		logsumexp_add(&s[i], o[i].max, o[i].sum.sum, o[i].sum.lost,
			      exp_negative(logsumexp_below(o[i].max, s[i].max)));
}

static void logsumexp_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const struct logsumexp *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[i].max + log(acc_value(&s[i].sum));
}

/* clang-format off */
static const struct reduce_loops count_loops[3][3] = {
	{ { 8, DT_I64,  count_init, count_i64_run,  count_i64_rows,  count_merge, count_finish },
	  { 8, DT_I64,  count_init, count_f64_run,  count_f64_rows,  count_merge, count_finish },
	  { 8, DT_I64,  count_init, count_c128_run, count_c128_rows, count_merge, count_finish } },
	{ { 8, DT_BOOL, count_init, count_i64_run,  count_i64_rows,  count_merge, any_finish },
	  { 8, DT_BOOL, count_init, count_f64_run,  count_f64_rows,  count_merge, any_finish },
	  { 8, DT_BOOL, count_init, count_c128_run, count_c128_rows, count_merge, any_finish } },
	{ { 8, DT_BOOL, count_init, count_i64_run,  count_i64_rows,  count_merge, all_finish },
	  { 8, DT_BOOL, count_init, count_f64_run,  count_f64_rows,  count_merge, all_finish },
	  { 8, DT_BOOL, count_init, count_c128_run, count_c128_rows, count_merge, all_finish } },
};
static const struct reduce_loops norm_f64 = { sizeof(struct norm), DT_F64, norm_init, norm_f64_run, norm_f64_rows, norm_merge, norm_finish };
static const struct reduce_loops norm_c128 = { sizeof(struct norm), DT_F64, norm_init, norm_c128_run, norm_c128_rows, norm_merge, norm_finish };
static const struct reduce_loops logsumexp_f64 = { sizeof(struct logsumexp), DT_F64, logsumexp_init, logsumexp_run, logsumexp_rows, logsumexp_merge, logsumexp_finish };

const struct reduce_loops *LEVEL_NAME(reduce_norm)(enum reduce_id id, enum dtype acc)
{
#define ROW(c) { [DT_I64] = &c[0], [DT_U64] = &c[0], [DT_F64] = &c[1], [DT_C128] = &c[2] }
	static const struct reduce_loops *const table[NREDUCES][NDTYPES] = {
		[REDUCE_count_nonzero] = ROW(count_loops[0]),
		[REDUCE_any]           = ROW(count_loops[1]),
		[REDUCE_all]           = ROW(count_loops[2]),
		[REDUCE_norm]          = { [DT_F64] = &norm_f64, [DT_C128] = &norm_c128 },
		[REDUCE_logsumexp]     = { [DT_F64] = &logsumexp_f64 },
	};
#undef ROW

	return table[id][acc];
}
/* clang-format on */
