/*
 * libtensor: arrays in .npy and .npz files, and what NumPy and PyTorch do with them, from C.
 *
 *	#include <tensor.h>
 *
 *	struct tensor_error err;
 *	struct tensor *a = tensor_open("a.npy", &err);
 *	struct tensor *m = tensor_apply("mean", 1, &a, "axis=0", &err);
 *	if (!m || tensor_save(m, "mean.npy", &err))
 *		fprintf(stderr, "%s\n", err.message);
 *	tensor_free(m);
 *	tensor_free(a);
 *
 * Link with "pkg-config --cflags --libs tensor".
 *
 * A struct tensor is an immutable array.  Functions that return one return a new one, which the caller frees; they borrow their
 * arguments.  On failure they return NULL, or -1, and describe it in *err.  An operand that is NULL fails, too, and leaves *err as
 * it is, so that calls can be chained and checked once: what is described is what went wrong first.  The library never prints, never exits, and keeps no state: different threads may use
 * it at once, and may share a tensor as long as nobody frees it, but for tensor_data (see there).
 */
#ifndef TENSOR_H
#define TENSOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TENSOR_API __attribute__((visibility("default")))
#else
#define TENSOR_API
#endif

struct tensor;

/* Element types.  float16, bfloat16 and float8 elements are their bits in 2 bytes or 1; bool is a byte, 0 or 1. */
enum tensor_dtype {
	TENSOR_BOOL,
	TENSOR_INT8,
	TENSOR_UINT8,
	TENSOR_INT16,
	TENSOR_UINT16,
	TENSOR_INT32,
	TENSOR_UINT32,
	TENSOR_INT64,
	TENSOR_UINT64,
	TENSOR_FLOAT16,
	TENSOR_BFLOAT16,
	TENSOR_FLOAT32,
	TENSOR_FLOAT64,
	TENSOR_COMPLEX64,
	TENSOR_COMPLEX128,
	TENSOR_FLOAT8_E4M3FN,
	TENSOR_FLOAT8_E5M2
};

/* status: 2 usage, 3 file, 4 shape, dtype or value, 5 memory, disk or device; message: one line, no newline. */
struct tensor_error {
	int status;
	char message[1024];
};

/* "0.1.0" */
TENSOR_API const char *tensor_version(void);

/*
 * Open an array as the command line names it: "a.npy", "w.npz:layer1" (a member), "a.npy@0:3,:" (a slice), "x.csv".  Elements
 * of uncompressed files are read when they are needed, so the file must not change while the tensor lives.
 */
TENSOR_API struct tensor *tensor_open(const char *name, struct tensor_error *err);

/* A copy of elements in C order; ndim from 0 to 64. */
TENSOR_API struct tensor *tensor_from_data(enum tensor_dtype dtype, int ndim, const int64_t *shape,
					   const void *elements, struct tensor_error *err);

/*
 * Apply an op, a reduction, a creation or "matmul" by any of its names, to n operands.  attributes: "axis=0 keepdims=true",
 * separated by blanks, or NULL; names and defaults are those of "tensor help op NAME".  The first result where there are several.
 */
TENSOR_API struct tensor *tensor_apply(const char *name, int n, struct tensor *const operands[], const char *attributes,
				       struct tensor_error *err);

/*
 * An expression in Python's syntax over named arrays, computed in one pass: "relu(x @ w + b).sum(axis=0)" with
 * names { "x", "w", "b" }.
 */
TENSOR_API struct tensor *tensor_eval(const char *expression, int n, const char *const names[],
				      struct tensor *const values[], struct tensor_error *err);

/* Write to a file, whose suffix is the format; it appears complete or not at all. */
TENSOR_API int tensor_save(struct tensor *t, const char *path, struct tensor_error *err);

/* The shape: ndim sizes in elements, valid as long as t. */
TENSOR_API enum tensor_dtype tensor_dtype(const struct tensor *t);
TENSOR_API int tensor_ndim(const struct tensor *t);
TENSOR_API const int64_t *tensor_shape(const struct tensor *t);
TENSOR_API int64_t tensor_size(const struct tensor *t); /* elements */

/*
 * The elements: native byte order, contiguous, C order; valid as long as t.  Reads them from the file at the first call, which
 * must not run in two threads at once on one tensor.
 */
TENSOR_API const void *tensor_data(struct tensor *t, struct tensor_error *err);

TENSOR_API void tensor_free(struct tensor *t); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
