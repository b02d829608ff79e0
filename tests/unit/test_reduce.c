/* The loops of the reductions against plain ones, and the same bits at every instruction set level: lib/reduce.h. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/reduce.h"

enum { MAX_N = 5000, COLUMNS = 19, MAX_STATE = 64 };

static int count, failures;

static void ok(int good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name);
	failures += !good;
}

static const char *const reduce_name[] = {
#define REDUCE(id, ...) #id,
#include "lib/ops.def"
};

static const enum dtype accs[] = { DT_I64, DT_U64, DT_F64, DT_C128 };

static uint64_t rng = 88172645463325252;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

/* A result of any type, padded with zeros. */
union value {
	double f[2];
	int64_t i;
	uint64_t u;
	unsigned char b;
};

static union value reduce(enum reduce_id id, enum dtype acc, const void *x, int64_t n, int64_t piece, int64_t chunk,
			  const struct reduce_param *param)
{
	const struct reduce_loops *loops = reduce_loops_get(id, acc);
	struct reduce_param p = param ? *param : (struct reduce_param){ .ord = 2 };
	uint64_t state[MAX_STATE / 8], part[MAX_STATE / 8];
	int64_t size = (int64_t)dtype_size(acc);
	union value v;

	memset(&v, 0, sizeof(v));
	p.count = n;
	loops->init(state, 1);
	for (int64_t i = 0; i < n; i += piece) {
		int64_t end = n - i < piece ? n : i + piece;

		loops->init(part, 1);
		for (int64_t k = i; k < end; k += chunk)
			loops->run(part, (const char *)x + k * size, end - k < chunk ? end - k : chunk, k, &p);
		loops->merge(state, part, 1);
	}
	loops->finish(&v, state, 1, &p);
	return v;
}

/* The same for every column of a matrix whose columns are all x; the result of one of them. */
static union value reduce_rows(enum reduce_id id, enum dtype acc, const void *x, int64_t n, int64_t piece,
			       const struct reduce_param *param)
{
	const struct reduce_loops *loops = reduce_loops_get(id, acc);
	struct reduce_param p = param ? *param : (struct reduce_param){ .ord = 2 };
	uint64_t state[COLUMNS * MAX_STATE / 8], part[COLUMNS * MAX_STATE / 8];
	unsigned char row[COLUMNS * 16], out[COLUMNS * 16];
	size_t size = dtype_size(acc), each = dtype_size(loops->result);
	union value v;

	memset(&v, 0, sizeof(v));
	p.count = n;
	loops->init(state, COLUMNS);
	for (int64_t i = 0; i < n; i += piece) {
		loops->init(part, COLUMNS);
		for (int64_t k = i; k < n && k < i + piece; k++) {
			for (int c = 0; c < COLUMNS; c++)
				memcpy(row + (size_t)c * size, (const char *)x + (size_t)k * size, size);
			loops->rows(part, row, COLUMNS, k, &p);
		}
		loops->merge(state, part, COLUMNS);
	}
	loops->finish(out, state, COLUMNS, &p);
	memcpy(&v, out + (size_t)(next_random() % COLUMNS) * each, each);
	return v;
}

static int close_to(double a, double b, double tolerance)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fabs(b);
}

/* == integers and small floats: exact == */

static void test_exact(void)
{
	static const int sizes[] = { 1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 255, 256, 257, 1000, 4097 };
	static int64_t x[MAX_N];
	static double f[MAX_N];
	int good = 1;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		int64_t n = sizes[s], sum = 0, max = INT64_MIN, min = INT64_MAX, imax = 0, imin = 0, nonzero = 0;
		uint64_t prod = 1;

		for (int64_t i = 0; i < n; i++) {
			x[i] = (int64_t)(next_random() % 201) - 100;
			f[i] = (double)x[i];
			sum += x[i];
			prod *= (uint64_t)x[i];
			nonzero += x[i] != 0;
			if (x[i] > max)
				max = x[imax = i];
			if (x[i] < min)
				min = x[imin = i];
		}

		const struct {
			enum reduce_id id;
			int64_t value;
		} expected[] = {
			{ REDUCE_sum, sum },	 { REDUCE_max, max },
			{ REDUCE_min, min },	 { REDUCE_ptp, max - min },
			{ REDUCE_argmax, imax }, { REDUCE_argmin, imin },
			{ REDUCE_nansum, sum },	 { REDUCE_nanmax, max },
			{ REDUCE_nanmin, min },	 { REDUCE_count_nonzero, nonzero },
		};

		for (size_t k = 0; k < sizeof(expected) / sizeof(expected[0]); k++) {
			enum reduce_id id = expected[k].id;
			int64_t want = expected[k].value;
			int is_float = reduce_loops_get(id, DT_F64)->result == DT_F64;
			union value a = reduce(id, DT_F64, f, n, 1000, 300, NULL);
			union value b = reduce_rows(id, DT_F64, f, n, 13, NULL);

			good &= reduce(id, DT_I64, x, n, 1000, 300, NULL).i == want;
			good &= reduce(id, DT_I64, x, n, n, n, NULL).i == want;
			good &= reduce_rows(id, DT_I64, x, n, 13, NULL).i == want;
			good &= is_float ? a.f[0] == (double)want : a.i == want;
			good &= is_float ? b.f[0] == (double)want : b.i == want;
		}
		good &= reduce(REDUCE_prod, DT_I64, x, n, 1000, 300, NULL).u == prod;
		good &= reduce_rows(REDUCE_prod, DT_U64, x, n, 13, NULL).u == prod;
		good &= reduce(REDUCE_any, DT_I64, x, n, 1000, 300, NULL).b == (nonzero > 0);
		good &= reduce(REDUCE_all, DT_F64, f, n, 1000, 300, NULL).b == (nonzero == n);
		good &= close_to(reduce(REDUCE_mean, DT_F64, f, n, 1000, 300, NULL).f[0], (double)sum / (double)n,
				 1e-15);
	}
	ok(good, "integers are reduced exactly");

	uint64_t big[] = { 1, UINT64_MAX, 3 }, low[] = { UINT64_MAX, 0 };

	ok(reduce(REDUCE_max, DT_U64, big, 3, 3, 3, NULL).u == UINT64_MAX &&
		   reduce(REDUCE_argmax, DT_U64, big, 3, 1, 1, NULL).i == 1 &&
		   reduce(REDUCE_ptp, DT_U64, low, 2, 2, 2, NULL).u == UINT64_MAX &&
		   reduce_rows(REDUCE_min, DT_U64, big, 3, 3, NULL).u == 1,
	   "unsigned numbers above 2**63");
}

/* == special values == */

static void check(const char *name, enum reduce_id id, const double *x, int64_t n, double expected,
		  const struct reduce_param *p)
{
	enum dtype result = reduce_loops_get(id, DT_F64)->result;
	union value v[] = { reduce(id, DT_F64, x, n, 100, 100, p), reduce(id, DT_F64, x, n, 1, 1, p),
			    reduce_rows(id, DT_F64, x, n, 100, p), reduce_rows(id, DT_F64, x, n, 1, p) };
	int good = 1;

	for (int i = 0; i < 4; i++) {
		double got = result == DT_F64 ? v[i].f[0] : result == DT_BOOL ? v[i].b : (double)v[i].i;

		if (!close_to(got, expected, 1e-15)) {
			printf("# %s of %s, way %d: %.17g, expected %.17g\n", reduce_name[id], name, i, got, expected);
			good = 0;
		}
	}
	ok(good, name);
}

#define CHECK(name, id, expected, ...) \
	check(name, REDUCE_##id, (const double[]){ __VA_ARGS__ }, \
	      (int64_t)(sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double)), expected, NULL)

static void test_special(void)
{
	const double inf = INFINITY, nan = NAN;

	CHECK("sum with inf", sum, inf, 1, inf, 2);
	CHECK("sum of opposite infinities", sum, nan, inf, 1, -inf);
	CHECK("sum with nan", sum, nan, 1, nan, inf);
	CHECK("sum that overflows stays inf", sum, inf, 1e308, 1e308, -1e308);
	CHECK("sum of what rounding loses", sum, 2, 1e16, 1, 1, -1e16);
	CHECK("mean with inf", mean, inf, 1, inf);
	CHECK("max with nan", max, nan, 1, nan, inf);
	CHECK("min with nan", min, nan, 1, nan, -inf);
	CHECK("max of -inf", max, -inf, -inf, -inf);
	CHECK("argmax takes the first nan", argmax, 1, 5, nan, inf, nan);
	CHECK("argmin takes the first nan", argmin, 2, -inf, 3, nan);
	CHECK("argmax takes the first of equals", argmax, 1, 1, 7, 3, 7);
	CHECK("argmin takes the first of equals", argmin, 0, 1, 7, 1, 7);
	CHECK("argmax of -inf", argmax, 0, -inf, -inf);
	CHECK("argmin of inf", argmin, 0, inf, inf);
	CHECK("ptp with inf", ptp, inf, 1, inf);
	CHECK("nansum of nan", nansum, 0, nan, nan);
	CHECK("nanprod of nan", nanprod, 1, nan, nan);
	CHECK("nanmean of nan", nanmean, nan, nan, nan);
	CHECK("nanmean", nanmean, 2, 1, nan, 3);
	CHECK("nanmax of nan", nanmax, nan, nan, nan);
	CHECK("nanmax of nan and -inf", nanmax, -inf, nan, -inf, nan);
	CHECK("nanmin of nan and inf", nanmin, inf, nan, inf);
	CHECK("nanvar", nanvar, 1, 1, nan, 3);
	CHECK("nanvar of nan", nanvar, nan, nan);
	CHECK("var of one", var, 0, 5);
	CHECK("var with inf", var, nan, 1, inf);
	CHECK("std", std, 2, 1, 5);
	CHECK("any of nan", any, 1, 0, nan);
	CHECK("any of zeros", any, 0, 0, -0.0);
	CHECK("all with -0", all, 0, 1, -0.0);
	CHECK("count_nonzero counts nan", count_nonzero, 2, 0, nan, -0.0, 3);
	CHECK("norm", norm, 5, 3, -4);
	CHECK("logsumexp of large ones", logsumexp, 1000 + log(2), 1000, 1000);
	CHECK("logsumexp of -inf", logsumexp, -inf, -inf, -inf);
	CHECK("logsumexp with inf", logsumexp, inf, -inf, inf, 3);
	CHECK("logsumexp with nan", logsumexp, nan, inf, nan);
	CHECK("logsumexp of far ones", logsumexp, 5000, -5000, 5000);

	static const double ords[] = { INFINITY, -INFINITY, 0, 1, 2, 3, 0.5, -1 };
	static const double norms[] = { 4, 0, 2, 7, 5, 4.497941445275415, 13.928203230275509, 0 };

	for (int i = 0; i < 8; i++) {
		char name[32];

		snprintf(name, sizeof(name), "norm of order %g", ords[i]);
		check(name, REDUCE_norm, (const double[]){ 3, 0, -4 }, 3, norms[i],
		      &(struct reduce_param){ .ord = ords[i] });
	}
	check("var, correction 1", REDUCE_var, (const double[]){ 1, 3 }, 2, 2,
	      &(struct reduce_param){ .correction = 1 });
	check("var, too few", REDUCE_var, (const double[]){ 1, 3 }, 2, inf, &(struct reduce_param){ .correction = 3 });
	check("var of one, correction 1", REDUCE_var, (const double[]){ 1 }, 1, nan,
	      &(struct reduce_param){ .correction = 1 });
	check("nanvar, too few", REDUCE_nanvar, (const double[]){ 1, 3 }, 2, nan,
	      &(struct reduce_param){ .correction = 3 });
}

static void test_empty(void)
{
	static const struct {
		enum reduce_id id;
		double expected;
	} rows[] = {
		{ REDUCE_sum, 0 },
		{ REDUCE_prod, 1 },
		{ REDUCE_nansum, 0 },
		{ REDUCE_nanprod, 1 },
		{ REDUCE_norm, 0 },
		{ REDUCE_mean, NAN },
		{ REDUCE_var, NAN },
		{ REDUCE_std, NAN },
		{ REDUCE_nanmean, NAN },
		{ REDUCE_nanvar, NAN },
		{ REDUCE_logsumexp, -INFINITY },
	};
	int good = 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good &= close_to(reduce(rows[i].id, DT_F64, "", 0, 1, 1, NULL).f[0], rows[i].expected, 0);
	good &= !reduce(REDUCE_any, DT_F64, "", 0, 1, 1, NULL).b && reduce(REDUCE_all, DT_F64, "", 0, 1, 1, NULL).b;
	good &= reduce(REDUCE_count_nonzero, DT_C128, "", 0, 1, 1, NULL).i == 0;
	ok(good, "empty reductions");
}

static void test_complex(void)
{
	const double x[] = { 1, 2, 1, 3, -5, 0 }, with_nan[] = { 9, 0, 1, NAN, NAN, 2, 10, 1 };
	union value v = reduce(REDUCE_sum, DT_C128, x, 3, 2, 1, NULL);
	int good = v.f[0] == -3 && v.f[1] == 5;

	v = reduce_rows(REDUCE_prod, DT_C128, x, 3, 2, NULL);
	good &= v.f[0] == 25 && v.f[1] == -25;
	v = reduce(REDUCE_max, DT_C128, x, 3, 3, 3, NULL);
	good &= v.f[0] == 1 && v.f[1] == 3;
	v = reduce(REDUCE_min, DT_C128, x, 3, 1, 1, NULL);
	good &= v.f[0] == -5 && v.f[1] == 0;
	good &= reduce(REDUCE_argmax, DT_C128, x, 3, 1, 1, NULL).i == 1;
	good &= reduce_rows(REDUCE_argmin, DT_C128, x, 3, 3, NULL).i == 2;
	good &= reduce(REDUCE_argmax, DT_C128, with_nan, 4, 1, 1, NULL).i == 1;
	v = reduce(REDUCE_nanmax, DT_C128, with_nan, 4, 2, 2, NULL);
	good &= v.f[0] == 10 && v.f[1] == 1;
	v = reduce(REDUCE_nansum, DT_C128, with_nan, 4, 2, 2, NULL);
	good &= v.f[0] == 19 && v.f[1] == 1;
	v = reduce_rows(REDUCE_nanmean, DT_C128, with_nan, 4, 2, NULL);
	good &= v.f[0] == 9.5 && v.f[1] == 0.5;
	good &= close_to(reduce(REDUCE_var, DT_C128, x, 3, 3, 3, NULL).f[0], 8 + 14.0 / 9, 1e-15);
	good &= close_to(reduce_rows(REDUCE_var, DT_C128, x, 3, 2, NULL).f[0], 8 + 14.0 / 9, 1e-15);
	good &= close_to(reduce(REDUCE_norm, DT_C128, x, 3, 3, 3, NULL).f[0], sqrt(40), 1e-15);
	ok(good, "complex numbers");
	ok(!reduce_loops_get(REDUCE_logsumexp, DT_C128) && !reduce_loops_get(REDUCE_ptp, DT_C128) &&
		   !reduce_loops_get(REDUCE_mean, DT_I64) && !reduce_loops_get(REDUCE_sum, DT_F32),
	   "what has no loop is NULL");
}

/* == accuracy == */

static void test_accuracy(void)
{
	enum { N = 1 << 20 };
	double *x = malloc(N * sizeof(*x));
	double sum, rows, var, var_rows;
	int good = 1;

	if (!x)
		exit(1);
	/* N times the double nearest 0.1: the exact sum is a power of two times that. */
	for (int i = 0; i < N; i++)
		x[i] = 0.1;
	sum = reduce(REDUCE_sum, DT_F64, x, N, 1 << 17, 4096, NULL).f[0];
	rows = reduce_rows(REDUCE_sum, DT_F64, x, N, N, NULL).f[0];
	ok(close_to(sum, 0.1 * N, 4 * DBL_EPSILON) && rows == 0.1 * N, "sum of 2**20 tenths");

	/* i - (N - 1) / 2, far from 0: the variance is (N * N - 1) / 12. */
	for (int k = 0; k < 4; k++) {
		const double shift[] = { 0, 1e6, -1e9, 1e12 };
		double expected = ((double)N * N - 1) / 12;

		for (int i = 0; i < N; i++)
			x[i] = shift[k] + i;
		var = reduce(REDUCE_var, DT_F64, x, N, 1 << 17, 4096, NULL).f[0];
		var_rows = reduce_rows(REDUCE_var, DT_F64, x, N, 1 << 17, NULL).f[0];
		good &= close_to(var, expected, 1e-14) && close_to(var_rows, expected, 1e-12);
	}
	ok(good, "variance of numbers far from 0");
	for (int i = 0; i < N; i++)
		x[i] = -700 + i % 3;
	sum = reduce(REDUCE_logsumexp, DT_F64, x, N - 1, 1 << 17, 4096, NULL).f[0];
	rows = reduce_rows(REDUCE_logsumexp, DT_F64, x, N - 1, 1000, NULL).f[0];
	ok(close_to(sum, log((N - 1) / 3) - 700 + log(1 + exp(1) + exp(2)), 1e-15) && close_to(rows, sum, 1e-15),
	   "logsumexp");
	free(x);
}

/* == the same bits at every level == */

static void fill(enum dtype acc, void *x, int64_t n, int kind)
{
	const double special[] = { NAN, INFINITY, -INFINITY, -0.0, 0, 1e300 };
	int64_t parts = acc == DT_C128 ? 2 * n : n;

	for (int64_t i = 0; i < parts; i++) {
		if (acc == DT_I64 || acc == DT_U64)
			((uint64_t *)x)[i] = next_random() >> (kind * 20);
		else if (kind == 2 && next_random() % 8 == 0)
			((double *)x)[i] = special[next_random() % 6];
		else
			((double *)x)[i] = ((double)(next_random() >> 11) * 0x1p-53 - 0.25) * (kind + 1);
	}
}

/* FNV of the results of every reduction at the level that TENSOR_CPU names. */
static uint64_t digest(void)
{
	static const double ords[] = { 2, 1, 0, INFINITY, -INFINITY, 2.5 };
	static const int sizes[] = { 1, 3, 8, 16, 17, 31, 33, 100, 256, 300, 1100 };
	static double x[2 * MAX_N];
	uint64_t h = 14695981039346656037u;

	rng = 42;
	for (int a = 0; a < 4; a++)
		for (int i = 0; i < NREDUCES * 11 * 3; i++) {
			enum reduce_id id = (enum reduce_id)(i % NREDUCES);
			int64_t n = sizes[i / NREDUCES % 11];
			struct reduce_param p = { .correction = i & 1, .ord = ords[i % 6] };
			union value v[2];

			if (!reduce_loops_get(id, accs[a]))
				continue;
			fill(accs[a], x, n, i / NREDUCES / 11);
			v[0] = reduce(id, accs[a], x, n, 1000, 300, &p);
			v[1] = reduce_rows(id, accs[a], x, n, 50, &p);
			for (int k = 0; k < 2; k++)
				for (int j = 0; j < 2; j++) {
					/* One NaN is as good as another. */
					uint64_t bits = 0;

					if (!isnan(v[k].f[j]))
						memcpy(&bits, &v[k].f[j], sizeof(bits));
					h = (h ^ bits) * 1099511628211u;
				}
		}
	return h;
}

static void test_levels(void)
{
	uint64_t best = digest(), lower[2];

	setenv("TENSOR_CPU", "v2", 1);
	lower[0] = digest();
	setenv("TENSOR_CPU", "v3", 1);
	lower[1] = digest();
	unsetenv("TENSOR_CPU");
	ok(best == lower[0] && best == lower[1], "the instruction set does not change a bit");
}

int main(void)
{
	test_exact();
	test_special();
	test_empty();
	test_complex();
	test_accuracy();
	test_levels();
	printf("1..%d\n", count);
	return failures != 0;
}
