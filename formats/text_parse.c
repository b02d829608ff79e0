/* Parsing rows of numbers: see text_parse.h. */
#include "formats/text_parse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

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
void text_next_line(struct reader *r)
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

static void set_problem(struct reader *r, int64_t line, int64_t column, struct field f, const char *what)
{
	struct problem *p = &r->problem;
	struct text shown = TEXT_INIT;
	char cut[FIELD_SHOWN + 4];
	size_t n = f.n < FIELD_SHOWN ? f.n : FIELD_SHOWN;

	memcpy(cut, f.s, n);
	strcpy(cut + n, f.n > n ? "..." : "");
	text_escaped(&shown, cut);
	*p = (struct problem){ .line = line, .column = column };
	snprintf(p->what, sizeof(p->what), "%s", what);
	snprintf(p->field, sizeof(p->field), "%s", shown.s ? shown.s : "");
	text_release(&shown);
}

/* To the next row, over blank lines and comments.  False at the end. */
bool text_find_row(struct reader *r)
{
	while (r->s < r->end) {
		skip_blanks(r);
		if (!at_row_end(r))
			return true;
		text_next_line(r);
	}
	return false;
}

/* Words for a missing value, which is read as NaN; in the first row they do not make it a row of names. */
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
void text_skip_header(struct reader *r)
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
	text_next_line(&ahead);
	if (name && !broken && (text_find_row(&ahead) || !number))
		*r = ahead;
}

/* A number that is not written as the usual ones are, or none; s is at its end afterwards. */
static enum values_result add_other(struct reader *r, struct field *f, const char **what)
{
	struct scalar s = { .kind = SCALAR_FLOAT, .re = NAN };
	struct values *v = &r->values;

	*f = take_field(r);
	*what = NULL;
	if (!f->n || is_missing(*f)) {
		if (v->has_dtype && !dtype_is_float(v->dtype) && !dtype_is_complex(v->dtype)) {
			*what = "is missing, which only floats can be";
			return VALUES_TOO_LARGE;
		}
	} else if (!field_number(&s, *f)) {
		*what = "is not a number";
		return VALUES_TOO_LARGE;
	}
	return values_add(v, &s);
}

/* Where an integer was written as -0, which as a float is another number than 0. */
static int note_zero(struct reader *r, struct error *err)
{
	if (r->nzeros == r->zeros_room) {
		size_t room = r->zeros_room ? 2 * r->zeros_room : 64;
		int64_t *zeros = realloc(r->zeros, room * sizeof(*zeros));

		if (!zeros)
			return error_memory(err, room * sizeof(*zeros));
		r->zeros = zeros;
		r->zeros_room = room;
	}
	r->zeros[r->nzeros++] = r->values.n - 1;
	return 0;
}

/* Read one row of numbers.  0 done, 1 start over with another kind, 2 a problem, -1 error. */
static int read_row(struct reader *r, struct error *err)
{
	int64_t line = r->line, n = 0;

	do {
		const char *start = r->s, *what = NULL;
		bool negative = r->s < r->end && *r->s == '-';
		struct decimal_number number;
		enum values_result result;
		struct field f = { start, 0 };

		n++;
		r->s += negative;

		size_t used = decimal_scan(&number, r->s, r->end);
		r->s += used;
		if (used && at_field_end(r)) {
			result = values_add_number(&r->values, &number, negative);
			if (result > VALUES_AGAIN) {
				r->s = start;
				f = take_field(r);
			} else if (negative && number.integer && !number.magnitude && !r->values.has_dtype &&
				   r->values.kind < VALUES_FLOAT && result == VALUES_ADDED && note_zero(r, err)) {
				return -1;
			}
		} else {
			r->s = start;
			result = add_other(r, &f, &what);
		}
		if (result == VALUES_AGAIN)
			return 1;
		if (result != VALUES_ADDED) {
			char problem[80];

			if (!what)
				values_problem(&r->values, result, problem, sizeof(problem));
			set_problem(r, line, n, f, what ? what : problem);
			return 2;
		}
	} while (next_field(r));

	if (r->columns < 0) {
		r->columns = n;
		r->first_line = line;
	} else if (n != r->columns) {
		r->problem = (struct problem){ .line = line, .fields = n };
		return 2;
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
char text_delimiter(struct reader r)
{
	char found = '\0';

	r.delimiter = '\0';
	for (int i = 0; i < 2 && text_find_row(&r); i++) {
		const char *start = r.s, *end;
		bool blank = false;

		while (!at_row_end(&r))
			r.s++;
		for (end = r.s; is_blank(&r, end[-1]); end--)
			;
		text_next_line(&r);

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
	int64_t n = 1, most = r->end - r->s;
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
	/* Between blanks no field is empty, so each has two bytes but for the last; blanks that follow each other are no fields. */
	return r->delimiter || n < most / 2 + 1 ? n : most / 2 + 1;
}

/* Parse the rows from r->s on, into values of the kind that is needed by now. */
int text_read_rows(struct reader *r, enum values_kind kind, struct error *err)
{
	const struct reader start = *r;
	int64_t room = count_fields(r);
	int status;

	if (r->values.kind < kind)
		r->values.kind = kind;
	do {
		r->s = start.s;
		r->line = start.line;
		r->columns = -1;
		r->rows = 0;
		r->nzeros = 0;
		if (values_begin(&r->values, room, err))
			return -1;
		status = 0;
		while (!status && text_find_row(r)) {
			status = read_row(r, err);
			if (!status)
				text_next_line(r);
		}
	} while (status == 1);
	return status < 0 ? -1 : 0;
}

/* A carriage return without a newline ends a line, too. */
void text_newlines(char *s, size_t n)
{
	const char *end = s + n;

	while ((s = memchr(s, '\r', (size_t)(end - s)))) {
		if (s + 1 == end || s[1] != '\n')
			*s = '\n';
		s++;
	}
}
