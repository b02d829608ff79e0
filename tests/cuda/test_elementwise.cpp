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

alignas(64) static char in0[ROOM], expected[ROOM], result[ROOM + 64];

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
	if (dtype_is_complex(d) && random_bits() % 2)
		cast_one(d == DT_C64 ? DT_F32 : DT_F64, (char *)p + dtype_size(d) / 2, DT_F64,
			 &special[random_bits() % (sizeof(special) / sizeof(*special))]);
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

int main()
{
	for (int from = 0; from < NDTYPES; from++)
		test_casts((enum dtype)from);
	printf("# %ld elements compared\n", compared);
	printf("1..%d\n", count);
	return failures != 0;
}
