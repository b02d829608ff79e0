/*
 * A library that stands in for cuBLAS: what cuda/cublas.c uses of it, by plain loops, with column-major matrices as the real one
 * has them.  Load it with TENSOR_CUBLAS.  With the stand-in of the driver (TENSOR_CUDA_DRIVER) it works on that one's memory, when
 * that one's stream gets there; without, addresses are the host's and it works at once.
 *
 * It checks handles, dimensions, leading dimensions, steps, types and that every element it touches is allocated; what it finds goes to
 * standard error, and the call fails.  TENSOR_STANDIN_CUBLAS=CALL:CODE makes a function fail.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <complex>
#include <set>

extern "C" {
#include "lib/half.h"
}

#define EXPORT extern "C" __attribute__((visibility("default")))

enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };

struct handle {
	void *stream;
	int mode;
	bool has_stream;
};

static std::set<handle *> handles;

static int wrong(const char *what)
{
	fprintf(stderr, "cublas stand-in: %s\n", what);
	return INVALID_VALUE;
}

static int injected(const char *call)
{
	const char *setting = getenv("TENSOR_STANDIN_CUBLAS");
	size_t n = strlen(call);

	return setting && !strncmp(setting, call, n) && setting[n] == ':' ? atoi(setting + n + 1) : SUCCESS;
}

/* A function of the driver's stand-in; NULL: there is none. */
static void *driver(const char *name)
{
	const char *file = getenv("TENSOR_CUDA_DRIVER");
	void *library = file && *file ? dlopen(file, RTLD_NOW | RTLD_NOLOAD) : NULL;

	return library ? dlsym(library, name) : NULL;
}

/* Where n bytes at a device address are; NULL: nowhere. */
static char *memory(const void *address, size_t n)
{
	void *function = driver("standin_memory");

	return function ? ((char *(*)(uint64_t, size_t))function)((uint64_t)(uintptr_t)address, n) : (char *)address;
}

EXPORT int cublasCreate_v2(void **out)
{
	if (int code = injected("cublasCreate"))
		return code;
	handle *h = new handle();

	handles.insert(h);
	*out = h;
	return SUCCESS;
}

EXPORT int cublasDestroy_v2(void *h)
{
	if (!handles.erase((handle *)h))
		return NOT_INITIALIZED;
	delete (handle *)h;
	return SUCCESS;
}

EXPORT int cublasSetStream_v2(void *h, void *stream)
{
	if (!handles.count((handle *)h))
		return NOT_INITIALIZED;
	((handle *)h)->stream = stream;
	((handle *)h)->has_stream = true;
	return SUCCESS;
}

EXPORT int cublasSetMathMode(void *h, int mode)
{
	if (!handles.count((handle *)h))
		return NOT_INITIALIZED;
	((handle *)h)->mode = mode;
	return mode == 0 || mode == 16 ? SUCCESS : wrong("a math mode that nobody asked for");
}

/* == products == */

struct product {
	int ta, tb, m, n, k, type, lda, ldb, ldc, count, compute;
	long long a_step, b_step, c_step;
	const void *a, *b;
	void *c;
};

typedef std::complex<double> number;

static size_t size_of(int type)
{
	switch (type) {
	case 0:
		return 4;
	case 1:
	case 4:
		return 8;
	case 2:
	case 14:
		return 2;
	}
	return 16;
}

/* 11 bits of a float, rounded. */
static float to_tf32(float x)
{
	return bits_float((float_bits(x) + 0x1000) & ~0x1fffu);
}

static number load(int type, const char *p, bool tf32)
{
	uint16_t half;
	float f[2];
	double d[2];

	switch (type) {
	case 0:
		memcpy(f, p, 4);
		return tf32 ? to_tf32(f[0]) : f[0];
	case 1:
		memcpy(d, p, 8);
		return d[0];
	case 2:
		memcpy(&half, p, 2);
		return f16_to_float(half);
	case 14:
		memcpy(&half, p, 2);
		return bf16_to_float(half);
	case 4:
		memcpy(f, p, 8);
		return tf32 ? number(to_tf32(f[0]), to_tf32(f[1])) : number(f[0], f[1]);
	}
	memcpy(d, p, 16);
	return number(d[0], d[1]);
}

static void store(int type, char *p, number x)
{
	float f[2] = { (float)x.real(), (float)x.imag() };
	double d[2] = { x.real(), x.imag() };
	uint16_t half = type == 2 ? float_to_f16(f[0]) : float_to_bf16(f[0]);

	if (type == 2 || type == 14)
		memcpy(p, &half, 2);
	else if (type == 0 || type == 4)
		memcpy(p, f, size_of(type));
	else
		memcpy(p, d, size_of(type));
}

/* Element (i, j) of op(x), whose columns lie ld elements apart. */
static const char *element(const char *x, int transposed, int ld, size_t size, int i, int j)
{
	return x + (transposed ? (size_t)i * (size_t)ld + (size_t)j : (size_t)j * (size_t)ld + (size_t)i) * size;
}

/* Bytes from the first to behind the last element of a rows x cols matrix. */
static size_t extent(int rows, int cols, int ld, size_t size)
{
	return ((size_t)(cols - 1) * (size_t)ld + (size_t)rows) * size;
}

static void run(void *arg)
{
	product *p = (product *)arg;
	size_t size = size_of(p->type);
	bool tf32 = p->compute == 77;

	for (int batch = 0; batch < p->count; batch++) {
		const char *a = memory((const char *)p->a + batch * p->a_step * (long long)size,
				       p->ta ? extent(p->k, p->m, p->lda, size) : extent(p->m, p->k, p->lda, size));
		const char *b = memory((const char *)p->b + batch * p->b_step * (long long)size,
				       p->tb ? extent(p->n, p->k, p->ldb, size) : extent(p->k, p->n, p->ldb, size));
		char *c = memory((char *)p->c + batch * p->c_step * (long long)size, extent(p->m, p->n, p->ldc, size));

		if (!a || !b || !c) {
			wrong("a matrix is not where memory is allocated");
			exit(99);
		}
		for (int i = 0; i < p->m; i++)
			for (int j = 0; j < p->n; j++) {
				number sum = 0;

				for (int l = 0; l < p->k; l++) {
					number x = load(p->type, element(a, p->ta, p->lda, size, i, l), tf32);
					number y = load(p->type, element(b, p->tb, p->ldb, size, l, j), tf32);

					/* std::complex's own product looks for infinities */
					sum += number(x.real() * y.real() - x.imag() * y.imag(),
						      x.real() * y.imag() + x.imag() * y.real());
				}
				store(p->type, c + ((size_t)j * (size_t)p->ldc + (size_t)i) * size, sum);
			}
	}
	delete p;
}

/* alpha or beta is the number x */
static bool is(const void *p, int compute, int type, double x)
{
	double re, im = 0;

	if (compute == 70) {
		memcpy(&re, p, 8);
		if (type == 5)
			memcpy(&im, (const char *)p + 8, 8);
	} else {
		float f;

		memcpy(&f, p, 4);
		re = f;
		if (type == 4) {
			memcpy(&f, (const char *)p + 4, 4);
			im = f;
		}
	}
	return re == x && im == 0;
}

EXPORT int cublasGemmStridedBatchedEx(void *h, int ta, int tb, int m, int n, int k, const void *alpha, const void *a,
				      int a_type, int lda, long long a_step, const void *b, int b_type, int ldb,
				      long long b_step, const void *beta, void *c, int c_type, int ldc,
				      long long c_step, int count, int compute, int algorithm)
{
	bool wide = a_type == 1 || a_type == 5;
	void *queue = driver("standin_queue");

	if (int code = injected("cublasGemmStridedBatchedEx"))
		return code;
	if (!handles.count((handle *)h))
		return NOT_INITIALIZED;
	if (!((handle *)h)->has_stream)
		return wrong("no stream was set");
	if (ta < 0 || ta > 1 || tb < 0 || tb > 1 || m < 1 || n < 1 || k < 1 || count < 1)
		return wrong("an operation or a dimension that is out of range");
	if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m)
		return wrong("a leading dimension smaller than a column");
	if (a_type != b_type || a_type != c_type || (a_type > 5 && a_type != 14) || a_type < 0 || a_type == 3)
		return wrong("types that differ or are not supported");
	if (wide ? compute != 70 : compute != 68 && !(compute == 77 && (a_type == 0 || a_type == 4)))
		return wrong("a compute type that is not that of the elements");
	if (algorithm != -1 || !is(alpha, compute, a_type, 1) || !is(beta, compute, a_type, 0))
		return wrong("an algorithm, alpha or beta that nobody asked for");
	if (count > 1 && (c_step < (long long)ldc * n || a_step < 0 || b_step < 0))
		return wrong("batches of the result lie over each other");
	if ((uintptr_t)a % size_of(a_type) || (uintptr_t)b % size_of(a_type) || (uintptr_t)c % size_of(a_type))
		return wrong("a matrix that is not aligned");

	product *p =
		new product{ ta, tb, m, n, k, a_type, lda, ldb, ldc, count, compute, a_step, b_step, c_step, a, b, c };

	if (queue)
		return ((int (*)(void *, void (*)(void *), void *))queue)(((handle *)h)->stream, run, p) ? INVALID_VALUE
													 : SUCCESS;
	run(p);
	return SUCCESS;
}
