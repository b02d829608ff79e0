/* Quantiles by selection: see quantile.h. */
#include "quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#include "quantile_math.h"

const char *const quantile_method_name[NQUANTILE_METHODS] = {
	[QUANTILE_INVERTED_CDF] = "inverted_cdf",
	[QUANTILE_AVERAGED_INVERTED_CDF] = "averaged_inverted_cdf",
	[QUANTILE_CLOSEST_OBSERVATION] = "closest_observation",
	[QUANTILE_INTERPOLATED_INVERTED_CDF] = "interpolated_inverted_cdf",
	[QUANTILE_HAZEN] = "hazen",
	[QUANTILE_WEIBULL] = "weibull",
	[QUANTILE_LINEAR] = "linear",
	[QUANTILE_MEDIAN_UNBIASED] = "median_unbiased",
	[QUANTILE_NORMAL_UNBIASED] = "normal_unbiased",
	[QUANTILE_LOWER] = "lower",
	[QUANTILE_HIGHER] = "higher",
	[QUANTILE_MIDPOINT] = "midpoint",
	[QUANTILE_NEAREST] = "nearest",
};

int quantile_method_find(const char *name)
{
	for (int i = 0; i < NQUANTILE_METHODS; i++)
		if (!strcmp(name, quantile_method_name[i]))
			return i;
	return -1;
}

/* == selection == */

enum { SMALL = 32, SAMPLE = 31 };

static void insertion_sort(double *x, int64_t n)
{
	for (int64_t i = 1; i < n; i++) {
		double v = x[i];
		int64_t j = i;

		for (; j > 0 && x[j - 1] > v; j--)
			x[j] = x[j - 1];
		x[j] = v;
	}
}

static void sift_down(double *x, int64_t root, int64_t n)
{
	double v = x[root];

	for (int64_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
		if (child + 1 < n && x[child + 1] > x[child])
			child++;
		if (x[child] <= v)
			break;
		x[root] = x[child];
		root = child;
	}
	x[root] = v;
}

static void heap_sort(double *x, int64_t n)
{
	for (int64_t i = n / 2; i-- > 0;)
		sift_down(x, i, n);
	while (--n > 0) {
		double v = x[0];

		x[0] = x[n];
		x[n] = v;
		sift_down(x, 0, n);
	}
}

/* Bring the elements below p (with equal: those not above) to the front; returns how many.  No branch depends on data. */
static int64_t partition(double *x, int64_t n, double p, int equal)
{
	int64_t k = 0;

	for (int64_t i = 0; i < n; i++) {
		double v = x[i];

		x[i] = x[k];
		x[k] = v;
		k += (v < p) | ((v == p) & equal);
	}
	return k;
}

/*
 * An element of x: the one whose rank in a sample corresponds to rank in x.  The places are spread by a linear
 * congruential generator, as equal distances meet the patterns that earlier partitions left.
 */
static double pivot(const double *x, int64_t n, int64_t rank)
{
	uint64_t r = (uint64_t)n;
	double s[SAMPLE];

	for (int i = 0; i < SAMPLE; i++) {
		r = r * 6364136223846793005 + 1442695040888963407;
		s[i] = x[(int64_t)((double)(r >> 11) * 0x1p-53 * (double)n)];
	}
	insertion_sort(s, SAMPLE);
	return s[(int64_t)((double)rank / (double)n * SAMPLE)];
}

/*
 * Reorder x so that x[rank[i]] is what it would be if x were sorted, for ascending rank[0..nrank-1] (counted from first).
 * A run of bad pivots ends in a heap sort, so no input takes quadratic time.
 */
static void multiselect(double *x, int64_t n, int64_t first, const int64_t *rank, int nrank, int budget)
{
	while (nrank > 0 && n > SMALL) {
		if (budget-- == 0) {
			heap_sort(x, n);
			return;
		}

		double p = pivot(x, n, rank[nrank / 2] - first);
		int64_t less = partition(x, n, p, 0);
		int below = 0;

		while (below < nrank && rank[below] - first < less)
			below++;
		multiselect(x, less, first, rank, below, budget);
		rank += below;
		nrank -= below;
		if (nrank == 0)
			return;
		x += less;
		n -= less;
		first += less;

		int64_t same = partition(x, n, p, 1);

		while (nrank > 0 && rank[0] - first < same) {
			rank++;
			nrank--;
		}
		x += same;
		n -= same;
		first += same;
	}
	if (nrank > 0)
		insertion_sort(x, n);
}

/* Every rank: what is left after the partitions is sorted, too. */
static void quick_sort(double *x, int64_t n, int budget)
{
	while (n > SMALL) {
		if (budget-- == 0) {
			heap_sort(x, n);
			return;
		}

		double p = pivot(x, n, n / 2);
		int64_t less = partition(x, n, p, 0);

		quick_sort(x, less, budget);
		x += less;
		n -= less;

		int64_t same = partition(x, n, p, 1);

		x += same;
		n -= same;
	}
	insertion_sort(x, n);
}

/* How many partitions in a row a good run of pivots may take. */
static int pivot_budget(int64_t n)
{
	int budget = 16;

	for (; n > 1; n /= 2)
		budget += 2;
	return budget;
}

static int has_nan(const double *x, int64_t n)
{
	int bad = 0;

	for (int64_t i = 0; i < n; i++)
		bad |= x[i] != x[i];
	return bad;
}

/* == quantiles == */

static int compare_ranks(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void quantile_run(double *x, int64_t n, const double *q, int nq, enum quantile_method method, enum dtype type,
		  enum dtype rest, double *out)
{
	enum { BATCH = 64 }; /* quantiles selected at once */
	int64_t rank[2 * BATCH];

	if (n <= 0 || has_nan(x, n)) {
		for (int i = 0; i < nq; i++)
			out[i] = NAN;
		return;
	}
	/* Many quantiles: sorting once is cheaper than selecting for every batch. */
	if (nq > BATCH)
		quick_sort(x, n, pivot_budget(n));
	for (int i = 0; i < nq; i += BATCH) {
		int m = nq - i < BATCH ? nq - i : BATCH;

		if (nq <= BATCH) {
			for (int k = 0; k < m; k++) {
				struct quantile_position p = quantile_locate(q[i + k], n, method);

				rank[2 * k] = p.previous;
				rank[2 * k + 1] = p.next;
			}
			qsort(rank, (size_t)m * 2, sizeof(rank[0]), compare_ranks);
			multiselect(x, n, 0, rank, 2 * m, pivot_budget(n));
		}
		for (int k = 0; k < m; k++) {
			struct quantile_position p = quantile_locate(q[i + k], n, method);
			double a = x[p.previous], b = x[p.next];

			out[i + k] = p.interpolate ? quantile_interpolate(a, b, p.t, type, rest) : a;
		}
	}
}

double median_run(double *x, int64_t n)
{
	int64_t rank[2] = { (n - 1) / 2, n / 2 };

	if (n <= 0 || has_nan(x, n))
		return NAN;
	multiselect(x, n, 0, rank, 2, pivot_budget(n));
	return rank[0] == rank[1] ? x[rank[0]] : (x[rank[0]] + x[rank[1]]) / 2;
}
