/*
 * cuBLAS, loaded at run time: the products of matrices of floats and complex numbers.  Loading it takes half a second, so
 * only a large product does.
 */
#ifndef TENSOR_CUDA_CUBLAS_H
#define TENSOR_CUDA_CUBLAS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/dtype.h"

struct cublas;

/* Batches of C = A B, all row-major.  Addresses are of device memory. */
struct cublas_product {
	enum dtype dtype;      /* DT_F16, DT_BF16 (summed in float32), DT_F32 .. DT_C128 */
	bool ta, tb;	       /* a is stored as k x m, b as n x k */
	bool tf32;	       /* DT_F32, DT_C64: factors rounded to 11 bits, which is faster, and another result */
	int64_t m, n, k;       /* at least 1; cublas_fits */
	uint64_t a, b, c;      /* c: m x n */
	int64_t lda, ldb, ldc; /* from one stored row to the next, elements */
	int64_t a_step, b_step, c_step; /* from one batch to the next, elements; 0: the same matrix again */
	int64_t count;			/* of batches */
};

/* It counts with int: is p within that? */
bool cublas_fits(const struct cublas_product *p);

/*
 * Load the library (TENSOR_CUBLAS names another) for work on stream, a CUstream of the current context.  NULL, ERR_RESOURCE: the message
 * names the files that were tried.  cublas_named: TENSOR_CUBLAS is set, so that its absence is the user's to know.
 */
struct cublas *cublas_open(void *stream, struct error *err);
bool cublas_named(void);

/* Queue the product on the stream. */
int cublas_gemm(struct cublas *c, const struct cublas_product *p, struct error *err);

/* NULL is fine.  The library stays loaded. */
void cublas_close(struct cublas *c);

/* The file that was loaded, for notes. */
const char *cublas_file(const struct cublas *c);

#endif
