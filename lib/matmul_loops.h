/*
 * The loops of matrix products that are not left to BLAS: those of integers and bools, which it does not have, and
 * those too small to load it for.  Floats and complex numbers are accumulated in float64.
 */
#ifndef TENSOR_MATMUL_LOOPS_H
#define TENSOR_MATMUL_LOOPS_H

#include <stdint.h>

#include "dtype.h"

/* out[i][j] = sum of a[i][l] * b[l][j] over l.  Strides are in elements. */
struct matmul_tile {
	int64_t m, n, k;
	const void *a, *b;
	int64_t a_row, a_col, b_row, b_col;
	void *out;
	int64_t out_row; /* from one row to the next; columns are side by side */
};

/* A tile is MATMUL_TILE rows and columns at most.  scratch has matmul_scratch(m, n, k, dtype) bytes, 64-byte aligned. */
enum { MATMUL_TILE = 128, MATMUL_DEPTH = 256 };
typedef void matmul_tile_fn(const struct matmul_tile *t, void *scratch);

/* The same for n = 1: a matrix with a_col = 1 or a_row = 1 by a vector of consecutive elements; out is consecutive, too. */
typedef void matvec_fn(const struct matmul_tile *t);

struct matmul_loops {
	matmul_tile_fn *tile[NDTYPES]; /* DT_BOOL .. DT_U64, DT_F32 .. DT_C128 */
	matvec_fn *vec[NDTYPES];
};

/* Bytes of scratch for a tile, enough at every level. */
static inline size_t matmul_scratch(int64_t m, int64_t n, int64_t k, enum dtype d)
{
	int64_t parts = dtype_is_complex(d) ? 2 : 1, rows = (parts * m + 63) / 64 * 64, cols = (n + 191) / 192 * 192;
	int64_t depth = parts * k < MATMUL_DEPTH ? parts * k : MATMUL_DEPTH;

	return (size_t)(rows * cols + (rows + cols) * depth) * 8;
}

#endif
