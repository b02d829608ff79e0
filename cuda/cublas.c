/* cuBLAS by dlopen: see cublas.h. */
#include "cuda/cublas.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/library.h"

/*
 * The interface, declared here: no header of it is needed to build.  cublasStatus_t and the other enums are int, handles and
 * streams pointers.  Source: cublas_api.h and library_types.h of CUDA 12 and 13.
 */
#define CUBLAS_FUNCTIONS(X) \
	X(create, cublasCreate_v2, (void **handle)) \
	X(destroy, cublasDestroy_v2, (void *handle)) \
	X(set_stream, cublasSetStream_v2, (void *handle, void *stream)) \
	X(set_math_mode, cublasSetMathMode, (void *handle, int mode)) \
	X(gemm, cublasGemmStridedBatchedEx, \
	  (void *handle, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda, \
	   long long a_step, const void *b, int b_type, int ldb, long long b_step, const void *beta, void *c, \
	   int c_type, int ldc, long long c_step, int count, int compute, int algorithm))

enum { OP_N = 0, OP_T = 1 };
enum { MATH_DEFAULT = 0, MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16 };
enum { COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32F_FAST_TF32 = 77 };
enum { GEMM_DEFAULT = -1 };

/* cudaDataType_t */
static const int data_type[NDTYPES] = {
	[DT_F16] = 2, [DT_BF16] = 14, [DT_F32] = 0, [DT_F64] = 1, [DT_C64] = 4, [DT_C128] = 5
};

struct cublas {
	void *library, *handle;
	char file[256];
#define FIELD(field, symbol, params) int(*field) params;
	CUBLAS_FUNCTIONS(FIELD)
#undef FIELD
};

static const char *status_text(int status)
{
	switch (status) {
	case 1:
		return "not initialized";
	case 3:
		return "out of memory";
	case 7:
		return "invalid value";
	case 8:
		return "the device's architecture is not supported";
	case 11:
		return "no access to memory";
	case 13:
		return "execution failed";
	case 14:
		return "internal error";
	case 15:
		return "not supported";
	case 16:
		return "no license";
	}
	return "failed";
}

static int check(const struct cublas *c, int status, const char *what, struct error *err)
{
	return status ? error_set(err, ERR_RESOURCE, "cuBLAS (%s): %s: %s (status %d)", c->file, what,
				  status_text(status), status)
		      : 0;
}

bool cublas_named(void)
{
	const char *path = getenv("TENSOR_CUBLAS");

	return path && *path;
}

/* The first of its functions that the library has not; NULL: it has all. */
static const char *missing(struct cublas *c)
{
#define LOAD(field, symbol_, params) \
	if (!library_symbol(c->library, #symbol_, &c->field)) \
		return #symbol_;
	CUBLAS_FUNCTIONS(LOAD)
#undef LOAD
	return NULL;
}

static int load(struct cublas *c, struct error *err)
{
	static const char *const candidates[] = { "libcublas.so.13", "libcublas.so.12", "libcublas.so" };
	const char *path = getenv("TENSOR_CUBLAS"), *name, *why;

	for (int i = 0; i < 3 && !c->library; i++) {
		name = cublas_named() ? path : candidates[i];
		strncpy(c->file, name, sizeof(c->file) - 1);
		c->library = library_open(name, &why);
		if (!c->library && cublas_named())
			return error_set(err, ERR_RESOURCE, "TENSOR_CUBLAS: %s cannot be loaded: %s", name, why);
	}
	if (!c->library)
		return error_set(
			err, ERR_RESOURCE,
			"cuBLAS: none of libcublas.so.13, libcublas.so.12, libcublas.so can be loaded; install "
			"it, or name its file by TENSOR_CUBLAS");
	name = missing(c);
	return name ? error_set(err, ERR_RESOURCE, "%s%s has no %s: it is not cuBLAS 11 or newer",
				cublas_named() ? "TENSOR_CUBLAS: " : "", c->file, name)
		    : 0;
}

struct cublas *cublas_open(void *stream, struct error *err)
{
	struct cublas *c = calloc(1, sizeof(*c));

	if (!c) {
		error_memory(err, sizeof(*c));
		return NULL;
	}
	/* Sums of float16 products are not to be rounded to float16 on the way. */
	if (load(c, err) || check(c, c->create(&c->handle), "cublasCreate", err) ||
	    check(c, c->set_stream(c->handle, stream), "cublasSetStream", err) ||
	    check(c, c->set_math_mode(c->handle, MATH_DEFAULT | MATH_DISALLOW_REDUCED_PRECISION_REDUCTION),
		  "cublasSetMathMode", err)) {
		cublas_close(c);
		return NULL;
	}
	return c;
}

void cublas_close(struct cublas *c)
{
	if (!c)
		return;
	if (c->handle)
		c->destroy(c->handle);
	/* Unloading it would take its threads and its part of the context along. */
	free(c);
}

const char *cublas_file(const struct cublas *c)
{
	return c->file;
}

bool cublas_fits(const struct cublas_product *p)
{
	return p->m <= INT_MAX && p->n <= INT_MAX && p->k <= INT_MAX && p->lda <= INT_MAX && p->ldb <= INT_MAX &&
	       p->ldc <= INT_MAX && p->count <= INT_MAX;
}

/* What cuBLAS takes for addresses of device memory. */
static void *address(uint64_t p)
{
	return (void *)(uintptr_t)p;
}

int cublas_gemm(struct cublas *c, const struct cublas_product *p, struct error *err)
{
	static const float one_f[2] = { 1, 0 }, zero_f[2] = { 0, 0 };
	static const double one[2] = { 1, 0 }, zero[2] = { 0, 0 };
	bool wide = p->dtype == DT_F64 || p->dtype == DT_C128;
	int type = data_type[p->dtype];
	int compute = wide ? COMPUTE_64F : p->tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F;

	/*
	 * It is column-major: what is stored row by row is the transpose to it.  The transpose of the product is that of b by
	 * that of a, so the operands change places and all else stays.
	 */
	return check(c,
		     c->gemm(c->handle, p->tb ? OP_T : OP_N, p->ta ? OP_T : OP_N, (int)p->n, (int)p->m, (int)p->k,
			     wide ? (const void *)one : one_f, address(p->b), type, (int)p->ldb, p->b_step,
			     address(p->a), type, (int)p->lda, p->a_step, wide ? (const void *)zero : zero_f,
			     address(p->c), type, (int)p->ldc, p->c_step, (int)p->count, compute, GEMM_DEFAULT),
		     "matmul", err);
}
