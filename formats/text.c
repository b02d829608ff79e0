/* Comma-separated values, tab-separated values and plain text: one row of numbers a line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/io.h"
#include "formats/values.h"
#include "lib/text.h"

/* == reading == */

struct reader {
	const char *s, *end;
	int64_t line;	/* of s, counted from 1 */
	char delimiter; /* 0: white space */
	struct values values;
	int64_t rows, columns; /* found so far; columns is -1 before the first row */
	int64_t first_line;    /* of the first row of numbers */
};

/* One field: its text without blanks and quotes around it. */
struct field {
	const char *s;
	size_t n;
};

static inline bool is_blank(const struct reader *r, char c)
{
	return c == ' ' || (c == '\t' && r->delimiter != '\t') || (c == '\r' && r->delimiter != '\r');
}

static inline void skip_blanks(struct reader *r)
{
	while (r->s < r->end && is_blank(r, *r->s))
		r->s++;
}

static inline bool at_row_end(const struct reader *r)
{
	return r->s == r->end || *r->s == '\n' || *r->s == '#';
}

/* To the start of the next line, over what is left of this one: nothing, or a comment. */
static void next_line(struct reader *r)
{
	const char *newline = memchr(r->s, '\n', (size_t)(r->end - r->s));

	r->s = newline ? newline + 1 : r->end;
	r->line++;
}

/* Is s between two fields, at the end of a row, or after the last blank before one? */
static inline bool at_field_end(struct reader *r)
{
	if (at_row_end(r) || (r->delimiter && *r->s == r->delimiter))
		return true;
	if (!is_blank(r, *r->s))
		return false;
	if (!r->delimiter)
		return true;
	skip_blanks(r);
	return at_row_end(r) || *r->s == r->delimiter;
}

/* Take any field at s, which is not blank; s is at its end afterwards. */
static struct field take_field(struct reader *r)
{
	struct field f = { r->s, 0 };
	const char *start = r->s;

	if (r->s < r->end && *r->s == '"') {
		/* A quote inside is doubled; nothing that holds one is a number. */
		const char *close = r->s + 1;
		int64_t lines = 0;

		while (close < r->end && (*close != '"' || (close + 1 < r->end && close[1] == '"'))) {
			lines += *close == '\n';
			close += *close == '"' ? 2 : 1;
		}
		if (close < r->end) {
			r->s = close + 1;
			if (at_field_end(r)) {
				r->line += lines;
				f = (struct field){ start + 1, (size_t)(close - start - 1) };
				goto trim;
			}
		}
		r->s = start;
	}
	while (!at_row_end(r) && (r->delimiter ? *r->s != r->delimiter : !is_blank(r, *r->s)))
		r->s++;
	f.n = (size_t)(r->s - start);
trim:
	while (f.n && strchr(" \t\r\n", f.s[f.n - 1]))
		f.n--;
	while (f.n && strchr(" \t\r\n", f.s[0])) {
		f.s++;
		f.n--;
	}
	return f;
}

/* At the end of a field: on to the next one of the row.  False if there is none. */
static inline bool next_field(struct reader *r)
{
	skip_blanks(r);
	if (at_row_end(r))
		return false;
	if (r->delimiter) {
		r->s++;
		skip_blanks(r);
	}
	return true;
}

/* Python writes complex numbers in parentheses. */
static bool field_number(struct scalar *out, struct field f)
{
	if (f.n > 2 && f.s[0] == '(' && f.s[f.n - 1] == ')') {
		f.s++;
		f.n -= 2;
	}
	return scalar_parse(out, f.s, f.n);
}

static int field_error(int64_t line, int64_t column, struct field f, const char *problem, struct error *err)
{
	enum { SHOWN = 40 };
	struct text shown = TEXT_INIT;
	char cut[SHOWN + 4];
	size_t n = f.n < SHOWN ? f.n : SHOWN;

	memcpy(cut, f.s, n);
	strcpy(cut + n, f.n > n ? "..." : "");
	text_escaped(&shown, cut);
	if (f.n == 0)
		error_set(err, ERR_FILE, "line %" PRId64 ", column %" PRId64 " is empty", line, column);
	else
		error_set(err, ERR_FILE, "line %" PRId64 ", column %" PRId64 ": '%s' %s", line, column,
			  shown.s ? shown.s : "", problem);
	text_release(&shown);
	return -1;
}

/* To the next row, over blank lines and comments.  False at the end. */
static bool find_row(struct reader *r)
{
	while (r->s < r->end) {
		skip_blanks(r);
		if (!at_row_end(r))
			return true;
		next_line(r);
	}
	return false;
}

/* Words for a missing value: in the first row they do not make it a row of names. */
static bool is_missing(struct field f)
{
	static const char *const word[] = { "na", "n/a", "null", "none", "nil", "missing", "?" };

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (strlen(word[i]) == f.n && !strncasecmp(word[i], f.s, f.n))
			return true;
	return false;
}

/*
 * Is the row at s one of names?  At least one field is neither a number nor empty nor missing, and none looks like a number
 * that went wrong: a row of numbers with an error in it must not vanish.  Numbers among names are names only where rows follow.
 */
static bool skip_header(struct reader *r)
{
	struct reader ahead = *r;
	bool name = false, number = false, broken = false;

	do {
		struct field f = take_field(&ahead);
		struct scalar s;

		if (f.n && field_number(&s, f))
			number = true;
		else if (f.n && (strchr("+-.0123456789", f.s[0]) || is_missing(f)))
			broken = true;
		else if (f.n)
			name = true;
	} while (next_field(&ahead));
	next_line(&ahead);
	if (!name || broken || (!find_row(&ahead) && number))
		return false;
	*r = ahead;
	return true;
}

/* Read one row of numbers.  0 done, 1 start over with another kind, -1 error. */
static int read_row(struct reader *r, struct error *err)
{
	int64_t line = r->line, n = 0;

	do {
		const char *start = r->s;
		bool negative = r->s < r->end && *r->s == '-';
		struct decimal_number number;
		enum values_result result;
		struct field f;
		char problem[80];

		if (r->values.n == r->values.room)
			return error_set(err, ERR_FILE, "line %" PRId64 " has too many fields", line);
		n++;
		r->s += negative;

		size_t used = decimal_scan(&number, r->s, r->end);
		r->s += used;
		if (used && at_field_end(r)) {
			result = values_add_number(&r->values, &number, negative);
			f = (struct field){ start, (size_t)(r->s - start) };
			if (result > VALUES_AGAIN) {
				r->s = start;
				f = take_field(r);
			}
		} else {
			struct scalar s;

			r->s = start;
			f = take_field(r);
			if (!field_number(&s, f))
				return field_error(line, n, f, "is not a number", err);
			result = values_add(&r->values, &s);
		}
		if (result == VALUES_AGAIN)
			return 1;
		if (result != VALUES_ADDED) {
			values_problem(&r->values, result, problem, sizeof(problem));
			return field_error(line, n, f, problem, err);
		}
	} while (next_field(r));

	if (r->columns < 0) {
		r->columns = n;
		r->first_line = line;
	} else if (n != r->columns) {
		return error_set(err, ERR_FILE,
				 "line %" PRId64 " has %" PRId64 " field%s, line %" PRId64 " has %" PRId64, line, n,
				 n == 1 ? "" : "s", r->first_line, r->columns);
	}
	r->rows++;
	return 0;
}

/* A tab, a semicolon (before the comma, which may be inside numbers then), a comma, or 0 for none in s .. end-1. */
static char find_delimiter(const char *s, const char *end)
{
	bool found[3] = { false }, quoted = false;

	for (; s < end; s++) {
		const char *c = memchr("\t;,", *s, 3);

		quoted ^= *s == '"';
		if (c && !quoted)
			found[*c == '\t' ? 0 : *c == ';' ? 1 : 2] = true;
	}
	return found[0] ? '\t' : found[1] ? ';' : found[2] ? ',' : '\0';
}

/*
 * The separator, 0 for white space: that of the second row if it has any, for the first may be names; else that of the first.
 */
static char detect_delimiter(struct reader r)
{
	char found = '\0';

	r.delimiter = '\0';
	for (int i = 0; i < 2 && find_row(&r); i++) {
		const char *start = r.s, *end;
		bool blank = false;

		while (!at_row_end(&r))
			r.s++;
		for (end = r.s; is_blank(&r, end[-1]); end--)
			;
		next_line(&r);

		char c = find_delimiter(start, end);
		for (const char *s = start; s < end; s++)
			blank |= is_blank(&r, *s);
		if (c || blank)
			found = c;
	}
	return found;
}

/* How many of the 8 bytes of v are c. */
static inline int count_byte(uint64_t v, char c)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	v ^= 0x0101010101010101 * (unsigned char)c;
	/* The top bit of each byte that is c, moved to the lowest; their sum is in the top byte of the product. */
	return (int)((~(((v & low) + low) | v | low) >> 7) * 0x0101010101010101 >> 56);
}

/* At least as many as there are fields. */
static int64_t count_fields(const struct reader *r)
{
	char delimiter = r->delimiter ? r->delimiter : ' ', other = r->delimiter ? r->delimiter : '\t';
	int64_t n = 1, most = (r->end - r->s) / 2 + 1;
	const char *s = r->s;
	uint64_t v;

	for (; r->end - s >= 8; s += 8) {
		memcpy(&v, s, 8);
		n += count_byte(v, delimiter) + count_byte(v, '\n');
		if (!r->delimiter)
			n += count_byte(v, other);
	}
	for (; s < r->end; s++)
		n += *s == delimiter || *s == other || *s == '\n';
	return n < most ? n : most;
}

/* Read all rows; start is after the lines to skip. */
static int read_rows(struct reader *r, struct error *err)
{
	const struct reader start = *r;
	int64_t room = count_fields(r);
	int status;

	do {
		struct values values = r->values;

		*r = start;
		r->values = values;
		r->columns = -1;
		if (values_begin(&r->values, room, err))
			return -1;
		status = 0;
		if (!find_row(r) || (skip_header(r) && r->s == r->end))
			return 0;
		do {
			status = read_row(r, err);
			if (!status)
				next_line(r);
		} while (!status && find_row(r));
	} while (status > 0);
	return status;
}

static int text_parse(struct array *out, const char *s, size_t n, const char *name, const struct format_options *opt,
		      struct error *err)
{
	struct reader r = { .s = s, .end = s + n, .line = 1 };
	struct shape shape = { .ndim = 1, .dim = { 0 } };
	int status = -1;

	if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		r.s += 3; /* byte order mark */
	if (memchr(s, '\0', n))
		return error_set(err, ERR_FILE, "not a text file: it holds NUL bytes");
	for (int i = 0; i < opt->skip_rows && r.s < r.end; i++)
		next_line(&r);

	r.delimiter = opt->delimiter == ' ' ? '\0' : opt->delimiter ? opt->delimiter : detect_delimiter(r);
	values_init(&r.values, opt->has_dtype, opt->dtype, true);
	if (read_rows(&r, err))
		goto done;
	if (!r.rows && !opt->has_dtype) {
		/* No numbers: float64, as np.array([]). */
		values_release(&r.values);
		values_init(&r.values, true, DT_F64, true);
		if (values_begin(&r.values, 0, err))
			goto done;
	}
	shape.dim[0] = r.rows;
	if (r.columns > 1) {
		shape.ndim = 2;
		shape.dim[1] = r.columns;
	}
	status = values_finish(&r.values, out, &shape, name, err);
done:
	values_release(&r.values);
	return status;
}

/* A carriage return without a newline ends a line, too. */
static void convert_newlines(char *s, size_t n)
{
	const char *end = s + n;

	while ((s = memchr(s, '\r', (size_t)(end - s)))) {
		if (s + 1 == end || s[1] != '\n')
			*s = '\n';
		s++;
	}
}

static int text_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct array *a = calloc(1, sizeof(*a));
	char *data = NULL;
	size_t n;
	int status = -1;

	if (!a)
		return error_memory(err, sizeof(*a));
	f->state = a;
	if (input_read_all(in, &data, &n, err))
		goto done;
	convert_newlines(data, n);
	if (text_parse(a, data, n, f->path, opt, err))
		goto done;
	status = values_member(f, a, err);
done:
	free(data);
	return status;
}

static const struct format_reader reader = {
	.open = text_open,
	.array = values_array,
	.close = values_close,
};

/* == writing == */

struct text_writer {
	char delimiter;
	int64_t columns; /* 1 for arrays of fewer than two dimensions */
};

static int text_begin(struct writer *w, const char *name, struct error *err)
{
	struct text_writer *tw;
	char shape[SHAPE_TEXT];

	(void)name;
	if (w->shape.ndim > 2)
		return error_set(err, ERR_VALUE,
				 "text holds arrays of at most 2 dimensions, this has shape %s; reshape it first",
				 shape_text(&w->shape, shape, sizeof(shape)));
	if (!(w->state = tw = calloc(1, sizeof(*tw))))
		return error_memory(err, sizeof(*tw));
	tw->columns = w->shape.ndim == 2 ? w->shape.dim[1] : 1;
	if (w->opt.delimiter)
		tw->delimiter = w->opt.delimiter;
	else
		tw->delimiter = !strcmp(w->format->name, "csv") ? ',' : !strcmp(w->format->name, "tsv") ? '\t' : ' ';
	return 0;
}

static int text_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const struct text_writer *tw = w->state;
	const unsigned char *p = elements;
	size_t size = dtype_size(w->dtype), used = 0;
	bool complex = dtype_is_complex(w->dtype);
	int64_t column = tw->columns ? start % tw->columns : 0;
	char buf[16384];

	for (int64_t i = 0; i < n; i++, p += size) {
		char *s = buf + used;

		if (sizeof(buf) - used < NUMBER_TEXT + 1) {
			if (output_write(w, buf, used, err))
				return -1;
			used = 0;
			s = buf;
		}

		size_t len = (size_t)number_repr(s, w->dtype, p);
		if (complex && s[0] == '(') {
			len -= 2;
			memmove(s, s + 1, len);
		}
		column++;
		if (column == tw->columns)
			column = 0;
		s[len] = column ? tw->delimiter : '\n';
		used += len + 1;
	}
	return output_write(w, buf, used, err);
}

static int text_end(struct writer *w, struct error *err)
{
	(void)w;
	(void)err;
	return 0;
}

static const struct format_writer writer = {
	.begin = text_begin,
	.write = text_write,
	.end = text_end,
};

/* == the formats == */

const struct format format_csv = {
	.name = "csv",
	.suffixes = ".csv",
	.help = "comma-separated values, with or without a line of names; bool, int64, float64 or complex128",
	.reader = &reader,
	.writer = &writer,
};

const struct format format_tsv = {
	.name = "tsv",
	.suffixes = ".tsv",
	.help = "tab-separated values, read like csv",
	.reader = &reader,
	.writer = &writer,
};

const struct format format_text = {
	.name = "text",
	.suffixes = ".txt .text .dat",
	.help = "numbers separated by blanks, as np.savetxt writes them, read like csv",
	.reader = &reader,
	.writer = &writer,
};
