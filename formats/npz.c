/* npz: zip archives of npy arrays, as numpy.savez and numpy.savez_compressed write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/npy.h"
#include "formats/torch.h"
#include "formats/zip.h"

extern const struct format_writer npz_writer; /* npz_write.c */

struct npz_file {
	struct zip zip;
	int64_t *offsets; /* of the elements in each member; -1: it is no npy array */
};

static bool npz_probe(const unsigned char *head, size_t n)
{
	return n >= 4 && head[0] == 'P' && head[1] == 'K' &&
	       ((head[2] == 3 && head[3] == 4) || (head[2] == 5 && head[3] == 6) || (head[2] == 6 && head[3] == 6));
}

/* A member whose magic was read already. */
struct member_reader {
	struct zip_stream *stream;
	unsigned char magic[NPY_MAGIC];
	size_t taken; /* of the magic */
};

static int read_member(void *from, void *buf, size_t n, struct error *err)
{
	struct member_reader *r = from;
	size_t k = NPY_MAGIC - r->taken < n ? NPY_MAGIC - r->taken : n;

	memcpy(buf, r->magic + r->taken, k);
	r->taken += k;
	return zip_stream_read(r->stream, (unsigned char *)buf + k, n - k, err);
}

/* The member's header, from the first bytes of entry i. */
static int read_header(struct npz_file *nf, int i, struct member *m, const struct format_options *opt,
		       struct error *err)
{
	int64_t size = nf->zip.entries[i].size;
	struct member_reader r = { 0 };
	struct npy_header h = { 0 };
	int ret = -1;

	if (zip_stream_open(&r.stream, &nf->zip, i, false, err))
		return -1;
	if (zip_stream_read(r.stream, r.magic, NPY_MAGIC, err))
		goto done;
	if (!npy_probe(r.magic, NPY_MAGIC)) {
		ret = (m->descr = strdup("bytes")) ? 0 : error_memory(err, 8);
		goto done;
	}
	if (npy_header_read(&h, read_member, &r, size, opt, err))
		goto done;
	if (h.nbytes < 0)
		h.nbytes = size - h.header_bytes;
	if (h.nbytes > size - h.header_bytes) {
		npy_truncated(&h, size - h.header_bytes, err);
		goto done;
	}
	nf->offsets[i] = h.header_bytes;
	npy_header_member(&h, m);
	ret = 0;
done:
	npy_header_release(&h);
	zip_stream_close(r.stream);
	return ret;
}

static int add_member(struct file *f, int i, const struct format_options *opt, struct error *err)
{
	struct npz_file *nf = f->state;
	const struct zip_entry *e = &nf->zip.entries[i];
	size_t n = strlen(e->name);
	bool named = n >= 4 && !strcmp(e->name + n - 4, ".npy");
	struct member *m = file_add_member(f, e->name, err);

	if (!m)
		return -1;
	nf->offsets[i] = -1;
	m->nbytes = e->size;
	if (zip_refusal(e) || e->size < NPY_MAGIC || (n && e->name[n - 1] == '/')) {
		m->descr = strdup(n && e->name[n - 1] == '/' ? "directory" : "bytes");
		if (!m->descr)
			return error_memory(err, 16);
	} else if (read_header(nf, i, m, opt, err)) {
		error_prefix(err, e->name);
		return -1;
	}
	if (named)
		m->name[n - 4] = '\0';
	return 0;
}

static int npz_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct npz_file *nf = calloc(1, sizeof(*nf));
	struct input *all;

	if (!(f->state = nf))
		return error_memory(err, sizeof(*nf));
	f->archive = true;
	if (input_spool(&all, in, err))
		return -1;

	int ret = zip_open(&nf->zip, all, err);
	input_unref(all);
	if (ret)
		return -1;
	if (!opt->format && torch_archive(&nf->zip, f->path)) {
		struct zip zip = nf->zip;

		free(nf);
		f->state = NULL;
		return torch_open_archive(f, &zip, err);
	}
	size_t room = (size_t)nf->zip.nentries + 1;
	if (!(nf->offsets = malloc(room * sizeof(*nf->offsets))))
		return error_memory(err, room * sizeof(*nf->offsets));
	for (int i = 0; i < nf->zip.nentries; i++)
		if (add_member(f, i, opt, err))
			return -1;
	return 0;
}

static int npz_array(struct file *f, int i, struct array *out, struct error *err)
{
	struct npz_file *nf = f->state;
	const struct member *m = &f->members[i];
	const char *refusal = zip_refusal(&nf->zip.entries[i]);

	if (refusal)
		return error_set(err, ERR_FILE, "%s", refusal);
	if (nf->offsets[i] < 0)
		return error_set(err, ERR_FILE, "is no npy array");
	if (!m->supported)
		return npy_unsupported(m, err);

	if (!(out->src = zip_source(&nf->zip, i, nf->offsets[i], m->nbytes, err)))
		return -1;
	npy_describe(m, 0, out);
	return 0;
}

/* The elements of a stored member are in the archive as they are. */
static int npz_share(struct file *f, int i, struct array *out, struct error *err)
{
	struct npz_file *nf = f->state;
	const struct member *m = &f->members[i];
	const struct zip_entry *e = &nf->zip.entries[i];
	const char *refusal = zip_refusal(e);
	int64_t data;

	if (refusal)
		return error_set(err, ERR_FILE, "%s", refusal);
	if (nf->offsets[i] < 0)
		return error_set(err, ERR_FILE, "is no npy array");
	if (!m->supported)
		return npy_unsupported(m, err);
	if (e->packed != e->size || e->method)
		return error_set(err, ERR_FILE, "is compressed, so that it can only be copied");
	if (zip_data(&nf->zip, i, &data, err) ||
	    !(out->src = input_source(nf->zip.in, data + nf->offsets[i], m->nbytes, err)))
		return -1;
	npy_describe(m, 0, out);
	return 0;
}

static void npz_close(struct file *f)
{
	struct npz_file *nf = f->state;

	if (!nf)
		return;
	zip_release(&nf->zip);
	free(nf->offsets);
	free(nf);
}

static const struct format_reader npz_reader = { npz_open, npz_array, npz_close, .share = npz_share };

extern const struct format format_npz;
const struct format format_npz = {
	.name = "npz",
	.suffixes = ".npz",
	.help = "archives of named arrays: numpy.savez, numpy.savez_compressed",
	.archive = true,
	.probe = npz_probe,
	.reader = &npz_reader,
	.writer = &npz_writer,
};
