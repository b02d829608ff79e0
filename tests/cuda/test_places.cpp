/* The places where a mask is true, and what differs from the one before, on the device under emulation, against plain loops. */
#include "machine.h"

#include <math.h>

extern "C" {
#include "lib/kernels.h"
}

static std::vector<unsigned char> mask_of(int64_t n, int kind)
{
	std::vector<unsigned char> mask((size_t)n);

	/* none, all, some, few; any byte but 0 is true */
	for (unsigned char &m : mask)
		m = kind == 0					    ? 0
		    : kind == 1					    ? 1
		    : machine_random() % (kind == 2 ? 2 : 500) == 0 ? (unsigned char)(machine_random() | 1)
								    : 0;
	return mask;
}

static const int64_t sizes[] = {
	0, 1, 31, 32, 33, PLACES_TASK - 1, PLACES_TASK, PLACES_TASK + 1, 3 * PLACES_TASK, 70 * PLACES_TASK + 5
};

static void test_count()
{
	bool good = true;

	for (int64_t n : sizes)
		for (int kind = 0; kind < 4; kind++) {
			std::vector<unsigned char> mask = mask_of(n, kind);
			std::vector<int64_t> want(1);
			struct error err = ERROR_INIT;

			for (int64_t i = 0, sum = 0; i < n; i++) {
				sum += mask[(size_t)i] != 0;
				if ((i + 1) % PLACES_TASK == 0 || i + 1 == n)
					want.push_back(sum);
			}
			device_array in(mask.size(), mask.data()), out(want.size() * 8);

			good &= !cuda_places_count(NULL, in.at, n, out.at, &err) &&
				same_bytes(out.get<char>(), want.data(), out.n);
		}
	ok(good, "how many are true before each task, and in all");
}

/* The mask's count on the device, and what it is. */
struct counted {
	device_array mask, before;
	int64_t n, count;

	counted(const std::vector<unsigned char> &m)
	    : mask(m.size(), m.data()), before((m.size() / PLACES_TASK + 2) * 8), n((int64_t)m.size()), count(0)
	{
		struct error err = ERROR_INIT;

		for (unsigned char c : m)
			count += c != 0;
		if (cuda_places_count(NULL, mask.at, n, before.at, &err))
			abort();
	}
};

static void test_places()
{
	static const struct shape shapes[] = { { 1, { 1 } },	      { 1, { 3 * PLACES_TASK + 7 } },
					       { 2, { 5, 7 } },	      { 2, { 300, 100 } },
					       { 3, { 1, 90, 200 } }, { 4, { 3, 2, 1, 4 } },
					       { 3, { 3, 0, 2 } },    { 0, { 0 } } };
	bool good = true;

	for (const struct shape &shape : shapes)
		for (int kind = 0; kind < 8; kind++) {
			bool axes = kind / 4;
			int64_t n = 1;

			for (int i = 0; i < shape.ndim; i++)
				n *= shape.dim[i];
			std::vector<unsigned char> mask = mask_of(n, kind % 4);
			counted c(mask);
			std::vector<int64_t> want((size_t)(c.count * shape.ndim));
			device_array out(want.size() * 8);
			struct error err = ERROR_INIT;

			for (int64_t i = 0, k = 0; i < n; i++) {
				int64_t rest = i;

				if (!mask[(size_t)i])
					continue;
				for (int d = shape.ndim - 1; d >= 0; d--) {
					want[(size_t)(axes ? d * c.count + k : k * shape.ndim + d)] =
						rest % shape.dim[d];
					rest /= shape.dim[d];
				}
				k++;
			}
			good &= !cuda_places(NULL, c.mask.at, c.before.at, &shape, c.count, axes, out.at, &err) &&
				same_bytes(out.get<char>(), want.data(), out.n);
		}
	ok(good, "places, by axis and by place");
}

static void test_select()
{
	bool good = true;

	for (int64_t n : sizes)
		for (size_t size : { 1, 2, 4, 8, 16 })
			for (int64_t row : { 0, 1, 3 }) {
				if (n > 4 * PLACES_TASK && (row != 1 || size != 4))
					continue;
				std::vector<unsigned char> mask = mask_of(n, 2), x((size_t)(n * row) * size), want;
				counted c(mask);
				struct error err = ERROR_INIT;

				for (unsigned char &b : x)
					b = (unsigned char)machine_random();
				for (int64_t i = 0; i < n; i++)
					if (mask[(size_t)i])
						want.insert(want.end(), x.begin() + i * row * (int64_t)size,
							    x.begin() + (i + 1) * row * (int64_t)size);
				device_array in(x.size(), x.data()), out(want.size());

				good &= !cuda_select(NULL, c.mask.at, c.before.at, n, c.count, size, row, in.at, out.at,
						     &err) &&
					same_bytes(out.get<char>(), want.data(), out.n);
			}
	ok(good, "rows where the mask is true");
}

/* Few values: zeros of both signs, NaNs of several kinds, as any float type has them, and as integers. */
static void element(enum dtype d, char *p)
{
	static const double values[] = { 0., -0., 1, (double)NAN, -2 };
	size_t part = dtype_size(dtype_real(d));

	for (size_t at = 0; at < dtype_size(d); at += part) {
		uint64_t bits = machine_random();
		double v = values[bits % 5];

		if (dtype_is_float(d) || dtype_is_complex(d))
			cast_one(dtype_real(d), p + at, DT_F64, &v);
		else
			memset(p + at, d == DT_BOOL ? (int)(bits % 2) : (int)(bits % 3) - 1, part);
		if (v != v && bits >> 8 & 1)
			p[at + part - 1] = (char)(p[at + part - 1] ^ 0x80); /* its sign */
	}
}

/* Are they equal elements?  each_nan: NaN is equal to none. */
static bool equal(enum dtype d, const char *a, const char *b, bool each_nan)
{
	double x[2], y[2];
	bool x_nan, y_nan;

	if (!dtype_is_float(d) && !dtype_is_complex(d))
		return !memcmp(a, b, dtype_size(d));
	cast_one(DT_C128, x, d, a);
	cast_one(DT_C128, y, d, b);
	x_nan = x[0] != x[0] || x[1] != x[1];
	y_nan = y[0] != y[0] || y[1] != y[1];
	return x_nan || y_nan ? x_nan && y_nan && !each_nan : x[0] == y[0] && x[1] == y[1];
}

static bool test_distinct(enum dtype d)
{
	size_t size = dtype_size(d);
	bool good = true;

	for (int64_t n : { 0, 1, 2, 700 })
		for (int64_t m : { 0, 1, 3 })
			for (int kind = 0; kind < 4; kind++) {
				bool each_nan = kind & 1, ordered = kind & 2;
				std::vector<char> x((size_t)(m * n) * size);
				std::vector<int64_t> order((size_t)n);
				std::vector<unsigned char> want((size_t)n);
				struct error err = ERROR_INIT;

				for (size_t i = 0; i < x.size(); i += size)
					element(d, &x[i]);
				for (int64_t i = 0; i < n; i++)
					order[(size_t)i] = ordered ? i * 3 % n : i;
				for (size_t i = 0; i < want.size(); i++) {
					want[i] = i == 0;
					for (int64_t k = 0; k < m && i; k++)
						want[i] |= !equal(d, &x[(size_t)(k * n + order[i - 1]) * size],
								  &x[(size_t)(k * n + order[i]) * size], each_nan);
				}
				device_array in(x.size(), x.data()), by(order.size() * 8, order.data()),
					out(want.size());

				good &= !cuda_distinct(NULL, d, each_nan, in.at, ordered ? by.at : 0, m, n, out.at,
						       &err) &&
					same_bytes(out.get<char>(), want.data(), want.size());
			}
	return good;
}

/* Each launch and each allocation of a function fails once; how often it took. */
template <class F> static int failures_of(F call)
{
	int fails = 0;

	for (int memory = 0; memory < 2; memory++)
		for (int n = 0; n < 50; n++) {
			struct error err = ERROR_INIT;
			bool failed;

			(memory ? allocations_left : launches_left) = n;
			failed = call(&err);
			allocations_left = launches_left = -1;
			if (!failed)
				break;
			fails += err.code == ERR_RESOURCE;
		}
	return fails;
}

static void test_failures()
{
	struct shape shape = { 2, { 100, 200 } };
	std::vector<unsigned char> mask = mask_of(20000, 2);
	counted c(mask);
	device_array before(4 * 8), places((size_t)c.count * 16), out((size_t)c.count), x(20000 * 4);

	/* the count, the scan of few; the counts */
	ok(failures_of([&](struct error *err) { return cuda_places_count(NULL, c.mask.at, 20000, before.at, err); }) ==
			   3 &&
		   failures_of([&](struct error *err) {
			   return cuda_places(NULL, c.mask.at, c.before.at, &shape, c.count, true, places.at, err);
		   }) == 3 &&
		   failures_of([&](struct error *err) {
			   return cuda_select(NULL, c.mask.at, c.before.at, 20000, c.count, 1, 1, c.mask.at, out.at,
					      err);
		   }) == 3 &&
		   failures_of([&](struct error *err) {
			   return cuda_distinct(NULL, DT_F32, false, x.at, 0, 1, 20000, c.mask.at, err);
		   }) == 3,
	   "a launch or an allocation that fails fails the function");
}

int main()
{
	test_count();
	test_places();
	test_select();
	for (int t = 0; t < NDTYPES; t++)
		ok(test_distinct((enum dtype)t), std::string("what differs: ") + dtype_name((enum dtype)t));
	test_failures();
	return done();
}
