/* A strict parser of JSON: see jsontree.h.  Values and strings lie in blocks that are freed together. */
#include "formats/jsontree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

enum {
	DEPTH = 100, /* of nesting; the parser calls itself */
	BLOCK = 64 << 10,
};

enum kind { JSON_OBJECT, JSON_LIST, JSON_STRING, JSON_INTEGER, JSON_OTHER };

struct json {
	enum kind kind;
	const char *key;
	struct json *next;
	union {
		struct json *first; /* object, list */
		const char *text;   /* string */
		int64_t integer;
	} u;
};

struct block {
	struct block *next;
	size_t used, room;
	max_align_t data[];
};

/* What json_free gets: the root comes first. */
struct tree {
	struct json root;
	struct block *blocks;
};

struct parser {
	struct tree *tree;
	const char *text, *p, *end;
	int depth;
	struct error *err;
};

static void *take(struct parser *ps, size_t n)
{
	struct block *b = ps->tree->blocks;

	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!b || b->room - b->used < n) {
		size_t room = n > BLOCK ? n : BLOCK;

		if (!(b = malloc(sizeof(*b) + room))) {
			error_memory(ps->err, room);
			return NULL;
		}
		*b = (struct block){ .next = ps->tree->blocks, .room = room };
		ps->tree->blocks = b;
	}
	b->used += n;
	return (char *)b->data + b->used - n;
}

static int bad(struct parser *ps, const char *what)
{
	return error_set(ps->err, ERR_FILE, "is no valid JSON: %s at byte %td", what, ps->p - ps->text);
}

static void skip_space(struct parser *ps)
{
	while (ps->p < ps->end && memchr(" \t\r\n", *ps->p, 4))
		ps->p++;
}

/* Is c next?  Then step over it. */
static bool accept(struct parser *ps, char c)
{
	skip_space(ps);
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

/* == strings == */

/* The four digits of a \u escape at p, or -1. */
static long hex4(const struct parser *ps, const char *p)
{
	long v = 0;

	if (ps->end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *d = memchr(digits, p[i] | 0x20, 16);

		if (!d)
			return -1;
		v = v * 16 + (d - digits);
	}
	return v;
}

/* The escape after a backslash, as UTF-8. */
static int put_escape(struct parser *ps, char **to)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *which = ps->p < ps->end && *ps->p ? strchr(letters, *ps->p) : NULL;
	char *t = *to;
	long c, low;

	if (which) {
		*t++ = means[which - letters];
		*to = t;
		ps->p++;
		return 0;
	}
	if (ps->p == ps->end || *ps->p != 'u' || (c = hex4(ps, ps->p + 1)) < 0)
		return bad(ps, "an unknown escape");
	if (!c)
		return bad(ps, "a NUL in a string");
	ps->p += 5;
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 && ps->end - ps->p > 6 && ps->p[0] == '\\' && ps->p[1] == 'u' ? hex4(ps, ps->p + 2)
											       : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return bad(ps, "half of a surrogate pair");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		ps->p += 6;
	}
	if (c < 0x80) {
		*t++ = (char)c;
	} else if (c < 0x800) {
		*t++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*t++ = (char)(0xe0 | c >> 12);
		*t++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*t++ = (char)(0xf0 | c >> 18);
		*t++ = (char)(0x80 | (c >> 12 & 0x3f));
		*t++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		*t++ = (char)(0x80 | (c & 0x3f));
	*to = t;
	return 0;
}

/* A string, whose opening quote was read; decoded it is not longer than it is here. */
static int parse_string(struct parser *ps, const char **out)
{
	const char *start = ps->p, *close = start;
	char *s, *t;

	while (close < ps->end && *close != '"')
		close += *close == '\\' && ps->end - close > 1 ? 2 : 1;
	if (close >= ps->end) {
		ps->p = ps->end;
		return bad(ps, "a string without its end");
	}
	if (!utf8_valid((const unsigned char *)start, (size_t)(close - start)))
		return bad(ps, "a string that is not UTF-8");
	if (!(s = t = take(ps, (size_t)(close - start) + 1)))
		return -1;
	while (ps->p < close) {
		unsigned char c = (unsigned char)*ps->p;

		if (c < 0x20)
			return bad(ps, "a control character in a string");
		ps->p++;
		if (c != '\\')
			*t++ = (char)c;
		else if (put_escape(ps, &t))
			return -1;
	}
	*t = '\0';
	*out = s;
	ps->p = close + 1;
	return 0;
}

/* == values == */

static const char *skip_digits(const struct parser *ps, const char *p)
{
	while (p < ps->end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static int parse_number(struct parser *ps, struct json *x)
{
	const char *p = ps->p, *digits;
	bool negative = *p == '-', integer = true;
	int64_t v = 0;

	digits = p += negative;
	p = skip_digits(ps, p);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return bad(ps, "what is no number");
	for (const char *d = digits; d < p && integer; d++)
		integer = !__builtin_mul_overflow(v, 10, &v) &&
			  !__builtin_add_overflow(v, negative ? -(*d - '0') : *d - '0', &v);
	if (p < ps->end && *p == '.') {
		digits = ++p;
		p = skip_digits(ps, p);
		if (p == digits)
			return bad(ps, "what is no number");
		integer = false;
	}
	if (p < ps->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < ps->end && (*p == '-' || *p == '+'))
			p++;
		digits = p;
		p = skip_digits(ps, p);
		if (p == digits)
			return bad(ps, "what is no number");
		integer = false;
	}
	x->kind = integer ? JSON_INTEGER : JSON_OTHER;
	x->u.integer = v;
	ps->p = p;
	return 0;
}

static int parse_value(struct parser *ps, struct json *x);

/* The items behind the opening bracket, up to the closing one. */
static int parse_items(struct parser *ps, struct json *x, char close)
{
	struct json **last = &x->u.first;

	*last = NULL;
	if (++ps->depth > DEPTH)
		return bad(ps, "nesting that is too deep");
	if (accept(ps, close)) {
		ps->depth--;
		return 0;
	}
	do {
		struct json *item = take(ps, sizeof(*item));

		if (!item)
			return -1;
		memset(item, 0, sizeof(*item));
		if (x->kind == JSON_OBJECT) {
			if (!accept(ps, '"'))
				return bad(ps, "no key");
			if (parse_string(ps, &item->key))
				return -1;
			if (!accept(ps, ':'))
				return bad(ps, "no colon");
		}
		if (parse_value(ps, item))
			return -1;
		*last = item;
		last = &item->next;
	} while (accept(ps, ','));
	ps->depth--;
	return accept(ps, close) ? 0 : bad(ps, "no comma and no end of a list or object");
}

static int parse_value(struct parser *ps, struct json *x)
{
	static const char *const words[] = { "true", "false", "null" };

	skip_space(ps);
	if (ps->p == ps->end)
		return bad(ps, "its end");
	switch (*ps->p) {
	case '{':
		ps->p++;
		x->kind = JSON_OBJECT;
		return parse_items(ps, x, '}');
	case '[':
		ps->p++;
		x->kind = JSON_LIST;
		return parse_items(ps, x, ']');
	case '"':
		ps->p++;
		x->kind = JSON_STRING;
		return parse_string(ps, &x->u.text);
	}
	if (*ps->p == '-' || (*ps->p >= '0' && *ps->p <= '9'))
		return parse_number(ps, x);
	x->kind = JSON_OTHER;
	for (int i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(ps->end - ps->p) >= n && !memcmp(ps->p, words[i], n)) {
			ps->p += n;
			return 0;
		}
	}
	return bad(ps, "no value");
}

int json_parse(struct json **out, const char *text, size_t n, struct error *err)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	struct parser ps = { tree, text, text, text + n, 0, err };

	if (!tree)
		return error_memory(err, sizeof(*tree));

	int ret = parse_value(&ps, &tree->root);
	if (!ret) {
		skip_space(&ps);
		if (ps.p < ps.end)
			ret = bad(&ps, "something after it");
	}
	if (ret)
		json_free(&tree->root);
	else
		*out = &tree->root;
	return ret;
}

void json_free(struct json *root)
{
	struct tree *tree = (struct tree *)root;

	if (!tree)
		return;
	for (struct block *b = tree->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(tree);
}

bool json_is_object(const struct json *x)
{
	return x && x->kind == JSON_OBJECT;
}

bool json_is_list(const struct json *x)
{
	return x && x->kind == JSON_LIST;
}

const struct json *json_first(const struct json *x)
{
	return json_is_object(x) || json_is_list(x) ? x->u.first : NULL;
}

const struct json *json_next(const struct json *x)
{
	return x->next;
}

const char *json_key(const struct json *x)
{
	return x->key;
}

const struct json *json_get(const struct json *x, const char *key)
{
	if (!json_is_object(x))
		return NULL;
	for (const struct json *i = x->u.first; i; i = i->next)
		if (!strcmp(i->key, key))
			return i;
	return NULL;
}

const char *json_text(const struct json *x)
{
	return x && x->kind == JSON_STRING ? x->u.text : NULL;
}

bool json_int(const struct json *x, int64_t *out)
{
	if (!x || x->kind != JSON_INTEGER)
		return false;
	*out = x->u.integer;
	return true;
}
