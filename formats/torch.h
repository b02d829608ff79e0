/* What the files of formats/ that read and write PyTorch's .pt share. */
#ifndef TENSOR_TORCH_H
#define TENSOR_TORCH_H

#include "formats/io.h"
#include "formats/pickle.h"
#include "formats/zip.h"

/* The globals that weights have, for pickle_read. */
extern const struct pickle_global torch_globals[];

/* An element type of PyTorch. */
struct torch_dtype {
	const char *name;    /* "float32" */
	const char *storage; /* "FloatStorage"; NULL: its elements are in an untyped storage */
	uint8_t itemsize;    /* bytes */
	bool supported;	     /* the program has it: */
	enum dtype dtype;
};

extern const struct torch_dtype torch_dtypes[];
extern const int torch_ndtypes;

/* Where the elements of a tensor are in its storage. */
struct torch_storage {
	const char *key; /* its name, NUL-terminated nowhere */
	size_t nkey;
	const struct torch_dtype *dtype;
	int64_t nbytes;
	int64_t view, view_nbytes; /* the part of it that counts, bytes */
};

struct torch_tensor {
	const struct torch_dtype *dtype;
	const char *unresolved; /* not NULL: what must still be done to its elements, "conjugated" */
	struct torch_storage storage;
	struct shape shape;
	int64_t strides[MAX_NDIM]; /* bytes */
	int64_t low, nbytes;	   /* bytes of the storage from the first element to the last */
};

/*
 * What a value of a pickle is, if that is a tensor or a parameter: 1, filled in and inside of its storage as the pickle describes
 * it; 0, it is something else; -1, ERR_FILE.
 */
int torch_tensor_read(struct torch_tensor *t, const struct pickle *p, struct pickle_value v, struct error *err);

/* The same for a persistent value: never 0. */
int torch_storage_read(struct torch_storage *s, const struct pickle *p, struct pickle_value v, struct error *err);

/*
 * Add the tensors below the pickle's root to f, named by the keys on the way, joined by '.'; *values, malloc'ed, is one for each
 * member.  limit: bytes of the file; names and numbers of members that it cannot have are refused.
 */
int torch_members(struct file *f, struct pickle_value **values, const struct pickle *p, int64_t limit,
		  struct error *err);

/* Is an archive one of torch.save?  path: its name, which decides where the content does not. */
bool torch_archive(const struct zip *z, const char *path);

/* Read such an archive: f->format becomes pt's; takes z over, also when it fails. */
int torch_open_archive(struct file *f, struct zip *z, struct error *err);

extern const struct format_writer torch_writer;

#endif
