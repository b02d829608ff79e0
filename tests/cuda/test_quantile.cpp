/* Medians and quantiles of the device under emulation: the bits of the processor's (lib/quantile.h). */
#include "machine.h"

#include <math.h>

#include <algorithm>

extern "C" {
#include "lib/quantile_math.h"
}

static const double qs[] = { 0, 1, 0.5, 0.25, 0.1, 0.99, 1 / 3. };
enum { NQ = sizeof(qs) / sizeof(*qs) };

struct statistic {
	struct order_statistic *s;

	statistic(int64_t n)
	{
		s = (struct order_statistic *)calloc(1, sizeof(*s) + sizeof(qs));
		s->n = n;
		s->nq = NQ;
		s->type = DT_F64;
		memcpy(s->q, qs, sizeof(qs));
	}
	~statistic()
	{
		free(s);
	}
};

static double number(enum dtype type)
{
	double v = (double)(int64_t)machine_random() * 0x1p-60;

	if (machine_random() % 4 == 0)
		v = (double)(machine_random() % 5);
	return quantile_round(type, v);
}

static std::vector<double> row_of(const std::vector<double> &x, int64_t row, int64_t n, bool skip)
{
	std::vector<double> r;

	for (int64_t i = row * n; i < (row + 1) * n; i++)
		if (!skip || x[(size_t)i] == x[(size_t)i])
			r.push_back(x[(size_t)i]);
	return r;
}

static bool test(const struct order_statistic *s, int64_t rows, bool nans)
{
	std::vector<double> x((size_t)(rows * s->n)), want((size_t)(rows * s->nq));
	struct error err = ERROR_INIT;

	for (double &v : x)
		v = nans && machine_random() % 30 == 0 ? NAN : number(s->type);
	for (int64_t i = 0; nans && i < s->n; i++)
		x[(size_t)i] = NAN; /* a whole row */
	for (int64_t row = 0; row < rows; row++) {
		std::vector<double> r = row_of(x, row, s->n, s->skip_nan), low(NQ, NAN);
		int64_t n = (int64_t)r.size();

		if (s->median)
			low[0] = median_run(r.data(), n);
		else if (n)
			quantile_run(r.data(), n, s->q, s->nq, s->method, s->type, s->rest, low.data());
		for (int k = 0; k < s->nq; k++)
			want[(size_t)(k * rows + row)] = low[(size_t)k];
	}
	device_array in(x.size() * 8, x.data()), out(want.size() * 8);

	if (cuda_quantile(NULL, s, DT_F64, in.at, out.at, rows, &err)) {
		printf("# %s\n", err.text);
		return false;
	}
	for (size_t i = 0; i < want.size(); i++) {
		double got = out.get<double>()[i];

		if (got != want[i] && (got == got || want[i] == want[i])) {
			printf("# %zu: %.17g is not %.17g\n", i, got, want[i]);
			return false;
		}
	}
	return true;
}

/* 64-bit integers that float64 does not tell apart. */
static bool test_exact(enum quantile_method method)
{
	statistic t(1001);
	std::vector<int64_t> x(3 * 1001);
	struct error err = ERROR_INIT;
	bool good;

	t.s->method = method;
	for (int64_t &v : x)
		v = INT64_MAX - (int64_t)(machine_random() % 5000);
	device_array in(x.size() * 8, x.data()), out(3 * NQ * 8);

	good = !cuda_quantile(NULL, t.s, DT_I64, in.at, out.at, 3, &err);
	for (int row = 0; row < 3; row++) {
		std::sort(x.begin() + row * 1001, x.begin() + (row + 1) * 1001);
		for (int k = 0; k < NQ; k++)
			good &= out.get<int64_t>()[k * 3 + row] ==
				x[(size_t)(row * 1001 + quantile_locate(qs[k], 1001, method).previous)];
	}
	return good;
}

int main()
{
	for (int skip = 0; skip < 2; skip++) {
		bool good = true;

		for (int64_t n : { 0, 1, 2, 5, 100, 3001 }) {
			statistic t(n);

			t.s->median = true;
			t.s->nq = 1;
			t.s->skip_nan = skip;
			good &= test(t.s, 4, false) && test(t.s, 4, true);
		}
		ok(good, skip ? "nanmedian" : "median");
		for (int method = 0; method < NQUANTILE_METHODS; method++) {
			good = true;
			for (enum dtype type : { DT_F64, DT_F32, DT_F16 })
				for (int64_t n : { 1, 2, 7, 300 }) {
					statistic t(n);

					t.s->skip_nan = skip;
					t.s->method = (enum quantile_method)method;
					t.s->type = type;
					t.s->rest = n % 2 ? DT_F64 : type;
					good &= test(t.s, 3, false) && test(t.s, 3, true);
				}
			ok(good, std::string(skip ? "nanquantile " : "quantile ") + quantile_method_name[method]);
		}
	}
	for (enum quantile_method method : { QUANTILE_LOWER, QUANTILE_HIGHER, QUANTILE_NEAREST, QUANTILE_INVERTED_CDF })
		ok(test_exact(method), std::string("int64, ") + quantile_method_name[method]);
	return done();
}
