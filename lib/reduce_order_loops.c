/*
 * Loops of the reductions that compare: max, min, ptp, argmax, argmin, nanmax, nanmin: see reduce.h.
 *
 * All of them look for the largest key.  The key of an element is the element for a maximum; for a minimum it is
 * -x, and for integers ~x, which reverses their order without overflow.
 */
#include "reduce_loops.h"

#include <math.h>
#include <string.h>

/* Fold the lanes of t into one value. */
#define FOLD(op, t) \
	do { \
		for (int l = 0; l < 8; l++) \
			t[l] = op(t[l], t[l + 8]); \
		for (int l = 0; l < 4; l++) \
			t[l] = op(t[l], t[l + 4]); \
		for (int l = 0; l < 2; l++) \
			t[l] = op(t[l], t[l + 2]); \
		t[0] = op(t[0], t[1]); \
	} while (0)

/* == integers == */

/* The largest x[i] ^ flip, as signed numbers, and best. */
static inline int64_t best_i64(int64_t best, const uint64_t *x, int64_t n, uint64_t flip)
{
	int64_t i = 0;

	for (; i + BLOCK <= n; i += BLOCK, x += BLOCK) {
		int64_t t[LANES];

#define TERM(k) (int64_t)(x[(k)*LANES + l] ^ flip)
		for (int l = 0; l < LANES; l++)
			t[l] = TREE16(max_i64, TERM);
#undef TERM
		FOLD(max_i64, t);
		best = max_i64(best, t[0]);
	}
#define TERM(k) (int64_t)(x[k] ^ flip)
	for (; i + 4 <= n; i += 4, x += 4)
		best = max_i64(best, TREE4(max_i64, TERM, 0));
	for (; i < n; i++, x++)
		best = max_i64(best, TERM(0));
#undef TERM
	return best;
}

static void max_i64_init(void *states, int64_t n)
{
	int64_t *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = INT64_MIN;
}

static void max_i64_merge(void *states, const void *others, int64_t n)
{
	int64_t *s = states;
	const int64_t *o = others;

	for (int64_t i = 0; i < n; i++)
		s[i] = max_i64(s[i], o[i]);
}

/* ptp: the largest x[i] ^ flip and the largest ~x[i] ^ flip. */
static void ptp_i64_init(void *states, int64_t n)
{
	max_i64_init(states, 2 * n);
}

static void ptp_i64_merge(void *states, const void *others, int64_t n)
{
	max_i64_merge(states, others, 2 * n);
}

static void arg_i64_init(void *states, int64_t n)
{
	struct arg_i64 *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct arg_i64){ INT64_MIN, 0 };
}

static inline void arg_i64_block(struct arg_i64 *s, const uint64_t *x, int64_t n, int64_t index, uint64_t flip)
{
	int64_t key = best_i64(s->key, x, n, flip);
	int64_t i = 0;

	if (key == s->key)
		return;
	while ((int64_t)(x[i] ^ flip) != key)
		i++;
	s->key = key;
	s->index = index + i;
}

static void arg_i64_merge(void *states, const void *others, int64_t n)
{
	struct arg_i64 *s = states;
	const struct arg_i64 *o = others;

	for (int64_t i = 0; i < n; i++)
		if (o[i].key > s[i].key)
			s[i] = o[i];
}

static void arg_i64_finish(void *out, const void *states, int64_t n, const struct reduce_param *p TENSOR_UNUSED)
{
	const struct arg_i64 *s = states;
	int64_t *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[i].index;
}

#define UNUSED_PARAM const struct reduce_param *p TENSOR_UNUSED

#define ORDER_INT(name, flip) \
	static void max_##name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, UNUSED_PARAM) \
	{ \
		int64_t *s = state; \
\
		*s = best_i64(*s, x, n, flip); \
	} \
\
	static void max_##name##_rows(void *restrict states, const void *restrict x, int64_t n, \
				      int64_t index TENSOR_UNUSED, UNUSED_PARAM) \
	{ \
		int64_t *restrict s = states; \
		const uint64_t *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) \
			s[i] = max_i64(s[i], (int64_t)(v[i] ^ (flip))); \
	} \
\
	static void max_##name##_finish(void *restrict out, const void *restrict states, int64_t n, UNUSED_PARAM) \
	{ \
		const uint64_t *restrict s = states; \
		uint64_t *restrict r = out; \
\
		for (int64_t i = 0; i < n; i++) \
			r[i] = s[i] ^ (flip); \
	} \
\
	static void arg_##name##_run(void *state, const void *x, int64_t n, int64_t index, UNUSED_PARAM) \
	{ \
		const uint64_t *v = x; \
\
		for (int64_t i = 0; i < n; i += BLOCK) \
			arg_i64_block(state, v + i, n - i < BLOCK ? n - i : BLOCK, index + i, flip); \
	} \
\
	static void arg_##name##_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index, \
				      UNUSED_PARAM) \
	{ \
		struct arg_i64 *restrict s = states; \
		const uint64_t *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) { \
			int64_t key = (int64_t)(v[i] ^ (flip)); \
			int better = key > s[i].key; \
\
			s[i].key = better ? key : s[i].key; \
			s[i].index = better ? index : s[i].index; \
		} \
	}

#define FLIP_SIGN ((uint64_t)1 << 63)
ORDER_INT(largest_i64, (uint64_t)0)
ORDER_INT(smallest_i64, ~(uint64_t)0)
ORDER_INT(largest_u64, FLIP_SIGN)
ORDER_INT(smallest_u64, ~FLIP_SIGN)
#undef ORDER_INT

#define PTP_INT(name, flip) \
	static void ptp_##name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, UNUSED_PARAM) \
	{ \
		const uint64_t *v = x; \
		int64_t *s = state; \
\
		for (int64_t i = 0; i < n; i += 4 * BLOCK) { \
			int64_t m = n - i < 4 * BLOCK ? n - i : 4 * BLOCK; \
\
			s[0] = best_i64(s[0], v + i, m, flip); \
			s[1] = best_i64(s[1], v + i, m, ~(flip)); \
		} \
	} \
\
	static void ptp_##name##_rows(void *restrict states, const void *restrict x, int64_t n, \
				      int64_t index TENSOR_UNUSED, UNUSED_PARAM) \
	{ \
		int64_t *restrict s = states; \
		const uint64_t *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) { \
			s[2 * i] = max_i64(s[2 * i], (int64_t)(v[i] ^ (flip))); \
			s[2 * i + 1] = max_i64(s[2 * i + 1], (int64_t)(v[i] ^ ~(flip))); \
		} \
	} \
\
	static void ptp_##name##_finish(void *out, const void *states, int64_t n, UNUSED_PARAM) \
	{ \
		const uint64_t *s = states; \
		uint64_t *r = out; \
\
		for (int64_t i = 0; i < n; i++) \
			r[i] = (s[2 * i] ^ (flip)) - (s[2 * i + 1] ^ ~(flip)); \
	}

PTP_INT(i64, (uint64_t)0)
PTP_INT(u64, FLIP_SIGN)
#undef PTP_INT

/* == floats == */

/* The larger of two numbers: one instruction, but NaN comes or goes. */
static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline int64_t or_i64(int64_t a, int64_t b)
{
	return a | b;
}

/*
 * The largest sign * x[i] that is a number, -inf if there is none, for n <= BLOCK; sets *nan if there is a NaN.
 * NaN is looked for apart, so that the maximum is one instruction and not four.
 */
static inline double block_max(const double *x, int64_t n, double sign, int64_t *nan)
{
	int64_t bad[LANES];
	double t[LANES];
	int64_t i = 0;

	if (n == BLOCK) {
#define NUMBER(k) (x[(k)*LANES + l] == x[(k)*LANES + l] ? sign * x[(k)*LANES + l] : -INFINITY)
#define BAD(k) (int64_t)(x[(k)*LANES + l] != x[(k)*LANES + l])
		for (int l = 0; l < LANES; l++) {
			t[l] = TREE16(larger, NUMBER);
			bad[l] = TREE16(or_i64, BAD);
		}
#undef NUMBER
#undef BAD
		i = n;
	} else {
		for (int l = 0; l < LANES; l++) {
			t[l] = -INFINITY;
			bad[l] = 0;
		}
		for (; i + LANES <= n; i += LANES)
			for (int l = 0; l < LANES; l++) {
				t[l] = larger(sign * x[i + l], t[l]);
				bad[l] |= x[i + l] != x[i + l];
			}
	}
	FOLD(larger, t);
	FOLD(or_i64, bad);
	for (; i < n; i++) {
		t[0] = larger(sign * x[i], t[0]);
		bad[0] |= x[i] != x[i];
	}
	*nan = bad[0];
	return t[0];
}

/* A few elements: no lanes to set up and to fold. */
static inline double short_max(const double *x, int64_t n, double sign, int64_t *nan)
{
	double t = -INFINITY;
	int64_t bad = 0;

	for (int64_t i = 0; i < n; i++) {
		t = larger(sign * x[i], t);
		bad |= x[i] != x[i];
	}
	*nan = bad;
	return t;
}

/* The largest sign * x[i], and best; NaN is the largest of all. */
static inline double best_nan(double best, const double *x, int64_t n, double sign)
{
	for (int64_t i = 0; i < n; i += BLOCK) {
		int64_t m = n - i < BLOCK ? n - i : BLOCK, nan;
		double t = m < 2 * LANES ? short_max(x + i, m, sign, &nan) : block_max(x + i, m, sign, &nan);

		best = max_nan(best, nan ? NAN : t);
	}
	return best;
}

static inline int all_nan(const double *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (x[i] == x[i])
			return 0;
	return 1;
}

/* The largest sign * x[i] that is a number, and best. */
static inline double best_num(double best, const double *x, int64_t n, double sign)
{
	for (int64_t i = 0; i < n; i += BLOCK) {
		int64_t m = n - i < BLOCK ? n - i : BLOCK, nan;
		double t = m < 2 * LANES ? short_max(x + i, m, sign, &nan) : block_max(x + i, m, sign, &nan);

		if (nan && t == -INFINITY && all_nan(x + i, m))
			t = NAN;
		best = max_num(best, t);
	}
	return best;
}

static void max_nan_init(void *states, int64_t n)
{
	double *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = -INFINITY;
}

static void max_num_init(void *states, int64_t n)
{
	double *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = NAN;
}

static void max_nan_merge(void *restrict states, const void *restrict others, int64_t n)
{
	double *restrict s = states;
	const double *restrict o = others;

	for (int64_t i = 0; i < n; i++)
		s[i] = max_nan(s[i], o[i]);
}

static void max_num_merge(void *restrict states, const void *restrict others, int64_t n)
{
	double *restrict s = states;
	const double *restrict o = others;

	for (int64_t i = 0; i < n; i++)
		s[i] = max_num(s[i], o[i]);
}

#define ORDER_FLOAT(name, best, op, sign) \
	static void name##_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, UNUSED_PARAM) \
	{ \
		double *s = state; \
\
		*s = best(*s, x, n, sign); \
	} \
\
	static void name##_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED, \
				UNUSED_PARAM) \
	{ \
		double *restrict s = states; \
		const double *restrict v = x; \
\
		for (int64_t i = 0; i < n; i++) \
			s[i] = op(s[i], sign * v[i]); \
	} \
\
	static void name##_finish(void *restrict out, const void *restrict states, int64_t n, UNUSED_PARAM) \
	{ \
		const double *restrict s = states; \
		double *restrict r = out; \
\
		for (int64_t i = 0; i < n; i++) \
			r[i] = sign * s[i]; \
	}

ORDER_FLOAT(max_f64, best_nan, max_nan, 1.0)
ORDER_FLOAT(min_f64, best_nan, max_nan, -1.0)
ORDER_FLOAT(nanmax_f64, best_num, max_num, 1.0)
ORDER_FLOAT(nanmin_f64, best_num, max_num, -1.0)
#undef ORDER_FLOAT

static void ptp_f64_init(void *states, int64_t n)
{
	max_nan_init(states, 2 * n);
}

static void ptp_f64_run(void *state, const void *x, int64_t n, int64_t index TENSOR_UNUSED, UNUSED_PARAM)
{
	const double *v = x;
	double *s = state;

	for (int64_t i = 0; i < n; i += 4 * BLOCK) {
		int64_t m = n - i < 4 * BLOCK ? n - i : 4 * BLOCK;

		s[0] = best_nan(s[0], v + i, m, 1.0);
		s[1] = best_nan(s[1], v + i, m, -1.0);
	}
}

static void ptp_f64_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index TENSOR_UNUSED,
			 UNUSED_PARAM)
{
	double *restrict s = states;
	const double *restrict v = x;

	for (int64_t i = 0; i < n; i++) {
		s[2 * i] = max_nan(s[2 * i], v[i]);
		s[2 * i + 1] = max_nan(s[2 * i + 1], -v[i]);
	}
}

static void ptp_f64_merge(void *states, const void *others, int64_t n)
{
	max_nan_merge(states, others, 2 * n);
}

static void ptp_f64_finish(void *out, const void *states, int64_t n, UNUSED_PARAM)
{
	const double *s = states;
	double *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[2 * i] + s[2 * i + 1];
}

static void arg_f64_init(void *states, int64_t n)
{
	struct arg_f64 *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct arg_f64){ -INFINITY, 0 };
}

static inline void arg_f64_block(struct arg_f64 *s, const double *x, int64_t n, int64_t index, double sign)
{
	double key = best_nan(-INFINITY, x, n, sign);
	int64_t i = 0;

	if (!arg_f64_better(key, s->key))
		return;
	if (key != key)
		while (x[i] == x[i])
			i++;
	else
		while (sign * x[i] != key)
			i++;
	s->key = key;
	s->index = (double)(index + i);
}

static void arg_f64_merge(void *states, const void *others, int64_t n)
{
	struct arg_f64 *s = states;
	const struct arg_f64 *o = others;

	for (int64_t i = 0; i < n; i++)
		if (arg_f64_better(o[i].key, s[i].key))
			s[i] = o[i];
}

static void arg_f64_finish(void *out, const void *states, int64_t n, UNUSED_PARAM)
{
	const struct arg_f64 *s = states;
	int64_t *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = (int64_t)s[i].index;
}

#define ARG_FLOAT(name, sign) \
	static void name##_run(void *state, const void *x, int64_t n, int64_t index, UNUSED_PARAM) \
	{ \
		const double *v = x; \
\
		for (int64_t i = 0; i < n; i += BLOCK) \
			arg_f64_block(state, v + i, n - i < BLOCK ? n - i : BLOCK, index + i, sign); \
	} \
\
	static void name##_rows(void *restrict states, const void *restrict x, int64_t n, int64_t index, UNUSED_PARAM) \
	{ \
		struct arg_f64 *restrict s = states; \
		const double *restrict v = x; \
		double here = (double)index; \
\
		for (int64_t i = 0; i < n; i++) { \
			double key = sign * v[i]; \
			int better = arg_f64_better(key, s[i].key); \
\
			s[i].key = better ? key : s[i].key; \
			s[i].index = better ? here : s[i].index; \
		} \
	}

ARG_FLOAT(argmax_f64, 1.0)
ARG_FLOAT(argmin_f64, -1.0)
#undef ARG_FLOAT

/* == complex numbers == */

static void arg_c128_init(void *states, int64_t n)
{
	struct arg_c128 *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct arg_c128){ -INFINITY, -INFINITY, 0 };
}

static void nanmax_c128_init(void *states, int64_t n)
{
	struct arg_c128 *s = states;

	for (int64_t i = 0; i < n; i++)
		s[i] = (struct arg_c128){ NAN, NAN, 0 };
}

static void arg_c128_merge(void *states, const void *others, int64_t n)
{
	struct arg_c128 *s = states;
	const struct arg_c128 *o = others;

	for (int64_t i = 0; i < n; i++)
		if (better_nan(o[i].re, o[i].im, &s[i]))
			s[i] = o[i];
}

static void nanmax_c128_merge(void *states, const void *others, int64_t n)
{
	struct arg_c128 *s = states;
	const struct arg_c128 *o = others;

	for (int64_t i = 0; i < n; i++)
		if (better_num(o[i].re, o[i].im, &s[i]))
			s[i] = o[i];
}

static void arg_c128_finish(void *out, const void *states, int64_t n, UNUSED_PARAM)
{
	const struct arg_c128 *s = states;
	int64_t *r = out;

	for (int64_t i = 0; i < n; i++)
		r[i] = s[i].index;
}

#define ORDER_COMPLEX(name, better, sign) \
	static void name##_run(void *state, const void *x, int64_t n, int64_t index, UNUSED_PARAM) \
	{ \
		struct arg_c128 s = *(struct arg_c128 *)state; \
		const double *v = x; \
\
		for (int64_t i = 0; i < n; i++) { \
			double re = sign * v[2 * i], im = sign * v[2 * i + 1]; \
\
			if (better(re, im, &s)) \
				s = (struct arg_c128){ re, im, index + i }; \
		} \
		*(struct arg_c128 *)state = s; \
	} \
\
	static void name##_rows(void *states, const void *x, int64_t n, int64_t index, UNUSED_PARAM) \
	{ \
		struct arg_c128 *s = states; \
		const double *v = x; \
\
		for (int64_t i = 0; i < n; i++) { \
			double re = sign * v[2 * i], im = sign * v[2 * i + 1]; \
\
			if (better(re, im, &s[i])) \
				s[i] = (struct arg_c128){ re, im, index }; \
		} \
	} \
\
	TENSOR_UNUSED static void name##_finish(void *out, const void *states, int64_t n, UNUSED_PARAM) \
	{ \
		const struct arg_c128 *s = states; \
		double *r = out; \
\
		for (int64_t i = 0; i < n; i++) { \
			r[2 * i] = sign * s[i].re; \
			r[2 * i + 1] = sign * s[i].im; \
		} \
	}

ORDER_COMPLEX(max_c128, better_nan, 1.0)
ORDER_COMPLEX(min_c128, better_nan, -1.0)
ORDER_COMPLEX(nanmax_c128, better_num, 1.0)
ORDER_COMPLEX(nanmin_c128, better_num, -1.0)
#undef ORDER_COMPLEX

/* clang-format off */
#define INT_LOOPS(name, type) { 8, type, max_i64_init, max_##name##_run, max_##name##_rows, max_i64_merge, max_##name##_finish }
static const struct reduce_loops max_i64_loops = INT_LOOPS(largest_i64, DT_I64);
static const struct reduce_loops min_i64_loops = INT_LOOPS(smallest_i64, DT_I64);
static const struct reduce_loops max_u64_loops = INT_LOOPS(largest_u64, DT_U64);
static const struct reduce_loops min_u64_loops = INT_LOOPS(smallest_u64, DT_U64);
#undef INT_LOOPS
#define ARG_LOOPS(name) { sizeof(struct arg_i64), DT_I64, arg_i64_init, arg_##name##_run, arg_##name##_rows, arg_i64_merge, arg_i64_finish }
static const struct reduce_loops argmax_i64_loops = ARG_LOOPS(largest_i64);
static const struct reduce_loops argmin_i64_loops = ARG_LOOPS(smallest_i64);
static const struct reduce_loops argmax_u64_loops = ARG_LOOPS(largest_u64);
static const struct reduce_loops argmin_u64_loops = ARG_LOOPS(smallest_u64);
#undef ARG_LOOPS
static const struct reduce_loops ptp_i64_loops = { 16, DT_I64, ptp_i64_init, ptp_i64_run, ptp_i64_rows, ptp_i64_merge, ptp_i64_finish };
static const struct reduce_loops ptp_u64_loops = { 16, DT_U64, ptp_i64_init, ptp_u64_run, ptp_u64_rows, ptp_i64_merge, ptp_u64_finish };
static const struct reduce_loops ptp_f64_loops = { 16, DT_F64, ptp_f64_init, ptp_f64_run, ptp_f64_rows, ptp_f64_merge, ptp_f64_finish };

static const struct reduce_loops max_f64_loops = { 8, DT_F64, max_nan_init, max_f64_run, max_f64_rows, max_nan_merge, max_f64_finish };
static const struct reduce_loops min_f64_loops = { 8, DT_F64, max_nan_init, min_f64_run, min_f64_rows, max_nan_merge, min_f64_finish };
static const struct reduce_loops nanmax_f64_loops = { 8, DT_F64, max_num_init, nanmax_f64_run, nanmax_f64_rows, max_num_merge, nanmax_f64_finish };
static const struct reduce_loops nanmin_f64_loops = { 8, DT_F64, max_num_init, nanmin_f64_run, nanmin_f64_rows, max_num_merge, nanmin_f64_finish };
static const struct reduce_loops argmax_f64_loops = { sizeof(struct arg_f64), DT_I64, arg_f64_init, argmax_f64_run, argmax_f64_rows, arg_f64_merge, arg_f64_finish };
static const struct reduce_loops argmin_f64_loops = { sizeof(struct arg_f64), DT_I64, arg_f64_init, argmin_f64_run, argmin_f64_rows, arg_f64_merge, arg_f64_finish };

#define COMPLEX_LOOPS(type, init, name, merge, finish) { sizeof(struct arg_c128), type, init, name##_run, name##_rows, merge, finish }
static const struct reduce_loops max_c128_loops = COMPLEX_LOOPS(DT_C128, arg_c128_init, max_c128, arg_c128_merge, max_c128_finish);
static const struct reduce_loops min_c128_loops = COMPLEX_LOOPS(DT_C128, arg_c128_init, min_c128, arg_c128_merge, min_c128_finish);
static const struct reduce_loops nanmax_c128_loops = COMPLEX_LOOPS(DT_C128, nanmax_c128_init, nanmax_c128, nanmax_c128_merge, nanmax_c128_finish);
static const struct reduce_loops nanmin_c128_loops = COMPLEX_LOOPS(DT_C128, nanmax_c128_init, nanmin_c128, nanmax_c128_merge, nanmin_c128_finish);
static const struct reduce_loops argmax_c128_loops = COMPLEX_LOOPS(DT_I64, arg_c128_init, max_c128, arg_c128_merge, arg_c128_finish);
static const struct reduce_loops argmin_c128_loops = COMPLEX_LOOPS(DT_I64, arg_c128_init, min_c128, arg_c128_merge, arg_c128_finish);
#undef COMPLEX_LOOPS

const struct reduce_loops *LEVEL_NAME(reduce_order)(enum reduce_id id, enum dtype acc)
{
#define ROW(i, u, f, c) { [DT_I64] = &i##_i64_loops, [DT_U64] = &u##_u64_loops, [DT_F64] = &f##_f64_loops, [DT_C128] = &c##_c128_loops }
	static const struct reduce_loops *const table[NREDUCES][NDTYPES] = {
		[REDUCE_max]    = ROW(max, max, max, max),
		[REDUCE_min]    = ROW(min, min, min, min),
		[REDUCE_nanmax] = ROW(max, max, nanmax, nanmax),
		[REDUCE_nanmin] = ROW(min, min, nanmin, nanmin),
		[REDUCE_argmax] = ROW(argmax, argmax, argmax, argmax),
		[REDUCE_argmin] = ROW(argmin, argmin, argmin, argmin),
		[REDUCE_ptp]    = { [DT_I64] = &ptp_i64_loops, [DT_U64] = &ptp_u64_loops, [DT_F64] = &ptp_f64_loops },
	};
#undef ROW

	return table[id][acc];
}
/* clang-format on */
