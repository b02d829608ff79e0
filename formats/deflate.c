/* Deflate: ISA-L for much, zlib for the rest and where that is not installed.  The only file that knows zlib. */
#include "formats/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "formats/isal.h"
#include "lib/text.h"

enum {
	FAST_FROM = 64 << 10, /* bytes, of which less is not worth loading another library */
	ALWAYS_ZLIB = 7,
};

struct inflater {
	struct isal_inflater *isal; /* NULL: zlib does it */
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

int inflater_new(struct inflater **out, int64_t packed, struct error *err)
{
	struct inflater *z = calloc(1, sizeof(*z));
	bool fast = packed >= FAST_FROM && isal_here();

	/* Negative: without zlib's own header. */
	if (!z || (fast ? !(z->isal = isal_inflater_new()) : inflateInit2(&z->z, -MAX_WBITS) != Z_OK)) {
		free(z);
		return error_memory(err, sizeof(*z));
	}
	*out = z;
	return 0;
}

int inflater_run(struct inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		 bool *end, struct error *err)
{
	static const char damaged[] = "the compressed data are damaged";

	if (z->isal)
		return isal_inflater_run(z->isal, in, nin, out, nout, end) ? error_set(err, ERR_FILE, damaged) : 0;

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
		return error_set(err, ERR_FILE, damaged);
	return 0;
}

void inflater_free(struct inflater *z)
{
	if (!z)
		return;
	if (!z->isal)
		inflateEnd(&z->z);
	free(z->isal);
	free(z);
}

/* What a thread keeps from block to block. */
struct block_state {
	struct isal_deflater *isal; /* NULL: not needed so far */
	z_stream *z;		    /* the same */
};

void deflate_block_free(void *state)
{
	struct block_state *s = state;

	if (!s)
		return;
	if (s->z)
		deflateEnd(s->z);
	free(s->z);
	free(s->isal);
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

/* Returns the number of bytes appended, or -1. */
static int64_t isal_block(struct block_state *s, const unsigned char *in, size_t n, size_t before, bool last,
			  struct text *out, struct error *err)
{
	size_t room = (size_t)deflate_bound((int64_t)n);
	char *to = text_room(out, room);
	int64_t packed;

	if (!s->isal)
		s->isal = isal_deflater_new();
	if (!s->isal || !to)
		return error_memory(err, room);
	if ((packed = isal_deflate_block(s->isal, in, n, before, last, (unsigned char *)to, room)) < 0)
		return error_set(err, ERR_RESOURCE, "ISA-L failed to compress");
	out->len += (size_t)packed;
	return packed;
}

int deflate_block(void **state, int level, const unsigned char *in, size_t n, size_t before, bool last,
		  struct text *out, struct error *err)
{
	struct block_state *s = *state;

	if (!s && !(*state = s = calloc(1, sizeof(*s))))
		return error_memory(err, sizeof(*s));
	if (before > DEFLATE_WINDOW)
		before = DEFLATE_WINDOW;
	if (n >= FAST_FROM && level < ALWAYS_ZLIB && isal_here()) {
		int64_t packed = isal_block(s, in, n, before, last, out, err);

		if (packed < 0)
			return -1;
		/* Where bytes repeat, looking longer is worth while; of digits, only their frequencies can be used. */
		if (level == 1 || packed > (int64_t)n / 8 * 5)
			return 0;
		out->len -= (size_t)packed;
	}
	return zlib_block(s, level, in, n, before, last, out, err);
}

int64_t deflate_bound(int64_t n)
{
	/* Stored blocks of zlib's smallest size, 5 bytes for each 128, are far above any real case. */
	return n + n / 16 + 64;
}
