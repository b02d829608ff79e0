/* npy: files and streams of arrays. */
#include "formats/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

/* Where the members' elements are. */
struct npy_file {
	struct source *only; /* of the next array on a stream or on standard input; owned reference */
	int64_t *offsets;    /* of the members of a file */
};

static int read_input(void *from, void *buf, size_t n, struct error *err)
{
	return input_read(from, buf, n, err);
}

static int reserve_offset(struct npy_file *nf, int n, struct error *err)
{
	/* Room for the next power of two, as file_add_member does. */
	if (n & (n - 1))
		return 0;

	size_t room = n ? 2 * (size_t)n : 1;
	int64_t *offsets = realloc(nf->offsets, room * sizeof(*offsets));
	if (!offsets)
		return error_memory(err, room * sizeof(*offsets));
	nf->offsets = offsets;
	return 0;
}

/* Describe the array at the input's position; *end is where its data end, in a file. */
static int open_one(struct file *f, struct input *in, const struct format_options *opt, int64_t at, int64_t *end,
		    struct error *err)
{
	struct npy_file *nf = f->state;
	struct npy_header h;
	int64_t size = input_size(in);
	int64_t available = size < 0 ? -1 : size - at;
	char name[16];
	size_t got;

	if (!input_peek(in, NPY_MAGIC, &got, err))
		return -1;
	if (!got)
		return error_set(err, ERR_FILE, "the file is empty");
	/* A stream that is no npy at all is quoted, not called short. */
	if (got < NPY_MAGIC)
		available = (int64_t)got;
	if (npy_header_read(&h, read_input, in, available, opt, err))
		goto fail;
	if (size >= 0) {
		int64_t have = available - h.header_bytes;

		if (h.nbytes < 0) /* up to the end: there is no other way to know */
			h.nbytes = have;
		if (h.nbytes > have) {
			npy_truncated(&h, have, err);
			goto fail;
		}
	}

	snprintf(name, sizeof(name), "%d", f->nmembers);
	if (reserve_offset(nf, f->nmembers, err))
		goto fail;
	struct member *m = file_add_member(f, name, err);
	if (!m)
		goto fail;
	nf->offsets[f->nmembers - 1] = at + h.header_bytes;
	npy_header_member(&h, m);
	*end = at + h.header_bytes + m->nbytes;
	/* At once: what is read next from there is what follows this array. */
	if ((size < 0 || input_shared(in)) && m->nbytes >= 0)
		return (nf->only = input_source(in, nf->offsets[0], m->nbytes, err)) ? 0 : -1;
	return 0;
fail:
	npy_header_release(&h);
	return -1;
}

static int npy_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	int64_t size = input_size(in), at = 0;
	size_t got;

	if (!(f->state = calloc(1, sizeof(struct npy_file))))
		return error_memory(err, sizeof(struct npy_file));
	if (open_one(f, in, opt, 0, &at, err))
		return -1;
	if (size < 0)
		return 0;
	if (input_advance(in, at, err))
		return -1;
	while (at < size && !input_shared(in)) {
		const unsigned char *head = input_peek(in, NPY_MAGIC, &got, err);

		if (!head)
			return -1;
		if (!npy_probe(head, got)) {
			char text[80];

			snprintf(text, sizeof(text), "%" PRId64 " bytes after the array are ignored", size - at);
			return (f->warning = strdup(text)) ? 0 : error_memory(err, sizeof(text));
		}
		if (open_one(f, in, opt, at, &at, err)) {
			char text[32];

			snprintf(text, sizeof(text), "array %d", f->nmembers);
			error_prefix(err, text);
			return -1;
		}
		if (input_advance(in, at, err))
			return -1;
	}
	return 0;
}

static int npy_array(struct file *f, int i, struct array *out, struct error *err)
{
	struct npy_file *nf = f->state;
	const struct member *m = &f->members[i];

	if (!m->supported)
		return npy_unsupported(m, err);
	npy_describe(m, 0, out);
	out->src = nf->only ? source_ref(nf->only) : input_source(file_input(f), nf->offsets[i], m->nbytes, err);
	return out->src ? 0 : -1;
}

static void npy_close(struct file *f)
{
	struct npy_file *nf = f->state;

	if (!nf)
		return;
	source_unref(nf->only);
	free(nf->offsets);
	free(nf);
}

/* The state of the writer is where the elements begin. */
static int npy_begin(struct writer *w, const char *name, struct error *err)
{
	struct text t = TEXT_INIT;
	int64_t *data = w->state;
	int ret = -1;

	(void)name;
	if (!data && !(w->state = data = malloc(sizeof(*data))))
		return error_memory(err, sizeof(*data));
	npy_header_text(&t, w->dtype, &w->shape, w->fortran, w->tag);
	if (t.failed)
		error_memory(err, 512);
	else
		ret = output_write(w, t.s, t.len, err);
	text_release(&t);
	*data = w->position;
	if (!ret && w->seekable)
		ret = output_skip(w, w->size * (int64_t)dtype_size(w->dtype), err);
	return ret;
}

static int npy_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const int64_t *data = w->state;
	size_t itemsize = dtype_size(w->dtype);

	if (w->seekable)
		return output_pwrite(w, elements, (size_t)n * itemsize, *data + start * (int64_t)itemsize, err);
	return output_write(w, elements, (size_t)n * itemsize, err);
}

static int npy_end(struct writer *w, struct error *err)
{
	(void)w;
	(void)err;
	return 0;
}

static const struct format_reader npy_reader = { npy_open, npy_array, npy_close, .patchable = true };

static const struct format_writer npy_writer = {
	.random = true, .begin = npy_begin, .write = npy_write, .end = npy_end
};

extern const struct format format_npy;
const struct format format_npy = {
	.name = "npy",
	.suffixes = ".npy",
	.help = "NumPy's arrays: numpy.save, numpy.load",
	.several = true,
	.probe = npy_probe,
	.reader = &npy_reader,
	.writer = &npy_writer,
};
