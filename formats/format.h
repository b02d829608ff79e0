/*
 * Files and streams of arrays.  One struct for each format; readers give a description of the array (struct array)
 * whose bytes the engine pulls when it computes, writers take blocks of native elements in C order.
 */
#ifndef TENSOR_FORMAT_H
#define TENSOR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/array.h"
#include "lib/error.h"

/* What a file says about itself, strings by name, in the order of the file.  All zero is empty. */
struct metadata {
	int n;
	struct {
		char *key, *value; /* owned */
	} * item;
};

const char *metadata_get(const struct metadata *m, const char *key); /* NULL: there is none */
int metadata_add(struct metadata *m, const char *key, const char *value, struct error *err);
void metadata_release(struct metadata *m);

/* Add what a JSON object of strings has, from its text or parsed.  ERR_FILE, also for a key that is there twice. */
struct json;
int metadata_parse(struct metadata *m, const char *text, struct error *err);
int metadata_from_json(struct metadata *m, const struct json *object, struct error *err);

/* As a JSON object. */
struct text;
void metadata_text(const struct metadata *m, struct text *t);

/* How to read or write what does not describe itself; zero: nothing given. */
struct format_options {
	const struct format *format; /* --from/--to; NULL: by content, then by suffix */
	bool has_dtype;
	enum dtype dtype; /* --dtype of raw data, text and json */
	bool has_shape;
	struct shape shape;  /* --shape of raw data; one dimension may be -1 */
	bool fortran;	     /* --order F */
	bool big_endian;     /* --byteorder big */
	int64_t offset;	     /* --offset, bytes */
	int64_t pitch;	     /* --pitch, bytes from row to row; 0: packed */
	int64_t slice_pitch; /* --slice-pitch, bytes from 2-D slice to 2-D slice; 0: rows * pitch */
	bool tf32;	     /* raw data are float32 whose lower 13 bits do not count (dtype is float32) */
	bool has_as;
	enum dtype as;	/* --as: reinterpret elements of the same size (V2 as bfloat16) */
	bool bytes;	/* safetensors: elements of types that are not supported are read as bytes, uint8 */
	char delimiter; /* text; 0: by content (comma, tab, semicolon, white space) */
	int skip_rows;	/* text: lines to skip at the start */
	int compress;	/* npz: 0 stored, 1..9 the deflate level */
	bool append;	/* npz: the members that the target has stay in it, in front of the new ones */
	/* safetensors: what the file says about itself, or NULL; valid until the writer is released */
	const struct metadata *metadata;
};

enum { NPY_TAG = 96 };

/* What a header says of one array. */
struct member {
	char *name;	/* key in an archive, "0" "1" ... in a file of several arrays; owned */
	bool supported; /* false: an element type this program cannot compute with */
	bool bytes;	/* it is one, and its bytes are the elements, as options.bytes or --as wanted */
	char *descr;	/* the type as the file spells it: "<f4", "<U5", "structured"; owned */
	char *place;	/* a view: "a.npy, offset 128, strides (32, 8)", for people; owned; else NULL */
	enum dtype dtype;
	bool fortran, big_endian;
	struct shape shape;
	int64_t nbytes;	   /* of the elements */
	char tag[NPY_TAG]; /* npy: the comment "# tensor: ..." in its header, without the '#', or "" */
};

/* An open file or stream. */
struct file {
	const struct format *format;
	char *path;   /* for messages: "a.npy", "standard input" */
	bool archive; /* members have names: npz */
	int nmembers;
	struct member *members;
	struct metadata metadata;
	char *warning; /* one line about the content, or NULL: "12 bytes after the array are ignored" */
	void *state;   /* the format's own */
};

/*
 * Open path ("-": standard input) and read its headers, not its data.  On a stream (pipe, FIFO, socket) of npy arrays
 * the next one is described, and file_open may be called again for the one after it, once its data were read.
 * ERR_FILE names the path.  Release with file_close; arrays got from it stay valid.
 */
int file_open(struct file **out, const char *path, const struct format_options *opt, struct error *err);
void file_close(struct file *f);

/*
 * Index of the member called key, or -1 with ERR_FILE: an unknown key is reported with the names there are (some
 * of them); a NULL key is member 0 of a file and of an archive with one member, else an error with the names.
 */
int file_find(const struct file *f, const char *key, struct error *err);

/* Describe member i for reading; *out gets its own reference to the bytes. */
int file_array(struct file *f, int i, struct array *out, struct error *err);

/*
 * Describe member i where its elements lie in a file, to be shared and not copied: as file_array, but out->src is that
 * file.  ERR_FILE says why there are no such bytes (compressed, text, a stream).
 */
int file_share(struct file *f, int i, struct array *out, struct error *err);

/*
 * Is there another array on standard input?  Reads ahead at most one byte.  1 yes, 0 no (end of stream), -1 error.
 * The data of the previous array must have been read.
 */
int file_stdin_more(struct error *err);

/* Where results go.  Created beside the target, renamed by writer_commit; removed by writer_abort. */
struct writer;

/*
 * path NULL: standard output.  The format is opt->format, or by path's suffix, or npy.
 * archive: several named members will come (npz).  An unknown suffix is ERR_USAGE with the list of suffixes.
 */
int writer_open(struct writer **out, const char *path, const struct format_options *opt, struct error *err);

const struct format *writer_format(const struct writer *w);

/*
 * Tell of the n arrays that will come, before the first of them: a format may put what it says of all in front.  order[k] is the
 * index of the one to be written k-th.  Where this is left out, one array comes.
 */
struct planned {
	const char *name;
	enum dtype dtype;
	const struct shape *shape;
};
int writer_arrange(struct writer *w, int n, const struct planned *arrays, int *order, struct error *err);

/*
 * Begin the next array.  name: its key in an archive, else ignored.  fortran: the elements will come in Fortran order
 * and the header says so (npy only).  A format that holds one array refuses the second.
 */
int writer_begin(struct writer *w, const char *name, enum dtype dtype, const struct shape *shape, bool fortran,
		 struct error *err);

/*
 * May blocks come in any order from several threads (true), or must they ascend (false)?  Valid after writer_begin.
 */
bool writer_random(const struct writer *w);

/* n elements from element start on, native byte order, contiguous. */
int writer_write(struct writer *w, const void *elements, int64_t start, int64_t n, struct error *err);

/* The array is complete. */
int writer_end(struct writer *w, struct error *err);

/* A comment for the headers of the arrays to come, where the format has a place for one (npy). */
void writer_tag(struct writer *w, const char *tag);

/* Write everything but the name: what remains for writer_commit is to rename. */
int writer_finish(struct writer *w, struct error *err);

/* Of a finished writer: the size and identity of its file.  False for a pipe. */
struct file_facts {
	int64_t size, mtime_ns, dev, ino;
};
bool writer_facts(const struct writer *w, struct file_facts *facts);

/* Flush, close, rename; releases w in any case.  On failure the target is untouched. */
int writer_commit(struct writer *w, struct error *err);
void writer_abort(struct writer *w);

/*
 * In place: write into the elements that a describes, a view of an array got from file_share, in the file itself.  ERR_VALUE
 * where two elements share a byte, ERR_FILE where the file cannot be written or is no longer the one that was read.  Of a
 * member of a zip archive the checksum is compared before and renewed by patch_close.
 */
struct patch;
int patch_open(struct patch **out, const struct array *a, struct error *err);
/* n native elements from C-order index start of the view on. */
int patch_write(struct patch *p, const void *elements, int64_t start, int64_t n, struct error *err);
int patch_close(struct patch *p, struct error *err);

/*
 * Write a view, a file that describes where n arrays lie, to path: one without a name (names NULL), or named ones.  The arrays
 * are views of what file_share gave.
 */
int view_write(const char *path, int n, const char *const *names, const struct array *const *arrays, struct error *err);

/* Remove temporary files: for signal handlers, async-signal-safe. */
void writer_cleanup(void);

/* A format: one row here, one file beside this one. */
struct format {
	const char *name;     /* "npy" */
	const char *suffixes; /* ".npy", several separated by blanks */
	const char *help;     /* one line */
	bool archive;	      /* can hold several named arrays */
	bool bare;	      /* an archive, but also one array by itself, which has no name then */
	bool several;	      /* several arrays can follow each other in one file or stream */
	/* Do the first n bytes look like this format?  NULL: only its suffix tells. */
	bool (*probe)(const unsigned char *head, size_t n);
	const struct format_reader *reader; /* NULL: write only */
	const struct format_writer *writer; /* NULL: read only */
	const char *unwritable;		    /* what to do instead, for the message, or NULL */
};

/* All formats, ended by NULL. */
extern const struct format *const formats[];
const struct format *format_find(const char *name);	/* by name, or NULL */
const struct format *format_for_path(const char *path); /* by suffix, or NULL */

#endif
