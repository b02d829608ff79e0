/*
 * raw: elements without any description, as a GPU's memory is dumped: rows may be padded to a pitch, 2-D slices to a
 * slice pitch.  Type and shape are given on the command line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/io.h"

enum { STAGING = 256 << 10 };

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* The axis that is k-th in memory, from the fastest one on. */
static int axis(const struct shape *s, bool fortran, int k)
{
	return fortran ? k : s->ndim - 1 - k;
}

/* Where the elements are: step[k] bytes along the k-th axis in memory, from the fastest one on. */
struct layout {
	int64_t step[MAX_NDIM];
	int64_t least; /* bytes from the first element to the end of the last one */
	int64_t most;  /* the same with the last row and slice padded like the others */
	bool packed;
};

static int too_large(struct error *err)
{
	return error_set(err, ERR_VALUE, "the size of the shape does not fit in 64 bits");
}

static int check_pitches(const struct format_options *opt, const struct shape *s, struct error *err)
{
	if (opt->pitch < 0 || opt->slice_pitch < 0 || opt->offset < 0)
		return error_set(err, ERR_USAGE, "--offset, --pitch and --slice-pitch cannot be negative");
	if (opt->pitch && s->ndim < 2)
		return error_set(err, ERR_USAGE, "--pitch needs a shape of at least 2 dimensions, not %d", s->ndim);
	if (opt->slice_pitch && s->ndim < 3)
		return error_set(err, ERR_USAGE, "--slice-pitch needs a shape of at least 3 dimensions, not %d",
				 s->ndim);
	return 0;
}

/* Lay out a shape without unknown dimensions. */
static int layout_init(struct layout *l, const struct shape *s, enum dtype dtype, bool fortran,
		       const struct format_options *opt, struct error *err)
{
	int64_t step = (int64_t)dtype_size(dtype), span = step;
	bool empty = false;

	l->packed = true;
	for (int k = 0; k < s->ndim; k++) {
		int64_t dim = s->dim[axis(s, fortran, k)];
		int64_t given = k == 1 ? opt->pitch : k == 2 ? opt->slice_pitch : 0;
		int64_t reach;

		if (given && given < span)
			return error_set(err, ERR_USAGE, "--%s %" PRId64 " is less than the %" PRId64 " bytes of a %s",
					 k == 1 ? "pitch" : "slice-pitch", given, span, k == 1 ? "row" : "slice");
		if (given && given != step) {
			step = given;
			l->packed = false;
		}
		l->step[k] = step;
		if (!dim) {
			empty = true;
			continue;
		}
		if (__builtin_mul_overflow(step, dim - 1, &reach) || __builtin_add_overflow(span, reach, &span) ||
		    __builtin_mul_overflow(step, dim, &step))
			return too_large(err);
	}
	l->least = empty ? 0 : span;
	l->most = empty ? 0 : step;
	return 0;
}

/* Replace the -1 in s so that have bytes are filled. */
static int infer_dim(struct shape *s, int64_t have, const struct format_options *opt, struct error *err)
{
	int64_t itemsize = (int64_t)dtype_size(opt->dtype), known = itemsize;
	struct shape one = *s;
	struct layout l;
	int unknown = -1;
	char text[SHAPE_TEXT];

	for (int i = 0; i < s->ndim; i++) {
		if (s->dim[i] < -1 || (s->dim[i] == -1 && unknown >= 0))
			return error_set(err, ERR_USAGE,
					 "--shape %s: one dimension may be -1, the others count elements",
					 shape_text(s, text, sizeof(text)));
		if (s->dim[i] == -1)
			unknown = i;
	}
	if (unknown < 0)
		return 0;

	one.dim[unknown] = 1;
	for (int i = 0; i < s->ndim; i++)
		if (__builtin_mul_overflow(known, one.dim[i], &known))
			return too_large(err);
	if (!known)
		return error_set(err, ERR_USAGE, "--shape %s: -1 is any number where another dimension is 0",
				 shape_text(s, text, sizeof(text)));
	if (unknown == axis(s, opt->fortran, s->ndim - 1)) {
		/* The outermost axis: as many whole steps as there are; the last one may lack its padding. */
		if (layout_init(&l, &one, opt->dtype, opt->fortran, opt, err))
			return -1;
		int64_t step = l.step[s->ndim - 1];
		s->dim[unknown] = have / step + (have % step >= l.least);
		return 0;
	}
	if (opt->pitch || opt->slice_pitch)
		return error_set(err, ERR_USAGE, "--shape %s: with --pitch, only the outermost dimension may be -1",
				 shape_text(s, text, sizeof(text)));
	s->dim[unknown] = have / known;
	return 0;
}

static int wrong_size(const struct shape *s, const struct layout *l, int64_t have, const struct format_options *opt,
		      struct error *err)
{
	char text[SHAPE_TEXT], at[40] = "", range[40] = "";

	shape_text(s, text, sizeof(text));
	if (opt->offset)
		snprintf(at, sizeof(at), " after offset %" PRId64, opt->offset);
	if (l->most != l->least)
		snprintf(range, sizeof(range), " to %" PRId64, l->most);
	return error_set(err, ERR_FILE, "holds %" PRId64 " bytes%s, shape %s of %s needs %" PRId64 "%s", have, at, text,
			 dtype_name(opt->dtype), l->least, range);
}

/* TF32: the elements of another source without the bits that do not count. */
struct tf32_source {
	struct source base;
	struct source *src; /* owned reference */
	bool big_endian;
};

static int tf32_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	/* By place in the element, lowest byte first: 8 bits are ignored, and 5 of the next. */
	static const unsigned char masks[4] = { 0x00, 0xe0, 0xff, 0xff };
	struct tf32_source *s = (struct tf32_source *)src;
	unsigned char *p = buf;

	if (s->src->data)
		memcpy(buf, s->src->data + offset, n);
	else if (s->src->ops->read(s->src, buf, n, offset, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t place = (size_t)(offset + (int64_t)i) & 3;

		p[i] &= masks[s->big_endian ? 3 - place : place];
	}
	return 0;
}

static void tf32_close(struct source *src)
{
	struct tf32_source *s = (struct tf32_source *)src;

	source_unref(s->src);
	free(src->name);
	free(s);
}

static const struct source_ops tf32_ops = { tf32_read, tf32_close };

/* Takes src over, also when it fails; elements start at multiples of 4 in it. */
static struct source *tf32_source(struct source *src, bool big_endian, struct error *err)
{
	struct tf32_source *s = calloc(1, sizeof(*s));

	if (!s || !(s->base.name = strdup(src->name))) {
		free(s);
		source_unref(src);
		error_memory(err, sizeof(*s));
		return NULL;
	}
	s->base.ops = &tf32_ops;
	s->base.refs = 1;
	s->base.sequential = src->sequential;
	s->base.nbytes = src->nbytes;
	s->src = src;
	s->big_endian = big_endian;
	return &s->base;
}

static int skip(struct input *in, int64_t n, struct error *err)
{
	char block[4096];

	while (n > 0) {
		size_t k = n < (int64_t)sizeof(block) ? (size_t)n : sizeof(block);

		if (input_read(in, block, k, err))
			return -1;
		n -= (int64_t)k;
	}
	return 0;
}

static bool fully_known(const struct shape *s)
{
	for (int i = 0; i < s->ndim; i++)
		if (s->dim[i] < 0)
			return false;
	return true;
}

static int raw_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct shape shape = { .ndim = 1, .dim = { -1 } };
	struct input *all = NULL;
	struct layout l;
	struct member *m;

	if (!opt->has_dtype)
		return error_set(err, ERR_USAGE,
				 "raw data do not say what they are: --dtype is needed, and --shape unless 1-D");
	if (opt->has_shape)
		shape = opt->shape;
	if (check_pitches(opt, &shape, err))
		return -1;
	if (opt->tf32 && (opt->pitch % 4 || opt->slice_pitch % 4))
		return error_set(err, ERR_USAGE, "the pitches of tf32 are multiples of 4 bytes");

	if (input_size(in) < 0 && fully_known(&shape)) {
		if (layout_init(&l, &shape, opt->dtype, opt->fortran, opt, err))
			return -1;
		if (l.packed && l.least) {
			if (skip(in, opt->offset, err) || !(f->state = input_source_last(in, l.least, err)))
				return -1;
			goto describe;
		}
	}
	if (input_spool(&all, in, err))
		return -1;

	int64_t size = input_size(all), have = size > opt->offset ? size - opt->offset : 0;
	if (infer_dim(&shape, have, opt, err) || layout_init(&l, &shape, opt->dtype, opt->fortran, opt, err)) {
		input_unref(all);
		return -1;
	}
	if (opt->offset > size)
		error_set(err, ERR_FILE, "holds %" PRId64 " bytes, --offset is %" PRId64, size, opt->offset);
	else if (have < l.least || have > l.most)
		wrong_size(&shape, &l, have, opt, err);
	else
		f->state = input_source(all, opt->offset, have, err);
	input_unref(all);
	if (!f->state)
		return -1;
describe:
	if (opt->tf32 && !(f->state = tf32_source(f->state, opt->big_endian, err)))
		return -1;
	if (!(m = file_add_member(f, "0", err)))
		return -1;
	m->supported = true;
	m->dtype = opt->dtype;
	m->fortran = opt->fortran;
	m->big_endian = opt->big_endian && dtype_info[opt->dtype].swapsize > 1;
	m->shape = shape;
	m->nbytes = shape_size(&shape) * (int64_t)dtype_size(opt->dtype);
	return (m->descr = strdup(dtype_name(opt->dtype))) ? 0 : error_memory(err, 32);
}

static int raw_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct member *m = &f->members[i];
	struct layout l;

	if (layout_init(&l, &m->shape, m->dtype, m->fortran, file_options(f), err))
		return -1;
	out->dtype = m->dtype;
	out->swap = m->big_endian != host_big_endian && dtype_info[m->dtype].swapsize > 1;
	out->shape = m->shape;
	for (int k = 0; k < m->shape.ndim; k++)
		out->strides[axis(&m->shape, m->fortran, k)] = l.step[k];
	out->offset = 0;
	out->src = source_ref(f->state);
	return 0;
}

static void raw_close(struct file *f)
{
	source_unref(f->state);
}

/* The state of the writer. */
struct raw_output {
	struct layout layout;
	int64_t row; /* elements in a row */
	bool swap;
};

static int raw_begin(struct writer *w, const char *name, struct error *err)
{
	struct raw_output *o = w->state;
	const struct shape *s = &w->shape;

	(void)name;
	if (!o && !(w->state = o = calloc(1, sizeof(*o))))
		return error_memory(err, sizeof(*o));
	if (check_pitches(&w->opt, s, err) || layout_init(&o->layout, s, w->dtype, w->fortran, &w->opt, err))
		return -1;
	o->row = s->ndim > 0 ? s->dim[axis(s, w->fortran, 0)] : 1;
	o->swap = w->opt.big_endian != host_big_endian && dtype_info[w->dtype].swapsize > 1;
	return w->seekable ? output_skip(w, o->layout.most, err) : 0;
}

/* Bytes in front of element i, padding included. */
static int64_t element_offset(const struct writer *w, int64_t i)
{
	const struct raw_output *o = w->state;
	int64_t at = 0;

	for (int k = 0; k < w->shape.ndim; k++) {
		int64_t dim = w->shape.dim[axis(&w->shape, w->fortran, k)];

		/* One past the last element is the end of the last slice. */
		at += (k == w->shape.ndim - 1 ? i : i % dim) * o->layout.step[k];
		i /= dim;
	}
	return at;
}

static int put(struct writer *w, const void *buf, size_t n, int64_t offset, struct error *err)
{
	return w->seekable ? output_pwrite(w, buf, n, offset, err) : output_write(w, buf, n, err);
}

/* What goes to the output from offset at on, collected in a block of STAGING bytes. */
struct staging {
	unsigned char *block;
	size_t used;
	int64_t at;
};

static int staging_flush(struct staging *s, struct writer *w, struct error *err)
{
	size_t n = s->used;

	s->used = 0;
	s->at += (int64_t)n;
	return put(w, s->block, n, s->at - (int64_t)n, err);
}

/* Round to the nearest of TF32's 10 bits of mantissa, ties to even; what overflows is infinite, NaN stays one. */
static void round_tf32(unsigned char *p, size_t n)
{
	for (; n >= 4; p += 4, n -= 4) {
		uint32_t v;

		memcpy(&v, p, 4);
		if ((v & 0x7fffffff) > 0x7f800000)
			v |= 0x00400000;
		else
			v += 0xfff + (v >> 13 & 1);
		v &= ~(uint32_t)0x1fff;
		memcpy(p, &v, 4);
	}
}

/* Elements within one row. */
static int stage_elements(struct staging *s, struct writer *w, const void *from, int64_t n, struct error *err)
{
	const struct raw_output *o = w->state;
	size_t itemsize = dtype_size(w->dtype), left = (size_t)n * itemsize;

	for (const char *p = from; left;) {
		size_t k = (STAGING - s->used) / itemsize * itemsize;

		if (k > left)
			k = left;
		if (!k) {
			if (staging_flush(s, w, err))
				return -1;
			continue;
		}
		memcpy(s->block + s->used, p, k);
		if (w->opt.tf32)
			round_tf32(s->block + s->used, k);
		if (o->swap)
			copy_swapped(s->block + s->used, s->block + s->used, k, dtype_info[w->dtype].swapsize);
		s->used += k;
		p += k;
		left -= k;
	}
	return 0;
}

static int stage_zeros(struct staging *s, struct writer *w, int64_t n, struct error *err)
{
	while (n > 0) {
		size_t k = STAGING - s->used;

		if (n < (int64_t)k)
			k = (size_t)n;
		memset(s->block + s->used, 0, k);
		s->used += k;
		n -= (int64_t)k;
		if (s->used == STAGING && staging_flush(s, w, err))
			return -1;
	}
	return 0;
}

static int raw_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	const struct raw_output *o = w->state;
	int64_t itemsize = (int64_t)dtype_size(w->dtype);
	const char *from = elements;
	struct staging s = { .at = element_offset(w, start) };
	int ret = 0;

	if (o->layout.packed && !o->swap && !w->opt.tf32)
		return put(w, elements, (size_t)(n * itemsize), start * itemsize, err);
	if (!(s.block = malloc(STAGING)))
		return error_memory(err, STAGING);
	if (o->layout.packed)
		s.at = start * itemsize;

	while (n && !ret) {
		int64_t k = o->layout.packed ? n : o->row - start % o->row;

		if (k > n)
			k = n;
		ret = stage_elements(&s, w, from, k, err);
		from += k * itemsize;
		start += k;
		n -= k;
		/* The padding behind a row, and behind the last row of a slice, is written with its end. */
		if (!ret && !o->layout.packed)
			ret = stage_zeros(&s, w, element_offset(w, start) - s.at - (int64_t)s.used, err);
	}
	if (!ret)
		ret = staging_flush(&s, w, err);
	free(s.block);
	return ret;
}

static int raw_end(struct writer *w, struct error *err)
{
	(void)w;
	(void)err;
	return 0;
}

static const struct format_reader raw_reader = { raw_open, raw_array, raw_close, .patchable = true };

static const struct format_writer raw_writer = {
	.random = true, .begin = raw_begin, .write = raw_write, .end = raw_end
};

extern const struct format format_raw;
const struct format format_raw = {
	.name = "raw",
	.suffixes = ".raw .bin",
	.help = "elements alone, as a GPU's memory is dumped: needs --dtype and --shape",
	.reader = &raw_reader,
	.writer = &raw_writer,
};
