/* Numbers as text and back: lib/number.h and lib/decimal.h. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/decimal.h"
#include "lib/number.h"

static int failures;

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) { \
			printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
			printf(__VA_ARGS__); \
			printf("\n"); \
			failures++; \
		} \
	} while (0)

/* == to text == */

static void check_repr(enum dtype d, const void *p, const char *expected)
{
	char buf[NUMBER_TEXT];
	int n = number_repr(buf, d, p);

	CHECK(!strcmp(buf, expected) && n == (int)strlen(buf), "%s: '%s', expected '%s'", dtype_name(d), buf, expected);
}

static void test_repr_double(void)
{
	static const struct {
		double value;
		const char *text;
	} row[] = {
		{ 0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1, "1.0" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 0.3, "0.3" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e-4, "0.0001" },
		{ 9.999e-5, "9.999e-05" },
		{ 1e-7, "1e-07" },
		{ 1e15, "1000000000000000.0" },
		{ 9999999999999998, "9999999999999998.0" },
		{ 1e16, "1e+16" },
		{ 123456789012345680, "1.2345678901234568e+17" },
		{ 1e22, "1e+22" },
		{ 1e23, "1e+23" },
		{ 5e-324, "5e-324" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 0x1p-44, "5.684341886080802e-14" },
		{ 0x1p149, "7.1362384635298e+44" },
		{ 9007199254740992, "9007199254740992.0" },
		{ 120, "120.0" },
		{ INFINITY, "inf" },
		{ -INFINITY, "-inf" },
		{ NAN, "nan" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		check_repr(DT_F64, &row[i].value, row[i].text);
}

static void test_repr_other(void)
{
	bool yes = true, no = false;
	int8_t i8 = -128;
	uint8_t u8 = 255;
	int16_t i16 = -32768;
	int32_t i32 = INT32_MIN;
	int64_t i64 = INT64_MIN;
	uint64_t u64 = UINT64_MAX;
	float f32 = 0.1f, f32_odd = 16777216;
	uint16_t f16 = 0x2e66, f16_max = 0x7bff, f16_min = 1, bf16 = 0x3dcd, bf16_max = 0x7f7f;
	uint8_t e4m3 = 0x7e, e4m3_nan = 0xff, e5m2 = 0x7b, e5m2_inf = 0xfc;
	double z[][2] = {
		{ 1, 2 }, { 0, 1 }, { -0.0, 1 }, { 1, -0.0 }, { NAN, -INFINITY }, { 0, NAN }, { 1e16, 1e-7 }
	};
	const char *z_text[] = { "(1+2j)", "1j", "(-0+1j)", "(1-0j)", "(nan-infj)", "nanj", "(1e+16+1e-07j)" };
	float z32[2] = { 0.1f, -0.5f };

	check_repr(DT_BOOL, &yes, "True");
	check_repr(DT_BOOL, &no, "False");
	check_repr(DT_I8, &i8, "-128");
	check_repr(DT_U8, &u8, "255");
	check_repr(DT_I16, &i16, "-32768");
	check_repr(DT_I32, &i32, "-2147483648");
	check_repr(DT_I64, &i64, "-9223372036854775808");
	check_repr(DT_U64, &u64, "18446744073709551615");
	check_repr(DT_F32, &f32, "0.1");
	check_repr(DT_F32, &f32_odd, "16777216.0");
	check_repr(DT_F16, &f16, "0.1");
	check_repr(DT_F16, &f16_max, "65500.0");
	check_repr(DT_F16, &f16_min, "6e-08");
	check_repr(DT_BF16, &bf16, "0.1");
	check_repr(DT_BF16, &bf16_max, "3.39e+38");
	check_repr(DT_F8E4M3, &e4m3, "450.0"); /* 448: its neighbour below is 416 */
	check_repr(DT_F8E4M3, &e4m3_nan, "nan");
	check_repr(DT_F8E5M2, &e5m2, "60000.0");
	check_repr(DT_F8E5M2, &e5m2_inf, "-inf");
	check_repr(DT_C64, z32, "(0.1-0.5j)");
	for (size_t i = 0; i < sizeof(z) / sizeof(z[0]); i++)
		check_repr(DT_C128, z[i], z_text[i]);
}

/* == from text == */

static void test_parse(void)
{
	static const struct {
		const char *text;
		enum scalar_kind kind;
		double re, im;
	} row[] = {
		{ "2", SCALAR_INT, 2, 0 },
		{ "-2", SCALAR_INT, -2, 0 },
		{ "+3", SCALAR_INT, 3, 0 },
		{ "-0", SCALAR_INT, 0, 0 },
		{ "007", SCALAR_INT, 7, 0 },
		{ ".5", SCALAR_FLOAT, 0.5, 0 },
		{ "5.", SCALAR_FLOAT, 5, 0 },
		{ "-0.0", SCALAR_FLOAT, -0.0, 0 },
		{ "1e5", SCALAR_FLOAT, 1e5, 0 },
		{ "1E-3", SCALAR_FLOAT, 1e-3, 0 },
		{ "1e400", SCALAR_FLOAT, INFINITY, 0 },
		{ "-1e400", SCALAR_FLOAT, -INFINITY, 0 },
		{ "1e-400", SCALAR_FLOAT, 0, 0 },
		{ "1e99999999999999999999", SCALAR_FLOAT, INFINITY, 0 },
		{ "0e99999999999999999999", SCALAR_FLOAT, 0, 0 },
		{ "inf", SCALAR_FLOAT, INFINITY, 0 },
		{ "-Infinity", SCALAR_FLOAT, -INFINITY, 0 },
		{ "INF", SCALAR_FLOAT, INFINITY, 0 },
		{ "3+4j", SCALAR_COMPLEX, 3, 4 },
		{ "-2j", SCALAR_COMPLEX, 0, -2 },
		{ "1e5-2.5e-3j", SCALAR_COMPLEX, 1e5, -2.5e-3 },
		{ "-0-0j", SCALAR_COMPLEX, -0.0, -0.0 },
		{ "1-infj", SCALAR_COMPLEX, 1, -INFINITY },
		{ "true", SCALAR_BOOL, 1, 0 },
		{ "True", SCALAR_BOOL, 1, 0 },
		{ "false", SCALAR_BOOL, 0, 0 },
		{ "False", SCALAR_BOOL, 0, 0 },
		{ "9007199254740993.0", SCALAR_FLOAT, 9007199254740992.0, 0 },
		{ "9007199254740993.00000000000000000000000000000000000000001", SCALAR_FLOAT, 9007199254740994.0, 0 },
		{ "2.4703282292062327208e-324", SCALAR_FLOAT, 0, 0 },
		{ "2.4703282292062328e-324", SCALAR_FLOAT, 0x1p-1074, 0 },
		{ "1.7976931348623158e308", SCALAR_FLOAT, 0x1.fffffffffffffp1023, 0 },
		{ "1.7976931348623159e308", SCALAR_FLOAT, INFINITY, 0 },
	};
	static const char *const refused[] = {
		"",	 "1_0",	  "0x10", "1 2",  "--1", "+-1", "e5",	 ".",	     "-",     "+",  "1e",
		"1e+",	 "1.2.3", "j",	  "+j",	  "1+j", "1+2", "1+2j3", "1j+2",     " 1",    "1 ", "TRUE",
		"truex", "-true", "infi", "nanx", "1,2", "0b1", "1.e",	 "\xd9\xa1", "1+2ji",
	};
	struct scalar s;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		bool ok = scalar_parse(&s, row[i].text, strlen(row[i].text));

		CHECK(ok && s.kind == row[i].kind && s.re == row[i].re && s.im == row[i].im &&
			      signbit(s.re) == signbit(row[i].re) && signbit(s.im) == signbit(row[i].im),
		      "%s: %d, kind %d, %.17g %.17g", row[i].text, ok, s.kind, s.re, s.im);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK(!scalar_parse(&s, refused[i], strlen(refused[i])), "'%s'", refused[i]);
	CHECK(scalar_parse(&s, "nan", 3) && isnan(s.re), "nan");
	CHECK(scalar_parse(&s, "12345", 2) && s.magnitude == 12, "the length counts");
	CHECK(!scalar_parse(&s, "1\0", 2), "NUL");
}

static void test_integers(void)
{
	struct scalar s;

	scalar_parse(&s, "18446744073709551615", 20);
	CHECK(s.kind == SCALAR_INT && s.magnitude == UINT64_MAX && !s.huge && s.re == 0x1p64, "2**64 - 1");
	CHECK(scalar_fits(&s, DT_U64) && !scalar_fits(&s, DT_I64), "2**64 - 1");
	scalar_parse(&s, "18446744073709551616", 20);
	CHECK(s.kind == SCALAR_INT && s.magnitude == UINT64_MAX && s.huge && s.re == 0x1p64, "2**64");
	CHECK(!scalar_fits(&s, DT_U64) && scalar_fits(&s, DT_F64), "2**64");
	scalar_parse(&s, "00000000000000000000000001", 26);
	CHECK(s.magnitude == 1 && !s.huge, "leading zeros");

	static const struct {
		const char *text;
		enum dtype dtype;
		bool fits;
	} row[] = {
		{ "127", DT_I8, true },
		{ "128", DT_I8, false },
		{ "-128", DT_I8, true },
		{ "-129", DT_I8, false },
		{ "255", DT_U8, true },
		{ "256", DT_U8, false },
		{ "-1", DT_U8, false },
		{ "-0", DT_U8, true },
		{ "9223372036854775807", DT_I64, true },
		{ "9223372036854775808", DT_I64, false },
		{ "-9223372036854775808", DT_I64, true },
		{ "-9223372036854775809", DT_I64, false },
		{ "300", DT_F16, true },
		{ "true", DT_I8, true },
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		scalar_parse(&s, row[i].text, strlen(row[i].text));
		CHECK(scalar_fits(&s, row[i].dtype) == row[i].fits, "%s in %s", row[i].text, dtype_name(row[i].dtype));
	}
}

static void test_scan(void)
{
	static const struct {
		const char *text;
		size_t n;
	} row[] = {
		{ "12+3", 2 },	{ "3+4j", 1 }, { "4j)", 2 },	  { "4jx", 1 },	  { "1.5e3*x", 5 },   { "1e", 1 },
		{ "1e+", 1 },	{ ".5)", 2 },  { "5.T", 2 },	  { ".x", 0 },	  { "x", 0 },	      { "-1", 0 },
		{ "inf", 3 },	{ "info", 0 }, { "infinity", 8 }, { "nan+1", 3 }, { "nanmax(x)", 0 }, { "true)", 4 },
		{ "true_", 0 }, { "True", 4 }, { "1_0", 1 },	  { "0x10", 1 },  { "", 0 },
	};
	struct scalar s;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t n = scalar_scan(&s, row[i].text);

		CHECK(n == row[i].n, "'%s': %zu, expected %zu", row[i].text, n, row[i].n);
	}
}

static void test_store(void)
{
	struct scalar s;
	int8_t i8;
	uint64_t u64;
	int64_t i64;
	float f32, c64[2];
	double f64;
	bool b;

	scalar_parse(&s, "-3", 2);
	scalar_store(&s, DT_I8, &i8);
	scalar_store(&s, DT_I64, &i64);
	scalar_store(&s, DT_F64, &f64);
	CHECK(i8 == -3 && i64 == -3 && f64 == -3, "-3");
	scalar_parse(&s, "18446744073709551615", 20);
	scalar_store(&s, DT_U64, &u64);
	scalar_store(&s, DT_F32, &f32);
	CHECK(u64 == UINT64_MAX && f32 == 0x1p64f, "2**64 - 1");
	scalar_parse(&s, "1e400", 5);
	scalar_store(&s, DT_F32, &f32);
	CHECK(isinf(f32), "inf");
	scalar_parse(&s, "3+4j", 4);
	scalar_store(&s, DT_C64, c64);
	CHECK(c64[0] == 3 && c64[1] == 4, "3+4j");
	scalar_parse(&s, "true", 4);
	scalar_store(&s, DT_BOOL, &b);
	scalar_store(&s, DT_I8, &i8);
	CHECK(b && i8 == 1, "true");
}

/* == both ways == */

static uint64_t random_bits(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static bool reads_back(enum dtype d, const void *p)
{
	char buf[NUMBER_TEXT], again[16];
	struct scalar s;
	int n = number_repr(buf, d, p);

	if (!scalar_parse(&s, buf, (size_t)n))
		return false;
	scalar_store(&s, d, again);
	return !strcmp(buf, "nan") || !memcmp(again, p, dtype_size(d));
}

static void test_round_trip(void)
{
	static const enum dtype small[] = { DT_F16, DT_BF16, DT_F8E4M3, DT_F8E5M2, DT_I8, DT_U8, DT_I16, DT_U16 };
	uint64_t state = 1;

	for (size_t k = 0; k < sizeof(small) / sizeof(small[0]); k++)
		for (uint32_t i = 0; i < 1u << 8 * dtype_size(small[k]); i++) {
			uint16_t wide = (uint16_t)i;
			uint8_t narrow = (uint8_t)i;
			const void *p = dtype_size(small[k]) == 1 ? (const void *)&narrow : (const void *)&wide;

			CHECK(reads_back(small[k], p), "%s 0x%x", dtype_name(small[k]), i);
		}
	for (int i = 0; i < 200000; i++) {
		uint64_t u = random_bits(&state);
		uint32_t v = (uint32_t)u;

		CHECK(reads_back(DT_F64, &u), "float64 0x%llx", (unsigned long long)u);
		CHECK(reads_back(DT_F32, &v), "float32 0x%x", v);
		CHECK(reads_back(DT_I64, &u), "int64 0x%llx", (unsigned long long)u);
		CHECK(reads_back(DT_U64, &u), "uint64 0x%llx", (unsigned long long)u);
	}
	for (int e = -1074; e < 1024; e++) {
		double x = ldexp(1, e), below = nextafter(x, 0), above = nextafter(x, INFINITY);

		CHECK(reads_back(DT_F64, &x) && reads_back(DT_F64, &below) && reads_back(DT_F64, &above), "2**%d", e);
	}
}

/* The C library is the reference for reading: random decimals of every length. */
static void test_read(void)
{
	uint64_t state = 2;
	char buf[64];

	for (int i = 0; i < 200000; i++) {
		struct decimal_number number;
		uint64_t u = random_bits(&state), v = random_bits(&state);
		int digits = 1 + (int)(v % 19), e = (int)(v >> 32) % 700 - 350;

		if (v >> 63)
			e %= 25;
		int n = snprintf(buf, sizeof(buf), "%.*llu.%llue%d", digits, (unsigned long long)(u >> (v >> 58)),
				 (unsigned long long)(u % 1000), e);
		size_t used = decimal_scan(&number, buf, buf + n);
		double expected = strtod(buf, NULL);

		CHECK(used == (size_t)n && !memcmp(&number.value, &expected, 8), "%s: %.17g, expected %.17g", buf,
		      number.value, expected);
	}
}

/* Languages with a decimal comma, where one is installed. */
static void test_locale(void)
{
	static const char *const name[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE" };
	size_t i = 0;

	while (i < 4 && !setlocale(LC_ALL, name[i]))
		i++;
	if (i == 4) {
		printf("# no language with a decimal comma is installed\n");
		return;
	}
	test_repr_double();
	test_parse();
	setlocale(LC_ALL, "C");
}

int main(void)
{
	test_repr_double();
	test_repr_other();
	test_parse();
	test_integers();
	test_scan();
	test_store();
	test_read();
	test_round_trip();
	test_locale();
	printf("1..1\n%s 1 - numbers as text, both ways\n", failures ? "not ok" : "ok");
	return failures != 0;
}
