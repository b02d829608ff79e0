/* Decimal digits: see decimal.h. */
#include "decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pow10.h"

__extension__ typedef unsigned __int128 uint128;

/* == taking floats apart == */

/* Bits of the stored significand and of the exponent.  No infinities: the top exponent is one of ordinary numbers. */
struct float_layout {
	int bits, exponent_bits;
	bool finite_only;
};

static struct float_layout float_layout(enum dtype d)
{
	if (d == DT_F64)
		return (struct float_layout){ 52, 11, false };
	if (d == DT_F32)
		return (struct float_layout){ 23, 8, false };
	if (d == DT_F16)
		return (struct float_layout){ 10, 5, false };
	if (d == DT_BF16)
		return (struct float_layout){ 7, 8, false };
	if (d == DT_F8E5M2)
		return (struct float_layout){ 2, 5, false };
	return (struct float_layout){ 3, 4, true }; /* float8_e4m3fn */
}

void binary_split(struct binary *out, enum dtype d, const void *p)
{
	struct float_layout l = float_layout(d);
	uint64_t u = 0;

	if (dtype_size(d) == 8) {
		memcpy(&u, p, 8);
	} else if (dtype_size(d) == 4) {
		uint32_t v;
		memcpy(&v, p, 4);
		u = v;
	} else if (dtype_size(d) == 2) {
		uint16_t v;
		memcpy(&v, p, 2);
		u = v;
	} else {
		u = *(const unsigned char *)p;
	}

	int top = (1 << l.exponent_bits) - 1, bias = top / 2;
	int e = (int)(u >> l.bits) & top;
	uint64_t m = u & ((UINT64_C(1) << l.bits) - 1);

	*out = (struct binary){ .negative = u >> (l.bits + l.exponent_bits) & 1 };
	if (l.finite_only ? e == top && m == (UINT64_C(1) << l.bits) - 1 : e == top) {
		out->class = m ? FLOAT_NAN : FLOAT_INF;
		return;
	}
	out->power = m == 0 && e > 1;
	out->significand = e ? m | UINT64_C(1) << l.bits : m;
	out->exponent = (e ? e : 1) - bias - l.bits;
}

double binary_value(const struct binary *b)
{
	if (b->class == FLOAT_NAN)
		return NAN;
	if (b->class == FLOAT_INF)
		return INFINITY;
	return ldexp((double)b->significand, b->exponent);
}

/* == digits of a float == */

static const char two_digits[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				 "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				 "8081828384858687888990919293949596979899";

int decimal_uint(char *buf, uint64_t v, int min)
{
	char tmp[20];
	int i = 20;

	for (; v >= 100; v /= 100)
		memcpy(tmp + (i -= 2), two_digits + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(tmp + (i -= 2), two_digits + 2 * v, 2);
	else
		tmp[--i] = (char)('0' + v);
	while (20 - i < min)
		tmp[--i] = '0';
	memcpy(buf, tmp + i, (size_t)(20 - i));
	return 20 - i;
}

/* v * 10^k */
static void decimal_set(struct decimal *out, uint64_t v, int k)
{
	if (v % 100000000 == 0) {
		v /= 100000000;
		k += 8;
	}
	while (v % 10 == 0) {
		v /= 10;
		k++;
	}
	out->n = decimal_uint(out->digit, v, 1);
	out->point = out->n + k;
}

/*
 * floor(g * c / 2^128) for a 128-bit g, with the lowest bit set if anything was cut off ("round to odd"), which is all that later
 * comparisons need.
 */
static uint64_t multiply_odd(uint64_t hi, uint64_t lo, uint64_t c)
{
	uint128 x = (uint128)lo * c;
	uint128 y = (uint128)hi * c + (uint64_t)(x >> 64);

	return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

void decimal_shortest(struct decimal *out, const struct binary *b)
{
	uint64_t c = b->significand;
	int q = b->exponent;

	if (!c) {
		*out = (struct decimal){ .digit = "0", .n = 1, .point = 1 };
		return;
	}
	/* An integer, borders at most 1/2 away: no other integer, so no other multiple of a power of ten, is between them. */
	if (q <= 0 && q > -53 && !(c & ((UINT64_C(1) << -q) - 1))) {
		decimal_set(out, c >> -q, 0);
		return;
	}

	/*
	 * 4c - 2 or 4c - 1, 4c, 4c + 2: the lower border of the numbers that round to this one, itself, the upper border, in units
	 * of 2^(q-2).  Scaled by 10^-k they are vbl, vb, vbr in units of 1/4; k is such that there is at least one integer and at
	 * most one multiple of ten between the borders.
	 */
	bool even = !(c & 1);
	int k = (q * 1262611 - (b->power ? 524031 : 0)) >> 22; /* floor(log10(2^q)), or of 3/4 of that */
	int h = q + (-k * 1741647 >> 19) + 1;		       /* 1..4: q + floor(log2(10^-k)) + 1 */
	uint64_t hi = pow10_table[-k - POW10_MIN].hi, lo = pow10_table[-k - POW10_MIN].lo;
	uint64_t vbl = multiply_odd(hi, lo, (4 * c - 2 + b->power) << h);
	uint64_t vb = multiply_odd(hi, lo, 4 * c << h);
	uint64_t vbr = multiply_odd(hi, lo, (4 * c + 2) << h);
	uint64_t lower = vbl + !even, upper = vbr - !even; /* the borders themselves round to even */
	uint64_t s = vb / 4;

	if (s >= 10) {
		uint64_t t = s / 10;
		bool below = lower <= 40 * t, above = 40 * t + 40 <= upper;

		if (below != above) {
			decimal_set(out, t + above, k + 1);
			return;
		}
	}

	bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
	uint64_t middle = 4 * s + 2;
	bool up = below != above ? above : vb > middle || (vb == middle && (s & 1));
	decimal_set(out, s + up, k);
}

void decimal_rounded(struct decimal *out, const struct binary *b, int n)
{
	char buf[64];

	/* glibc and musl print the exact value; whatever the locale has for a point is skipped. */
	int len = snprintf(buf, sizeof(buf), "%.*e", n - 1, binary_value(b));
	int i = 0, k = 0;
	for (; i < len && buf[i] != 'e'; i++)
		if (buf[i] >= '0' && buf[i] <= '9' && k < DECIMAL_DIGITS)
			out->digit[k++] = buf[i];
	out->n = k;
	out->point = b->significand ? atoi(buf + i + 1) + 1 : 1;
}

int decimal_put(char *buf, const struct decimal *dec, bool exponent, bool whole)
{
	char *p = buf;
	int before = exponent ? 1 : dec->point; /* digits before the point */

	if (before <= 0) {
		*p++ = '0';
		*p++ = '.';
		memset(p, '0', (size_t)-before);
		memcpy(p - before, dec->digit, (size_t)dec->n);
		return (int)(p - buf) - before + dec->n;
	}
	if (dec->n > before) {
		memcpy(p, dec->digit, (size_t)before);
		p[before] = '.';
		memcpy(p + before + 1, dec->digit + before, (size_t)(dec->n - before));
		p += dec->n + 1;
	} else {
		memcpy(p, dec->digit, (size_t)dec->n);
		memset(p + dec->n, '0', (size_t)(before - dec->n));
		p += before;
		if (!exponent && !whole) {
			*p++ = '.';
			*p++ = '0';
		}
	}
	if (exponent) {
		int e = dec->point - 1;

		*p++ = 'e';
		*p++ = e < 0 ? '-' : '+';
		p += decimal_uint(p, (uint64_t)(e < 0 ? -e : e), 2);
	}
	return (int)(p - buf);
}

/* == text to float == */

/* w * 10^e, correctly rounded, for w != 0.  False if that needs more precision than there is here. */
static bool scale_exact(double *out, uint64_t w, int e)
{
	static const double small[] = { 1e0,  1e1,  1e2,  1e3,	1e4,  1e5,  1e6,  1e7,	1e8,  1e9,  1e10, 1e11,
					1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

	/* Both exact in double: one operation, one rounding. */
	if (w <= UINT64_C(1) << 53 && e >= -22 && e <= 22) {
		*out = e < 0 ? (double)w / small[-e] : (double)w * small[e];
		return true;
	}
	if (e < POW10_MIN || e > 308) {
		*out = e > 0 ? INFINITY : 0; /* w < 2^64: below half of the smallest number */
		return true;
	}

	/* The true product and u * 2^64 differ by less than 2^64: g is too large by less than 1, w is below 2^64. */
	int shift = __builtin_clzll(w);
	uint64_t hi = pow10_table[e - POW10_MIN].hi, lo = pow10_table[e - POW10_MIN].lo;
	uint128 x = (uint128)(w << shift) * lo;
	uint128 u = (uint128)(w << shift) * hi + (uint64_t)(x >> 64);
	int extra = u >> 127 ? 75 : 74; /* bits of u below the 53 of the result */
	uint128 rest = u & (((uint128)1 << extra) - 1), half = (uint128)1 << (extra - 1);
	uint64_t m = (uint64_t)(u >> extra);
	/* u * 2^64 * 2^(b - 127 - shift) = m * 2^exponent */
	int exponent = extra + 64 + (e * 1741647 >> 19) - 127 - shift;

	if (exponent < -1074)
		return false; /* subnormal: fewer bits to round to */
	if (rest == half) {
		if (e < 0 || e > 55)
			return false;
		m += (uint64_t)x ? 1 : m & 1;
	} else {
		m += rest > half;
	}
	if (exponent > 971) {
		*out = INFINITY;
		return true;
	}
	/* The leading bit of m, and a carry out of it, add to the exponent; from its top value to infinity, too. */
	uint64_t bits = ((uint64_t)(exponent + 1074) << 52) + m;
	memcpy(out, &bits, sizeof(bits));
	return true;
}

/* The same through strtod, from the text: digits only and no point, so that the locale does not matter. */
static double scale_text(const char *s, const char *end, int64_t exponent)
{
	enum { KEEP = 800 }; /* 768 digits and whether more follow decide every rounding */
	char buf[KEEP + 40];
	int n = 0;
	bool sticky = false, point = false;

	for (; s < end && (*s == '.' || (*s >= '0' && *s <= '9')); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		if (n < KEEP) {
			if (n || *s != '0')
				buf[n++] = *s;
			exponent -= point;
		} else {
			sticky |= *s != '0';
			exponent += !point;
		}
	}
	if (sticky) {
		buf[n++] = '1';
		exponent--;
	}
	if (!n)
		return 0;
	if (exponent > 99999)
		exponent = 99999;
	if (exponent < -99999)
		exponent = -99999;
	snprintf(buf + n, sizeof(buf) - (size_t)n, "e%d", (int)exponent);
	return strtod(buf, NULL);
}

static inline bool is_digit(const char *s, const char *end)
{
	return s < end && (unsigned char)(*s - '0') < 10;
}

/*
 * Append the digits at s to *w, eight at a time where the bytes of a word in memory ascend with its value.  The result is modulo 2^64.
 */
static inline const char *scan_digits(uint64_t *w, const char *s, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - s >= 8) {
		uint64_t v;

		memcpy(&v, s, 8);
		/* 0x30 .. 0x39: the high halves are 3, also with 6 added. */
		if (((v & 0xf0f0f0f0f0f0f0f0) | ((v + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4) !=
		    0x3333333333333333)
			break;
		v = (v & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8; /* pairs: 10 * a + b */
		v = (v & 0x00ff00ff00ff00ff) * 6553601 >> 16;
		v = (v & 0x0000ffff0000ffff) * 42949672960001 >> 32;
		*w = *w * 100000000 + v;
		s += 8;
	}
#endif
	for (; is_digit(s, end); s++)
		*w = *w * 10 + (uint64_t)(*s - '0');
	return s;
}

size_t decimal_scan(struct decimal_number *out, const char *s, const char *end)
{
	const char *start = s, *first = NULL;
	uint64_t w = 0;
	int64_t exponent = 0, written = 0;
	size_t ndigits;

	/* At most 19 digits fit in w; whether there were more is found out afterwards. */
	s = scan_digits(&w, s, end);
	ndigits = (size_t)(s - start);
	out->integer = true;

	if (s < end && *s == '.' && (ndigits || is_digit(s + 1, end))) {
		const char *point = s++;

		s = scan_digits(&w, s, end);
		exponent = -(s - point - 1);
		ndigits += (size_t)(s - point - 1);
		out->integer = false;
	}
	if (!ndigits)
		return 0;

	const char *digits_end = s;
	if (s < end && (*s == 'e' || *s == 'E')) {
		const char *t = s + 1;
		bool negative = t < end && *t == '-';

		t += t < end && (*t == '-' || *t == '+');
		if (is_digit(t, end)) {
			for (; is_digit(t, end); t++)
				if (written < 1000000000)
					written = written * 10 + (*t - '0');
			if (negative)
				written = -written;
			s = t;
			out->integer = false;
		}
	}
	exponent += written;

	out->huge = false;
	if (ndigits > 19) {
		/* Leading zeros do not count. */
		for (first = start; first < digits_end && (*first == '0' || *first == '.'); first++)
			ndigits -= *first == '0';
	}
	if (ndigits > 19) {
		if (out->integer) {
			uint64_t v = 0;

			for (const char *t = first; t < digits_end; t++)
				if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
				    __builtin_add_overflow(v, (uint64_t)(*t - '0'), &v))
					out->huge = true;
			out->magnitude = v;
		}
		if (out->integer && !out->huge)
			out->value = (double)out->magnitude;
		else
			out->value = scale_text(start, digits_end, written);
		return (size_t)(s - start);
	}
	out->magnitude = w;
	if (out->integer || !w) {
		out->value = (double)w;
	} else {
		int e = exponent > 100000 ? 100000 : exponent < -100000 ? -100000 : (int)exponent;

		if (!scale_exact(&out->value, w, e))
			out->value = scale_text(start, digits_end, written);
	}
	return (size_t)(s - start);
}
