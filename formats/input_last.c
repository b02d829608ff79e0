/* The rest of a stream as a source: what follows it is an error. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

struct last_source {
	struct source base;
	struct source *src; /* owned reference */
	struct input *in;   /* owned reference */
};

static int last_source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct last_source *s = (struct last_source *)src;
	size_t got = 0;

	if (s->src->ops->read(s->src, buf, n, offset, err))
		return -1;
	if (offset + (int64_t)n == src->nbytes && !input_peek(s->in, 1, &got, err))
		return -1;
	if (got)
		return error_set(err, ERR_FILE, "goes on after the %" PRId64 " bytes that its shape and type need",
				 src->nbytes);
	return 0;
}

static void last_source_close(struct source *src)
{
	struct last_source *s = (struct last_source *)src;

	source_unref(s->src);
	input_unref(s->in);
	free(src->name);
	free(s);
}

static const struct source_ops last_source_ops = { last_source_read, last_source_close };

struct source *input_source_last(struct input *in, int64_t nbytes, struct error *err)
{
	struct last_source *s = calloc(1, sizeof(*s));

	if (!s || !(s->base.name = strdup(input_name(in)))) {
		free(s);
		error_memory(err, sizeof(*s));
		return NULL;
	}
	s->base.ops = &last_source_ops;
	s->base.refs = 1;
	s->base.sequential = true;
	s->base.nbytes = nbytes;
	s->in = input_ref(in);
	if (!(s->src = input_source(in, 0, nbytes, err))) {
		last_source_close(&s->base);
		return NULL;
	}
	return &s->base;
}
