/* CRC-32 and deflate: every length and alignment, every level, data that compress and data that do not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/crew.h"
#include "formats/deflate.h"
#include "lib/engine.h"

static int tests, failures;

static void report(bool good, const char *what)
{
	tests++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, what);
}

static uint64_t state = 1;

static uint64_t random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* A table of its own, a bit at a time: the definition. */
static uint32_t crc32_slow(uint32_t crc, const unsigned char *p, size_t n)
{
	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void test_crc32(void)
{
	static unsigned char data[6000];
	bool good = crc32_update(0, "123456789", 9) == 0xcbf43926;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)random64();
	for (size_t n = 0; n < 1100 && good; n++) {
		size_t at = n % 17;
		uint32_t crc = (uint32_t)random64(), want = crc32_slow(crc, data + at, n);

		good = crc32_update(crc, data + at, n) == want && crc32_zlib(crc, data + at, n) == want;
	}
	for (size_t n = 1100; n + 64 < sizeof(data) && good; n += 97)
		good = crc32_update(0, data + n % 64, n) == crc32_slow(0, data + n % 64, n);
	good = good && crc32_update(crc32_update(0, data, 777), data + 777, 4000) == crc32_slow(0, data, 4777);
	report(good, "crc32: every length, chained");
}

/* The kinds of data that arrays are. */
enum { NOISE, ZEROS, FLOATS, COUNTS, WORDS, ONE_FAR, PERIODS, KINDS };

static void fill(unsigned char *p, size_t n, int kind)
{
	static const char *const words[] = { "the ", "shape ", "of ", "an ", "array, ", "and its\n" };
	size_t i = 0;

	memset(p, 0, n);
	for (; kind == NOISE && i < n; i++)
		p[i] = (unsigned char)random64();
	for (; kind == FLOATS && i + 4 <= n; i += 4) {
		float x = (float)(random64() >> 40) / (1 << 24);
		memcpy(p + i, &x, 4);
	}
	for (; kind == COUNTS && i + 8 <= n; i += 8) {
		double x = (double)(i / 8 % 3001);
		memcpy(p + i, &x, 8);
	}
	while (kind == WORDS && i + 8 <= n) {
		const char *w = words[random64() % 6];

		memcpy(p + i, w, strlen(w));
		i += strlen(w);
	}
	/* A match at the largest distance there is, and one beyond it. */
	for (; kind == ONE_FAR && i < n; i++)
		p[i] = (unsigned char)(i % 32768 < 300 || i % 32769 < 300 ? i % 251 : random64());
	for (; kind == PERIODS && i < n; i++)
		p[i] = (unsigned char)(i % (1 + i / 1000 % 9));
}

/* In pieces of in_step and out_step bytes, for the places where one ends; expected: how much inflater_new is told that will come. */
static bool inflates_so(const unsigned char *packed, size_t npacked, const unsigned char *want, size_t n,
			size_t in_step, size_t out_step, int64_t expected)
{
	struct error err = ERROR_INIT;
	unsigned char *got = malloc(n + 1), *to = got;
	const unsigned char *from = packed;
	struct inflater *z;
	size_t have = npacked, left = n + 1;
	bool end = false, good = got && !inflater_new(&z, expected, &err);

	while (good && !end) {
		size_t k = have < in_step ? have : in_step, room = left < out_step ? left : out_step, had = k,
		       was = room;

		good = !inflater_run(z, &from, &k, &to, &room, &end, &err) && (end || k < had || room < was);
		have -= had - k;
		left -= was - room;
	}
	good = good && end && !have && left == 1 && !memcmp(got, want, n);
	inflater_free(z);
	free(got);
	return good;
}

enum { LARGE = 1 << 20 }; /* bytes for which ISA-L is used, where it is installed */

static bool inflates_to(const unsigned char *packed, size_t npacked, const unsigned char *want, size_t n,
			size_t in_step, size_t out_step)
{
	return inflates_so(packed, npacked, want, n, in_step, out_step, 0) &&
	       inflates_so(packed, npacked, want, n, in_step, out_step, LARGE);
}

/* Bytes behind the end are counted, also those that were read before the call that reached it. */
static bool tells_what_is_left(const unsigned char *packed, size_t npacked, size_t n)
{
	struct error err = ERROR_INIT;
	unsigned char *more = calloc(1, npacked + 5), *got = malloc(n + 1);
	bool good = more && got;

	if (good)
		memcpy(more, packed, npacked);
	for (int64_t expected = 0; good && expected <= LARGE; expected += LARGE) {
		const unsigned char *from = more;
		unsigned char *to = got;
		size_t have = npacked + 5, room = n, nothing = 0;
		struct inflater *z;
		bool end = false;

		good = !inflater_new(&z, expected, &err) && !inflater_run(z, &from, &have, &to, &room, &end, &err);
		/* With no room left, the end may be seen only by another call. */
		for (int i = 0; i < 2 && good && !end; i++)
			good = !inflater_run(z, &from, have ? &have : &nothing, &to, &room, &end, &err);
		good = good && end && have + nothing == 5 && !room;
		inflater_free(z);
	}
	free(more);
	free(got);
	return good;
}

static bool round_trip(const unsigned char *data, size_t n, size_t block, int level)
{
	struct error err = ERROR_INIT;
	struct text out = TEXT_INIT;
	void *z = NULL;
	bool good = true;
	size_t at = 0;

	do {
		size_t k = n - at < block ? n - at : block;
		size_t before = at < DEFLATE_WINDOW ? at : DEFLATE_WINDOW;

		good = !deflate_block(&z, level, data + at, k, before, at + k == n, &out, &err);
		at += k;
	} while (good && at < n);
	good = good && (int64_t)out.len <= deflate_bound((int64_t)n) + 12 * (int64_t)(n / block);

	const unsigned char *packed = (const unsigned char *)out.s;
	good = good && inflates_to(packed, out.len, data, n, SIZE_MAX, SIZE_MAX);
	good = good && inflates_to(packed, out.len, data, n, 1 + random64() % 5000, 1 + random64() % 5000);
	if (n < 5000)
		good = good && inflates_to(packed, out.len, data, n, 1, 1);
	good = good && tells_what_is_left(packed, out.len, n);
	deflate_block_free(z);
	text_release(&out);
	return good;
}

static void test_deflate(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 100, 4097, 65535, 65536, 300000 };
	static unsigned char data[300000];
	char what[80];

	for (int kind = 0; kind < KINDS; kind++) {
		bool good = true;

		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && good; i++)
			for (int level = 1; level <= 9 && good; level += i > 6 ? 4 : 1) {
				fill(data, sizes[i], kind);
				good = round_trip(data, sizes[i], 1 << 17, level) &&
				       (i < 5 || round_trip(data, sizes[i], 1 + random64() % 20000, level));
			}
		snprintf(what, sizeof(what), "deflate and inflate data of kind %d", kind);
		report(good, what);
	}
}

/* Cut off and damaged streams: an error or other bytes, never more of them than were asked for. */
static void test_damage(void)
{
	static unsigned char data[20000], out[25000];
	struct error err = ERROR_INIT;
	struct text packed = TEXT_INIT;
	void *z = NULL;
	bool good = true;

	fill(data, sizeof(data), WORDS);
	good = !deflate_block(&z, 6, data, sizeof(data), 0, true, &packed, &err);
	deflate_block_free(z);
	for (int i = 0; i < 3000 && good; i++) {
		unsigned char *copy = malloc(packed.len);
		size_t n = i % 3 ? packed.len : random64() % packed.len, left = n, room = sizeof(out) - 100;
		const unsigned char *from = copy;
		unsigned char *to = out;
		struct inflater *u;
		bool end = false;

		memcpy(copy, packed.s, packed.len);
		for (uint64_t k = 0; k < 1 + random64() % 3; k++)
			copy[random64() % packed.len] ^= (unsigned char)(1 << random64() % 8);
		memset(out, 0xa5, sizeof(out));
		if ((good = !inflater_new(&u, i & 1 ? LARGE : 0, &err))) {
			struct error why = ERROR_INIT;

			while (!end && room) {
				size_t had = left, was = room;

				if (inflater_run(u, &from, &left, &to, &room, &end, &why) ||
				    (left == had && room == was))
					break;
			}
			good = left <= n && room <= sizeof(out) - 100 && out[sizeof(out) - 100] == 0xa5 &&
			       out[sizeof(out) - 1] == 0xa5;
			inflater_free(u);
		}
		free(copy);
	}
	text_release(&packed);
	report(good, "damaged streams");
}

static int invert(const void *arg, struct crew_block *b, struct error *err)
{
	const int64_t *fails = *(const int64_t *const *)arg;

	if (b->start == *fails)
		return error_set(err, ERR_VALUE, "block %d", (int)b->start);
	/* Each byte with the one 3 places before it: blocks see what is in front of them. */
	for (size_t i = 0; i < b->n; i++)
		text_char(&b->out, (char)(b->in[i] ^ (i + b->before < 3 ? 0 : b->in[(ptrdiff_t)i - 3])));
	return 0;
}

struct crew_result {
	const int64_t *fails;
	struct text got;
};

static int collect(void *arg, const void *buf, size_t n, struct error *err)
{
	(void)err;
	text_add_n(&((struct crew_result *)arg)->got, buf, n);
	return 0;
}

static void test_crew(void)
{
	static unsigned char data[100000];
	int64_t never = -1, fails = 64 * 700;
	bool good = true;

	fill(data, sizeof(data), NOISE);
	for (int threads = 1; threads <= 5 && good; threads++)
		for (size_t n = 0; n <= sizeof(data) && good; n += n < 130 ? 1 : 33290) {
			struct crew_result r = { &never, TEXT_INIT };
			const struct crew_job job = { 64, 3, invert, collect, NULL, &r };
			struct error err = ERROR_INIT;
			struct crew *c;

			engine_set_threads(threads);
			good = !crew_new(&c, &job, &err);
			for (size_t at = 0, k; at < n && good; at += k) {
				k = 1 + random64() % 200 < n - at ? 1 + random64() % 200 : n - at;
				k = k < n - at ? k : n - at;
				good = !crew_write(c, data + at, k, &err);
			}
			good = good && !crew_finish(c, &err) && r.got.len == n;
			for (size_t i = 0; i < n && good; i++)
				good = (unsigned char)r.got.s[i] == (data[i] ^ (i < 3 ? 0 : data[i - 3]));
			crew_free(c);
			text_release(&r.got);
		}
	report(good, "a crew makes the same of a stream, whatever the number of threads");

	for (int threads = 1; threads <= 3 && good; threads++) {
		struct crew_result r = { &fails, TEXT_INIT };
		const struct crew_job job = { 64, 3, invert, collect, NULL, &r };
		struct error err = ERROR_INIT;
		struct crew *c;

		engine_set_threads(threads);
		good = !crew_new(&c, &job, &err) && (crew_write(c, data, sizeof(data), &err) || crew_finish(c, &err)) &&
		       err.code == ERR_VALUE && !strcmp(err.text, "block 44800");
		crew_free(c);
		text_release(&r.got);
	}
	report(good, "a block that fails");
}

int main(void)
{
	test_crc32();
	test_deflate();
	test_damage();
	test_crew();
	printf("1..%d\n", tests);
	return failures != 0;
}
