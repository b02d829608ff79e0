/* Taking and scattering on the device under emulation, against plain loops: all bits agree, those of sums of floats, too. */
#include "machine.h"

#include <math.h>

extern "C" {
#include "lib/kernels.h"
}

static std::vector<char> bytes(size_t n)
{
	std::vector<char> x(n);

	for (char &c : x)
		c = (char)machine_random();
	return x;
}

/* n indices of an axis of size; wild: out of bounds, too. */
static std::vector<int64_t> indices(int64_t n, int64_t size, bool wild)
{
	std::vector<int64_t> x((size_t)n);

	for (int64_t &i : x) {
		i = (int64_t)(machine_random() % (uint64_t)(2 * size)) - size;
		if (wild && machine_random() % 4 == 0)
			i = (int64_t)(machine_random() % 100) - 50;
		if (wild && machine_random() % 16 == 0)
			i = machine_random() % 2 ? INT64_MIN : INT64_MAX;
	}
	return x;
}

static const enum index_mode modes[] = { INDEX_RAISE, INDEX_WRAP, INDEX_CLIP };
static const size_t sizes[] = { 1, 2, 4, 8, 16 };

static void test_take()
{
	static const struct {
		int64_t outer, m, n, row;
	} problems[] = { { 1, 1, 1, 1 },   { 3, 5, 4, 1 }, { 1, 40, 300, 7 },
			 { 2, 300, 5, 3 }, { 0, 5, 4, 1 }, { 2, 0, 4, 3 } };
	bool take = true, along = true;

	for (auto &q : problems)
		for (size_t size : sizes)
			for (enum index_mode mode : modes) {
				struct cuda_take t = { size, q.outer, q.m, q.n, q.row, mode, 1 };
				std::vector<char> x = bytes((size_t)(q.outer * q.n * q.row) * size);
				int64_t nout = q.outer * q.m * q.row;
				std::vector<int64_t> i = indices(q.m, q.n, mode != INDEX_RAISE),
						     j = indices(nout, q.n, mode != INDEX_RAISE);
				device_array dx(x.size(), x.data()), di(i.size() * 8, i.data()),
					dj(j.size() * 8, j.data()), a((size_t)nout * size), b(a.n);
				struct error err = ERROR_INIT;
				bool failed = cuda_take(NULL, &t, dx.at, di.at, a.at, &err) ||
					      cuda_along(NULL, &t, dx.at, dj.at, b.at, &err);

				take &= !failed;
				for (int64_t k = 0; k < nout && !failed; k++) {
					int64_t o = k / (q.m * q.row), r = k % q.row;
					int64_t from = index_resolve(i[(size_t)(k / q.row % q.m)], q.n, mode);
					int64_t from_j = index_resolve(j[(size_t)k], q.n, mode);

					take &= same_bytes(a.get<char>() + (size_t)k * size,
							   &x[(size_t)((o * q.n + from) * q.row + r) * size], size);
					along &= same_bytes(b.get<char>() + (size_t)k * size,
							    &x[(size_t)((o * q.n + from_j) * q.row + r) * size], size);
				}
			}
	ok(take, "take");
	ok(along, "take_along_axis");
}

static bool message(const struct error &err, const char *want)
{
	if (err.code == ERR_VALUE && !strcmp(err.text, want))
		return true;
	printf("# %s\n", err.text);
	return false;
}

static void test_bounds()
{
	std::vector<char> x = bytes(2000);
	std::vector<int64_t> i = indices(1000, 20, false);
	struct cuda_take t = { 1, 1, 1000, 20, 1, INDEX_RAISE, 3 };

	i[700] = 20;
	i[900] = -22;
	i[800] = -21;
	device_array dx(x.size(), x.data()), di(i.size() * 8, i.data()), out(1000), empty(0);
	struct error err = ERROR_INIT;

	ok(cuda_take(NULL, &t, dx.at, di.at, out.at, &err) &&
		   message(err, "index 20 is out of bounds for axis 3 with size 20"),
	   "take: the first index that is out of bounds");
	ok(cuda_along(NULL, &t, dx.at, di.at, out.at, &err) &&
		   message(err, "index 20 is out of bounds for axis 3 with size 20"),
	   "take_along_axis: the first index that is out of bounds");
	t.row = 0;
	ok(cuda_take(NULL, &t, dx.at, di.at, empty.at, &err) &&
		   message(err, "index 20 is out of bounds for axis 3 with size 20"),
	   "take: indices count where rows are empty");
	t.outer = 0;
	t.row = 1;
	ok(!cuda_take(NULL, &t, dx.at, di.at, empty.at, &err), "take: but not where there is nothing to take");
	ok(cuda_put(NULL, 1, INDEX_RAISE, dx.at, 20, di.at, 1000, dx.at, 7, out.at, &err) &&
		   message(err, "index 20 is out of bounds for axis 0 with size 20"),
	   "put: the first index that is out of bounds");
	for (int add = 0; add < 2; add++) {
		struct scatter s = {};

		s.ndim = 1;
		s.dim[0] = 1000;
		s.stride[0] = s.istride[0] = 1;
		s.n = 20;
		ok(cuda_scatter(NULL, DT_U8, &s, add, dx.at, 20, di.at, dx.at, out.at, &err) &&
			   message(err, "index 20 is out of bounds for axis 0 with size 20"),
		   add ? "scatter_add: the first index that is out of bounds"
		       : "scatter: the first index that is out of bounds");
	}
}

static void test_put()
{
	bool good = true;

	for (size_t size : sizes)
		for (enum index_mode mode : modes)
			for (int64_t each : { 1, 7, 400, 500 }) {
				std::vector<char> x = bytes(90 * size), src = bytes((size_t)each * size), want = x;
				std::vector<int64_t> i = indices(400, 90, mode != INDEX_RAISE);
				device_array dx(x.size(), x.data()), ds(src.size(), src.data()), di(400 * 8, i.data()),
					out(x.size());
				struct error err = ERROR_INIT;

				for (int64_t k = 0; k < 400; k++)
					memcpy(&want[(size_t)index_resolve(i[(size_t)k], 90, mode) * size],
					       &src[(size_t)(k % each) * size], size);
				good &= !cuda_put(NULL, size, mode, dx.at, 90, di.at, 400, ds.at, each, out.at, &err) &&
					same_bytes(out.get<char>(), want.data(), want.size());
			}
	ok(good, "put");
}

static void add(enum dtype d, char *to, const char *x)
{
	float f[2], g[2];
	double a[2], b[2];
	uint64_t i = 0, j = 0;

	switch (d) {
	case DT_F32:
	case DT_C64:
		memcpy(f, to, dtype_size(d));
		memcpy(g, x, dtype_size(d));
		f[0] += g[0];
		f[1] += d == DT_C64 ? g[1] : 0;
		memcpy(to, f, dtype_size(d));
		break;
	case DT_F64:
	case DT_C128:
		memcpy(a, to, dtype_size(d));
		memcpy(b, x, dtype_size(d));
		a[0] += b[0];
		a[1] += d == DT_C128 ? b[1] : 0;
		memcpy(to, a, dtype_size(d));
		break;
	default:
		memcpy(&i, to, dtype_size(d));
		memcpy(&j, x, dtype_size(d));
		i = d == DT_BOOL ? i || j : i + j;
		memcpy(to, &i, dtype_size(d));
	}
}

/* Numbers of very different sizes: what is added in another order has other bits. */
static std::vector<char> numbers(enum dtype d, int64_t n)
{
	size_t part = dtype_size(dtype_real(d));
	std::vector<char> x = bytes((size_t)n * dtype_size(d));

	for (size_t at = 0; at < x.size(); at += part) {
		double v = ldexp((double)(int64_t)machine_random() * 0x1p-63, (int)(machine_random() % 20));

		if (dtype_is_float(d) || dtype_is_complex(d))
			cast_one(dtype_real(d), &x[at], DT_F64, &v);
		if (d == DT_BOOL)
			x[at] = x[at] & 1;
	}
	return x;
}

struct scattering {
	std::vector<int64_t> out, src; /* shapes */
	int axis;
	bool vector;
};

static bool test_scatter(enum dtype d, bool sum)
{
	static const scattering problems[] = {
		{ { 5 }, { 9 }, 0, false },
		{ { 1 }, { 3000 }, 0, false },
		{ { 4, 6 }, { 3, 5 }, 0, false },
		{ { 4, 6 }, { 3, 20 }, 1, false },
		{ { 3, 5, 4 }, { 2, 9, 4 }, 1, false },
		{ { 50 }, { 300 }, 0, true },
		{ { 7, 3 }, { 40, 3 }, 0, true },
		{ { 2, 5, 3 }, { 2, 90, 3 }, 1, true },
		{ { 2, 5, 3 }, { 2, 0, 3 }, 1, true },
		{ { 3, 300 }, { 3, 2500 }, 1, false },
	};
	size_t size = dtype_size(d);
	bool good = true;

	for (const scattering &q : problems) {
		struct scatter s = {};
		int64_t count = 1, step = 1, total = 1;
		struct error err = ERROR_INIT;

		s.ndim = (int)q.out.size();
		s.axis = q.axis;
		s.n = q.out[(size_t)q.axis];
		for (int i = s.ndim - 1; i >= 0; i--) {
			s.dim[i] = q.src[(size_t)i];
			s.stride[i] = count;
			s.istride[i] = q.vector ? i == q.axis : step;
			count *= q.out[(size_t)i];
			step *= s.dim[i];
			total *= s.dim[i];
		}
		std::vector<char> x = numbers(d, count), src = numbers(d, total), want = x;
		std::vector<int64_t> index = indices(q.vector ? q.src[(size_t)q.axis] : total, s.n, false);
		device_array dx(x.size(), x.data()), ds(src.size(), src.data()), di(index.size() * 8, index.data()),
			out(x.size());

		for (int64_t i = 0; i < total; i++) {
			int64_t rest = i, place = 0, at = 0;
			char *to;

			for (int k = s.ndim - 1; k >= 0; k--) {
				at += rest % s.dim[k] * s.istride[k];
				place += k == s.axis ? 0 : rest % s.dim[k] * s.stride[k];
				rest /= s.dim[k];
			}
			place += index_resolve(index[(size_t)at], s.n, INDEX_RAISE) * s.stride[s.axis];
			to = &want[(size_t)place * size];
			if (sum)
				add(d, to, &src[(size_t)i * size]);
			else
				memcpy(to, &src[(size_t)i * size], size);
		}
		bool same = !cuda_scatter(NULL, d, &s, sum, dx.at, count, di.at, ds.at, out.at, &err) &&
			    same_bytes(out.get<char>(), want.data(), want.size());

		if (!same)
			printf("# problem %d: %s\n", (int)(&q - problems), err.text);
		good &= same;
	}
	return good;
}

static void test_failures()
{
	std::vector<char> x = numbers(DT_F32, 5000);
	std::vector<int64_t> index = indices(5000, 5000, false);
	device_array dx(x.size(), x.data()), di(index.size() * 8, index.data()), out(x.size());
	struct scatter s = {};
	struct error err = ERROR_INIT;
	int n, fails = 0;

	s.ndim = 1;
	s.dim[0] = s.n = 5000;
	s.stride[0] = s.istride[0] = 1;
	for (n = 0; n < 30; n++) {
		allocations_left = n;
		if (!cuda_scatter(NULL, DT_F32, &s, true, dx.at, 5000, di.at, dx.at, out.at, &err))
			break;
		fails++;
	}
	for (n = 0; n < 30; n++) {
		allocations_left = -1;
		launches_left = n;
		if (!cuda_scatter(NULL, DT_F32, &s, true, dx.at, 5000, di.at, dx.at, out.at, &err))
			break;
		fails++;
	}
	launches_left = -1;
	/* the flag, the order, three arrays of the sort; the keys, the tiles, two merges, the sums */
	ok(fails == 5 + 5, "a launch or an allocation that fails fails the scatter");
}

int main()
{
	static const enum dtype adds[] = { DT_BOOL, DT_I8,  DT_U8,  DT_I16, DT_U16, DT_I32, DT_U32,
					   DT_I64,  DT_U64, DT_F32, DT_F64, DT_C64, DT_C128 };

	test_take();
	test_bounds();
	test_put();
	for (enum dtype d : { DT_U8, DT_F16, DT_F32, DT_F64, DT_C128 })
		ok(test_scatter(d, false), std::string("scatter ") + dtype_name(d));
	for (enum dtype d : adds)
		ok(test_scatter(d, true), std::string("scatter_add, index_add ") + dtype_name(d));
	test_failures();
	return done();
}
