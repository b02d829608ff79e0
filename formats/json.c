/*
 * JSON: arrays as nested lists of numbers.
 *
 * The reader is its own: a JSON library makes a tree of heap nodes of every number and rounds all of them to double.  This one goes
 * over the text once, keeps 64-bit integers, and does not recurse, so nesting cannot exhaust the stack.
 */
#include "formats/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "formats/values.h"
#include "lib/text.h"

/* == reading == */

struct parser {
	const char *start, *s, *end;
	struct values values;
	struct shape shape;	     /* of the lists; dim[i] is -1 while no list at that depth has ended */
	int leaf;		     /* depth of the numbers, -1 while none was seen */
	int64_t count[MAX_NDIM + 1]; /* items so far in the open list at each depth, from 1 */
};

/* ERR_VALUE with the place of s and up to 40 characters from there where that is a word. */
static int parse_error(const struct parser *p, struct error *err, const char *s, size_t n, const char *problem)
{
	enum { SHOWN = 40 };
	struct text t = TEXT_INIT;
	char cut[SHOWN + 4];
	const char *line_start = p->start;
	int64_t line = 1;
	size_t shown = n < SHOWN ? n : SHOWN;

	for (const char *c = p->start; c < s; c++)
		if (*c == '\n') {
			line++;
			line_start = c + 1;
		}
	if (n) {
		memcpy(cut, s, shown);
		strcpy(cut + shown, n > shown ? "..." : "");
		text_char(&t, '\'');
		text_escaped(&t, cut);
		text_add(&t, "' ");
	}
	text_add(&t, problem);
	error_set(err, ERR_VALUE, "line %" PRId64 ", character %" PRId64 ": %s", line, (int64_t)(s - line_start) + 1,
		  t.s ? t.s : "");
	text_release(&t);
	return -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct parser *p)
{
	while (p->s < p->end && is_space(*p->s))
		p->s++;
}

/* Characters of the word at s: up to a bracket, comma, colon or blank. */
static size_t word_length(const struct parser *p)
{
	const char *s = p->s;

	while (s < p->end && !is_space(*s) && !memchr("[]{},:", *s, 6))
		s++;
	return (size_t)(s - p->s);
}

static int ragged(const struct parser *p, struct error *err, int depth, int64_t a, int64_t b)
{
	char problem[160];

	if (a < 0)
		snprintf(problem, sizeof(problem), "the lists are ragged: a number and a list beside each other");
	else
		snprintf(problem, sizeof(problem),
			 "the lists are ragged: %" PRId64 " and %" PRId64 " items in lists at depth %d", a, b, depth);
	return parse_error(p, err, p->s, 0, problem);
}

/* Read the number at s.  0 done, 1 start over with another kind, -1 error. */
static int parse_number(struct parser *p, struct error *err)
{
	const char *start = p->s;
	bool negative = p->s < p->end && *p->s == '-';
	struct decimal_number number;
	enum values_result result;
	char problem[80];

	p->s += negative;

	size_t used = decimal_scan(&number, p->s, p->end);
	const char *after = p->s + used;
	if (used && (after == p->end || *after == ',' || *after == ']' || is_space(*after))) {
		p->s = after;
		result = values_add_number(&p->values, &number, negative);
	} else {
		struct scalar s;

		p->s = start;
		size_t n = word_length(p);
		if (!n || !scalar_parse(&s, start, n))
			return n || p->s < p->end ? parse_error(p, err, start, n ? n : 1, "is not a number")
						  : parse_error(p, err, start, 0, "the text ends too early");
		p->s += n;
		result = values_add(&p->values, &s);
	}
	if (result == VALUES_AGAIN)
		return 1;
	if (result != VALUES_ADDED) {
		values_problem(&p->values, result, problem, sizeof(problem));
		return parse_error(p, err, start, (size_t)(p->s - start), problem);
	}
	return 0;
}

/* A number or a list begins inside depth lists: does that agree with what came before? */
static int check_depth(const struct parser *p, int depth, bool list, struct error *err)
{
	if (list ? p->leaf >= 0 && depth >= p->leaf : (p->leaf >= 0 && depth != p->leaf) || p->shape.ndim > depth)
		return ragged(p, err, depth, -1, 0);
	return 0;
}

/* The list at depth ends. */
static int close_list(struct parser *p, int depth, struct error *err)
{
	int64_t *dim = &p->shape.dim[depth - 1];

	if (*dim >= 0 && *dim != p->count[depth])
		return ragged(p, err, depth, *dim, p->count[depth]);
	*dim = p->count[depth];
	return 0;
}

/* Read a value with all the lists in it.  0 done, 1 start over with another kind, -1 error. */
static int parse_lists(struct parser *p, struct error *err)
{
	int depth = 0;

	p->leaf = -1;
	p->shape.ndim = 0;
	for (;;) {
		skip_space(p);
		if (p->s < p->end && *p->s == '[') {
			if (check_depth(p, depth, true, err))
				return -1;
			if (depth == MAX_NDIM)
				return parse_error(p, err, p->s, 0, "more than 64 lists inside each other");
			p->s++;
			depth++;
			p->count[depth] = 0;
			if (depth > p->shape.ndim) {
				p->shape.ndim = depth;
				p->shape.dim[depth - 1] = -1;
			}
			skip_space(p);
			if (p->s == p->end || *p->s != ']')
				continue;
		} else {
			if (check_depth(p, depth, false, err))
				return -1;
			p->leaf = depth;

			int status = parse_number(p, err);
			if (status)
				return status;
			if (depth)
				p->count[depth]++;
		}

		/* After a value, or at the end of an empty list: lists end, and a comma begins the next value. */
		for (;;) {
			if (!depth)
				return 0;
			skip_space(p);
			if (p->s == p->end)
				return parse_error(p, err, p->s, 0, "the text ends inside a list");
			if (*p->s == ',') {
				p->s++;
				break;
			}
			if (*p->s != ']')
				return parse_error(p, err, p->s, 1, "where a comma or ] should be");
			if (close_list(p, depth, err))
				return -1;
			p->s++;
			depth--;
			if (depth)
				p->count[depth]++;
		}
	}
}

/* The lists at s, as often as the kind of the numbers changes. */
static int parse_values(struct parser *p, struct error *err)
{
	const char *start = p->s;
	int64_t room = 1;
	int status;

	for (const char *s = p->s; s < p->end; s++)
		room += *s == ',';
	do {
		p->s = start;
		if (values_begin(&p->values, room, err))
			return -1;
		status = parse_lists(p, err);
	} while (status > 0);
	return status;
}

/* A string without escapes: names need none. */
static int parse_string(struct parser *p, char *buf, size_t n, struct error *err)
{
	skip_space(p);
	if (p->s == p->end || *p->s != '"')
		return parse_error(p, err, p->s, p->s < p->end, "where a string should be");

	const char *start = ++p->s;
	const char *close = memchr(start, '"', (size_t)(p->end - start));
	size_t len = close ? (size_t)(close - start) : 0;
	if (!close || len >= n || memchr(start, '\\', len) || memchr(start, '\n', len))
		return parse_error(p, err, start - 1, 0, "a string that is no name");
	memcpy(buf, start, len);
	buf[len] = '\0';
	p->s = close + 1;
	return 0;
}

static int expect(struct parser *p, char c, struct error *err)
{
	char problem[] = "where ? should be";

	skip_space(p);
	if (p->s < p->end && *p->s == c) {
		p->s++;
		return 0;
	}
	problem[6] = c;
	return parse_error(p, err, p->s, p->s < p->end, p->s < p->end ? problem : "the text ends too early");
}

/* A list of dimensions, by a parser of its own. */
static int parse_shape(struct parser *p, struct shape *shape, struct error *err)
{
	struct parser inner = { .start = p->start, .s = p->s, .end = p->end };
	int status = -1;

	values_init(&inner.values, true, DT_I64, true);
	if (parse_values(&inner, err))
		goto done;
	if (inner.shape.ndim != 1 || inner.values.n > MAX_NDIM) {
		parse_error(p, err, p->s, 0, "the shape is no list of at most 64 numbers");
		goto done;
	}
	shape->ndim = (int)inner.values.n;
	for (int i = 0; i < shape->ndim; i++) {
		shape->dim[i] = ((const int64_t *)inner.values.data)[i];
		if (shape->dim[i] < 0) {
			parse_error(p, err, p->s, 0, "a dimension is negative");
			goto done;
		}
	}
	p->s = inner.s;
	status = 0;
done:
	values_release(&inner.values);
	return status;
}

/* Over a value that is understood later: lists and numbers, no strings. */
static int skip_value(struct parser *p, struct error *err)
{
	int64_t depth = 0;

	for (; p->s < p->end; p->s++) {
		if (*p->s == '[')
			depth++;
		else if (*p->s == ']')
			depth--;
		else if (*p->s == '{' || *p->s == '"')
			return parse_error(p, err, p->s, 1, "where a number should be");
		if (depth < 0 || (depth == 0 && (*p->s == ',' || *p->s == '}')))
			return 0;
	}
	return parse_error(p, err, p->s, 0, "the text ends too early");
}

/* {"dtype": ..., "shape": ..., "data": ...} in any order; the type that the caller gave is stronger. */
static int parse_object(struct parser *p, bool has_dtype, enum dtype dtype, struct error *err)
{
	struct shape shape = { .ndim = -1 };
	const char *data = NULL;
	char key[16], name[32];

	p->s++;
	for (bool more = true; more;) {
		const char *at = p->s;

		if (parse_string(p, key, sizeof(key), err) || expect(p, ':', err))
			return -1;
		skip_space(p);
		if (!strcmp(key, "data") && !data) {
			data = p->s;
			if (skip_value(p, err))
				return -1;
		} else if (!strcmp(key, "dtype")) {
			enum dtype found;

			if (parse_string(p, name, sizeof(name), err) || dtype_parse(&found, NULL, name, err))
				return -1;
			if (!has_dtype)
				dtype = found;
			has_dtype = true;
		} else if (!strcmp(key, "shape") && shape.ndim < 0) {
			if (parse_shape(p, &shape, err))
				return -1;
		} else {
			return parse_error(p, err, at, 0,
					   "an object with other keys than \"dtype\", \"shape\" and \"data\"");
		}
		skip_space(p);
		more = p->s < p->end && *p->s == ',';
		if (more)
			p->s++;
	}
	if (expect(p, '}', err))
		return -1;
	if (!data)
		return parse_error(p, err, p->s, 0, "an object without \"data\"");

	const char *after = p->s;
	p->s = data;
	values_init(&p->values, has_dtype, dtype, false);
	if (parse_values(p, err))
		return -1;
	skip_space(p);
	if (p->s < p->end && *p->s != ',' && *p->s != '}')
		return parse_error(p, err, p->s, 1, "after the end of the data");
	p->s = after;

	if (shape.ndim >= 0) {
		char a[SHAPE_TEXT], b[SHAPE_TEXT];

		/* An empty list cannot say how its dimensions go on. */
		if (shape_size(&shape) != p->values.n ||
		    (p->shape.ndim > 1 && p->values.n && !shape_equal(&shape, &p->shape)))
			return error_set(err, ERR_VALUE, "the data have shape %s, \"shape\" is %s",
					 shape_text(&p->shape, a, sizeof(a)), shape_text(&shape, b, sizeof(b)));
		p->shape = shape;
	}
	return 0;
}

static int array_parse(struct array *out, const char *text, size_t n, const char *name, bool has_dtype,
		       enum dtype dtype, struct error *err)
{
	struct parser p = { .start = text, .s = text, .end = text + n };
	int status = -1;

	if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		p.s += 3;
	skip_space(&p);
	if (p.s == p.end)
		return error_set(err, ERR_VALUE, "there is no array: the text is empty");
	values_init(&p.values, has_dtype, dtype, false);
	if (*p.s == '{' ? parse_object(&p, has_dtype, dtype, err) : parse_values(&p, err))
		goto done;

	skip_space(&p);
	if (p.s < p.end) {
		parse_error(&p, err, p.s, 1, "after the end of the array");
		goto done;
	}
	if (!p.values.n && !p.values.has_dtype) {
		/* No numbers: float64, as np.array([]). */
		values_release(&p.values);
		values_init(&p.values, true, DT_F64, false);
		if (values_begin(&p.values, 0, err))
			goto done;
	}
	status = values_finish(&p.values, out, &p.shape, name, err);
done:
	values_release(&p.values);
	return status;
}

int json_array_parse(struct array *out, const char *text, size_t n, bool has_dtype, enum dtype dtype, struct error *err)
{
	return array_parse(out, text, n, NULL, has_dtype, dtype, err);
}

static int json_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct array *a = calloc(1, sizeof(*a));
	char *data = NULL;
	size_t n;
	int status = -1;

	if (!a)
		return error_memory(err, sizeof(*a));
	f->state = a;
	if (input_read_all(in, &data, &n, err))
		return -1;
	if (array_parse(a, data, n, f->path, opt->has_dtype, opt->dtype, err)) {
		if (err->code == ERR_VALUE || err->code == ERR_USAGE)
			err->code = ERR_FILE;
		goto done;
	}
	status = values_member(f, a, err);
done:
	free(data);
	return status;
}

static const struct format_reader reader = {
	.open = json_open,
	.array = values_array,
	.close = values_close,
};

/* == writing == */

static int json_begin(struct writer *w, const char *name, struct error *err)
{
	(void)name;
	if (dtype_is_complex(w->dtype))
		return error_set(
			err, ERR_VALUE,
			"json has no complex numbers; convert the real and imaginary parts, or write csv or npy");
	return 0;
}

/* One element, in JSON's words and those that Python's json and JavaScript's readers add for what JSON lacks. */
static size_t json_number(char buf[NUMBER_TEXT], enum dtype d, const void *p)
{
	size_t n = (size_t)number_repr(buf, d, p);

	if (d == DT_BOOL)
		buf[0] = buf[0] == 'T' ? 't' : 'f';
	else if (!strcmp(buf, "nan"))
		n = (size_t)(stpcpy(buf, "NaN") - buf);
	else if (buf[n - 1] == 'f')
		n = (size_t)(stpcpy(buf, buf[0] == '-' ? "-Infinity" : "Infinity") - buf);
	return n;
}

/* How many lists end before element i and begin at it: the trailing dimensions in which its index is 0. */
static int lists_at(const struct shape *shape, int64_t i)
{
	int n = 0;

	for (int axis = shape->ndim - 1; axis >= 0; axis--) {
		if (i % shape->dim[axis])
			break;
		i /= shape->dim[axis];
		n++;
	}
	return n;
}

static int json_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const unsigned char *p = elements;
	size_t size = dtype_size(w->dtype), used = 0;
	int ndim = w->shape.ndim;
	/* The array is not empty where n is not 0. */
	int64_t last = ndim ? w->shape.dim[ndim - 1] : 1, column = n ? start % last : 0;
	char buf[16384];

	for (int64_t i = start; i < start + n; i++, p += size) {
		if (sizeof(buf) - used < NUMBER_TEXT + 3 * MAX_NDIM + 8) {
			if (output_write(w, buf, used, err))
				return -1;
			used = 0;
		}
		if (i && column) {
			buf[used++] = ',';
			buf[used++] = ' ';
		} else {
			int lists = i ? lists_at(&w->shape, i) : ndim;

			if (i) {
				memset(buf + used, ']', (size_t)lists);
				used += (size_t)lists;
				buf[used++] = ',';
				buf[used++] = '\n';
				memset(buf + used, ' ', (size_t)(ndim - lists));
				used += (size_t)(ndim - lists);
			}
			memset(buf + used, '[', (size_t)lists);
			used += (size_t)lists;
		}
		used += json_number(buf + used, w->dtype, p);
		if (++column == last)
			column = 0;
	}
	return output_write(w, buf, used, err);
}

/* Lists without a number: as many as the dimensions before the first that is 0 say. */
static int write_empty(struct writer *w, struct error *err)
{
	int64_t count = 1;
	int depth = 0; /* of the empty lists */
	struct shape outer = w->shape;

	while (w->shape.dim[depth])
		count *= w->shape.dim[depth++];
	outer.ndim = depth;
	for (int64_t i = 0; i < count; i++) {
		struct text t = TEXT_INIT;
		int lists = i ? lists_at(&outer, i) : depth;

		if (i) {
			for (int k = 0; k < lists; k++)
				text_char(&t, ']');
			text_add(&t, ", ");
		}
		for (int k = 0; k < lists; k++)
			text_char(&t, '[');
		text_add(&t, "[]");

		int failed = t.failed ? error_memory(err, 64) : output_write(w, t.s, t.len, err);
		text_release(&t);
		if (failed)
			return -1;
	}
	for (int k = 0; k < depth; k++)
		if (output_write(w, "]", 1, err))
			return -1;
	return 0;
}

static int json_end(struct writer *w, struct error *err)
{
	if (w->size == 0)
		return write_empty(w, err) || output_write(w, "\n", 1, err) ? -1 : 0;
	for (int k = 0; k < w->shape.ndim; k++)
		if (output_write(w, "]", 1, err))
			return -1;
	return output_write(w, "\n", 1, err);
}

static const struct format_writer writer = {
	.begin = json_begin,
	.write = json_write,
	.end = json_end,
};

const struct format format_json = {
	.name = "json",
	.suffixes = ".json",
	.help = "nested lists of numbers, NaN and Infinity as Python writes them; typed as np.array does",
	.reader = &reader,
	.writer = &writer,
};
