/* The reductions of the device under emulation: against the loops of the CPU, and against exact sums. */
#include "machine.h"

#include <float.h>
#include <math.h>

#include <algorithm>

static const char *const reduce_name[] = {
#define REDUCE(id, ...) #id,
#include "lib/ops.def"
};

static const enum dtype accs[] = { DT_I64, DT_U64, DT_F64, DT_C128 };

struct problem {
	std::vector<int64_t> shape;
	unsigned axes; /* bits: reduced */
};

static const problem problems[] = {
	{ {}, 0 },
	{ { 1 }, 1 },
	{ { 0 }, 1 },
	{ { 3, 0 }, 2 },
	{ { 0, 3 }, 2 },
	{ { 31 }, 1 },
	{ { 32 }, 1 },
	{ { 33 }, 1 },
	{ { 63 }, 1 },
	{ { 64 }, 1 },
	{ { 255 }, 1 },
	{ { 256 }, 1 },
	{ { 257 }, 1 },
	{ { 4095 }, 1 },
	{ { 4096 }, 1 },
	{ { 4097 }, 1 },
	{ { 12289 }, 1 },
	{ { 3, 5 }, 1 },
	{ { 3, 5 }, 2 },
	{ { 3, 5 }, 3 },
	{ { 7, 100 }, 2 },
	{ { 700, 7 }, 1 },
	{ { 700, 1, 7 }, 1 | 2 },
	{ { 5, 130, 3 }, 2 },
	{ { 4, 3, 70 }, 1 | 4 },
	{ { 40, 3, 7 }, 1 | 4 },
	{ { 2, 6, 3, 5, 4 }, 2 | 8 },
	{ { 2, 6, 3, 5, 4 }, 1 | 4 | 16 },
	{ { 3, 2, 4, 2, 65 }, 1 | 4 | 16 },
	{ { 2, 4100 }, 2 },
};

union result {
	double f[2];
	int64_t i;
	uint64_t u;
	unsigned char b;
};

struct reduced {
	std::vector<char> out;
	bool failed;
};

static struct shape shape_of(const problem &p)
{
	struct shape s = {};

	for (int64_t n : p.shape)
		s.dim[s.ndim++] = n;
	return s;
}

/* The device's results, from tiles of at most most elements. */
static reduced on_device(enum reduce_id id, enum dtype acc, const problem &p, const std::vector<char> &x,
			 const struct reduce_param *param, int64_t most)
{
	struct shape s = shape_of(p);
	struct error err = ERROR_INIT;
	struct cuda_reduction r;
	size_t size = dtype_size(acc);
	int64_t n = (int64_t)(x.size() / size), results = 1;
	bool axes[MAX_NDIM], bad;

	for (int i = 0; i < s.ndim; i++) {
		axes[i] = p.axes >> i & 1;
		results *= axes[i] ? 1 : s.dim[i];
	}
	device_array out((size_t)results * dtype_size(reduce_loops_get(id, acc)->result));

	bad = cuda_reduce_begin(&r, NULL, id, acc, &s, axes, param, out.at, &err);
	for (int64_t i = 0; !bad && i < n;) {
		int64_t m = cuda_reduce_tile(&r, i, most);
		device_array tile((size_t)m * size, x.data() + (size_t)i * size);

		if (m < 1 || i + m > n)
			abort();
		bad = cuda_reduce_fold(&r, tile.at, i, m, &err);
		i += m;
	}
	bad = bad || cuda_reduce_end(&r, &err);
	cuda_reduce_release(&r);
	if (bad)
		printf("# %s\n", err.text);
	return { std::vector<char>(out.get<char>(), out.get<char>() + out.n), bad };
}

/* The reduced elements of each result, one after the other. */
static std::vector<std::vector<char>> samples(const problem &p, const std::vector<char> &x, size_t size)
{
	int64_t n = (int64_t)(x.size() / size), results = 1;
	std::vector<std::vector<char>> out;

	for (size_t i = 0; i < p.shape.size(); i++)
		results *= p.axes >> i & 1 ? 1 : p.shape[i];
	out.resize((size_t)results);
	for (int64_t i = 0; i < n; i++) {
		int64_t rest = i, at = 0, step = 1;

		for (size_t k = p.shape.size(); k-- > 0;) {
			if (!(p.axes >> k & 1)) {
				at += rest % p.shape[k] * step;
				step *= p.shape[k];
			}
			rest /= p.shape[k];
		}
		out[(size_t)at].insert(out[(size_t)at].end(), x.begin() + i * (int64_t)size,
				       x.begin() + (i + 1) * (int64_t)size);
	}
	return out;
}

static result on_cpu(enum reduce_id id, enum dtype acc, const std::vector<char> &x, struct reduce_param param)
{
	const struct reduce_loops *loops = reduce_loops_get(id, acc);
	uint64_t state[16];
	result v = {};

	param.count = (int64_t)(x.size() / dtype_size(acc));
	loops->init(state, 1);
	if (param.count)
		loops->run(state, x.data(), param.count, 0, &param);
	loops->finish(&v, state, 1, &param);
	return v;
}

static double ulps(double a, double b)
{
	if (a == b || (a != a && b != b))
		return 0;
	if (!isfinite(a) || !isfinite(b))
		return INFINITY;
	return fabs(a - b) / (nextafter(fabs(b), INFINITY) - fabs(b));
}

/* what: 0 ordinary, 1 small integers, so that there are ties, 2 special values, too */
static std::vector<char> elements(enum dtype acc, int64_t n, int what)
{
	std::vector<char> x((size_t)n * dtype_size(acc));
	int parts = acc == DT_C128 ? 2 : 1;

	for (int64_t i = 0; i < n * parts; i++) {
		uint64_t bits = machine_random();

		if (acc == DT_I64 || acc == DT_U64) {
			if (what)
				bits = bits % 5	  ? bits % 7 - (acc == DT_I64 ? 3 : 0)
				       : bits % 2 ? INT64_MIN
						  : UINT64_MAX;
			((uint64_t *)x.data())[i] = bits;
		} else {
			double v = what == 1 ? (double)(int)(bits % 7) - 3 : (double)(int64_t)bits * 0x1p-62;

			if (what == 2 && bits >> 20 & 1)
				v = bits % 40 == 0 ? NAN : bits % 41 == 0 ? INFINITY : bits % 43 == 0 ? -INFINITY : 0.0;
			((double *)x.data())[i] = v;
		}
	}
	return x;
}

/* How far a result may be from the CPU's, in ULP: neither is exact, and they add up in another order. */
static double tolerance(enum reduce_id id, const struct reduce_param *p)
{
	switch (id) {
	case REDUCE_sum:
	case REDUCE_nansum:
	case REDUCE_mean:
	case REDUCE_nanmean:
	case REDUCE_prod:
	case REDUCE_nanprod:
		return INFINITY; /* checked apart, as far as they are finite */
	case REDUCE_var:
	case REDUCE_nanvar:
	case REDUCE_std:
	case REDUCE_nanstd:
		return 4;
	case REDUCE_norm:
		return p->ord == 2 || p->ord == 1 ? 1 : 8;
	case REDUCE_logsumexp:
		return 2;
	default:
		return 0;
	}
}

static void test_all()
{
	static const double ords[] = { 2, 1, 0, 3, 0.5, -1, INFINITY, -INFINITY };
	const struct reduce_param one = { 1, 0, 1 };
	double worst[NREDUCES] = { 0 };

	for (int id = 0; id < NREDUCES; id++)
		for (enum dtype acc : accs) {
			const struct reduce_loops *loops = reduce_loops_get((enum reduce_id)id, acc);
			bool good = true;

			if (!loops)
				continue;
			for (size_t k = 0; k < sizeof(problems) / sizeof(*problems); k++) {
				const problem &p = problems[k];
				struct reduce_param param = { 1, (double)(k % 3 == 1),
							      id == REDUCE_norm ? ords[k % 8] : 2 };
				int what = (int)(machine_random() % 3);
				int64_t n = 1;

				for (size_t i = 0; i < p.shape.size(); i++) {
					n *= p.shape[i];
					param.count *= p.axes >> i & 1 ? p.shape[i] : 1;
				}
				std::vector<char> x = elements(acc, n, what);
				reduced r = on_device((enum reduce_id)id, acc, p, x, &param, INT64_MAX);
				reduced tiled = on_device((enum reduce_id)id, acc, p, x, &param,
							  CUDA_REDUCE_TILE + (int64_t)(machine_random() % 3) * 1000);
				std::vector<std::vector<char>> s = samples(p, x, dtype_size(acc));
				size_t size = dtype_size(loops->result);
				bool same = !r.failed && r.out == tiled.out;

				for (size_t i = 0; same && i < s.size(); i++) {
					result want = on_cpu((enum reduce_id)id, acc, s[i], param), got = {};

					memcpy(&got, r.out.data() + i * size, size);
					if (loops->result != DT_F64 && loops->result != DT_C128) {
						same = got.u == want.u;
						continue;
					}
					for (int part = 0; part < (loops->result == DT_C128 ? 2 : 1); part++) {
						double off = ulps(got.f[part], want.f[part]);

						if (isfinite(off))
							worst[id] = fmax(worst[id], off);
						same &= off <= tolerance((enum reduce_id)id, &param) &&
							isfinite(got.f[part]) == isfinite(want.f[part]);
					}
				}
				if (!same)
					printf("# problem %zu, kind %d\n", k, what);
				good &= same;
			}
			ok(good, std::string(reduce_name[id]) + " " + dtype_name(acc));
		}
	for (int id = 0; id < NREDUCES; id++)
		if (worst[id] > 0 && isfinite(tolerance((enum reduce_id)id, &one)))
			printf("# %s: at most %.3g ULP from the CPU's\n", reduce_name[id], worst[id]);
}

/* The sum of doubles, rounded once: as many parts that do not overlap as it takes (Shewchuk). */
static double exact_sum(const double *x, size_t n)
{
	std::vector<double> parts;
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double v = x[i];
		size_t k = 0;

		for (double p : parts) {
			double a = fabs(v) < fabs(p) ? p : v, b = fabs(v) < fabs(p) ? v : p, hi = a + b,
			       lo = b - (hi - a);

			if (lo)
				parts[k++] = lo;
			v = hi;
		}
		parts.resize(k);
		parts.push_back(v);
	}
	for (double p : parts)
		sum += p;
	return sum;
}

static void test_sums()
{
	static const problem shapes[] = {
		{ { 30000 }, 1 }, { { 10000, 3 }, 1 }, { { 3, 10000 }, 2 }, { { 100, 3, 100 }, 5 }
	};
	double worst = 0, worst_mean = 0;

	for (int kind = 0; kind < 4; kind++)
		for (const problem &p : shapes) {
			std::vector<char> x = elements(DT_F64, 30000, 0);
			struct reduce_param param = { 10000, 0, 2 };
			double *v = (double *)x.data();

			if (p.shape.size() == 1)
				param.count = 30000;
			for (int i = 0; i < 30000; i++) {
				if (kind == 1) /* cancels, but for the last digits */
					v[i] = i % 2 ? -v[i - 1] * (1 + 1e-9 * v[i]) : v[i] * 1e8;
				if (kind == 2) /* of very different sizes */
					v[i] = ldexp(v[i], (int)(machine_random() % 60) - 30);
				if (kind == 3) /* what float32 arrays of equal elements add up to */
					v[i] = 0.1f;
			}
			reduced r = on_device(REDUCE_sum, DT_F64, p, x, &param, 5000);
			reduced m = on_device(REDUCE_mean, DT_F64, p, x, &param, 7777);
			std::vector<std::vector<char>> s = samples(p, x, 8);

			for (size_t i = 0; i < s.size(); i++) {
				size_t n = s[i].size() / 8;
				double want = exact_sum((double *)s[i].data(), n), scale = 0;

				/* Twice the precision: an error of n * 2**-106 of the sum of magnitudes, then one rounding. */
				for (size_t k = 0; k < n; k++)
					scale += fabs(((double *)s[i].data())[k]);
				double allowed = fabs(want) * 0x1p-52 + scale * (double)n * 0x1p-104;

				worst = fmax(worst, fabs(((double *)r.out.data())[i] - want) / allowed);
				worst_mean = fmax(worst_mean, ulps(((double *)m.out.data())[i], want / (double)n));
			}
		}
	ok(worst <= 1, "sums lose no more than n * 2**-104 of the magnitudes, and one rounding");
	printf("# %.3g of what they may; means of sums of any kind within %.3g ULP\n", worst, worst_mean);
}

static void test_prod()
{
	bool good = true;

	for (int64_t n : { 1, 31, 300, 5000 }) {
		std::vector<char> x = elements(DT_F64, n, 0);
		struct reduce_param param = { n, 0, 2 };
		long double want = 1;

		for (int64_t i = 0; i < n; i++) {
			double *v = (double *)x.data() + i;

			*v = (*v < 0 ? -1 : 1) * (0.75 + fabs(*v) * 0.25);
			want *= *v;
		}
		reduced r = on_device(REDUCE_prod, DT_F64, { { n }, 1 }, x, &param, 4096);

		good &= fabs(*(double *)r.out.data() / (double)want - 1) <= (double)n * 0x1p-53;
	}
	ok(good, "products of n elements within n / 2 ULP");
}

static void test_var()
{
	bool good = true;

	/* A mean much larger than the spread. */
	for (const problem &p : { problem{ { 30000 }, 1 }, problem{ { 30000, 1, 2 }, 1 }, problem{ { 60, 500 }, 2 } }) {
		std::vector<char> x = elements(DT_F64, p.shape.size() == 3 ? 60000 : 30000, 0);
		double *v = (double *)x.data();
		struct reduce_param param = { p.shape.size() == 2 ? 500 : 30000, 1, 2 };

		for (size_t i = 0; i < x.size() / 8; i++)
			v[i] += 1e8;
		reduced r = on_device(REDUCE_var, DT_F64, p, x, &param, 4500);
		std::vector<std::vector<char>> s = samples(p, x, 8);

		for (size_t i = 0; i < s.size(); i++) {
			size_t n = s[i].size() / 8;
			const double *y = (const double *)s[i].data();
			long double mean = 0, m2 = 0;

			for (size_t k = 0; k < n; k++)
				mean += y[k] - 1e8;
			mean /= (long double)n;
			for (size_t k = 0; k < n; k++)
				m2 += (y[k] - 1e8 - mean) * (y[k] - 1e8 - mean);
			good &= ulps(((double *)r.out.data())[i], (double)(m2 / (long double)(n - 1))) <= 8;
		}
	}
	ok(good, "var of elements far from 0 within 8 ULP");
}

/* Every allocation and launch fails in turn. */
static void test_failures()
{
	problem p = { { 3, 10000 }, 2 };
	std::vector<char> x = elements(DT_F64, 30000, 0);
	struct reduce_param param = { 10000, 0, 2 };
	bool good = true;
	int n;

	for (n = 0; n < 100; n++) {
		launches_left = n;
		if (!on_device(REDUCE_std, DT_F64, p, x, &param, 10000).failed)
			break;
	}
	launches_left = -1;
	good &= n > 2 && n < 100;
	for (n = 0; n < 2; n++) {
		allocations_left = n;
		good &= on_device(REDUCE_std, DT_F64, p, x, &param, 10000).failed;
	}
	allocations_left = -1;
	ok(good, "a launch or an allocation that fails fails the reduction");
}

int main()
{
	test_all();
	test_sums();
	test_prod();
	test_var();
	test_failures();
	return done();
}
