/* Numbers as text and text as numbers: see number.h. */
#include "number.h"

#include <math.h>
#include <string.h>

#include "decimal.h"
#include "kernels.h"

/* == to text == */

static int put(char *buf, const char *s)
{
	size_t n = strlen(s);

	memcpy(buf, s, n);
	return (int)n;
}

/* float.__repr__ of Python, or with whole a part of complex.__repr__: "1", not "1.0". */
static int put_float(char *buf, enum dtype d, const void *p, bool whole)
{
	struct binary b;
	struct decimal dec;
	int n = 0;

	binary_split(&b, d, p);
	if (b.class == FLOAT_NAN)
		return put(buf, "nan");
	if (b.negative)
		buf[n++] = '-';
	if (b.class == FLOAT_INF)
		return n + put(buf + n, "inf");

	decimal_shortest(&dec, &b);
	return n + decimal_put(buf + n, &dec, dec.point > 16 || dec.point < -3, whole);
}

/* As Python: no real part where it is +0, parentheses where there is one. */
static int put_complex(char *buf, enum dtype d, const void *p)
{
	enum dtype part = dtype_real(d);
	const unsigned char *re = p, *im = re + dtype_size(part);
	struct binary b;
	int n = 0;

	binary_split(&b, part, re);
	bool pure = b.class == FLOAT_FINITE && !b.significand && !b.negative;
	binary_split(&b, part, im);
	if (!pure) {
		buf[n++] = '(';
		n += put_float(buf + n, part, re, true);
		if (!b.negative || b.class == FLOAT_NAN)
			buf[n++] = '+';
	}
	n += put_float(buf + n, part, im, true);
	buf[n++] = 'j';
	if (!pure)
		buf[n++] = ')';
	return n;
}

static int put_int(char *buf, enum dtype d, const void *p)
{
	size_t size = dtype_size(d);
	uint64_t u = 0;
	int n = 0;

	if (size == 8) {
		memcpy(&u, p, 8);
	} else if (size == 4) {
		uint32_t v;
		memcpy(&v, p, 4);
		u = v;
	} else if (size == 2) {
		uint16_t v;
		memcpy(&v, p, 2);
		u = v;
	} else {
		u = *(const unsigned char *)p;
	}
	if (dtype_info[d].kind == 'i' && u >> (8 * size - 1) & 1) {
		buf[n++] = '-';
		u = -u & (UINT64_MAX >> (64 - 8 * size));
	}
	return n + decimal_uint(buf + n, u, 1);
}

int number_repr(char buf[NUMBER_TEXT], enum dtype d, const void *p)
{
	int n;

	if (d == DT_BOOL)
		n = put(buf, *(const unsigned char *)p ? "True" : "False");
	else if (dtype_is_int(d))
		n = put_int(buf, d, p);
	else if (dtype_is_complex(d))
		n = put_complex(buf, d, p);
	else
		n = put_float(buf, d, p, false);
	buf[n] = '\0';
	return n;
}

/* == from text == */

/* ASCII only: isalpha and tolower depend on the locale. */
static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Length of word at s, in any case and ended there, or 0. */
static size_t scan_word(const char *s, const char *end, const char *word)
{
	size_t n = 0;

	for (; word[n]; n++) {
		if (s + n == end)
			return 0;

		char c = s[n] >= 'A' && s[n] <= 'Z' ? (char)(s[n] + 32) : s[n];
		if (c != word[n])
			return 0;
	}
	return n;
}

/* A real number without a sign: digits, inf, infinity, nan.  *word is set for the last three. */
static size_t scan_real(struct decimal_number *out, const char *s, const char *end, bool *word)
{
	size_t n;

	*word = false;
	n = decimal_scan(out, s, end);
	if (n)
		return n;

	*out = (struct decimal_number){ .value = INFINITY };
	*word = true;
	if ((n = scan_word(s, end, "infinity")) || (n = scan_word(s, end, "inf")))
		return n;
	out->value = NAN;
	return scan_word(s, end, "nan");
}

static void scalar_set(struct scalar *out, const struct decimal_number *v, bool negative)
{
	*out = (struct scalar){
		.kind = v->integer ? SCALAR_INT : SCALAR_FLOAT,
		.re = negative ? -v->value : v->value,
	};
	if (v->integer) {
		out->huge = v->huge;
		out->magnitude = v->huge ? UINT64_MAX : v->magnitude;
		out->negative = negative && out->magnitude;
		if (!out->magnitude)
			out->re = 0; /* -0 is an integer: 0 */
	}
}

/* True and true, but not TRUE: the spellings of Python, C and JSON. */
static size_t scan_bool(struct scalar *out, const char *s, const char *end)
{
	static const struct {
		const char *text;
		bool value;
	} word[] = { { "true", true }, { "True", true }, { "false", false }, { "False", false } };

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		size_t n = strlen(word[i].text);

		if ((size_t)(end - s) >= n && !memcmp(s, word[i].text, n)) {
			*out = (struct scalar){ .kind = SCALAR_BOOL, .magnitude = word[i].value, .re = word[i].value };
			return n;
		}
	}
	return 0;
}

size_t scalar_scan(struct scalar *out, const char *text)
{
	const char *end = text + strlen(text);
	struct decimal_number v;
	bool word;
	size_t n = scan_bool(out, text, end);

	if (n)
		return is_word(text[n]) ? 0 : n;
	n = scan_real(&v, text, end, &word);
	if (!n)
		return 0;
	if (text[n] == 'j' && !is_word(text[n + 1])) {
		*out = (struct scalar){ .kind = SCALAR_COMPLEX, .im = v.value };
		return n + 1;
	}
	if (word && is_word(text[n]))
		return 0;
	scalar_set(out, &v, false);
	return n;
}

bool scalar_parse(struct scalar *out, const char *text, size_t n)
{
	const char *s = text, *end = text + n;
	struct decimal_number first, second;
	bool word;

	if (n && scan_bool(out, s, end) == n)
		return true;

	bool negative = s < end && *s == '-';
	s += s < end && (*s == '-' || *s == '+');
	size_t used = scan_real(&first, s, end, &word);
	if (!used)
		return false;
	s += used;
	if (s == end) {
		scalar_set(out, &first, negative);
		return true;
	}
	if (s + 1 == end && *s == 'j') {
		*out = (struct scalar){ .kind = SCALAR_COMPLEX, .im = negative ? -first.value : first.value };
		return true;
	}
	if (*s != '+' && *s != '-')
		return false;

	bool minus = *s++ == '-';
	used = scan_real(&second, s, end, &word);
	if (!used || s + used + 1 != end || s[used] != 'j')
		return false;
	*out = (struct scalar){
		.kind = SCALAR_COMPLEX,
		.re = negative ? -first.value : first.value,
		.im = minus ? -second.value : second.value,
	};
	return true;
}

/* == as elements == */

bool scalar_fits(const struct scalar *s, enum dtype d)
{
	if (s->kind != SCALAR_INT || !dtype_is_int(d))
		return true;
	if (s->huge)
		return false;

	int bits = 8 * (int)dtype_size(d);
	if (dtype_info[d].kind == 'u')
		return !s->negative && s->magnitude <= UINT64_MAX >> (64 - bits);

	uint64_t max = UINT64_MAX >> (65 - bits);
	return s->magnitude <= (s->negative ? max + 1 : max);
}

void scalar_store(const struct scalar *s, enum dtype d, void *p)
{
	if (s->kind == SCALAR_BOOL) {
		unsigned char v = s->magnitude != 0;

		cast_one(d, p, DT_BOOL, &v);
	} else if (s->kind == SCALAR_COMPLEX) {
		double v[2] = { s->re, s->im };

		cast_one(d, p, DT_C128, v);
	} else if (s->kind == SCALAR_FLOAT || s->huge) {
		cast_one(d, p, DT_F64, &s->re);
	} else if (s->negative && dtype_is_int(d)) {
		uint64_t v = -s->magnitude; /* the low bits are the same for all integer types */

		cast_one(d, p, DT_U64, &v);
	} else if (s->negative && s->magnitude > UINT64_C(1) << 63) {
		cast_one(d, p, DT_F64, &s->re);
	} else if (s->negative) {
		int64_t v = (int64_t)-s->magnitude;

		cast_one(d, p, DT_I64, &v);
	} else {
		cast_one(d, p, DT_U64, &s->magnitude);
	}
}
