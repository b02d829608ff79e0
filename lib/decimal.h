/* Binary floats as decimal digits, and decimal text as binary floats: exact, and independent of the locale. */
#ifndef TENSOR_DECIMAL_H
#define TENSOR_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

enum float_class { FLOAT_FINITE, FLOAT_INF, FLOAT_NAN };

/* A float of any type taken apart: its magnitude is significand * 2^exponent. */
struct binary {
	enum float_class class;
	bool negative;
	bool power; /* a power of two: its neighbour below is nearer than the one above */
	uint64_t significand;
	int exponent;
};

/* The element of float type d (not complex) at p, native byte order, any alignment. */
void binary_split(struct binary *out, enum dtype d, const void *p);

/* The magnitude as a double: exact for every type. */
double binary_value(const struct binary *b);

enum { DECIMAL_DIGITS = 20 };

/* 0.DIGITS * 10^point, digits as characters without a NUL, the first not '0'; but zero is the digit "0" with point 1. */
struct decimal {
	char digit[DECIMAL_DIGITS];
	int n;
	int point;
};

/*
 * The fewest digits that read back to the same value of its own type, the closest of those, without trailing zeros.
 * Source: R. Giulietti, "The Schubfach way to render doubles".
 */
void decimal_shortest(struct decimal *out, const struct binary *b);

/* The exact value rounded to n significant digits, 1 <= n <= 18, ties to even; may end in zeros. */
void decimal_rounded(struct decimal *out, const struct binary *b, int n);

/*
 * The digits as Python writes a float, without a sign: positional "0.00025", "120.0" ("120" where whole is set), or with an
 * exponent of at least two digits "2.5e-04".  Returns the length: at most 32 where -30 < point < 30 or with an exponent.
 */
int decimal_put(char *buf, const struct decimal *dec, bool exponent, bool whole);

/* A number without a sign: digits, optionally a point and an exponent. */
struct decimal_number {
	bool integer;	    /* only digits */
	bool huge;	    /* an integer beyond 64 bits */
	uint64_t magnitude; /* of an integer that is not huge */
	double value;	    /* rounded to nearest, inf on overflow */
};

/* The longest number at s, before end; returns its length, 0 if there is none. */
size_t decimal_scan(struct decimal_number *out, const char *s, const char *end);

/* The digits of v, at least min of them with leading zeros; returns how many.  At most 20. */
int decimal_uint(char *buf, uint64_t v, int min);

#endif
