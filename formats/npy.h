/* The header of an npy array, for npy.c and for the archives that hold such arrays. */
#ifndef TENSOR_NPY_H
#define TENSOR_NPY_H

#include "formats/format.h"
#include "lib/text.h"

struct npy_header {
	int64_t header_bytes; /* from the magic to the first element */
	int64_t itemsize;     /* bytes; -1: not known (structured types, objects) */
	char *descr;	      /* owned */
	bool supported;
	enum dtype dtype;
	bool fortran, big_endian;
	struct shape shape;
	int64_t nbytes; /* of the elements; -1: not known */
	char tag[NPY_TAG];
};

/* Read the next n bytes or fail. */
typedef int npy_read_fn(void *from, void *buf, size_t n, struct error *err);

enum { NPY_MAGIC = 6 };
bool npy_probe(const unsigned char *head, size_t n);

/*
 * Read a header.  available: bytes there are from the magic on, -1 if that is not known; nothing is allocated that
 * would not fit into them.  opt->as makes elements of unknown meaning and that size known ones.  Whether the data
 * are there is the caller's to check.  Release with npy_header_release, also after a failure.
 */
int npy_header_read(struct npy_header *h, npy_read_fn *read, void *from, int64_t available,
		    const struct format_options *opt, struct error *err);
void npy_header_release(struct npy_header *h);

/* Move what h says into m. */
void npy_header_member(struct npy_header *h, struct member *m);

/* ERR_FILE: why the type that m->descr names cannot be read. */
int npy_unsupported(const struct member *m, struct error *err);

/* ERR_FILE: have bytes of data where h needs more. */
int npy_truncated(const struct npy_header *h, int64_t have, struct error *err);

/* Describe a supported member whose elements start at offset in out->src. */
void npy_describe(const struct member *m, int64_t offset, struct array *out);

/*
 * The bytes in front of the elements, exactly as numpy.save writes them.  tag: a comment behind the dict, which NumPy skips, "" for
 * none.
 */
void npy_header_text(struct text *t, enum dtype dtype, const struct shape *shape, bool fortran, const char *tag);

#endif
