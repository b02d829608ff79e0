/*
 * Where the bytes of an array come from and go to: the border between the engine, which knows
 * elements, and the formats, which know files.
 */
#ifndef TENSOR_ARRAY_H
#define TENSOR_ARRAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dtype.h"
#include "error.h"

enum { MAX_NDIM = 64 };

struct shape {
	int ndim;
	int64_t dim[MAX_NDIM]; /* elements */
};

/*
 * Bytes that can be read.  Shared by reference; the last source_unref closes.
 *
 * data != NULL: the bytes are in memory, data[0 .. nbytes-1]; read is not called.
 * sequential:   read may be called only with ascending offsets that leave no byte unread in between,
 *               by one thread at a time (a pipe, a compressed member).
 * otherwise:    any offset, any thread (pread).
 */
struct source {
	const struct source_ops *ops;
	atomic_int refs;
	bool sequential;
	const unsigned char *data;
	int64_t nbytes;	   /* bytes; offsets run from 0 to nbytes */
	char *name;	   /* for messages, owned: "a.npy", "standard input" */
	uint64_t dev, ino; /* of the file behind it; 0, 0 if none */
};

struct source_ops {
	/*
	 * Read exactly n bytes at offset into buf, or fail with a message that does not name the
	 * file.  A source that can verify its content (a checksum) does so before it returns the
	 * last byte, so that corrupt data never leaves the program as a complete array.
	 */
	int (*read)(struct source *src, void *buf, size_t n, int64_t offset, struct error *err);
	/* Release what the source owns, itself included. */
	void (*close)(struct source *src);
};

struct source *source_ref(struct source *src);
void source_unref(struct source *src); /* NULL is fine */

/* Read through ops or from memory; prefixes an error with the source's name. */
int source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err);

/*
 * A strided array of elements in a source: element (i, j, ...) is at offset + i*strides[0] +
 * j*strides[1] + ... bytes.  All zero is a valid empty value; array_release is idempotent.
 */
struct array {
	struct source *src; /* owned reference */
	enum dtype dtype;
	bool swap; /* bytes are in the other order than this machine's */
	struct shape shape;
	int64_t strides[MAX_NDIM]; /* bytes, may be negative or 0 */
	int64_t offset;		   /* bytes */
};

void array_release(struct array *a);

/* Elements in the shape; -1 on overflow of 63 bits (a zero dimension makes it 0 in any case). */
int64_t shape_size(const struct shape *s);

bool shape_equal(const struct shape *a, const struct shape *b);

/* Contiguous strides in bytes for the shape, C order or Fortran order. */
void shape_strides(const struct shape *s, size_t itemsize, bool fortran, int64_t strides[MAX_NDIM]);

/* Are these the strides, in bytes, of Fortran order, and not also those of C order? */
bool shape_is_fortran(const struct shape *s, size_t itemsize, const int64_t *strides);

/* NumPy's notation, "(3, 4)", "(5,)", "()": into buf, truncated to n bytes.  Returns buf. */
char *shape_text(const struct shape *s, char *buf, size_t n);

enum { SHAPE_TEXT = 400 };

/*
 * Memory for elements: 64-byte aligned, readable and writable for at least 512 bytes past n, zeroed only if
 * it comes fresh from the system; large blocks on huge pages.  buffer_source makes a source of
 * nbytes bytes in such a block and takes the block over.
 */
void *buffer_alloc(size_t n, struct error *err);
void buffer_free(void *p, size_t n);
struct source *buffer_source(void *p, size_t nbytes, const char *name, struct error *err);

#endif
