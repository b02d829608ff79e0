/* The only file that knows zlib. */
#include "formats/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/text.h"

enum {
	FAST_FROM = 4096, /* bytes: less is for zlib, which has the codes of RFC 1951 that need no table */
	ALWAYS_ZLIB = 7,
	WORTH = 16, /* one byte in so many */
};

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

uint32_t crc32_joined(uint32_t crc, uint32_t next, int64_t n)
{
	return (uint32_t)crc32_combine(crc, next, (z_off_t)n);
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

/* What a thread keeps from block to block. */
struct block_state {
	struct deflate_fast *fast;
	z_stream *z; /* NULL: not needed so far */
};

void deflate_block_free(void *state)
{
	struct block_state *s = state;

	if (!s)
		return;
	if (s->z)
		deflateEnd(s->z);
	free(s->z);
	free(s->fast);
	free(s);
}

static z_stream *zlib_state(struct block_state *s, int level, struct error *err)
{
	z_stream *z = s->z;

	if (z)
		return deflateReset(z) == Z_OK ? z : NULL;
	if (!(z = calloc(1, sizeof(*z))) ||
	    deflateInit2(z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		error_memory(err, 256 << 10);
		return NULL;
	}
	return s->z = z;
}

static int zlib_block(struct block_state *s, int level, const unsigned char *in, size_t n, size_t before, bool last,
		      struct text *out, struct error *err)
{
	z_stream *z = zlib_state(s, level, err);
	size_t room = (size_t)deflate_bound((int64_t)n);
	char *to;

	if (!z)
		return -1;
	if (before && deflateSetDictionary(z, in - before, (uInt)before) != Z_OK)
		return error_set(err, ERR_RESOURCE, "zlib failed to compress");
	if (!(to = text_room(out, room)))
		return error_memory(err, room);
	z->next_in = (Bytef *)in;
	z->avail_in = (uInt)n;
	z->next_out = (Bytef *)to;
	z->avail_out = (uInt)room;

	/* A block that is not the last one ends with an empty one that is stored, and so with a whole byte. */
	int status = deflate(z, last ? Z_FINISH : Z_SYNC_FLUSH);
	if (status != (last ? Z_STREAM_END : Z_OK) || z->avail_in || !z->avail_out)
		return error_set(err, ERR_RESOURCE, "zlib failed to compress");
	out->len += room - z->avail_out;
	return 0;
}

int deflate_block(void **state, int level, const unsigned char *in, size_t n, size_t before, bool last,
		  struct text *out, struct error *err)
{
	struct block_state *s = *state;
	size_t start = out->len;

	if (!s && !(*state = s = calloc(1, sizeof(*s))))
		return error_memory(err, sizeof(*s));
	if (!s->fast && !(s->fast = deflate_fast_new()))
		return error_memory(err, 1 << 18);
	if (before > DEFLATE_WINDOW)
		before = DEFLATE_WINDOW;
	if (n >= FAST_FROM && level < ALWAYS_ZLIB) {
		int64_t matched = deflate_fast(s->fast, in, n, before, last, out);

		if (matched < 0)
			return error_memory(err, n);
		/* Where there is something to be found, looking longer is worth while. */
		if (level == 1 || matched < (int64_t)n / WORTH)
			return 0;
		out->len = start;
	}
	return zlib_block(s, level, in, n, before, last, out, err);
}

int64_t deflate_bound(int64_t n)
{
	/* Stored blocks of zlib's smallest size, 5 bytes for each 128, are far above any real case. */
	return n + n / 16 + 64;
}
