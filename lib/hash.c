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

/* A block that tiles have cut. */
struct hash_part {
	struct hash_part *next;
	int64_t index, have; /* have: bytes */
	unsigned char bytes[];
};

int array_hash_init(struct array_hasher *h, enum dtype dtype, const struct shape *shape, struct error *err)
{
	int64_t size = shape_size(shape);

	*h = (struct array_hasher){ .dtype = dtype, .shape = *shape };
	pthread_mutex_init(&h->lock, NULL);
	h->nbytes = size * (int64_t)dtype_size(dtype);
	h->block = HASH_BLOCK * (int64_t)dtype_size(dtype);
	h->nblocks = (size + HASH_BLOCK - 1) / HASH_BLOCK;
	h->blocks = calloc((size_t)h->nblocks + 1, sizeof(*h->blocks));
	return h->blocks ? 0 : error_memory(err, (size_t)h->nblocks * sizeof(*h->blocks));
}

/* A part of block i, which has all bytes in the end. */
static int add_part(struct array_hasher *h, int64_t i, const unsigned char *bytes, int64_t at, int64_t n,
		    struct error *err)
{
	int64_t all = h->nbytes - i * h->block < h->block ? h->nbytes - i * h->block : h->block;
	struct hash_part **to = &h->parts, *p;

	pthread_mutex_lock(&h->lock);
	while (*to && (*to)->index != i)
		to = &(*to)->next;
	if (!*to && (*to = malloc(sizeof(**to) + (size_t)all)))
		**to = (struct hash_part){ .index = i };
	p = *to;
	if (p) {
		memcpy(p->bytes + at, bytes, (size_t)n);
		p->have += n;
		if (p->have == all) {
			h->blocks[i] = bytes_hash(p->bytes, (size_t)all);
			*to = p->next;
			free(p);
		}
	}
	pthread_mutex_unlock(&h->lock);
	return p ? 0 : error_memory(err, (size_t)all);
}

int array_hash_add(struct array_hasher *h, const void *bytes, int64_t start, int64_t n, struct error *err)
{
	const unsigned char *p = bytes;

	for (int64_t end = start + n, at = start; at < end;) {
		int64_t i = at / h->block, last = (i + 1) * h->block < h->nbytes ? (i + 1) * h->block : h->nbytes;
		int64_t k = (end < last ? end : last) - at;

		if (at == i * h->block && at + k == last)
			h->blocks[i] = bytes_hash(p, (size_t)k);
		else if (add_part(h, i, p, at - i * h->block, k, err))
			return -1;
		p += k;
		at += k;
	}
	return 0;
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
	h->blocks = NULL;
	for (struct hash_part *p; (p = h->parts);) {
		h->parts = p->next;
		free(p);
	}
	pthread_mutex_destroy(&h->lock);
	return bytes_hash(of, sizeof(of));
}
