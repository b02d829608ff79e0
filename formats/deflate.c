/* The only file that knows zlib. */
#include "formats/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/text.h"

struct inflater {
	z_stream z;
};

/* zlib counts in unsigned int. */
static uInt part(size_t n)
{
	return n < UINT_MAX / 2 ? (uInt)n : UINT_MAX / 2;
}

uint32_t crc32_zlib(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *from = p;

	while (n) {
		uInt k = part(n);

		crc = (uint32_t)crc32(crc, from, k);
		from += k;
		n -= k;
	}
	return crc;
}

int inflater_new(struct inflater **out, struct error *err)
{
	struct inflater *z = calloc(1, sizeof(*z));

	/* Negative: without zlib's own header. */
	if (!z || inflateInit2(&z->z, -MAX_WBITS) != Z_OK) {
		free(z);
		return error_memory(err, sizeof(*z));
	}
	*out = z;
	return 0;
}

int inflater_run(struct inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		 bool *end, struct error *err)
{
	uInt have = part(*nin), room = part(*nout);

	z->z.next_in = (Bytef *)*in;
	z->z.avail_in = have;
	z->z.next_out = *out;
	z->z.avail_out = room;

	int status = inflate(&z->z, Z_NO_FLUSH);
	*in += have - z->z.avail_in;
	*nin -= have - z->z.avail_in;
	*out += room - z->z.avail_out;
	*nout -= room - z->z.avail_out;
	*end = status == Z_STREAM_END;
	if (status == Z_MEM_ERROR)
		return error_memory(err, 1 << MAX_WBITS);
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
		return error_set(err, ERR_FILE, "the compressed data are damaged");
	return 0;
}

void inflater_free(struct inflater *z)
{
	if (z)
		inflateEnd(&z->z);
	free(z);
}

void deflate_block_free(void *state)
{
	if (state)
		deflateEnd(state);
	free(state);
}

static z_stream *deflate_state(void **state, int level, struct error *err)
{
	z_stream *z = *state;

	if (z)
		return deflateReset(z) == Z_OK ? z : NULL;
	if (!(z = calloc(1, sizeof(*z))) ||
	    deflateInit2(z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		error_memory(err, 256 << 10);
		return NULL;
	}
	return *state = z;
}

int deflate_block(void **state, int level, const unsigned char *in, size_t n, size_t before, bool last,
		  struct text *out, struct error *err)
{
	z_stream *z = deflate_state(state, level, err);
	char *to;

	if (!z)
		return -1;
	if (before > DEFLATE_WINDOW)
		before = DEFLATE_WINDOW;
	if (before && deflateSetDictionary(z, in - before, (uInt)before) != Z_OK)
		return error_set(err, ERR_RESOURCE, "zlib failed to compress");
	z->next_in = (Bytef *)in;
	z->avail_in = (uInt)n;

	/* A block that is not the last one ends with an empty one that is stored, and so with a whole byte. */
	size_t room = (size_t)deflate_bound((int64_t)n);
	if (!(to = text_room(out, room)))
		return error_memory(err, room);
	z->next_out = (Bytef *)to;
	z->avail_out = (uInt)room;

	int status = deflate(z, last ? Z_FINISH : Z_SYNC_FLUSH);
	if (status != (last ? Z_STREAM_END : Z_OK) || z->avail_in || !z->avail_out)
		return error_set(err, ERR_RESOURCE, "zlib failed to compress");
	out->len += room - z->avail_out;
	return 0;
}

int64_t deflate_bound(int64_t n)
{
	/* Stored blocks of zlib's smallest size, 5 bytes for each 128, are far above any real case. */
	return n + n / 16 + 64;
}
