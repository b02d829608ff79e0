/* What a format is made of: only the files of formats/ include this. */
#ifndef TENSOR_IO_H
#define TENSOR_IO_H

#include <stdio.h>

#include "formats/format.h"

/* Bytes being read: a file, a stream, or memory.  Shared by reference with the sources made from it. */
struct input;

/* Its name for messages ("a.npy", "standard input"); its size in bytes, -1 for a stream. */
const char *input_name(const struct input *in);
int64_t input_size(const struct input *in);

/* The next n bytes without consuming them, or fewer at the end; *got says how many.  n <= 64 KiB.  NULL on a read error. */
const unsigned char *input_peek(struct input *in, size_t n, size_t *got, struct error *err);

/* Consume exactly n bytes; ERR_FILE "ends after X bytes, N wanted" when there are fewer. */
int input_read(struct input *in, void *buf, size_t n, struct error *err);

/* Consume everything that is left into one block (malloc, with a NUL added past the end), for text formats. */
int input_read_all(struct input *in, char **data, size_t *n, struct error *err);

/* Files only: exactly n bytes at offset, position unchanged. */
int input_pread(struct input *in, void *buf, size_t n, int64_t offset, struct error *err);

/* A source of the nbytes bytes that start at the current position (stream) or at offset (file). */
struct source *input_source(struct input *in, int64_t offset, int64_t nbytes, struct error *err);

/* Strings of a struct member and of f->warning are malloc'ed; file_add_member returns the new one, zeroed, or NULL. */
struct member *file_add_member(struct file *f, const char *name, struct error *err);

struct format_reader {
	/* Read the headers: fill f->members, f->archive, f->warning, f->state.  f->path is set. */
	int (*open)(struct file *f, struct input *in, const struct format_options *opt, struct error *err);
	int (*array)(struct file *f, int i, struct array *out, struct error *err);
	void (*close)(struct file *f); /* release f->state, also when half made */
	/* Are the elements in the file as they are, so that they can be changed in place? */
	bool patchable;
};

struct format_writer {
	bool random; /* elements may come in any order, by output_pwrite */
	int (*begin)(struct writer *w, const char *name, struct error *err);
	int (*write)(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err);
	int (*end)(struct writer *w, struct error *err);
	int (*finish)(struct writer *w, struct error *err); /* after the last array; NULL: nothing to do */
	void (*release)(struct writer *w);		     /* w->state; NULL: free(w->state) */
};

struct writer {
	const struct format *format;
	struct format_options opt;
	char *name; /* for messages */
	int fd;
	bool seekable;
	int64_t position; /* bytes written so far by output_write */
	int narrays;	  /* complete ones */
	/* the array being written */
	enum dtype dtype;
	struct shape shape;
	int64_t size; /* elements */
	bool fortran;
	void *state; /* the format's own */
	/* of writer.c */
	char *target, *temporary;
	unsigned char *buffer;
	size_t buffered;
	struct writer *next;
};

/* Append n bytes, buffered. */
int output_write(struct writer *w, const void *buf, size_t n, struct error *err);
/* n bytes at offset from the start of the output; any thread; seekable output only. */
int output_pwrite(struct writer *w, const void *buf, size_t n, int64_t offset, struct error *err);
int output_flush(struct writer *w, struct error *err);

#endif
