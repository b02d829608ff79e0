/*
 * The BLAS library, loaded when the first product that is worth it comes up: commands without one do not pay the 4 ms.
 * Its threads are not used: which of the machine's threads computes what is our own business (matmul.c).
 */
#ifndef TENSOR_BLAS_H
#define TENSOR_BLAS_H

#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"

/* Begin to load it, on a thread of its own, while there is something else to do; blas_load must follow. */
void blas_start(void);

/* Load it, once.  ERR_RESOURCE if there is none.  TENSOR_BLAS names another one than the system's OpenBLAS. */
int blas_load(struct error *err);

/* op(A) op(B): op transposes where ta, tb say so.  C order; ld: elements from one row to the next. */
struct blas_product {
	enum dtype dtype; /* DT_F32, DT_F64, DT_C64 or DT_C128 */
	bool ta, tb;
	int m, n, k; /* op(A) is m x k, op(B) k x n; none is 0 */
	const void *a, *b;
	int lda, ldb;
	void *c;
	int ldc;
};

/* C = op(A) op(B), on the calling thread; any number of threads at a time.  After blas_load. */
void blas_gemm(const struct blas_product *p);

#endif
