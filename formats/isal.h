/* Deflate by Intel's ISA-L, several times as fast as zlib, where the library is installed. */
#ifndef TENSOR_ISAL_H
#define TENSOR_ISAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is the library there?  Loaded at the first call. */
bool isal_here(void);

/*
 * Decompress as inflater_run (deflate.h) does.  *nin counts, at the end, also the bytes behind it that were read before this
 * call.  Returns -1 for damaged data.
 */
struct isal_inflater;
struct isal_inflater *isal_inflater_new(void); /* free releases it; NULL for want of memory */
int isal_inflater_run(struct isal_inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		      bool *end);

/*
 * Compress one block as deflate_block (deflate.h) does, into room bytes at out.  Returns how many were needed, or -1: more
 * than room.
 */
struct isal_deflater;
struct isal_deflater *isal_deflater_new(void); /* free releases it; NULL for want of memory */
int64_t isal_deflate_block(struct isal_deflater *z, const unsigned char *in, size_t n, size_t before, bool last,
			   unsigned char *out, size_t room);

#endif
