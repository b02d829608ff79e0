/*
 * Arithmetic of Python-like scalars: 2 * pi stays a scalar that takes the array's dtype, as Python computes numbers before
 * NumPy sees them.
 */
#ifndef TENSOR_FOLD_H
#define TENSOR_FOLD_H

#include "number.h"

/*
 * x op y, and op x, op the canonical name of an op ("add", "less", "negative").  Integers are exact up to 64 bits, and
 * huge beyond; division by zero is IEEE's for floats and 0 for // and % of integers.  False: not an op of scalars.
 */
bool fold_binary(struct scalar *out, const char *op, const struct scalar *x, const struct scalar *y);
bool fold_unary(struct scalar *out, const char *op, const struct scalar *x);

#endif
