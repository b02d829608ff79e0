/* Writing csv, tsv and text: a row a line, numbers as short as they read back. */
#include <stdlib.h>
#include <string.h>

#include "formats/crew.h"
#include "formats/io.h"
#include "lib/number.h"

enum { BLOCK = 16 << 10 }; /* elements that one thread formats */

struct text_writer {
	struct crew *crew;
	char delimiter;
	int64_t columns; /* 1 for arrays of fewer than two dimensions */
};

static int format_block(const void *arg, struct crew_block *b, struct error *err)
{
	const struct writer *w = arg;
	const struct text_writer *tw = w->state;
	size_t size = dtype_size(w->dtype);
	bool complex = dtype_is_complex(w->dtype);
	int64_t column = tw->columns ? b->start / (int64_t)size % tw->columns : 0;

	(void)err;
	for (const unsigned char *p = b->in, *end = p + b->n; p < end; p += size) {
		char *s = text_room(&b->out, NUMBER_TEXT + 1);

		if (!s)
			return 0; /* the crew asks out */

		size_t len = (size_t)number_repr(s, w->dtype, p);
		/* Python's parentheses round a complex number are no part of it here. */
		if (complex && s[0] == '(') {
			len -= 2;
			memmove(s, s + 1, len);
		}
		column++;
		if (column == tw->columns)
			column = 0;
		s[len] = column ? tw->delimiter : '\n';
		b->out.len += len + 1;
	}
	return 0;
}

static int emit(void *arg, const void *buf, size_t n, struct error *err)
{
	return output_write(arg, buf, n, err);
}

static int text_begin(struct writer *w, const char *name, struct error *err)
{
	const struct crew_job job = {
		.size = BLOCK * dtype_size(w->dtype),
		.make = format_block,
		.emit = emit,
		.arg = w,
	};
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
	return crew_new(&tw->crew, &job, err);
}

static int text_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct text_writer *tw = w->state;

	(void)start;
	return crew_write(tw->crew, elements, (size_t)n * dtype_size(w->dtype), err);
}

static int text_end(struct writer *w, struct error *err)
{
	struct text_writer *tw = w->state;

	return crew_finish(tw->crew, err);
}

static void text_release_writer(struct writer *w)
{
	struct text_writer *tw = w->state;

	if (tw)
		crew_free(tw->crew);
	free(tw);
}

extern const struct format_writer text_writer;
const struct format_writer text_writer = {
	.begin = text_begin,
	.write = text_write,
	.end = text_end,
	.release = text_release_writer,
};
