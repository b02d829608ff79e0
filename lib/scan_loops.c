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

/* -- one row after the other -- */

#define STEP(op, type) \
	static void op##_step_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x, *before = p->carry; \
		type *y = p->y, *carry = p->carry; \
		int64_t w = p->w; \
\
		if (w == 1) { \
			type a = *carry; \
\
			for (int64_t i = 0; i < p->rows; i++) \
				y[i] = a = STEP_##op(a, x[i]); \
			*carry = a; \
			return; \
		} \
		for (int64_t i = 0; i < p->rows; i++, before = y, x += w, y += w) { \
			INDEPENDENT \
			for (int64_t j = 0; j < w; j++) \
				y[j] = STEP_##op(before[j], x[j]); \
		} \
		memcpy(carry, before, (size_t)w * sizeof(type)); \
	}

#define INIT(op, type, neutral) \
	static void op##_init_##type(void *carry, int64_t w) \
	{ \
		type *c = carry; \
\
		for (int64_t j = 0; j < w; j++) \
			c[j] = (neutral); \
	}

/* -- runs -- */

/* What a column of a run has come to: value before the run, of the run itself, both together. */
#define CARRY(op, type, neutral) \
	struct op##_carry_##type { \
		type base, local, value; \
	}; \
\
	static void op##_runs_init_##type(void *carry, int64_t w) \
	{ \
		struct op##_carry_##type *c = carry; \
\
		for (int64_t j = 0; j < w; j++) \
			c[j].base = c[j].local = c[j].value = (neutral); \
	}

/* Side by side, as each waits for the sum before. */
#define CHAINS(op, type) \
	static void op##_chains_##type(const type *x, type *y, int64_t w) \
	{ \
		type a[SCAN_CHAINS]; \
\
		for (int k = 0; k < SCAN_CHAINS; k++) \
			y[k * SCAN_RUN * w] = a[k] = x[k * SCAN_RUN * w]; \
		for (int64_t i = 1; i < SCAN_RUN; i++) \
			for (int k = 0; k < SCAN_CHAINS; k++) { \
				type v = x[(k * SCAN_RUN + i) * w]; \
\
				y[(k * SCAN_RUN + i) * w] = a[k] = STEP_##op(a[k], v); \
			} \
	}

/* Rows of a piece that belong to a run that began before it. */
static inline int64_t head_rows(const struct scan_piece *p)
{
	int64_t head = (SCAN_RUN - p->first % SCAN_RUN) % SCAN_RUN;

	return head < p->rows ? head : p->rows;
}

static inline int64_t run_end(const struct scan_piece *p, int64_t row)
{
	return row + SCAN_RUN < p->rows ? row + SCAN_RUN : p->rows;
}

#define LOCAL(op, type) \
	static void op##_local_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x; \
		type *y = p->y; \
		int64_t w = p->w, r = head_rows(p); \
\
		for (; p->rows - r >= SCAN_CHAINS * SCAN_RUN; r += SCAN_CHAINS * SCAN_RUN) { \
			if (w == 1) \
				op##_chains_##type(x + r, y + r, 1); \
			else \
				for (int64_t j = 0; j < w; j++) \
					op##_chains_##type(x + r * w + j, y + r * w + j, w); \
		} \
		for (int64_t end; r < p->rows; r = end) { \
			end = run_end(p, r); \
			for (int64_t j = 0; j < w; j++) { \
				type a = y[r * w + j] = x[r * w + j]; \
\
				for (int64_t i = r + 1; i < end; i++) \
					y[i * w + j] = a = STEP_##op(a, x[i * w + j]); \
			} \
		} \
	}

/*
 * A run of float64 goes on term by term from where its own sum is not finite, as the whole sum may be; so the carry decides
 * where it overflows.
 */
#define SUM_BROKEN(local) (!((local) - (local) == 0))
#define NEVER_BROKEN(local) ((void)(local), false)

#define JOIN(op, type, BROKEN) \
	static inline type op##_value_##type(type base, type local, type before, type x) \
	{ \
		return BROKEN(local) ? STEP_##op(before, x) : STEP_##op(base, local); \
	} \
\
	static void op##_join_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x; \
		type *y = p->y, *base = p->base; \
		int64_t w = p->w, head = head_rows(p); \
\
		for (int64_t j = 0; j < w; j++) { \
			struct op##_carry_##type *c = (struct op##_carry_##type *)p->carry + j; \
\
			for (int64_t i = 0; i < head; i++) { \
				c->local = STEP_##op(c->local, x[i * w + j]); \
				y[i * w + j] = c->value = \
					op##_value_##type(c->base, c->local, c->value, x[i * w + j]); \
			} \
		} \
		for (int64_t r = head, end; r < p->rows; r = end, base += w) { \
			end = run_end(p, r); \
			for (int64_t j = 0; j < w; j++) { \
				struct op##_carry_##type *c = (struct op##_carry_##type *)p->carry + j; \
\
				base[j] = c->base = c->value; \
				c->local = y[(end - 1) * w + j]; \
				if (!BROKEN(c->local)) { \
					c->value = STEP_##op(c->base, c->local); \
					continue; \
				} \
				for (int64_t i = r; i < end; i++) \
					c->value = op##_value_##type(c->base, y[i * w + j], c->value, x[i * w + j]); \
			} \
		} \
	}

#define FINISH(op, type, BROKEN) \
	static void op##_finish_##type(const struct scan_piece *p) \
	{ \
		const type *x = p->x, *base = p->base; \
		type *y = p->y; \
		int64_t w = p->w; \
\
		for (int64_t r = head_rows(p), end; r < p->rows; r = end, base += w) { \
			end = run_end(p, r); \
			for (int64_t j = 0; j < w; j++) { \
				type a = base[j], value = a; \
\
				if (BROKEN(y[(end - 1) * w + j])) \
					for (int64_t i = r; i < end; i++) \
						y[i * w + j] = value = \
							op##_value_##type(a, y[i * w + j], value, x[i * w + j]); \
				else if (w == 1) \
					for (int64_t i = r; i < end; i++) \
						y[i] = STEP_##op(a, y[i]); \
				else \
					for (int64_t i = r; i < end; i++) \
						y[i * w + j] = STEP_##op(a, y[i * w + j]); \
			} \
		} \
	}

#define RUNS(op, type, neutral, BROKEN) \
	STEP(op, type) \
	INIT(op, type, neutral) \
	CARRY(op, type, neutral) CHAINS(op, type) LOCAL(op, type) JOIN(op, type, BROKEN) FINISH(op, type, BROKEN)
RUNS(sum, int64_t, 0, NEVER_BROKEN)
RUNS(sum, uint64_t, 0, NEVER_BROKEN)
RUNS(sum, double, -0.0, SUM_BROKEN)
RUNS(max, int64_t, INT64_MIN, NEVER_BROKEN)
RUNS(max, uint64_t, 0, NEVER_BROKEN)
RUNS(max, double, -INFINITY, NEVER_BROKEN)
RUNS(min, int64_t, INT64_MAX, NEVER_BROKEN)
RUNS(min, uint64_t, UINT64_MAX, NEVER_BROKEN)
RUNS(min, double, INFINITY, NEVER_BROKEN)

#define IN_STEPS(op, type, neutral) STEP(op, type) INIT(op, type, neutral)
IN_STEPS(prod, int64_t, 1)
IN_STEPS(prod, uint64_t, 1)
IN_STEPS(prod, double, 1)

/* -- what starts with the first row -- */

/* What a column has come to. */
struct pick {
	union {
		int64_t i;
		uint64_t u;
		double f;
		double c[2]; /* real and imaginary part; of logsumexp: the maximum, and the sum relative to it */
	} value;
	int64_t index; /* of argmax, argmin */
};

static void pick_init(void *carry, int64_t w)
{
	memset(carry, 0, (size_t)w * sizeof(struct pick));
}

/* Complex numbers by the formula, without the corrections that C makes for infinities; NumPy has none. */
static void prod_step_complex(const struct scan_piece *p)
{
	const double *x = p->x;
	double *y = p->y;

	for (int64_t i = 0; i < p->rows; i++)
		for (int64_t j = 0; j < p->w; j++) {
			double *c = ((struct pick *)p->carry)[j].value.c, *out = y + 2 * (i * p->w + j);
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
			struct pick *c = (struct pick *)p->carry + j;

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
				struct pick *c = (struct pick *)p->carry + j; \
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
			double *c = ((struct pick *)p->carry)[j].value.c, v = x[i * p->w + j];

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

/* clang-format off */
#define IN_RUNS(op, type) { sizeof(struct op##_carry_##type), op##_runs_init_##type, op##_local_##type, op##_join_##type, op##_finish_##type, NULL }
#define STEPS(op, type) { sizeof(type), op##_init_##type, NULL, NULL, NULL, op##_step_##type }
#define PICKS(name) { sizeof(struct pick), pick_init, NULL, NULL, NULL, name }

scan_table PASTE(scan_, LEVEL) = { {
	[SCAN_SUM] = { STEPS(sum, int64_t), STEPS(sum, uint64_t), STEPS(sum, double) },
	[SCAN_MAX] = { STEPS(max, int64_t), STEPS(max, uint64_t), STEPS(max, double), PICKS(max_step_complex) },
	[SCAN_MIN] = { STEPS(min, int64_t), STEPS(min, uint64_t), STEPS(min, double), PICKS(min_step_complex) },
	[SCAN_PROD] = { STEPS(prod, int64_t), STEPS(prod, uint64_t), STEPS(prod, double), PICKS(prod_step_complex) },
	[SCAN_LOGSUMEXP] = { [SCAN_F64] = PICKS(logsumexp_step) },
	[SCAN_ARGMAX] = { PICKS(argmax_step_int64_t), PICKS(argmax_step_uint64_t), PICKS(argmax_step_double),
			  PICKS(argmax_step_complex) },
	[SCAN_ARGMIN] = { PICKS(argmin_step_int64_t), PICKS(argmin_step_uint64_t), PICKS(argmin_step_double),
			  PICKS(argmin_step_complex) },
}, {
	[SCAN_SUM] = { IN_RUNS(sum, int64_t), IN_RUNS(sum, uint64_t), IN_RUNS(sum, double) },
	[SCAN_MAX] = { IN_RUNS(max, int64_t), IN_RUNS(max, uint64_t), IN_RUNS(max, double) },
	[SCAN_MIN] = { IN_RUNS(min, int64_t), IN_RUNS(min, uint64_t), IN_RUNS(min, double) },
} };
/* clang-format on */
