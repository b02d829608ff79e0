/* The loops of scans for one instruction set level: see scan_loops.h. */
#include "scan_loops.h"

#include <math.h>
#include <string.h>

#include "loops.h"

/* -- steps: what becomes of accumulator a when b follows -- */

#define STEP_sum(a, b) ((a) + (b))
#define STEP_prod(a, b) ((a) * (b))
/* Of equal ones the later; the first NaN stays.  Source: numpy.maximum.accumulate. */
#define STEP_max(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define STEP_min(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))

/* Every other run can be longer than the first is wide: 4 columns at most are scanned one by one. */
enum { NARROW = 4 };

/* Runs side by side, as each waits for the sum before. */
#define CHAINS(op, type) \
	static void op##_chains_##type(const type *x, type *y, int64_t run, int64_t w) \
	{ \
		type a[SCAN_CHAINS]; \
\
		for (int k = 0; k < SCAN_CHAINS; k++) \
			y[k * run * w] = a[k] = x[k * run * w]; \
		for (int64_t i = 1; i < run; i++) \
			for (int k = 0; k < SCAN_CHAINS; k++) { \
				type v = x[(k * run + i) * w]; \
\
				y[(k * run + i) * w] = a[k] = STEP_##op(a[k], v); \
			} \
	}

#define LOCAL(op, type) \
	static void op##_local_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x; \
		type *y = p->y; \
		int64_t w = p->w, r = 0, full = w <= NARROW ? p->rows / (SCAN_CHAINS * p->run) : 0; \
\
		for (int64_t k = 0; k < full; k++, r += SCAN_CHAINS * p->run) \
			for (int64_t j = 0; j < w; j++) \
				op##_chains_##type(x + r * w + j, y + r * w + j, p->run, w); \
		if (w == 1) { \
			while (r < p->rows) { \
				int64_t end = r + p->run < p->rows ? r + p->run : p->rows; \
				type a = y[r] = x[r]; \
\
				for (r++; r < end; r++) \
					y[r] = a = STEP_##op(a, x[r]); \
			} \
			return; \
		} \
		for (; r < p->rows; r++) { \
			const type *b = x + r * w, *a = y + (r - 1) * w; \
			type *out = y + r * w; \
\
			if (r % p->run == 0) { \
				memcpy(out, b, (size_t)w * sizeof(type)); \
				continue; \
			} \
			INDEPENDENT \
			for (int64_t j = 0; j < w; j++) \
				out[j] = STEP_##op(a[j], b[j]); \
		} \
	}

/* What comes before each run, to base[run][column]. */
#define JOIN(op, type, field, REDO) \
	static void op##_join_##type(const struct scan_piece *p) \
	{ \
		const type *y = p->y; \
		type *base = p->base; \
\
		for (int64_t r = 0; r < p->rows; r += p->run, base += p->w) { \
			int64_t end = r + p->run < p->rows ? r + p->run : p->rows; \
\
			for (int64_t j = 0; j < p->w; j++) { \
				type a = p->carry[j].value.field, last = y[(end - 1) * p->w + j]; \
\
				base[j] = a; \
				if (REDO(last)) \
					a = again_##type(p, r, end, j, a, NULL); \
				else \
					a = STEP_##op(a, last); \
				p->carry[j].value.field = a; \
			} \
		} \
	}

#define FINISH(op, type, REDO) \
	static void op##_finish_##type(const struct scan_piece *p) \
	{ \
		type *y = p->y; \
		const type *base = p->base; \
		int64_t w = p->w; \
\
		for (int64_t r = 0; r < p->rows; r += p->run, base += w) { \
			int64_t end = r + p->run < p->rows ? r + p->run : p->rows; \
			bool bad = false; \
\
			for (int64_t j = 0; j < w; j++) \
				bad |= REDO(y[(end - 1) * w + j]); \
			for (int64_t j = 0; bad && j < w; j++) \
				if (REDO(y[(end - 1) * w + j])) \
					again_##type(p, r, end, j, base[j], y); \
				else \
					for (int64_t i = r; i < end; i++) \
						y[i * w + j] = STEP_##op(base[j], y[i * w + j]); \
			if (bad) \
				continue; \
			if (w == 1) { \
				type a = base[0]; \
\
				for (int64_t i = r; i < end; i++) \
					y[i] = STEP_##op(a, y[i]); \
				continue; \
			} \
			for (int64_t i = r; i < end; i++) { \
				type *row = y + i * w; \
\
				INDEPENDENT \
				for (int64_t j = 0; j < w; j++) \
					row[j] = STEP_##op(base[j], row[j]); \
			} \
		} \
	}

/*
 * A run of float64 whose own sum overflowed, or holds an infinity, is added term by term, as it does not overflow after
 * every carry.
 */
#define SUM_REDO(last) (!((last) - (last) == 0))
#define NO_REDO(last) ((void)(last), false)

static double again_double(const struct scan_piece *p, int64_t from, int64_t to, int64_t j, double a, double *y)
{
	const double *x = p->x;

	for (int64_t i = from; i < to; i++) {
		a += x[i * p->w + j];
		if (y)
			y[i * p->w + j] = a;
	}
	return a;
}

/* Never called: no sum of integers is done again. */
#define NEVER(type) \
	static type again_##type(const struct scan_piece *p, int64_t from, int64_t to, int64_t j, type a, type *y) \
	{ \
		(void)p, (void)from, (void)to, (void)j, (void)y; \
		return a; \
	}
NEVER(int64_t)
NEVER(uint64_t)
#undef NEVER

#define RUNS(op, type, field, REDO) CHAINS(op, type) LOCAL(op, type) JOIN(op, type, field, REDO) FINISH(op, type, REDO)
RUNS(sum, int64_t, i, NO_REDO)
RUNS(sum, uint64_t, u, NO_REDO)
RUNS(sum, double, f, SUM_REDO)
RUNS(max, int64_t, i, NO_REDO)
RUNS(max, uint64_t, u, NO_REDO)
RUNS(max, double, f, NO_REDO)
RUNS(min, int64_t, i, NO_REDO)
RUNS(min, uint64_t, u, NO_REDO)
RUNS(min, double, f, NO_REDO)

/* -- in order -- */

#define PROD(type, field) \
	static void prod_step_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x; \
		type *y = p->y; \
		int64_t w = p->w; \
\
		for (int64_t j = 0; w == 1 && j < 1; j++) { \
			type a = p->carry->value.field; \
\
			for (int64_t i = 0; i < p->rows; i++) \
				y[i] = a = STEP_prod(a, x[i]); \
			p->carry->value.field = a; \
		} \
		for (int64_t i = 0; w > 1 && i < p->rows; i++) \
			for (int64_t j = 0; j < w; j++) \
				y[i * w + j] = p->carry[j].value.field = \
					STEP_prod(p->carry[j].value.field, x[i * w + j]); \
	}
PROD(int64_t, i)
PROD(uint64_t, u)
PROD(double, f)

/* Complex numbers by the formula, without the corrections that C makes for infinities; NumPy has none. */
static void prod_step_complex(const struct scan_piece *p)
{
	const double *x = p->x;
	double *y = p->y;

	for (int64_t i = 0; i < p->rows; i++)
		for (int64_t j = 0; j < p->w; j++) {
			double *c = p->carry[j].value.c, *out = y + 2 * (i * p->w + j);
			double re = x[2 * (i * p->w + j)], im = x[2 * (i * p->w + j) + 1];

			if (p->first + i == 0) {
				out[0] = re;
				out[1] = im;
			} else {
				out[0] = c[0] * re - c[1] * im;
				out[1] = c[0] * im + c[1] * re;
			}
			c[0] = out[0];
			c[1] = out[1];
		}
}

/* NumPy's order: by real part, then by imaginary part; anything with a NaN is before and after all. */
static bool complex_greater(const double *a, const double *b)
{
	return a[0] > b[0] ? b[1] == b[1] : a[0] == b[0] && a[1] > b[1];
}

static bool complex_keeps(enum scan_op op, const double *a, const double *b)
{
	if (a[0] != a[0] || a[1] != a[1])
		return true;
	if (b[0] != b[0] || b[1] != b[1])
		return false;
	return (op == SCAN_MAX || op == SCAN_ARGMAX ? complex_greater(a, b) : complex_greater(b, a)) ||
	       (a[0] == b[0] && a[1] == b[1] && (op == SCAN_MAX || op == SCAN_MIN));
}

static inline void order_complex(const struct scan_piece *p, enum scan_op op)
{
	const double *x = p->x;

	for (int64_t i = 0; i < p->rows; i++)
		for (int64_t j = 0; j < p->w; j++) {
			const double *b = x + 2 * (i * p->w + j);
			struct scan_carry *c = &p->carry[j];

			if (p->first + i == 0 || !complex_keeps(op, c->value.c, b)) {
				memcpy(c->value.c, b, sizeof(c->value.c));
				c->index = p->first + i;
			}
			if (op == SCAN_MAX || op == SCAN_MIN)
				memcpy((double *)p->y + 2 * (i * p->w + j), c->value.c, sizeof(c->value.c));
			else
				((int64_t *)p->y)[i * p->w + j] = c->index;
		}
}

static void max_step_complex(const struct scan_piece *p)
{
	order_complex(p, SCAN_MAX);
}

static void min_step_complex(const struct scan_piece *p)
{
	order_complex(p, SCAN_MIN);
}

static void argmax_step_complex(const struct scan_piece *p)
{
	order_complex(p, SCAN_ARGMAX);
}

static void argmin_step_complex(const struct scan_piece *p)
{
	order_complex(p, SCAN_ARGMIN);
}

/* Of equal ones the last, of NaNs, too.  Source: torch.cummax. */
#define ARG(op, type, field, CMP) \
	static void op##_step_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x; \
		int64_t *y = p->y; \
\
		for (int64_t i = 0; i < p->rows; i++) \
			for (int64_t j = 0; j < p->w; j++) { \
				struct scan_carry *c = &p->carry[j]; \
				type a = c->value.field, b = x[i * p->w + j]; \
\
				if (p->first + i == 0 || b != b || b CMP a) { \
					c->value.field = b; \
					c->index = p->first + i; \
				} \
				y[i * p->w + j] = c->index; \
			} \
	}
ARG(argmax, int64_t, i, >=)
ARG(argmax, uint64_t, u, >=)
ARG(argmax, double, f, >=)
ARG(argmin, int64_t, i, <=)
ARG(argmin, uint64_t, u, <=)
ARG(argmin, double, f, <=)

/* The sum of exp(x - m), where m is the maximum so far: carry.c is m, the sum. */
static void logsumexp_step(const struct scan_piece *p)
{
	const double *x = p->x;
	double *y = p->y;

	for (int64_t i = 0; i < p->rows; i++)
		for (int64_t j = 0; j < p->w; j++) {
			double *c = p->carry[j].value.c, v = x[i * p->w + j];

			if (p->first + i == 0 || v != v) {
				c[0] = v;
				c[1] = 1;
			} else if (v == c[0]) {
				c[1] += 1; /* infinities, too */
			} else if (v > c[0]) {
				c[1] = c[1] * exp(c[0] - v) + 1;
				c[0] = v;
			} else {
				c[1] += exp(v - c[0]);
			}
			y[i * p->w + j] = c[1] == 1 ? c[0] : c[0] + log(c[1]);
		}
}

#define OF_RUNS(op, type) \
	{ \
		op##_local_##type, op##_join_##type, op##_finish_##type, NULL \
	}
#define IN_ORDER(name) \
	{ \
		NULL, NULL, NULL, name \
	}

scan_table PASTE(scan_, LEVEL) = {
	[SCAN_SUM] = { OF_RUNS(sum, int64_t), OF_RUNS(sum, uint64_t), OF_RUNS(sum, double) },
	[SCAN_MAX] = { OF_RUNS(max, int64_t), OF_RUNS(max, uint64_t), OF_RUNS(max, double),
		       IN_ORDER(max_step_complex) },
	[SCAN_MIN] = { OF_RUNS(min, int64_t), OF_RUNS(min, uint64_t), OF_RUNS(min, double),
		       IN_ORDER(min_step_complex) },
	[SCAN_PROD] = { IN_ORDER(prod_step_int64_t), IN_ORDER(prod_step_uint64_t), IN_ORDER(prod_step_double),
			IN_ORDER(prod_step_complex) },
	[SCAN_LOGSUMEXP] = { [SCAN_F64] = IN_ORDER(logsumexp_step) },
	[SCAN_ARGMAX] = { IN_ORDER(argmax_step_int64_t), IN_ORDER(argmax_step_uint64_t), IN_ORDER(argmax_step_double),
			  IN_ORDER(argmax_step_complex) },
	[SCAN_ARGMIN] = { IN_ORDER(argmin_step_int64_t), IN_ORDER(argmin_step_uint64_t), IN_ORDER(argmin_step_double),
			  IN_ORDER(argmin_step_complex) },
};
