/*
 * Deflate for numbers: the digits of floats hardly ever repeat, so most of what can be saved is saved by Huffman codes, and looking
 * long for matches is in vain.  One candidate for a match is tried, at fewer places the longer none is found.
 * Source of the format: RFC 1951.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/deflate.h"
#include "lib/text.h"

enum {
	PART = 65535, /* bytes that share Huffman codes; as many as a stored block holds */
	WINDOW = DEFLATE_WINDOW,
	HASH_BITS = 14,
	SHORTEST = 4,
	LONGEST = 258,
	SKIP_SHIFT = 6, /* one place more is skipped for each 64 at which nothing was found, */
	SKIP_MAX = 8,	/* up to so many */
	LITERALS = 286,
	DISTANCES = 30,
	LENGTHS = 19,
	END = 256, /* the symbol behind the last one of a block */
	CODE_MAX = 15,
};

/* Literals, then a match; the last one of a part has the length 0. */
struct sequence {
	uint32_t literals;
	uint16_t length, distance;
};

struct huffman {
	uint32_t freq[LITERALS];
	uint8_t length[LITERALS];
	uint16_t code[LITERALS]; /* bits reversed, as they are written */
};

struct deflate_fast {
	uint32_t places
		[1 << HASH_BITS]; /* offset + 1 from the start of the window, of the last four bytes with this hash */
	struct sequence sequences[PART / SHORTEST + 2];
	size_t nsequences;
	struct huffman literals, distances, lengths;
	uint8_t length_code[LONGEST + 1]; /* symbol - 257 of a length */
	uint8_t near[256], far[256];	  /* of distance - 1, and of (distance - 1) >> 7 */
};

struct bits {
	unsigned char *to;
	uint64_t word;
	int n;
};

static const uint16_t length_base[29] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,	 17,  19,  23, 27,
					  31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					  2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[30] = { 1,	  2,	3,    4,    5,	  7,	9,    13,    17,    25,
					    33,	  49,	65,   97,   129,  193,	257,  385,   513,   769,
					    1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const uint8_t distance_extra[30] = { 0, 0, 0, 0, 1, 1, 2, 2,  3,	 3,  4,	 4,  5,	 5,  6,
					    6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

static uint32_t load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint32_t hash4(uint32_t v)
{
	return v * UINT32_C(2654435761) >> (32 - HASH_BITS);
}

struct deflate_fast *deflate_fast_new(void)
{
	struct deflate_fast *d = calloc(1, sizeof(*d));

	for (int i = 0; d && i < 29; i++)
		for (int k = length_base[i]; k <= LONGEST; k++)
			d->length_code[k] = (uint8_t)i;
	for (int i = 0; d && i < 30; i++) {
		for (int k = distance_base[i] - 1; k < 256; k++)
			d->near[k] = (uint8_t)i;
		for (int k = (distance_base[i] - 1) >> 7; k < 256; k++)
			d->far[k] = (uint8_t)i;
	}
	return d;
}

static inline int distance_code(const struct deflate_fast *d, unsigned distance)
{
	return distance <= 256 ? d->near[distance - 1] : d->far[(distance - 1) >> 7];
}

/* Equal bytes at p and q, up to most of them. */
static inline size_t match_length(const unsigned char *p, const unsigned char *q, size_t most)
{
	size_t n = 0;

	for (; n + 8 <= most; n += 8) {
		uint64_t x, y;

		memcpy(&x, p + n, 8);
		memcpy(&y, q + n, 8);
		if (x != y)
			break;
	}
	while (n < most && p[n] == q[n])
		n++;
	return n;
}

/* The sequences of bytes start .. end-1 of the window at base; returns the number of bytes in matches. */
static size_t find_matches(struct deflate_fast *d, const unsigned char *base, size_t start, size_t end)
{
	size_t i = start, literals = start, matched = 0, misses = 0;

	d->nsequences = 0;
	while (i + SHORTEST <= end) {
		uint32_t v = load32(base + i), *place = &d->places[hash4(v)];
		size_t at = *place;

		*place = (uint32_t)(i + 1);
		if (!at || i + 1 - at > WINDOW || load32(base + at - 1) != v) {
			size_t step = 1 + (misses++ >> SKIP_SHIFT);

			i += step < SKIP_MAX ? step : SKIP_MAX;
			continue;
		}

		size_t most = end - i < LONGEST ? end - i : LONGEST;
		size_t n = SHORTEST + match_length(base + i + SHORTEST, base + at - 1 + SHORTEST, most - SHORTEST);
		d->sequences[d->nsequences++] =
			(struct sequence){ (uint32_t)(i - literals), (uint16_t)n, (uint16_t)(i + 1 - at) };
		matched += n;
		misses = 0;
		for (size_t k = i + 1; k < i + n && k + SHORTEST <= end; k += 1 + (n > 32) * 3)
			d->places[hash4(load32(base + k))] = (uint32_t)(k + 1);
		i += n;
		literals = i;
	}
	d->sequences[d->nsequences++] = (struct sequence){ (uint32_t)(end - literals), 0, 0 };
	return matched;
}

/* == Huffman codes == */

/* Ascending, few of them. */
static void sort(uint32_t *keys, int n)
{
	static const int gaps[] = { 132, 57, 23, 10, 4, 1 };

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
		for (int i = gaps[g]; i < n; i++) {
			uint32_t key = keys[i];
			int k = i;

			for (; k >= gaps[g] && keys[k - gaps[g]] > key; k -= gaps[g])
				keys[k] = keys[k - gaps[g]];
			keys[k] = key;
		}
}

/* The depths of n >= 2 leaves with ascending weights in the tree of least cost, as the number of leaves at each depth. */
static void count_depths(const uint32_t *keys, int n, int *counts)
{
	uint32_t weight[2 * LITERALS];
	int parent[2 * LITERALS], depth[2 * LITERALS];
	int leaf = 0, node = n, made = n;

	for (int i = 0; i < n; i++)
		weight[i] = keys[i] >> 9;
	while (made < 2 * n - 1) {
		weight[made] = 0;
		for (int k = 0; k < 2; k++) {
			int least = leaf < n && (node == made || weight[leaf] <= weight[node]) ? leaf++ : node++;

			weight[made] += weight[least];
			parent[least] = made;
		}
		made++;
	}
	depth[made - 1] = 0;
	for (int i = made - 2; i >= 0; i--) {
		depth[i] = depth[parent[i]] + 1;
		if (i < n)
			counts[depth[i]]++;
	}
}

/* Make the depths at most limit: too deep leaves are hung up there, and others moved down until they all have room. */
static void limit_depths(int *counts, int limit)
{
	int total = 0;

	for (int i = LITERALS; i > limit; i--) {
		counts[limit] += counts[i];
		counts[i] = 0;
	}
	for (int i = 1; i <= limit; i++)
		total += counts[i] << (limit - i);
	for (; total > 1 << limit; total--) {
		int i = limit - 1;

		while (!counts[i])
			i--;
		counts[limit]--;
		counts[i]--;
		counts[i + 1] += 2;
	}
}

static void huffman_make(struct huffman *h, int nsymbols, int limit)
{
	int counts[LITERALS + 1] = { 0 }, used = 0;
	uint32_t keys[LITERALS], next[CODE_MAX + 2] = { 0 };

	/* Two symbols at least: some readers want a complete code. */
	for (int i = 0; i < 2; i++)
		if (!h->freq[i] && nsymbols != LITERALS)
			h->freq[i] = 1;
	if (nsymbols == LITERALS && !h->freq[0])
		h->freq[0] = 1;
	for (int i = 0; i < nsymbols; i++)
		if (h->freq[i])
			keys[used++] = h->freq[i] << 9 | (uint32_t)i;
	sort(keys, used);
	count_depths(keys, used, counts);
	limit_depths(counts, limit);

	memset(h->length, 0, sizeof(h->length));
	for (int i = limit, k = 0; i > 0; i--)
		for (int n = counts[i]; n; n--)
			h->length[keys[k++] & 511] = (uint8_t)i;
	for (int i = 1; i <= limit; i++)
		next[i + 1] = (next[i] + (uint32_t)counts[i]) << 1;
	for (int i = 0; i < nsymbols; i++) {
		uint32_t code = h->length[i] ? next[h->length[i]]++ : 0, reversed = 0;

		for (int k = 0; k < h->length[i]; k++, code >>= 1)
			reversed = reversed << 1 | (code & 1);
		h->code[i] = (uint16_t)reversed;
	}
}

static void count_symbols(struct deflate_fast *d, const unsigned char *p)
{
	uint32_t four[4][256];

	memset(four, 0, sizeof(four));
	memset(&d->literals.freq, 0, sizeof(d->literals.freq));
	memset(&d->distances.freq, 0, sizeof(d->distances.freq));
	for (size_t i = 0; i < d->nsequences; i++) {
		const struct sequence *s = &d->sequences[i];
		uint32_t k = 0;

		/* In four tables: the same byte twice does not wait for itself. */
		for (; k + 4 <= s->literals; k += 4, p += 4) {
			four[0][p[0]]++;
			four[1][p[1]]++;
			four[2][p[2]]++;
			four[3][p[3]]++;
		}
		for (; k < s->literals; k++)
			four[0][*p++]++;
		p += s->length;
		if (s->length) {
			d->literals.freq[257 + d->length_code[s->length]]++;
			d->distances.freq[distance_code(d, s->distance)]++;
		}
	}
	for (int i = 0; i < 256; i++)
		d->literals.freq[i] = four[0][i] + four[1][i] + four[2][i] + four[3][i];
	d->literals.freq[END] = 1;
}

/* == output == */

/* n <= 32 */
static inline void put(struct bits *b, uint64_t v, int n)
{
	b->word |= v << b->n;
	b->n += n;
	if (b->n < 32)
		return;
	for (int i = 0; i < 4; i++)
		b->to[i] = (unsigned char)(b->word >> 8 * i);
	b->to += 4;
	b->word >>= 32;
	b->n -= 32;
}

static void put_align(struct bits *b)
{
	for (; b->n > 0; b->n -= 8, b->word >>= 8)
		*b->to++ = (unsigned char)b->word;
	b->n = 0;
	b->word = 0;
}

static void put_stored(struct bits *b, const unsigned char *p, size_t n, bool last)
{
	put(b, last, 3);
	put_align(b);
	for (int i = 0; i < 4; i++)
		*b->to++ = (unsigned char)((i < 2 ? n : ~n) >> 8 * (i & 1));
	if (n)
		memcpy(b->to, p, n);
	b->to += n;
}

/* The lengths of both codes, runs of them shortened: pairs of a symbol and what its extra bits say. */
struct run {
	uint8_t symbol, extra;
};

static int find_runs(struct deflate_fast *d, struct run *runs, int nliterals, int ndistances)
{
	uint8_t all[LITERALS + DISTANCES];
	int total = nliterals + ndistances, n = 0;

	memcpy(all, d->literals.length, (size_t)nliterals);
	memcpy(all + nliterals, d->distances.length, (size_t)ndistances);
	memset(&d->lengths.freq, 0, sizeof(d->lengths.freq));
	for (int i = 0, k; i < total; i += k) {
		int most = all[i] ? 7 : 138;

		for (k = 1; k < most && i + k < total && all[i + k] == all[i];)
			k++;
		if (!all[i] && k >= 3) {
			runs[n] = k < 11 ? (struct run){ 17, (uint8_t)(k - 3) } : (struct run){ 18, (uint8_t)(k - 11) };
		} else if (k >= 4) {
			runs[n] = (struct run){ all[i], 0 };
			d->lengths.freq[runs[n++].symbol]++;
			runs[n] = (struct run){ 16, (uint8_t)(k - 4) };
		} else {
			k = 1;
			runs[n] = (struct run){ all[i], 0 };
		}
		d->lengths.freq[runs[n++].symbol]++;
	}
	return n;
}

static int run_bits(int symbol)
{
	return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

static const uint8_t lengths_order[LENGTHS] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };

struct part_header {
	struct run runs[LITERALS + DISTANCES];
	int nruns, nliterals, ndistances, nlengths;
};

/* Make the codes; returns the bits that the part takes with them. */
static size_t plan_part(struct deflate_fast *d, struct part_header *h)
{
	size_t total = 3 + 5 + 5 + 4;

	huffman_make(&d->literals, LITERALS, CODE_MAX);
	huffman_make(&d->distances, DISTANCES, CODE_MAX);
	for (h->nliterals = LITERALS; !d->literals.length[h->nliterals - 1];)
		h->nliterals--;
	for (h->ndistances = DISTANCES; !d->distances.length[h->ndistances - 1];)
		h->ndistances--;
	h->nruns = find_runs(d, h->runs, h->nliterals, h->ndistances);
	huffman_make(&d->lengths, LENGTHS, 7);
	for (h->nlengths = LENGTHS; !d->lengths.length[lengths_order[h->nlengths - 1]];)
		h->nlengths--;
	total += 3 * (size_t)h->nlengths;
	for (int i = 0; i < h->nruns; i++)
		total += (size_t)(d->lengths.length[h->runs[i].symbol] + run_bits(h->runs[i].symbol));
	for (int i = 0; i < LITERALS; i++)
		total += (size_t)d->literals.freq[i] *
			 (size_t)(d->literals.length[i] + (i > END ? length_extra[i - 257] : 0));
	for (int i = 0; i < DISTANCES; i++)
		total += (size_t)d->distances.freq[i] * (size_t)(d->distances.length[i] + distance_extra[i]);
	return total;
}

static void put_match(const struct deflate_fast *d, struct bits *b, const struct sequence *s)
{
	int l = d->length_code[s->length], t = distance_code(d, s->distance);

	put(b, d->literals.code[257 + l] | (uint64_t)(s->length - length_base[l]) << d->literals.length[257 + l],
	    d->literals.length[257 + l] + length_extra[l]);
	put(b, d->distances.code[t] | (uint64_t)(s->distance - distance_base[t]) << d->distances.length[t],
	    d->distances.length[t] + distance_extra[t]);
}

static void put_part(const struct deflate_fast *d, struct bits *b, const struct part_header *h, const unsigned char *p,
		     bool last)
{
	const uint16_t *code = d->literals.code;
	const uint8_t *length = d->literals.length;

	put(b, 4 | last, 3);
	put(b, (uint64_t)(h->nliterals - 257), 5);
	put(b, (uint64_t)(h->ndistances - 1), 5);
	put(b, (uint64_t)(h->nlengths - 4), 4);
	for (int i = 0; i < h->nlengths; i++)
		put(b, d->lengths.length[lengths_order[i]], 3);
	for (int i = 0; i < h->nruns; i++) {
		int symbol = h->runs[i].symbol;

		put(b, d->lengths.code[symbol], d->lengths.length[symbol]);
		put(b, h->runs[i].extra, run_bits(symbol));
	}
	for (size_t i = 0; i < d->nsequences; i++) {
		const struct sequence *s = &d->sequences[i];
		uint32_t k = 0;

		for (; k + 2 <= s->literals; k += 2, p += 2)
			put(b, code[p[0]] | (uint64_t)code[p[1]] << length[p[0]], length[p[0]] + length[p[1]]);
		if (k < s->literals) {
			put(b, code[*p], length[*p]);
			p++;
		}
		if (s->length)
			put_match(d, b, s);
		p += s->length;
	}
	put(b, code[END], length[END]);
}

int64_t deflate_fast(struct deflate_fast *d, const unsigned char *in, size_t n, size_t before, bool last,
		     struct text *out)
{
	size_t room = n + n / 1024 + 1024, matched = 0;
	const unsigned char *base = in - before;
	struct bits b = { .to = (unsigned char *)text_room(out, room) };
	const unsigned char *first = b.to;

	if (!first)
		return -1;
	memset(d->places, 0, sizeof(d->places));
	for (size_t i = 0; i + SHORTEST <= before; i++)
		d->places[hash4(load32(base + i))] = (uint32_t)(i + 1);
	for (size_t at = before, end; at < before + n; at = end) {
		struct part_header h;

		end = before + n - at < PART ? before + n : at + PART;
		matched += find_matches(d, base, at, end);
		count_symbols(d, base + at);
		if (plan_part(d, &h) / 8 < end - at)
			put_part(d, &b, &h, base + at, last && end == before + n);
		else
			put_stored(&b, base + at, end - at, last && end == before + n);
	}
	if (!last)
		put_stored(&b, NULL, 0, false);
	put_align(&b);
	out->len += (size_t)(b.to - first);
	return (int64_t)matched;
}
