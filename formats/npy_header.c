/*
 * The header of npy: a magic, a version, a length and a Python dict, read by a tokenizer that knows just the literals
 * that a dict of this format needs.  Source: NEP 1, numpy/lib/_format_impl.py of NumPy 2.4.
 */
#include "formats/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

enum {
	HEADER_MAX = 1 << 20, /* bytes; NumPy's own limit is 10,000 */
	NESTING_MAX = 64,
	ALIGNMENT = 64,
	GROWTH_DIGITS = 21, /* NumPy leaves room for the length of the axis that may grow to become this long */
};

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

bool npy_probe(const unsigned char *head, size_t n)
{
	return n >= NPY_MAGIC && !memcmp(head, "\x93NUMPY", NPY_MAGIC);
}

/* The types there are: the spelling in a descr, without the byte order. */
static const struct {
	const char *code;
	enum dtype dtype;
} codes[] = {
	{ "b1", DT_BOOL }, { "i1", DT_I8 },  { "u1", DT_U8 },  { "i2", DT_I16 },   { "u2", DT_U16 },
	{ "i4", DT_I32 },  { "u4", DT_U32 }, { "i8", DT_I64 }, { "u8", DT_U64 },   { "f2", DT_F16 },
	{ "f4", DT_F32 },  { "f8", DT_F64 }, { "c8", DT_C64 }, { "c16", DT_C128 },
};

/* Types that NumPy has no code for: written by name, read by NumPy once ml_dtypes is imported. */
static const struct {
	const char *name;
	enum dtype dtype;
} named[] = {
	{ "bfloat16", DT_BF16 },
	{ "float8_e4m3fn", DT_F8E4M3 },
	{ "float8_e5m2", DT_F8E5M2 },
};

/* Types that exist but that nothing is computed with: kind, sizes, what they are. */
static const struct {
	char kind;
	int least, most; /* the number that may follow the kind */
	int unit;	 /* bytes for each of it; 0: the items are not in the file as such */
	const char *what;
} others[] = {
	{ 'f', 1, 1, 1, "ml_dtypes writes float8_e5m2 like this; read it with --as float8_e5m2" },
	{ 'f', 12, 12, 1, "long double, which is not supported" },
	{ 'f', 16, 16, 1, "long double, which is not supported" },
	{ 'c', 4, 4, 1, "ml_dtypes writes complex32 like this, which is not supported" },
	{ 'c', 24, 24, 1, "complex long double, which is not supported" },
	{ 'c', 32, 32, 1, "complex long double, which is not supported" },
	{ 'g', 2, 2, 1, "old versions of bfloat16 packages write it like this; read it with --as bfloat16" },
	{ 'M', 8, 8, 1, "dates, which are not supported; read them with --as int64" },
	{ 'm', 8, 8, 1, "time spans, which are not supported; read them with --as int64" },
	{ 'U', 0, 1 << 28, 4, "text, which is not supported" },
	{ 'S', 0, 1 << 30, 1, "text, which is not supported" },
	{ 'a', 0, 1 << 30, 1, "text, which is not supported" },
	{ 'V', 0, 1 << 30, 1,
	  "bytes without a meaning; say which with 'tensor convert --as', such as --as bfloat16 for two bytes" },
	{ 'O', 8, 8, 0, "an object array is a Python pickle, which is never read" },
	{ 'O', 4, 4, 0, "an object array is a Python pickle, which is never read" },
};

/* Decimal digits alone, without leading zeros; -1 if it is none or above limit. */
static int64_t plain_number(const char *s, size_t n, int64_t limit)
{
	int64_t v = 0;

	if (!n || (n > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || v > (limit - (s[i] - '0')) / 10)
			return -1;
		v = 10 * v + (s[i] - '0');
	}
	return v;
}

/* The unit of a date: [ns], [25us], with the names of numpy.datetime64. */
static bool is_date_unit(const char *s)
{
	static const char *const units[] = { "Y",  "M",	 "W",  "D",  "h",  "m",	 "s",
					     "ms", "us", "ns", "ps", "fs", "as", "generic" };
	size_t n = strlen(s);

	if (!n)
		return true;
	if (n < 3 || s[0] != '[' || s[n - 1] != ']')
		return false;
	s++;
	n -= 2;

	size_t digits = strspn(s, "0123456789");
	if (digits && plain_number(s, digits, INT32_MAX) < 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (n - digits == strlen(units[i]) && !memcmp(s + digits, units[i], n - digits))
			return true;
	return false;
}

/* The row of others for a code without byte order, or -1; *size is the item's. */
static int find_other(const char *code, int64_t *size)
{
	size_t digits = *code ? strspn(code + 1, "0123456789") : 0;
	int64_t n;

	if (!strcmp(code, "O"))
		code = "O8", digits = 1;
	n = digits ? plain_number(code + 1, digits, INT32_MAX) : -1;
	for (size_t i = 0; n >= 0 && i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i].kind != *code || n < others[i].least || n > others[i].most)
			continue;
		if (*code == 'M' || *code == 'm' ? !is_date_unit(code + 1 + digits) : code[1 + digits] != '\0')
			return -1;
		*size = others[i].unit ? n * others[i].unit : -1;
		return (int)i;
	}
	return -1;
}

static const char *skip_order(const char *descr)
{
	return *descr && strchr("<>=|", *descr) ? descr + 1 : descr;
}

/* What the string h->descr means. */
static int interpret_descr(struct npy_header *h, const struct format_options *opt, struct error *err)
{
	const char *code = skip_order(h->descr);
	bool big = code != h->descr && h->descr[0] == '>';
	bool native = code == h->descr || h->descr[0] == '=' || h->descr[0] == '|';

	h->big_endian = native ? host_big_endian : big;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(codes[i].code, code))
			continue;
		h->supported = true;
		h->dtype = codes[i].dtype;
		goto known;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(named[i].name, h->descr))
			continue;
		h->supported = true;
		h->dtype = named[i].dtype;
		goto known;
	}
	for (int d = 0; d < NDTYPES; d++) {
		if (strcmp(dtype_name((enum dtype)d), h->descr))
			continue;
		h->supported = true;
		h->dtype = (enum dtype)d;
		goto known;
	}
	if (find_other(code, &h->itemsize) < 0)
		return error_set(err, ERR_FILE, "npy header: '%.60s' is no element type", h->descr);
	if (opt->has_as && h->itemsize == (int64_t)dtype_size(opt->as)) {
		h->supported = true;
		h->dtype = opt->as;
		goto known;
	}
	return 0;
known:
	h->itemsize = (int64_t)dtype_size(h->dtype);
	if (dtype_info[h->dtype].swapsize == 1)
		h->big_endian = false;
	return 0;
}

int npy_unsupported(const struct member *m, struct error *err)
{
	int64_t size;

	if (!strcmp(m->descr, "structured"))
		return error_set(err, ERR_FILE,
				 "has a structured dtype (records of several fields), which is not supported");

	int i = find_other(skip_order(m->descr), &size);
	return error_set(err, ERR_FILE, "has elements of type '%.60s': %s", m->descr,
			 i < 0 ? "which is not supported" : others[i].what);
}

/* The rest of the dict; version decides on Python 2's long integers. */
struct parser {
	const char *start, *p, *end;
	int version;
	struct error *err;
};

static int syntax_error(struct parser *ps, const char *expected)
{
	if (ps->p == ps->end)
		return error_set(ps->err, ERR_FILE, "npy header: %s expected where it ends", expected);

	unsigned char c = (unsigned char)*ps->p;
	char found[8];
	snprintf(found, sizeof(found), c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
	return error_set(ps->err, ERR_FILE, "npy header: %s expected at byte %td, found '%s'", expected,
			 ps->p - ps->start, found);
}

static void skip_space(struct parser *ps)
{
	while (ps->p < ps->end) {
		if (*ps->p == '#') /* a comment, as this program itself writes one */
			while (ps->p < ps->end && *ps->p != '\n')
				ps->p++;
		else if (memchr(" \t\n\r\f", *ps->p, 5))
			ps->p++;
		else
			return;
	}
}

static bool accept(struct parser *ps, char c)
{
	skip_space(ps);
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

static int expect(struct parser *ps, char c)
{
	char what[4] = { '\'', c, '\'', '\0' };

	return accept(ps, c) ? 0 : syntax_error(ps, what);
}

/* A string without escapes: none of the strings that mean something here needs one. */
static int parse_string(struct parser *ps, const char **s, size_t *n)
{
	skip_space(ps);
	if (ps->end - ps->p >= 2 && (*ps->p == 'u' || *ps->p == 'U') && (ps->p[1] == '\'' || ps->p[1] == '"'))
		ps->p++;
	if (ps->p == ps->end || (*ps->p != '\'' && *ps->p != '"'))
		return syntax_error(ps, "a string");

	char quote = *ps->p++;
	*s = ps->p;
	while (ps->p < ps->end && *ps->p != quote && *ps->p != '\\' && *ps->p != '\n' && *ps->p)
		ps->p++;
	if (ps->p == ps->end || *ps->p != quote)
		return syntax_error(ps, quote == '"' ? "'\"'" : "\"'\"");
	*n = (size_t)(ps->p - *s);
	ps->p++;
	return 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool accept_word(struct parser *ps, const char *word)
{
	size_t n = strlen(word);

	skip_space(ps);
	if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, word, n) || (ps->p + n < ps->end && is_word(ps->p[n])))
		return false;
	ps->p += n;
	return true;
}

static int parse_order(struct parser *ps, bool *fortran)
{
	*fortran = accept_word(ps, "True");
	if (*fortran || accept_word(ps, "False"))
		return 0;
	return syntax_error(ps, "True or False");
}

static int parse_dim(struct parser *ps, int64_t *dim)
{
	const char *s = ps->p;

	if (s < ps->end && *s == '-')
		return error_set(ps->err, ERR_FILE, "npy header: the shape has a negative dimension");
	while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
		ps->p++;

	size_t n = (size_t)(ps->p - s);
	if (!n)
		return syntax_error(ps, "a dimension");
	*dim = plain_number(s, n, INT64_MAX);
	if (*dim < 0)
		return error_set(ps->err, ERR_FILE, "npy header: '%.*s' in the shape is no dimension",
				 n < 40 ? (int)n : 40, s);
	if (ps->p < ps->end && *ps->p == 'L' && ps->version < 3)
		ps->p++;
	if (ps->p < ps->end && is_word(*ps->p))
		return syntax_error(ps, "',' or ')'");
	return 0;
}

static int parse_shape(struct parser *ps, struct shape *shape)
{
	bool comma = true;

	shape->ndim = 0;
	if (!accept(ps, '('))
		return syntax_error(ps, "a tuple for the shape");
	while (!accept(ps, ')')) {
		if (!comma)
			return syntax_error(ps, "',' or ')'");
		if (shape->ndim == MAX_NDIM)
			return error_set(ps->err, ERR_FILE, "npy header: the shape has more than %d dimensions",
					 MAX_NDIM);
		if (parse_dim(ps, &shape->dim[shape->ndim]))
			return -1;
		shape->ndim++;
		comma = accept(ps, ',');
	}
	if (shape->ndim == 1 && !comma)
		return error_set(ps->err, ERR_FILE, "npy header: the shape is a number, no tuple");
	return 0;
}

/* Skip the description of a structured type: lists, tuples, strings and numbers. */
static int skip_structure(struct parser *ps)
{
	char closing[NESTING_MAX];
	int depth = 0;

	do {
		skip_space(ps);
		if (ps->p == ps->end)
			return syntax_error(ps, "the end of the element type");

		char c = *ps->p;
		if (c == '[' || c == '(') {
			if (depth == NESTING_MAX)
				return error_set(ps->err, ERR_FILE,
						 "npy header: the element type is nested too deeply");
			closing[depth++] = c == '[' ? ']' : ')';
			ps->p++;
		} else if (c == ']' || c == ')') {
			if (closing[--depth] != c)
				return syntax_error(ps, closing[depth] == ']' ? "']'" : "')'");
			ps->p++;
		} else if (c == '\'' || c == '"' || c == 'u' || c == 'U') {
			const char *s;
			size_t n;

			if (parse_string(ps, &s, &n))
				return -1;
		} else if (c == ',' || c == 'L' || (c >= '0' && c <= '9')) {
			ps->p++;
		} else {
			return syntax_error(ps, "a part of the element type");
		}
	} while (depth);
	return 0;
}

static int parse_descr(struct parser *ps, struct npy_header *h, const struct format_options *opt)
{
	const char *s = "structured";
	size_t n = strlen(s);
	bool simple;

	skip_space(ps);
	simple = ps->p == ps->end || (*ps->p != '[' && *ps->p != '(');
	if (simple ? parse_string(ps, &s, &n) : skip_structure(ps))
		return -1;
	if (!(h->descr = malloc(n + 1)))
		return error_memory(ps->err, n + 1);
	memcpy(h->descr, s, n);
	h->descr[n] = '\0';
	h->itemsize = -1;
	return simple ? interpret_descr(h, opt, ps->err) : 0;
}

/* The comment that says which node of which graph the array is. */
static void read_tag(const struct parser *ps, char tag[NPY_TAG])
{
	static const char start[] = "# tensor: ";
	size_t n = sizeof(start) - 1, len = 0;
	const char *s = ps->p;

	while (s < ps->end && *s == ' ')
		s++;
	if (ps->end - s > (ptrdiff_t)n && !memcmp(s, start, n))
		for (s += 2; s + len < ps->end && len < NPY_TAG - 1 && s[len] >= ' ' && s[len] < 0x7f; len++)
			tag[len] = s[len];
	while (len && tag[len - 1] == ' ')
		len--;
	tag[len] = '\0';
}

static int parse_dict(struct parser *ps, struct npy_header *h, const struct format_options *opt)
{
	static const char *const keys[] = { "descr", "fortran_order", "shape" };
	bool seen[3] = { false };
	bool comma = true;

	if (expect(ps, '{'))
		return -1;
	while (!accept(ps, '}')) {
		const char *s;
		size_t n;
		int key = 0;

		if (!comma)
			return syntax_error(ps, "',' or '}'");
		if (parse_string(ps, &s, &n))
			return -1;
		while (key < 3 && (n != strlen(keys[key]) || memcmp(s, keys[key], n)))
			key++;
		if (key == 3)
			return error_set(ps->err, ERR_FILE, "npy header: unknown key '%.*s'", n < 60 ? (int)n : 60, s);
		if (seen[key])
			return error_set(ps->err, ERR_FILE, "npy header: '%s' is there twice", keys[key]);
		seen[key] = true;
		if (expect(ps, ':'))
			return -1;
		if (key == 0   ? parse_descr(ps, h, opt)
		    : key == 1 ? parse_order(ps, &h->fortran)
			       : parse_shape(ps, &h->shape))
			return -1;
		comma = accept(ps, ',');
	}
	for (int key = 0; key < 3; key++)
		if (!seen[key])
			return error_set(ps->err, ERR_FILE, "npy header: '%s' is missing", keys[key]);
	read_tag(ps, h->tag);
	skip_space(ps);
	return ps->p == ps->end ? 0 : syntax_error(ps, "nothing more");
}

/* The product of the dimensions that are not 0 must fit: strides are computed from it. */
static int check_size(struct npy_header *h, struct error *err)
{
	int64_t n = h->itemsize > 0 ? h->itemsize : 1;
	bool empty = h->itemsize == 0;
	char text[SHAPE_TEXT];

	for (int i = 0; i < h->shape.ndim; i++) {
		if (!h->shape.dim[i])
			empty = true;
		else if (__builtin_mul_overflow(n, h->shape.dim[i], &n))
			return error_set(err, ERR_FILE, "npy header: the size of shape %s does not fit in 64 bits",
					 shape_text(&h->shape, text, sizeof(text)));
	}
	h->nbytes = h->itemsize < 0 ? -1 : empty ? 0 : n;
	return 0;
}

static int not_npy(const unsigned char *head, size_t n, struct error *err)
{
	struct text t = TEXT_INIT;

	for (size_t i = 0; i < n; i++)
		text_fmt(&t, head[i] >= 0x20 && head[i] < 0x7f ? "%c" : "\\x%02x", head[i]);
	error_set(err, ERR_FILE, "is not an npy file (starts with '%s')", t.s ? t.s : "");
	text_release(&t);
	return -1;
}

int npy_header_read(struct npy_header *h, npy_read_fn *read, void *from, int64_t available,
		    const struct format_options *opt, struct error *err)
{
	unsigned char head[NPY_MAGIC + 2 + 4];
	size_t magic = available >= 0 && available < NPY_MAGIC + 2 ? (size_t)available : NPY_MAGIC + 2;

	memset(h, 0, sizeof(*h));
	if (read(from, head, magic, err))
		return -1;
	if (!npy_probe(head, magic))
		return not_npy(head, magic, err);
	if (magic < NPY_MAGIC + 2)
		return error_set(err, ERR_FILE, "ends within the npy header");

	int version = head[6];
	if (version < 1 || version > 3 || head[7])
		return error_set(err, ERR_FILE, "is npy version %d.%d; there are 1.0, 2.0 and 3.0", head[6], head[7]);

	size_t width = version == 1 ? 2 : 4;
	if (available >= 0 && available < (int64_t)(magic + width))
		return error_set(err, ERR_FILE, "ends within the npy header");
	if (read(from, head + magic, width, err))
		return -1;

	uint32_t length = 0;
	for (size_t i = width; i--;)
		length = length << 8 | head[magic + i];
	h->header_bytes = (int64_t)(magic + width) + length;
	if (available >= 0 && h->header_bytes > available)
		return error_set(err, ERR_FILE,
				 "ends within the npy header: %" PRIu32 " bytes of it expected, %" PRId64 " there",
				 length, available - (int64_t)(magic + width));
	if (length > HEADER_MAX)
		return error_set(err, ERR_FILE, "has an npy header of %" PRIu32 " bytes; the limit is %d", length,
				 HEADER_MAX);

	char *text = malloc((size_t)length + 1);
	if (!text)
		return error_memory(err, (size_t)length + 1);
	struct parser ps = { text, text, text + length, version, err };
	int ret = read(from, text, length, err);
	/* 1.0 and 2.0 are Latin-1, where every byte is a character. */
	if (!ret && version == 3 && !utf8_valid((unsigned char *)text, length))
		ret = error_set(err, ERR_FILE, "npy header: is not UTF-8, as version 3.0 has to be");
	if (!ret)
		ret = parse_dict(&ps, h, opt) || check_size(h, err) ? -1 : 0;
	free(text);
	return ret;
}

void npy_header_release(struct npy_header *h)
{
	free(h->descr);
	h->descr = NULL;
}

void npy_header_member(struct npy_header *h, struct member *m)
{
	m->supported = h->supported;
	free(m->descr);
	m->descr = h->descr;
	h->descr = NULL;
	m->dtype = h->dtype;
	m->fortran = h->fortran;
	m->big_endian = h->big_endian;
	m->shape = h->shape;
	m->nbytes = h->nbytes;
	memcpy(m->tag, h->tag, sizeof(m->tag));
}

int npy_truncated(const struct npy_header *h, int64_t have, struct error *err)
{
	char text[SHAPE_TEXT];

	return error_set(err, ERR_FILE, "data ends after %" PRId64 " bytes, %" PRId64 " expected (shape %s, %.60s)",
			 have, h->nbytes, shape_text(&h->shape, text, sizeof(text)),
			 h->supported ? dtype_name(h->dtype) : h->descr);
}

void npy_describe(const struct member *m, int64_t offset, struct array *out)
{
	out->dtype = m->dtype;
	out->swap = m->big_endian != host_big_endian && dtype_info[m->dtype].swapsize > 1;
	out->shape = m->shape;
	shape_strides(&m->shape, dtype_size(m->dtype), m->fortran, out->strides);
	out->offset = offset;
}

/* Is Fortran order another order than C's for this shape? */
static bool order_matters(const struct shape *shape)
{
	int longer = 0;

	for (int i = 0; i < shape->ndim; i++) {
		if (!shape->dim[i])
			return false;
		longer += shape->dim[i] > 1;
	}
	return longer > 1;
}

static void descr_text(struct text *t, enum dtype dtype)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (named[i].dtype == dtype)
			text_add(t, named[i].name);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].dtype == dtype)
			text_fmt(t, "%c%s",
				 dtype_info[dtype].swapsize == 1 ? '|'
				 : host_big_endian		 ? '>'
								 : '<',
				 codes[i].code);
}

void npy_header_text(struct text *t, enum dtype dtype, const struct shape *shape, bool fortran, const char *tag)
{
	struct text dict = TEXT_INIT;
	char text[MAX_NDIM * 22 + 8];

	fortran = fortran && order_matters(shape);
	text_add(&dict, "{'descr': '");
	descr_text(&dict, dtype);
	text_fmt(&dict, "', 'fortran_order': %s, 'shape': %s, }", fortran ? "True" : "False",
		 shape_text(shape, text, sizeof(text)));
	if (shape->ndim) {
		int digits = snprintf(text, sizeof(text), "%" PRId64, shape->dim[fortran ? shape->ndim - 1 : 0]);

		for (; digits < GROWTH_DIGITS; digits++)
			text_char(&dict, ' ');
	}

	if (*tag)
		text_fmt(&dict, " # %s", tag);
	/* Blanks, then a newline, to a multiple of 64; at least one blank, as NumPy computes it. */
	size_t fixed = NPY_MAGIC + 2 + 2;
	for (size_t pad = ALIGNMENT - (fixed + dict.len + 1) % ALIGNMENT; pad; pad--)
		text_char(&dict, ' ');
	text_char(&dict, '\n');

	/* 64 dimensions of 20 digits are far from the 65,535 bytes of version 1.0. */
	text_add_n(t, "\x93NUMPY\x01\x00", NPY_MAGIC + 2);
	text_char(t, (char)(dict.len & 0xff));
	text_char(t, (char)(dict.len >> 8));
	text_add_n(t, dict.s ? dict.s : "", dict.len);
	t->failed = t->failed || dict.failed;
	text_release(&dict);
}
