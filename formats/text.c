/*
 * Comma-separated values, tab-separated values and plain text: one row of numbers a line.  The text is cut into chunks of whole lines,
 * which several threads parse; no more of it is in memory than they hold at a time.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "formats/text_parse.h"
#include "lib/engine.h"
#include "lib/kernels.h"

extern const struct format_writer text_writer; /* text_write.c */

enum {
	CHUNK = 512 << 10, /* bytes that one thread parses */
	CHUNKS = 32,	   /* at once, at most */
};

struct chunk {
	char *text; /* whole lines; owned */
	size_t n, room;
	struct reader reader;
	int64_t at; /* its first number among all */
};

struct table {
	struct input *in;
	const struct format_options *opt;
	bool at_end; /* of the input */
	char *rest;  /* of what was read, the start of a line that the next chunk begins with; owned */
	size_t nrest, rest_room;
	struct chunk chunks[CHUNKS];
	int nchunks; /* in use */
	/* so far: */
	char delimiter;
	int64_t lines, rows, columns, first_line;
	enum values_kind kind;
	bool negative;
	enum dtype dtype; /* of data */
	void *data;	  /* of buffer_alloc */
	size_t nbytes;	  /* of data, used or not */
	int64_t n, bytes; /* numbers in data, bytes of text they were in */
	int64_t *zeros;
	size_t nzeros;
};

static int chunk_reserve(char **text, size_t *room, size_t n, struct error *err)
{
	char *more;

	if (n <= *room)
		return 0;
	if (!(more = realloc(*text, n)))
		return error_memory(err, n);
	*text = more;
	*room = n;
	return 0;
}

/* Bytes of the n at s that are whole lines; 0: not one is. */
static size_t whole_lines(const char *s, size_t n)
{
	for (size_t i = n; i; i--)
		if (s[i - 1] == '\n')
			return i;
	/* Lines that end with a carriage return only; of the last byte it is not known whether a newline follows it. */
	for (size_t i = n; i > 1; i--)
		if (s[i - 2] == '\r')
			return i - 1;
	return 0;
}

/* Are there two rows in the chunk, complete ones?  So many it takes to tell what they are separated by, and a row of names. */
static bool has_rows(const struct table *t, const struct chunk *c)
{
	struct reader r = { .s = c->text, .end = c->text + c->n, .line = 1 };
	bool found = true;

	for (int i = 0; i < t->opt->skip_rows && r.s < r.end; i++)
		text_next_line(&r);
	for (int i = 0; i < 2 && found; i++) {
		found = text_find_row(&r);
		text_next_line(&r);
	}
	return found && r.end > r.s - 1 && r.s[-1] == '\n';
}

/* Fill a chunk with whole lines.  An empty one: the text ends. */
static int fill_chunk(struct table *t, struct chunk *c, bool first, struct error *err)
{
	int64_t size = input_size(t->in);
	size_t want = size >= 0 && size < CHUNK ? (size_t)size + 1 : CHUNK, got, whole;

	if (chunk_reserve(&c->text, &c->room, want > t->nrest ? want : t->nrest, err))
		return -1;
	if (t->nrest)
		memcpy(c->text, t->rest, t->nrest);
	c->n = t->nrest;
	t->nrest = 0;
	for (;;) {
		if (!t->at_end) {
			if (input_read_some(t->in, c->text + c->n, c->room - c->n, &got, err))
				return -1;
			t->at_end = got < c->room - c->n;
			c->n += got;
		}
		if (t->at_end)
			return 0;
		whole = whole_lines(c->text, c->n);
		if (whole && (!first || has_rows(t, c)))
			break;
		/* A line that is longer than the chunk. */
		if (chunk_reserve(&c->text, &c->room, 2 * c->room, err))
			return -1;
	}
	t->nrest = c->n - whole;
	if (chunk_reserve(&t->rest, &t->rest_room, t->nrest, err))
		return -1;
	if (t->nrest)
		memcpy(t->rest, c->text + whole, t->nrest);
	c->n = whole;
	return 0;
}

static int parse_chunk(void *arg, int64_t task, int worker, struct error *err)
{
	struct table *t = arg;
	struct chunk *c = &t->chunks[task];
	struct reader *r = &c->reader;

	(void)worker;
	return text_read_rows(r, t->kind, err);
}

/* Before the chunk is parsed: is it text, where does it begin? */
static int prepare_chunk(struct table *t, struct chunk *c, bool first, struct error *err)
{
	struct reader *r = &c->reader;

	if (c->n && memchr(c->text, '\0', c->n))
		return error_set(err, ERR_FILE, "not a text file: it holds NUL bytes");
	text_newlines(c->text, c->n);
	r->s = c->text;
	r->end = c->text + c->n;
	r->line = 1;
	r->delimiter = t->delimiter;
	r->problem = (struct problem){ 0 };
	r->values.negative = false;
	if (!first)
		return 0;

	if (c->n >= 3 && !memcmp(r->s, "\xef\xbb\xbf", 3))
		r->s += 3; /* byte order mark */
	for (int i = 0; i < t->opt->skip_rows && r->s < r->end; i++)
		text_next_line(r);
	r->delimiter = t->opt->delimiter == ' ' ? '\0' : t->opt->delimiter ? t->opt->delimiter : text_delimiter(*r);
	t->delimiter = r->delimiter;
	if (text_find_row(r))
		text_skip_header(r);
	return 0;
}

static int report(const struct table *t, const struct problem *p, struct error *err)
{
	int64_t line = t->lines + p->line;

	if (p->fields)
		return error_set(err, ERR_FILE,
				 "line %" PRId64 " has %" PRId64 " field%s, line %" PRId64 " has %" PRId64, line,
				 p->fields, p->fields == 1 ? "" : "s", t->first_line, t->columns);
	if (!*p->field)
		return error_set(err, ERR_FILE, "line %" PRId64 ", column %" PRId64 " %s", line, p->column, p->what);
	return error_set(err, ERR_FILE, "line %" PRId64 ", column %" PRId64 ": '%s' %s", line, p->column, p->field,
			 p->what);
}

/* Where the chunk has integers written as -0, among all numbers. */
static int zeros_add(struct table *t, const struct reader *r, struct error *err)
{
	int64_t *zeros = r->nzeros ? realloc(t->zeros, (t->nzeros + r->nzeros) * sizeof(*zeros)) : t->zeros;

	if (r->nzeros && !zeros)
		return error_memory(err, (t->nzeros + r->nzeros) * sizeof(*zeros));
	t->zeros = zeros;
	for (size_t i = 0; i < r->nzeros; i++)
		t->zeros[t->nzeros++] = t->n + r->zeros[i];
	return 0;
}

/* What the chunk found, after those before it. */
static int join_chunk(struct table *t, struct chunk *c, struct error *err)
{
	struct reader *r = &c->reader;

	if (r->columns >= 0) {
		const struct problem ragged = { .line = r->first_line, .fields = r->columns };

		if (t->columns < 0) {
			t->columns = r->columns;
			t->first_line = t->lines + r->first_line;
		} else if (r->columns != t->columns) {
			return report(t, &ragged, err);
		}
	}
	if (r->problem.line)
		return report(t, &r->problem, err);
	if (zeros_add(t, r, err))
		return -1;
	c->at = t->n;
	t->lines += r->line - 1;
	t->rows += r->rows;
	t->n += r->values.n;
	t->bytes += (int64_t)c->n;
	if (r->values.n) {
		t->negative |= r->values.negative;
		t->kind = r->values.kind > t->kind ? r->values.kind : t->kind;
		if (t->kind == VALUES_UINT && t->negative && !t->opt->has_dtype)
			t->kind = VALUES_FLOAT;
	}
	return 0;
}

/* The loops write beyond the last element, where those of another thread may be: through a block of our own. */
static void cast_numbers(void *to, enum dtype dtype, const void *numbers, enum dtype from, int64_t n)
{
	enum { PART = 1024 };
	_Alignas(64) unsigned char block[PART * 16];

	for (int64_t i = 0; i < n; i += PART) {
		int64_t k = n - i < PART ? n - i : PART;

		kernels_get()->cast[from][dtype](k, block, (const char *)numbers + (size_t)i * dtype_size(from));
		memcpy((char *)to + (size_t)i * dtype_size(dtype), block, (size_t)k * dtype_size(dtype));
	}
}

/* Room for the numbers there are; where the size of the text is known, for all that will be there. */
static int table_reserve(struct table *t, int64_t used, enum dtype dtype, struct error *err)
{
	size_t itemsize = dtype_size(dtype), have = t->nbytes / itemsize, n = (size_t)t->n, nbytes;
	int64_t size = input_size(t->in);
	void *data;

	if (dtype == t->dtype && t->data && n <= have)
		return 0;
	if (n > have || !t->data) {
		/* As many to a byte of text as so far, and a little more. */
		double each = (double)t->n / (double)(t->bytes + 1);
		double more = size > t->bytes && !t->at_end ? (double)(size - t->bytes) * each * 1.02 : 0;

		n += more > 0 ? (size_t)more + 64 : t->at_end ? 0 : n;
	} else {
		n = have;
	}
	if (__builtin_mul_overflow(n, itemsize, &nbytes))
		return error_memory(err, 0);
	if (!(data = buffer_alloc(nbytes, err)))
		return -1;
	if (used && dtype == t->dtype)
		memcpy(data, t->data, (size_t)used * itemsize);
	else if (used)
		cast_numbers(data, dtype, t->data, t->dtype, used);
	buffer_free(t->data, t->nbytes);
	t->data = data;
	t->nbytes = nbytes;
	t->dtype = dtype;
	return 0;
}

static int place_chunk(void *arg, int64_t task, int worker, struct error *err)
{
	const struct table *t = arg;
	const struct chunk *c = &t->chunks[task];
	const struct values *v = &c->reader.values;
	char *to = (char *)t->data + (size_t)c->at * dtype_size(t->dtype);

	(void)worker;
	(void)err;
	if (values_dtype(v->kind) != t->dtype)
		cast_numbers(to, t->dtype, v->data, values_dtype(v->kind), v->n);
	else if (v->n)
		memcpy(to, v->data, (size_t)v->n * dtype_size(t->dtype));
	return 0;
}

/* Once numbers are floats after all, -0 is not 0 any more. */
static void restore_zeros(struct table *t)
{
	if (dtype_is_int(t->dtype))
		return;
	for (size_t i = 0; i < t->nzeros; i++)
		((double *)t->data)[t->zeros[i] * (t->dtype == DT_C128 ? 2 : 1)] = -0.0;
	t->nzeros = 0;
}

/* Read chunks and parse them, as many at a time as there are threads for. */
static int read_batch(struct table *t, bool first, struct error *err)
{
	int threads = engine_threads(), most = threads == 1 ? 1 : threads < CHUNKS / 4 ? 4 * threads : CHUNKS;
	int64_t used = t->n;

	for (t->nchunks = 0; t->nchunks < most && !t->at_end; t->nchunks++) {
		struct chunk *c = &t->chunks[t->nchunks];

		if (fill_chunk(t, c, first && !t->nchunks, err) || prepare_chunk(t, c, first && !t->nchunks, err))
			return -1;
	}
	if (parallel(t->nchunks, threads, parse_chunk, t, err))
		return -1;
	for (int i = 0; i < t->nchunks; i++)
		if (join_chunk(t, &t->chunks[i], err))
			return -1;
	if (t->n == used)
		return 0;
	if (table_reserve(t, used, t->opt->has_dtype ? t->opt->dtype : values_dtype(t->kind), err) ||
	    parallel(t->nchunks, threads, place_chunk, t, err))
		return -1;
	restore_zeros(t);
	return 0;
}

static int table_finish(struct table *t, struct array *out, const char *name, struct error *err)
{
	struct shape shape = { .ndim = 1, .dim = { t->rows } };

	if (t->columns > 1) {
		shape.ndim = 2;
		shape.dim[1] = t->columns;
	}
	/* No numbers: float64, as np.array([]). */
	if (!t->data) {
		t->dtype = t->opt->has_dtype ? t->opt->dtype : DT_F64;
		if (!(t->data = buffer_alloc(0, err)))
			return -1;
	}
	*out = (struct array){ .dtype = t->dtype, .shape = shape };
	shape_strides(&shape, dtype_size(t->dtype), false, out->strides);

	void *data = t->data;
	t->data = NULL; /* buffer_source takes it over, also when it fails */
	return (out->src = buffer_source(data, t->nbytes, name, err)) ? 0 : -1;
}

static void table_free(struct table *t)
{
	for (int i = 0; i < CHUNKS; i++) {
		values_release(&t->chunks[i].reader.values);
		free(t->chunks[i].reader.zeros);
		free(t->chunks[i].text);
	}
	buffer_free(t->data, t->nbytes);
	free(t->zeros);
	free(t->rest);
	free(t);
}

static int text_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct table *t = calloc(1, sizeof(*t));
	struct array *a = calloc(1, sizeof(*a));
	int status = t && a ? 0 : error_memory(err, sizeof(*t));

	f->state = a;
	if (!status) {
		t->in = in;
		t->opt = opt;
		t->columns = -1;
		for (int i = 0; i < CHUNKS; i++)
			values_init(&t->chunks[i].reader.values, opt->has_dtype, opt->dtype, true);
		t->kind = t->chunks[0].reader.values.kind;
	}
	for (bool first = true; !status && !t->at_end; first = false)
		status = read_batch(t, first, err);
	if (!status && !table_finish(t, a, f->path, err))
		status = values_member(f, a, err);
	else
		status = -1;
	if (t)
		table_free(t);
	return status;
}

/* Are the rows that head has whole rows of numbers? */
static bool text_probe(const unsigned char *head, size_t n)
{
	enum { MOST = 4096 };
	struct error err = ERROR_INIT;
	struct reader r = { .line = 1 };
	char text[MOST];
	size_t whole;

	/* Where there is more, the last row of it is cut off. */
	whole = n < MOST ? n : whole_lines((const char *)head, MOST);
	for (size_t i = 0; i < whole; i++)
		if (head[i] < 0x20 && !memchr("\t\n\r", head[i], 3))
			return false;
	memcpy(text, head, whole);
	text_newlines(text, whole);
	r.s = text;
	r.end = text + whole;
	if (whole >= 3 && !memcmp(r.s, "\xef\xbb\xbf", 3))
		r.s += 3;
	r.delimiter = text_delimiter(r);
	if (!text_find_row(&r))
		return false;
	text_skip_header(&r);
	values_init(&r.values, false, DT_F64, true);

	bool numbers = !text_read_rows(&r, VALUES_BOOL, &err) && !r.problem.line && r.rows;
	values_release(&r.values);
	free(r.zeros);
	return numbers;
}

static const struct format_reader reader = {
	.open = text_open,
	.array = values_array,
	.close = values_close,
};

/* == the formats == */

const struct format format_csv = {
	.name = "csv",
	.suffixes = ".csv",
	.help = "comma-separated values, with or without a line of names; bool, int64, float64 or complex128",
	.reader = &reader,
	.writer = &text_writer,
};

const struct format format_tsv = {
	.name = "tsv",
	.suffixes = ".tsv",
	.help = "tab-separated values, read like csv",
	.reader = &reader,
	.writer = &text_writer,
};

const struct format format_text = {
	.name = "text",
	.suffixes = ".txt .text .dat",
	.help = "numbers separated by blanks, as np.savetxt writes them, read like csv",
	.probe = text_probe,
	.reader = &reader,
	.writer = &text_writer,
};
