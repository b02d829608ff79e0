/*
 * Inflate: the inverse of RFC 1951, as strict as zlib.  Numbers are mostly literals, several of which are decoded for each look at the
 * input; zlib takes twice as long.
 *
 * What is unpacked goes to a buffer that holds the last 32 KiB, to which matches refer, and from there to the caller.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/deflate.h"

enum {
	WINDOW = DEFLATE_WINDOW,
	BUFFER = WINDOW + (256 << 10),
	SLACK = 258 + 32,  /* a few literals, a match, and what is written beyond its end */
	LITERAL_BITS = 11, /* of the first table for literals and lengths, and of that for distances */
	DISTANCE_BITS = 8,
	LENGTH_BITS = 7,
	LITERAL_TABLE = 1 << 12, /* entries, with the second tables: complete codes need 2342 and 402 */
	DISTANCE_TABLE = 1 << 10,
	LITERALS = 288,
	DISTANCES = 32,
	CODE_MAX = 15,
	END = 256,
};

/*
 * An entry of a table: the bits to take in the lowest byte; 0: no such code.  A literal has its value in the upper half; a length or
 * distance its base there, and the number of extra bits in the second byte; a second table its place and bits there.
 */
enum { LITERAL = 1 << 15, SECOND = 1 << 14, LAST = 1 << 13, EXTRA_SHIFT = 8, EXTRA_MASK = 31 };

enum phase { HEAD, STORED_SIZE, STORED, COUNTS, LENGTHS, CODES, SYMBOLS, DONE };

struct inflater {
	enum phase phase;
	bool last; /* block */
	uint64_t word;
	int n;	       /* bits in word */
	size_t stored; /* bytes left of a stored block */
	int nliterals, ndistances, nlengths, next;
	uint8_t lengths[LITERALS + DISTANCES];
	uint32_t literal[LITERAL_TABLE], distance[DISTANCE_TABLE], length[1 << LENGTH_BITS];
	size_t at, given; /* bytes [0, at) of buffer are unpacked, [0, given) of them handed on */
	unsigned char buffer[BUFFER + SLACK];
};

static const uint16_t length_base[31] = { 3,  4,  5,  6,  7,  8,  9,  10,  11,	13,  15,  17,  19,  23, 27, 31,
					  35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258, 0,	0 };
static const uint8_t length_extra[31] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
					  3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0, 0, 0 };

int inflater_new(struct inflater **out, struct error *err)
{
	/* The tables are made before they are read, but for parts of those of incomplete codes. */
	return (*out = calloc(1, sizeof(**out))) ? 0 : error_memory(err, sizeof(**out));
}

void inflater_free(struct inflater *z)
{
	free(z);
}

static int damaged(struct error *err)
{
	return error_set(err, ERR_FILE, "the compressed data are damaged");
}

/* == tables == */

static uint32_t literal_entry(int symbol)
{
	if (symbol < END)
		return LITERAL | (uint32_t)symbol << 16;
	if (symbol == END)
		return LAST;
	return length_base[symbol - 257]
		       ? (uint32_t)length_base[symbol - 257] << 16 | (uint32_t)length_extra[symbol - 257] << EXTRA_SHIFT
		       : 0;
}

static uint32_t distance_entry(int symbol)
{
	int extra = symbol < 4 ? 0 : symbol / 2 - 1;
	uint32_t base = symbol < 4 ? (uint32_t)symbol + 1 : ((2 + (uint32_t)(symbol & 1)) << extra) + 1;

	return symbol < 30 ? base << 16 | (uint32_t)extra << EXTRA_SHIFT : 0;
}

static uint32_t length_entry(int symbol)
{
	return LITERAL | (uint32_t)symbol << 16;
}

struct code {
	uint32_t *table;
	int bits, room; /* of the first table; entries */
	uint32_t (*entry)(int symbol);
	bool incomplete; /* one code of one bit, or none, will do */
};

static unsigned reverse(unsigned code, int n)
{
	unsigned r = 0;

	for (; n; n--, code >>= 1)
		r = r << 1 | (code & 1);
	return r;
}

/* The second table for codes that begin as the one of length bits at k of the sorted ones does: as large as the longest needs. */
static int second_bits(const int *counts, int length, int left_of_length, int bits)
{
	int n = length - bits, space = 1 << n;

	/* What is left of the space that the prefix has, longer codes being twice as many. */
	for (int used = left_of_length; used < space && bits + n < CODE_MAX; used = 2 * used + counts[bits + n])
		space = 1 << ++n;
	return n;
}

static int table_make(const struct code *c, const uint8_t *lengths, int nsymbols, struct error *err)
{
	int counts[CODE_MAX + 1] = { 0 }, offsets[CODE_MAX + 2], longest = 0, left = 1, used = 1 << c->bits;
	uint16_t sorted[LITERALS];
	unsigned code = 0, prefix = UINT32_MAX, second = 0;

	for (int i = 0; i < nsymbols; i++)
		counts[lengths[i]]++;
	counts[0] = 0;
	offsets[1] = 0;
	for (int i = 1; i <= CODE_MAX; i++) {
		left = 2 * left - counts[i];
		if (left < 0)
			return damaged(err);
		offsets[i + 1] = offsets[i] + counts[i];
		longest = counts[i] ? i : longest;
	}
	if (left > 0 && (!c->incomplete || longest > 1))
		return damaged(err);
	for (int i = 0; i < nsymbols; i++)
		if (lengths[i])
			sorted[offsets[lengths[i]]++] = (uint16_t)i;

	memset(c->table, 0, sizeof(*c->table) << c->bits);
	for (int length = 1, k = 0, table_bits = 0; length <= longest; length++, code <<= 1) {
		for (int n = counts[length]; n; n--, k++, code++) {
			uint32_t entry = c->entry(sorted[k]);
			unsigned r = reverse(code, length);

			if (length <= c->bits) {
				for (unsigned i = r; i < 1u << c->bits; i += 1u << length)
					c->table[i] = entry ? entry | (uint32_t)length : 0;
				continue;
			}
			if (prefix != (r & ((1u << c->bits) - 1))) {
				prefix = r & ((1u << c->bits) - 1);
				second = (unsigned)used;
				table_bits = second_bits(counts, length, n, c->bits);
				used += 1 << table_bits;
				if (used > c->room)
					return damaged(err);
				memset(c->table + second, 0, sizeof(*c->table) << table_bits);
				c->table[prefix] =
					SECOND | second << 16 | (uint32_t)table_bits << EXTRA_SHIFT | (uint32_t)c->bits;
			}
			for (unsigned i = r >> c->bits; i < 1u << table_bits; i += 1u << (length - c->bits))
				c->table[second + i] = entry ? entry | (uint32_t)length : 0;
		}
	}
	return 0;
}

static int make_tables(struct inflater *z, int nliterals, int ndistances, struct error *err)
{
	const struct code literals = { z->literal, LITERAL_BITS, LITERAL_TABLE, literal_entry, true };
	const struct code distances = { z->distance, DISTANCE_BITS, DISTANCE_TABLE, distance_entry, true };

	return table_make(&literals, z->lengths, nliterals, err) ||
			       table_make(&distances, z->lengths + nliterals, ndistances, err)
		       ? -1
		       : 0;
}

static int fixed_tables(struct inflater *z, struct error *err)
{
	for (int i = 0; i < LITERALS; i++)
		z->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	memset(z->lengths + LITERALS, 5, DISTANCES);
	return make_tables(z, LITERALS, DISTANCES, err);
}

/* == decoding == */

struct stream {
	const unsigned char *s, *end;
};

/* At least n bits in the word, if there are so many left. */
static bool need(struct inflater *z, struct stream *in, int n)
{
	while (z->n < n && in->s < in->end) {
		z->word |= (uint64_t)*in->s++ << z->n;
		z->n += 8;
	}
	return z->n >= n;
}

static unsigned take(struct inflater *z, int n)
{
	unsigned v = (unsigned)(z->word & ((UINT64_C(1) << n) - 1));

	z->word >>= n;
	z->n -= n;
	return v;
}

static inline uint32_t look_up(const uint32_t *table, int bits, uint64_t word)
{
	uint32_t e = table[word & ((1u << bits) - 1)];

	if (e & SECOND)
		e = table[(e >> 16) + (word >> bits & ((1u << (e >> EXTRA_SHIFT & EXTRA_MASK)) - 1))];
	return e;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static inline uint64_t load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}
#else
static inline uint64_t load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}
#endif

/* n bytes from distance back; up to 15 more are written. */
static inline void copy_match(unsigned char *to, size_t distance, size_t n)
{
	const unsigned char *end = to + n;

	if (distance < 8) {
		/* Once, byte by byte; then from as many whole periods back as are 8 bytes. */
		for (int i = 0; i < 8; i++)
			to[i] = to[i - (ptrdiff_t)distance];
		to += 8;
		distance *= (7 + distance) / distance;
	}
	for (; to < end; to += 8)
		memcpy(to, to - distance, 8);
}

/* Symbols while there are 8 bytes of input and room up to stop.  Stops in front of what does not go this way. */
static int decode_fast(struct inflater *z, struct stream *in, size_t stop, struct error *err)
{
	const unsigned char *s = in->s, *last = in->end - 8;
	uint64_t word = z->word;
	unsigned n = (unsigned)z->n;
	size_t at = z->at;

	while (s <= last && at < stop) {
		uint32_t e;

		/* To 56 bits or more; those above n are written again as they are. */
		word |= load64(s) << n;
		s += (63 - n) >> 3;
		n |= 56;

		e = z->literal[word & ((1 << LITERAL_BITS) - 1)];
		/* Up to four of at most 11 bits each. */
		for (int i = 0; i < 4 && e & LITERAL; i++) {
			z->buffer[at++] = (unsigned char)(e >> 16);
			word >>= e & 63;
			n -= e & 63;
			e = z->literal[word & ((1 << LITERAL_BITS) - 1)];
		}
		if (n < 48)
			continue;
		if (e & SECOND)
			e = look_up(z->literal, LITERAL_BITS, word);
		if (!(e & 63) || e & LAST)
			break;
		word >>= e & 63;
		n -= e & 63;
		if (e & LITERAL) {
			z->buffer[at++] = (unsigned char)(e >> 16);
			continue;
		}

		unsigned extra = e >> EXTRA_SHIFT & EXTRA_MASK;
		size_t length = (e >> 16) + (word & ((1u << extra) - 1));
		word >>= extra;
		n -= extra;
		e = look_up(z->distance, DISTANCE_BITS, word);
		if (!(e & 63))
			return damaged(err);
		word >>= e & 63;
		n -= e & 63;
		extra = e >> EXTRA_SHIFT & EXTRA_MASK;
		size_t distance = (e >> 16) + (word & ((1u << extra) - 1));
		word >>= extra;
		n -= extra;
		if (distance > at)
			return damaged(err);
		copy_match(z->buffer + at, distance, length);
		at += length;
	}
	/* Bits above n may be there: only n of them count. */
	z->word = n ? word & (~UINT64_C(0) >> (64 - n)) : 0;
	z->n = (int)n;
	z->at = at;
	in->s = s;
	return 0;
}

/* One symbol, if its bits are all there: 1; 0 if not; -1: there is no such symbol. */
static int decode_one(struct inflater *z, struct stream *in, struct error *err)
{
	/* 15 + 5 + 15 + 13 bits at most */
	(void)need(z, in, 48);

	uint32_t e = look_up(z->literal, LITERAL_BITS, z->word), d;
	int n = (int)(e & 63);
	if (!n || n > z->n)
		return z->n >= CODE_MAX || (n && z->n >= n) ? damaged(err) : 0;
	if (e & LITERAL) {
		take(z, n);
		z->buffer[z->at++] = (unsigned char)(e >> 16);
		return 1;
	}
	if (e & LAST) {
		take(z, n);
		z->phase = z->last ? DONE : HEAD;
		return 1;
	}

	int extra = (int)(e >> EXTRA_SHIFT & EXTRA_MASK);
	if (n + extra > z->n)
		return 0;
	size_t length = (e >> 16) + (z->word >> n & ((1u << extra) - 1));
	n += extra;
	d = look_up(z->distance, DISTANCE_BITS, z->word >> n);
	if (!(d & 63))
		return z->n - n >= CODE_MAX ? damaged(err) : 0;
	n += (int)(d & 63);
	extra = (int)(d >> EXTRA_SHIFT & EXTRA_MASK);
	if (n + extra > z->n)
		return 0;
	size_t distance = (d >> 16) + (z->word >> n & ((1u << extra) - 1));
	if (distance > z->at)
		return damaged(err);
	take(z, n + extra);
	copy_match(z->buffer + z->at, distance, length);
	z->at += length;
	return 1;
}

/* == the parts of a block: each returns 1 where it went on, 0 where input is missing == */

static int read_head(struct inflater *z, struct stream *in, struct error *err)
{
	if (!need(z, in, 3))
		return 0;
	z->last = take(z, 1);
	switch (take(z, 2)) {
	case 0:
		take(z, z->n & 7);
		z->phase = STORED_SIZE;
		return 1;
	case 1:
		z->phase = SYMBOLS;
		return fixed_tables(z, err) ? -1 : 1;
	case 2:
		z->phase = COUNTS;
		return 1;
	}
	return damaged(err);
}

static int read_stored_size(struct inflater *z, struct stream *in, struct error *err)
{
	if (!need(z, in, 32))
		return 0;

	unsigned n = take(z, 16), inverted = take(z, 16);
	if (n != (inverted ^ 0xffff))
		return damaged(err);
	z->stored = n;
	z->phase = STORED;
	return 1;
}

static int read_stored(struct inflater *z, struct stream *in)
{
	size_t room = BUFFER - z->at, k;

	/* Whole bytes, those in the word first. */
	for (; z->stored && z->n && room; z->stored--, room--)
		z->buffer[z->at++] = (unsigned char)take(z, 8);
	k = (size_t)(in->end - in->s);
	k = z->n ? 0 : k < room ? k : room;
	k = k < z->stored ? k : z->stored;
	if (k)
		memcpy(z->buffer + z->at, in->s, k);
	z->at += k;
	in->s += k;
	z->stored -= k;
	if (!z->stored)
		z->phase = z->last ? DONE : HEAD;
	return !z->stored;
}

static int read_counts(struct inflater *z, struct stream *in, struct error *err)
{
	if (!need(z, in, 14))
		return 0;
	z->nliterals = 257 + (int)take(z, 5);
	z->ndistances = 1 + (int)take(z, 5);
	z->nlengths = 4 + (int)take(z, 4);
	if (z->nliterals > 286 || z->ndistances > 30)
		return damaged(err);
	z->next = 0;
	memset(z->lengths, 0, sizeof(z->lengths));
	z->phase = LENGTHS;
	return 1;
}

static int read_lengths(struct inflater *z, struct stream *in, struct error *err)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
	const struct code lengths = { z->length, LENGTH_BITS, 1 << LENGTH_BITS, length_entry, false };

	for (; z->next < z->nlengths; z->next++) {
		if (!need(z, in, 3))
			return 0;
		z->lengths[order[z->next]] = (uint8_t)take(z, 3);
	}
	if (table_make(&lengths, z->lengths, 19, err))
		return -1;
	z->next = 0;
	z->phase = CODES;
	return 1;
}

static int read_codes(struct inflater *z, struct stream *in, struct error *err)
{
	int total = z->nliterals + z->ndistances;

	while (z->next < total) {
		(void)need(z, in, 14);

		uint32_t e = z->length[z->word & ((1 << LENGTH_BITS) - 1)];
		int n = (int)(e & 63), symbol = (int)(e >> 16);
		int extra = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
		if (!n)
			return damaged(err);
		if (n + extra > z->n)
			return 0;
		take(z, n);

		int times = symbol < 16 ? 1 : (symbol == 18 ? 11 : 3) + (int)take(z, extra);
		if (times > total - z->next || (symbol == 16 && !z->next))
			return damaged(err);
		memset(z->lengths + z->next,
		       symbol < 16    ? symbol
		       : symbol == 16 ? z->lengths[z->next - 1]
				      : 0,
		       (size_t)times);
		z->next += times;
	}
	if (!z->lengths[END] || make_tables(z, z->nliterals, z->ndistances, err))
		return damaged(err);
	z->phase = SYMBOLS;
	return 1;
}

static int read_symbols(struct inflater *z, struct stream *in, size_t stop, struct error *err)
{
	int status = 1;

	if (in->end - in->s >= 8 && decode_fast(z, in, stop, err))
		return -1;
	while (status > 0 && z->phase == SYMBOLS && z->at < stop) {
		status = decode_one(z, in, err);
		if (in->end - in->s >= 8 && status > 0 && z->phase == SYMBOLS)
			break;
	}
	return status;
}

static int step(struct inflater *z, struct stream *in, size_t stop, struct error *err)
{
	switch (z->phase) {
	case HEAD:
		return read_head(z, in, err);
	case STORED_SIZE:
		return read_stored_size(z, in, err);
	case STORED:
		return read_stored(z, in);
	case COUNTS:
		return read_counts(z, in, err);
	case LENGTHS:
		return read_lengths(z, in, err);
	case CODES:
		return read_codes(z, in, err);
	case SYMBOLS:
		return read_symbols(z, in, stop, err);
	case DONE:
		break;
	}
	return 0;
}

/* Hand on what is unpacked. */
static void give(struct inflater *z, unsigned char **out, size_t *nout)
{
	size_t k = z->at - z->given < *nout ? z->at - z->given : *nout;

	if (k)
		memcpy(*out, z->buffer + z->given, k);
	*out += k;
	*nout -= k;
	z->given += k;
	if (z->given == z->at && z->at >= BUFFER) {
		memmove(z->buffer, z->buffer + z->at - WINDOW, WINDOW);
		z->at = z->given = WINDOW;
	}
}

int inflater_run(struct inflater *z, const unsigned char **in, size_t *nin, unsigned char **out, size_t *nout,
		 bool *end, struct error *err)
{
	struct stream s = { *in, *in + *nin };
	int status = 1;

	for (;;) {
		give(z, out, nout);
		if (z->given < z->at || z->phase == DONE || status <= 0)
			break;
		if (!*nout)
			break;
		/* A little at a time where little is wanted, as of a header. */
		size_t stop = BUFFER - z->at < *nout ? BUFFER : z->at + *nout;
		status = step(z, &s, stop, err);
	}
	if (status < 0)
		return -1;
	*end = z->phase == DONE && z->given == z->at;
	if (*end) {
		/* Bytes that were read and do not belong to the data. */
		size_t back = (size_t)z->n / 8, most = (size_t)(s.s - *in);

		if (back > most)
			return damaged(err);
		s.s -= back;
		z->n = 0;
		z->word = 0;
	}
	*nin = (size_t)(s.end - s.s);
	*in = s.s;
	return 0;
}
