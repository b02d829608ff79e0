/* Arrays that are images: see image.h. */
#include "formats/image.h"

#include <stdlib.h>
#include <string.h>

static const bool host_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

int image_of(struct image *im, const struct writer *w, const char *format, const char *shapes, int channels,
	     struct error *err)
{
	const struct shape *s = &w->shape;
	char text[SHAPE_TEXT];

	shape_text(s, text, sizeof(text));
	if (w->dtype != DT_BOOL && w->dtype != DT_U8 && w->dtype != DT_U16)
		return error_set(err, ERR_VALUE, "%s: a %s holds uint8 or uint16, the array is %s: %s '--dtype uint8'",
				 w->name, format, dtype_name(w->dtype),
				 dtype_is_int(w->dtype) ? "if its values are 0 to 255, add"
							: "scale it to 0..255 first ('tensor op mul'), then add");
	im->channels = s->ndim == 3 ? (int)(s->dim[2] < 100 ? s->dim[2] : 100) : 1;
	if (s->ndim < 2 || s->ndim > 3 || im->channels < 1 || im->channels > channels)
		return error_set(err, ERR_VALUE, "%s: a %s has the shape %s, the array has %s", w->name, format, shapes,
				 text);
	im->height = s->dim[0];
	im->width = s->dim[1];
	im->bytes = w->dtype == DT_U16 ? 2 : 1;
	if (!im->height || !im->width || im->height > INT32_MAX || im->width > INT32_MAX)
		return error_set(err, ERR_VALUE, "%s: a %s has 1 to 2147483647 rows and columns, the array has %s",
				 w->name, format, text);
	return 0;
}

void image_samples(void *to, const void *from, size_t n, enum dtype dtype)
{
	const unsigned char *f = from;
	unsigned char *t = to;

	if (dtype == DT_U16)
		copy_swapped(to, from, 2 * n, host_big_endian ? 1 : 2);
	else if (dtype == DT_BOOL)
		for (size_t i = 0; i < n; i++)
			t[i] = f[i] ? 255 : 0;
	else
		memcpy(to, from, n);
}

int image_member(struct file *f, int64_t height, int64_t width, int channels, int bytes, struct error *err)
{
	struct member *m = file_add_member(f, "0", err);

	if (!m)
		return -1;
	m->supported = true;
	m->dtype = bytes == 2 ? DT_U16 : DT_U8;
	m->big_endian = bytes == 2;
	m->shape = (struct shape){ channels == 1 ? 2 : 3, { height, width, channels } };
	m->nbytes = height * width * channels * bytes;
	return (m->descr = strdup(dtype_name(m->dtype))) ? 0 : error_memory(err, 32);
}
