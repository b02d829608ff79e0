/* What the formats of images have in common: which arrays are images. */
#ifndef TENSOR_IMAGE_H
#define TENSOR_IMAGE_H

#include "formats/io.h"

/* An image that is written: samples of 8 or 16 bits, channel after channel, row after row. */
struct image {
	int64_t height, width;
	int channels;
	int bytes; /* of a sample */
};

/*
 * The image that w's array is: (H, W) or (H, W, C) with C up to channels, of bool, uint8 or uint16.  ERR_VALUE says what to
 * do with others.  format: for the message, "png".
 */
int image_of(struct image *im, const struct writer *w, const char *format, const char *shapes, int channels,
	     struct error *err);

/* Samples of an array as they are in a file: bool as 0 and 255, 16 bits in big-endian order. */
void image_samples(void *to, const void *from, size_t n, enum dtype dtype);

/* The array that f holds, its only member. */
int image_member(struct file *f, int64_t height, int64_t width, int channels, int bytes, struct error *err);

#endif
