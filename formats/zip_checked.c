/*
 * The bytes of a stored entry in any order and by any thread, and still its checksum: each piece that is read has one of its own,
 * those of neighbours are combined, and when all bytes were read once the whole one is compared.  Who reads only a part, or
 * some bytes twice before the rest, is not told.
 */
#include "formats/zip.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "formats/deflate.h"

enum { PIECES = 64 }; /* that are not neighbours, before it is given up */

struct piece {
	int64_t start, end;
	uint32_t crc;
};

struct checked {
	struct source base;
	struct source *bytes; /* owned reference */
	uint32_t expected;
	pthread_mutex_t lock; /* of what follows */
	bool given_up, complete;
	int n;
	struct piece pieces[PIECES]; /* ascending */
};

/* The pieces i and i + 1 are one. */
static void join(struct checked *c, int i)
{
	struct piece *a = &c->pieces[i], *b = a + 1;

	a->crc = crc32_joined(a->crc, b->crc, b->end - b->start);
	a->end = b->end;
	c->n--;
	memmove(b, b + 1, (size_t)(c->n - i - 1) * sizeof(*b));
}

/* Bytes [start, end) were read; false if the whole is complete now, and is not what it should be. */
static bool note(struct checked *c, int64_t start, int64_t end, uint32_t crc)
{
	int i = 0;

	while (i < c->n && c->pieces[i].end <= start)
		i++;
	if (c->n == PIECES || (i < c->n && c->pieces[i].start < end)) {
		c->given_up = true;
		return true;
	}
	memmove(&c->pieces[i + 1], &c->pieces[i], (size_t)(c->n - i) * sizeof(*c->pieces));
	c->pieces[i] = (struct piece){ start, end, crc };
	c->n++;
	if (i + 1 < c->n && c->pieces[i + 1].start == end)
		join(c, i);
	if (i > 0 && c->pieces[i - 1].end == start)
		join(c, i - 1);
	c->complete = !c->pieces[0].start && c->pieces[0].end == c->base.nbytes;
	return !c->complete || c->pieces[0].crc == c->expected;
}

static int corrupt(const struct checked *c, uint32_t crc, struct error *err)
{
	return error_set(err, ERR_FILE, "is corrupt: its CRC is %08" PRIx32 ", %08" PRIx32 " expected", crc,
			 c->expected);
}

static int checked_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct checked *c = (struct checked *)src;
	bool wanted, good = true;
	uint32_t crc;

	if (c->bytes->ops->read(c->bytes, buf, n, offset, err))
		return -1;
	pthread_mutex_lock(&c->lock);
	wanted = n && !c->given_up && !c->complete;
	pthread_mutex_unlock(&c->lock);
	if (!wanted)
		return 0;
	crc = crc32_update(0, buf, n);
	pthread_mutex_lock(&c->lock);
	if (!c->given_up && !c->complete && !note(c, offset, offset + (int64_t)n, crc)) {
		good = false;
		crc = c->pieces[0].crc;
	}
	pthread_mutex_unlock(&c->lock);
	return good ? 0 : corrupt(c, crc, err);
}

static void checked_close(struct source *src)
{
	struct checked *c = (struct checked *)src;

	source_unref(c->bytes);
	pthread_mutex_destroy(&c->lock);
	free(src->name);
	free(c);
}

static const struct source_ops checked_ops = { checked_read, checked_close };

struct source *zip_checked(const struct zip *z, int i, struct error *err)
{
	const struct zip_entry *e = &z->entries[i];
	struct source *bytes;
	struct checked *c;
	int64_t data;

	if (zip_data(z, i, &data, err) || !(bytes = input_source(z->in, data, e->size, err)))
		return NULL;
	if (e->unchecked)
		return bytes;
	if (!(c = calloc(1, sizeof(*c)))) {
		source_unref(bytes);
		error_memory(err, sizeof(*c));
		return NULL;
	}
	c->expected = e->crc;
	/* Of bytes in memory no read is seen. */
	if (bytes->data || !e->size) {
		uint32_t crc = bytes->data ? crc32_update(0, bytes->data, (size_t)e->size) : 0;

		if (crc != e->crc) {
			source_unref(bytes);
			corrupt(c, crc, err);
			bytes = NULL;
		}
		free(c);
		return bytes;
	}
	c->base.ops = &checked_ops;
	c->base.refs = 1;
	c->base.nbytes = e->size;
	c->base.dev = bytes->dev;
	c->base.ino = bytes->ino;
	c->bytes = bytes;
	pthread_mutex_init(&c->lock, NULL);
	return &c->base;
}
