/* The loops of maps and casts: lib/kernels.h, lib/half.h, lib/vmath.h. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/half.h"
#include "lib/kernels.h"

enum { N = 4096 };

static int count, failures;

static void ok(int good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, name);
	failures += !good;
}

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* -- small floats -- */

struct small {
	enum dtype dtype;
	const char *name;
	int size, mantissa, bias;
	unsigned largest;  /* code of the largest finite number */
	unsigned overflow; /* code of what is beyond */
};

static const struct small smalls[] = {
	{ DT_F16, "float16", 2, 10, 15, 0x7bff, 0x7c00 },
	{ DT_BF16, "bfloat16", 2, 7, 127, 0x7f7f, 0x7f80 },
	{ DT_F8E4M3, "float8_e4m3fn", 1, 3, 7, 0x7e, 0x7f },
	{ DT_F8E5M2, "float8_e5m2", 1, 2, 15, 0x7b, 0x7c },
};

static unsigned code_of(const struct small *s, enum dtype from, const void *value)
{
	uint16_t u2;
	uint8_t u1;

	if (s->size == 2) {
		cast_one(s->dtype, &u2, from, value);
		return u2;
	}
	cast_one(s->dtype, &u1, from, value);
	return u1;
}

static double value_of(const struct small *s, unsigned code)
{
	uint16_t u2 = (uint16_t)code;
	uint8_t u1 = (uint8_t)code;
	double x;

	cast_one(DT_F64, &x, s->dtype, s->size == 2 ? (void *)&u2 : (void *)&u1);
	return x;
}

/* By the definition of the format. */
static double expected_value(const struct small *s, unsigned code)
{
	unsigned mantissa = code & ((1u << s->mantissa) - 1), exponent = code >> s->mantissa;

	if (!exponent)
		return ldexp(mantissa, 1 - s->bias - s->mantissa);
	return ldexp(mantissa + (1u << s->mantissa), (int)exponent - s->bias - s->mantissa);
}

static void test_small(const struct small *s)
{
	unsigned sign = 1u << (8 * s->size - 1);
	int values = 1, back = 1, halfway = 1, once = 1;
	char name[80];
	double inf = INFINITY, largest = expected_value(s, s->largest);

	for (unsigned c = 0; c <= s->largest; c++) {
		double x = expected_value(s, c), next = expected_value(s, c + 1), middle = x + (next - x) / 2;
		double below = nextafter(middle, 0), above = nextafter(middle, inf), minus = -middle;
		float f = (float)x;
		unsigned after = c == s->largest ? s->overflow : c + 1, even = c & 1 ? after : c;

		values &= value_of(s, c) == x && value_of(s, c | sign) == -x;
		back &= code_of(s, DT_F32, &f) == c && code_of(s, DT_F64, &x) == c;
		halfway &= code_of(s, DT_F64, &middle) == even && code_of(s, DT_F64, &minus) == (even | sign);
		once &= code_of(s, DT_F64, &below) == c && code_of(s, DT_F64, &above) == after;
	}
	snprintf(name, sizeof(name), "%s: every value, from its bits", s->name);
	ok(values, name);
	snprintf(name, sizeof(name), "%s: every value, to its bits", s->name);
	ok(back, name);
	snprintf(name, sizeof(name), "%s: halves go to the even neighbour", s->name);
	ok(halfway, name);
	snprintf(name, sizeof(name), "%s: float64 is rounded once", s->name);
	ok(once, name);
	snprintf(name, sizeof(name), "%s: overflow and nan", s->name);
	largest *= 2;
	ok(code_of(s, DT_F64, &largest) == s->overflow && code_of(s, DT_F64, &inf) == s->overflow &&
		   isnan(value_of(s, code_of(s, DT_F64, &(double){ NAN }))),
	   name);
}

/* An integer just above the middle of two bfloat16, whose nearest float64 is right in it. */
static void test_integers_round_once(void)
{
	int64_t x = (INT64_C(0x80) << 55) + (INT64_C(1) << 54) + 1;
	uint16_t code;

	cast_one(DT_BF16, &code, DT_I64, &x);
	ok(code == 0x5e81, "int64 to bfloat16 rounds once");
}

static void test_float_to_int(void)
{
	static const struct {
		double x;
		int64_t i8, u8, i32, u32, i64;
		uint64_t u64;
	} rows[] = {
		{ 300.9, 44, 44, 300, 300, 300, 300 },
		{ -1.9, -1, 255, -1, UINT32_MAX, -1, UINT64_MAX },
		{ 3e9, 0, 0, INT32_MIN, 3000000000, 3000000000, 3000000000 },
		{ -3e9, 0, 0, INT32_MIN, 1294967296, -3000000000, (uint64_t)-3000000000 },
		{ 1e19, 0, 0, INT32_MIN, 0, INT64_MIN, 10000000000000000000u },
		{ 1e30, 0, 0, INT32_MIN, 0, INT64_MIN, 0 },
		{ NAN, 0, 0, INT32_MIN, 0, INT64_MIN, UINT64_C(1) << 63 },
		{ -INFINITY, 0, 0, INT32_MIN, 0, INT64_MIN, UINT64_C(1) << 63 },
	};
	int good = 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int8_t i8;
		uint8_t u8, b;
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;

		cast_one(DT_I8, &i8, DT_F64, &rows[i].x);
		cast_one(DT_U8, &u8, DT_F64, &rows[i].x);
		cast_one(DT_I32, &i32, DT_F64, &rows[i].x);
		cast_one(DT_U32, &u32, DT_F64, &rows[i].x);
		cast_one(DT_I64, &i64, DT_F64, &rows[i].x);
		cast_one(DT_U64, &u64, DT_F64, &rows[i].x);
		cast_one(DT_BOOL, &b, DT_F64, &rows[i].x);
		good &= i8 == rows[i].i8 && u8 == rows[i].u8 && i32 == rows[i].i32 && u32 == rows[i].u32 &&
			i64 == rows[i].i64 && u64 == rows[i].u64 && b == 1;
	}
	ok(good, "floats beyond the integers, as NumPy on x86");
}

/* -- maps -- */

/* Blocks as the loops want them. */
static _Alignas(64) char in0[(N + LOOP_PAD) * 16], in1[(N + LOOP_PAD) * 16], result[(N + LOOP_PAD) * 16];

static void run(enum map_id id, enum dtype loop, int64_t n, void *out)
{
	const void *in[MAP_MAX_IN] = { in0, in1 };

	kernels_get()->map[id][loop](n, out, in);
}

static int64_t apply(enum map_id id, int64_t x, int64_t y)
{
	/* The padding holds zeros: to divide by them must not trap. */
	memset(in0, 0, LOOP_PAD * 8);
	memset(in1, 0, LOOP_PAD * 8);
	memcpy(in0, &x, 8);
	memcpy(in1, &y, 8);
	run(id, DT_I64, 1, result);
	memcpy(&x, result, 8);
	return x;
}

static void test_integers(void)
{
	ok(apply(MAP_floor_divide, 7, 0) == 0 && apply(MAP_remainder, 7, 0) == 0 && apply(MAP_fmod, 7, 0) == 0,
	   "integer division by zero gives 0");
	ok(apply(MAP_floor_divide, INT64_MIN, -1) == INT64_MIN && apply(MAP_remainder, INT64_MIN, -1) == 0,
	   "the smallest integer divided by -1 wraps");
	ok(apply(MAP_floor_divide, -7, 2) == -4 && apply(MAP_remainder, -7, 2) == 1 && apply(MAP_fmod, -7, 2) == -1 &&
		   apply(MAP_remainder, 7, -2) == -1,
	   "division rounds down, fmod towards 0");
	ok(apply(MAP_add, INT64_MAX, 1) == INT64_MIN &&
		   apply(MAP_power, 3, 41) == (int64_t)UINT64_C(18026252303461234787),
	   "integers wrap");
	ok(apply(MAP_bitwise_left_shift, 1, 64) == 0 && apply(MAP_bitwise_right_shift, -5, 64) == -1 &&
		   apply(MAP_bitwise_right_shift, -5, -1) == -1 && apply(MAP_bitwise_left_shift, 1, -1) == 0,
	   "shifts by more than the width");
	ok(apply(MAP_gcd, -12, 18) == 6 && apply(MAP_lcm, 4, -6) == 12 && apply(MAP_gcd, 0, 0) == 0, "gcd, lcm");
}

/* |got - exact| in units of the last place of exact, a float of digits bits whose smallest exponent is least. */
static double ulps(long double got, long double exact, int digits, int least)
{
	int e;

	if (isnan(exact) || isnan(got))
		return isnan(exact) && isnan(got) ? 0 : HUGE_VAL;
	if (isinf(got))
		return got == exact || fabsl(exact) > (digits == 24 ? FLT_MAX : DBL_MAX) ? 0 : HUGE_VAL;
	frexpl(exact, &e);
	return (double)ldexpl(fabsl(got - exact), -(e - digits < least ? least : e - digits));
}

static double random_argument(void)
{
	double u = ldexp((double)(random_bits() >> 11), -52) - 1;

	switch (random_bits() % 4) {
	case 0:
		return ldexp(u, (int)(random_bits() % 2098) - 1074);
	case 1:
		return ldexp(u, -(int)(random_bits() % 40));
	case 2:
		return ldexp(u, (int)(random_bits() % 24));
	default:
		return 4 * u;
	}
}

static void test_function(enum map_id id, const char *name, long double (*exact)(long double), double bound)
{
	double worst32 = 0, worst64 = 0;
	char text[80];

	for (int block = 0; block < 16; block++) {
		for (int i = 0; i < N; i++)
			((float *)in0)[i] = (float)random_argument();
		run(id, DT_F32, N, result);
		for (int i = 0; i < N; i++)
			worst32 = fmax(worst32, ulps(((float *)result)[i], exact(((float *)in0)[i]), 24, -149));
		for (int i = 0; i < N; i++)
			((double *)in0)[i] = random_argument();
		run(id, DT_F64, N, result);
		for (int i = 0; i < N; i++)
			worst64 = fmax(worst64, ulps(((double *)result)[i], exact(((double *)in0)[i]), 53, -1074));
	}
	snprintf(text, sizeof(text), "%s: %.3f ULP in float32, %.3f in float64", name, worst32, worst64);
	ok(worst32 <= 1 && worst64 <= bound, text);
}

static long double rsqrt_exact(long double x)
{
	return 1 / sqrtl(x);
}

static long double sigmoid_exact(long double x)
{
	return 1 / (1 + expl(-x));
}

static long double silu_exact(long double x)
{
	return x < -20000 ? 0 : x * sigmoid_exact(x);
}

static long double mish_exact(long double x)
{
	long double e = expl(-fabsl(x));

	return x < -20000 ? 0 : x * (x < 0 ? e * (e + 2) / (e * (e + 2) + 2) : (1 + 2 * e) / (1 + 2 * e + 2 * e * e));
}

static long double softplus_exact(long double x)
{
	return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}

static void test_functions(void)
{
	/* The long double functions are right to some 2**-10 of these units, which the bound of 1 allows for. */
#define TEST(id, bound) test_function(MAP_##id, #id, id##l, bound);
	TEST(exp, 1.001)
	TEST(exp2, 1.001)
	TEST(expm1, 1.001)
	TEST(log, 1.001)
	TEST(log2, 1.001)
	TEST(log10, 1.001)
	TEST(log1p, 1.001)
	TEST(sin, 1.001)
	TEST(cos, 1.001)
	TEST(tan, 1.001)
	TEST(asin, 1.001)
	TEST(acos, 1.001)
	TEST(atan, 1.001)
	TEST(sinh, 1.3) /* where exp would overflow; 1 below */
	TEST(cosh, 1.3)
	TEST(tanh, 1.001)
	TEST(asinh, 1.001)
	TEST(acosh, 1.001)
	TEST(atanh, 1.001)
	TEST(cbrt, 1.001)
	TEST(erf, 1.001)
	TEST(erfc, 1.5)
	TEST(sqrt, 0.501)
#undef TEST
	test_function(MAP_rsqrt, "rsqrt", rsqrt_exact, 1);
	test_function(MAP_sigmoid, "sigmoid", sigmoid_exact, 1);
	test_function(MAP_silu, "silu", silu_exact, 1);
	test_function(MAP_mish, "mish", mish_exact, 1);
	test_function(MAP_softplus, "softplus", softplus_exact, 1.1);
}

static int result_is_bool(int id)
{
	static const char *const result[] = {
#define MAP(id, aliases, nin, types, result, ...) [MAP_##id] = #result,
#include "lib/ops.def"
	};

	return !strcmp(result[id], "BOOL");
}

/* Every loop, in place and over part of a block, gives what it gives elsewhere. */
static void test_in_place(void)
{
	static _Alignas(64) char copy[sizeof(in0)];
	const struct kernels *k = kernels_get();
	int good = 1;

	for (int id = 0; id < NMAPS; id++) {
		for (int loop = DT_F32; loop <= DT_F64; loop++) {
			size_t size = loop == DT_F32 ? 4 : 8;
			const void *in[MAP_MAX_IN] = { copy, in1, in1 };

			if (!k->map[id][loop] || id == MAP_where)
				continue;
			for (int i = 0; i < N; i++) {
				double x = random_argument(), y = random_argument();

				if (loop == DT_F32) {
					((float *)in0)[i] = (float)x;
					((float *)in1)[i] = (float)y;
				} else {
					((double *)in0)[i] = x;
					((double *)in1)[i] = y;
				}
			}
			memcpy(copy, in0, sizeof(in0));
			memset(result, 0, sizeof(result));
			k->map[id][loop](N, result, (const void *const[MAP_MAX_IN]){ in0, in1, in1 });
			k->map[id][loop](64, copy, in);
			/* Tests write a byte for an element. */
			good &= !memcmp(copy, result, result_is_bool(id) ? 64 : 64 * size);
		}
	}
	ok(good, "in place");
}

/* float16 by the processor's instructions is what half.h makes of it, payloads of nan included. */
static void test_float16_loops(void)
{
	enum { CODES = 1 << 16 };
	static _Alignas(64) float x[CODES];
	static _Alignas(64) uint16_t h[CODES];
	int same = 1;

	for (int i = 0; i < CODES; i++)
		h[i] = (uint16_t)i;
	kernels_get()->cast[DT_F16][DT_F32](CODES, x, h);
	for (int i = 0; i < CODES; i++)
		same &= float_bits(x[i]) == float_bits(f16_to_float(h[i]));
	ok(same, "float16 to float32, every code");
	same = 1;
	for (int low = 0; low < 64; low++) {
		for (uint32_t i = 0; i < CODES; i++)
			x[i] = bits_float(i << 16 | (low < 4 ? (uint32_t[]){ 0, 1, 0x1000, 0xffff }[low]
							     : (uint32_t)(random_bits() & 0xffff)));
		kernels_get()->cast[DT_F32][DT_F16](CODES, h, x);
		for (int i = 0; i < CODES; i++)
			same &= h[i] == float_to_f16(x[i]);
	}
	ok(same, "float32 to float16, every upper half");
}

int main(void)
{
	struct error err = ERROR_INIT;

	if (vmath_load(&err)) {
		printf("1..0 # SKIP %s\n", err.text);
		return 0;
	}
	printf("# %s\n", kernels_get()->name);
	for (size_t i = 0; i < sizeof(smalls) / sizeof(smalls[0]); i++)
		test_small(&smalls[i]);
	test_float16_loops();
	test_integers_round_once();
	test_float_to_int();
	test_integers();
	test_functions();
	test_in_place();
	printf("1..%d\n", count);
	return failures != 0;
}
