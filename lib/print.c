/* Arrays as text: see print.h.  Source: numpy/_core/arrayprint.py and dragon4.c of NumPy 2.4. */
#include "print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "number.h"

/* How the floats of one array are written: the same width for all. */
struct float_style {
	enum dtype dtype;
	bool exponent;	 /* 1.5e+10 */
	bool plus;	 /* write the sign of positive values, too: imaginary parts */
	int precision;	 /* digits after the point at most; -1: no limit */
	int left, right; /* columns before and after the point */
	int digits;	 /* of the exponent, at least */
};

/* The largest value that an array, and a number alone, may hold to be written without an exponent. */
static double array_cutoff(enum dtype d)
{
	return d == DT_F64 ? 1e8 : d == DT_F32 ? 1e6 : 1e3;
}

static double scalar_cutoff(enum dtype d)
{
	return d == DT_F64 ? 1e16 : d == DT_F32 ? 1e6 : 1e3;
}

/* 0.0001 as NumPy compares with it: a number of the array's own type. */
static double small_cutoff(enum dtype d)
{
	return d == DT_F64 ? 1e-4 : d == DT_F32 ? (double)1e-4f : d == DT_F16 ? 0x1.a38p-14 : 1e-4;
}

/* Is the ratio, computed in the array's type, above 1000? */
static bool ratio_large(enum dtype d, double max, double min)
{
	if (d == DT_F64)
		return max / min > 1000;

	float ratio = (float)max / (float)min;
	return ratio > (d == DT_F16 ? 1000.25f : 1000); /* float16 rounds up to 1000.25 to 1000 */
}

/*
 * More digits than the shortest ones: the exact value rounded.  Only Dragon4 as NumPy has it may round a power of two
 * up although the digits below are nearer: where those, but not these, are below the border to the next smaller float.
 */
static void padded_digits(struct decimal *dec, const struct binary *b, int n)
{
	double x = binary_value(b), unit = ldexp(1, b->exponent);
	char down[40], up[40];
	int k;

	decimal_rounded(dec, b, n);
	if (!b->power)
		return;

	memcpy(down, dec->digit, (size_t)dec->n);
	k = snprintf(down + dec->n, sizeof(down) - (size_t)dec->n, "e%d", dec->point - dec->n) + dec->n;
	double low = strtod(down, NULL);
	if (low >= x || low >= x - unit / 4)
		return;

	memcpy(up, down, (size_t)k + 1);
	for (k = dec->n - 1; k > 0 && up[k] == '9'; k--)
		up[k] = '0';
	up[k]++;
	if (up[k] <= '9' && strtod(up, NULL) <= x + unit / 2)
		memcpy(dec->digit, up, (size_t)dec->n);
}

/* Cut to the digits that are written: the shortest ones where they are few enough, else the exact value rounded. */
static void style_digits(struct decimal *dec, const struct float_style *style, const struct binary *b, bool padded)
{
	decimal_shortest(dec, b);
	if (style->precision < 0)
		return;

	if (style->exponent) {
		int n = style->precision + 1;

		if (dec->n > n)
			decimal_rounded(dec, b, n);
		else if (padded && dec->n < n)
			padded_digits(dec, b, n);
	} else if (dec->n - dec->point > style->precision) {
		int n = dec->point + style->precision;

		if (n >= 1) {
			decimal_rounded(dec, b, n);
		} else {
			/* Below the last digit written: that digit becomes 0 or 1. */
			char buf[400]; /* precision is -point, at most 323 */
			int len = n < 0 ? 0 : snprintf(buf, sizeof(buf), "%.*f", style->precision, binary_value(b));
			bool up = len && buf[len - 1] == '1';

			*dec = (struct decimal){ .digit = "0", .n = 1, .point = 1 };
			if (up)
				*dec = (struct decimal){ .digit = "1", .n = 1, .point = 1 - style->precision };
		}
	}
	if (!padded)
		while (dec->n > 1 && dec->digit[dec->n - 1] == '0')
			dec->n--;
}

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

/* Find the style for n floats, stride bytes apart. */
static void style_init(struct float_style *style, enum dtype d, const unsigned char *data, int64_t n, size_t stride,
		       bool plus, const struct print_options *opt)
{
	double max = 0, min = INFINITY;
	bool any_finite = false, any_special = false, negative_inf = false;
	struct binary b;

	*style = (struct float_style){ .dtype = d,
				       .plus = plus,
				       .precision = opt->precision < 1000 ? opt->precision : -1 };
	for (int64_t i = 0; i < n; i++) {
		binary_split(&b, d, data + (size_t)i * stride);
		if (b.class != FLOAT_FINITE) {
			any_special = true;
			negative_inf |= b.class == FLOAT_INF && b.negative;
			continue;
		}
		any_finite = true;
		if (b.significand) {
			double x = binary_value(&b);

			max = x > max ? x : max;
			min = x < min ? x : min;
		}
	}
	style->exponent = max > 0 && (max >= array_cutoff(d) ||
				      (!opt->suppress_small && (min < small_cutoff(d) || ratio_large(d, max, min))));

	int fraction = 0;
	for (int64_t i = 0; any_finite && i < n; i++) {
		struct decimal dec;

		binary_split(&b, d, data + (size_t)i * stride);
		if (b.class != FLOAT_FINITE)
			continue;
		style_digits(&dec, style, &b, false);

		int before = style->exponent ? 1 : max_int(dec.point, 1);
		int e = style->exponent ? dec.point - 1 : 0;
		style->left = max_int(style->left, before + (b.negative || plus));
		fraction = max_int(fraction, style->exponent ? dec.n - 1 : dec.n - dec.point);
		style->digits = max_int(style->digits, e >= 100 || e <= -100 ? 3 : 2);
	}
	style->right = fraction;
	if (style->exponent) {
		style->precision = fraction;
		style->right += style->digits + 2;
	}
	if (any_special)
		style->left = max_int(style->left, 3 + (plus || negative_inf) - style->right - 1);
}

static void add_blanks(struct text *t, int n)
{
	while (n-- > 0)
		text_char(t, ' ');
}

static void add_zeros(struct text *t, int n)
{
	while (n-- > 0)
		text_char(t, '0');
}

/* Add one float: padded on the left, and where that is asked for on the right. */
static void add_float(struct text *t, const struct float_style *style, const void *p)
{
	struct binary b;
	struct decimal dec;
	const char *sign;

	binary_split(&b, style->dtype, p);
	sign = b.negative && b.class != FLOAT_NAN ? "-" : style->plus ? "+" : "";
	if (b.class != FLOAT_FINITE) {
		add_blanks(t, style->left + style->right + 1 - 3 - (int)strlen(sign));
		text_add(t, sign);
		text_add(t, b.class == FLOAT_NAN ? "nan" : "inf");
		return;
	}

	style_digits(&dec, style, &b, style->exponent);
	int before = style->exponent ? 1 : dec.point;
	add_blanks(t, style->left - max_int(before, 1) - (int)strlen(sign));
	text_add(t, sign);

	int fraction = dec.n - before;
	if (before <= 0) {
		text_add(t, "0.");
		add_zeros(t, -before);
		text_add_n(t, dec.digit, (size_t)dec.n);
	} else if (fraction > 0) {
		text_add_n(t, dec.digit, (size_t)before);
		text_char(t, '.');
		text_add_n(t, dec.digit + before, (size_t)fraction);
	} else {
		text_add_n(t, dec.digit, (size_t)dec.n);
		add_zeros(t, -fraction);
		text_char(t, '.');
		fraction = 0;
	}
	if (!style->exponent) {
		add_blanks(t, style->right - fraction);
		return;
	}

	int e = dec.point - 1;
	char buf[24];
	add_zeros(t, style->precision - fraction);
	text_char(t, 'e');
	text_char(t, e < 0 ? '-' : '+');
	text_add_n(t, buf, (size_t)decimal_uint(buf, (uint64_t)(e < 0 ? -e : e), style->digits));
}

/* What is needed to write the elements of one array. */
struct printer {
	struct text *t;
	struct text word; /* one element */
	enum dtype dtype;
	const struct print_options *opt;
	const struct shape *shape;
	bool summarised;
	const unsigned char *next; /* element */
	int width;		   /* of an integer */
	struct float_style re, im;
};

static void printer_word(struct printer *pr)
{
	struct text *w = &pr->word;
	const unsigned char *p = pr->next;
	char buf[NUMBER_TEXT];

	pr->next += dtype_size(pr->dtype);
	w->len = 0;
	if (dtype_is_float(pr->dtype)) {
		add_float(w, &pr->re, p);
	} else if (dtype_is_complex(pr->dtype)) {
		add_float(w, &pr->re, p);
		add_float(w, &pr->im, p + dtype_size(pr->im.dtype));

		/* The j goes before the blanks. */
		size_t end = w->len;
		while (end && w->s[end - 1] == ' ')
			end--;
		text_char(w, ' ');
		if (!w->failed)
			w->s[end] = 'j';
	} else {
		int n = number_repr(buf, pr->dtype, p);

		add_blanks(w, pr->width - n);
		text_add_n(w, buf, (size_t)n);
	}
	if (w->failed)
		pr->t->failed = true;
}

static void printer_init(struct printer *pr, int64_t n)
{
	size_t size = dtype_size(pr->dtype);
	char buf[NUMBER_TEXT];

	if (dtype_is_float(pr->dtype)) {
		style_init(&pr->re, pr->dtype, pr->next, n, size, false, pr->opt);
	} else if (dtype_is_complex(pr->dtype)) {
		enum dtype part = dtype_real(pr->dtype);

		style_init(&pr->re, part, pr->next, n, size, false, pr->opt);
		style_init(&pr->im, part, pr->next + dtype_size(part), n, size, true, pr->opt);
	} else if (pr->dtype == DT_BOOL) {
		pr->width = 5;
	} else {
		for (int64_t i = 0; i < n; i++)
			pr->width = max_int(pr->width, number_repr(buf, pr->dtype, pr->next + (size_t)i * size));
	}
}

/* Add word to the line that began at *line in the text, on a new line if it does not fit. */
static void wrap_word(struct printer *pr, const char *word, size_t n, size_t *line, int indent)
{
	struct text *t = pr->t;
	size_t length = t->len - *line;

	if (length > (size_t)indent && length + n > (size_t)max_int(pr->opt->linewidth - indent, 0)) {
		while (t->len > *line && t->s[t->len - 1] == ' ')
			t->len--;
		text_char(t, '\n');
		*line = t->len;
		add_blanks(t, indent);
	}
	text_add_n(t, word, n);
}

/* One line of NumPy's output may become several lines of the text. */
static void printer_row(struct printer *pr, int64_t n, int64_t edge, size_t line, int indent)
{
	for (int64_t i = 0; i < n; i++) {
		if (edge && i == edge) {
			wrap_word(pr, "...", 3, &line, indent);
			text_char(pr->t, ' ');
			i = n - edge;
		}
		printer_word(pr);
		if (pr->t->failed)
			return;
		wrap_word(pr, pr->word.s, pr->word.len, &line, indent);
		if (i + 1 < n)
			text_char(pr->t, ' ');
	}
}

/* The subarray from axis on, whose first line begins at line.  As deep as the array has dimensions, at most MAX_NDIM. */
static void printer_axis(struct printer *pr, int axis, size_t line)
{
	int ndim = pr->shape->ndim, indent = axis + 1;
	int64_t n = pr->shape->dim[axis];
	int64_t edge = pr->summarised && n > 2 * (int64_t)pr->opt->edgeitems ? pr->opt->edgeitems : 0;

	text_char(pr->t, '[');
	if (axis == ndim - 1) {
		printer_row(pr, n, edge, line, indent);
		text_char(pr->t, ']');
		return;
	}
	for (int64_t i = 0; i < n && !pr->t->failed; i++) {
		if (i) {
			for (int k = axis; k < ndim - 1; k++)
				text_char(pr->t, '\n');
			line = pr->t->len;
			add_blanks(pr->t, indent);
		}
		if (edge && i == edge) {
			text_add(pr->t, "...");
			i = n - edge - 1;
			continue;
		}
		printer_axis(pr, axis + 1, line);
	}
	text_char(pr->t, ']');
}

/* str() of a NumPy scalar: digits as repr, but the limit for an exponent depends on the type. */
static void add_scalar_float(struct text *t, enum dtype d, const void *p, bool whole)
{
	struct binary b;
	struct decimal dec;
	char buf[64];

	binary_split(&b, d, p);
	if (b.negative && b.class != FLOAT_NAN)
		text_char(t, '-');
	if (b.class != FLOAT_FINITE) {
		text_add(t, b.class == FLOAT_NAN ? "nan" : "inf");
		return;
	}
	decimal_shortest(&dec, &b);

	double x = binary_value(&b);
	bool exponent = x != 0 && (x < 1e-4 || x >= scalar_cutoff(d));
	text_add_n(t, buf, (size_t)decimal_put(buf, &dec, exponent, whole));
}

static void add_scalar(struct text *t, enum dtype d, const unsigned char *p)
{
	char buf[NUMBER_TEXT];

	if (dtype_is_float(d)) {
		add_scalar_float(t, d, p, false);
	} else if (dtype_is_complex(d)) {
		enum dtype part = dtype_real(d);
		const unsigned char *im = p + dtype_size(part);
		struct binary b;

		binary_split(&b, part, p);
		bool pure = b.class == FLOAT_FINITE && !b.significand && !b.negative;
		binary_split(&b, part, im);
		if (!pure) {
			text_char(t, '(');
			add_scalar_float(t, part, p, true);
			if (!b.negative || b.class == FLOAT_NAN)
				text_char(t, '+');
		}
		add_scalar_float(t, part, im, true);
		text_add(t, pure ? "j" : "j)");
	} else {
		number_repr(buf, d, p);
		text_add(t, buf);
	}
}

bool print_summarised(const struct shape *shape, const struct print_options *opt)
{
	int64_t n = shape_size(shape);

	return n < 0 || n > opt->threshold;
}

void print_array(struct text *t, enum dtype dtype, const struct shape *shape, const void *data,
		 const struct print_options *opt)
{
	struct printer pr = {
		.t = t,
		.word = TEXT_INIT,
		.dtype = dtype,
		.opt = opt,
		.shape = shape,
		.summarised = print_summarised(shape, opt),
		.next = data,
	};
	int64_t n = 1; /* elements in data */

	if (shape->ndim == 0) {
		add_scalar(t, dtype, data);
		return;
	}
	for (int i = 0; i < shape->ndim; i++) {
		int64_t dim = shape->dim[i];

		if (dim == 0) {
			text_add(t, "[]");
			return;
		}
		if (pr.summarised && dim > 2 * (int64_t)opt->edgeitems)
			dim = 2 * (int64_t)opt->edgeitems;
		n *= dim;
	}
	if (pr.summarised && opt->edgeitems < 1) {
		text_add(t, "[...]");
		return;
	}
	printer_init(&pr, n);
	printer_axis(&pr, 0, t->len);
	text_release(&pr.word);
}
