/* Arrays as text, exactly as NumPy 2 prints them. */
#ifndef TENSOR_PRINT_H
#define TENSOR_PRINT_H

#include "array.h"
#include "text.h"

/* NumPy's print options, with NumPy's defaults in PRINT_OPTIONS_INIT. */
struct print_options {
	int precision;	   /* digits after the point; -1: as many as needed to read back exactly */
	int64_t threshold; /* more elements than this are summarised; INT64_MAX: never */
	int edgeitems;
	int linewidth;
	bool suppress_small; /* never use the exponent because of small numbers */
};

#define PRINT_OPTIONS_INIT \
	{ \
		8, 1000, 3, 75, false \
	}

/* Will an array of this shape be summarised? */
bool print_summarised(const struct shape *shape, const struct print_options *opt);

/*
 * Add str(array) to t, without a final newline.  shape is the array's; data holds native elements in C order: all of
 * them, or, where print_summarised says so, the corners only: every dimension longer than
 * 2 * edgeitems then has just its first and last edgeitems in data.
 * Source: numpy.array2string.
 */
void print_array(struct text *t, enum dtype dtype, const struct shape *shape, const void *data,
		 const struct print_options *opt);

#endif
