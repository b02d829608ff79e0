/*
 * pnm: images of netpbm, P5 (grey) and P6 (red, green, blue), of 8 or 16 bits.  Their samples are bytes in the file, so that they
 * can be shared and changed in place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/image.h"

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

static bool is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool pnm_probe(const unsigned char *head, size_t n)
{
	return n >= 3 && head[0] == 'P' && (head[1] == '5' || head[1] == '6') && (is_space(head[2]) || head[2] == '#');
}

/* The next number of the header and the one byte behind it; comments run to the end of their line. */
static int read_number(struct input *in, int64_t *out, int64_t *at, struct error *err)
{
	bool comment = false, digits = false;
	unsigned char c;

	for (*out = 0;; digits = true, *out = *out * 10 + (c - '0')) {
		do {
			if (input_read(in, &c, 1, err))
				return -1;
			++*at;
			comment = !digits && (comment ? c != '\n' && c != '\r' : c == '#');
		} while (comment || (!digits && is_space(c)));
		if (c < '0' || c > '9')
			break;
		if (*out > INT32_MAX / 10 - 1)
			return error_set(err, ERR_FILE, "the header has a number that is too large");
	}
	if (!digits || !is_space(c))
		return error_set(err, ERR_FILE, "the header does not have a width, a height and a maximum");
	return 0;
}

static int pnm_open(struct file *f, struct input *in, const struct format_options *opt, struct error *err)
{
	int64_t width, height, maximum, at = 2, size = input_size(in), need;
	unsigned char magic[2];
	int channels, bytes;

	(void)opt;
	if (input_read(in, magic, 2, err))
		return -1;
	if (magic[0] != 'P' || (magic[1] != '5' && magic[1] != '6'))
		return error_set(err, ERR_FILE, "is no binary pgm or ppm (P5, P6)");
	channels = magic[1] == '6' ? 3 : 1;
	if (read_number(in, &width, &at, err) || read_number(in, &height, &at, err) ||
	    read_number(in, &maximum, &at, err))
		return -1;
	if (!width || !height || !maximum || maximum > UINT16_MAX)
		return error_set(err, ERR_FILE, "%" PRId64 " x %" PRId64 " samples up to %" PRId64 " are no image",
				 width, height, maximum);
	bytes = maximum > 255 ? 2 : 1;
	if (__builtin_mul_overflow(width * height, channels * bytes, &need))
		return error_set(err, ERR_FILE, "the size of %" PRId64 " x %" PRId64 " samples does not fit in 64 bits",
				 width, height);
	if (size >= 0 && size - at < need)
		return error_set(err, ERR_FILE,
				 "holds %" PRId64 " bytes of samples, %" PRId64 " x %" PRId64 " needs %" PRId64,
				 size - at, width, height, need);
	if (size - at > need) {
		char text[80];

		snprintf(text, sizeof(text), "%" PRId64 " bytes after the image are ignored", size - at - need);
		if (!(f->warning = strdup(text)))
			return error_memory(err, sizeof(text));
	}
	if (!(f->state = input_source(in, at, need, err)) || (size >= 0 && input_advance(in, at + need, err)))
		return -1;
	return image_member(f, height, width, channels, bytes, err);
}

static int pnm_array(struct file *f, int i, struct array *out, struct error *err)
{
	const struct member *m = &f->members[i];

	(void)err;
	out->dtype = m->dtype;
	out->swap = m->big_endian && !host_big_endian;
	out->shape = m->shape;
	shape_strides(&m->shape, dtype_size(m->dtype), false, out->strides);
	out->offset = 0;
	out->src = source_ref(f->state);
	return 0;
}

static void pnm_close(struct file *f)
{
	source_unref(f->state);
}

static int pnm_begin(struct writer *w, const char *name, struct error *err)
{
	struct image im;
	char header[64];

	(void)name;
	if (image_of(&im, w, "pnm", "(H, W) or (H, W, 3)", 3, err))
		return -1;
	if (im.channels == 2)
		return error_set(err, ERR_VALUE, "%s: a pnm has 1 or 3 channels, the array has 2", w->name);
	int n = snprintf(header, sizeof(header), "P%d\n%" PRId64 " %" PRId64 "\n%d\n", im.channels == 3 ? 6 : 5,
			 im.width, im.height, im.bytes == 2 ? 65535 : 255);
	return output_write(w, header, (size_t)n, err);
}

static int pnm_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err)
{
	size_t itemsize = dtype_size(w->dtype);
	const char *from = elements;
	unsigned char block[4096];

	(void)start;
	for (size_t left = (size_t)n; left;) {
		size_t k = left < sizeof(block) / 2 ? left : sizeof(block) / 2;

		image_samples(block, from, k, w->dtype);
		if (output_write(w, block, k * itemsize, err))
			return -1;
		from += k * itemsize;
		left -= k;
	}
	return 0;
}

static int pnm_end(struct writer *w, struct error *err)
{
	(void)w;
	(void)err;
	return 0;
}

static const struct format_reader pnm_reader = { pnm_open, pnm_array, pnm_close, .patchable = true };

static const struct format_writer pnm_writer = { .begin = pnm_begin, .write = pnm_write, .end = pnm_end };

extern const struct format format_pnm;
const struct format format_pnm = {
	.name = "pnm",
	.suffixes = ".pgm .ppm .pnm",
	.help = "images: (H, W) or (H, W, 3) of uint8 or uint16",
	.probe = pnm_probe,
	.reader = &pnm_reader,
	.writer = &pnm_writer,
};
