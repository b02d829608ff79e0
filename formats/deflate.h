/* CRC-32 and deflate: all that is asked of zlib. */
#ifndef TENSOR_DEFLATE_H
#define TENSOR_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

/* The CRC-32 of zip files; 0 to begin with. */
uint32_t crc32_update(uint32_t crc, const void *p, size_t n);

/*
 * Decompress from in to out, as far as either reaches; all four move on.  *end: the compressed data are complete,
 * what is left of in does not belong to them.
 */
struct inflater;
int inflater_new(struct inflater **out, struct error *err);
int inflater_run(struct inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		 bool *end, struct error *err);
void inflater_free(struct inflater *z); /* NULL is fine */

/* Compress n more bytes, the last ones if finish, and pass what comes out to emit.  level: 1 to 9. */
typedef int emit_fn(void *to, const void *buf, size_t n, struct error *err);
struct deflater;
int deflater_new(struct deflater **out, int level, struct error *err);
int deflater_run(struct deflater *z, const void *in, size_t n, bool finish, emit_fn *emit, void *to, struct error *err);
void deflater_free(struct deflater *z); /* NULL is fine */

/* At most so many bytes come out of n bytes. */
int64_t deflate_bound(int64_t n);

#endif
