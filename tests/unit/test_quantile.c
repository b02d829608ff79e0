/* Quantiles by every method of NumPy, and selection on input that is hard for it: lib/quantile.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/quantile.h"

static int count, failures;

static void ok(int good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name);
	failures += !good;
}

static const double sample[] = { 3.5, -1.25, 8, 0.1, 2.7, 2.7, -6, 11.3, 4.4, 0.3 };

enum { SAMPLE = sizeof(sample) / sizeof(sample[0]) };

/* Expected: numpy.quantile(sample, q, method=name), NumPy 2.4. */
static void test_methods(void)
{
	static const double q[7] = { 0, 0.05, 0.3, 0.5, 0.62, 0.95, 1 };
	/* clang-format off */
	static const struct {
		const char *name;
		double expected[7];
	} rows[] = {
		{ "inverted_cdf", { -6.0, -6.0, 0.1, 2.7, 3.5, 11.3, 11.3 } },
		{ "averaged_inverted_cdf", { -6.0, -6.0, 0.2, 2.7, 3.5, 11.3, 11.3 } },
		{ "closest_observation", { -6.0, -6.0, 0.1, 2.7, 2.7, 11.3, 11.3 } },
		{ "interpolated_inverted_cdf", { -6.0, -6.0, 0.1, 2.7, 2.8600000000000003, 9.65, 11.3 } },
		{ "hazen", { -6.0, -6.0, 0.2, 2.7, 3.2600000000000002, 11.3, 11.3 } },
		{ "weibull", { -6.0, -6.0, 0.15999999999999998, 2.7, 3.3560000000000003, 11.3, 11.3 } },
		{ "linear", { -6.0, -3.8625, 0.23999999999999994, 2.7, 3.164, 9.814999999999998, 11.3 } },
		{ "median_unbiased", { -6.0, -6.0, 0.1866666666666667, 2.7, 3.2920000000000003, 11.3, 11.3 } },
		{ "normal_unbiased", { -6.0, -6.0, 0.19000000000000003, 2.7, 3.2840000000000003, 11.3, 11.3 } },
		{ "lower", { -6.0, -6.0, 0.1, 2.7, 2.7, 8.0, 11.3 } },
		{ "higher", { -6.0, -1.25, 0.3, 2.7, 3.5, 11.3, 11.3 } },
		{ "midpoint", { -6.0, -3.625, 0.2, 2.7, 3.1, 9.65, 11.3 } },
		{ "nearest", { -6.0, -6.0, 0.3, 2.7, 3.5, 11.3, 11.3 } },
	};
	/* clang-format on */
	double x[SAMPLE], out[7];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int method = quantile_method_find(rows[i].name);

		memcpy(x, sample, sizeof(x));
		if (method >= 0)
			quantile_run(x, SAMPLE, q, 7, (enum quantile_method)method, DT_F64, DT_F64, out);
		ok(method >= 0 && !memcmp(out, rows[i].expected, sizeof(out)), rows[i].name);
	}
	ok(quantile_method_find("linea") < 0, "unknown method");
}

/* What float32 and float16 arrays give. */
static void test_types(void)
{
	static const double q[3] = { 0.3, 0.62, 0.95 };
	static const double f32[3] = { 0.24000000953674316, 3.1640000343322754, 9.815000534057617 };
	static const double f16[3] = { 0.239990234375, 3.1640625, 9.8125 };
	static const double half[SAMPLE] = { 3.5,	 -1.25, 8.0,	   0.0999755859375, 2.69921875,
					     2.69921875, -6.0,	11.296875, 4.3984375,	    0.300048828125 };
	double x[SAMPLE], out[3];

	for (int i = 0; i < SAMPLE; i++)
		x[i] = (float)sample[i];
	quantile_run(x, SAMPLE, q, 3, QUANTILE_LINEAR, DT_F32, DT_F32, out);
	ok(!memcmp(out, f32, sizeof(out)), "float32");
	memcpy(x, half, sizeof(x));
	quantile_run(x, SAMPLE, q, 3, QUANTILE_LINEAR, DT_F16, DT_F16, out);
	ok(!memcmp(out, f16, sizeof(out)), "float16");
}

static void test_special(void)
{
	const double q[2] = { 0.25, 1 };
	double out[2];

	quantile_run((double[]){ 1, NAN, 2 }, 3, q, 2, QUANTILE_LOWER, DT_F64, DT_F64, out);
	ok(isnan(out[0]) && isnan(out[1]), "NaN anywhere gives NaN");
	quantile_run((double[]){ 7 }, 1, q, 2, QUANTILE_WEIBULL, DT_F64, DT_F64, out);
	ok(out[0] == 7 && out[1] == 7, "one element");
	ok(isnan(median_run(NULL, 0)) && median_run((double[]){ 5 }, 1) == 5 &&
		   median_run((double[]){ 4, 1 }, 2) == 2.5 && isnan(median_run((double[]){ 4, NAN }, 2)) &&
		   median_run((double[]){ 1, INFINITY, -INFINITY, 2 }, 4) == 1.5,
	   "median");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double element(int kind, int i, int n)
{
	switch (kind) {
	case 0:
		return i;
	case 1:
		return n - i;
	case 2:
		return i < n / 2 ? i : n - i;
	case 3:
		return 1;
	case 4:
		return i % 2;
	case 5:
		return (double)((unsigned)i * 2654435761u);
	case 6:
		return i % 97 ? 0 : i;
	default:
		return i % 1000;
	}
}

static void test_selection(void)
{
	static const int sizes[] = { 2, 31, 32, 33, 100, 1000, 20001 };
	double *x = malloc(20001 * sizeof(*x)), *y = malloc(20001 * sizeof(*y));
	double q[100], out[100];
	int good = 1;

	if (!x || !y)
		exit(1);
	for (int kind = 0; kind < 8; kind++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			int n = sizes[s];

			for (int nq = 1; nq <= 100; nq = nq * 3 + 1) {
				for (int i = 0; i < n; i++)
					x[i] = y[i] = element(kind, i, n);
				qsort(y, (size_t)n, sizeof(*y), compare);
				for (int i = 0; i < nq; i++)
					q[i] = (double)(i * 37 % nq) / nq;
				quantile_run(x, n, q, nq, QUANTILE_LOWER, DT_F64, DT_F64, out);
				for (int i = 0; i < nq; i++)
					good &= out[i] == y[(int)floor((n - 1) * q[i])];
				qsort(x, (size_t)n, sizeof(*x), compare);
				good &= !memcmp(x, y, (size_t)n * sizeof(*x));
			}
		}
	ok(good, "selects what sorting would find, and loses no element");
	free(x);
	free(y);
}

int main(void)
{
	test_methods();
	test_types();
	test_special();
	test_selection();
	printf("1..%d\n", count);
	return failures != 0;
}
