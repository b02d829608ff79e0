/* What the targets for formats of arrays have in common. */
#ifndef TENSOR_FUZZ_ARRAYS_H
#define TENSOR_FUZZ_ARRAYS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_BYTES = 1 << 20 };

/* Every byte of every element, up to FUZZ_BYTES of them, in blocks that end anywhere. */
static void fuzz_read(const struct array *a)
{
	struct error err = ERROR_INIT;
	unsigned char block[1000];
	int64_t end = a->src->nbytes < FUZZ_BYTES ? a->src->nbytes : FUZZ_BYTES;
	int64_t size = shape_size(&a->shape), first = a->offset, last = a->offset;

	for (int64_t at = 0, n; at < end; at += n) {
		n = end - at < (int64_t)sizeof(block) ? end - at : (int64_t)sizeof(block);
		if (source_read(a->src, block, (size_t)n, at, &err))
			break;
	}
	if (size <= 0) {
		if (size < 0)
			abort();
		return;
	}
	/* What the description reaches must be there. */
	for (int i = 0; i < a->shape.ndim; i++) {
		int64_t reach = (a->shape.dim[i] - 1) * a->strides[i];

		*(reach < 0 ? &first : &last) += reach;
	}
	if (first < 0 || last + (int64_t)dtype_size(a->dtype) > a->src->nbytes)
		abort();
}

/* Open the bytes as a file of that name and read all there is. */
static void fuzz_named(const struct format_options *opt, const char *name, const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct input *in;
	struct file *f;

	if (input_borrow(&in, data, size, name, &err))
		return;
	if (!file_open_input(&f, in, opt, &err)) {
		for (int i = 0; i < f->nmembers; i++) {
			struct array a = { 0 };

			if (file_array(f, i, &a, &err) == 0)
				fuzz_read(&a);
			array_release(&a);
		}
		file_close(f);
	}
	if (err.code && !err.text[0])
		abort();
}

static inline void fuzz_options(const struct format_options *opt, const uint8_t *data, size_t size)
{
	fuzz_named(opt, opt->format->name, data, size);
}

static inline void fuzz_format(const char *format, const uint8_t *data, size_t size)
{
	fuzz_options(&(struct format_options){ .format = format_find(format) }, data, size);
}

#endif
