/* The elementwise kernels under emulation, against the loops of the CPU. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "emulate.h"

extern "C" {
#include "lib/kernels.h"
#include "lib/random.h"
}

#include "cuda/kernels.h"

static int count, failures;
static long compared; /* elements */

static void ok(bool good, const std::string &name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name.c_str());
	failures += !good;
}

static uint64_t state = 88172645463325252u;

static uint64_t random_bits()
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Blocks as the loops of the CPU want them. */
enum { N = 2048, ROOM = (N + LOOP_PAD) * 16 };

alignas(64) static char in0[ROOM], in1[ROOM], in2[ROOM], expected[ROOM], result[ROOM + 64];

/* Bytes of a type's suffix, by dtype. */
static const char *const suffix[NDTYPES] = { "b",   "i8",   "u8",  "i16", "u16", "i32",	 "u32",	 "i64", "u64",
					     "f16", "bf16", "f32", "f64", "c64", "c128", "e4m3", "e5m2" };

/* Runs a kernel with some grid and block; false, with a comment, when it cannot. */
static bool run(const std::string &name, std::vector<void *> args)
{
	const emulate::kernel *k = emulate::find(name.c_str());
	const char *failed = k ? NULL : "is not there";

	if (k && k->parameters.size() != args.size())
		failed = "has other parameters";
	if (!failed)
		failed = emulate::launch(k, (unsigned)(1 + random_bits() % 3), (unsigned)(1 + random_bits() % 256),
					 args.data());
	if (failed)
		printf("# %s: %s\n", name.c_str(), failed);
	return !failed;
}

/* == casts == */

/* An element of type d, special or random, at p. */
static void random_element(enum dtype d, void *p)
{
	static const double special[] = { 0.0,
					  -0.0,
					  1,
					  -1,
					  0.5,
					  1.5,
					  2.5,
					  127,
					  128,
					  -128,
					  255,
					  256,
					  32767,
					  32768,
					  65504,
					  65520,
					  448,
					  464,
					  57344,
					  2147483647.,
					  2147483648.,
					  -2147483649.,
					  4294967295.,
					  4294967296.,
					  0x1p63,
					  -0x1p63,
					  0x1p64,
					  1e30,
					  1e-30,
					  5e-324,
					  1e-8,
					  6e-8,
					  (double)INFINITY,
					  -(double)INFINITY,
					  (double)NAN };
	double v;
	uint64_t bits = random_bits();

	switch (random_bits() % 4) {
	case 0:
		v = special[random_bits() % (sizeof(special) / sizeof(*special))];
		break;
	case 2:
		v = ldexp((double)(int64_t)random_bits(), -60); /* -8 .. 8 */
		if (dtype_is_int(d))
			v *= 16;
		break;
	case 1:
		v = ldexp((double)(int64_t)random_bits(), (int)(random_bits() % 140) - 120);
		break;
	default:
		/* any bits; twice the same where there are two */
		for (size_t i = 0; i < dtype_size(d); i += 8, bits = random_bits())
			memcpy((char *)p + i, &bits, dtype_size(d) - i < 8 ? dtype_size(d) - i : 8);
		if (d == DT_BOOL)
			*(char *)p &= 1;
		return;
	}
	cast_one(d, p, DT_F64, &v);
	if (!dtype_is_complex(d) || random_bits() % 4 == 0)
		return;
	v = random_bits() % 2 ? special[random_bits() % (sizeof(special) / sizeof(*special))]
			      : ldexp((double)(int64_t)random_bits(), -60);
	cast_one(d == DT_C64 ? DT_F32 : DT_F64, (char *)p + dtype_size(d) / 2, DT_F64, &v);
}

/* Equal bits, or floats that are both nan: which of them is not specified. */
static bool same(enum dtype d, const void *x, const void *y)
{
	size_t size = dtype_size(d);
	double a, b;

	if (!memcmp(x, y, size))
		return true;
	if (dtype_is_complex(d)) {
		enum dtype part = d == DT_C64 ? DT_F32 : DT_F64;

		return same(part, x, y) && same(part, (const char *)x + size / 2, (const char *)y + size / 2);
	}
	if (!dtype_is_float(d))
		return false;
	cast_one(DT_F64, &a, d, x);
	cast_one(DT_F64, &b, d, y);
	return a != a && b != b;
}

static void test_casts(enum dtype from)
{
	bool good = true;

	for (int i = 0; i < N; i++)
		random_element(from, in0 + (size_t)i * dtype_size(from));
	for (int to = 0; to < NDTYPES; to++) {
		std::string name = std::string("cast_") + suffix[from] + "_" + suffix[to];
		size_t size = dtype_size((enum dtype)to);
		int64_t n = N - (int64_t)(random_bits() % 100);
		void *out = result, *x = in0;

		kernels_get()->cast[from][to](n, expected, in0);
		memset(result, 0x5a, sizeof(result));
		if (!run(name, { &n, &out, &x })) {
			good = false;
			continue;
		}
		for (int64_t i = 0; i < n && good; i++)
			if (!same((enum dtype)to, expected + (size_t)i * size, result + (size_t)i * size)) {
				printf("# %s: element %d differs\n", name.c_str(), (int)i);
				good = false;
			}
		good &= result[(size_t)n * size] == 0x5a; /* nothing behind it */
		compared += n;
	}
	ok(good, std::string("cast_") + suffix[from] + "_*: the bits of the CPU");
}

/* == maps == */

struct row {
	const char *name, *types, *result;
	int nin, flags;
};

static const struct row rows[NMAPS] = {
#define MAP(id, aliases, nin, types, result, flags, ...) { #id, #types, #result, nin, flags },
#include "lib/ops.def"
};

/* A float's place in the order of all floats of its size, so that neighbours differ by 1. */
static int64_t place(enum dtype d, const void *p)
{
	int64_t i = 0;
	int32_t i32;

	if (d == DT_F64) {
		memcpy(&i, p, 8);
		return i < 0 ? INT64_MIN - i : i;
	}
	memcpy(&i32, p, 4);
	return i32 < 0 ? (int64_t)INT32_MIN - i32 : i32;
}

static void c_parts(enum dtype d, double parts[2], const void *p)
{
	enum dtype part = d == DT_C64 ? DT_F32 : DT_F64;

	cast_one(DT_F64, &parts[0], part, p);
	cast_one(DT_F64, &parts[1], part, (const char *)p + dtype_size(part));
}

static void print(enum dtype d, const void *block, int64_t i)
{
	const char *p = (const char *)block + (size_t)i * dtype_size(d);
	double parts[2] = { 0, 0 };

	if (dtype_is_complex(d)) {
		c_parts(d, parts, p);
		printf(" %.17g%+.17gj", parts[0], parts[1]);
		return;
	}
	cast_one(DT_F64, &parts[0], d, p);
	printf(" %.17g", parts[0]);
}

/* How far two elements are apart, in ULP; of complex ones, of the larger part.  HUGE_VAL: nan or infinity in one. */
static double distance(enum dtype d, const void *x, const void *y)
{
	if (same(d, x, y))
		return 0;
	if (d == DT_F32 || d == DT_F64) {
		double a, b;

		cast_one(DT_F64, &a, d, x);
		cast_one(DT_F64, &b, d, y);
		if (a == 0 && b == 0)
			return HUGE_VAL; /* their signs differ */
		return isfinite(a) && isfinite(b) ? fabs((double)((__int128)place(d, x) - place(d, y))) : HUGE_VAL;
	}
	if (d == DT_C64 || d == DT_C128) {
		double a[2], b[2], unit;
		c_parts(d, a, x);
		c_parts(d, b, y);
		/* C11 leaves the sign of an infinity open whose other part is nan. */
		for (int k = 0; k < 2; k++)
			if (a[1 - k] != a[1 - k] && b[1 - k] != b[1 - k] && isinf(a[k]) && isinf(b[k]))
				return 0;
		for (int k = 0; k < 2; k++)
			if (!isfinite(a[k]) || !isfinite(b[k])) {
				if (!(a[k] == b[k] || (a[k] != a[k] && b[k] != b[k])))
					return HUGE_VAL;
				a[k] = b[k] = 0;
			}
		unit = fmax(fabs(a[0]), fabs(a[1]));
		unit = d == DT_C64 ? fmax(ldexp(unit, -23), 0x1p-149) : fmax(ldexp(unit, -52), 0x1p-1074);
		return fmax(fabs(a[0] - b[0]), fabs(a[1] - b[1])) / unit;
	}
	return HUGE_VAL;
}

/*
 * How far a kernel may be from the loop of the CPU, in ULP.  Nothing, but where the CPU calls SLEEF: there both are
 * within an ULP or so of the exact result; compositions add up, and a result that passes through 0 loses digits.
 */
static double bound(const struct row *r, enum dtype loop)
{
	static const struct {
		const char *name;
		double f64;
	} more[] = { { "cbrt", 4 },	  { "erfinv", 4 },    { "lgamma", 8 },	  { "digamma", 8 },
		     { "polygamma", 64 }, { "logaddexp", 8 }, { "logaddexp2", 8 } };
	bool of_library = r->flags & (F_VMATH | F_VMATH64);

	if (!strcmp(r->types, "T_FC") && dtype_is_complex(loop))
		return loop == DT_C64 ? 1 : 4;
	if (!strcmp(r->name, "power") && dtype_is_complex(loop))
		return loop == DT_C64 ? 1 : 100;
	if (!strcmp(r->name, "abs") && dtype_is_complex(loop))
		return 1;
	if (loop == DT_F32)
		return r->flags & F_VMATH ? 1 : 0;
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		if (loop == DT_F64 && !strcmp(r->name, more[i].name))
			return more[i].f64;
	return loop == DT_F64 && of_library ? 3 : 0;
}

static void fill_operands(const struct row *r, enum dtype loop, void *const args[])
{
	bool complex_power = !strcmp(r->name, "power") && dtype_is_complex(loop);

	for (int i = 0; i < N; i++)
		for (int k = 0; k < r->nin; k++) {
			enum dtype d = k == 0 && r->flags & F_COND ? DT_BOOL : loop;
			char *p = (char *)args[k] + (size_t)i * dtype_size(d);

			random_element(d, p);
			if (r->flags & F_POWER && k && dtype_info[d].kind == 'i')
				p[dtype_size(d) - 1] &= 0x7f;
			/* Orders are whole, and small but for one; near zeros of negative arguments no digit is right. */
			if (!strcmp(r->name, "polygamma")) {
				double v =
					k == 0 ? (i % 9 == 8 ? 1e18 : i % 9) : ldexp((double)(random_bits() >> 1), -59);

				cast_one(loop, p, DT_F64, &v);
			}
			/* The angle of a large power has no right digits.  Whole exponents are computed by products. */
			for (int part = 0; part < 2 && complex_power; part++) {
				double v = ldexp((double)(int64_t)random_bits(), -60);

				v = k == 1 && i % 3 == 0 ? (part ? 0 : floor(v)) : v;
				cast_one(loop == DT_C64 ? DT_F32 : DT_F64, p + (size_t)part * dtype_size(d) / 2, DT_F64,
					 &v);
			}
		}
}

static bool test_map(int id, enum dtype loop, std::string &found)
{
	const struct row *r = &rows[id];
	std::string name = std::string("map_") + r->name + "_" + suffix[loop];
	enum dtype out = !strcmp(r->result, "BOOL") ? DT_BOOL : !strcmp(r->result, "REAL") ? dtype_real(loop) : loop;
	size_t size = dtype_size(out);
	const void *in[MAP_MAX_IN] = { in0, in1, in2, in2 };
	void *po = result, *args[MAP_MAX_IN] = { in0, in1, in2, in2 };
	int64_t n = N - (int64_t)(random_bits() % 100), at = -1;
	std::vector<void *> params = { &n, &po };
	double worst = 0;
	char text[40];

	fill_operands(r, loop, args);
	kernels_get()->map[id][loop](n, expected, in);
	for (int k = 0; k < r->nin; k++)
		params.push_back(&args[k]);
	memset(result, 0x5a, sizeof(result));
	if (!run(name, params))
		return false;
	for (int64_t i = 0; i < n; i++) {
		double far = distance(out, expected + (size_t)i * size, result + (size_t)i * size);

		if (far > worst) {
			worst = far;
			at = i;
		}
	}
	compared += n;
	snprintf(text, sizeof(text), ", %s %.2g ULP", suffix[loop], worst);
	if (bound(r, loop) > 0)
		found += text;
	if (worst > bound(r, loop)) {
		printf("# %s: %.3g ULP, element %d:", name.c_str(), worst, (int)at);
		for (int k = 0; k < r->nin; k++)
			print(k == 0 && r->flags & F_COND ? DT_BOOL : loop, args[k], at);
		printf(" ->");
		print(out, expected, at);
		printf(" and");
		print(out, result, at);
		printf("\n");
		return false;
	}
	return result[(size_t)n * size] == 0x5a; /* nothing behind it */
}

/* One line a row: the worst of each type that need not have the bits of the CPU. */
static void test_maps()
{
	for (int id = 0; id < NMAPS; id++) {
		std::string found;
		bool good = true;

		for (int loop = 0; loop < NDTYPES; loop++)
			if (kernels_get()->map[id][loop])
				good &= test_map(id, (enum dtype)loop, found);
		ok(good, std::string("map_") + rows[id].name + "_*" + found);
	}
}

/* == elements from their index == */

static bool equal_bytes(const char *name, size_t n)
{
	if (!memcmp(expected, result, n) && result[n] == 0x5a)
		return true;
	printf("# %s differs\n", name);
	return false;
}

static void test_random()
{
	static const char *const names[] = { "uniform", "normal", "exponential", "bernoulli", "integer" };
	/* across the border where the low half of the index wraps */
	static const int64_t starts[] = { 0, 12345, (INT64_C(1) << 32) - 1000, INT64_C(1) << 40 };
	bool good = true;

	for (int id = RANDOM_uniform; id <= RANDOM_integer; id++)
		for (int64_t start : starts)
			for (uint64_t range : { UINT64_C(0), UINT64_C(7), UINT64_C(1) << 63 }) {
				struct random_param p = { (enum random_id)id, random_bits(), 0.3, 1.7, -5, range };
				std::string name = std::string("random_") + names[id];
				int64_t n = N;
				void *out = result;

				random_fill(&p, start, n, expected);
				memset(result, 0x5a, sizeof(result));
				good &= run(name, { &n, &out, &start, &p.seed, &p.a, &p.b, &p.lo, &p.range });
				good &= equal_bytes(name.c_str(), N * 8);
				compared += n;
			}
	ok(good, "random_*: the bits of the CPU");
}

static bool power_near(double x, double y)
{
	double p = pow(2, y);

	return distance(DT_F64, &x, &p) <= 1;
}

static void test_ranges()
{
	int64_t n = N, start = 777, first = INT64_MAX - 5, step = -1234567891011, none = -1, last = start + N - 1;
	double f = 0.1, by = 0.7, stop = 99.5, base = 2, zero = 0, third = 1.0 / 3, one = 1, ten = 10;
	int arange = CUDA_ARANGE, linspace = CUDA_LINSPACE, logspace = CUDA_LOGSPACE, geomspace = CUDA_GEOMSPACE;
	int no = 0, yes = 1;
	void *out = result;
	bool good = run("range_i64", { &n, &out, &start, &first, &step });

	for (int i = 0; i < N; i++)
		good &= ((int64_t *)(void *)result)[i] ==
			(int64_t)((uint64_t)first + (uint64_t)(start + i) * (uint64_t)step);
	ok(good, "range_i64");

	double f32 = (float)0.1, by32 = (float)0.7;
	good = run("range_f32", { &n, &out, &start, &f32, &by32 });
	for (int i = 0; i < N; i++)
		good &= ((float *)(void *)result)[i] == (float)f32 + (float)(start + i) * (float)by32;
	ok(good, "range_f32");

	const double *d = (double *)(void *)result;
	good = run("range_f64", { &n, &out, &start, &arange, &f, &by, &stop, &base, &none, &no });
	for (int i = 0; i < N; i++)
		good &= d[i] == f + (double)(start + i) * by;
	good &= run("range_f64", { &n, &out, &start, &linspace, &f, &by, &stop, &base, &last, &yes });
	for (int i = 0; i < N; i++)
		good &= d[i] == floor(i == N - 1 ? stop : f + (double)(start + i) * by);
	good &= run("range_f64", { &n, &out, &zero, &logspace, &zero, &third, &stop, &base, &none, &no });
	for (int i = 0; i < N; i++)
		good &= i * third > 1020 || power_near(d[i], i * third);
	/* Powers of 10 that are whole numbers are exact. */
	good &= run("range_f64", { &n, &out, &zero, &logspace, &zero, &one, &stop, &ten, &none, &yes });
	good &= d[3] == 1000 && d[15] == 1e15 && d[0] == 1;
	good &= run("range_f64", { &n, &out, &zero, &geomspace, &zero, &one, &stop, &f, &last, &no });
	good &= d[0] == 0.1 && d[2] == 100;
	compared += 7 * n;
	ok(good, "range_f64");
}

/* == moves == */

static void test_fill()
{
	uint64_t lo = 0x0123456789abcdef, hi = 0xfedcba9876543210;
	bool good = true;

	for (int bytes = 1; bytes <= 16; bytes *= 2) {
		int64_t n = N;
		void *out = result;
		std::string name = "fill_" + std::to_string(bytes);

		memset(result, 0x5a, sizeof(result));
		good &= run(name, { &n, &out, &lo, &hi });
		for (int i = 0; i < N; i++) {
			memcpy(expected + i * bytes, &lo, (size_t)(bytes < 8 ? bytes : 8));
			if (bytes == 16)
				memcpy(expected + i * bytes + 8, &hi, 8);
		}
		good &= equal_bytes(name.c_str(), (size_t)(N * bytes));
		compared += n;
	}
	ok(good, "fill_*");
}

static void test_strided()
{
	bool good = true;

	for (int round = 0; round < 60; round++) {
		int bytes = 1 << round % 5;
		struct strided_layout l = {};
		int64_t size = 1, low = 0, start, n;
		void *out = result;
		std::string name = "strided_" + std::to_string(bytes);

		/* Strides of any kind whose elements stay within in0. */
		l.ndim = (int64_t)(random_bits() % 6);
		for (int64_t a = 0; a < l.ndim; a++) {
			l.dim[a] = 1 + (int64_t)(random_bits() % 5);
			l.stride[a] = ((int64_t)(random_bits() % 41) - 20) * bytes;
			size *= l.dim[a];
			low += l.stride[a] < 0 ? (l.dim[a] - 1) * l.stride[a] : 0;
		}
		for (size_t i = 0; i < sizeof(in0); i++)
			in0[i] = (char)random_bits();
		start = (int64_t)(random_bits() % (uint64_t)size);
		n = size - start;
		n = n < (int64_t)N ? n : (int64_t)N;
		const char *base = in0 - low;
		const void *p = base;
		for (int64_t i = 0; i < n; i++) {
			int64_t rest = start + i, at = 0;

			for (int64_t a = l.ndim - 1; a >= 0; rest /= l.dim[a--])
				at += rest % l.dim[a] * l.stride[a];
			memcpy(expected + i * bytes, base + at, (size_t)bytes);
		}
		memset(result, 0x5a, sizeof(result));
		good &= run(name, { &n, &out, &p, &start, &l });
		good &= equal_bytes(name.c_str(), (size_t)(n * bytes));
		compared += n;
	}
	ok(good, "strided_*");
}

static void test_iota()
{
	int64_t n = N, start = (INT64_C(1) << 33) + 12345, inner = 7, dim = 11, big = INT64_C(1) << 34;
	void *out = result;
	const int64_t *v = (int64_t *)(void *)result;
	bool good = run("iota", { &n, &out, &start, &inner, &dim });

	for (int i = 0; i < N; i++)
		good &= v[i] == (start + i) / inner % dim;
	good &= run("iota", { &n, &out, &start, &inner, &big });
	for (int i = 0; i < N; i++)
		good &= v[i] == (start + i) / inner % big;
	compared += 2 * n;
	ok(good, "iota");
}

static void test_concat()
{
	bool good = true;

	for (int bytes = 1; bytes <= 16; bytes *= 2) {
		int64_t widths[] = { 3, 1, 6 }, row = 10, start = 37, n = 1000, first = 0;
		void *out = result;

		memset(result, 0x5a, sizeof(result));
		for (size_t i = 0; i < sizeof(in0); i++)
			in0[i] = (char)random_bits();
		for (int64_t width : widths) {
			const void *in = in0;

			good &= run("concat_" + std::to_string(bytes), { &n, &out, &start, &in, &row, &first, &width });
			for (int64_t i = start; i < start + n; i++)
				if (i % row >= first && i % row < first + width)
					memcpy(expected + (i - start) * bytes,
					       in0 + (i / row * width + i % row - first) * bytes, (size_t)bytes);
			first += width;
		}
		good &= equal_bytes("concat", (size_t)(n * bytes));
		compared += n;
	}
	ok(good, "concat_*");
}

static void test_swap()
{
	bool good = true;

	for (int unit = 2; unit <= 8; unit *= 2) {
		int64_t n = N;
		void *x = result;

		memset(result, 0x5a, sizeof(result));
		for (int i = 0; i < N * unit; i++)
			result[i] = (char)random_bits();
		for (int i = 0; i < N; i++)
			for (int k = 0; k < unit; k++)
				expected[i * unit + k] = result[i * unit + unit - 1 - k];
		good &= run("swap_" + std::to_string(unit), { &n, &x });
		good &= equal_bytes("swap", (size_t)(N * unit));
		compared += n;
	}
	ok(good, "swap_*");
}

static void test_values()
{
	int64_t n = N;
	void *x = result;
	double *d = (double *)(void *)result, most = 0.75;
	bool good = true;

	for (int i = 0; i < N; i++)
		d[i] = i / 1000.0;
	d[3] = (double)NAN;
	good &= run("limit_f64", { &n, &x, &most });
	for (int i = 0; i < N; i++)
		good &= i == 3 ? d[i] != d[i] : d[i] == (i / 1000.0 > most ? most : i / 1000.0);
	for (int bytes = 1; bytes <= 8; bytes *= 2) {
		std::string name = "any_negative_i" + std::to_string(8 * bytes);
		int flag = 0;
		void *p = &flag;

		memset(result, 0x7f, sizeof(result));
		good &= run(name, { &n, &x, &p }) && flag == 0;
		result[1500 * bytes + bytes - 1] = (char)0x80;
		good &= run(name, { &n, &x, &p }) && flag == 1;
	}
	compared += 5 * n;
	ok(good, "limit_f64, any_negative_*");
}

int main()
{
	struct error err = ERROR_INIT;

	if (vmath_load(&err)) {
		printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	for (int from = 0; from < NDTYPES; from++)
		test_casts((enum dtype)from);
	test_maps();
	test_random();
	test_ranges();
	test_fill();
	test_strided();
	test_iota();
	test_concat();
	test_swap();
	test_values();
	printf("# %ld elements compared\n", compared);
	printf("1..%d\n", count);
	return failures != 0;
}
