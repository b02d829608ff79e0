/*
 * Reading zip archives.  Only the central directory is believed; the local header in front of an entry says no more
 * than where its data begin.  Every offset and size is compared with the file's size before it is used.
 */
#include "formats/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/deflate.h"

enum {
	LOCAL = 30, /* bytes of the fixed parts */
	CENTRAL = 46,
	END = 22,
	END64 = 56,
	LOCATOR64 = 20,
	COMMENT_MAX = 65535,
	DEFLATE_RATIO = 1032, /* no deflated byte becomes more than this */
	BLOCK_SMALL = 4 << 10,
	BLOCK_BULK = 256 << 10,
};

enum { FLAG_ENCRYPTED = 1 << 0, FLAG_PATCH = 1 << 5, FLAG_STRONG = 1 << 6, FLAG_MASKED = 1 << 13 };

enum { STORED = 0, DEFLATED = 8 };

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const unsigned char *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool is_record(const unsigned char *p, char c, char d)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == c && p[3] == d;
}

static int damaged(struct error *err, const char *what)
{
	return error_set(err, ERR_FILE, "is no valid zip archive: %s", what);
}

const char *zip_refusal(const struct zip_entry *e)
{
	static const struct {
		uint16_t method;
		const char *what;
	} methods[] = {
		{ 1, "is compressed by shrinking, which is not supported" },
		{ 6, "is compressed by imploding, which is not supported" },
		{ 9, "is compressed by deflate64, which is not supported" },
		{ 12, "is compressed by bzip2, which is not supported" },
		{ 14, "is compressed by LZMA, which is not supported" },
		{ 93, "is compressed by zstd, which is not supported" },
		{ 95, "is compressed by xz, which is not supported" },
		{ 99, "is encrypted (AES)" },
	};

	if (e->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
		return "is encrypted";
	if (e->flags & FLAG_PATCH)
		return "is patched data, which is not supported";
	if (e->method == STORED || e->method == DEFLATED)
		return NULL;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].method == e->method)
			return methods[i].what;
	return "is compressed by an unknown method";
}

/* What the end record, or its zip64 form, says. */
struct end_record {
	uint64_t count, size, offset;
	int64_t at; /* where the record itself begins: the directory is in front of it */
};

/* The zip64 end record that a locator in front of the end record at offset end points to. */
static int read_end64(struct input *in, int64_t end, struct end_record *r, struct error *err)
{
	unsigned char p[END64];
	int64_t locator = end - LOCATOR64;

	if (locator < END64)
		return 0;
	if (input_pread(in, p, LOCATOR64, locator, err))
		return -1;
	if (!is_record(p, 6, 7))
		return 0;
	if (get32(p + 4) || get32(p + 16) > 1)
		return damaged(err, "it is one of several volumes");

	/* Where something was put in front of the archive the record is still just before the locator. */
	uint64_t said = get64(p + 8);
	int64_t at = said <= (uint64_t)(locator - END64) ? (int64_t)said : locator - END64;
	if (input_pread(in, p, END64, at, err))
		return -1;
	if (!is_record(p, 6, 6) && at != locator - END64) {
		at = locator - END64;
		if (input_pread(in, p, END64, at, err))
			return -1;
	}
	if (!is_record(p, 6, 6))
		return damaged(err, "its zip64 end record is not where the locator says");
	if (get32(p + 16) || get32(p + 20) || get64(p + 24) != get64(p + 32))
		return damaged(err, "it is one of several volumes");
	r->count = get64(p + 32);
	r->size = get64(p + 40);
	r->offset = get64(p + 48);
	r->at = at;
	return 0;
}

/* The last end record whose comment reaches exactly to the end of the file. */
static int find_end(struct input *in, struct end_record *r, struct error *err)
{
	int64_t size = input_size(in);
	size_t n = size < END + COMMENT_MAX ? (size_t)size : END + COMMENT_MAX;
	unsigned char *tail;
	int64_t found = -1;

	if (size < END)
		return damaged(err, "it has no end record; was it cut off?");
	if (!(tail = malloc(n)))
		return error_memory(err, n);
	if (input_pread(in, tail, n, size - (int64_t)n, err)) {
		free(tail);
		return -1;
	}
	for (size_t i = n - END + 1; i--;) {
		const unsigned char *p = tail + i;

		if (!is_record(p, 5, 6) || i + END + get16(p + 20) != n)
			continue;
		if (get16(p + 4) || get16(p + 6) || get16(p + 8) != get16(p + 10))
			continue;
		if (found >= 0 && !get16(p + 10))
			continue;
		found = size - (int64_t)n + (int64_t)i;
		r->count = get16(p + 10);
		r->size = get32(p + 12);
		r->offset = get32(p + 16);
		r->at = found;
		/* One of an empty archive may be a part of the comment of another. */
		if (r->count)
			break;
	}
	free(tail);
	if (found < 0)
		return damaged(err, "it has no end record; was it cut off?");
	return read_end64(in, found, r, err);
}

/* IBM's character set 437, 0x80 to 0xff, which names are in unless they say otherwise. */
static const uint16_t cp437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
	0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
	0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
	0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
	0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
	0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
	0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
	0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
	0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* A name of the archive as UTF-8, ended by its first NUL if it has one; malloc'ed. */
static char *decode_name(const unsigned char *p, size_t n)
{
	const unsigned char *nul = memchr(p, '\0', n);
	char *name, *to;

	if (nul)
		n = (size_t)(nul - p);
	if (!(name = to = malloc(3 * n + 1)))
		return NULL;
	/* The flag for UTF-8 is not asked: programs write such names without setting it, and others with it. */
	if (utf8_valid(p, n)) {
		memcpy(name, p, n);
		name[n] = '\0';
		return name;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned c = p[i] < 0x80 ? p[i] : cp437[p[i] - 0x80];

		if (c < 0x80) {
			*to++ = (char)c;
		} else if (c < 0x800) {
			*to++ = (char)(0xc0 | c >> 6);
			*to++ = (char)(0x80 | (c & 0x3f));
		} else {
			*to++ = (char)(0xe0 | c >> 12);
			*to++ = (char)(0x80 | (c >> 6 & 0x3f));
			*to++ = (char)(0x80 | (c & 0x3f));
		}
	}
	*to = '\0';
	return name;
}

/* Replace the fields that do not fit in 32 bits by those of the zip64 extra field: just these are there, in this order. */
static int read_extra64(const unsigned char *p, size_t n, uint64_t *size, uint64_t *packed, uint64_t *header,
			struct error *err)
{
	uint64_t *const fields[] = { size, packed, header };
	bool needed = *size == UINT32_MAX || *packed == UINT32_MAX || *header == UINT32_MAX;

	for (size_t i = 0; needed && n - i >= 4;) {
		size_t at = i + 4, end = at + get16(p + i + 2);

		if (end > n)
			return damaged(err, "an extra field reaches beyond its entry");
		i = end;
		if (get16(p + at - 4) != 1)
			continue;
		for (int k = 0; k < 3; k++) {
			if (*fields[k] != UINT32_MAX)
				continue;
			if (end - at < 8)
				return damaged(err, "a zip64 field is missing");
			*fields[k] = get64(p + at);
			at += 8;
		}
		return 0;
	}
	return 0;
}

/* One record of the directory, at offset at; n bytes of it are there; *used: its length. */
static int read_entry(struct zip *z, const unsigned char *p, size_t n, int64_t at, int64_t base, size_t *used,
		      struct error *err)
{
	if (n < CENTRAL || !is_record(p, 1, 2))
		return damaged(err, "its directory ends within an entry");

	size_t name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
	uint64_t packed = get32(p + 20), size = get32(p + 24), header = get32(p + 42);
	struct zip_entry *e = &z->entries[z->nentries];

	*used = CENTRAL + name + extra + comment;
	if (*used > n)
		return damaged(err, "its directory ends within an entry");
	if (get16(p + 34) && get16(p + 34) != UINT16_MAX)
		return damaged(err, "it is one of several volumes");
	if (read_extra64(p + CENTRAL + name, extra, &size, &packed, &header, err))
		return -1;

	uint64_t room = (uint64_t)(z->directory - base);
	if (header > room || room - header < LOCAL || packed > room - header - LOCAL)
		return damaged(err, "an entry reaches beyond the data");
	memset(e, 0, sizeof(*e));
	e->flags = get16(p + 8);
	e->method = get16(p + 10);
	e->crc = get32(p + 16);
	if (e->method == STORED && !(e->flags & FLAG_ENCRYPTED) && size != packed)
		return damaged(err, "a stored entry has two sizes");
	if (e->method == DEFLATED && size / DEFLATE_RATIO > packed)
		return damaged(err, "an entry claims to become larger than its data can");
	if (size > INT64_MAX)
		return damaged(err, "the size of an entry does not fit in 63 bits");
	e->packed = (int64_t)packed;
	e->size = (int64_t)size;
	e->header = base + (int64_t)header;
	e->record = at;
	if (!(e->name = decode_name(p + CENTRAL, name)))
		return error_memory(err, name);
	z->nentries++;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct zip_entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (*x > *y) - (*x < *y);
}

/* Of entries with the same name keep the last one, as NumPy does. */
static int drop_duplicates(struct zip *z, struct error *err)
{
	struct zip_entry **sorted = malloc(((size_t)z->nentries + 1) * sizeof(*sorted));
	int kept = 0;

	if (!sorted)
		return error_memory(err, (size_t)z->nentries * sizeof(*sorted));
	for (int i = 0; i < z->nentries; i++)
		sorted[i] = &z->entries[i];
	qsort(sorted, (size_t)z->nentries, sizeof(*sorted), compare_entries);
	for (int i = 0; i + 1 < z->nentries; i++) {
		if (!strcmp(sorted[i]->name, sorted[i + 1]->name)) {
			free(sorted[i]->name);
			sorted[i]->name = sorted[i + 1]->name;
			sorted[i]->header = -1; /* marked */
		}
	}
	free(sorted);
	for (int i = 0; i < z->nentries; i++)
		if (z->entries[i].header >= 0)
			z->entries[kept++] = z->entries[i];
	z->nentries = kept;
	return 0;
}

/*
 * Where the archive begins in the file: offsets count from there.  0, unless the directory is not at its offset but is
 * found where it would be had something been put in front of the archive.
 */
static int find_base(struct input *in, const struct end_record *r, int64_t *base, struct error *err)
{
	unsigned char p[4] = { 0 };

	*base = 0;
	if (r->size > (uint64_t)r->at || r->offset > (uint64_t)r->at - r->size)
		return damaged(err, "its directory reaches beyond its end record");
	if (r->size < 4)
		return 0;
	if (input_pread(in, p, 4, (int64_t)r->offset, err))
		return -1;
	if (!is_record(p, 1, 2))
		*base = r->at - (int64_t)r->size - (int64_t)r->offset;
	return 0;
}

int zip_open(struct zip *z, struct input *in, struct error *err)
{
	struct end_record r = { 0 };
	unsigned char *directory;
	int64_t base;
	int ret = 0;

	memset(z, 0, sizeof(*z));
	if (find_end(in, &r, err) || find_base(in, &r, &base, err))
		return -1;
	if (r.count > r.size / CENTRAL || r.count > INT32_MAX)
		return damaged(err, "its directory is too short for the number of its entries");
	if (!r.count)
		return r.size ? damaged(err, "its directory holds more than its end record says") : 0;
	z->directory = base + (int64_t)r.offset;
	z->in = input_ref(in);

	/* Both are bounded by what the file really holds. */
	z->entries = malloc((size_t)r.count * sizeof(*z->entries));
	directory = malloc((size_t)r.size);
	if (!z->entries || !directory) {
		free(directory);
		return error_memory(err, r.size);
	}
	ret = input_pread(in, directory, (size_t)r.size, z->directory, err);

	size_t at = 0;
	while (!ret && (uint64_t)z->nentries < r.count) {
		size_t used = 0;

		ret = read_entry(z, directory + at, (size_t)r.size - at, z->directory + (int64_t)at, base, &used, err);
		at += used;
	}
	/* A digital signature may follow, another entry may not. */
	if (!ret && (size_t)r.size - at >= 4 && is_record(directory + at, 1, 2))
		ret = damaged(err, "its directory holds more than its end record says");
	free(directory);
	z->base = base;
	z->directory_size = (int64_t)at;
	z->nrecords = r.count;
	return ret ? ret : drop_duplicates(z, err);
}

void zip_release(struct zip *z)
{
	for (int i = 0; i < z->nentries; i++)
		free(z->entries[i].name);
	free(z->entries);
	input_unref(z->in);
	memset(z, 0, sizeof(*z));
}

struct zip_stream {
	struct input *in;	   /* owned reference */
	struct inflater *inflater; /* NULL: stored */
	uint32_t crc, expected;
	int64_t at, end;    /* of the packed bytes not read yet, in the file */
	int64_t done, size; /* bytes unpacked, of all */
	unsigned char *block;
	size_t room;
	const unsigned char *next; /* in block */
	size_t have;
	bool ended, unchecked;
};

/* Where the data of an entry begin, after comparing its local header with the directory. */
static int find_data(const struct zip *z, const struct zip_entry *e, int64_t *data, struct error *err)
{
	unsigned char p[LOCAL];

	if (input_pread(z->in, p, LOCAL, e->header, err))
		return -1;
	if (!is_record(p, 3, 4))
		return damaged(err, "an entry is not where the directory says");

	size_t n = get16(p + 26);
	*data = e->header + LOCAL + (int64_t)n + get16(p + 28);
	if (*data > z->directory || e->packed > z->directory - *data)
		return damaged(err, "an entry reaches beyond the data");

	unsigned char *raw = malloc(n + 1);
	char *name = NULL;
	int ret = raw ? input_pread(z->in, raw, n, e->header + LOCAL, err) : error_memory(err, n);
	if (!ret && !(name = decode_name(raw, n)))
		ret = error_memory(err, n);
	if (!ret && strcmp(name, e->name))
		ret = damaged(err, "an entry and the directory have different names for it");
	free(name);
	free(raw);
	return ret;
}

int zip_data(const struct zip *z, int i, int64_t *offset, struct error *err)
{
	return find_data(z, &z->entries[i], offset, err);
}

int zip_stream_open(struct zip_stream **out, const struct zip *z, int i, bool bulk, struct error *err)
{
	const struct zip_entry *e = &z->entries[i];
	const char *refusal = zip_refusal(e);
	struct zip_stream *s;
	int64_t data = 0;

	if (refusal)
		return error_set(err, ERR_FILE, "%s", refusal);
	if (find_data(z, e, &data, err))
		return -1;
	if (!(s = calloc(1, sizeof(*s))))
		return error_memory(err, sizeof(*s));
	s->in = input_ref(z->in);
	s->expected = e->crc;
	s->unchecked = e->unchecked;
	s->at = data;
	s->end = data + e->packed;
	s->size = e->size;
	if (e->method == DEFLATED) {
		s->room = bulk ? BLOCK_BULK : BLOCK_SMALL;
		if (!(s->block = malloc(s->room))) {
			zip_stream_close(s);
			return error_memory(err, BLOCK_BULK);
		}
		s->next = s->block;
		if (inflater_new(&s->inflater, e->packed, err)) {
			zip_stream_close(s);
			return -1;
		}
	}
	*out = s;
	return 0;
}

void zip_stream_close(struct zip_stream *s)
{
	if (!s)
		return;
	inflater_free(s->inflater);
	input_unref(s->in);
	free(s->block);
	free(s);
}

static int refill(struct zip_stream *s, struct error *err)
{
	size_t n = s->end - s->at < (int64_t)s->room ? (size_t)(s->end - s->at) : s->room;

	if (input_pread(s->in, s->block, n, s->at, err))
		return -1;
	s->next = s->block;
	s->have = n;
	s->at += (int64_t)n;
	return 0;
}

/* Unpack up to n bytes; fewer only where the compressed data end. */
static int unpack(struct zip_stream *s, unsigned char *buf, size_t n, size_t *got, struct error *err)
{
	unsigned char *to = buf;
	size_t left = n;

	while (left && !s->ended) {
		size_t before = left;

		if (!s->have && s->at < s->end && refill(s, err))
			return -1;

		size_t have = s->have;
		if (inflater_run(s->inflater, &s->next, &s->have, &to, &left, &s->ended, err))
			return -1;
		if (left == before && s->have == have)
			break; /* cut off */
	}
	*got = n - left;
	return 0;
}

/* All bytes were unpacked: was that all, and was it right? */
static int verify(struct zip_stream *s, struct error *err)
{
	unsigned char more;
	size_t got;

	if (s->inflater) {
		if (unpack(s, &more, 1, &got, err))
			return -1;
		if (got || !s->ended || s->have || s->at != s->end)
			return error_set(err, ERR_FILE,
					 "the compressed data do not have the size that the archive says");
	}
	if (s->crc != s->expected && !s->unchecked)
		return error_set(err, ERR_FILE, "is corrupt: its CRC is %08" PRIx32 ", %08" PRIx32 " expected", s->crc,
				 s->expected);
	return 0;
}

int zip_stream_read(struct zip_stream *s, void *buf, size_t n, struct error *err)
{
	size_t got = n;

	if ((int64_t)n > s->size - s->done)
		return error_set(err, ERR_FILE, "ends after %" PRId64 " bytes, %" PRId64 " wanted", s->size,
				 s->done + (int64_t)n);
	if (s->inflater ? unpack(s, buf, n, &got, err) : input_pread(s->in, buf, n, s->at, err))
		return -1;
	if (got < n)
		return error_set(err, ERR_FILE, "the compressed data do not have the size that the archive says");
	if (!s->inflater)
		s->at += (int64_t)n;
	s->crc = crc32_update(s->crc, buf, n);
	s->done += (int64_t)n;
	return s->done == s->size ? verify(s, err) : 0;
}

int zip_stream_finish(struct zip_stream *s, struct error *err)
{
	int ret = 0;

	if (s->done == s->size)
		return s->size ? 0 : verify(s, err);

	unsigned char *block = malloc(BLOCK_BULK);
	if (!block)
		return error_memory(err, BLOCK_BULK);
	while (!ret && s->done < s->size) {
		int64_t left = s->size - s->done;

		ret = zip_stream_read(s, block, left < BLOCK_BULK ? (size_t)left : BLOCK_BULK, err);
	}
	free(block);
	return ret;
}

void zip_unchecked(struct zip *z)
{
	for (int i = 0; i < z->nentries; i++)
		z->entries[i].unchecked = !z->entries[i].crc;
}

/* The bytes of an entry, or a part of them. */
struct entry_source {
	struct source base;
	struct zip_stream *stream; /* owned */
	int64_t done;
};

static int entry_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct entry_source *s = (struct entry_source *)src;

	if (offset != s->done)
		return error_set(err, ERR_FILE, "is a stream: byte %" PRId64 " was asked for after byte %" PRId64,
				 offset, s->done);
	if (zip_stream_read(s->stream, buf, n, err))
		return -1;
	s->done += (int64_t)n;
	/* What follows counts for the CRC. */
	return s->done == src->nbytes ? zip_stream_finish(s->stream, err) : 0;
}

static void entry_close(struct source *src)
{
	struct entry_source *s = (struct entry_source *)src;

	zip_stream_close(s->stream);
	free(src->name);
	free(s);
}

static const struct source_ops entry_ops = { entry_read, entry_close };

/* Skip n bytes, and verify at once what no read will reach the end of. */
static int skip_start(struct zip_stream *s, int64_t n, bool empty, struct error *err)
{
	char block[4096];

	while (n > 0) {
		size_t k = n < (int64_t)sizeof(block) ? (size_t)n : sizeof(block);

		if (zip_stream_read(s, block, k, err))
			return -1;
		n -= (int64_t)k;
	}
	return empty ? zip_stream_finish(s, err) : 0;
}

struct source *zip_source(const struct zip *z, int i, int64_t skip, int64_t nbytes, struct error *err)
{
	struct entry_source *s = calloc(1, sizeof(*s));

	if (!s) {
		error_memory(err, sizeof(*s));
		return NULL;
	}
	s->base.ops = &entry_ops;
	s->base.refs = 1;
	s->base.sequential = true;
	s->base.nbytes = nbytes;
	if (zip_stream_open(&s->stream, z, i, true, err) || skip_start(s->stream, skip, !nbytes, err)) {
		entry_close(&s->base);
		return NULL;
	}
	return &s->base;
}
