/* Nested lists of numbers as JSON and Python write them. */
#ifndef TENSOR_JSON_H
#define TENSOR_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/array.h"

/*
 * The array in text[0 .. n-1]: a number, or lists of lists of numbers, "[[1, 2], [3, 4]]".  Numbers are JSON's, and what scalar_parse
 * knows: nan NaN inf Infinity -inf 3+4j True true.  The type, unless given, is np.array's (values.h).
 * An object {"dtype": "float32", "shape": [2, 2], "data": ...} is understood, too; its data may be flat.
 * ERR_VALUE with the place.
 */
int json_array_parse(struct array *out, const char *text, size_t n, bool has_dtype, enum dtype dtype,
		     struct error *err);

#endif
