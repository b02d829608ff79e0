/* The loops of comparing: see compare_loops.h. */
#include "compare_loops.h"

#include <math.h>
#include <string.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* The bits of floats that are not negative are in the order of their values, and integers have a maximum that vectorises. */
static inline int64_t bits_of(double v)
{
	int64_t i;

	memcpy(&i, &v, sizeof(i));
	return i;
}

static double of_bits(int64_t i)
{
	double v;

	memcpy(&v, &i, sizeof(v));
	return v;
}

static void floats(struct compare_worst *w, const double *x, const double *y, int64_t n, double rtol, double atol)
{
	int64_t abs = 0, rel = 0, beyond = 0;

	for (int64_t i = 0; i < n; i++) {
		double d = fabs(x[i] - y[i]), size = fabs(y[i]), r = d > 0 ? d / size : 0;

		abs = bits_of(d) > abs ? bits_of(d) : abs;
		rel = bits_of(r) > rel ? bits_of(r) : rel;
		beyond += !(d <= atol + rtol * size);
	}
	w->abs = of_bits(abs);
	w->rel = of_bits(rel);
	w->beyond = beyond;
}

/* Floats as integers in the order of their values: the distance is the number of floats in between. */
#define ULP(name, U, S, bits) \
	static void name(struct compare_worst *w, const void *x, const void *y, int64_t n, uint64_t ulp) \
	{ \
		const U *p = x, *q = y, top = (U)((U)1 << (bits - 1)); \
		U most = 0, limit = ulp < (U) ~(U)0 ? (U)ulp : (U) ~(U)0; \
		int64_t beyond = 0; \
\
		for (int64_t i = 0; i < n; i++) { \
			S a = (S)(p[i] & top ? (U)(0 - (U)(p[i] ^ top)) : p[i]); \
			S b = (S)(q[i] & top ? (U)(0 - (U)(q[i] ^ top)) : q[i]); \
			U d = (U)(a > b ? (U)a - (U)b : (U)b - (U)a); \
\
			most = d > most ? d : most; \
			beyond += d > limit; \
		} \
		w->ulp = most; \
		w->beyond_ulp = beyond; \
	}
ULP(f64, uint64_t, int64_t, 64)
ULP(f32, uint32_t, int32_t, 32)
ULP(half, uint16_t, int16_t, 16)

const struct compare_loops PASTE(compare_, LEVEL) = { floats, f64, f32, half };
