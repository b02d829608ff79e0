/* Philox, the distributions and their vector loops: lib/philox.h and lib/random.h. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/philox.h"
#include "lib/random.h"

static int count, failures;

static void ok(int good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name);
	failures += !good;
}

/* Known answers of Random123, kat_vectors. */
static void test_philox(void)
{
	static const struct {
		struct philox counter;
		uint32_t key[2];
		struct philox expected;
	} rows[] = {
		{ { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
		{ { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
		  { 0xffffffff, 0xffffffff },
		  { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
		{ { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
		  { 0xa4093822, 0x299f31d0 },
		  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
	};
	int good = 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct philox r = philox4x32(rows[i].counter, rows[i].key[0], rows[i].key[1]);

		good &= !memcmp(&r, &rows[i].expected, sizeof(r));
	}
	ok(good, "Philox4x32-10 known answers");
}

static void test_functions(void)
{
	double log_error = 0, sin_error = 0;

	for (uint64_t i = 0; i < 200000; i++) {
		struct philox_bits r = philox_draw(5, i, 99);
		double u = 1 - ldexp(philox_unit(r.a), -(int)(i % 53)), y = philox_unit(r.b) / 2 - 0.25;
		long double l = logl(u), s = sinl(2 * 3.141592653589793238462643383279502884L * y);

		/* Near 1 and near 0, the relative error counts, too. */
		log_error = fmax(log_error, u == 1 ? 0 : (double)fabsl((philox_log(u) - l) / l));
		l = logl(1 - u + 0x1p-53);
		log_error = fmax(log_error, (double)fabsl((philox_log(1 - u + 0x1p-53) - l) / l));
		sin_error = fmax(sin_error, y == 0 ? 0 : (double)fabsl((philox_sin2pi(y) - s) / s));
	}
	printf("# relative errors: log %.3g, sin %.3g\n", log_error, sin_error);
	ok(log_error < 1.1 * DBL_EPSILON && sin_error < 2 * DBL_EPSILON, "log and sin of 2 pi are accurate");
	ok(philox_log(1) == 0 && !signbit(philox_exponential((struct philox_bits){ 0, 0 })), "log(1) is 0");
	ok(philox_unit(UINT64_MAX) == 1 - 0x1p-53 && philox_unit(0) == 0, "the unit interval is half open");
}

/* Values that must never change: a seed means the same array for ever. */
static void test_golden(void)
{
	static const double uniform[] = { 0x1.c1c70490a0980p-6, 0x1.da9cda7f82528p-3, 0x1.f4d29d26a6e2ep-2 };
	static const double normal[] = { -0x1.a66006dac645cp-5, 0x1.595a98b38e090p-3, 0x1.cd8d69e359602p-1 };
	static const double exponential[] = { 0x1.8c0f853087990p-1, 0x1.ae7dc989cac23p-2, 0x1.65183df645e31p+1 };
	static const int64_t bernoulli[] = { 0, 0, 0, 0, 0, 1, 1, 1 };
	static const int64_t integer[] = { 90, 64, 75, 55, 31, 32, 32, 10 };
	static const int64_t permutation[] = { 4, 2, 6, 3, 5, 1, 8, 0, 9, 7 };
	double f[3];
	int64_t x[10];

	random_fill(&(struct random_param){ RANDOM_uniform, 1, 0, 1, 0, 0 }, 0, 3, f);
	ok(!memcmp(f, uniform, sizeof(uniform)), "uniform, seed 1");
	random_fill(&(struct random_param){ RANDOM_normal, 1, 0, 1, 0, 0 }, 0, 3, f);
	ok(!memcmp(f, normal, sizeof(normal)), "normal, seed 1");
	random_fill(&(struct random_param){ RANDOM_exponential, 1, 1, 0, 0, 0 }, 0, 3, f);
	ok(!memcmp(f, exponential, sizeof(exponential)), "exponential, seed 1");
	random_fill(&(struct random_param){ RANDOM_bernoulli, 1, 0.5, 0, 0, 0 }, 0, 8, x);
	ok(!memcmp(x, bernoulli, sizeof(bernoulli)), "bernoulli, seed 1");
	random_fill(&(struct random_param){ RANDOM_integer, 1, 0, 0, 0, 100 }, 0, 8, x);
	ok(!memcmp(x, integer, sizeof(integer)), "integer, seed 1");
	random_permutation(1, 10, x);
	ok(!memcmp(x, permutation, sizeof(permutation)), "permutation, seed 1");
}

/* Element i by the scalar functions. */
static uint64_t element(const struct random_param *p, int64_t i)
{
	static const uint32_t stream[] = { PHILOX_UNIFORM, PHILOX_NORMAL, PHILOX_EXPONENTIAL, PHILOX_BERNOULLI,
					   PHILOX_INTEGER };
	struct philox_bits r = philox_draw(p->seed, (uint64_t)i, stream[p->id]);
	double d = 0;
	uint64_t bits;

	switch (p->id) {
	case RANDOM_uniform:
		d = p->a + (p->b - p->a) * philox_unit(r.a);
		break;
	case RANDOM_normal:
		d = p->a + p->b * philox_normal(r);
		break;
	case RANDOM_exponential:
		d = p->a * philox_exponential(r);
		break;
	case RANDOM_bernoulli:
		return philox_unit(r.a) < p->a;
	case RANDOM_integer:
		return (uint64_t)p->lo + philox_below(r, p->range);
	}
	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static void test_loops(void)
{
	enum { N = 1000 };
	static const int64_t starts[] = { 0, 1, 77, 0xffffffff - 500, ((int64_t)1 << 40) + 3 };
	static const uint64_t ranges[] = { 0, 1, 10, 1000003, (uint64_t)1 << 63, UINT64_MAX };
	static const char *const levels[] = { "v2", "v3", "v4", "" };
	static uint64_t x[N];
	int good = 1;

	for (int l = 0; l < 4; l++) {
		setenv("TENSOR_CPU", levels[l], 1);
		for (int k = 0; k < 5 * 5 * 6; k++) {
			struct random_param p = { (enum random_id)(k % 5), 0x123456789abcdef0, 0.3, 2, -5,
						  ranges[k / 25] };
			int64_t start = starts[k / 5 % 5];

			random_fill(&p, start, N, x);
			for (int i = 0; i < N; i++)
				good &= x[i] == element(&p, start + i);
			/* However it is cut. */
			random_fill(&p, start + 3, 130, x);
			for (int i = 0; i < 130; i++)
				good &= x[i] == element(&p, start + 3 + i);
		}
	}
	unsetenv("TENSOR_CPU");
	ok(good, "loops of every level draw what the scalar functions draw, from any start");
}

/* == statistics: bounds that one seed in some 1e5 would miss == */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Kolmogorov's distance of x from the distribution function, times sqrt(n). */
static double kolmogorov(double *x, int n, double (*cdf)(double))
{
	double d = 0;

	qsort(x, (size_t)n, sizeof(*x), compare);
	for (int i = 0; i < n; i++)
		d = fmax(d, fmax(cdf(x[i]) - (double)i / n, (double)(i + 1) / n - cdf(x[i])));
	return d * sqrt(n);
}

static double cdf_uniform(double x)
{
	return x;
}

static double cdf_normal(double x)
{
	return erfc(-x / sqrt(2)) / 2;
}

static double cdf_exponential(double x)
{
	return -expm1(-x);
}

static void test_statistics(void)
{
	enum { N = 200000 };
	static const struct {
		enum random_id id;
		double a, b, mean, var, fourth; /* fourth: the central moment */
		double (*cdf)(double);
		const char *name;
	} rows[] = {
		{ RANDOM_uniform, 0, 1, 0.5, 1 / 12.0, 1 / 80.0, cdf_uniform, "uniform" },
		{ RANDOM_normal, 0, 1, 0, 1, 3, cdf_normal, "normal" },
		{ RANDOM_exponential, 1, 0, 1, 1, 9, cdf_exponential, "exponential" },
	};
	double *x = malloc(N * sizeof(*x));

	if (!x)
		exit(1);
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		int good = 1;

		for (uint64_t seed = 1; seed <= 3; seed++) {
			double mean = 0, var = 0, lag = 0, before = rows[r].mean;

			random_fill(&(struct random_param){ rows[r].id, seed, rows[r].a, rows[r].b, 0, 0 }, 0, N, x);
			for (int i = 0; i < N; i++) {
				double d = x[i] - rows[r].mean;

				mean += d / N;
				var += d * d / N;
				lag += d * (before - rows[r].mean) / N;
				before = x[i];
			}
			good &= fabs(mean) < 4.5 * sqrt(rows[r].var / N);
			good &= fabs(var - rows[r].var) < 4.5 * sqrt((rows[r].fourth - rows[r].var * rows[r].var) / N);
			good &= fabs(lag) < 4.5 * rows[r].var / sqrt(N);
			good &= kolmogorov(x, N, rows[r].cdf) < 2.5;
		}
		ok(good, rows[r].name);
	}
	free(x);

	int64_t *k = malloc(N * sizeof(*k));
	int64_t seen[100] = { 0 };
	double chi = 0, ones = 0;

	if (!k)
		exit(1);
	random_fill(&(struct random_param){ RANDOM_integer, 7, 0, 0, -50, 100 }, 0, N, k);
	for (int i = 0; i < N; i++)
		seen[k[i] + 50]++;
	for (int i = 0; i < 100; i++)
		chi += ((double)seen[i] - N / 100) * ((double)seen[i] - N / 100) / (N / 100);
	ok(chi > 46 && chi < 170, "integer");
	random_fill(&(struct random_param){ RANDOM_bernoulli, 7, 0.3, 0, 0, 0 }, 0, N, k);
	for (int i = 0; i < N; i++)
		ones += (double)k[i];
	ok(fabs(ones / N - 0.3) < 4.5 * sqrt(0.21 / N), "bernoulli");
	free(k);
}

static void test_permutation(void)
{
	int64_t x[1000], at[4][4] = { { 0 } };
	char seen[1000] = { 0 };
	int good = 1;

	random_permutation(3, 1000, x);
	for (int i = 0; i < 1000; i++)
		seen[x[i]]++;
	for (int i = 0; i < 1000; i++)
		good &= seen[i] == 1;
	ok(good, "a permutation has every number once");
	for (uint64_t seed = 0; seed < 40000; seed++) {
		random_permutation(seed, 4, x);
		for (int i = 0; i < 4; i++)
			at[i][x[i]]++;
	}
	for (int i = 0; i < 16; i++)
		good &= llabs(at[i / 4][i % 4] - 10000) < 400;
	ok(good, "every number comes to every place");
	random_permutation(1, 0, x);
	random_permutation(1, 1, x);
	ok(x[0] == 0, "permutations of nothing and of one");
	good = 1;
	for (int64_t n = 2; n <= 1000; n++) {
		int64_t y[1000];

		for (int64_t i = 0; i < n; i++)
			y[i] = i;
		for (int64_t i = n - 1; i > 0; i--) {
			struct philox_bits r = philox_draw(7, (uint64_t)i, PHILOX_PERMUTATION);
			int64_t j = (int64_t)philox_below(r, (uint64_t)i + 1), t = y[i];

			y[i] = y[j];
			y[j] = t;
		}
		random_permutation(7, n, x);
		good &= !memcmp(x, y, (size_t)n * sizeof(*x));
	}
	ok(good, "permutations of every length, as one draw after the other makes them");
}

int main(void)
{
	test_philox();
	test_functions();
	test_golden();
	test_loops();
	test_statistics();
	test_permutation();
	ok(random_seed() != random_seed(), "two seeds differ");
	printf("1..%d\n", count);
	return failures != 0;
}
