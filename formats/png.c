/*
 * png: images, through libpng; the only file that knows it.  Rows are decoded as they are asked for, so that an image costs no
 * memory; only an interlaced one is decoded as a whole.  Samples are those of the file: no gamma, no scaling; palettes become
 * colours, and fewer than 8 bits become 8.
 */
#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/image.h"

enum {
	SIGNATURE = 8,
	DEFLATE_RATIO = 1032, /* no deflated byte becomes more than this */
};

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* What the callbacks of libpng know, reading or writing. */
struct png_io {
	struct input *in; /* owned reference, or NULL */
	int64_t at;
	struct writer *w;
	struct error *err; /* of the call that is being made */
	bool failed;	   /* err is set already */
};

/* == callbacks == */

static void on_error(png_structp png, png_const_charp message)
{
	struct png_io *io = png_get_error_ptr(png);

	if (!io->failed)
		error_set(io->err, ERR_FILE, "is no valid png: %s", message);
	io->failed = true;
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t n)
{
	struct png_io *io = png_get_mem_ptr(png);
	void *p = malloc(n);

	if (!p && !io->failed) {
		error_memory(io->err, n);
		io->failed = true;
	}
	return p;
}

static void on_free(png_structp png, png_voidp p)
{
	(void)png;
	free(p);
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
	struct png_io *io = png_get_io_ptr(png);

	if (input_pread(io->in, to, n, io->at, io->err)) {
		io->failed = true;
		png_error(png, "");
	}
	io->at += (int64_t)n;
}

static void on_write(png_structp png, png_bytep from, size_t n)
{
	struct png_io *io = png_get_io_ptr(png);

	if (output_write(io->w, from, n, io->err)) {
		io->failed = true;
		png_error(png, "");
	}
}

static void on_flush(png_structp png)
{
	(void)png;
}

/* == reading == */

/* An image being decoded. */
struct png_source {
	struct source base;
	struct png_io io;
	png_structp png;
	png_infop info;
	size_t row;	     /* bytes of a decoded row */
	unsigned char *rows; /* the row that holds the next byte; of an interlaced image all of them */
	int64_t height;
	int64_t decoded, done; /* rows decoded, bytes given */
	int channels, bytes;
	bool interlaced;
};

/* Everything up to the first row: longjmp comes back here. */
static int read_info(struct png_source *s)
{
	if (setjmp(png_jmpbuf(s->png)))
		return -1;
	png_set_read_fn(s->png, &s->io, on_read);
	png_set_user_limits(s->png, INT32_MAX, INT32_MAX);
	png_read_info(s->png, s->info);

	int64_t size = input_size(s->io.in);
	size_t packed = png_get_rowbytes(s->png, s->info);
	s->height = png_get_image_height(s->png, s->info);
	if ((int64_t)packed > size * DEFLATE_RATIO / s->height)
		png_error(s->png, "it claims to become larger than its data can");

	png_set_expand(s->png);
	if (!host_big_endian)
		png_set_swap(s->png);
	s->interlaced = png_get_interlace_type(s->png, s->info) != PNG_INTERLACE_NONE;
	png_set_interlace_handling(s->png);
	png_read_update_info(s->png, s->info);
	s->row = png_get_rowbytes(s->png, s->info);
	s->channels = png_get_channels(s->png, s->info);
	s->bytes = png_get_bit_depth(s->png, s->info) == 16 ? 2 : 1;
	return 0;
}

/* The next row, or all of an interlaced image, into s->rows. */
static int read_rows(struct png_source *s, int passes)
{
	if (setjmp(png_jmpbuf(s->png)))
		return -1;
	if (!s->interlaced) {
		png_read_row(s->png, s->rows, NULL);
		return 0;
	}
	for (int pass = 0; pass < passes; pass++)
		for (int64_t i = 0; i < s->height; i++)
			png_read_row(s->png, s->rows + (size_t)i * s->row, NULL);
	return 0;
}

static int read_end(struct png_source *s)
{
	if (setjmp(png_jmpbuf(s->png)))
		return -1;
	png_read_end(s->png, NULL);
	return 0;
}

static int png_source_read(struct source *src, void *buf, size_t n, int64_t offset, struct error *err)
{
	struct png_source *s = (struct png_source *)src;
	char *to = buf;

	if (offset != s->done)
		return error_set(err, ERR_FILE, "is a stream: byte %" PRId64 " was asked for after byte %" PRId64,
				 offset, s->done);
	s->io.err = err;
	while (n) {
		int64_t row = s->done / (int64_t)s->row;
		size_t at = (size_t)(s->done % (int64_t)s->row), k = s->row - at < n ? s->row - at : n;

		if (!s->rows && !(s->rows = malloc(s->interlaced ? s->row * (size_t)s->height : s->row)))
			return error_memory(err, s->row);
		if (row >= s->decoded) {
			if (read_rows(s, 7))
				return -1;
			s->decoded = s->interlaced ? s->height : s->decoded + 1;
			/* The checksums of what follows the last row are verified before it is given. */
			if (s->decoded == s->height && read_end(s))
				return -1;
		}
		memcpy(to, s->rows + (s->interlaced ? (size_t)row * s->row : 0) + at, k);
		to += k;
		n -= k;
		s->done += (int64_t)k;
	}
	return 0;
}

static void png_source_close(struct source *src)
{
	struct png_source *s = (struct png_source *)src;

	png_destroy_read_struct(&s->png, &s->info, NULL);
	input_unref(s->io.in);
	free(s->rows);
	free(src->name);
	free(s);
}

static const struct source_ops png_ops = { png_source_read, png_source_close };

/* A decoder that stands before the first row. */
static int decoder_new(struct png_source **out, struct input *in, struct error *err)
{
	struct png_source *s = calloc(1, sizeof(*s));

	if (!s)
		return error_memory(err, sizeof(*s));
	s->base.ops = &png_ops;
	s->base.refs = 1;
	s->base.sequential = true;
	s->io.err = err;
	s->io.in = input_ref(in);
	s->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &s->io, on_error, on_warning, &s->io, on_malloc,
					  on_free);
	s->info = s->png ? png_create_info_struct(s->png) : NULL;
	if (!s->info || !(s->base.name = strdup(input_name(in)))) {
		png_source_close(&s->base);
		return error_memory(err, sizeof(*s));
	}
	if (read_info(s)) {
		png_source_close(&s->base);
		return -1;
	}
	s->base.nbytes = (int64_t)s->row * s->height;
	*out = s;
	return 0;
}

static bool png_probe(const unsigned char *head, size_t n)
{
	return n >= SIGNATURE && !memcmp(head, "\x89PNG\r\n\x1a\n", SIGNATURE);
}

static int png_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	struct png_source *s;
	struct input *all;

	(void)opt;
	if (input_spool(&all, in, err))
		return -1;
	f->state = all;
	if (decoder_new(&s, all, err))
		return -1;

	int64_t width = (int64_t)s->row / (s->channels * s->bytes);
	int ret = image_member(f, s->height, width, s->channels, s->bytes, err);
	source_unref(&s->base);
	return ret;
}

static int png_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct member *m = &f->members[i];
	struct png_source *s;

	if (decoder_new(&s, f->state, err))
		return -1;
	out->dtype = m->dtype;
	out->swap = false; /* libpng did it */
	out->shape = m->shape;
	shape_strides(&m->shape, dtype_size(m->dtype), false, out->strides);
	out->offset = 0;
	out->src = &s->base;
	return 0;
}

static void png_close(struct file *f)
{
	input_unref(f->state);
}

/* == writing == */

struct png_output {
	struct png_io io;
	png_structp png;
	png_infop info;
	struct image im;
	unsigned char *row;
	size_t samples, filled; /* of a row, and of this one */
};

static int write_info(struct png_output *o)
{
	static const int colours[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
				       PNG_COLOR_TYPE_RGB_ALPHA };

	if (setjmp(png_jmpbuf(o->png)))
		return -1;
	png_set_write_fn(o->png, &o->io, on_write, on_flush);
	png_set_user_limits(o->png, INT32_MAX, INT32_MAX);
	png_set_IHDR(o->png, o->info, (png_uint_32)o->im.width, (png_uint_32)o->im.height, 8 * o->im.bytes,
		     colours[o->im.channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
		     PNG_FILTER_TYPE_DEFAULT);
	png_write_info(o->png, o->info);
	return 0;
}

static int write_row(struct png_output *o)
{
	if (setjmp(png_jmpbuf(o->png)))
		return -1;
	png_write_row(o->png, o->row);
	return 0;
}

static int write_end(struct png_output *o)
{
	if (setjmp(png_jmpbuf(o->png)))
		return -1;
	png_write_end(o->png, o->info);
	return 0;
}

static int png_begin(struct writer *w, const char *name, struct error *err)
{
	struct png_output *o = calloc(1, sizeof(*o));

	(void)name;
	if (!(w->state = o))
		return error_memory(err, sizeof(*o));
	if (image_of(&o->im, w, "png", "(H, W) or (H, W, C) with C up to 4", 4, err))
		return -1;
	o->io.w = w;
	o->io.err = err;
	o->samples = (size_t)o->im.width * (size_t)o->im.channels;
	o->row = malloc(o->samples * (size_t)o->im.bytes);
	o->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &o->io, on_error, on_warning, &o->io, on_malloc,
					   on_free);
	o->info = o->png ? png_create_info_struct(o->png) : NULL;
	if (!o->row || !o->info)
		return error_memory(err, o->samples);
	return write_info(o);
}

static int png_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	struct png_output *o = w->state;
	size_t itemsize = dtype_size(w->dtype);
	const char *from = elements;

	(void)start;
	o->io.err = err;
	while (n) {
		size_t k = o->samples - o->filled;

		if ((int64_t)k > n)
			k = (size_t)n;
		image_samples(o->row + o->filled * itemsize, from, k, w->dtype);
		from += k * itemsize;
		n -= (int64_t)k;
		o->filled += k;
		if (o->filled < o->samples)
			break;
		o->filled = 0;
		if (write_row(o))
			return -1;
	}
	return 0;
}

static int png_end(struct writer *w, struct error *err)
{
	struct png_output *o = w->state;

	o->io.err = err;
	return write_end(o);
}

static void png_release(struct writer *w)
{
	struct png_output *o = w->state;

	if (!o)
		return;
	png_destroy_write_struct(&o->png, &o->info);
	free(o->row);
	free(o);
}

static const struct format_reader png_reader = { png_open, png_array, png_close, .patchable = false };

static const struct format_writer png_writer = {
	.begin = png_begin, .write = png_write, .end = png_end, .release = png_release
};

extern const struct format format_png;
const struct format format_png = {
	.name = "png",
	.suffixes = ".png",
	.help = "images: (H, W) or (H, W, C) of uint8 or uint16",
	.probe = png_probe,
	.reader = &png_reader,
	.writer = &png_writer,
};
