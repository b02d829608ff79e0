/*
 * Writing pt, as torch.save does and torch.load(weights_only=True) reads: the elements of each tensor are a stored entry that
 * starts at a multiple of 64 bytes, the pickle that describes them comes behind them, where all is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/torch.h"
#include "formats/zip_write.h"
#include "lib/text.h"

#define PREFIX "archive/"

struct torch_output {
	struct zip_output zip;
	struct text pickle; /* keys and tensors in turn */
	int ntensors;
	bool bare;	    /* it is one tensor without a name */
	const char **names; /* owned, with their strings */
};

/* == the pickle == */

/* Protocol 2 has an opcode for each size. */
static void put_int(struct text *t, int64_t v)
{
	size_t n = v < 0 || v > INT32_MAX ? 8 : v > UINT16_MAX ? 4 : v > UINT8_MAX ? 2 : 1;
	char p[10];
	size_t at = 0;

	if (n == 8) {
		p[at++] = (char)0x8a; /* LONG1 */
		p[at++] = 8;
	} else {
		p[at++] = n == 4 ? 'J' : n == 2 ? 'M' : 'K'; /* BININT, BININT2, BININT1 */
	}
	for (size_t i = 0; i < n; i++)
		p[at++] = (char)((uint64_t)v >> 8 * i & 0xff);
	text_add_n(t, p, at);
}

static void put_text(struct text *t, const char *s)
{
	size_t n = strlen(s);
	char p[5] = { 'X' }; /* BINUNICODE */

	for (int i = 0; i < 4; i++)
		p[1 + i] = (char)(n >> 8 * i & 0xff);
	text_add_n(t, p, 5);
	text_add_n(t, s, n);
}

static void put_global(struct text *t, const char *module, const char *name)
{
	text_fmt(t, "c%s\n%s\n", module, name);
}

static void put_list(struct text *t, int n, const int64_t *v)
{
	text_char(t, '('); /* MARK, ..., TUPLE */
	for (int i = 0; i < n; i++)
		put_int(t, v[i]);
	text_char(t, 't');
}

/* A call of _rebuild_tensor_v2, or of _v3 where the type has no storage of its own, for the storage called key. */
static void put_tensor(struct text *t, const struct writer *w, const char *key)
{
	const struct torch_dtype *d = torch_dtypes;
	int64_t strides[MAX_NDIM];

	/* All dtypes of the program are there. */
	while (!d->supported || d->dtype != w->dtype)
		d++;
	shape_strides(&w->shape, 1, w->fortran, strides);
	put_global(t, "torch._utils", d->storage ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
	text_add(t, "((");
	put_text(t, "storage");
	if (d->storage)
		put_global(t, "torch", d->storage);
	else
		put_global(t, "torch.storage", "UntypedStorage");
	put_text(t, key);
	put_text(t, "cpu");
	put_int(t, d->storage ? w->size : w->size * d->itemsize);
	text_add(t, "tQ"); /* TUPLE, BINPERSID */
	put_int(t, 0);
	put_list(t, w->shape.ndim, w->shape.dim);
	put_list(t, w->shape.ndim, strides);
	text_char(t, (char)0x89); /* requires no gradient; no hooks: OrderedDict() */
	put_global(t, "collections", "OrderedDict");
	text_add(t, ")R");
	if (!d->storage)
		put_global(t, "torch", d->name);
	text_add(t, "tR");
}

/* == the archive == */

static int begin_entry(struct writer *w, struct torch_output *o, const char *name, int64_t size, struct error *err)
{
	char *path = strdup(name);

	return path ? zip_begin(w, &o->zip, path, ZIP_STORED, size, err) : error_memory(err, strlen(name));
}

static int put_entry(struct writer *w, struct torch_output *o, const char *name, const void *data, size_t n,
		     struct error *err)
{
	return begin_entry(w, o, name, (int64_t)n, err) || zip_store(w, &o->zip, data, n, err) ||
			       zip_end(w, &o->zip, err)
		       ? -1
		       : 0;
}

static int remember_name(struct writer *w, struct torch_output *o, const char *name, struct error *err)
{
	if (!utf8_valid((const unsigned char *)name, strlen(name)))
		return error_set(err, ERR_VALUE, "%s: the name of a tensor is not UTF-8: give it another, NAME=FILE",
				 w->name);
	/* The array has room for the next power of two. */
	if (!(o->ntensors & (o->ntensors - 1))) {
		size_t room = o->ntensors ? 2 * (size_t)o->ntensors : 1;
		const char **names = realloc(o->names, room * sizeof(*names));

		if (!names)
			return error_memory(err, room * sizeof(*names));
		o->names = names;
	}
	return (o->names[o->ntensors] = strdup(name)) ? 0 : error_memory(err, strlen(name));
}

static int torch_begin(struct writer *w, const char *name, struct error *err)
{
	struct torch_output *o = w->state;
	char path[64], number[24];
	const char *key;

	if (!o && !(w->state = o = calloc(1, sizeof(*o))))
		return error_memory(err, sizeof(*o));
	snprintf(path, sizeof(path), PREFIX "data/%d", o->ntensors);
	snprintf(number, sizeof(number), "arr_%d", o->ntensors);
	key = path + strlen(PREFIX "data/");
	if (!o->ntensors)
		o->bare = !name;
	if (remember_name(w, o, name ? name : number, err))
		return -1;
	o->ntensors++;
	put_text(&o->pickle, o->names[o->ntensors - 1]);
	put_tensor(&o->pickle, w, key);
	return begin_entry(w, o, path, w->size * (int64_t)dtype_size(w->dtype), err);
}

static int torch_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct torch_output *o = w->state;

	(void)start;
	return zip_store(w, &o->zip, elements, (size_t)n * dtype_size(w->dtype), err);
}

static int torch_end(struct writer *w, struct error *err)
{
	struct torch_output *o = w->state;

	return zip_end(w, &o->zip, err);
}

static int put_pickle(struct writer *w, struct torch_output *o, struct error *err)
{
	bool bare = o->bare && o->ntensors == 1;
	size_t key = bare ? 5 + strlen(o->names[0]) : 0; /* bytes of the name that is not wanted */
	struct text t = TEXT_INIT;
	int ret;

	text_add_n(&t, "\x80\2", 2);
	if (!bare)
		text_add(&t, "}("); /* EMPTY_DICT, MARK, ..., SETITEMS */
	if (o->pickle.s)
		text_add_n(&t, o->pickle.s + key, o->pickle.len - key);
	text_add(&t, bare ? "." : "u.");
	ret = t.failed || o->pickle.failed ? error_memory(err, o->pickle.room)
					   : put_entry(w, o, PREFIX "data.pkl", t.s, t.len, err);
	text_release(&t);
	return ret;
}

static int torch_finish(struct writer *w, struct error *err)
{
	const char *order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "big" : "little";
	struct torch_output *o = w->state;
	const char *twice;

	/* Of no arrays: an empty dictionary. */
	if (!o && !(w->state = o = calloc(1, sizeof(*o))))
		return error_memory(err, sizeof(*o));
	if (put_pickle(w, o, err) || put_entry(w, o, PREFIX "byteorder", order, strlen(order), err) ||
	    put_entry(w, o, PREFIX "version", "3\n", 2, err))
		return -1;
	/* Sorted, so that they are free in any order, but not wanted any more. */
	if ((twice = text_duplicate(o->names, (size_t)o->ntensors)))
		return error_set(err, ERR_USAGE, "%s: two tensors are called '%s'; name one with NAME=FILE", w->name,
				 twice);
	return zip_finish(w, &o->zip, NULL, 0, 0, 0, err);
}

static void torch_release(struct writer *w)
{
	struct torch_output *o = w->state;

	if (!o)
		return;
	for (int i = 0; i < o->ntensors; i++)
		free((char *)o->names[i]);
	free(o->names);
	text_release(&o->pickle);
	zip_output_release(&o->zip);
	free(o);
}

const struct format_writer torch_writer = {
	.begin = torch_begin,
	.write = torch_write,
	.end = torch_end,
	.finish = torch_finish,
	.release = torch_release,
};
