/* The only file that knows zlib. */
#include "formats/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { OUTPUT = 256 << 10 };

struct inflater {
	z_stream z;
};

struct deflater {
	z_stream z;
	unsigned char block[OUTPUT];
};

/* zlib counts in unsigned int. */
static uInt part(size_t n)
{
	return n < UINT_MAX / 2 ? (uInt)n : UINT_MAX / 2;
}

uint32_t crc32_update(uint32_t crc, const void *p, size_t n)
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

int deflater_new(struct deflater **out, int level, struct error *err)
{
	struct deflater *z = calloc(1, sizeof(*z));

	if (!z || deflateInit2(&z->z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return error_memory(err, sizeof(*z));
	}
	*out = z;
	return 0;
}

int deflater_run(struct deflater *z, const void *in, size_t n, bool finish, emit_fn *emit, void *to, struct error *err)
{
	const unsigned char *from = in;
	int status = Z_OK;

	do {
		uInt k = part(n);

		z->z.next_in = (Bytef *)from;
		z->z.avail_in = k;
		from += k;
		n -= k;
		do {
			z->z.next_out = z->block;
			z->z.avail_out = OUTPUT;
			status = deflate(&z->z, finish && !n ? Z_FINISH : Z_NO_FLUSH);
			if (OUTPUT - z->z.avail_out && emit(to, z->block, OUTPUT - z->z.avail_out, err))
				return -1;
		} while (!z->z.avail_out);
	} while (n);
	if (finish && status != Z_STREAM_END)
		return error_set(err, ERR_RESOURCE, "zlib failed to compress");
	return 0;
}

void deflater_free(struct deflater *z)
{
	if (z)
		deflateEnd(&z->z);
	free(z);
}

int64_t deflate_bound(int64_t n)
{
	/* Stored blocks of zlib's smallest size, 5 bytes for each 128, are far above any real case. */
	return n + n / 16 + 64;
}
