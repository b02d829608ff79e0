/*
 * How far the elementwise functions are from the exact results, and how fast they are in the cache; from "make ulp":
 *
 *	ulp [-n POINTS] [-s SEED] [NAME ...]
 *
 * A line for each row of ops.def and each of float64 and float32: the worst distance in units in the last place, where it
 * is, and nanoseconds an element.  The exact results are libquadmath's, of 113 bits.  The points are drawn where errors
 * are large: all magnitudes, around 0 and 1, near thresholds, where results underflow or cancel.  TENSOR_CPU says which
 * loops.
 */
#include <math.h>
#include <quadmath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/kernels.h"

typedef __float128 q;

static q sigmoid(q x)
{
	return x > 0 ? 1 / (1 + expq(-x)) : expq(x) / (1 + expq(x));
}

static q softplus(q x)
{
	return x > 0 ? x + log1pq(expq(-x)) : log1pq(expq(x));
}

static q sinpi(q x)
{
	q r = x - 2 * rintq(x / 2), turned = fabsq(r) > 0.5 ? copysignq(1, r) - r : r;

	return sinq(M_PIq * turned);
}

static q sinc(q x)
{
	return x == 0 ? 1 : sinpi(x) / (M_PIq * x);
}

static q logaddexp(q x, q y)
{
	return (x > y ? x : y) + log1pq(expq(-fabsq(x - y)));
}

static q logaddexp2(q x, q y)
{
	return (x > y ? x : y) + log1pq(exp2q(-fabsq(x - y))) / M_LN2q;
}

static q logit(q x)
{
	return fabsq(x - 0.5Q) < 0.25Q ? log1pq((2 * x - 1) / (1 - x)) : logq(x) - log1pq(-x);
}

static q erfinv(q x)
{
	q y = fabsq(x) < 0.5Q ? x : copysignq(sqrtq(-logq(1 - fabsq(x))), x);

	if (!(fabsq(x) < 1))
		return fabsq(x) == 1 ? x * HUGE_VALQ : nanq("");
	for (int i = 0; i < 60; i++) {
		q f = fabsq(x) < 0.5Q ? erfq(y) - x : copysignq(1 - fabsq(x) - erfcq(fabsq(y)), x);
		q u = f / (M_2_SQRTPIq * expq(-y * y)), step = u / (1 + y * u);

		y -= step;
		if (fabsq(step) < fabsq(y) * 1e-30Q)
			break;
	}
	return y;
}

static q digamma(q x)
{
	static const q b[] = { 1 / 12.0Q,	-1 / 120.0Q, 1 / 252.0Q,      -1 / 240.0Q,     5 / 660.0Q,
			       -691 / 32760.0Q, 1 / 12.0Q,   -3617 / 8160.0Q, 43867 / 14364.0Q };
	q sum = 0, z;

	if (x <= 0) {
		q part = x - rintq(x);

		if (part == 0)
			return x == 0 ? -1 / x : nanq("");
		sum = -M_PIq / tanq(M_PIq * part);
		x = 1 - x;
	}
	for (; x < 60; x += 1)
		sum -= 1 / x;
	z = 1 / (x * x);
	sum += logq(x) - 0.5Q / x;
	for (int i = 0; i < 9; i++) {
		sum -= b[i] * z;
		z /= x * x;
	}
	return sum;
}

static q lgammaneg(q x)
{
	if (x >= 0.5Q || x - rintq(x) == 0)
		return lgammaq(x);
	return logq(M_PIq / fabsq(sinpi(x))) - lgammaq(1 - x);
}

static q mish(q x)
{
	q e = expq(-fabsq(x));

	return x < 0 ? x * (e * (e + 2) / (e * e + 2 * e + 2)) : x * ((1 + 2 * e) / (1 + 2 * e + 2 * e * e));
}

static q gelu_tanh(q x)
{
	return x * sigmoid(2 * sqrtq(2 / M_PIq) * (x + 0.044715Q * x * x * x));
}

static q selu(q x)
{
	return 1.0507009873554804934193349852946Q * (x > 0 ? x : 1.6732632423543772848170429916717Q * expm1q(x));
}

static q relu6(q x)
{
	return x < 0 ? 0 : x > 6 ? 6 : x;
}

/* clang-format off */
/* F(row, f(x)), G(row, f(x, y)) */
#define ROWS(F, G) \
	F(rsqrt, 1 / sqrtq(x)) F(cbrt, cbrtq(x)) F(exp, expq(x)) F(exp2, exp2q(x)) F(expm1, expm1q(x)) F(log, logq(x)) \
	F(log2, log2q(x)) F(log10, log10q(x)) F(log1p, log1pq(x)) F(logit, logit(x)) F(sin, sinq(x)) F(cos, cosq(x)) \
	F(tan, tanq(x)) F(asin, asinq(x)) F(acos, acosq(x)) F(atan, atanq(x)) F(sinh, sinhq(x)) F(cosh, coshq(x)) \
	F(tanh, tanhq(x)) F(asinh, asinhq(x)) F(acosh, acoshq(x)) F(atanh, atanhq(x)) F(sinc, sinc(x)) \
	F(deg2rad, x * (M_PIq / 180)) F(rad2deg, x * (180 / M_PIq)) F(erf, erfq(x)) F(erfc, erfcq(x)) \
	F(erfinv, erfinv(x)) F(lgamma, lgammaneg(x)) F(digamma, digamma(x)) F(selu, selu(x)) \
	F(hardsigmoid, relu6(x + 3) / 6) F(hardswish, x * relu6(x + 3) / 6) F(softsign, x / (1 + fabsq(x))) \
	F(sigmoid, sigmoid(x)) F(logsigmoid, -softplus(-x)) F(softplus, softplus(x)) F(silu, x * sigmoid(x)) \
	F(mish, mish(x)) F(gelu_erf, x * erfcq(-x * M_SQRT1_2q) / 2) F(gelu_tanh, gelu_tanh(x)) \
	G(power, powq(x, y)) G(hypot, hypotq(x, y)) G(atan2, atan2q(x, y)) G(logaddexp, logaddexp(x, y)) \
	G(logaddexp2, logaddexp2(x, y)) G(xlogy, x == 0 ? 0 : x * logq(y)) G(elu, x > 0 ? x : y * expm1q(x)) \
	G(celu, x > 0 ? x : y * expm1q(x / y))
/* clang-format on */

static const struct row {
	const char *name;
	enum map_id id;
	int nin;
} rows[] = {
#define ROW1(name, value) { #name, MAP_##name, 1 },
#define ROW2(name, value) { #name, MAP_##name, 2 },
	ROWS(ROW1, ROW2)
};

static q exact(enum map_id id, q x, q y)
{
	switch ((int)id) {
#define VALUE(name, value) \
	case MAP_##name: \
		return value;
		ROWS(VALUE, VALUE)
	}
	return 0;
}

/* Where results are differences, what the units are those of if that is larger. */
static q terms(enum map_id id, q x, q y)
{
	switch ((int)id) {
	case MAP_logaddexp:
	case MAP_logaddexp2:
		return fmaxq(fabsq(x), fabsq(y)) / 8;
	case MAP_digamma:
		return x < 0 ? fmaxq(2, fabsq(M_PIq / tanq(M_PIq * (x - rintq(x))))) : 0;
	case MAP_lgamma:
		return x < 0 ? 1 : 0;
	}
	return 0;
}

static uint64_t state = 1;

static uint64_t bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static double uniform(double from, double to)
{
	return from + (to - from) * ((double)(bits() >> 11) * 0x1p-53);
}

static double sign(void)
{
	return bits() & 1 ? 1 : -1;
}

/* Where pieces of functions meet, results underflow, or are 0. */
static const double places[] = { 1e-9, 1e-8, 0.125,  0.17, 0.25,  0.3,	  0.34657, 0.35, 0.41, 0.5,  0.6931, 0.7071,
				 0.75, 1,    1.0397, 1.2,  1.25,  1.4616, 1.5,	   1.57, 2,    2.5,  3,	     3.1416,
				 3.75, 4,    5,	     5.9,  6,	  7,	  8,	   9.42, 10,   12,   16,     17.33,
				 18,   20,   22,     26,   26.6,  27.22,  28,	   36,	 37.5, 38.5, 40,     100,
				 300,  708,  709.7,  710,  710.4, 745.1,  746,	   750 };

static double point(void)
{
	double x;
	uint64_t u;

	switch (bits() % 10) {
	case 0:
		u = bits();
		memcpy(&x, &u, sizeof(x));
		return x;
	case 1:
		return sign() * exp2(uniform(-30, 12));
	case 2:
		return uniform(-1, 1);
	case 3:
		return uniform(-10, 10);
	case 4:
		return uniform(-50, 50);
	case 5:
		return uniform(-760, 760);
	case 6:
		x = places[bits() % (sizeof(places) / sizeof(*places))];
		return sign() * x * (1 + sign() * exp2(uniform(-53, -3)));
	case 7:
		return sign() * exp2(uniform(-5, 5));
	case 8:
		return sign() * (double)(bits() % 200) * 0.5 + sign() * exp2(uniform(-40, -2));
	}
	return 1 + sign() * exp2(uniform(-54, -1));
}

static void points(enum map_id id, double *x, double *y)
{
	int way = (int)(bits() % 4);

	*x = point();
	*y = point();
	if (id == MAP_power && way)
		*y = uniform(-750, 720) / log(fabs(*x));
	else if ((id == MAP_hypot || id == MAP_atan2) && way)
		*y = *x * sign() * exp2(uniform(-60, 60) / way);
	else if (id == MAP_logaddexp && way == 1)
		*y = log(-expm1(*x = -fabs(*x)));
	else if (id == MAP_logaddexp2 && way == 1)
		*y = log2(1 - exp2(*x = -fabs(*x)));
	else if ((id == MAP_logaddexp || id == MAP_logaddexp2) && way == 2)
		*y = *x + uniform(-40, 40);
	else if ((id == MAP_elu || id == MAP_celu) && way < 2)
		*y = 1;
	else if ((id == MAP_elu || id == MAP_celu) && way == 2)
		*y = uniform(0.25, 4);
}

static double ulps(q ref, double got, q least, int digits, int lowest, q top)
{
	int e;
	q a = fabsq(ref), d;

	if (ref != ref || got != got)
		return (ref != ref) == (got != got) ? 0 : INFINITY;
	if (isinf(got) && (ref > 0) == (got > 0)) /* as near as the largest number, or nearer */
		return a >= top * (1 - scalbnq(1, -digits)) ? 0 : INFINITY;
	frexpq(fmaxq(a, least), &e);
	e = (a == 0 || e < lowest ? lowest : a >= top ? 1025 : e) - digits;
	d = scalbnq(fabsq(ref - got), -e);
	return (double)d;
}

enum { BLOCK = 2048 };

union block {
	_Alignas(64) double d[BLOCK + LOOP_PAD];
	float f[BLOCK + LOOP_PAD];
};

static double get(const union block *b, bool single, int i)
{
	return single ? b->f[i] : b->d[i];
}

static void set(union block *b, bool single, int i, double value)
{
	if (single)
		b->f[i] = (float)value;
	else
		b->d[i] = value;
}

static double speed(map_fn *fn, void *out, const void *const in[])
{
	double best = 1e9;

	for (int i = 0; i < 40; i++) {
		struct timespec a, b;
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (int k = 0; k < 8; k++)
			fn(BLOCK, out, in);
		clock_gettime(CLOCK_MONOTONIC, &b);
		ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (8 * BLOCK);
		best = ns < best ? ns : best;
	}
	return best;
}

static void measure(const struct row *r, enum dtype dtype, long n)
{
	static union block x, y, out;
	map_fn *fn = kernels_get()->map[r->id][dtype];
	const void *const in[MAP_MAX_IN] = { &x, &y };
	double worst = -1, at = 0, and = 0, gave = 0;
	long above = 0;
	bool single = dtype == DT_F32;

	for (long done = 0; done < n; done += BLOCK) {
		for (int i = 0; i < BLOCK; i++) {
			double a, b;

			points(r->id, &a, &b);
			set(&x, single, i, a);
			set(&y, single, i, b);
		}
		fn(BLOCK, &out, in);
		for (int i = 0; i < BLOCK; i++) {
			double a = get(&x, single, i), b = get(&y, single, i), got = get(&out, single, i);
			q ref = exact(r->id, a, b);
			q least = terms(r->id, a, b);
			double d = single ? ulps(ref, got, least, 24, -125, 0x1p128)
					  : ulps(ref, got, least, 53, -1021, scalbnq(1, 1024));

			if (!isfinite(a) || (r->nin == 2 && !isfinite(b)) || (r->id == MAP_celu && b == 0))
				continue; /* special values are tested elsewhere */
			above += d > 1;
			if (d > worst) {
				worst = d;
				at = a;
				and = b;
				gave = got;
			}
		}
	}
	for (int i = 0; i < BLOCK; i++) {
		double a = uniform(r->id == MAP_acosh ? 1 : -4, 4), b = uniform(0.1, 4);

		if (r->id == MAP_logit || r->id == MAP_erfinv || r->id == MAP_asin || r->id == MAP_acos ||
		    r->id == MAP_atanh)
			a = uniform(0, 1);
		if (r->id == MAP_power || (r->id >= MAP_log && r->id <= MAP_log1p))
			a = fabs(a);
		set(&x, single, i, a);
		set(&y, single, i, b);
	}
	printf("%-12s %s  %9.4g ulp  %6ld above 1  %7.3f ns  at %.17g", r->name, single ? "f32" : "f64", worst, above,
	       speed(fn, &out, in), at);
	if (r->nin == 2)
		printf(", %.17g", and);
	printf(": %.17g\n", gave);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct error err;
	long n = 200000;
	int first = 1;

	for (; first + 1 < argc && argv[first][0] == '-'; first += 2)
		if (argv[first][1] == 'n')
			n = atol(argv[first + 1]);
		else
			state = strtoull(argv[first + 1], NULL, 10);
	if (vmath_load(&err))
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool wanted = first == argc;

		for (int k = first; k < argc; k++)
			wanted |= !strcmp(argv[k], rows[i].name);
		if (wanted) {
			measure(&rows[i], DT_F64, n);
			measure(&rows[i], DT_F32, n);
		}
	}
	return 0;
}
