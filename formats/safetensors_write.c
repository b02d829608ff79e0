/*
 * Writing safetensors: tensors lie sorted by alignment, largest first, then by name, and the header is padded with blanks to a
 * multiple of 8 bytes, as the format's own implementation does it; so the same tensors make the same file, and each of them
 * is aligned.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"
#include "formats/safetensors.h"
#include "lib/text.h"

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

struct slot {
	const char *name;
	int rank;      /* of its type in safetensors_types */
	int index;     /* among the arrays as the caller has them */
	int64_t begin; /* behind the header */
	int64_t nbytes;
};

struct safetensors_output {
	struct slot *slots; /* in the order of the file; their names are valid in safetensors_arrange only */
	int n, next;	    /* next: the slot that will be written */
	int64_t data;	    /* bytes in front of the first tensor */
};

static int type_rank(enum dtype dtype)
{
	for (int i = 0; safetensors_types[i].name; i++)
		if (safetensors_types[i].supported && safetensors_types[i].dtype == dtype)
			return i;
	return -1;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->rank != y->rank ? y->rank - x->rank : strcmp(x->name, y->name);
}

static int check_names(const struct writer *w, int n, const struct slot *slots, struct error *err)
{
	const char **names = malloc(((size_t)n + 1) * sizeof(*names)), *twice;

	if (!names)
		return error_memory(err, (size_t)n * sizeof(*names));
	for (int i = 0; i < n; i++)
		names[i] = slots[i].name;
	twice = text_duplicate(names, (size_t)n);
	free(names);
	if (twice)
		return error_set(err, ERR_USAGE, "%s: two tensors are called '%s'; name one with NAME=FILE", w->name,
				 twice);
	return 0;
}

static int fill_slots(struct writer *w, int n, const struct planned *arrays, struct slot *slots, struct error *err)
{
	int64_t at = 0;

	for (int i = 0; i < n; i++) {
		const struct planned *p = &arrays[i];
		int64_t size = shape_size(p->shape);
		int rank = type_rank(p->dtype);

		if (rank < 0)
			return error_set(err, ERR_VALUE, "%s: %s: safetensors has no %s: choose a type with --dtype",
					 w->name, p->name, dtype_name(p->dtype));
		if (!strcmp(p->name, "__metadata__"))
			return error_set(err, ERR_USAGE, "%s: no tensor can be called __metadata__: use NAME=FILE",
					 w->name);
		if (!utf8_valid((const unsigned char *)p->name, strlen(p->name)))
			return error_set(err, ERR_VALUE, "%s: the name '%s' is not UTF-8, as that of a tensor must be",
					 w->name, p->name);
		slots[i] = (struct slot){ p->name, rank, i, 0, 0 };
		if (size < 0 || __builtin_mul_overflow(size, (int64_t)dtype_size(p->dtype), &slots[i].nbytes))
			return error_memory(err, 0);
	}
	if (check_names(w, n, slots, err))
		return -1;
	qsort(slots, (size_t)n, sizeof(*slots), compare_slots);
	for (int i = 0; i < n; i++) {
		slots[i].begin = at;
		if (__builtin_add_overflow(at, slots[i].nbytes, &at))
			return error_memory(err, 0);
	}
	return 0;
}

static void put_entry(struct text *t, const struct slot *s, const struct shape *shape)
{
	text_json(t, s->name);
	text_fmt(t, ":{\"dtype\":\"%s\",\"shape\":[", safetensors_types[s->rank].name);
	for (int i = 0; i < shape->ndim; i++)
		text_fmt(t, i ? ",%" PRId64 : "%" PRId64, shape->dim[i]);
	text_fmt(t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", s->begin, s->begin + s->nbytes);
}

static int put_header(struct writer *w, const struct planned *arrays, struct error *err)
{
	struct safetensors_output *o = w->state;
	struct text t = TEXT_INIT;
	const char *sep = "";
	int ret = 0;

	for (int i = 0; i < SAFETENSORS_LENGTH; i++)
		text_char(&t, '\0');
	text_char(&t, '{');
	if (w->opt.metadata && w->opt.metadata->n) {
		text_add(&t, "\"__metadata__\":");
		metadata_text(w->opt.metadata, &t);
		sep = ",";
	}
	for (int i = 0; i < o->n; i++) {
		text_add(&t, sep);
		put_entry(&t, &o->slots[i], arrays[o->slots[i].index].shape);
		sep = ",";
	}
	text_char(&t, '}');
	while (t.len % 8 && !t.failed)
		text_char(&t, ' ');
	if (t.failed)
		ret = error_memory(err, t.room);
	else if (t.len - SAFETENSORS_LENGTH > SAFETENSORS_HEADER_MAX)
		ret = error_set(err, ERR_VALUE, "%s: the header would have %zu bytes, the limit of safetensors is %d",
				w->name, t.len - SAFETENSORS_LENGTH, SAFETENSORS_HEADER_MAX);
	for (int i = 0; !ret && i < SAFETENSORS_LENGTH; i++)
		t.s[i] = (char)((t.len - SAFETENSORS_LENGTH) >> 8 * i & 0xff);
	if (!ret)
		ret = output_write(w, t.s, t.len, err);
	text_release(&t);
	return ret;
}

static int safetensors_arrange(struct writer *w, int n, const struct planned *arrays, int *order, struct error *err)
{
	struct safetensors_output *o = calloc(1, sizeof(*o));

	if (!(w->state = o))
		return error_memory(err, sizeof(*o));
	if (!(o->slots = calloc((size_t)n + 1, sizeof(*o->slots))))
		return error_memory(err, (size_t)n * sizeof(*o->slots));
	o->n = n;
	if (fill_slots(w, n, arrays, o->slots, err) || put_header(w, arrays, err))
		return -1;
	o->data = w->position;
	for (int i = 0; i < n; i++) {
		order[i] = o->slots[i].index;
		o->slots[i].name = NULL;
	}
	if (!n || !w->seekable)
		return 0;
	return output_skip(w, o->slots[n - 1].begin + o->slots[n - 1].nbytes, err);
}

static int safetensors_begin(struct writer *w, const char *name, struct error *err)
{
	struct safetensors_output *o = w->state;

	(void)name;
	if (w->fortran)
		return error_set(err, ERR_USAGE, "%s: safetensors has no memory order but C", w->name);
	if (o->next == o->n || o->slots[o->next].rank != type_rank(w->dtype) ||
	    o->slots[o->next].nbytes != w->size * (int64_t)dtype_size(w->dtype))
		return error_set(err, ERR_VALUE, "%s: is not the array that the header has next", w->name);
	return 0;
}

static int safetensors_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const struct safetensors_output *o = w->state;
	size_t itemsize = dtype_size(w->dtype), nbytes = (size_t)n * itemsize, unit = dtype_info[w->dtype].swapsize;
	void *swapped = NULL;

	if (host_big_endian && unit > 1) {
		if (!(swapped = malloc(nbytes)))
			return error_memory(err, nbytes);
		copy_swapped(swapped, elements, nbytes, unit);
		elements = swapped;
	}

	int ret = w->seekable ? output_pwrite(w, elements, nbytes,
					      o->data + o->slots[o->next].begin + start * (int64_t)itemsize, err)
			      : output_write(w, elements, nbytes, err);
	free(swapped);
	return ret;
}

static int safetensors_end(struct writer *w, struct error *err)
{
	struct safetensors_output *o = w->state;

	(void)err;
	o->next++;
	return 0;
}

static int safetensors_finish(struct writer *w, struct error *err)
{
	const struct safetensors_output *o = w->state;

	if (o && o->next == o->n)
		return 0;
	return error_set(err, ERR_VALUE, "%s: %d of %d tensors were written", w->name, o ? o->next : 0, o ? o->n : 0);
}

static void safetensors_release(struct writer *w)
{
	struct safetensors_output *o = w->state;

	if (!o)
		return;
	free(o->slots);
	free(o);
}

extern const struct format_writer safetensors_writer;
const struct format_writer safetensors_writer = {
	.random = true,
	.arrange = safetensors_arrange,
	.begin = safetensors_begin,
	.write = safetensors_write,
	.end = safetensors_end,
	.finish = safetensors_finish,
	.release = safetensors_release,
};
