/* The BLAS library by dlopen: see blas.h. */
#include "blas.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

/* The CBLAS interface, declared here: no header of it is needed to build. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
		      const float *b, int ldb, float beta, float *c, int ldc);
typedef void dgemm_fn(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda,
		      const double *b, int ldb, double beta, double *c, int ldc);
typedef void xgemm_fn(int order, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int lda,
		      const void *b, int ldb, const void *beta, void *c, int ldc);

static struct {
	void *handle;
	sgemm_fn *sgemm;
	dgemm_fn *dgemm;
	xgemm_fn *cgemm, *zgemm;
} blas;

static bool open_library(const char *path)
{
	void *h = library_open(path, NULL);

	if (!h)
		return false;
	if (!library_symbol(h, "cblas_sgemm", &blas.sgemm) || !library_symbol(h, "cblas_dgemm", &blas.dgemm) ||
	    !library_symbol(h, "cblas_cgemm", &blas.cgemm) || !library_symbol(h, "cblas_zgemm", &blas.zgemm)) {
		library_close(h);
		return false;
	}
	blas.handle = h;
	return true;
}

/*
 * OpenBLAS's kernels for this processor.  Releases know the processors of their day only: what is newer gets kernels
 * for an older one, at half the speed, though it has the instructions.
 */
static const char *core_type(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return "SkylakeX";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return __builtin_cpu_is("amd") ? "Zen" : "Haswell";
#endif
	return NULL;
}

/* What is changed in the environment while the library loads. */
static struct {
	const char *core; /* OPENBLAS_CORETYPE is ours */
	char *threads;	  /* the user's OPENBLAS_NUM_THREADS */
	pthread_t thread;
	bool started;
} loading;

static void *load(void *unused)
{
	static const char *const candidates[] = { "libopenblas.so.0", "libcblas.so.3", "libblas.so.3",
						  "libopenblas.so" };
	const char *path = getenv("TENSOR_BLAS");

	(void)unused;
	if (path && *path)
		open_library(path);
	else
		for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]) && !blas.handle; i++)
			open_library(candidates[i]);
	return NULL;
}

static void start(void)
{
	const char *threads = getenv("OPENBLAS_NUM_THREADS");

	/* It reads its settings as it is loaded; they are not for programs that this process starts. */
	loading.threads = threads ? strdup(threads) : NULL;
	loading.core = getenv("OPENBLAS_CORETYPE") ? NULL : core_type();
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	if (loading.core)
		setenv("OPENBLAS_CORETYPE", loading.core, 1);
	loading.started = !pthread_create(&loading.thread, NULL, load, NULL);
	if (!loading.started)
		load(NULL);
}

static void finish(void)
{
	void (*set_threads)(int);

	if (loading.started)
		pthread_join(loading.thread, NULL);
	if (loading.core)
		unsetenv("OPENBLAS_CORETYPE");
	if (loading.threads)
		setenv("OPENBLAS_NUM_THREADS", loading.threads, 1);
	else
		unsetenv("OPENBLAS_NUM_THREADS");
	free(loading.threads);
	if (blas.handle && library_symbol(blas.handle, "openblas_set_num_threads", &set_threads))
		set_threads(1);
}

void blas_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
}

int blas_load(struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *path = getenv("TENSOR_BLAS");

	blas_start();
	pthread_once(&once, finish);
	if (blas.handle)
		return 0;
	if (path && *path)
		return error_set(err, ERR_RESOURCE, "TENSOR_BLAS %s cannot be loaded, or has no cblas_sgemm", path);
	return error_set(err, ERR_RESOURCE, "no BLAS library: install libopenblas0 or set TENSOR_BLAS");
}

void blas_gemm(const struct blas_product *p)
{
	static const double one[2] = { 1, 0 }, zero[2] = { 0, 0 };
	static const float one_f[2] = { 1, 0 }, zero_f[2] = { 0, 0 };
	int ta = p->ta ? TRANS : NO_TRANS, tb = p->tb ? TRANS : NO_TRANS;

	switch ((int)p->dtype) {
	case DT_F32:
		blas.sgemm(ROW_MAJOR, ta, tb, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb, 0, p->c, p->ldc);
		break;
	case DT_F64:
		blas.dgemm(ROW_MAJOR, ta, tb, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb, 0, p->c, p->ldc);
		break;
	case DT_C64:
		blas.cgemm(ROW_MAJOR, ta, tb, p->m, p->n, p->k, one_f, p->a, p->lda, p->b, p->ldb, zero_f, p->c,
			   p->ldc);
		break;
	case DT_C128:
		blas.zgemm(ROW_MAJOR, ta, tb, p->m, p->n, p->k, one, p->a, p->lda, p->b, p->ldb, zero, p->c, p->ldc);
		break;
	}
}
