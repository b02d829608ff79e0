/*
 * Numbers as text, both ways, independent of the locale: shortest decimal text that reads back to the same
 * value, as NumPy and Python print it.
 */
#ifndef TENSOR_NUMBER_H
#define TENSOR_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtype.h"

enum { NUMBER_TEXT = 128 };

/*
 * One element, of type d at p in native byte order, as text that reads back exactly: "1", "-0.5", "1e-07", "nan",
 * "inf", "True", "(1+2j)" as Python's repr() has them (floats always with a point or an exponent: "1.0").
 * Shortest for its own type: float16 and float32 have fewer digits than float64.  Writes at most NUMBER_TEXT
 * bytes with the NUL; returns the length.
 */
int number_repr(char buf[NUMBER_TEXT], enum dtype d, const void *p);

/*
 * A weak scalar as the command line and expressions write it: "2 -2 .5 1e-3 inf -inf nan 3+4j 2j true false" (also
 * "True", "1_000" is refused, hex is refused, "infinity" is accepted in any case).
 */
enum scalar_kind { SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_COMPLEX };

struct scalar {
	enum scalar_kind kind;
	bool negative;	    /* SCALAR_INT: the value is -magnitude */
	uint64_t magnitude; /* SCALAR_INT and SCALAR_BOOL */
	double re, im;	    /* always set: the value rounded to double */
	bool huge;	    /* SCALAR_INT: beyond 64 bits, magnitude is UINT64_MAX and re the value */
};

/*
 * Parse all of text[0 .. n-1] as one scalar.  Returns true if it is one.  An integer beyond 64 bits is a huge
 * SCALAR_INT: check with scalar_fits.
 */
bool scalar_parse(struct scalar *out, const char *text, size_t n);

/* As scalar_parse, for the longest number that text starts with (no sign); returns its length, 0 if none. */
size_t scalar_scan(struct scalar *out, const char *text);

/* Can the scalar be stored in d without overflow of an integer type (2.0 in int8 is not asked: kinds differ)? */
bool scalar_fits(const struct scalar *s, enum dtype d);

/* Store the scalar as one element of type d at p, converted as astype would. */
void scalar_store(const struct scalar *s, enum dtype d, void *p);

#endif
