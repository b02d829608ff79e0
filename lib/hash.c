/* XXH3, and the hash of arrays made of it: see hash.h.  The only file that includes xxhash. */
#include "hash.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hashes are of little-endian values");

uint64_t bytes_hash(const void *bytes, size_t n)
{
	return XXH3_64bits(bytes, n);
}

int array_hash_init(struct array_hasher *h, enum dtype dtype, const struct shape *shape, struct error *err)
{
	int64_t size = shape_size(shape);

	memset(h, 0, sizeof(*h));
	h->dtype = dtype;
	h->shape = *shape;
	h->block = HASH_BLOCK * dtype_size(dtype);
	h->nblocks = (size + HASH_BLOCK - 1) / HASH_BLOCK;
	h->blocks = calloc((size_t)h->nblocks + 1, sizeof(*h->blocks));
	h->part = malloc(h->block);
	if (h->blocks && h->part)
		return 0;
	array_hash_digest(h);
	return error_memory(err, (size_t)h->nblocks * sizeof(*h->blocks) + h->block);
}

void array_hash_blocks(struct array_hasher *h, const void *bytes, int64_t start, size_t n)
{
	const unsigned char *p = bytes;

	for (int64_t i = start / (int64_t)h->block; n; i++) {
		size_t k = n < h->block ? n : h->block;

		if (i < h->nblocks)
			h->blocks[i] = bytes_hash(p, k);
		p += k;
		n -= k;
	}
}

void array_hash_update(struct array_hasher *h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	while (n) {
		size_t k = h->block - h->have < n ? h->block - h->have : n;
		int64_t left = shape_size(&h->shape) * (int64_t)dtype_size(h->dtype) - h->done * (int64_t)h->block;

		if (!h->have && (k == h->block || (int64_t)n >= left)) {
			/* a whole block, or all of the last one */
			array_hash_blocks(h, p, h->done * (int64_t)h->block, k);
			h->done++;
		} else {
			memcpy(h->part + h->have, p, k);
			h->have += k;
			if (h->have == h->block || (int64_t)h->have == left) {
				array_hash_blocks(h, h->part, h->done * (int64_t)h->block, h->have);
				h->done++;
				h->have = 0;
			}
		}
		p += k;
		n -= k;
	}
}

uint64_t array_hash_digest(struct array_hasher *h)
{
	char head[32 + MAX_NDIM * sizeof(int64_t)];
	size_t n = strlen(dtype_name(h->dtype)), size = (size_t)h->shape.ndim * sizeof(h->shape.dim[0]);
	uint64_t of[2];

	memset(head, 0, 32);
	memcpy(head, dtype_name(h->dtype), n);
	memcpy(head + 32, h->shape.dim, size);
	of[0] = bytes_hash(head, 32 + size);
	of[1] = h->blocks ? bytes_hash(h->blocks, (size_t)h->nblocks * sizeof(*h->blocks)) : 0;
	free(h->blocks);
	free(h->part);
	h->blocks = NULL;
	h->part = NULL;
	return bytes_hash(of, sizeof(of));
}
