/*
 * The hash by which the values of an array are known: XXH3-64 of the dtype, the shape, and the XXH3-64s of consecutive blocks of 4096
 * elements in C order, little-endian.  Blocks, so that threads can hash the tiles they compute.
 */
#ifndef TENSOR_HASH_H
#define TENSOR_HASH_H

#include "array.h"

uint64_t bytes_hash(const void *bytes, size_t n);

enum { HASH_BLOCK = 4096 }; /* elements */

struct array_hasher {
	enum dtype dtype;
	struct shape shape;
	size_t block; /* bytes */
	int64_t nblocks;
	uint64_t *blocks; /* the hash of each */
	/* of array_hash_update: the block that is not complete */
	unsigned char *part;
	size_t have;
	int64_t done; /* blocks */
};

/* Release with array_hash_digest, also after a failure elsewhere. */
int array_hash_init(struct array_hasher *h, enum dtype dtype, const struct shape *shape, struct error *err);

/* n native bytes from byte start on, which begins a block; whole blocks, but at the end.  Several threads may do so at once. */
void array_hash_blocks(struct array_hasher *h, const void *bytes, int64_t start, size_t n);

/* The next n native bytes, any number.  Not together with array_hash_blocks. */
void array_hash_update(struct array_hasher *h, const void *bytes, size_t n);

/* The hash; frees what h holds. */
uint64_t array_hash_digest(struct array_hasher *h);

#endif
