/* Sorting and searching on the device under emulation, against the processor's and against plain loops: all bits agree. */
#include "machine.h"

#include <math.h>

#include <algorithm>

extern "C" {
#include "lib/kernels.h"
#include "lib/random.h"
#include "lib/sort.h"
}

/* An element of few values: so that there are ties, zeros of both signs, NaNs of several kinds. */
static void element(enum dtype d, char *p, bool few)
{
	static const double values[] = { 0., -0., 1, -1, 2, 0.5, -3, (double)INFINITY, -(double)INFINITY };
	size_t part = dtype_size(dtype_real(d));

	for (size_t at = 0; at < dtype_size(d); at += part) {
		uint64_t bits = machine_random();
		double v = values[bits % 9];

		if (d == DT_BOOL)
			p[at] = bits % 2;
		else if (few && bits >> 20 & 7 && (dtype_is_float(d) || dtype_is_complex(d)))
			cast_one(dtype_real(d), p + at, DT_F64, &v);
		else if (few && !dtype_is_float(d) && !dtype_is_complex(d))
			memset(p + at, (int)(bits % 5) - 2, part);
		else
			memcpy(p + at, &bits, part);
		/* NaN: all ones but the lowest, of any sign */
		if ((dtype_is_float(d) || dtype_is_complex(d)) && bits >> 30 % 8 == 0) {
			memset(p + at, 0xff, part);
			p[at] = (char)bits;
		}
	}
}

static std::vector<char> elements(enum dtype d, int64_t n, bool few)
{
	std::vector<char> x((size_t)n * dtype_size(d));

	for (int64_t i = 0; i < n; i++)
		element(d, &x[(size_t)i * dtype_size(d)], few);
	return x;
}

static const struct {
	int64_t rows, n;
} problems[] = { { 1, 0 },   { 0, 5 },	 { 1, 1 },    { 5, 2 },	   { 3, 7 },	{ 2, 8 },    { 3, 31 },
		 { 2, 256 }, { 2, 257 }, { 1, 2047 }, { 2, 2048 }, { 1, 2049 }, { 2, 4097 }, { 1, 9000 } };

static bool test_sort(enum dtype d)
{
	bool good = true;

	for (auto &p : problems)
		for (int kind = 0; kind < 4; kind++) {
			bool descending = kind % 2, few = kind / 2;
			std::vector<char> x = elements(d, p.rows * p.n, few);
			std::vector<int64_t> want((size_t)(p.rows * p.n));
			std::vector<char> sorted(x.size());
			device_array in(x.size(), x.data()), out(want.size() * 8), values(x.size());
			struct error err = ERROR_INIT;
			size_t size = dtype_size(d);
			bool same;

			if (p.n > 4000 && kind % 3)
				continue;
			if (p.n && argsort_rows(d, descending, x.data(), want.data(), p.rows, p.n, 0, &err))
				abort();
			for (size_t i = 0; i < want.size(); i++) {
				size_t row = i / (size_t)p.n * (size_t)p.n;

				memcpy(&sorted[i * size], &x[(row + (size_t)want[i]) * size], size);
			}
			same = !cuda_argsort(NULL, d, descending, in.at, out.at, p.rows, p.n, &err) &&
			       same_bytes(out.get<char>(), want.data(), want.size() * 8) &&
			       !cuda_sort(NULL, d, descending, in.at, values.at, p.rows, p.n, &err) &&
			       same_bytes(values.get<char>(), sorted.data(), sorted.size());
			if (!same)
				printf("# %lld x %lld, kind %d: %s\n", (long long)p.rows, (long long)p.n, kind,
				       err.text);
			good &= same;
		}
	return good;
}

static bool test_lexsort(enum dtype d)
{
	bool good = true;

	for (int64_t n : { 1, 300, 5000 }) {
		std::vector<char> x = elements(d, n, true), y = elements(DT_I8, n, true);
		std::vector<int64_t> order((size_t)n);
		struct error err = ERROR_INIT;

		for (int64_t i = 0; i < n; i++)
			order[(size_t)i] = i;
		device_array dx(x.size(), x.data()), dy(y.size(), y.data()), out((size_t)n * 8, order.data());

		if (argsort_next(d, x.data(), order.data(), n, &err) ||
		    argsort_next(DT_I8, y.data(), order.data(), n, &err))
			abort();
		good &= !cuda_argsort_next(NULL, d, dx.at, out.at, n, &err) &&
			!cuda_argsort_next(NULL, DT_I8, dy.at, out.at, n, &err) &&
			same_bytes(out.get<char>(), order.data(), order.size() * 8);
	}
	return good;
}

/* Does a come before b?  -1, 0, 1, as the order of sorting has it: by sorting the two. */
static int compare(enum dtype d, const char *a, const char *b)
{
	size_t size = dtype_size(d);
	std::vector<char> pair(2 * size);
	int64_t order[2];
	struct error err = ERROR_INIT;
	int before;

	memcpy(&pair[0], b, size);
	memcpy(&pair[size], a, size);
	argsort_rows(d, false, pair.data(), order, 1, 2, 0, &err);
	before = order[0] == 1; /* a, though it stands behind */
	memcpy(&pair[0], a, size);
	memcpy(&pair[size], b, size);
	argsort_rows(d, false, pair.data(), order, 1, 2, 0, &err);
	return before ? -1 : order[0] == 1;
}

static bool test_search(enum dtype d)
{
	size_t size = dtype_size(d);
	bool good = true;

	for (int64_t m : { 0, 1, 50 })
		for (int what = LOOK_LEFT; what <= LOOK_NOT_MEMBER; what++) {
			int64_t n = 80;
			std::vector<char> keys = elements(d, m, true), x = elements(d, n, true);
			struct error err = ERROR_INIT;
			device_array unsorted(keys.size(), keys.data()), sorted(keys.size()), in(x.size(), x.data()),
				out((size_t)n * (what >= LOOK_MEMBER ? 1 : 8));

			if (cuda_sort(NULL, d, false, unsorted.at, sorted.at, 1, m, &err) ||
			    cuda_search(NULL, d, (enum look_up)what, sorted.at, m, in.at, n, out.at, &err)) {
				good = false;
				continue;
			}
			for (int64_t i = 0; i < n; i++) {
				const char *e = &x[(size_t)i * size];
				int64_t below = 0, same = 0;
				double z[2];

				for (int64_t k = 0; k < m; k++) {
					int c = compare(d, &keys[(size_t)k * size], e);

					below += c < 0;
					same += c == 0;
				}
				cast_one(DT_C128, z, d, e);
				if (z[0] != z[0] || z[1] != z[1]) /* NaN is like NaN in order, but is no member */
					same = what >= LOOK_MEMBER ? 0 : same;
				if (what >= LOOK_MEMBER)
					good &= (out.get<unsigned char>()[i] != 0) ==
						((same > 0) == (what == LOOK_MEMBER));
				else
					good &= out.get<int64_t>()[i] == below + (what == LOOK_RIGHT ? same : 0);
			}
		}
	return good;
}

static void test_permutation()
{
	bool good = true;

	for (int64_t n : { 0, 1, 2, 3, 10, 1000, 20000 })
		for (uint64_t seed = 0; seed < 3; seed++) {
			std::vector<int64_t> want((size_t)n);
			device_array out((size_t)n * 8);
			struct error err = ERROR_INIT;

			random_permutation(seed, n, want.data());
			good &= !cuda_permutation(NULL, seed, n, out.at, &err) &&
				same_bytes(out.get<char>(), want.data(), out.n);
		}
	ok(good, "randperm");
}

static void test_failures()
{
	std::vector<char> x = elements(DT_C128, 5000, true);
	device_array in(x.size(), x.data()), out(x.size());
	struct error err = ERROR_INIT;
	bool good = true;
	int n;

	for (n = 0; n < 5; n++) {
		allocations_left = n;
		if (!cuda_sort(NULL, DT_C128, false, in.at, out.at, 1, 5000, &err))
			break;
	}
	allocations_left = -1;
	good &= n == 4;
	for (n = 0; n < 100; n++) {
		launches_left = n;
		if (!cuda_sort(NULL, DT_C128, false, in.at, out.at, 1, 5000, &err))
			break;
	}
	launches_left = -1;
	ok(good && n > 5 && n < 100, "a launch or an allocation that fails fails the sort");
}

int main()
{
	for (int t = 0; t < NDTYPES; t++) {
		enum dtype d = (enum dtype)t;

		ok(test_sort(d), std::string("sort, argsort ") + dtype_name(d));
		ok(test_lexsort(d), std::string("lexsort ") + dtype_name(d));
		if (d != DT_C64)
			ok(test_search(d), std::string("searchsorted, isin ") + dtype_name(d));
	}
	test_permutation();
	test_failures();
	return done();
}
