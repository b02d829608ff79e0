/* CRC-32 and deflate. */
#ifndef TENSOR_DEFLATE_H
#define TENSOR_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

/* The CRC-32 of zip files; 0 to begin with. */
uint32_t crc32_update(uint32_t crc, const void *p, size_t n);
uint32_t crc32_zlib(uint32_t crc, const void *p, size_t n);    /* the same, slower, on any machine */
uint32_t crc32_joined(uint32_t crc, uint32_t next, int64_t n); /* of bytes and, behind them, n bytes */

/*
 * Decompress from in to out, as far as either reaches; all four move on.  *end: the compressed data are complete, and *nin counts
 * the bytes read so far or left in in that do not belong to them.  packed: about so many bytes will come.
 */
struct inflater;
int inflater_new(struct inflater **out, int64_t packed, struct error *err);
int inflater_run(struct inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		 bool *end, struct error *err);
void inflater_free(struct inflater *z); /* NULL is fine */

/*
 * Compress one block of a stream and append it to out: n bytes at in, in[-before] to in[-1] those in front of it (at most 32 KiB
 * of them are used).  The blocks one after the other are one deflate stream, which ends with the block that is the last.  What
 * comes out depends on these arguments, the libraries and the processor, not on threads.  level: 1 to 9.  *state: NULL at first, kept from call to call.
 */
enum { DEFLATE_WINDOW = 32 << 10 };
struct text;
int deflate_block(void **state, int level, const unsigned char *in, size_t n, size_t before, bool last,
		  struct text *out, struct error *err);
void deflate_block_free(void *state); /* NULL is fine */

/* At most so many bytes come out of n bytes. */
int64_t deflate_bound(int64_t n);

#endif
