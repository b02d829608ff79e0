/* What a format is made of: only the files of formats/ include this. */
#ifndef TENSOR_IO_H
#define TENSOR_IO_H

#include "formats/format.h"

/*
 * Bytes being read: a file, a stream, or memory.  Shared by reference with the sources made from it.  Offsets count from
 * where the input starts: the first byte of a file; of a file on standard input, the byte that is next there when
 * file_open is called.  Errors name no file: file_open and source_read do that.
 */
struct input;

/*
 * Open a file by name.  input_stdin is the one input of standard input, ready for its next array.  input_memory takes a
 * block from buffer_alloc over, also when it fails; input_borrow leaves the bytes to the caller, who keeps them.
 */
int input_open(struct input **out, const char *path, struct error *err);
int input_stdin(struct input **out, struct error *err);
int input_memory(struct input **out, void *data, size_t n, const char *name, struct error *err);
int input_borrow(struct input **out, const void *data, size_t n, const char *name, struct error *err);
struct input *input_ref(struct input *in);
void input_unref(struct input *in); /* NULL is fine */

/* Its name for messages ("a.npy", "standard input"); its size in bytes, -1 for a stream. */
const char *input_name(const struct input *in);
int64_t input_size(const struct input *in);

/* Is only the next array of it asked for, what follows being the next operand's?  So it is with standard input. */
bool input_shared(const struct input *in);

/* The next n bytes without consuming them, or fewer at the end; *got says how many.  n <= 64 KiB.  NULL on a read error. */
const unsigned char *input_peek(struct input *in, size_t n, size_t *got, struct error *err);

/* Consume exactly n bytes; ERR_FILE "ends after X bytes, N wanted" when there are fewer. */
int input_read(struct input *in, void *buf, size_t n, struct error *err);

/* Consume n bytes, or what is left where that is less; *got says how many. */
int input_read_some(struct input *in, void *buf, size_t n, size_t *got, struct error *err);

/* Consume everything that is left into one block (malloc, with a NUL added past the end), for text formats. */
int input_read_all(struct input *in, char **data, size_t *n, struct error *err);

/* Files and memory only: exactly n bytes at offset, position unchanged; any thread. */
int input_pread(struct input *in, void *buf, size_t n, int64_t offset, struct error *err);

/* Files and memory only: the next byte to consume is the one at offset; the next reader of standard input starts there. */
int input_advance(struct input *in, int64_t offset, struct error *err);

/*
 * The same bytes, from the current position on, as an input that can be read in any order: another reference where it
 * is a file, else everything that is left, kept in memory or, when large, in a nameless file in $TMPDIR.
 */
int input_spool(struct input **out, struct input *in, struct error *err);

/*
 * A source of the nbytes bytes that start at the current position (stream) or at offset (file, memory).  Of a stream,
 * nothing else may be read until the source was read to its end, or closed.
 */
struct source *input_source(struct input *in, int64_t offset, int64_t nbytes, struct error *err);

/* A source of the next nbytes bytes of a stream, which has to end with them. */
struct source *input_source_last(struct input *in, int64_t nbytes, struct error *err);

/* Is src made by input_source from a file?  Then *start is the offset of its first byte in that file. */
bool source_in_file(const struct source *src, int64_t *start);

/* The path that such a file was opened by; valid as long as src. */
const char *source_path(const struct source *src);

/* file_open for an input that is open already; takes it over, also when it fails. */
int file_open_input(struct file **out, struct input *in, const struct format_options *opt, struct error *err);

/* The input and the options that f was opened with; valid as long as f. */
struct input *file_input(const struct file *f);
const struct format_options *file_options(const struct file *f);

/* Strings of a struct member and of f->warning are malloc'ed; file_add_member returns the new one, zeroed, or NULL. */
struct member *file_add_member(struct file *f, const char *name, struct error *err);

/* ERR_FILE where two members have the same name. */
int file_check_names(const struct file *f, struct error *err);

struct format_reader {
	/* Read the headers: fill f->members, f->archive, f->warning, f->state.  f->path is set. */
	int (*open)(struct file *f, struct input *in, const struct format_options *opt, struct error *err);
	int (*array)(struct file *f, int i, struct array *out, struct error *err);
	void (*close)(struct file *f); /* release f->state, also when half made */
	/* Are the elements in the file as they are, so that they can be shared and changed in place? */
	bool patchable;
	/* As array, but for file_share: NULL where array will do. */
	int (*share)(struct file *f, int i, struct array *out, struct error *err);
};

struct format_writer {
	bool random; /* elements may come in any order, by output_pwrite */
	/* As writer_arrange; NULL: arrays come as they are. */
	int (*arrange)(struct writer *w, int n, const struct planned *arrays, int *order, struct error *err);
	int (*begin)(struct writer *w, const char *name, struct error *err);
	int (*write)(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err);
	int (*end)(struct writer *w, struct error *err);
	int (*finish)(struct writer *w, struct error *err); /* after the last array; NULL: nothing to do */
	void (*release)(struct writer *w);		    /* w->state; NULL: free(w->state) */
};

struct writer {
	const struct format *format;
	struct format_options opt;
	char *name; /* for messages */
	int fd;
	bool seekable;
	int64_t position; /* bytes written so far by output_write */
	int narrays;	  /* complete ones */
	bool arranged;
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
	bool splices;	      /* a pipe takes pages of fresh without a copy */
	unsigned char *fresh; /* bytes [0, given) of it may be in the pipe */
	size_t given;
	int slot;	 /* in the table for writer_cleanup, or -1 */
	int64_t written; /* elements of the array being written, where they must ascend */
	bool finished;
	char tag[NPY_TAG];
};

/* Append n bytes, buffered. */
int output_write(struct writer *w, const void *buf, size_t n, struct error *err);
/* Append n zeros. */
int output_zeros(struct writer *w, int64_t n, struct error *err);
/* The next n bytes come by output_pwrite: what output_write appends goes behind them.  Seekable output only. */
int output_skip(struct writer *w, int64_t n, struct error *err);
/* n bytes at offset from the start of the output; any thread; seekable output only. */
int output_pwrite(struct writer *w, const void *buf, size_t n, int64_t offset, struct error *err);
int output_flush(struct writer *w, struct error *err);

/* Is it UTF-8, by the strict rules (no surrogates, no overlong forms)? */
bool utf8_valid(const unsigned char *s, size_t n);

/* Copy n bytes with the order within each unit of 1, 2, 4 or 8 bytes reversed; to may be from. */
void copy_swapped(void *to, const void *from, size_t n, size_t unit);

#endif
