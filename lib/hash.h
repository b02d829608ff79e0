/*
 * The hash by which the values of an array are known: XXH3-64 of the dtype, the shape, and the XXH3-64s of consecutive blocks of 4096
 * elements in C order, little-endian.  Blocks, so that threads can hash the tiles they compute.
 */
#ifndef TENSOR_HASH_H
#define TENSOR_HASH_H

#include <pthread.h>

#include "array.h"

uint64_t bytes_hash(const void *bytes, size_t n);

enum { HASH_BLOCK = 4096 }; /* elements */

struct array_hasher {
	enum dtype dtype;
	struct shape shape;
	int64_t nbytes, block; /* of the array, of a block */
	int64_t nblocks;
	uint64_t *blocks; /* the hash of each */
	/* Blocks of which a part is known: a list, under a lock. */
	struct hash_part *parts;
	pthread_mutex_t lock;
};

/* Release with array_hash_digest, also after a failure elsewhere. */
int array_hash_init(struct array_hasher *h, enum dtype dtype, const struct shape *shape, struct error *err);

/* The n native bytes from byte start on.  Each byte comes once, in any order, from any thread. */
int array_hash_add(struct array_hasher *h, const void *bytes, int64_t start, int64_t n, struct error *err);

/* The hash; frees what h holds. */
uint64_t array_hash_digest(struct array_hasher *h);

#endif
